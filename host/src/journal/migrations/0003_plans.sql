-- What a call staged, from the moment on at which it is about to land; and what a preview would change.
CREATE TABLE plans (
    -- In the order in which they were made.
    number    INTEGER PRIMARY KEY,
    call      TEXT    NOT NULL UNIQUE,
    state     TEXT    NOT NULL CHECK (state IN ('preview', 'applied', 'ready', 'landed', 'refused', 'undoing', 'undone', 'expired')),
    -- JSON, as the sandbox wrote it. The journal does not look into it.
    plan      TEXT    NOT NULL,
    -- JSON: what people are shown.
    effects   TEXT    NOT NULL,
    -- JSON: the result that the call has once it has landed.
    outcome   TEXT    NOT NULL,
    -- The arguments of a preview, to be decided again when it is applied.
    arguments TEXT,
    -- The manifest that a preview was decided by.
    manifest  BLOB    CHECK (length(manifest) = 32),
    -- JSON: what the disk was like when it had landed.
    after     TEXT,
    -- How many bytes of what was there before are kept beside the journal, about.
    kept_bytes INTEGER NOT NULL,
    made_at   INTEGER NOT NULL
);
CREATE INDEX plans_by_state ON plans (state);
-- 1: the call changes things by its plan only.
ALTER TABLE calls ADD COLUMN staged INTEGER NOT NULL DEFAULT 0 CHECK (staged IN (0, 1));
