-- What spans the executions of a shard (a key, a schedule, a batch), replaced as it changes.
CREATE TABLE spanning (
    shard INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    id BLOB NOT NULL CHECK (length(id) = 32),
    body BLOB NOT NULL,
    PRIMARY KEY (shard, kind, id)
) STRICT, WITHOUT ROWID;
