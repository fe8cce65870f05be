//! What the system says of a failure, as the owner reads it.

use std::io;

/// Without the number that is added for programmers.
pub(crate) fn of_io(error: &io::Error) -> String {
    let text = error.to_string();
    let sentence = text.split(" (os error").next().unwrap_or_default();
    sentence.to_owned()
}
