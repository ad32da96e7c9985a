-- The truth, in one SQLite file. Times are nanoseconds since 1970 and end in _ns; ids are 16 bytes.
-- Tables have the shape of ../postgres, so that one description serves both.

CREATE TABLE install (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    shard_count INTEGER NOT NULL CHECK (shard_count > 0),
    installed_ns INTEGER NOT NULL,
    secret BLOB NOT NULL CHECK (length(secret) = 32) -- signs attempt tokens
) STRICT;

-- Schedulers that ever said they live. life names the hold of the file's lock they spoke under:
-- a row of another life belongs to a process that is gone.
CREATE TABLE scheduler_process (
    process TEXT PRIMARY KEY NOT NULL,
    beat INTEGER NOT NULL,
    seen_ns INTEGER NOT NULL,
    life INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The fence: a commit moves batch from previous to next under its epoch, or not at all.
CREATE TABLE shard (
    shard INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL DEFAULT 0,
    batch INTEGER NOT NULL DEFAULT 0,
    now_ns INTEGER NOT NULL DEFAULT 0,
    jobs_offset INTEGER NOT NULL DEFAULT 0,
    jobs_checksum INTEGER NOT NULL DEFAULT 0,
    status_offset INTEGER NOT NULL DEFAULT 0,
    status_checksum INTEGER NOT NULL DEFAULT 0,
    event_batch INTEGER NOT NULL DEFAULT 0,
    extra BLOB NOT NULL DEFAULT x''
) STRICT;

CREATE TABLE shard_lease (
    shard INTEGER PRIMARY KEY,
    owner TEXT NOT NULL DEFAULT '',
    beat INTEGER NOT NULL DEFAULT 0,
    life INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Canonical cluster texts, once each.
CREATE TABLE definition (
    digest BLOB PRIMARY KEY NOT NULL CHECK (length(digest) = 32),
    text BLOB NOT NULL
) STRICT;

CREATE TABLE execution (
    id BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    shard INTEGER NOT NULL,
    is_terminal INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    batch INTEGER NOT NULL,
    submitted_ns INTEGER NOT NULL,
    started_ns INTEGER NOT NULL,
    ended_ns INTEGER NOT NULL,
    deadline_ns INTEGER NOT NULL,
    project TEXT NOT NULL,
    cluster TEXT NOT NULL,
    state TEXT NOT NULL,
    definition BLOB NOT NULL,
    labels TEXT NOT NULL CHECK (labels = '' OR json_valid(labels)),
    input BLOB NOT NULL,
    output BLOB NOT NULL,
    output_ref BLOB NOT NULL,
    error TEXT NOT NULL CHECK (instr(CAST(error AS BLOB), x'00') = 0),
    body BLOB NOT NULL
) STRICT;
CREATE INDEX execution_live ON execution (shard, id) WHERE is_terminal = 0;
CREATE INDEX execution_by_project ON execution (project, submitted_ns, id);
CREATE INDEX execution_by_time ON execution (submitted_ns, id);

-- 256 tasks of a map, replaced as they change.
CREATE TABLE task_page (
    execution BLOB NOT NULL,
    instance INTEGER NOT NULL,
    page INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (execution, instance, page)
) STRICT;

-- What tasks gave back (kind 0) and the items of maps (kind 1); written once.
CREATE TABLE task_output (
    execution BLOB NOT NULL,
    instance INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    page INTEGER NOT NULL,
    part INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (execution, instance, kind, page, part)
) STRICT;

CREATE TABLE journal (
    shard INTEGER NOT NULL,
    batch INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    at_ns INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (shard, batch)
) STRICT;

CREATE TABLE idempotency_key (
    project TEXT NOT NULL,
    key TEXT NOT NULL,
    execution BLOB NOT NULL,
    body_digest BLOB NOT NULL,
    at_ns INTEGER NOT NULL,
    PRIMARY KEY (project, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE blob (
    digest BLOB PRIMARY KEY NOT NULL CHECK (length(digest) = 32),
    touched_ns INTEGER NOT NULL,
    bytes BLOB NOT NULL
) STRICT;

CREATE TABLE dead_letter (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    position INTEGER NOT NULL,
    at_ns INTEGER NOT NULL,
    is_replayed INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL,
    key BLOB NOT NULL,
    value BLOB NOT NULL
) STRICT;
