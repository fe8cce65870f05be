//! A worker's end of the pipes to an encoder in graphics hardware. Whatever goes wrong there is
//! told within a deadline, so that software can take over.

use media_proto::frame;
use media_proto::hardware::{Answer, EncoderSpec, Order};
use media_proto::message::Cause;
use std::fmt::{self, Debug};
use std::io::{self, Read, Write};

use crate::av::encoder::H264Settings;
use crate::av::frame::Frame;
use crate::failure::Failure;
use crate::isobmff::h264::ParameterSets;

/// The longest packet that is believed.
const MAX_PACKET_BYTES: usize = 64 * 1024 * 1024;
/// Luma of black in limited range.
const BLACK: u8 = 16;

/// An encoder in another process.
pub struct Remote {
    orders: Box<dyn Write + Send>,
    answers: Box<dyn Read + Send>,
    /// The picture that is sent, kept for its room.
    planes: Vec<u8>,
}

/// An encoded picture, in Annex B.
#[derive(Debug)]
pub struct Coded {
    /// When it is shown.
    pub pts: i64,
    /// The access unit.
    pub data: Vec<u8>,
}

impl Remote {
    /// An encoder that takes orders from one pipe and answers by the other.
    pub fn new(orders: impl Write + Send + 'static, answers: impl Read + Send + 'static) -> Self {
        Self {
            orders: Box::new(orders),
            answers: Box::new(answers),
            planes: Vec::new(),
        }
    }

    /// Makes it ready for pictures of a chunk.
    pub fn open(&mut self, settings: &H264Settings) -> Result<(), Failure> {
        let order = Order::Open(EncoderSpec {
            width: settings.width,
            height: settings.height,
            timescale: settings.timescale,
            frame_rate: settings.frame_rate,
            peak_bps: settings.peak_bps,
            colour: settings.colour.numbers(),
        });
        self.order(&order, &[]).map(drop)
    }

    /// Encodes a picture; returns what is ready.
    pub fn encode(&mut self, frame: &Frame) -> Result<Vec<Coded>, Failure> {
        let mut planes = std::mem::take(&mut self.planes);
        planes.clear();
        for plane in 0..3 {
            frame
                .rows(plane)
                .for_each(|row| planes.extend_from_slice(row));
        }
        let order = Order::Picture {
            pts: frame.pts().unwrap_or_default(),
            keyframe: frame.is_forced_keyframe(),
        };
        let ready = self.order(&order, &planes);
        self.planes = planes;
        ready
    }

    /// No more pictures come; returns the rest.
    pub fn close(&mut self) -> Result<Vec<Coded>, Failure> {
        self.order(&Order::Close, &[])
    }

    /// How it describes its pictures: seen by encoding one.
    pub fn parameter_sets(&mut self, settings: &H264Settings) -> Result<ParameterSets, Failure> {
        self.open(settings)?;
        let frame = Frame::grey(settings.width, settings.height, BLACK);
        let mut frame = frame.map_err(|error| Failure::internal("making a frame", error))?;
        frame.set_pts(0);
        frame.force_keyframe(true);
        let mut coded = self.encode(&frame)?;
        coded.append(&mut self.close()?);
        let sets = coded
            .first()
            .and_then(|first| ParameterSets::from_annex_b(&first.data));
        sets.ok_or_else(|| failure("its pictures come without parameter sets"))
    }

    fn order(&mut self, order: &Order, planes: &[u8]) -> Result<Vec<Coded>, Failure> {
        match self.exchange(order, planes) {
            Ok(Ok(coded)) => Ok(coded),
            Ok(Err(reason)) => Err(failure(&reason)),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                Err(failure("it does not answer"))
            }
            Err(error) => Err(failure(&format!("its process has ended ({error})"))),
        }
    }

    fn exchange(&mut self, order: &Order, planes: &[u8]) -> io::Result<Result<Vec<Coded>, String>> {
        self.orders.write_all(&frame::encode(order)?)?;
        self.orders.write_all(planes)?;
        self.orders.flush()?;
        let answer = frame::read(&mut self.answers)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let heads = match answer {
            Answer::Packets(heads) => heads,
            Answer::Failed { reason } => return Ok(Err(reason)),
        };
        let mut coded = Vec::with_capacity(heads.len().min(64));
        for head in heads {
            let size = usize::try_from(head.size_bytes).unwrap_or(usize::MAX);
            if size > MAX_PACKET_BYTES {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let mut data = vec![0; size];
            self.answers.read_exact(&mut data)?;
            coded.push(Coded {
                pts: head.pts,
                data,
            });
        }
        Ok(Ok(coded))
    }
}

/// A failure that is not the film's.
pub fn failure(reason: &str) -> Failure {
    let message = format!("The encoder in the graphics hardware failed: {reason}.");
    Failure::new(Cause::Internal, message)
}

impl Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").finish_non_exhaustive()
    }
}
