-- What the audit says last of each manifest and component, so that it is said again only where it changed.
CREATE TABLE standing (
    kind   TEXT NOT NULL,
    name   TEXT NOT NULL,
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;
