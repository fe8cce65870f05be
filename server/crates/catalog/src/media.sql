-- Subtitles, thumbnails, posters to choose from and copied streams: schema version 2.

DROP VIEW title_cards;

-- Which of its pictures stands for a title, from 1; NULL: the one that was found best.
ALTER TABLE titles ADD COLUMN poster_choice INTEGER CHECK (poster_choice BETWEEN 1 AND 5);

-- As before, with the counts of what is no stream. Built anew, because a column behind the plan
-- would be read through all of it.
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
    summary, parts, plan)
SELECT
    title_serial, generation, version, video_streams, audio_streams, segment_count,
    summary, parts, plan
FROM plans;
DROP TABLE plans;
ALTER TABLE new_plans RENAME TO plans;

-- As before, with more that is no stream.
CREATE TABLE new_pieces (
    title_serial INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    -- Stream number as in URLs; -1 for posters, -2 for subtitles, -3 for thumbnails.
    stream INTEGER NOT NULL CHECK (stream >= -3),
    -- Segment number from 1, 0 for a stream's init segment. Posters: 0 for the best, from 1 for
    -- those to choose from. Subtitles: index in the plan, from 0. Thumbnails: sheet, from 1.
    number INTEGER NOT NULL CHECK (number >= 0),
    size_bytes INTEGER NOT NULL CHECK (size_bytes >= 0),
    -- SHA-256, as bytes: there are thousands of rows for a film.
    sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
    PRIMARY KEY (title_serial, generation, stream, number),
    FOREIGN KEY (title_serial, generation) REFERENCES titles (serial, generation)
) STRICT, WITHOUT ROWID;
INSERT INTO new_pieces SELECT * FROM pieces;
DROP TABLE pieces;
ALTER TABLE new_pieces RENAME TO pieces;

-- As before, with the kinds `copy` and `thumbs`.
CREATE TABLE new_units (
    title_serial INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('chunk', 'audio', 'poster', 'copy', 'thumbs')),
    -- Index of the chunk, of the span of sound, of the copied part or of the sheet of thumbnails in
    -- the plan, from 0; 0 for posters.
    number INTEGER NOT NULL CHECK (number >= 0),
    PRIMARY KEY (title_serial, generation, kind, number),
    FOREIGN KEY (title_serial, generation) REFERENCES titles (serial, generation)
) STRICT, WITHOUT ROWID;
INSERT INTO new_units SELECT * FROM units;
DROP TABLE units;
ALTER TABLE new_units RENAME TO units;

-- Plans from before this step are drawn anew, so what was finished waits its turn again.
UPDATE jobs
SET state = 'queued', attempts = 0, run_after_ms = 0, step = 'waiting', done_ticks = 0,
    started_at_ms = NULL, finished_at_ms = NULL
WHERE state = 'done' AND title_serial IN (SELECT serial FROM titles WHERE deleted_at_ms IS NULL);
UPDATE titles SET state = 'waiting'
WHERE state IN ('ready', 'playable') AND serial IN (
    SELECT title_serial FROM jobs WHERE state IN ('queued', 'paused'));
UPDATE titles SET state = 'processing'
WHERE state = 'playable' AND serial IN (SELECT title_serial FROM jobs WHERE state = 'running');

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
