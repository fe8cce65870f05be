//! The file a title is made from, as it was when it was accepted: sent, never looked into.
//!
//! Invariant: nothing is opened through a link, and a file that is not the version that was
//! accepted is not sent. Whoever may write into a watched folder could else show us any file.

use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use model::title::{FileStamp, Source, Title};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;
use storage::file_range::FileRange;

use crate::disk::{self, Silent};
use crate::percent;
use crate::problem::Problem;
use crate::range::{Wanted, wanted};
use crate::validator;

/// Read and sent at once: few enough calls for a disk, little enough memory for many downloads.
const CHUNK_BYTES: u64 = 256 * 1024;
/// A browser that shows the file in spite of all gets nothing to run in it.
const POLICY: &str = "default-src 'none'; sandbox";
/// The owner may take rights away at any time.
const CACHE: &str = "private, no-cache";

/// How a client should treat the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Keep it, under its own name.
    Keep,
    /// Play it.
    Play,
}

/// Sends the original of `title`, or the part that is asked for.
///
/// # Errors
/// 404 if the file is gone or another one, 503 if it cannot be read for now.
pub(crate) async fn send(
    title: &Title,
    purpose: Purpose,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let file = open_in_time(title).await?;
    let stamp = title.source.stamp;
    let etag = etag(&stamp);
    let mut response = Response::new(Body::empty());
    describe(response.headers_mut(), &title.source, purpose, &etag);
    if validator::is_current(headers, &etag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(response);
    }
    let asked = match *method {
        Method::GET => wanted(headers, stamp.size_bytes, &etag),
        _ => Wanted::Whole,
    };
    let part = match asked {
        Wanted::Whole => 0..stamp.size_bytes,
        Wanted::Part(part) => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let range = format!("bytes {}-{}/{}", part.start, part.end - 1, stamp.size_bytes);
            insert(response.headers_mut(), header::CONTENT_RANGE, &range);
            part
        }
        Wanted::Nothing => {
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            let range = format!("bytes */{}", stamp.size_bytes);
            insert(response.headers_mut(), header::CONTENT_RANGE, &range);
            return Ok(response);
        }
    };
    let length = HeaderValue::from(part.end - part.start);
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, length);
    if method != Method::HEAD {
        let file = Arc::new(file);
        let blocks = FileRange { file, range: part }.into_blocks(CHUNK_BYTES);
        *response.body_mut() = Body::from_stream(blocks);
    }
    Ok(response)
}

fn describe(headers: &mut HeaderMap, source: &Source, purpose: Purpose, etag: &str) {
    let content_type = match purpose {
        Purpose::Keep => "application/octet-stream",
        Purpose::Play => content_type(&source.path),
    };
    for (name, value) in [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, CACHE),
        (header::ACCEPT_RANGES, "bytes"),
        (header::ETAG, etag),
    ] {
        insert(headers, name, value);
    }
    if purpose == Purpose::Keep {
        insert(
            headers,
            header::CONTENT_DISPOSITION,
            &attachment(&source.path),
        );
    }
}

/// What a player is told, by the name of the file: what lies in it is nothing we look into. None
/// of these is ever a page or a script.
fn content_type(path: &Path) -> &'static str {
    let extension = path.extension().and_then(|text| text.to_str());
    match extension.unwrap_or_default().to_ascii_lowercase().as_str() {
        "mp4" | "m4v" => "video/mp4",
        "mov" | "qt" => "video/quicktime",
        "mkv" => "video/x-matroska",
        "webm" => "video/webm",
        "avi" => "video/x-msvideo",
        "ts" | "m2ts" | "mts" => "video/mp2t",
        "mpg" | "mpeg" | "vob" => "video/mpeg",
        "ogv" => "video/ogg",
        "wmv" => "video/x-ms-wmv",
        "flv" => "video/x-flv",
        "3gp" => "video/3gpp",
        "mp3" => "audio/mpeg",
        "m4a" => "audio/mp4",
        "aac" => "audio/aac",
        "flac" => "audio/flac",
        "wav" => "audio/wav",
        "ogg" | "oga" | "opus" => "audio/ogg",
        _ => "application/octet-stream",
    }
}

/// What we write into headers is ASCII without control characters.
fn insert(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}

/// Both spellings of RFC 6266: one for old clients, and the real name as RFC 8187 has it.
fn attachment(path: &Path) -> String {
    let name = path
        .file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy();
    let plain: String = name
        .chars()
        .map(|letter| match letter {
            '"' | '\\' | '%' => '_',
            letter if letter.is_ascii_graphic() || letter == ' ' => letter,
            _ => '_',
        })
        .collect();
    let exact = percent::encoded(&name);
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}")
}

