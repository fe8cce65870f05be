-- The catalog of Homereel, schema version 1.
--
-- Times ending in _ms are milliseconds since 1970-01-01 UTC. Words such as states are those of
-- the crate `model`. `serial` columns are internal numbers that other tables refer to because
-- they are shorter than the ids people see; they never leave this file.
--
-- People and settings are in house.sql, which comes before it in the same step.
--
-- This file is frozen with the first release. Every later change is a step of its own.

-- Marks the file as ours ("HMRL"), so that a database of another program is not touched.
PRAGMA application_id = 1213026892;

-- A film, clip or piece of music, from the moment its file was accepted (or refused with a
-- reason that its owner should see).
CREATE TABLE titles (
    serial INTEGER PRIMARY KEY,
    -- ULID in lower case: its name in URLs and object keys.
    id TEXT NOT NULL UNIQUE,
    -- What people call it.
    name TEXT NOT NULL,
    -- A text about it.
    description TEXT,
    -- Who may watch it; `model::rights` says what that means.
    visibility TEXT NOT NULL CHECK (visibility IN ('everyone', 'members', 'only_me')),
    -- Who added it. A title without an owner is looked after by the admins.
    owner_serial INTEGER REFERENCES users (serial) ON DELETE SET NULL,
    -- When it was accepted. Serials grow in the order of acceptance, also when the clock does not.
    added_at_ms INTEGER NOT NULL,
    -- Since when it is removed: nobody sees it, but its rows and objects are kept for a while.
    deleted_at_ms INTEGER,
    -- Follows from its job's state and from the pieces that exist; kept here so that a page of
    -- the library needs no counting. Changed in the transaction that moves the job.
    state TEXT NOT NULL
        CHECK (state IN ('waiting', 'processing', 'playable', 'ready', 'failed')),
    -- Why it failed or what it waits for, in a sentence. The same as its job's.
    reason TEXT,
    -- Counts the plans that were begun for it, from 1. Rows of an abandoned generation cannot
    -- exist, because everything that depends on a plan refers to (serial, generation).
    generation INTEGER NOT NULL CHECK (generation >= 1),
    -- In which store its pieces are. Those of one generation are all in one.
    place TEXT NOT NULL CHECK (place IN ('local', 'bucket')),
    -- The bytes of the path of the file it is made from; file names need not be UTF-8.
    source_path BLOB NOT NULL,
    -- The same path for people who read this table.
    source_path_text TEXT NOT NULL,
    -- What the file contains: its length ...
    identity_size_bytes INTEGER NOT NULL CHECK (identity_size_bytes >= 0),
    -- ... and a BLAKE3 over samples of it, in hex. Not unique: every refused empty file has the
    -- same.
    identity_hash TEXT NOT NULL,
    -- Which version of the file on disk was accepted: device and inode (64 bits without sign,
    -- stored as if they had one), length, and time of modification in nanoseconds since 1970.
    stamp_device INTEGER NOT NULL,
    stamp_inode INTEGER NOT NULL,
    stamp_size_bytes INTEGER NOT NULL CHECK (stamp_size_bytes >= 0),
    stamp_modified_ns INTEGER NOT NULL,
    -- What the tables below refer to.
    UNIQUE (serial, generation)
) STRICT;

-- The library page, newest first, as far as somebody may see it, without touching the table.
CREATE INDEX titles_listed ON titles (serial DESC, visibility, owner_serial, deleted_at_ms)
    WHERE deleted_at_ms IS NULL;
-- What was removed, and when.
CREATE INDEX titles_by_removal ON titles (deleted_at_ms) WHERE deleted_at_ms IS NOT NULL;
-- For the reference to users.
CREATE INDEX titles_by_owner ON titles (owner_serial) WHERE owner_serial IS NOT NULL;
-- Was this file seen before, and is this film already there?
CREATE INDEX titles_by_source_path ON titles (source_path);
CREATE INDEX titles_by_identity ON titles (identity_hash, identity_size_bytes);

-- The words of names and descriptions, for searching: whole words and beginnings of words,
-- whatever their case and accents. It has no text of its own; the triggers below keep it in step.
CREATE VIRTUAL TABLE titles_text USING fts5 (
    name, description,
    content = 'titles', content_rowid = 'serial',
    tokenize = 'unicode61 remove_diacritics 2', prefix = '1 2 3');

CREATE TRIGGER titles_text_insert AFTER INSERT ON titles BEGIN
    INSERT INTO titles_text (rowid, name, description)
    VALUES (new.serial, new.name, new.description);
