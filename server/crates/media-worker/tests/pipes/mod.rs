//! A worker's serve loop over in-memory pipes, for the tests of the serve loop.

pub(crate) mod grid;

use media_proto::frame;
use media_proto::message::{NumberedEvent, NumberedRequest, Request};
use media_worker::hardware::remote::Remote;
use media_worker::serve::serve;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Seek, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// A writer whose bytes can be looked at afterwards.
#[derive(Clone, Default)]
struct Pipe(Arc<Mutex<Vec<u8>>>);

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Lets a fresh worker answer `requests` about `source` and returns its events.
pub(crate) fn ask(source: &File, folder: &Path, requests: &[Request]) -> Vec<NumberedEvent> {
    ask_with(Vec::new(), source, folder, requests)
}

/// The same for a worker with encoders in graphics hardware.
pub(crate) fn ask_with(
    encoders: Vec<Remote>,
    source: &File,
    folder: &Path,
    requests: &[Request],
) -> Vec<NumberedEvent> {
    let mut questions = Vec::new();
    for (number, request) in (1..).zip(requests) {
        let message = NumberedRequest {
            number,
            request: request.clone(),
        };
        frame::write(&mut questions, &message).unwrap();
    }
    let pipe = Pipe::default();
    let folder = File::open(folder).unwrap().into();
    serve(
        &mut questions.as_slice(),
        pipe.clone(),
        source.try_clone().unwrap(),
        folder,
        encoders,
    )
    .unwrap();
    let bytes = pipe.0.lock().unwrap().clone();
    let mut answers = bytes.as_slice();
    std::iter::from_fn(|| frame::read(&mut answers).unwrap()).collect()
}

/// A file that nobody else sees, with those bytes.
pub(crate) fn file_of(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    file
}

/// Every file in a folder by its name.
pub(crate) fn files_in(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap());
    entries
        .map(|entry| {
            (
                entry.file_name().into_string().unwrap(),
                std::fs::read(entry.path()).unwrap(),
            )
        })
        .collect()
}
