//! Is all of a file here? Judged from its structure, without parsing media.
//!
//! What to do about an unfinished file, and for how long to wait, is decided in `desk`.

use std::io::{self, Read, Seek, SeekFrom};

use crate::iso_bmff::{self, BoxType, Cut, TopLevel};
use crate::kind::{HEAD_BYTES, Kind, kind_of};
use crate::words;

/// How much of the end is looked at for bytes that were reserved but not written yet.
const TAIL_BYTES: u64 = 64 << 10;

/// How complete a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Completeness {
    /// Nothing speaks against it.
    Complete,
    /// Bytes are missing beyond doubt; the sentence says which.
    Unfinished(String),
    /// It looks as if bytes were missing, but a finished file may look like that too.
    Doubtful(String),
    /// It is no media file and never will be; the phrase says what it is ("a text file").
    Foreign(&'static str),
}

/// Judges a file of `size_bytes`.
pub(crate) fn judge(file: &mut (impl Read + Seek), size_bytes: u64) -> io::Result<Completeness> {
    if size_bytes == 0 {
        return Ok(Completeness::Unfinished("This file is empty.".to_owned()));
    }
    let kind = kind_of(&read_head(file)?);
    if let Kind::Foreign(what) = kind {
        return Ok(Completeness::Foreign(what));
    }
    if kind == Kind::IsoBmff {
        let top_level = iso_bmff::walk(file, size_bytes)?;
        if let Some(sentence) = what_is_missing(top_level, size_bytes) {
            return Ok(Completeness::Unfinished(sentence));
        }
    }
    Ok(if ends_blank(file, size_bytes)? {
        Completeness::Doubtful("Its end is still blank. Is it still being copied?".to_owned())
    } else {
        Completeness::Complete
    })
}

/// How long a file says it will be, if it says so. For the percentage shown while it grows.
pub(crate) fn announced_bytes(
    file: &mut (impl Read + Seek),
    size_bytes: u64,
) -> io::Result<Option<u64>> {
    if kind_of(&read_head(file)?) != Kind::IsoBmff {
        return Ok(None);
    }
    let top_level = iso_bmff::walk(file, size_bytes)?;
    Ok(top_level.cut.map(|cut| cut.end_bytes))
}

/// What an ISO base media file lacks, in a sentence. A file that is damaged rather than cut off
/// lacks nothing that waiting would bring: the worker says what is wrong with it.
fn what_is_missing(found: TopLevel, size_bytes: u64) -> Option<String> {
    let playable = found.has_moov && found.has_mdat;
    if let Some(cut) = found.cut
        && !(playable && is_trailer(cut))
    {
        return Some(cut_sentence(size_bytes, cut.end_bytes));
    }
    if playable || found.is_damaged {
        return None;
    }
    Some(if found.has_moov {
        "It ends after its index: the pictures and the sound are missing. Copy it again?".to_owned()
    } else {
        "Its index (the moov box) is missing: the recording or the copy was never finished."
            .to_owned()
    })
}

fn cut_sentence(size_bytes: u64, needed_bytes: u64) -> String {
    let [here, needed] = [size_bytes, needed_bytes].map(words::size);
    if here == needed {
        let missing = words::size(needed_bytes - size_bytes);
        return format!("It ends in the middle: the last {missing} are missing. Copy it again?");
    }
    format!("It ends in the middle: {here} of {needed} are here. Copy it again?")
}

/// Players do without metadata and padding at the end, but not without samples or their index.
fn is_trailer(cut: Cut) -> bool {
    ![BoxType::MOOV, BoxType::MDAT, BoxType::MOOF].contains(&cut.box_type)
}

fn read_head(file: &mut (impl Read + Seek)) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(0))?;
    let mut head = Vec::with_capacity(HEAD_BYTES);
    file.take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// Samba and download tools reserve the whole length first: the size then says nothing, but the
/// end is zeros. So is the end of a recording of digital silence, hence only a doubt.
fn ends_blank(file: &mut (impl Read + Seek), size_bytes: u64) -> io::Result<bool> {
    file.seek(SeekFrom::Start(size_bytes.saturating_sub(TAIL_BYTES)))?;
    let mut tail = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut tail)?;
    Ok(tail.iter().all(|byte| *byte == 0))
}

