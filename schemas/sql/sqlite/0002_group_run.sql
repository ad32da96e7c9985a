-- One run of a group, replaced as it changes.
CREATE TABLE group_run (
    execution BLOB NOT NULL,
    instance INTEGER NOT NULL,
    "index" INTEGER NOT NULL,
    number INTEGER NOT NULL,
    is_ended INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (execution, instance, "index")
) STRICT;
CREATE INDEX group_run_live ON group_run (execution, number) WHERE is_ended = 0;
