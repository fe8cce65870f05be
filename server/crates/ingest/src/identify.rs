//! What a file contains, regardless of its name: size and BLAKE3 over samples of it.
//!
//! Sampling keeps a film of 50 GB as cheap as one of 50 MB. Two films of equal size that differ
//! only between the samples would pass for copies; compressed video does not do that, since one
//! changed picture shifts every byte behind it.

use model::title::Identity;
use std::io::{self, Read, Seek, SeekFrom};

/// Up to this length a file is hashed whole.
const WHOLE_BYTES: u64 = 1 << 20;
/// Longer files are sampled in this many places, the first and the last bytes among them.
const SAMPLES: u64 = 16;
/// Length of one sample.
const SAMPLE_BYTES: u64 = 64 << 10;

/// Identifies a file that is `size_bytes` long. Fails with `UnexpectedEof` if it has become
/// shorter.
pub(crate) fn identify(file: &mut (impl Read + Seek), size_bytes: u64) -> io::Result<Identity> {
    let mut hasher = blake3::Hasher::new();
    if size_bytes <= WHOLE_BYTES {
        absorb(&mut hasher, file, 0, size_bytes)?;
    } else {
        for sample in 0..SAMPLES {
            let offset_bytes = sample_offset(sample, size_bytes);
            absorb(&mut hasher, file, offset_bytes, SAMPLE_BYTES)?;
        }
    }
    hasher.update(&size_bytes.to_le_bytes());
    Ok(Identity {
        size_bytes,
        sample_hash: hasher.finalize().to_hex().to_string(),
    })
}

/// Where a sample begins: evenly spread, the last one ending with the file.
fn sample_offset(sample: u64, size_bytes: u64) -> u64 {
    let last = u128::from(size_bytes - SAMPLE_BYTES);
    let offset = last * u128::from(sample) / u128::from(SAMPLES - 1);
    u64::try_from(offset).unwrap_or(size_bytes - SAMPLE_BYTES)
}

/// Feeds `length_bytes` from `offset_bytes` on into the hash.
fn absorb(
    hasher: &mut blake3::Hasher,
    file: &mut (impl Read + Seek),
    offset_bytes: u64,
    length_bytes: u64,
) -> io::Result<()> {
    file.seek(SeekFrom::Start(offset_bytes))?;
    let read_bytes = io::copy(&mut file.by_ref().take(length_bytes), hasher)?;
    if read_bytes < length_bytes {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{SAMPLE_BYTES, WHOLE_BYTES, identify, sample_offset};
    use std::io::{Cursor, ErrorKind};

    fn hash(bytes: &[u8]) -> String {
        identify(&mut Cursor::new(bytes), bytes.len() as u64)
            .unwrap()
            .sample_hash
    }

    #[test]
    fn a_change_in_the_first_or_last_byte_is_another_film() {
        for length in [1, WHOLE_BYTES, WHOLE_BYTES + 1, 5_000_000] {
            let film = vec![7; usize::try_from(length).unwrap()];
            for index in [0, film.len() - 1] {
                let mut other = film.clone();
                other[index] ^= 1;
                assert_ne!(hash(&film), hash(&other), "byte {index} of {length} counts");
            }
            assert_eq!(hash(&film), hash(&film.clone()), "a copy is the same film");
        }
    }

    #[test]
    fn the_length_counts_even_where_the_samples_agree() {
        assert_ne!(hash(&[0; 3_000_000]), hash(&[0; 3_000_001]));
        assert_ne!(hash(&[]), hash(&[0]));
    }

    #[test]
    fn samples_lie_within_the_file_from_its_first_to_its_last_byte() {
        for size_bytes in [WHOLE_BYTES + 1, 50 << 30, u64::MAX] {
            assert_eq!(sample_offset(0, size_bytes), 0);
            assert_eq!(sample_offset(15, size_bytes), size_bytes - SAMPLE_BYTES);
        }
    }

    #[test]
    fn a_file_that_shrinks_meanwhile_is_noticed() {
        let error = identify(&mut Cursor::new([0; 10]), 11).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    }
}
