//! What makes a rung's samples: x264, or an encoder in graphics hardware. Both take pictures and
//! give samples that stand under the same init segment. What does not belong here: segments.

use media_proto::message::Cause;
use std::collections::VecDeque;

use crate::av::encoder::{Encoder, H264Settings};
use crate::av::error::AvError;
use crate::av::frame::Frame;
use crate::av::packet::Packet;
use crate::failure::Failure;
use crate::hardware::remote::{Coded, Remote, failure};
use crate::isobmff::fragment::Sample;
use crate::isobmff::h264::{ParameterSets, is_idr, to_length_prefixed};

/// An encoder for one chunk.
#[derive(Debug)]
pub enum Maker {
    /// x264.
    Software(Software),
    /// In graphics hardware.
    Hardware(Hardware),
}

/// x264 at work.
#[derive(Debug)]
pub struct Software {
    encoder: Encoder,
    packet: Packet,
}

/// Graphics hardware at work.
#[derive(Debug)]
pub struct Hardware {
    remote: Remote,
    /// What its parameter sets must look like.
    sets: String,
    ready: VecDeque<Coded>,
}

impl Maker {
    /// x264, fresh, if it describes its pictures as planned: by these `sets`.
    pub fn software(settings: &H264Settings, sets: &str) -> Result<Self, Failure> {
        let encoder = Encoder::h264(settings)
            .map_err(|error| Failure::internal("opening the H.264 encoder", error))?;
        if !is_as_planned(encoder.extradata(), sets) {
            let message = "The encoder describes its pictures otherwise than planned.";
            return Err(Failure::new(Cause::Internal, message));
        }
        let packet = Packet::new();
        Ok(Self::Software(Software {
            encoder,
            packet: packet.map_err(|error| Failure::internal("allocating a packet", error))?,
        }))
    }

    /// An encoder in graphics hardware, which has to keep to these `sets`.
    pub fn hardware(
        mut remote: Remote,
        settings: &H264Settings,
        sets: &str,
    ) -> Result<Self, Failure> {
        remote.open(settings)?;
        Ok(Self::Hardware(Hardware {
            remote,
            sets: sets.to_owned(),
            ready: VecDeque::new(),
        }))
    }

    /// Whatever goes wrong is the hardware's.
    pub fn is_hardware(&self) -> bool {
        matches!(self, Self::Hardware(_))
    }

    /// The hardware, for the next chunk.
    pub fn into_remote(self) -> Option<Remote> {
        match self {
            Self::Software(_) => None,
            Self::Hardware(hardware) => Some(hardware.remote),
        }
    }

    /// Feeds a picture, or `None` to say that no more come.
    pub fn send(&mut self, frame: Option<&Frame>) -> Result<(), Failure> {
        match self {
            Self::Software(software) => software
                .encoder
                .send(frame)
                .map_err(|error| Failure::internal("encoding a frame", error)),
            Self::Hardware(hardware) => {
                let ready = match frame {
                    Some(frame) => hardware.remote.encode(frame),
                    None => hardware.remote.close(),
                };
                hardware.ready.extend(ready?);
                Ok(())
            }
        }
    }

    /// The next sample that is ready.
    pub fn receive(&mut self) -> Result<Option<Sample>, Failure> {
        match self {
            Self::Software(software) => software.receive(),
            Self::Hardware(hardware) => hardware.receive(),
        }
    }
}

impl Software {
    fn receive(&mut self) -> Result<Option<Sample>, Failure> {
        match self.encoder.receive(&mut self.packet) {
            Ok(()) => {}
            Err(AvError::AGAIN | AvError::END) => return Ok(None),
            Err(error) => return Err(Failure::internal("encoding", error)),
        }
        let sample = sample(self.packet.pts().unwrap_or_default(), self.packet.data());
        self.packet.clear();
        Ok(Some(sample))
    }
}

impl Hardware {
    fn receive(&mut self) -> Result<Option<Sample>, Failure> {
        let Some(coded) = self.ready.pop_front() else {
            return Ok(None);
        };
        let sample = sample(coded.pts, &coded.data);
        if sample.is_sync && !is_as_planned(&coded.data, &self.sets) {
            return Err(failure("it describes its pictures otherwise than planned"));
        }
        Ok(Some(sample))
    }
}

fn is_as_planned(annex_b: &[u8], sets: &str) -> bool {
    ParameterSets::from_annex_b(annex_b).is_some_and(|found| found.fingerprint() == sets)
}

fn sample(pts: i64, data: &[u8]) -> Sample {
    Sample {
        pts,
        is_sync: is_idr(data),
        data: to_length_prefixed(data),
    }
}
