//! Hashing while copying: the one loop through which stored bytes pass. Blocking.

use std::io::{self, Read, Write};

use sha2::{Digest, Sha256};

use crate::{BLOCK_BYTES, StoredObject};

/// Copies everything from `reader` to `writer` and says how much it was and what its hash is.
/// With [`io::sink`] as the writer it only looks.
pub(crate) fn copy_and_hash(
    reader: &mut impl Read,
    writer: &mut impl Write,
) -> io::Result<StoredObject> {
    let mut block = vec![0_u8; BLOCK_BYTES];
    let mut hash = Sha256::new();
    let mut size_bytes = 0_u64;
    loop {
        let length = match reader.read(&mut block) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let filled = block.get(..length).unwrap_or_default();
        hash.update(filled);
        writer.write_all(filled)?;
        size_bytes += length as u64;
    }
    let sha256 = format!("{:x}", hash.finalize());
    Ok(StoredObject { size_bytes, sha256 })
}

#[cfg(test)]
mod tests {
    use super::copy_and_hash;
    use std::io;

    #[test]
    fn the_hash_is_sha_256_in_lower_case_hex() {
        let object = copy_and_hash(&mut "abc".as_bytes(), &mut io::sink()).unwrap();
        assert_eq!(object.size_bytes, 3, "three bytes went in");
        assert_eq!(
            object.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            "the first test vector of FIPS 180-4"
        );
    }
}
