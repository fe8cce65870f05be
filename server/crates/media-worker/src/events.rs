//! Where events go: one writer, shared by the threads that have something to say.

use media_proto::frame;
use media_proto::message::{Event, NumberedEvent};
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

/// A cloneable handle on the pipe to the server.
#[derive(Clone)]
pub struct EventSink {
    writer: Arc<Mutex<dyn Write + Send>>,
}

impl std::fmt::Debug for EventSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventSink").finish_non_exhaustive()
    }
}

impl EventSink {
    /// Sends events to `writer`.
    pub fn new(writer: impl Write + Send + 'static) -> Self {
        Self {
            writer: Arc::new(Mutex::new(writer)),
        }
    }

    /// Sends an event about request `number`. When the server is gone nobody can be told; the
    /// serve loop ends by itself when it finds its own pipe closed.
    pub fn send(&self, number: u32, event: Event) {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = frame::write(&mut *writer, &NumberedEvent { number, event });
    }
}
