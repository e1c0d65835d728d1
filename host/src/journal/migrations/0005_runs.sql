-- Runs of agents: where they are, and everything that happened to them.
CREATE TABLE runs (
    -- In the order in which they began.
    number      INTEGER PRIMARY KEY,
    run         TEXT    NOT NULL UNIQUE,
    task        TEXT    NOT NULL,
    mode        TEXT    NOT NULL CHECK (mode IN ('live', 'preview')),
    -- The word of the state machine.
    state       TEXT    NOT NULL,
    steps       INTEGER NOT NULL,
    -- The digest of all steps so far: of the one before, and the body of the last.
    history     BLOB    NOT NULL CHECK (length(history) = 32),
    -- What it was forked from.
    origin_run  TEXT,
    origin_step INTEGER,
    started_at  INTEGER NOT NULL,
    changed_at  INTEGER NOT NULL,
    -- 1: its steps were removed.
    expired     INTEGER NOT NULL DEFAULT 0 CHECK (expired IN (0, 1)),
    CHECK ((origin_run IS NULL) = (origin_step IS NULL))
) STRICT;
CREATE INDEX runs_by_state ON runs (state);

CREATE TABLE run_events (
    run  TEXT    NOT NULL,
    -- From 1, without a gap.
    step INTEGER NOT NULL,
    at   INTEGER NOT NULL,
    -- JSON of the event with its place in the run.
    body TEXT    NOT NULL,
    PRIMARY KEY (run, step)
) STRICT, WITHOUT ROWID;
