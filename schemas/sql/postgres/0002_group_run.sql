-- One run of a group, replaced as it changes: most are inserted by one commit and ended by the next
-- ones, so half of the page is left for their second version, as with task_page.
--
-- The index on the live ones makes a load cheap however many runs have ended. It costs the end of a
-- run its HOT update: one more entry in the primary key, the only index it is in. Measured with 30,000
-- runs of 600 bytes, 100 a commit: 30.3 MB of WAL without it, 36.8 MB with it, and 39.6 MB with a table
-- of the live ones instead (as live_execution, which pays where a row is in many indexes).
CREATE TABLE group_run (
    execution uuid NOT NULL,
    instance bigint NOT NULL,
    index bigint NOT NULL,
    number bigint NOT NULL,
    is_ended boolean NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (execution, instance, index)
) WITH (fillfactor = 50, toast_tuple_target = 4080);
ALTER TABLE group_run ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX group_run_live ON group_run (execution, number) WHERE NOT is_ended;
