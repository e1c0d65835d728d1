-- Where the audit begins, once entries were removed from its beginning: after this one. At most one row.
CREATE TABLE audit_start (
    only     INTEGER PRIMARY KEY CHECK (only = 1),
    -- The last entry that was removed, and its hash.
    sequence INTEGER NOT NULL,
    hash     BLOB    NOT NULL CHECK (length(hash) = 32),
    -- The entry that says so.
    told     INTEGER NOT NULL
) STRICT;

-- As before, but for the beginning that was told of.
DROP TRIGGER IF EXISTS audit_is_not_cut;
CREATE TRIGGER audit_is_not_cut BEFORE DELETE ON audit
WHEN OLD.sequence > coalesce((SELECT sequence FROM audit_start), 0)
BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
