-- What people were asked about calls, and what came of it.
CREATE TABLE approvals (
    -- In the order in which they were asked.
    number     INTEGER PRIMARY KEY,
    approval   TEXT    NOT NULL UNIQUE,
    state      TEXT    NOT NULL CHECK (state IN ('waiting', 'approved', 'rejected', 'modified', 'expired', 'used', 'withdrawn')),
    run        TEXT    NOT NULL,
    -- What was asked for: the tool's bytes, the manifest, the canonical arguments, the mode.
    binding    BLOB    NOT NULL CHECK (length(binding) = 32),
    asked_at   INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    -- JSON of all of it.
    body       TEXT    NOT NULL,
    -- JSON: what the call would do.
    foreseen   TEXT
) STRICT;
CREATE INDEX approvals_by_binding ON approvals (binding);
CREATE INDEX approvals_open ON approvals (expires_at) WHERE state IN ('waiting', 'approved', 'modified');
CREATE INDEX approvals_by_time ON approvals (asked_at);
-- The approval by which the call was made, if it took one.
ALTER TABLE calls ADD COLUMN approval TEXT;
