-- oldest: 8
-- What tables are built again from: ../postgres/0008_replay.sql tells how.
ALTER TABLE journal ADD COLUMN imprint BLOB;
CREATE INDEX journal_bare ON journal (shard, batch) WHERE imprint IS NULL;

CREATE TABLE journal_snapshot (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    shard INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    base INTEGER NOT NULL,
    end_batch INTEGER,
    begun_ns INTEGER NOT NULL,
    ended_ns INTEGER
) STRICT;
CREATE INDEX journal_snapshot_by_shard ON journal_snapshot (shard, id);

CREATE TABLE journal_slice (
    snapshot INTEGER NOT NULL,
    part INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (snapshot, part)
) STRICT;
