//! What lies in the spool: `<id>.json` asks, `<id>.answer.json` answers.
//!
//! ```json
//! {"path": "/films/a.mp4"}
//! {"title": "01k…"}   or   {"error": "a.mp4 is a text file, not a video."}
//! ```
//!
//! Files appear under their names only when they are complete. Whoever asks removes the answer
//! after reading it. Everything here blocks, for a moment.

use model::error::{Context, Error, ErrorKind, Result, kind_of_io};
use model::id::{Id, TitleId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::durable::replace;

/// Requests and answers are no longer than this.
const MAX_BYTES: u64 = 64 << 10;
/// What Linux allows a path.
const MAX_PATH_BYTES: usize = 4096;

/// Marks an identifier as naming a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OfRequest {}

/// Names a request, and its answer.
pub type RequestId = Id<OfRequest>;

/// Asks for a file to be taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The file, as an absolute path. JSON cannot hold a path that is not UTF-8.
    pub path: PathBuf,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Answer {
    /// The file is in the library.
    Taken {
        /// As this title.
        title: TitleId,
    },
    /// It is not.
    Refused {
        /// Why, in a sentence for whoever asked.
        error: String,
    },
}

/// Asks the server whose spool is `spool`. The answer is fetched with [`fetch_answer`].
///
/// # Errors
/// `InvalidInput` if the path cannot be asked for, else as the file system has it: `NotFound`
/// means that there is no spool, so no server ever ran on this data folder.
pub fn ask(spool: &Path, request: &Request) -> Result<RequestId> {
    check(request)?;
    let id = RequestId::generate();
    write(spool, &request_name(id), request)?;
    Ok(id)
}

/// The answer, once there is one; it is then gone from the spool.
///
/// # Errors
/// As the file system has it, or `Corrupt` if the answer cannot be read.
pub fn fetch_answer(spool: &Path, id: RequestId) -> Result<Option<Answer>> {
    let path = spool.join(answer_name(id));
    let answer = match read(&path) {
        Ok(answer) => answer,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    // The server may be about to remove the request, or may never come to it.
    withdraw(spool, id)?;
    Ok(Some(answer))
}

/// Takes a request back, for whoever gives up waiting. What is under way goes on.
///
/// # Errors
/// As the file system has it.
pub fn withdraw(spool: &Path, id: RequestId) -> Result<()> {
    remove(&spool.join(request_name(id)))?;
    remove(&spool.join(answer_name(id)))
}

/// Reads a request.
pub(crate) fn read_request(spool: &Path, id: RequestId) -> Result<Request> {
    let request = read(&spool.join(request_name(id)))?;
    check(&request)?;
    Ok(request)
}

/// Answers a request, which is then gone. Done twice, it is the same.
pub(crate) fn write_answer(spool: &Path, id: RequestId, answer: &Answer) -> Result<()> {
    write(spool, &answer_name(id), answer)?;
    remove(&spool.join(request_name(id)))
}

/// Forgets an answer that nobody fetched.
pub(crate) fn drop_answer(spool: &Path, id: RequestId) -> Result<()> {
    remove(&spool.join(answer_name(id)))
}

/// The request that a file of this name is.
pub(crate) fn request_named(name: &OsStr) -> Option<RequestId> {
    name.to_str()?.strip_suffix(".json")?.parse().ok()
}

/// The request that a file of this name answers.
pub(crate) fn answer_named(name: &OsStr) -> Option<RequestId> {
    name.to_str()?.strip_suffix(".answer.json")?.parse().ok()
}

fn request_name(id: RequestId) -> String {
    format!("{id}.json")
}

fn answer_name(id: RequestId) -> String {
    format!("{id}.answer.json")
}

fn check(request: &Request) -> Result<()> {
    let path = &request.path;
    if path.is_absolute() && path.as_os_str().len() <= MAX_PATH_BYTES {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::InvalidInput,
        "The path must be absolute and at most 4096 bytes long.",
    ))
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut text));
    read.map_err(|error| failed("reading", path, error))?;
    serde_json::from_slice(&text).with_context(ErrorKind::Corrupt, || {
        format!("{} is not what belongs into the spool", path.display())
    })
}