#[cfg(test)]
mod tests {
    use super::{Completeness, announced_bytes, judge};
    use std::io::Cursor;

    fn check(what: &str, bytes: &[u8], expected: &Completeness) {
        let found = judge(&mut Cursor::new(bytes), bytes.len() as u64).unwrap();
        assert_eq!(&found, expected, "{what}");
    }

    fn unfinished(sentence: &str) -> Completeness {
        Completeness::Unfinished(sentence.to_owned())
    }

    fn a_box(name: &[u8; 4], payload: &[u8]) -> Vec<u8> {
        let size = u32::try_from(payload.len() + 8).unwrap();
        [&size.to_be_bytes()[..], name, payload].concat()
    }

    #[test]
    fn a_film_is_complete_when_its_index_and_its_samples_are_whole() {
        let [ftyp, moov, mdat] = [
            a_box(b"ftyp", b"isom\0\0\x02\0"),
            a_box(b"moov", &[1; 300]),
            a_box(b"mdat", &[2; 3_000]),
        ];
        let film = [&*ftyp, &moov, &mdat].concat();
        check("whole", &film, &Completeness::Complete);
        check(
            "cut in the samples",
            &film[..1_200],
            &unfinished("It ends in the middle: 1.2 kB of 3.3 kB are here. Copy it again?"),
        );
        check(
            "cut behind the index",
            &film[..ftyp.len() + moov.len()],
            &unfinished(
                "It ends after its index: the pictures and the sound are missing. Copy it again?",
            ),
        );
        let without_index = [&*ftyp, &mdat].concat();
        check(
            "cut before the index",
            &without_index,
            &unfinished(
                "Its index (the moov box) is missing: the recording or the copy was never finished.",
            ),
        );
        check(
            "cut at the very end",
            &film[..film.len() - 2],
            &unfinished("It ends in the middle: the last 2 bytes are missing. Copy it again?"),
        );
        let with_half_a_trailer = [&*film, &a_box(b"mfra", &[3; 60])[..40]].concat();
        check(
            "cut in the metadata",
            &with_half_a_trailer,
            &Completeness::Complete,
        );
        let with_half_a_fragment = [&*film, &a_box(b"moof", &[3; 60])[..40]].concat();
        check(
            "cut in a fragment",
            &with_half_a_fragment,
            &unfinished("It ends in the middle: 3.3 kB of 3.4 kB are here. Copy it again?"),
        );
        let damaged = [&*ftyp, &[0, 0, 0, 3][..], b"free\x01\x02"].concat();
        check(
            "damaged, which waiting does not mend",
            &damaged,
            &Completeness::Complete,
        );
    }

    #[test]
    fn reserved_space_is_doubted_and_nothing_is_said_to_be_empty() {
        check("no bytes", &[], &unfinished("This file is empty."));
        let blank =
            Completeness::Doubtful("Its end is still blank. Is it still being copied?".to_owned());
        check("only reserved", &[0; 100_000], &blank);
        let mut matroska = b"\x1a\x45\xdf\xa3".repeat(100_000);
        check("written to the end", &matroska, &Completeness::Complete);
        matroska.resize(matroska.len() + (64 << 10), 0);
        check("reserved at the end", &matroska, &blank);
    }

    #[test]
    fn what_is_no_film_is_named() {
        check(
            "text",
            b"shopping list",
            &Completeness::Foreign("a text file"),
        );
    }

    #[test]
    fn a_growing_film_announces_its_length() {
        let film = [a_box(b"ftyp", b"isom"), a_box(b"mdat", &[2; 3_000])].concat();
        let announced =
            |bytes: &[u8]| announced_bytes(&mut Cursor::new(bytes), bytes.len() as u64).unwrap();
        assert_eq!(announced(&film[..500]), Some(film.len() as u64));
        assert_eq!(announced(&film), None, "nothing more is announced");
        assert_eq!(
            announced(b"\x1a\x45\xdf\xa3"),
            None,
            "Matroska is not walked"
        );
    }
}
