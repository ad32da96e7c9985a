-- Blobs above 8 MiB are objects outside (a directory or an S3-compatible store); here is where each is.
--
-- A key is in exactly one of the two tables from before its first byte until after its object is gone, so a
-- crash at any point leaves nothing that nobody knows of. An upload begins as doomed and is moved when it is
-- whole; collection moves it back, waits, and only then deletes the object.
CREATE TABLE blob_object (
    digest bytea PRIMARY KEY CHECK (length(digest) = 32),
    key text NOT NULL,
    bytes bigint NOT NULL,
    touched_at timestamptz NOT NULL
) WITH (fillfactor = 70);

-- is_going: the object may be gone; the key never comes back.
CREATE TABLE blob_doomed (
    key text PRIMARY KEY,
    doomed_at timestamptz NOT NULL,
    is_going boolean NOT NULL DEFAULT false
);

-- The upload under a key is whole: gives the key that stands for the digest from now on, no row when
-- ours was taken away meanwhile. Where another stands already, ours is doomed again.
CREATE FUNCTION exo_object_put(which bytea, ours text, size bigint)
RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    stands text;
BEGIN
    DELETE FROM blob_doomed WHERE key = ours AND NOT is_going;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    INSERT INTO blob_object AS o VALUES (which, ours, size, clock_timestamp())
        ON CONFLICT (digest) DO UPDATE SET touched_at = excluded.touched_at
        RETURNING o.key INTO stands;
    IF stands <> ours THEN
        INSERT INTO blob_doomed VALUES (ours, clock_timestamp());
    END IF;
    RETURN NEXT stands;
END $$;

-- Which executions name a blob: in outputs, logs and artefacts. Written with what names it; whoever deletes
-- an execution deletes its rows here, and the collector finds the rest.
CREATE TABLE blob_reference (
    execution uuid NOT NULL,
    digest bytea NOT NULL,
    PRIMARY KEY (execution, digest)
);
CREATE INDEX blob_reference_by_digest ON blob_reference (digest);
-- What stands here already is named by rows that SQL cannot read: kept.
INSERT INTO blob_reference SELECT '00000000-0000-0000-0000-000000000000'::uuid, digest FROM blob;

-- Results that may be given again. What one names is held by blob_reference under the first 16 bytes of its key.
CREATE TABLE cached_result (
    key bytea PRIMARY KEY CHECK (length(key) = 32),
    expires_at timestamptz NOT NULL,
    body bytea NOT NULL
);
CREATE INDEX cached_result_by_end ON cached_result (expires_at);

-- As in 0004, and what names its blobs: the collector takes those that nobody else names.
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
        INSERT INTO tombstone VALUES (which) ON CONFLICT DO NOTHING;
        DELETE FROM idempotency_key WHERE execution = which;
        DELETE FROM execution WHERE id = which;
        room := room - 1;
        dropped := dropped + 1;
    END LOOP;
END $$;