fn write(spool: &Path, name: &str, content: &impl Serialize) -> Result<()> {
    let text = serde_json::to_vec(content).context(
        ErrorKind::InvalidInput,
        "The path cannot be written as JSON",
    )?;
    let path = spool.join(name);
    replace(&path, &text).map_err(|error| failed("writing", &path, error))
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(failed("removing", path, error))
        }
        _ => Ok(()),
    }
}

fn failed(what: &str, path: &Path, error: std::io::Error) -> Error {
    let message = format!("{what} {}", path.display());
    Error::caused_by(kind_of_io(&error), message, error)
}

#[cfg(test)]
mod tests {
    use super::{Answer, Request, RequestId, answer_named, ask, fetch_answer, read_request};
    use super::{request_named, withdraw, write_answer};
    use model::error::ErrorKind;
    use model::id::TitleId;
    use std::ffi::OsStr;
    use std::fs;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    fn request(path: impl AsRef<OsStr>) -> Request {
        Request {
            path: path.as_ref().into(),
        }
    }

    #[test]
    fn the_format_is_what_the_documentation_says() {
        let title = TitleId::generate();
        let refused = Answer::Refused {
            error: "why".into(),
        };
        for (answer, text) in [
            (Answer::Taken { title }, format!(r#"{{"title":"{title}"}}"#)),
            (refused, r#"{"error":"why"}"#.to_owned()),
        ] {
            assert_eq!(serde_json::to_string(&answer).unwrap(), text);
            assert_eq!(serde_json::from_str::<Answer>(&text).unwrap(), answer);
        }
        let text = serde_json::to_string(&request("/a.mp4")).unwrap();
        assert_eq!(text, r#"{"path":"/a.mp4"}"#);
    }

    #[test]
    fn a_request_is_answered_once_and_leaves_nothing_behind() {
        let spool = tempfile::tempdir().unwrap();
        let asked = request("/films/a.mp4");
        let id = ask(spool.path(), &asked).unwrap();
        assert_eq!(read_request(spool.path(), id).unwrap(), asked);
        assert_eq!(
            fetch_answer(spool.path(), id).unwrap(),
            None,
            "nobody answered yet"
        );
        let answer = Answer::Taken {
            title: TitleId::generate(),
        };
        for _ in 0..2 {
            write_answer(spool.path(), id, &answer).unwrap();
        }
        assert_eq!(fetch_answer(spool.path(), id).unwrap(), Some(answer));
        assert_eq!(
            fs::read_dir(spool.path()).unwrap().count(),
            0,
            "the spool is empty"
        );
        withdraw(spool.path(), id).unwrap();
    }

    #[test]
    fn only_paths_that_can_be_told_are_asked_for() {
        let spool = tempfile::tempdir().unwrap();
        let long = format!("/{}", "x/".repeat(4096));
        for path in [
            OsStr::new("a.mp4"),
            OsStr::new(&long),
            OsStr::from_bytes(b"/\xff.mp4"),
        ] {
            let error = ask(spool.path(), &request(path)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        }
        assert_eq!(
            fs::read_dir(spool.path()).unwrap().count(),
            0,
            "nothing is left half done"
        );
        let error = ask(Path::new("/no/such/spool"), &request("/a.mp4")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    }

    #[test]
    fn names_of_requests_and_answers_do_not_mix() {
        let id = RequestId::generate();
        let check = |name: String, request, answer| {
            assert_eq!(
                request_named(OsStr::new(&name)),
                request,
                "{name} as a request"
            );
            assert_eq!(
                answer_named(OsStr::new(&name)),
                answer,
                "{name} as an answer"
            );
        };
        check(format!("{id}.json"), Some(id), None);
        check(format!("{id}.answer.json"), None, Some(id));
        check(format!(".{id}.json"), None, None);
        check("../../etc/passwd.json".to_owned(), None, None);
    }
}
