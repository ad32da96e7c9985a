-- The truth, in Postgres. Times are nanoseconds since 1970 and end in _ns.
--
-- Rows written at every commit (shard, execution, task_page) have room left in their pages and no
-- index on a column that changes, so that their updates stay on the page (HOT). Bodies are packed
-- already: EXTERNAL keeps Postgres from trying to compress them.

-- schema_version and install are made before all migrations, by the program itself.

-- Schedulers that ever said they live.
CREATE TABLE scheduler_process (
    process text PRIMARY KEY,
    beat bigint NOT NULL,
    seen_at timestamptz NOT NULL
) WITH (fillfactor = 20);

-- The fence: a commit moves batch from previous to next under its epoch, or not at all.
CREATE TABLE shard (
    shard integer PRIMARY KEY,
    epoch bigint NOT NULL DEFAULT 0,
    batch bigint NOT NULL DEFAULT 0,
    now_ns bigint NOT NULL DEFAULT 0,
    jobs_offset bigint NOT NULL DEFAULT 0,
    jobs_checksum bigint NOT NULL DEFAULT 0,
    status_offset bigint NOT NULL DEFAULT 0,
    status_checksum bigint NOT NULL DEFAULT 0,
    event_batch bigint NOT NULL DEFAULT 0,
    extra bytea NOT NULL DEFAULT ''
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
ALTER TABLE shard ALTER COLUMN extra SET STORAGE EXTERNAL;

-- Who owns a shard; apart from the fence, so that a long batch does not hold up a renewal.
-- backend: the connection the owner commits on, which a contender terminates.
CREATE TABLE shard_lease (
    shard integer PRIMARY KEY,
    owner text NOT NULL DEFAULT '',
    beat bigint NOT NULL DEFAULT 0,
    backend integer NOT NULL DEFAULT 0,
    backend_start timestamptz
) WITH (fillfactor = 20);

-- Canonical cluster texts, once each.
CREATE TABLE definition (
    digest bytea PRIMARY KEY CHECK (length(digest) = 32),
    text bytea NOT NULL
);

-- Most executions are inserted by one commit and ended by the next: every row of a page gets a second
-- version soon after, so more than half of the page is left for them (measured: with 70 % filled, 57 %
-- of the updates left their page and wrote every index again; half the rows a second of 40 %).
CREATE TABLE execution (
    id uuid PRIMARY KEY,
    shard integer NOT NULL,
    priority integer NOT NULL,
    epoch bigint NOT NULL,
    batch bigint NOT NULL,
    submitted_ns bigint NOT NULL,
    started_ns bigint NOT NULL,
    ended_ns bigint NOT NULL,
    deadline_ns bigint NOT NULL,
    is_terminal boolean NOT NULL,
    state text NOT NULL,
    project text NOT NULL,
    cluster text NOT NULL,
    definition bytea NOT NULL,
    labels json,
    input bytea,
    output bytea,
    output_ref bytea,
    error text,
    body bytea
) WITH (fillfactor = 40, toast_tuple_target = 4080);
ALTER TABLE execution
    ALTER COLUMN input SET STORAGE EXTERNAL,
    ALTER COLUMN output SET STORAGE EXTERNAL,
    ALTER COLUMN output_ref SET STORAGE EXTERNAL,
    ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX execution_by_project ON execution (project, submitted_ns, id);
CREATE INDEX execution_by_time ON execution (submitted_ns, id);
CREATE INDEX execution_by_label ON execution USING gin ((labels::jsonb) jsonb_path_ops)
    WHERE labels IS NOT NULL;

-- The executions that have not ended. A table, not a partial index on execution: there the end of an
-- execution would write every index again.
CREATE TABLE live_execution (
    shard integer NOT NULL,
    id uuid NOT NULL,
    PRIMARY KEY (shard, id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);

-- 256 tasks of a map, replaced as they change.
CREATE TABLE task_page (
    execution uuid NOT NULL,
    instance bigint NOT NULL,
    page bigint NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (execution, instance, page)
) WITH (fillfactor = 50, toast_tuple_target = 4080);
ALTER TABLE task_page ALTER COLUMN body SET STORAGE EXTERNAL;

-- What tasks gave back (kind 0) and the items of maps (kind 1); written once.
CREATE TABLE task_output (
    execution uuid NOT NULL,
    instance bigint NOT NULL,
    kind bigint NOT NULL,
    page bigint NOT NULL,
    part bigint NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (execution, instance, kind, page, part)
);
ALTER TABLE task_output ALTER COLUMN body SET STORAGE EXTERNAL;

CREATE TABLE journal (
    shard integer NOT NULL,
    batch bigint NOT NULL,
    epoch bigint NOT NULL,
    at_ns bigint NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (shard, batch)
);
ALTER TABLE journal ALTER COLUMN body SET STORAGE EXTERNAL;

CREATE TABLE idempotency_key (
    project text NOT NULL,
    key text NOT NULL,
    execution uuid NOT NULL,
    body_digest bytea NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project, key)
);

CREATE TABLE blob (
    digest bytea PRIMARY KEY CHECK (length(digest) = 32),
    touched_at timestamptz NOT NULL,
    bytes bytea NOT NULL
) WITH (fillfactor = 70);
ALTER TABLE blob ALTER COLUMN bytes SET STORAGE EXTERNAL;

CREATE TABLE dead_letter (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    partition bigint NOT NULL,
    position bigint NOT NULL,
    at_ns bigint NOT NULL,
    is_replayed boolean NOT NULL DEFAULT false,
    reason text NOT NULL,
    key bytea NOT NULL,
    value bytea NOT NULL
);

-- Raises EX001, with the shard as its detail, unless every shard's row moved from previous to next
-- under its epoch. First in every commit: all that follows in the transaction fails with it.
CREATE FUNCTION exo_fence(
    shards integer[], epochs bigint[], previous bigint[], next bigint[], nows bigint[],
    jobs_offsets bigint[], jobs_checksums bigint[], status_offsets bigint[],
    status_checksums bigint[], event_batches bigint[], extras bytea[])
RETURNS timestamptz LANGUAGE plpgsql AS $$
DECLARE
    moved integer[];
    lost integer;
BEGIN
    WITH rows AS (
        UPDATE shard s
           SET batch = b.next, now_ns = b.now_ns,
               jobs_offset = b.jobs_offset, jobs_checksum = b.jobs_checksum,
               status_offset = b.status_offset, status_checksum = b.status_checksum,
               event_batch = b.event_batch, extra = b.extra
          FROM unnest(shards, epochs, previous, next, nows, jobs_offsets, jobs_checksums,
                      status_offsets, status_checksums, event_batches, extras)
               AS b (shard, epoch, previous, next, now_ns, jobs_offset, jobs_checksum,
                     status_offset, status_checksum, event_batch, extra)
         WHERE s.shard = b.shard AND s.epoch = b.epoch AND s.batch = b.previous
     RETURNING s.shard)
    SELECT array_agg(rows.shard) INTO moved FROM rows;
    IF coalesce(cardinality(moved), 0) <> cardinality(shards) THEN
        SELECT b.shard INTO lost FROM unnest(shards) AS b (shard)
         WHERE moved IS NULL OR b.shard <> ALL (moved) LIMIT 1;
        RAISE EXCEPTION 'shard % is fenced', coalesce(lost, shards[1])
              USING ERRCODE = 'EX001', DETAIL = coalesce(lost, shards[1])::text;
    END IF;
    RETURN clock_timestamp();
END $$;

-- Raises EX002 unless as many rows were changed as the caller named.
CREATE FUNCTION exo_expect(wanted bigint, got bigint, what text)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF wanted <> got THEN
        RAISE EXCEPTION '% of % rows of % do not exist', wanted - got, wanted, what
              USING ERRCODE = 'EX002';
    END IF;
END $$;

-- One renewal of a scheduler process: its own row, the leases it holds, gives back and takes.
-- A lease is taken only while owner and beat are as the taker saw them.
CREATE FUNCTION exo_lease_round(
    me text, is_leaving boolean, releases integer[],
    take_shards integer[], take_owners text[], take_beats bigint[])
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    old record;
BEGIN
    IF is_leaving THEN
        UPDATE shard_lease SET owner = '', beat = beat + 1, backend = 0 WHERE owner = me;
        DELETE FROM scheduler_process WHERE process = me;
        RETURN;
    END IF;
    INSERT INTO scheduler_process AS p VALUES (me, 1, now())
        ON CONFLICT (process) DO UPDATE SET beat = p.beat + 1, seen_at = now();
    DELETE FROM scheduler_process WHERE seen_at < now() - interval '1 hour';
    UPDATE shard_lease SET owner = '', beat = beat + 1, backend = 0
     WHERE owner = me AND shard = ANY (releases);
    UPDATE shard_lease SET beat = beat + 1 WHERE owner = me;
    FOR old IN
        SELECT l.* FROM shard_lease l
          JOIN unnest(take_shards, take_owners, take_beats) AS t (shard, owner, beat)
            ON l.shard = t.shard AND l.owner = t.owner AND l.beat = t.beat
         WHERE l.owner <> me ORDER BY l.shard FOR UPDATE OF l SKIP LOCKED
    LOOP
        UPDATE shard_lease SET owner = me, beat = beat + 1, backend = 0 WHERE shard = old.shard;
        IF old.backend <> 0 THEN
            PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
              WHERE pid = old.backend AND backend_start = old.backend_start;
        END IF;
    END LOOP;
END $$;

-- A new epoch for a shard whose lease the caller holds. Waits for an older transaction on the row.
-- Raises EX003 when the lease is another's. Runs on the connection that will commit.
CREATE FUNCTION exo_shard_take(which integer, me text)
RETURNS SETOF shard LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_terminate_backend(a.pid)
       FROM shard_lease l JOIN pg_stat_activity a
         ON a.pid = l.backend AND a.backend_start = l.backend_start
      WHERE l.shard = which AND l.owner = me AND a.pid <> pg_backend_pid();
    IF NOT EXISTS (SELECT FROM shard_lease WHERE shard = which AND owner = me) THEN
        RAISE EXCEPTION 'the lease of shard % is not held by %', which, me USING ERRCODE = 'EX003';
    END IF;
    RETURN QUERY
        UPDATE shard SET epoch = greatest(epoch + 1, extract(epoch FROM clock_timestamp())::bigint)
         WHERE shard = which RETURNING shard.*;
    UPDATE shard_lease
       SET backend = pg_backend_pid(),
           backend_start = (SELECT backend_start FROM pg_stat_activity
                             WHERE pid = pg_backend_pid())
     WHERE shard = which AND owner = me;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the lease of shard % is not held by %', which, me USING ERRCODE = 'EX003';
    END IF;
END $$;
