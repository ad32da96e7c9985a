-- What a crash leaves behind: who opened a shard and has not closed it, and the input on whose marker
-- it may have died (docs/adr/0012-poison.md). Shape and meaning as in ../postgres.
CREATE TABLE shard_guard (
    shard INTEGER PRIMARY KEY,
    process TEXT NOT NULL,               -- who opened it last
    is_open INTEGER NOT NULL,            -- and has not closed it cleanly
    jobs_offset INTEGER NOT NULL,        -- where it stood then
    status_offset INTEGER NOT NULL,
    opened_ns INTEGER NOT NULL,
    crashes INTEGER NOT NULL DEFAULT 0,  -- in a row
    marker TEXT NOT NULL DEFAULT '',     -- the input that is about to be stepped
    marked_by TEXT NOT NULL DEFAULT '',  -- by whom, while that still stands
    suspect TEXT NOT NULL DEFAULT '',    -- the last marker that a process died on
    deaths INTEGER NOT NULL DEFAULT 0    -- how many did, in a row
) STRICT;
