//! The language between the server and `homereel-worker`: messages and their framing.
//!
//! The worker says [`message::Event::Hello`] first. Then every [`message::Request`] carries a number, and every
//! event about it repeats that number; the last event of a request is the one
//! [`message::Event::is_last`] names. Media bytes never travel in the pipe: the worker reads one already
//! open file and writes into one already open folder. What does not belong here: libav, tokio.

pub mod clock;
pub mod copy;
pub mod frame;
pub mod hardware;
pub mod message;
pub mod pictures;
pub mod rates;
pub mod sandbox;
pub mod sidecar;

/// Raised whenever a message changes its meaning; both ends must agree exactly.
pub const VERSION: u32 = 5;

/// Descriptor on which the worker finds its input, open for reading.
pub const INPUT_DESCRIPTOR: i32 = 3;

/// Descriptor of the folder into which the worker writes.
pub const OUTPUT_DESCRIPTOR: i32 = 4;

/// From here on a worker finds, for each encoder in graphics hardware that it was promised, the
/// pipe for [`hardware::Order`]s and then the one for [`hardware::Answer`]s.
pub const FIRST_ENCODER_DESCRIPTOR: i32 = 5;

/// Environment variable without which the worker refuses to start, because a person who runs it
/// by hand would only see binary frames.
pub const GUARD_VARIABLE: &str = "HOMEREEL_WORKER";

/// Video times in messages are in ticks of 1/90000 s on the title's timeline.
pub const VIDEO_TIMESCALE: u32 = 90_000;

/// Audio times in messages are in samples at 48 kHz on the title's timeline.
pub const AUDIO_TIMESCALE: u32 = 48_000;

/// Samples in one AAC frame.
pub const AUDIO_FRAME_SAMPLES: i64 = 1024;
