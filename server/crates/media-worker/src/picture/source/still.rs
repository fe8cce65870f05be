//! Single pictures out of the cursor, for thumbnails.

use media_proto::message::EntryPoint;

use super::{Picture, PictureSource, State};
use crate::failure::Failure;
use crate::source_file::SourceFile;

impl PictureSource {
    /// When the packet that `entry` names is shown, in video ticks on the timeline.
    pub fn shown(&self, entry: &EntryPoint) -> i64 {
        self.cursor.timeline().ticks(entry.pts)
    }

    /// The picture of the very packet that `entry` names, without any other being decoded; `None`
    /// if it cannot be decoded alone.
    pub fn keyframe(
        &mut self,
        file: &SourceFile,
        entry: &EntryPoint,
    ) -> Result<Option<Picture>, Failure> {
        self.start_at_entry(file, entry)?;
        // A decoder that is told of the end gives out what it has.
        let _ = self.decoder.send(None);
        self.state = State::Draining;
        let frame = self.decode()?;
        self.restart();
        let picture = frame.map(|frame| Picture {
            pts: frame.pts().unwrap_or_default(),
            frame,
        });
        Ok(picture)
    }

    /// The picture that is shown at `time`; where the track has none there, the next one, and
    /// `None` behind its end. Decoding goes on from where it is, unless starting at `entry`, the
    /// last one before, or at the beginning of the file gets there sooner.
    pub fn shown_at(
        &mut self,
        file: &SourceFile,
        time: i64,
        entry: Option<&EntryPoint>,
    ) -> Result<Option<Picture>, Failure> {
        let sooner = |last: &i64| entry.is_none_or(|entry| self.shown(entry) <= *last);
        let is_on_its_way = self.last_pts.filter(|last| *last <= time);
        match entry {
            _ if is_on_its_way.as_ref().is_some_and(sooner) => {}
            Some(entry) => self.start_at_entry(file, entry)?,
            None => self.start_at_beginning(file)?,
        }
        let mut shown = None;
        while let Some(picture) = self.next_picture()? {
            if picture.pts > time && shown.is_some() {
                self.next = Some(picture);
                break;
            }
            let is_there = picture.pts >= time;
            shown = Some(picture);
            if is_there {
                break;
            }
        }
        Ok(shown)
    }
}
