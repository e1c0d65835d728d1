-- The same rules in a form that costs less for each row.
--
-- SQLite puts the words of `state IN (…)` into a table that it makes for each row that is written, where there are more than two;
-- comparisons need none. What a constraint says is no part of the rows, so the text of the tables is all that changes.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql,
    '(state IN (''admitted'', ''settled'', ''abandoned'', ''unknown''))',
    '(state = ''settled'' OR state = ''admitted'' OR state = ''abandoned'' OR state = ''unknown'')')
WHERE type = 'table' AND name = 'calls';
UPDATE sqlite_schema SET sql = replace(sql,
    '(state IN (''preview'', ''applied'', ''ready'', ''landed'', ''refused'', ''undoing'', ''undone'', ''expired''))',
    '(state = ''landed'' OR state = ''ready'' OR state = ''preview'' OR state = ''applied'' OR state = ''refused'' OR state = ''undoing'' OR state = ''undone'' OR state = ''expired'')')
WHERE type = 'table' AND name = 'plans';
PRAGMA writable_schema = RESET;

-- A trigger that ends the statement has SQLite keep what each page was like before the statement; one that ends the transaction has not,
-- and whoever writes here gives the transaction up anyway.
DROP TRIGGER IF EXISTS audit_grows_at_its_end;
CREATE TRIGGER audit_grows_at_its_end BEFORE INSERT ON audit
WHEN NEW.sequence <> (SELECT coalesce(max(sequence), 0) + 1 FROM audit)
BEGIN SELECT RAISE(ROLLBACK, 'the audit is append-only'); END;

-- How much is kept, and since when, without reading the plans.
DROP INDEX plans_by_state;
CREATE INDEX plans_by_state ON plans (state, number, made_at, kept_bytes);