/// Strong: the stamp names one version of one file.
fn etag(stamp: &FileStamp) -> String {
    format!(
        "\"{:x}-{:x}-{:x}-{:x}\"",
        stamp.device, stamp.inode, stamp.size_bytes, stamp.modified_ns
    )
}

async fn open_in_time(title: &Title) -> Result<File, Problem> {
    let source = title.source.clone();
    match disk::ask(move || open(&source)).await {
        Ok(Ok(Some(file))) => Ok(file),
        Ok(Ok(None)) => Err(gone(title)),
        Ok(Err(error)) if is_absence(&error) => Err(gone(title)),
        Ok(Err(error)) => Err(unread(title, &error)),
        Err(Silent) => Err(Problem::not_yet(format!(
            "The disk with the file of “{}” does not answer.",
            title.name
        ))),
    }
}

fn gone(title: &Title) -> Problem {
    Problem::not_found(format!(
        "The file “{}” was made from is gone, or another one lies in its place. What was made \
         from it keeps playing.",
        title.name
    ))
}

fn unread(title: &Title, error: &std::io::Error) -> Problem {
    tracing::warn!(title = %title.id, %error, "an original could not be read");
    Problem::not_yet(format!(
        "The file of “{}” cannot be read at the moment.",
        title.name
    ))
}

/// A link in the way, too, means that what was accepted is not there any more.
fn is_absence(error: &std::io::Error) -> bool {
    let absent = [Errno::NOENT, Errno::NOTDIR, Errno::LOOP];
    Errno::from_io_error(error).is_some_and(|errno| absent.contains(&errno))
}

/// The file of `source`; `None` if it is not the version that was accepted. Does not wait for the
/// other end of a pipe.
fn open(source: &Source) -> std::io::Result<Option<File>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let file = match openat2(CWD, &source.path, flags, Mode::empty(), resolve) {
        // Linux before 5.6, or a container that forbids the call.
        Err(Errno::NOSYS | Errno::PERM) => rustix::fs::open(&source.path, flags, Mode::empty())?,
        opened => opened?,
    };
    let file = File::from(file);
    let metadata = file.metadata()?;
    let same = metadata.is_file() && stamp_of(&metadata) == source.stamp;
    Ok(same.then_some(file))
}

pub(crate) fn stamp_of(metadata: &Metadata) -> FileStamp {
    FileStamp {
        device: metadata.dev(),
        inode: metadata.ino(),
        size_bytes: metadata.len(),
        modified_ns: metadata
            .mtime()
            .saturating_mul(1_000_000_000)
            .saturating_add(metadata.mtime_nsec()),
    }
}

#[cfg(test)]
mod tests {
    use super::{attachment, content_type, open, stamp_of};
    use model::title::{Identity, Source};
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    fn source(path: &Path) -> Source {
        let metadata = fs::metadata(path).unwrap();
        Source {
            path: path.to_owned(),
            identity: Identity {
                size_bytes: metadata.len(),
                sample_hash: String::new(),
            },
            stamp: stamp_of(&metadata),
        }
    }

    #[test]
    fn a_name_is_written_for_old_and_new_clients() {
        for (path, expected) in [
            (
                "/a/film.mp4",
                "filename=\"film.mp4\"; filename*=UTF-8''film.mp4",
            ),
            (
                "/a/Bär \"x\"\r\n.mkv",
                "filename=\"B_r _x___.mkv\"; filename*=UTF-8''B%C3%A4r%20%22x%22%0D%0A.mkv",
            ),
        ] {
            assert_eq!(
                attachment(Path::new(path)),
                format!("attachment; {expected}")
            );
        }
    }

    #[test]
    fn a_player_is_told_what_it_plays() {
        for (path, expected) in [
            ("/a/film.mp4", "video/mp4"),
            ("/a/Film.MOV", "video/quicktime"),
            ("/a/song.flac", "audio/flac"),
            ("/a/film.html", "application/octet-stream"),
            ("/a/film", "application/octet-stream"),
        ] {
            assert_eq!(content_type(Path::new(path)), expected, "{path}");
        }
    }

    #[test]
    fn only_the_accepted_version_is_opened_and_never_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let path = root.join("film.mkv");
        fs::write(&path, "first").unwrap();
        let first = source(&path);
        assert!(open(&first).unwrap().is_some());
        fs::write(&path, "another").unwrap();
        assert!(open(&first).unwrap().is_none(), "it is another version");

        let real = root.join("real");
        fs::create_dir(&real).unwrap();
        fs::write(real.join("film.mkv"), "first").unwrap();
        symlink(&real, root.join("link")).unwrap();
        let through = source(&root.join("link/film.mkv"));
        assert!(open(&through).is_err(), "a folder on the way is a link");
        symlink(real.join("film.mkv"), root.join("film-link")).unwrap();
        assert!(open(&source(&root.join("film-link"))).is_err(), "a link");
    }
}
