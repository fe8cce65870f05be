//! Files of subtitles that lie beside a film: `Film.srt`, `Film.de.srt`, `Film.en.forced.srt`.
//! Where several films of a folder begin alike, such a file belongs to the one whose name says most
//! of its own: `Film.2.en.srt` to `Film.2.mkv` and not to `Film.mkv`.
//!
//! Only their names are read here; what is in them is read by a worker. What does not belong here:
//! watching for files that come later; making a title anew finds them.

use media::sidecar::Format;
use model::extras::TextPlan;
use model::language;
use rustix::fs::{Mode, OFlags};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The most files that are taken beside one film: streaming services have about forty languages.
pub(crate) const MAX_FILES: usize = 64;
/// The longest file.
const MAX_BYTES: u64 = 10_000_000;
/// What names of films end with. Others do not count as films here: `Film.en.idx` or `Film.en.nfo`
/// must not take `Film.en.srt` away from `Film.mkv`.
const FILM_EXTENSIONS: [&str; 24] = [
    "3g2", "3gp", "asf", "avi", "divx", "dv", "f4v", "flv", "m2ts", "m4v", "mk3d", "mkv", "mov",
    "mp4", "mpeg", "mpg", "mts", "mxf", "ogm", "ogv", "ts", "vob", "webm", "wmv",
];

/// What lies beside a film.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// In the order of their names.
    pub(crate) files: Vec<Beside>,
    /// How many more there are than are taken.
    pub(crate) left_out: usize,
}

/// A file beside a film.
#[derive(Debug)]
pub(crate) struct Beside {
    pub(crate) file: File,
    /// For sentences.
    pub(crate) name: String,
    pub(crate) format: Format,
    pub(crate) text: TextPlan,
}

/// The subtitles beside the film at `film`. Blocks.
///
/// # Errors
/// As the file system has it. A single file that cannot be opened is passed over.
pub(crate) fn find(film: &Path) -> io::Result<Found> {
    let (Some(folder), Some(stem)) = (film.parent(), film.file_stem()) else {
        return Ok(Found::default());
    };
    let entries = std::fs::read_dir(folder)?;
    let mut names = entries
        .map(|entry| Ok(entry?.file_name()))
        .collect::<io::Result<Vec<OsString>>>()?;
    names.sort();
    let films: Vec<&OsStr> = names.iter().filter_map(|name| film_stem(name)).collect();
    let mut said: Vec<(&OsString, Format, TextPlan)> = names
        .iter()
        .filter(|name| !belongs_to_another(&films, stem, name))
        .filter_map(|name| read_name(stem, name).map(|(format, text)| (name, format, text)))
        .collect();
    let left_out = said.len().saturating_sub(MAX_FILES);
    said.truncate(MAX_FILES);
    let opened = said.into_iter().filter_map(|(name, format, text)| {
        let path = folder.join(name);
        let file = open(&path).inspect_err(|error| {
            tracing::warn!(path = %path.display(), %error, "Subtitles cannot be opened.");
        });
        Some(Beside {
            file: file.ok()?,
            name: name.to_string_lossy().into_owned(),
            format,
            text,
        })
    });
    Ok(Found {
        files: opened.collect(),
        left_out,
    })
}

/// The stem of a name that is a film's.
fn film_stem(name: &OsStr) -> Option<&OsStr> {
    let path = Path::new(name);
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    FILM_EXTENSIONS
        .contains(&extension.as_str())
        .then(|| path.file_stem())?
}

/// One of `films` has more of `name` in its own than the film called `stem`.
fn belongs_to_another(films: &[&OsStr], stem: &OsStr, name: &OsStr) -> bool {
    films
        .iter()
        .any(|film| film.len() > stem.len() && read_name(film, name).is_some())
}

