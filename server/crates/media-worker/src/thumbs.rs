//! Sheets of thumbnails for the seek bar: small pictures at even distances, row by row in one JPEG.
//!
//! A keyframe nearby is as good as the exact picture and much cheaper: of a film with the usual
//! ones, a picture in three hundred is decoded. Where keyframes are far apart, decoding goes on
//! through what lies between. What does not belong here: single large pictures (`poster`).

use media_proto::message::{Cause, EntryPoint, VideoSpec};
use media_proto::pictures::SheetSpec;

use crate::av::frame::Frame;
use crate::failure::Failure;
use crate::output::{Output, thumbs_name};
use crate::picture::source::{Picture, PictureSource};
use crate::source_file::SourceFile;
use crate::still::{jpeg, upright};

/// Of 31: coarser than a poster, since nobody looks for long.
const QUANTISER: u32 = 6;
/// Luma and two times chroma.
const BLACK: [u8; 3] = [0, 128, 128];

/// Writes one sheet; returns its length.
pub fn make(
    video: &VideoSpec,
    sheet: &SheetSpec,
    file: &SourceFile,
    output: &Output,
) -> Result<u64, Failure> {
    let bytes = jpeg(&draw(video, sheet, file)?, QUANTISER)?;
    let name = thumbs_name(sheet.number);
    output
        .write(&name, &bytes)
        .map_err(|error| Failure::writing(&name, &error))
}

fn draw(video: &VideoSpec, sheet: &SheetSpec, file: &SourceFile) -> Result<Frame, Failure> {
    let mut source = PictureSource::open(file, video)?;
    let size = (sheet.tile_width, sheet.tile_height);
    let mut canvas = Frame::jpeg_plain(
        size.0.saturating_mul(sheet.columns),
        size.1.saturating_mul(sheet.rows),
        BLACK,
    )
    .map_err(|error| Failure::internal("allocating a sheet of thumbnails", error))?;
    let mut tile = None;
    for (place, time) in places(sheet).zip(&sheet.times) {
        // Where nothing can be decoded, the picture before stands for it too.
        if let Some(picture) = picture_near(&mut source, file, sheet, *time)? {
            tile = Some(upright(picture.frame, source.stream(), size)?);
        }
        if let Some(tile) = &tile {
            canvas.paint(tile, place.0, place.1);
        }
    }
    match tile {
        Some(_) => Ok(canvas),
        None => Err(Failure::new(
            Cause::Damaged,
            "No picture could be decoded for the thumbnails.",
        )),
    }
}

/// The upper left corners of the pictures, row by row.
fn places(sheet: &SheetSpec) -> impl Iterator<Item = (u32, u32)> {
    let (width, height) = (sheet.tile_width, sheet.tile_height);
    let (columns, rows) = (sheet.columns, sheet.rows);
    let row = move |row| (0..columns).map(move |column| (column * width, row * height));
    (0..rows).flat_map(row)
}

fn picture_near(
    source: &mut PictureSource,
    file: &SourceFile,
    sheet: &SheetSpec,
    time: i64,
) -> Result<Option<Picture>, Failure> {
    // A keyframe of the same ten seconds will do; one of the next would be shown twice.
    let begin = time.saturating_sub(sheet.every / 2);
    let stretch = begin..begin.saturating_add(sheet.every);
    let nearby = sheet.entries.iter();
    let nearby = nearby.filter(|entry| stretch.contains(&source.shown(entry)));
    let nearest = nearby.min_by_key(|entry| source.shown(entry).abs_diff(time));
    if let Some(entry) = nearest
        && let Some(picture) = source.keyframe(file, entry)?
    {
        return Ok(Some(picture));
    }
    let before = |entry: &&EntryPoint| source.shown(entry) <= time;
    let entry = sheet.entries.iter().rfind(before);
    source.shown_at(file, time, entry)
}
