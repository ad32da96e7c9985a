-- What may go, and what must be remembered when it has gone.

-- Ids of executions that were deleted: refused for ever, because topics, spools and backups may bring
-- them again. 90 bytes each, index and all.
CREATE TABLE tombstone (
    id uuid PRIMARY KEY
);

-- Deleting an execution deletes its key; ids grow with time, so the index grows at its end.
CREATE INDEX idempotency_key_by_execution ON idempotency_key (execution);

-- Where the inputs of every shard stood when a backup began. Below the newest completed one nothing
-- is needed any more.
CREATE TABLE restore_point (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    begun_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    completed_at timestamptz
);
CREATE TABLE restore_point_shard (
    point bigint NOT NULL REFERENCES restore_point ON DELETE CASCADE,
    shard integer NOT NULL,
    jobs_offset bigint NOT NULL,
    status_offset bigint NOT NULL,
    PRIMARY KEY (point, shard)
);

CREATE FUNCTION exo_restore_point_begin()
RETURNS SETOF restore_point LANGUAGE plpgsql AS $$
DECLARE
    made restore_point;
BEGIN
    INSERT INTO restore_point DEFAULT VALUES RETURNING * INTO made;
    INSERT INTO restore_point_shard
        SELECT made.id, s.shard, s.jobs_offset, s.status_offset FROM shard s;
    RETURN NEXT made;
END $$;

-- Older points are of no more use: what they still need may be deleted from now on.
CREATE FUNCTION exo_restore_point_complete(which bigint)
RETURNS SETOF restore_point LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY UPDATE restore_point SET completed_at = coalesce(completed_at, clock_timestamp())
                  WHERE id = which RETURNING *;
    IF FOUND THEN
        DELETE FROM restore_point WHERE id < which;
    END IF;
END $$;

-- Deletes ended executions and all they left, at most so many rows in one call. One that is not wholly
-- gone (is_more) is still there itself: call again.
CREATE FUNCTION exo_execution_drop(ids uuid[], rows_max bigint, OUT dropped bigint, OUT is_more boolean)
LANGUAGE plpgsql AS $$
DECLARE
    which uuid;
    gone bigint;
    room bigint := rows_max;
BEGIN
    dropped := 0;
    is_more := false;
    FOREACH which IN ARRAY ids LOOP
        PERFORM FROM execution WHERE id = which AND is_terminal FOR UPDATE SKIP LOCKED;
        CONTINUE WHEN NOT FOUND;
        DELETE FROM task_output WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM task_output WHERE execution = which LIMIT greatest(room, 0)));
        GET DIAGNOSTICS gone = ROW_COUNT;
        room := room - gone;
        DELETE FROM task_page WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM task_page WHERE execution = which LIMIT greatest(room, 0)));
        GET DIAGNOSTICS gone = ROW_COUNT;
        room := room - gone;
        DELETE FROM group_run WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM group_run WHERE execution = which LIMIT greatest(room, 0)));
        GET DIAGNOSTICS gone = ROW_COUNT;
        room := room - gone;
        IF room <= 0 THEN
            is_more := true;
            RETURN;
        END IF;
        INSERT INTO tombstone VALUES (which) ON CONFLICT DO NOTHING;
        DELETE FROM idempotency_key WHERE execution = which;
        DELETE FROM execution WHERE id = which;
        room := room - 1;
        dropped := dropped + 1;
    END LOOP;
END $$;

-- Written once, deleted in order: dead rows come from deletion alone, and are swept up when they are a
-- twentieth, not a fifth (measured: between two sweeps a table grows by what was deleted meanwhile, and
-- no further after the first).
ALTER TABLE journal SET (autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE task_output SET (autovacuum_vacuum_scale_factor = 0.05);
