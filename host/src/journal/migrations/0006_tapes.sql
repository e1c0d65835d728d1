-- What calls of runs were given from outside of their sandbox, so that they can be made once more. Goes with the steps of the run.
CREATE TABLE tapes (
    run     TEXT    NOT NULL,
    call    TEXT    NOT NULL,
    -- From 1: the last one is the one whose outcome is the call's.
    attempt INTEGER NOT NULL,
    -- JSON.
    tape    TEXT    NOT NULL,
    -- JSON: what the call did outside of its sandbox, with hashes; with its last attempt.
    effects TEXT,
    PRIMARY KEY (run, call, attempt)
) STRICT, WITHOUT ROWID;
