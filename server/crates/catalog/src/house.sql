-- Whose house it is: the first part of schema version 1, before schema.sql, which says how to read
-- it. Frozen with the first release, as that is.

-- The house: who may come in, and what its owner decided. One row, which is always there.
CREATE TABLE house (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    -- When somebody made the house theirs. This fact, and not whether there are accounts, says
    -- whether it is set up: an emptied table of users must not open the door again.
    claimed_at_ms INTEGER,
    -- `model::settings::Settings` as JSON. What it does not say is the default.
    settings TEXT NOT NULL
) STRICT;
INSERT INTO house (only, settings) VALUES (1, '{}');

-- People with an account.
CREATE TABLE users (
    serial INTEGER PRIMARY KEY,
    -- ULID in lower case: their name in URLs.
    id TEXT NOT NULL UNIQUE,
    -- What they sign in with, and the same in lower case (all of Unicode), which is unique.
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL UNIQUE,
    -- The other thing they can sign in with.
    email TEXT,
    email_folded TEXT UNIQUE,
    first_name TEXT NOT NULL,
    last_name TEXT NOT NULL,
    -- In the format PHC, with its salt. Never the password.
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'uploader', 'admin')),
    -- 0: may not sign in at present.
    active INTEGER NOT NULL CHECK (active IN (0, 1)),
    created_at_ms INTEGER NOT NULL,
    CHECK ((email IS NULL) = (email_folded IS NULL))
) STRICT;

-- Browsers that are signed in. The secret is in their cookie; here is its SHA-256.
CREATE TABLE sessions (
    serial INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    user_serial INTEGER NOT NULL REFERENCES users (serial) ON DELETE CASCADE,
    secret_sha256 BLOB NOT NULL UNIQUE CHECK (length(secret_sha256) = 32),
    -- What the browser says it is.
    device TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    -- To about five minutes, so that watching does not write.
    last_seen_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX sessions_by_user ON sessions (user_serial);

-- Secrets for programs. The secret was shown once; here is its SHA-256.
CREATE TABLE tokens (
    serial INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    user_serial INTEGER NOT NULL REFERENCES users (serial) ON DELETE CASCADE,
    secret_sha256 BLOB NOT NULL UNIQUE CHECK (length(secret_sha256) = 32),
    label TEXT NOT NULL,
    scope TEXT NOT NULL CHECK (scope IN ('read', 'upload', 'full', 'webdav')),
    created_at_ms INTEGER NOT NULL,
    -- To about five minutes.
    last_used_at_ms INTEGER,
    expires_at_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX tokens_by_user ON tokens (user_serial);

-- Invitations to make an account. They end with the one who invited, and a used one with the one
-- who used it, so that it can never be used again.
CREATE TABLE invites (
    serial INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    by_serial INTEGER NOT NULL REFERENCES users (serial) ON DELETE CASCADE,
    secret_sha256 BLOB NOT NULL UNIQUE CHECK (length(secret_sha256) = 32),
    role TEXT NOT NULL CHECK (role IN ('viewer', 'uploader', 'admin')),
    note TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    used_by_serial INTEGER REFERENCES users (serial) ON DELETE CASCADE
) STRICT;

CREATE INDEX invites_by_inviter ON invites (by_serial);
CREATE INDEX invites_by_user ON invites (used_by_serial) WHERE used_by_serial IS NOT NULL;

-- Folders that are watched because somebody said so while the server ran; those of the
-- configuration are not here.
CREATE TABLE folders (
    serial INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    -- The bytes of the path; file names need not be UTF-8.
    path BLOB NOT NULL UNIQUE,
    -- The same path for people who read this table.
    path_text TEXT NOT NULL,
    added_at_ms INTEGER NOT NULL
) STRICT;

-- An invitation with the ids of the people it names.
CREATE VIEW invite_cards AS
SELECT invites.*, inviter.id AS by_id, guest.id AS used_by_id
FROM invites
JOIN users AS inviter ON inviter.serial = invites.by_serial
LEFT JOIN users AS guest ON guest.serial = invites.used_by_serial;
