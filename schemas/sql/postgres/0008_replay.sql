-- oldest: 7
-- What tables are built again from (docs/adr/0021-replay.md): the rows of each commit, packed, and snapshots of
-- what is live, so that old rows of the journal may go.
--
-- imprint: NULL in rows of programs before version 8. Packed by the scheduler: nothing left to compress.
ALTER TABLE journal ADD COLUMN imprint bytea;
ALTER TABLE journal ALTER COLUMN imprint SET STORAGE EXTERNAL;

-- Tells cheaply whether an older program has written since the last snapshot.
CREATE INDEX journal_bare ON journal (shard, batch) WHERE imprint IS NULL;

-- base: the shard's batch when it began; end_batch: when its last slice was read, NULL until it is whole. Each
-- slice is what some rows were at a batch of its own in between.
CREATE TABLE journal_snapshot (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    shard integer NOT NULL,
    epoch bigint NOT NULL,
    base bigint NOT NULL,
    end_batch bigint,
    begun_ns bigint NOT NULL,
    ended_ns bigint
);
CREATE INDEX journal_snapshot_by_shard ON journal_snapshot (shard, id);

CREATE TABLE journal_slice (
    snapshot bigint NOT NULL REFERENCES journal_snapshot,
    part bigint NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (snapshot, part)
);
ALTER TABLE journal_slice ALTER COLUMN body SET STORAGE EXTERNAL;

-- As in 0007, but the tombstone comes first: an execution that has one and still stands is being deleted.
CREATE OR REPLACE FUNCTION exo_execution_drop(ids uuid[], rows_max bigint, OUT dropped bigint, OUT is_more boolean)
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
        INSERT INTO tombstone VALUES (which) ON CONFLICT DO NOTHING;
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
        DELETE FROM blob_reference WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM blob_reference WHERE execution = which LIMIT greatest(room, 0)));
        GET DIAGNOSTICS gone = ROW_COUNT;
        room := room - gone;
        IF room <= 0 THEN
            is_more := true;
            RETURN;
        END IF;
        DELETE FROM idempotency_key WHERE execution = which;
        DELETE FROM execution WHERE id = which;
        room := room - 1;
        dropped := dropped + 1;
    END LOOP;
END $$;
