//! The process in which an encoder in graphics hardware runs: orders in, packets out. It sees
//! decoded pictures and nothing else, so it need not be locked in as drivers would never be; and if
//! the driver takes it down, its worker goes on. A function of a reader and a writer.

use media_proto::frame;
use media_proto::hardware::{Answer, EncoderSpec, Order, PacketHead};
use std::io::{self, Read, Write};

use crate::av::encoder::H264Settings;
use crate::av::error::AvError;
use crate::av::frame::Frame;
use crate::av::hardware::{HardwareEncoder, Kind};
use crate::av::packet::Packet;
use crate::av::stream::Colour;

/// An open encoder.
struct Bench {
    encoder: HardwareEncoder,
    spec: EncoderSpec,
    packet: Packet,
}

/// What is ready, with its time.
type Packets = Vec<(i64, Vec<u8>)>;

/// Answers orders by the encoder that libav calls `name`, until `reader` ends. Fails only when a
/// pipe is broken, or the other end does not keep to the order of things.
pub fn serve(name: &str, reader: &mut dyn Read, writer: &mut dyn Write) -> io::Result<()> {
    let mut bench = None;
    while let Some(order) = frame::read(reader)? {
        let packets = match order {
            Order::Open(spec) => Bench::open(name, spec).map(|open| {
                bench = Some(open);
                Vec::new()
            }),
            Order::Picture { pts, keyframe } => {
                let bench = bench.as_mut().ok_or(io::ErrorKind::InvalidInput)?;
                let picture = bench.read(reader)?;
                bench.encode(picture, pts, keyframe)
            }
            Order::Close => {
                let mut bench = bench.take().ok_or(io::ErrorKind::InvalidInput)?;
                bench.finish()
            }
        };
        answer(writer, packets)?;
    }
    Ok(())
}

fn answer(writer: &mut dyn Write, packets: Result<Packets, String>) -> io::Result<()> {
    let packets = match packets {
        Ok(packets) => packets,
        Err(reason) => return frame::write(writer, &Answer::Failed { reason }),
    };
    let heads = packets.iter().map(|(pts, data)| {
        let size_bytes = u32::try_from(data.len()).map_err(io::Error::other)?;
        Ok(PacketHead {
            pts: *pts,
            size_bytes,
        })
    });
    let heads = heads.collect::<io::Result<_>>()?;
    writer.write_all(&frame::encode(&Answer::Packets(heads))?)?;
    for (_, data) in &packets {
        writer.write_all(data)?;
    }
    writer.flush()
}

impl Bench {
    fn open(name: &str, spec: EncoderSpec) -> Result<Self, String> {
        let kind = Kind::of(name).ok_or_else(|| format!("{name} is not known"))?;
        let encoder = HardwareEncoder::open(kind, &settings(spec))
            .map_err(|error| format!("{name} cannot be opened ({error})"))?;
        Ok(Self {
            encoder,
            spec,
            packet: Packet::new().map_err(said)?,
        })
    }

    /// The planes that follow an order.
    fn read(&self, reader: &mut dyn Read) -> io::Result<Frame> {
        let frame = Frame::grey(self.spec.width, self.spec.height, 0);
        let mut frame = frame.map_err(io::Error::other)?;
        for plane in 0..3 {
            for row in frame.rows_mut(plane) {
                reader.read_exact(row)?;
            }
        }
        Ok(frame)
    }

    fn encode(&mut self, mut picture: Frame, pts: i64, keyframe: bool) -> Result<Packets, String> {
        picture.set_pts(pts);
        picture.force_keyframe(keyframe);
        self.encoder.send(Some(&picture)).map_err(said)?;
        self.ready()
    }

    fn finish(&mut self) -> Result<Packets, String> {
        self.encoder.send(None).map_err(said)?;
        self.ready()
    }

    fn ready(&mut self) -> Result<Packets, String> {
        let mut packets = Vec::new();
        loop {
            match self.encoder.receive(&mut self.packet) {
                Ok(()) => {}
                Err(AvError::AGAIN | AvError::END) => return Ok(packets),
                Err(error) => return Err(said(error)),
            }
            let pts = self.packet.pts().ok_or("a packet has no time")?;
            packets.push((pts, self.packet.data().to_vec()));
            self.packet.clear();
        }
    }
}

fn said(error: AvError) -> String {
    error.to_string()
}

fn settings(spec: EncoderSpec) -> H264Settings {
    H264Settings {
        width: spec.width,
        height: spec.height,
        timescale: spec.timescale,
        frame_rate: spec.frame_rate,
        crf: 0,
        preset: "",
        peak_bps: spec.peak_bps,
        threads: 1,
        colour: Colour::of_numbers(spec.colour),
        sets_number: 0,
    }
}
