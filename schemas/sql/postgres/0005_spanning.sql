-- What spans the executions of a shard (a key, a schedule, a batch), replaced as it changes.
--
-- A key is written by almost every commit that begins or ends an execution of it. No index but the primary
-- key and half of the page left for second versions. Measured, 100,000 updates of rows of 100 to 300 bytes,
-- 50 a commit, over 500 rows and over 20,000: all of them HOT with 10 to 70 % filled, 99.5 % with 90 %, and
-- 28 MB of WAL whichever; 70 % is enough only while no reader keeps the old versions from being pruned.
CREATE TABLE spanning (
    shard integer NOT NULL,
    kind integer NOT NULL,
    id bytea NOT NULL CHECK (length(id) = 32),
    body bytea NOT NULL,
    PRIMARY KEY (shard, kind, id)
) WITH (fillfactor = 50, toast_tuple_target = 4080);
ALTER TABLE spanning ALTER COLUMN body SET STORAGE EXTERNAL;
