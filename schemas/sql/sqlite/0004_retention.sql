-- What may go, and what must be remembered when it has gone.

-- Ids of executions that were deleted: refused for ever.
CREATE TABLE tombstone (
    id BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_key_by_execution ON idempotency_key (execution);

-- Where the inputs of every shard stood when a backup began. Below the newest completed one nothing
-- is needed any more.
CREATE TABLE restore_point (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    begun_ns INTEGER NOT NULL,
    completed_ns INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE restore_point_shard (
    point INTEGER NOT NULL,
    shard INTEGER NOT NULL,
    jobs_offset INTEGER NOT NULL,
    status_offset INTEGER NOT NULL,
    PRIMARY KEY (point, shard)
) STRICT, WITHOUT ROWID;
