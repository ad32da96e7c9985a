-- What a crash leaves behind: who opened a shard and has not closed it, and the input on whose marker
-- it may have died (docs/adr/0012-poison.md). A program of version 1 neither reads nor writes it: a shard
-- such a one held in between looks as the last program of version 2 left it.
CREATE TABLE shard_guard (
    shard integer PRIMARY KEY,
    process text NOT NULL,                  -- who opened it last
    is_open boolean NOT NULL,               -- and has not closed it cleanly
    jobs_offset bigint NOT NULL,            -- where it stood then
    status_offset bigint NOT NULL,
    opened_at timestamptz NOT NULL,
    crashes integer NOT NULL DEFAULT 0,     -- in a row
    marker text NOT NULL DEFAULT '',        -- the input that is about to be stepped
    marked_by text NOT NULL DEFAULT '',     -- by whom, while that still stands
    suspect text NOT NULL DEFAULT '',       -- the last marker that a process died on
    deaths integer NOT NULL DEFAULT 0       -- how many did, in a row
);

-- A shard is opened by a process. Another that had it open and did not close it has crashed: in a row
-- when nothing had moved, or when it had lived for less than ten seconds.
CREATE FUNCTION exo_guard_open(which integer, me text)
RETURNS SETOF shard_guard LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY
        INSERT INTO shard_guard AS g (shard, process, is_open, jobs_offset, status_offset, opened_at)
        SELECT s.shard, me, true, s.jobs_offset, s.status_offset, clock_timestamp()
          FROM shard s WHERE s.shard = which
        ON CONFLICT (shard) DO UPDATE SET
            crashes = CASE
                WHEN g.process = me THEN g.crashes
                WHEN NOT g.is_open THEN 0
                WHEN (g.jobs_offset = excluded.jobs_offset AND
                      g.status_offset = excluded.status_offset) OR
                     clock_timestamp() - g.opened_at < interval '10 seconds' THEN g.crashes + 1
                ELSE 1 END,
            deaths = CASE
                WHEN g.process = me OR NOT g.is_open OR g.marked_by <> g.process THEN g.deaths
                WHEN g.marker = g.suspect THEN g.deaths + 1
                ELSE 1 END,
            suspect = CASE
                WHEN g.process = me OR NOT g.is_open OR g.marked_by <> g.process THEN g.suspect
                ELSE g.marker END,
            opened_at = CASE WHEN g.process = me THEN g.opened_at ELSE excluded.opened_at END,
            jobs_offset = CASE WHEN g.process = me THEN g.jobs_offset
                               ELSE excluded.jobs_offset END,
            status_offset = CASE WHEN g.process = me THEN g.status_offset
                                 ELSE excluded.status_offset END,
            process = me, is_open = true, marked_by = ''
        RETURNING g.*;
END $$;

-- What a process gives back it has not crashed on.
CREATE FUNCTION exo_guard_close(me text, is_leaving boolean, releases integer[])
RETURNS void LANGUAGE sql AS $$
    UPDATE shard_guard SET is_open = false, marked_by = ''
     WHERE process = me AND (is_leaving OR shard = ANY (releases));
$$;

-- Notes what is about to be stepped. An empty marker forgets everything. Raises EX003 unless the caller has opened the shard last.
CREATE FUNCTION exo_guard_mark(which integer, me text, what text)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE shard_guard
       SET deaths = CASE WHEN what = '' THEN 0 ELSE deaths END,
           suspect = CASE WHEN what = '' THEN '' ELSE suspect END,
           crashes = CASE WHEN what = '' THEN 0 ELSE crashes END,
           marker = what, marked_by = CASE WHEN what = '' THEN '' ELSE me END
     WHERE shard = which AND process = me AND is_open;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'shard % is not open by %', which, me USING ERRCODE = 'EX003';
    END IF;
END $$;
