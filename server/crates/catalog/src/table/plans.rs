//! Statements on `plans`.

use rusqlite::{Connection, OptionalExtension, named_params};

use crate::failure::Outcome;

/// What the statements of other tables need to know of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outline {
    pub(crate) video_streams: u32,
    pub(crate) copied_streams: u32,
    pub(crate) audio_streams: u32,
    pub(crate) segment_count: u32,
    /// Of the copied stream, if it stands apart.
    pub(crate) apart_segments: Option<u32>,
    pub(crate) text_tracks: u32,
    pub(crate) thumb_sheets: u32,
}

impl Outline {
    pub(crate) fn stream_count(self) -> u32 {
        self.video_streams + self.audio_streams
    }

    /// How many segments stream number `stream` has; a copy is the last of the pictures.
    pub(crate) fn segment_count_of(self, stream: u32) -> u32 {
        match self.apart_segments {
            Some(segments) if stream + 1 == self.video_streams => segments,
            _ => self.segment_count,
        }
    }

    /// How many segments there are in all.
    pub(crate) fn segments(self) -> u64 {
        let counts = (0..self.stream_count()).map(|stream| self.segment_count_of(stream));
        counts.map(u64::from).sum()
    }
}

/// A plan as its row has it.
#[derive(Debug)]
pub(crate) struct PlanRow {
    pub(crate) title_serial: i64,
    pub(crate) generation: u32,
    pub(crate) version: u32,
    pub(crate) json: String,
}

/// What cards and filmstrips show of a plan, in JSON.
#[derive(Debug)]
pub(crate) struct Excerpt {
    pub(crate) summary: String,
    pub(crate) parts: String,
}

const OUTLINE: &str = "
    SELECT video_streams, copied_streams, audio_streams, segment_count, apart_segments, text_tracks,
        thumb_sheets
    FROM plans
    WHERE title_serial = :title_serial";

const OF_TITLES: &str = "
    SELECT title_serial, generation, version, plan FROM plans
    WHERE title_serial IN (SELECT value FROM json_each(:title_serials))";

const INSERT: &str = "
    INSERT INTO plans (
        title_serial, generation, version, video_streams, copied_streams, audio_streams,
        segment_count, apart_segments, text_tracks, thumb_sheets, summary, parts, plan)
    VALUES (
        :title_serial, :generation, :version, :video_streams, :copied_streams, :audio_streams,
        :segment_count, :apart_segments, :text_tracks, :thumb_sheets, :summary, :parts, :plan)";

const DELETE: &str = "DELETE FROM plans WHERE title_serial = :title_serial";

pub(crate) fn outline(connection: &Connection, title_serial: i64) -> Outcome<Option<Outline>> {
    let mut statement = connection.prepare_cached(OUTLINE)?;
    let parameters = named_params! {":title_serial": title_serial};
    let outline = statement.query_row(parameters, |row| {
        Ok(Outline {
            video_streams: row.get("video_streams")?,
            copied_streams: row.get("copied_streams")?,
            audio_streams: row.get("audio_streams")?,
            segment_count: row.get("segment_count")?,
            apart_segments: row.get("apart_segments")?,
            text_tracks: row.get("text_tracks")?,
            thumb_sheets: row.get("thumb_sheets")?,
        })
    });
    Ok(outline.optional()?)
}

/// `title_serials` is an array in JSON.
pub(crate) fn of_titles(connection: &Connection, title_serials: &str) -> Outcome<Vec<PlanRow>> {
    let mut statement = connection.prepare_cached(OF_TITLES)?;
    let parameters = named_params! {":title_serials": title_serials};
    let rows = statement.query_map(parameters, |row| {
        Ok(PlanRow {
            title_serial: row.get("title_serial")?,
            generation: row.get("generation")?,
            version: row.get("version")?,
            json: row.get("plan")?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(crate) fn insert(
    connection: &Connection,
    plan: &PlanRow,
    outline: Outline,
    excerpt: &Excerpt,
) -> Outcome<()> {
    connection.prepare_cached(INSERT)?.execute(named_params! {
        ":title_serial": plan.title_serial,
        ":generation": plan.generation,
        ":version": plan.version,
        ":video_streams": outline.video_streams,
        ":copied_streams": outline.copied_streams,
        ":audio_streams": outline.audio_streams,
        ":segment_count": outline.segment_count,
        ":apart_segments": outline.apart_segments,
        ":text_tracks": outline.text_tracks,
        ":thumb_sheets": outline.thumb_sheets,
        ":summary": excerpt.summary,
        ":parts": excerpt.parts,
        ":plan": plan.json,
    })?;
    Ok(())
}

pub(crate) fn delete(connection: &Connection, title_serial: i64) -> Outcome<()> {
    connection
        .prepare_cached(DELETE)?
        .execute(named_params! {":title_serial": title_serial})?;
    Ok(())
}