/// Through no link, and never waiting for a pipe.
fn open(path: &Path) -> io::Result<File> {
    let flags =
        OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() > MAX_BYTES {
        let message = "it is not a regular file of 10 MB at most";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    Ok(file)
}

/// What the name of a file says, if it belongs to a film called `stem`.
fn read_name(stem: &OsStr, name: &OsStr) -> Option<(Format, TextPlan)> {
    let rest = name.as_bytes().strip_prefix(stem.as_bytes())?;
    let rest = std::str::from_utf8(rest).ok()?.strip_prefix('.')?;
    let (words, extension) = rest.rsplit_once('.').unwrap_or(("", rest));
    let format = match extension.to_ascii_lowercase().as_str() {
        "srt" => Format::SubRip,
        "ass" | "ssa" => Format::Ass,
        "vtt" => Format::WebVtt,
        _ => return None,
    };
    Some((format, read_words(words)))
}

/// `de`, `pt-BR.forced`, `English.sdh`, `Director`.
fn read_words(words: &str) -> TextPlan {
    let mut text = TextPlan {
        track: None,
        language: "und".into(),
        name: None,
        default: false,
        forced: false,
        hearing_impaired: false,
    };
    let mut others: Vec<&str> = Vec::new();
    for word in words.split(['.', '_', ' ']).filter(|word| !word.is_empty()) {
        let known = text.language != "und";
        match word.to_ascii_lowercase().as_str() {
            "forced" | "foreign" => text.forced = true,
            "default" => text.default = true,
            "sdh" | "cc" => text.hearing_impaired = true,
            // The same letters are Hindi.
            "hi" if known => text.hearing_impaired = true,
            _ => match language::spelled(word).filter(|_| !known) {
                Some(tag) => text.language = tag,
                None => others.push(word),
            },
        }
    }
    text.name = (!others.is_empty()).then(|| others.join(" "));
    text
}

#[cfg(test)]
mod tests {
    use super::{MAX_FILES, find, read_name};
    use media::sidecar::Format;
    use std::ffi::OsStr;
    use std::fs;
    use std::path::Path;

    /// An empty folder with files of these names.
    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(folder.path().join(name), name).unwrap();
        }
        folder
    }

    /// The names of what lies beside the film `film` in `folder`.
    fn beside(folder: &Path, film: &str) -> Vec<String> {
        let found = find(&folder.join(film)).unwrap();
        found.files.into_iter().map(|beside| beside.name).collect()
    }

    #[test]
    fn a_name_says_language_and_kind() {
        let cases = [
            ("Film.srt", Some(("und", "", None))),
            ("Film.de.srt", Some(("de", "", None))),
            ("Film.ger.SRT", Some(("de", "", None))),
            ("Film.German.srt", Some(("de", "", None))),
            ("Film.pt-BR.forced.srt", Some(("pt-BR", "forced", None))),
            ("Film.en.sdh.srt", Some(("en", "sdh", None))),
            ("Film.en.hi.srt", Some(("en", "sdh", None))),
            ("Film.hi.srt", Some(("hi", "", None))),
            ("Film.en.Director.srt", Some(("en", "", Some("Director")))),
            ("Film.en.default.srt", Some(("en", "default", None))),
            ("Film 2.srt", None),
            ("Filmsrt", None),
            ("Film.mp4", None),
            ("Other.srt", None),
        ];
        for (name, expected) in cases {
            let said = read_name(OsStr::new("Film"), OsStr::new(name));
            let Some((language, kind, own)) = expected else {
                assert!(said.is_none(), "{name} is not beside Film");
                continue;
            };
            let text = said.unwrap_or_else(|| panic!("{name} is beside Film")).1;
            assert_eq!(
                (text.language.as_str(), text.name.as_deref()),
                (language, own),
                "{name}"
            );
            let kinds = (text.forced, text.hearing_impaired, text.default);
            let wanted = (kind == "forced", kind == "sdh", kind == "default");
            assert_eq!(kinds, wanted, "{name}");
        }
    }

    #[test]
    fn files_beside_a_film_are_opened_through_no_link() {
        let folder = folder(&[
            "Film.mkv",
            "Film.de.srt",
            "Film.ass",
            "Film.nfo",
            "Filme.srt",
        ]);
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("Film.en.srt")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", at("Film.fr.srt")).unwrap();
        fs::write(at("Film.it.srt"), vec![0; 10_000_001]).unwrap();
        let found = find(&at("Film.mkv")).unwrap();
        let found: Vec<(&str, Format)> = found
            .files
            .iter()
            .map(|beside| (beside.name.as_str(), beside.format))
            .collect();
        let expected = [("Film.ass", Format::Ass), ("Film.de.srt", Format::SubRip)];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_film_has_its_own_subtitles_and_none_of_its_siblings() {
        let folder = folder(&[
            "show.mp4",
            "show.srt",
            "show.en.Director.srt",
            "show.2.MKV",
            "show.2.srt",
            "show.2.en.srt",
            "show.Directors.Cut.mp4",
            "show.Directors.Cut.srt",
            // Neither is a film, so what begins like it is the film's.
            "show.de.idx",
            "show.de.srt",
            "show.fr.nfo",
            "show.fr.srt",
            // Of a film that is not here.
            "show.3.srt",
        ]);
        let cases: [(&str, &[&str]); 3] = [
            (
                "show.mp4",
                &[
                    "show.3.srt",
                    "show.de.srt",
                    "show.en.Director.srt",
                    "show.fr.srt",
                    "show.srt",
                ],
            ),
            ("show.2.MKV", &["show.2.en.srt", "show.2.srt"]),
            ("show.Directors.Cut.mp4", &["show.Directors.Cut.srt"]),
        ];
        for (film, expected) in cases {
            assert_eq!(beside(folder.path(), film), expected, "beside {film}");
        }
    }

    #[test]
    fn the_same_film_twice_has_its_subtitles_twice() {
        let folder = folder(&["show.mp4", "show.mkv", "show.en.srt"]);
        for film in ["show.mp4", "show.mkv"] {
            assert_eq!(
                beside(folder.path(), film),
                ["show.en.srt"],
                "beside {film}"
            );
        }
    }

    #[test]
    fn more_subtitles_than_are_taken_are_counted() {
        let names: Vec<String> = (0..MAX_FILES + 3)
            .map(|number| format!("Film.{number:03}.srt"))
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let folder = folder(&names);
        let found = find(&folder.path().join("Film.mkv")).unwrap();
        assert_eq!((found.files.len(), found.left_out), (MAX_FILES, 3));
        assert_eq!(found.files[0].name, "Film.000.srt");
    }
}
