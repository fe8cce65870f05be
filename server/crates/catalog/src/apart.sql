-- Schema version 5: copied streams with segments of their own.

DROP VIEW title_cards;

-- As before, with one count more. Built anew, because a column behind the plan would be read through
-- all of it.
CREATE TABLE new_plans (
    title_serial INTEGER PRIMARY KEY,
    generation INTEGER NOT NULL,
    -- `model::plan::PLAN_VERSION` when it was drawn.
    version INTEGER NOT NULL,
    -- What the statements here need to know of it: how many video and audio streams (video
    -- first, as numbered in URLs), and how many segments each stream has.
    video_streams INTEGER NOT NULL CHECK (video_streams >= 0),
    audio_streams INTEGER NOT NULL CHECK (audio_streams >= 0),
    segment_count INTEGER NOT NULL CHECK (segment_count >= 1),
    -- How many of the video streams are copied from the source; they are the last ones.
    copied_streams INTEGER NOT NULL DEFAULT 0
        CHECK (copied_streams BETWEEN 0 AND video_streams),
    -- How many segments the copied stream has, if it is not cut as the others are.
    apart_segments INTEGER
        CHECK (apart_segments IS NULL OR (apart_segments >= 1 AND copied_streams = 1)),
    -- How many subtitles there are, and how many sheets of thumbnails.
    text_tracks INTEGER NOT NULL DEFAULT 0 CHECK (text_tracks >= 0),
    thumb_sheets INTEGER NOT NULL DEFAULT 0 CHECK (thumb_sheets >= 0),
    -- What a card shows: `model::plan::PlanSummary` as JSON.
    summary TEXT NOT NULL,
    -- What the filmstrip of an unfinished title shows: a list of `model::plan::Part` as JSON.
    parts TEXT NOT NULL,
    -- `model::plan::Plan` as JSON. The last column: hundreds of kilobytes for a long film, which
    -- statements that want the others must not read.
    plan TEXT NOT NULL,
    FOREIGN KEY (title_serial, generation) REFERENCES titles (serial, generation)
) STRICT;
INSERT INTO new_plans (
    title_serial, generation, version, video_streams, audio_streams, segment_count,
    copied_streams, text_tracks, thumb_sheets, summary, parts, plan)
SELECT
    title_serial, generation, version, video_streams, audio_streams, segment_count,
    copied_streams, text_tracks, thumb_sheets, summary, parts, plan
FROM plans;
DROP TABLE plans;
ALTER TABLE new_plans RENAME TO plans;

-- A title with what belongs on its card.
CREATE VIEW title_cards AS
SELECT
    titles.*,
    users.id AS owner_id,
    jobs.id AS job_id,
    plans.version AS plan_version,
    plans.summary AS plan_summary,
    CASE WHEN titles.state <> 'ready' THEN plans.parts END AS plan_parts,
    EXISTS (
        SELECT 1 FROM pieces
        WHERE pieces.title_serial = titles.serial
            AND pieces.generation = titles.generation
            AND pieces.stream = -1
            AND pieces.number = 0
    ) AS has_poster,
    -- Numbers with commas between them.
    (
        SELECT group_concat(pieces.number) FROM pieces
        WHERE pieces.title_serial = titles.serial
            AND pieces.generation = titles.generation
            AND pieces.stream = -1
            AND pieces.number >= 1
    ) AS poster_choices,
    (
        SELECT group_concat(pieces.number) FROM pieces
        WHERE pieces.title_serial = titles.serial
            AND pieces.generation = titles.generation
            AND pieces.stream = -3
    ) AS thumb_sheets
FROM titles
LEFT JOIN users ON users.serial = titles.owner_serial
LEFT JOIN jobs ON jobs.title_serial = titles.serial
LEFT JOIN plans ON plans.title_serial = titles.serial;
