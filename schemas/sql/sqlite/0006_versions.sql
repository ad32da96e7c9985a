-- Stored clusters (kind 0) and satellites (kind 1): a name, and versions that never change. Numbers
-- begin at 1 and are never used again, also not after a delete, which only hides the name.
CREATE TABLE stored_name (
    kind INTEGER NOT NULL,
    project TEXT NOT NULL,
    name TEXT NOT NULL,
    newest INTEGER NOT NULL,
    is_deleted INTEGER NOT NULL,
    PRIMARY KEY (kind, project, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE stored_version (
    kind INTEGER NOT NULL,
    project TEXT NOT NULL,
    name TEXT NOT NULL,
    number INTEGER NOT NULL,
    digest BLOB NOT NULL REFERENCES definition (digest),
    created_ns INTEGER NOT NULL,
    actor TEXT NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (kind, project, name, number)
) STRICT, WITHOUT ROWID;
-- Whoever forgets definitions must find what still holds one.
CREATE INDEX stored_version_by_digest ON stored_version (digest);