END;

CREATE TRIGGER titles_text_delete AFTER DELETE ON titles BEGIN
    INSERT INTO titles_text (titles_text, rowid, name, description)
    VALUES ('delete', old.serial, old.name, old.description);
END;

CREATE TRIGGER titles_text_update AFTER UPDATE OF name, description ON titles BEGIN
    INSERT INTO titles_text (titles_text, rowid, name, description)
    VALUES ('delete', old.serial, old.name, old.description);
    INSERT INTO titles_text (rowid, name, description)
    VALUES (new.serial, new.name, new.description);
END;

-- How many titles there are that are not removed, for each owner (0: nobody) and visibility: the
-- total of a library page without counting a hundred thousand rows. Kept by the triggers below.
CREATE TABLE title_counts (
    visibility TEXT NOT NULL,
    owner_serial INTEGER NOT NULL,
    titles INTEGER NOT NULL CHECK (titles >= 0),
    PRIMARY KEY (visibility, owner_serial)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER title_counts_insert AFTER INSERT ON titles WHEN new.deleted_at_ms IS NULL BEGIN
    INSERT INTO title_counts (visibility, owner_serial, titles)
    VALUES (new.visibility, COALESCE(new.owner_serial, 0), 1)
    ON CONFLICT DO UPDATE SET titles = titles + 1;
END;

CREATE TRIGGER title_counts_delete AFTER DELETE ON titles WHEN old.deleted_at_ms IS NULL BEGIN
    UPDATE title_counts SET titles = titles - 1
    WHERE visibility = old.visibility AND owner_serial = COALESCE(old.owner_serial, 0);
END;

CREATE TRIGGER title_counts_leave
AFTER UPDATE OF visibility, owner_serial, deleted_at_ms ON titles
WHEN old.deleted_at_ms IS NULL BEGIN
    UPDATE title_counts SET titles = titles - 1
    WHERE visibility = old.visibility AND owner_serial = COALESCE(old.owner_serial, 0);
END;

CREATE TRIGGER title_counts_enter
AFTER UPDATE OF visibility, owner_serial, deleted_at_ms ON titles
WHEN new.deleted_at_ms IS NULL BEGIN
    INSERT INTO title_counts (visibility, owner_serial, titles)
    VALUES (new.visibility, COALESCE(new.owner_serial, 0), 1)
    ON CONFLICT DO UPDATE SET titles = titles + 1;
END;

-- What became of uploads, for clients that know a title by the upload it came from. Uploads that
-- were copies lead to the title they are copies of.
CREATE TABLE uploads (
    -- ULID in lower case: its name in URLs.
    id TEXT NOT NULL PRIMARY KEY,
    title_serial INTEGER NOT NULL REFERENCES titles (serial) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- For the reference to titles.
CREATE INDEX uploads_by_title ON uploads (title_serial);

-- Films that somebody removed for good while their file may still lie in a watched folder: it is
-- not to come back by itself.
CREATE TABLE removed_films (
    identity_size_bytes INTEGER NOT NULL,
    identity_hash TEXT NOT NULL,
    -- Where it lay; the bytes of the path.
    path BLOB NOT NULL,
    PRIMARY KEY (identity_hash, identity_size_bytes)
) STRICT, WITHOUT ROWID;

CREATE INDEX removed_films_by_path ON removed_films (path);

-- How far people have watched.
CREATE TABLE watched (
    user_serial INTEGER NOT NULL REFERENCES users (serial) ON DELETE CASCADE,
    title_serial INTEGER NOT NULL REFERENCES titles (serial) ON DELETE CASCADE,
    position_ms INTEGER NOT NULL CHECK (position_ms >= 0),
    duration_ms INTEGER NOT NULL CHECK (duration_ms >= 0),
    -- 1: seen to the end, or nearly.
    finished INTEGER NOT NULL CHECK (finished IN (0, 1)),
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (user_serial, title_serial)
) STRICT, WITHOUT ROWID;

-- What to go on watching, latest first (read backwards).
CREATE INDEX watched_lately ON watched (user_serial, at_ms) WHERE finished = 0;
-- For the reference to titles.
CREATE INDEX watched_by_title ON watched (title_serial);

-- The work of turning one title into segments. It survives restarts.
CREATE TABLE jobs (
    serial INTEGER PRIMARY KEY,
    -- ULID in lower case: its name in URLs.
    id TEXT NOT NULL UNIQUE,
    -- The title it makes; a title has one job, which is restarted rather than replaced.
    title_serial INTEGER NOT NULL UNIQUE REFERENCES titles (serial) ON DELETE CASCADE,
    state TEXT NOT NULL
        CHECK (state IN ('queued', 'running', 'paused', 'done', 'failed', 'cancelled')),
    -- Higher runs first.
    priority INTEGER NOT NULL,
    -- Failures in a row without a new piece between them.
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    -- Not to be claimed before.
    run_after_ms INTEGER NOT NULL,
    -- Why it failed or what it waits for, in a sentence.
    reason TEXT,
    -- Progress: what is being done, how far, of how much (90 000 ticks a second), and how many
    -- media seconds are made in a second (0 until measured).
    step TEXT NOT NULL CHECK (step IN ('waiting', 'inspecting', 'encoding', 'finished')),
    done_ticks INTEGER NOT NULL,
    total_ticks INTEGER NOT NULL,
    speed REAL NOT NULL,
    -- When the title was accepted, when work first began, when a final state was reached.
    created_at_ms INTEGER NOT NULL,
    started_at_ms INTEGER,
    finished_at_ms INTEGER,
    -- Who works on it, and until when that holds unless renewed. A job that was taken away from
    -- its worker (cancelled, paused, restarted) keeps both until the worker has learned of it.
    lease_owner TEXT,
    lease_until_ms INTEGER,
    CHECK ((lease_owner IS NULL) = (lease_until_ms IS NULL)),
    CHECK (state <> 'running' OR lease_owner IS NOT NULL),
    CHECK ((finished_at_ms IS NOT NULL) = (state IN ('done', 'failed', 'cancelled')))
) STRICT;

-- Whose turn is it?
CREATE INDEX jobs_by_turn ON jobs (state, priority DESC, created_at_ms, serial);
-- What happened lately?
CREATE INDEX jobs_by_end ON jobs (finished_at_ms DESC, serial DESC)
    WHERE finished_at_ms IS NOT NULL;
-- What does this worker hold?
CREATE INDEX jobs_by_lease ON jobs (lease_owner) WHERE lease_owner IS NOT NULL;

-- What happened to a job, in sentences; the latest two hundred.
CREATE TABLE job_log (
    serial INTEGER PRIMARY KEY,
    job_serial INTEGER NOT NULL REFERENCES jobs (serial) ON DELETE CASCADE,
    at_ms INTEGER NOT NULL,
    text TEXT NOT NULL
) STRICT;

CREATE INDEX job_log_by_job ON job_log (job_serial, serial);

-- The plan of a title's present generation: written once, before the first frame is encoded.
CREATE TABLE plans (
    title_serial INTEGER PRIMARY KEY,
    generation INTEGER NOT NULL,
    -- `model::plan::PLAN_VERSION` when it was drawn.
    version INTEGER NOT NULL,
    -- What the statements here need to know of it: how many video and audio streams (video
    -- first, as numbered in URLs), and how many segments each stream has.
    video_streams INTEGER NOT NULL CHECK (video_streams >= 0),
    audio_streams INTEGER NOT NULL CHECK (audio_streams >= 0),
    segment_count INTEGER NOT NULL CHECK (segment_count >= 1),
    -- What a card shows: `model::plan::PlanSummary` as JSON.
    summary TEXT NOT NULL,
    -- What the filmstrip of an unfinished title shows: a list of `model::plan::Part` as JSON.
    parts TEXT NOT NULL,
    -- `model::plan::Plan` as JSON. The last column: hundreds of kilobytes for a long film, which
    -- statements that want the others must not read.
    plan TEXT NOT NULL,
    FOREIGN KEY (title_serial, generation) REFERENCES titles (serial, generation)
) STRICT;

-- Stored objects. A row exists only if its object is stored complete, with this size and hash.
-- The object's key follows from the title's id, the generation and the piece's name.
CREATE TABLE pieces (
    title_serial INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    -- Stream number as in URLs; -1 for the poster.
    stream INTEGER NOT NULL CHECK (stream >= -1),
    -- Segment number from 1; 0 for a stream's init segment and for the poster.
    number INTEGER NOT NULL CHECK (number >= 0),
    size_bytes INTEGER NOT NULL CHECK (size_bytes >= 0),
    -- SHA-256, as bytes: there are thousands of rows for a film.
    sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
    PRIMARY KEY (title_serial, generation, stream, number),
    FOREIGN KEY (title_serial, generation) REFERENCES titles (serial, generation)
) STRICT, WITHOUT ROWID;

-- Which segments of each stream have a row in `pieces`, and their bytes together: the ladder
-- badges and filmstrips of a library page without reading hundreds of thousands of rows. Kept by
-- the statement that adds a segment, in the same transaction.
CREATE TABLE stream_totals (
    title_serial INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    stream INTEGER NOT NULL CHECK (stream >= 0),
    segments INTEGER NOT NULL CHECK (segments >= 0),
    size_bytes INTEGER NOT NULL CHECK (size_bytes >= 0),
    -- Runs of their numbers, ascending, as JSON: [[1,4],[9,9]].
    ranges TEXT NOT NULL,
    PRIMARY KEY (title_serial, generation, stream),
    FOREIGN KEY (title_serial, generation) REFERENCES titles (serial, generation)
) STRICT, WITHOUT ROWID;

-- Parts of a job that are finished and will not be done again.
CREATE TABLE units (
    title_serial INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('chunk', 'audio', 'poster')),
    -- Index of the chunk or of the audio track in the plan, from 0; 0 for the poster.
    number INTEGER NOT NULL CHECK (number >= 0),
    PRIMARY KEY (title_serial, generation, kind, number),
    FOREIGN KEY (title_serial, generation) REFERENCES titles (serial, generation)
) STRICT, WITHOUT ROWID;

-- Objects that may still be stored but belong to nothing any more. Each is deleted from the
-- store first and from this table afterwards.
CREATE TABLE garbage (
    serial INTEGER PRIMARY KEY,
    -- In which store.
    place TEXT NOT NULL CHECK (place IN ('local', 'bucket')),
    -- The name in it.
    object_key TEXT NOT NULL,
    UNIQUE (object_key, place)
) STRICT;

-- The inbox: files that were seen at a door, and what became of each.
CREATE TABLE arrivals (
    -- The bytes of the path; file names need not be UTF-8.
    path BLOB NOT NULL PRIMARY KEY,
    -- ULID in lower case: its name in URLs.
    id TEXT NOT NULL UNIQUE,
    -- The same path for people who read this table.
    path_text TEXT NOT NULL,
    door TEXT NOT NULL CHECK (door IN ('folder', 'command', 'upload', 'webdav')),
    state TEXT NOT NULL CHECK (
        state IN (
            'settling', 'admitted', 'duplicate', 'refused', 'ignored', 'removed', 'missing')),
    -- What it waits for, or why it was refused, in a sentence.
    reason TEXT,
    -- Its length when last looked at.
    size_bytes INTEGER NOT NULL CHECK (size_bytes >= 0),
    first_seen_at_ms INTEGER NOT NULL,
    -- When anything but its length last changed.
    changed_at_ms INTEGER NOT NULL,
    -- The title it became, or the one it is a copy of.
    title_serial INTEGER REFERENCES titles (serial) ON DELETE SET NULL,
    -- Who sent it, where somebody did.
    owner_serial INTEGER REFERENCES users (serial) ON DELETE SET NULL,
    -- While it has no title, only its owner and admins see it: an upload, and what is left of a
    -- title that was its owner's alone. What has a title is seen by whoever sees that.
    private INTEGER NOT NULL CHECK (private IN (0, 1)),
    -- Somebody has read it and does not want to see it again until something changes.
    dismissed INTEGER NOT NULL CHECK (dismissed IN (0, 1))
) STRICT;

-- The inbox, newest change first (read backwards).
CREATE INDEX arrivals_by_change ON arrivals (changed_at_ms);
-- The few that are on their way, or that somebody should decide on, among the many that are not.
CREATE INDEX arrivals_by_state ON arrivals (state, changed_at_ms) WHERE dismissed = 0;
-- For the reference to users.
CREATE INDEX arrivals_by_owner ON arrivals (owner_serial) WHERE owner_serial IS NOT NULL;
-- For the reference to titles.
CREATE INDEX arrivals_by_title ON arrivals (title_serial) WHERE title_serial IS NOT NULL;

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
    ) AS has_poster
FROM titles
LEFT JOIN users ON users.serial = titles.owner_serial
LEFT JOIN jobs ON jobs.title_serial = titles.serial
LEFT JOIN plans ON plans.title_serial = titles.serial;

-- A job with the id of its title.
CREATE VIEW job_cards AS
SELECT jobs.*, titles.id AS title_id, titles.deleted_at_ms IS NOT NULL AS is_removed
FROM jobs JOIN titles ON titles.serial = jobs.title_serial;
