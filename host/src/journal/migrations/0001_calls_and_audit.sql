-- Every call: what was asked for, and what came of it.
CREATE TABLE calls (
    -- In the order of admission.
    number           INTEGER PRIMARY KEY,
    call             TEXT    NOT NULL UNIQUE,
    run              TEXT    NOT NULL,
    tool             TEXT    NOT NULL,
    digest           BLOB    NOT NULL CHECK (length(digest) = 32),
    mode             TEXT    NOT NULL CHECK (mode IN ('live', 'preview')),
    effects          TEXT    NOT NULL CHECK (effects IN ('none', 'possible')),
    -- Who chose the key, and the key. One call per pair and mode, abandoned ones aside.
    scope            TEXT,
    key              TEXT,
    -- The text of the arguments; NULL where it is longer than what is kept.
    arguments        TEXT,
    arguments_digest BLOB    NOT NULL CHECK (length(arguments_digest) = 32),
    admitted_at      INTEGER NOT NULL,
    -- admitted → settled | abandoned | unknown; unknown → settled | abandoned.
    state            TEXT    NOT NULL CHECK (state IN ('admitted', 'settled', 'abandoned', 'unknown')),
    settled_at       INTEGER,
    succeeded        INTEGER CHECK (succeeded IN (0, 1)),
    -- The result's text or the failure as JSON; NULL where it is longer than what is kept.
    outcome          TEXT,
    outcome_digest   BLOB    CHECK (length(outcome_digest) = 32),
    -- What the call used of its limits, as a JSON object.
    usage            TEXT,
    CHECK ((scope IS NULL) = (key IS NULL)),
    CHECK ((state = 'settled') = (outcome_digest IS NOT NULL))
) STRICT;

CREATE UNIQUE INDEX calls_by_key ON calls (scope, key, mode) WHERE key IS NOT NULL AND state <> 'abandoned';
CREATE INDEX calls_unfinished ON calls (state) WHERE state IN ('admitted', 'unknown');

-- What happened, in order. Each entry's hash covers the one before it.
CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY,
    previous BLOB    NOT NULL CHECK (length(previous) = 32),
    hash     BLOB    NOT NULL CHECK (length(hash) = 32),
    body     TEXT    NOT NULL
) STRICT;

CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;

CREATE TRIGGER audit_is_not_cut BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;

-- Also refuses INSERT OR REPLACE, which would change an entry without an UPDATE.
CREATE TRIGGER audit_grows_at_its_end BEFORE INSERT ON audit
WHEN NEW.sequence <> (SELECT coalesce(max(sequence), 0) + 1 FROM audit)
BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
