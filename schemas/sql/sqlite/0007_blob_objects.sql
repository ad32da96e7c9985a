-- Where blobs above 8 MiB are: ../postgres/0007_blob_objects.sql tells how the two tables play together.
CREATE TABLE blob_object (
    digest BLOB PRIMARY KEY NOT NULL CHECK (length(digest) = 32),
    key TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    touched_ns INTEGER NOT NULL
) STRICT;

CREATE TABLE blob_doomed (
    key TEXT PRIMARY KEY NOT NULL,
    doomed_ns INTEGER NOT NULL,
    is_going INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE blob_reference (
    execution BLOB NOT NULL CHECK (length(execution) = 16),
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    PRIMARY KEY (execution, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX blob_reference_by_digest ON blob_reference (digest);
-- What stands here already is named by rows that SQL cannot read: kept.
INSERT INTO blob_reference SELECT zeroblob(16), digest FROM blob;

CREATE TABLE cached_result (
    key BLOB PRIMARY KEY NOT NULL CHECK (length(key) = 32),
    expires_ns INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX cached_result_by_end ON cached_result (expires_ns);
