-- What is remembered of what calls depend on: breakers, rates, retry budgets. JSON; the audit tells of each turn of a breaker.
CREATE TABLE dependencies (
    kind       TEXT    NOT NULL CHECK (kind IN ('breaker', 'rate', 'retry-budget')),
    name       TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;
-- Why nobody knows what an unknown call did, for the person who decides.
ALTER TABLE calls ADD COLUMN evidence TEXT;
