#include "infra/store/postgres_sql.h"

#include <stddef.h>

/* The first columns of every read of executions; postgres_read.c names them by number. */
#define EXECUTION_HEAD                                                                             \
    "e.id, e.shard, e.is_terminal, e.priority, e.epoch, e.batch, e.submitted_ns, e.started_ns, "   \
    "e.ended_ns, e.deadline_ns, e.project, e.cluster, e.state, e.definition, e.labels, e.error"
#define EXECUTION_ALL EXECUTION_HEAD ", e.input, e.output, e.output_ref, e.body, d.text"

/* The columns of a shard's row, as read_shard reads them. */
#define SHARD_COLUMNS                                                                              \
    "s.epoch, s.batch, s.now_ns, s.jobs_offset, s.jobs_checksum, s.status_offset, "                \
    "s.status_checksum, s.event_batch, s.extra"

/* A chunk of rows r, each with the shard's row of the same instant; that one alone with no rows. */
#define ROWS(columns, rows, order)                                                                 \
    "SELECT " columns ", " SHARD_COLUMNS " FROM shard s LEFT JOIN (" rows ") r ON true "           \
    "WHERE s.shard = $1::int ORDER BY " order
#define ROWS_EXECUTIONS(rows)                                                                      \
    "SELECT " EXECUTION_HEAD ", e.input, e.output, e.output_ref, e.body, "                         \
    "CASE WHEN row_number() OVER (PARTITION BY e.definition ORDER BY e.id) = 1 THEN d.text END, "  \
    "EXISTS (SELECT FROM live_execution l WHERE l.shard = s.shard AND l.id = "                     \
    "e.id), " SHARD_COLUMNS " FROM shard s LEFT JOIN (" rows ") e ON true "                        \
    "LEFT JOIN definition d ON d.digest = e.definition WHERE s.shard = $1::int ORDER BY e.id"

/* A version and its name, as read_result of postgres_versions.c reads them; a text follows. */
#define VERSION_COLUMNS                                                                            \
    "v.project, v.name, v.number, v.digest, v.created_ns, v.actor, v.message, n.is_deleted, "      \
    "n.newest"
#define VERSION_TABLES                                                                             \
    " FROM stored_name n JOIN stored_version v ON v.kind = n.kind AND v.project = n.project "      \
    "AND v.name = n.name "
#define VERSION_OF_NAME "WHERE n.kind = $1::bigint AND n.project = $2::text AND n.name = $3::text "
/* The names of a page first: whatever the planner knows of the tables, it joins no more than these.
 */
#define VERSION_PAGE(text, join)                                                                   \
    "SELECT " VERSION_COLUMNS ", " text " FROM (SELECT kind, project, name, newest, is_deleted "   \
    "FROM stored_name WHERE kind = $1::bigint AND ($2::text = '' OR project = $2::text) "          \
    "AND NOT is_deleted AND (project, name) > ($4::text, $3::text) "                               \
    "ORDER BY project, name LIMIT $5::bigint) n JOIN stored_version v ON v.kind = n.kind "         \
    "AND v.project = n.project AND v.name = n.name AND v.number = n.newest " join                  \
    "ORDER BY n.project, n.name"

/* Commits join on keys by nested loops whatever the planner's statistics say of a young table; one
 * plan, made once. The server ends a transaction whose client is silent, so that no lock outlives
 * its owner by more than 3 s. */
const char POSTGRES_SETUP_COMMITS[] =
    "SELECT set_config('synchronous_commit', 'on', false), "
    "set_config('idle_in_transaction_session_timeout', '3s', false), "
    "set_config('statement_timeout', '8s', false), "
    "set_config('plan_cache_mode', 'force_generic_plan', false), "
    "set_config('enable_seqscan', 'off', false), "
    "set_config('enable_hashjoin', 'off', false), "
    "set_config('enable_mergejoin', 'off', false), "
    "set_config('jit', 'off', false)";
const char POSTGRES_SETUP_MIGRATOR[] = "SELECT set_config('client_min_messages', 'warning', false)";

/* clang-format off */
/* A blob that nothing names and nobody put again since $1, microseconds since 1970. */
#define UNUSED(b)                                                                                  \
    b ".touched_at < 'epoch'::timestamptz + $1::bigint * interval '1 microsecond' "                \
      "AND NOT EXISTS (SELECT FROM blob_reference r WHERE r.digest = " b ".digest)"

const struct postgres_sql postgres_sql[SQL_STATEMENT_NR] = {
    [SQL_BEGIN] = {"begin", "BEGIN"},
    [SQL_COMMIT] = {"commit", "COMMIT"},
    [SQL_ROLLBACK] = {"rollback", "ROLLBACK"},
    [SQL_FENCE] = {"fence",
        "SELECT exo_fence($1::int[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], "
        "$6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bytea[])"},
    /* Ordered, so that two processes that bring the same definitions cannot deadlock. */
    [SQL_DEFINITIONS] = {"definitions",
        "INSERT INTO definition SELECT * FROM unnest($1::bytea[], $2::bytea[]) r (digest, text) "
        "ORDER BY digest ON CONFLICT DO NOTHING"},
    [SQL_INSERTS] = {"inserts",
        "INSERT INTO execution (id, shard, priority, epoch, batch, submitted_ns, started_ns, "
        "ended_ns, deadline_ns, is_terminal, state, project, cluster, definition, labels, input, "
        "output, output_ref, error, body) "
        "SELECT * FROM unnest($1::uuid[], $2::int[], $3::int[], $4::bigint[], $5::bigint[], "
        "$6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bool[], $11::text[], "
        "$12::text[], $13::text[], $14::bytea[], $15::json[], $16::bytea[], $17::bytea[], "
        "$18::bytea[], $19::text[], $20::bytea[])"},
    [SQL_UPDATES] = {"updates",
        "WITH u AS (UPDATE execution e SET epoch = r.epoch, batch = r.batch, "
        "started_ns = r.started_ns, ended_ns = r.ended_ns, deadline_ns = r.deadline_ns, "
        "is_terminal = r.is_terminal, state = r.state, output = r.output, "
        "output_ref = r.output_ref, error = r.error, body = r.body "
        "FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], "
        "$6::bigint[], $7::bool[], $8::text[], $9::bytea[], $10::bytea[], $11::text[], "
        "$12::bytea[]) r (id, epoch, batch, started_ns, ended_ns, deadline_ns, is_terminal, "
        "state, output, output_ref, error, body) WHERE e.id = r.id RETURNING 1) "
        "SELECT exo_expect(cardinality($1::uuid[]), count(*), 'execution') FROM u"},
    [SQL_LIVE_PUT] = {"live_put",
        "INSERT INTO live_execution SELECT * FROM unnest($1::int[], $2::uuid[]) "
        "ON CONFLICT DO NOTHING"},
    /* By ctid, and that by the key: Postgres counts such a table when it happens to be empty, would
     * turn a join with it round, and read all of it for each row. */
    [SQL_LIVE_DROP] = {"live_drop",
        "DELETE FROM live_execution l USING unnest($1::int[], $2::uuid[]) r (shard, id) WHERE l.ctid = "
        "(SELECT x.ctid FROM live_execution x WHERE x.shard = r.shard AND x.id = r.id)"},
    [SQL_SPANNING_PUT] = {"spanning_put",
        "INSERT INTO spanning (shard, kind, id, body) "
        "SELECT * FROM unnest($1::int[], $2::int[], $3::bytea[], $4::bytea[]) "
        "ON CONFLICT (shard, kind, id) DO UPDATE SET body = excluded.body"},
    [SQL_SPANNING_DROP] = {"spanning_drop",
        "DELETE FROM spanning s "
        "USING unnest($1::int[], $2::int[], $3::bytea[]) r (shard, kind, id) "
        "WHERE s.ctid = (SELECT x.ctid FROM spanning x "
        "WHERE x.shard = r.shard AND x.kind = r.kind AND x.id = r.id)"},
    [SQL_RUNS] = {"runs",
        "INSERT INTO group_run (execution, instance, index, number, is_ended, body) "
        "SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bool[], "
        "$6::bytea[]) ON CONFLICT (execution, instance, index) DO UPDATE "
        "SET number = excluded.number, is_ended = excluded.is_ended, body = excluded.body"},
    [SQL_PAGES] = {"pages",
        "INSERT INTO task_page SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], "
        "$4::bytea[]) ON CONFLICT (execution, instance, page) DO UPDATE SET body = excluded.body"},
    [SQL_SEGMENTS] = {"segments",
        "INSERT INTO task_output SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], "
        "$4::bigint[], $5::bigint[], $6::bytea[])"},
    [SQL_REFERENCES] = {"references",
        "INSERT INTO blob_reference SELECT * FROM unnest($1::uuid[], $2::bytea[]) "
        "ON CONFLICT DO NOTHING"},
    [SQL_JOURNAL] = {"journal",
        "INSERT INTO journal SELECT * FROM unnest($1::int[], $2::bigint[], $3::bigint[], "
        "$4::bigint[], $5::bytea[], $6::bytea[])"},
    [SQL_DEAD_LETTERS] = {"dead_letters",
        "INSERT INTO dead_letter (topic, partition, position, at_ns, reason, key, value) "
        "SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], "
        "$6::bytea[], $7::bytea[])"},

    [SQL_GUARD_CLEAR] = {"guard_clear",
        "UPDATE shard_guard SET marker = '', marked_by = '', "
        "deaths = CASE WHEN suspect = marker THEN 0 ELSE deaths END, "
        "suspect = CASE WHEN suspect = marker THEN '' ELSE suspect END "
        "WHERE shard = ANY ($1::int[])"},

    [SQL_SHARD_TAKE] = {"shard_take",
        "SELECT " SHARD_COLUMNS ", clock_timestamp() "
        "FROM exo_shard_take($1::int, $2::text) s"},
    [SQL_SHARD_GET] = {"shard_get", "SELECT " SHARD_COLUMNS " FROM shard s WHERE shard = $1::int"},
    [SQL_GUARD_OPEN] = {"guard_open",
        "SELECT g.crashes, g.deaths, g.suspect FROM exo_guard_open($1::int, $2::text) g"},
    [SQL_GUARD_MARK] = {"guard_mark", "SELECT exo_guard_mark($1::int, $2::text, $3::text)"},
    [SQL_GUARD_CLOSE] = {"guard_close", "SELECT exo_guard_close($1::text, $2::bool, $3::int[])"},
    [SQL_LEASE_ROUND] = {"lease_round",
        "SELECT exo_lease_round($1::text, $2::bool, $3::int[], $4::int[], $5::text[], "
        "$6::bigint[])"},
    [SQL_LEASES] = {"leases", "SELECT shard, owner, beat, clock_timestamp() FROM shard_lease ORDER BY shard"},
    [SQL_PROCESSES] = {"processes",
        "SELECT process, beat FROM scheduler_process ORDER BY process"},

    [SQL_LOAD_SPANNING] = {"load_spanning",
        "SELECT kind, id, body FROM spanning "
        "WHERE shard = $1::int AND (kind, id) > ($2::int, $3::bytea) "
        "ORDER BY kind, id LIMIT " POSTGRES_CHUNK_LIMIT},
    /* A definition's text comes once a chunk, with the first execution that has it. */
    [SQL_LOAD_EXECUTIONS] = {"load_executions",
        "SELECT " EXECUTION_HEAD ", e.input, e.output, e.output_ref, e.body, "
        "CASE WHEN row_number() OVER (PARTITION BY e.definition ORDER BY e.id) = 1 THEN d.text END "
        "FROM (SELECT x.* FROM live_execution l JOIN execution x ON x.id = l.id "
        "WHERE l.shard = $1::int AND l.id > $2::uuid ORDER BY l.id LIMIT " POSTGRES_CHUNK_LIMIT
        ") e LEFT JOIN definition d ON d.digest = e.definition ORDER BY e.id"},
    [SQL_LOAD_RUNS] = {"load_runs",
        "SELECT r.execution, r.instance, r.index, r.number, r.is_ended, r.body "
        "FROM live_execution l JOIN group_run r ON r.execution = l.id AND NOT r.is_ended "
        "WHERE l.shard = $1::int AND l.id >= $2::uuid "
        "AND (l.id > $2::uuid OR r.number > $3::bigint) "
        "ORDER BY l.id, r.number LIMIT " POSTGRES_CHUNK_LIMIT},
    [SQL_LOAD_PAGES] = {"load_pages",
        "SELECT p.execution, p.instance, p.page, p.body "
        "FROM live_execution l JOIN task_page p ON p.execution = l.id "
        "WHERE l.shard = $1::int AND l.id >= $2::uuid "
        "AND (l.id > $2::uuid OR (p.instance, p.page) > ($3::bigint, $4::bigint)) "
        "ORDER BY l.id, p.instance, p.page LIMIT " POSTGRES_CHUNK_LIMIT},
    [SQL_LOAD_SEGMENTS] = {"load_segments",
        "SELECT o.execution, o.instance, o.kind, o.page, o.part, o.body "
        "FROM live_execution l JOIN task_output o ON o.execution = l.id "
        "WHERE l.shard = $1::int AND l.id >= $2::uuid "
        "AND (o.kind = 1 OR (o.kind = 0 AND o.page = 4294967295)) "
        "AND (l.id > $2::uuid OR (o.instance, o.kind, o.page, o.part) > "
        "($3::bigint, $5::bigint, $4::bigint, $6::bigint)) "
        "ORDER BY l.id, o.instance, o.kind, o.page, o.part LIMIT " POSTGRES_CHUNK_LIMIT},
    [SQL_EXECUTION_GET] = {"execution_get",
        "SELECT " EXECUTION_ALL " FROM execution e "
        "LEFT JOIN definition d ON d.digest = e.definition WHERE e.id = $1::uuid"},
    [SQL_EXECUTION_KNOWN] = {"execution_known",
        "SELECT i.n FROM unnest($1::uuid[]) WITH ORDINALITY i (id, n) "
        "JOIN execution e ON e.id = i.id UNION ALL "
        "SELECT i.n FROM unnest($1::uuid[]) WITH ORDINALITY i (id, n) "
        "JOIN tombstone t ON t.id = i.id"},
    /* Not prepared: a plan must know which conditions are there. */
    [SQL_EXECUTION_LIST] = {NULL,
        "SELECT " EXECUTION_HEAD " FROM execution e "
        "WHERE ($1::text IS NULL OR e.project = $1) AND ($2::text IS NULL OR e.state = $2) "
        "AND ($3::text IS NULL OR e.cluster = $3) "
        "AND ($4::text IS NULL OR (e.labels IS NOT NULL "
        "AND e.labels::jsonb @> jsonb_build_object($4::text, $5::text))) "
        "AND e.submitted_ns >= $6::bigint AND e.submitted_ns < $7::bigint "
        "AND (e.submitted_ns, e.id) < ($8::bigint, $9::uuid) "
        "ORDER BY e.submitted_ns DESC, e.id DESC LIMIT $10::bigint"},
    [SQL_PAGE_GET] = {"page_get",
        "SELECT execution, instance, page, body FROM task_page WHERE execution = $1::uuid "
        "AND instance = $2::bigint AND page BETWEEN $3::bigint AND $4::bigint ORDER BY page"},
    [SQL_RUN_GET] = {"run_get",
        "SELECT execution, instance, index, number, is_ended, body FROM group_run "
        "WHERE execution = $1::uuid AND instance = $2::bigint "
        "AND index BETWEEN $3::bigint AND $4::bigint ORDER BY index"},
    [SQL_RUN_LIVE] = {"run_live",
        "SELECT execution, instance, index, number, is_ended, body FROM group_run "
        "WHERE execution = $1::uuid AND NOT is_ended AND number >= coalesce((SELECT max(number) "
        "FROM group_run WHERE execution = $1::uuid AND NOT is_ended AND number <= $2::bigint), 0) "
        "ORDER BY number LIMIT $3::bigint"},
    [SQL_SEGMENT_GET] = {"segment_get",
        "SELECT execution, instance, kind, page, part, body FROM task_output "
        "WHERE execution = $1::uuid AND instance = $2::bigint AND kind = $3::bigint "
        "AND page BETWEEN $4::bigint AND $5::bigint ORDER BY page, part"},
    [SQL_JOURNAL_GET] = {"journal_get",
        "SELECT epoch, batch, body FROM journal WHERE shard = $1::int AND batch > $2::bigint "
        "AND octet_length(body) > 0 ORDER BY batch LIMIT $3::bigint"},
    [SQL_JOURNAL_OLDEST] = {"journal_oldest",
        "SELECT coalesce(min(batch), 0) FROM journal WHERE shard = $1::int"},

    [SQL_KEY_PUT] = {"key_put",
        "INSERT INTO idempotency_key (project, key, execution, body_digest) "
        "VALUES ($1::text, $2::text, $3::uuid, $4::bytea) ON CONFLICT DO NOTHING"},
    [SQL_KEY_GET] = {"key_get",
        "SELECT execution, body_digest FROM idempotency_key "
        "WHERE project = $1::text AND key = $2::text"},
    [SQL_BLOB_PUT] = {"blob_put",
        "INSERT INTO blob AS b VALUES ($1::bytea, clock_timestamp(), $2::bytea) "
        "ON CONFLICT (digest) DO UPDATE SET touched_at = excluded.touched_at"},
    [SQL_BLOB_GET] = {"blob_get", "SELECT bytes FROM blob WHERE digest = $1::bytea"},
    [SQL_OBJECT_BEGIN] = {"object_begin",
        "INSERT INTO blob_doomed VALUES ($1::text, clock_timestamp())"},
    [SQL_OBJECT_PUT] = {"object_put",
        "SELECT key, $3::bigint FROM exo_object_put($1::bytea, $2::text, $3::bigint) AS o (key)"},
    [SQL_OBJECT_TOUCH] = {"object_touch",
        "UPDATE blob_object SET touched_at = clock_timestamp() WHERE digest = $1::bytea "
        "RETURNING key, bytes"},
    [SQL_OBJECT_GET] = {"object_get",
        "SELECT key, bytes FROM blob_object WHERE digest = $1::bytea"},
    [SQL_OBJECT_CLAIM] = {"object_claim",
        "UPDATE blob_doomed SET is_going = true WHERE key IN ("
        "SELECT key FROM blob_doomed "
        "WHERE doomed_at <= clock_timestamp() - $1::bigint * interval '1 microsecond' "
        "ORDER BY doomed_at LIMIT $2::bigint FOR UPDATE SKIP LOCKED) RETURNING key"},
    [SQL_OBJECT_FORGET] = {"object_forget", "DELETE FROM blob_doomed WHERE key = $1::text"},
    [SQL_RESULT_GET] = {"result_get",
        "SELECT body FROM cached_result WHERE key = $1::bytea AND expires_at > clock_timestamp()"},
    [SQL_RESULT_PUT] = {"result_put",
        "WITH kept AS (INSERT INTO cached_result VALUES "
        "($1::bytea, clock_timestamp() + $2::bigint * interval '1 microsecond', $3::bytea) "
        "ON CONFLICT (key) DO UPDATE SET expires_at = excluded.expires_at, body = excluded.body) "
        "INSERT INTO blob_reference SELECT encode(substr($1::bytea, 1, 16), 'hex')::uuid, digest "
        "FROM unnest($4::bytea[]) AS d (digest) ON CONFLICT DO NOTHING"},
    [SQL_COLLECT_RESULTS] = {"collect_results",
        "WITH old AS (SELECT key FROM cached_result WHERE expires_at < clock_timestamp() "
        "ORDER BY expires_at LIMIT $1::bigint FOR UPDATE SKIP LOCKED), "
        "gone AS (DELETE FROM cached_result c USING old WHERE c.key = old.key RETURNING c.key) "
        "DELETE FROM blob_reference r USING gone "
        "WHERE r.execution = encode(substr(gone.key, 1, 16), 'hex')::uuid"},
    /* Whoever touches a row meanwhile is waited for or skipped, and the row is looked at again. */
    [SQL_COLLECT_BLOBS] = {"collect_blobs",
        "WITH old AS (SELECT digest FROM blob b WHERE " UNUSED("b") " LIMIT $2::bigint "
        "FOR UPDATE SKIP LOCKED), "
        "gone AS (DELETE FROM blob b USING old WHERE b.digest = old.digest "
        "RETURNING length(b.bytes) AS bytes) "
        "SELECT count(*), coalesce(sum(bytes), 0)::bigint FROM gone"},
    [SQL_COLLECT_OBJECTS] = {"collect_objects",
        "WITH old AS (SELECT digest FROM blob_object b WHERE " UNUSED("b") " LIMIT $2::bigint "
        "FOR UPDATE SKIP LOCKED), "
        "gone AS (DELETE FROM blob_object b USING old WHERE b.digest = old.digest "
        "RETURNING b.key, b.bytes), "
        "doomed AS (INSERT INTO blob_doomed SELECT key, clock_timestamp() FROM gone) "
        "SELECT count(*), coalesce(sum(bytes), 0)::bigint FROM gone"},
    [SQL_COLLECT_COUNT] = {"collect_count",
        "SELECT count(*), coalesce(sum(length(bytes)), 0)::bigint, "
        "(SELECT count(*) FROM blob_object b WHERE " UNUSED("b") "), "
        "(SELECT coalesce(sum(bytes), 0)::bigint FROM blob_object b WHERE " UNUSED("b") ") "
        "FROM blob b WHERE " UNUSED("b")},
    [SQL_SPANNING_READ] = {"spanning_read",
        "SELECT kind, id, body FROM spanning WHERE kind = $1::int AND id >= $2::bytea "
        "AND shard = $4::int ORDER BY id LIMIT $3::bigint"},
    [SQL_SPANNING_READ_ALL] = {"spanning_read_all",
        "SELECT kind, id, body FROM spanning WHERE kind = $1::int AND id >= $2::bytea "
        "ORDER BY id LIMIT $3::bigint"},
    [SQL_DEAD_LETTER_LIST] = {"dead_letter_list",
        "SELECT id, is_replayed, topic, partition, position, at_ns, reason, key, value "
        "FROM dead_letter WHERE id > $1::bigint ORDER BY id LIMIT $2::bigint"},
    [SQL_DEAD_LETTER_REPLAYED] = {"dead_letter_replayed",
        "UPDATE dead_letter SET is_replayed = true WHERE id = $1::bigint RETURNING 1"},
    [SQL_RESTORE_POINT_BEGIN] = {"restore_point_begin",
        "SELECT id, begun_at, completed_at FROM exo_restore_point_begin()"},
    [SQL_RESTORE_POINT_COMPLETE] = {"restore_point_complete",
        "SELECT id, begun_at, completed_at FROM exo_restore_point_complete($1::bigint)"},
    [SQL_RESTORE_POINT_LIST] = {"restore_point_list",
        "SELECT id, begun_at, completed_at FROM restore_point ORDER BY id DESC LIMIT 1000"},
    [SQL_RESTORE_FLOORS] = {"restore_floors",
        "SELECT shard, jobs_offset, status_offset FROM restore_point_shard "
        "WHERE point = (SELECT max(id) FROM restore_point WHERE completed_at IS NOT NULL) "
        "ORDER BY shard"},
    [SQL_PLACES] = {"places", "SELECT shard, jobs_offset, status_offset FROM shard ORDER BY shard"},
    /* Looks at the oldest rows only: what is due stands in front. */
    [SQL_JOURNAL_DROP] = {"journal_drop",
        "WITH d AS (DELETE FROM journal WHERE ctid = ANY (ARRAY(SELECT o.ctid FROM "
        "(SELECT j.ctid, j.at_ns FROM journal j WHERE j.shard = $1::int AND j.batch <= "
        "least((SELECT s.event_batch FROM shard s WHERE s.shard = $1::int), "
        "coalesce((SELECT p.base FROM journal_snapshot p WHERE p.shard = $1::int "
        "AND p.ended_ns < $2::bigint ORDER BY p.id DESC LIMIT 1), 0)) "
        "ORDER BY j.batch LIMIT $3::bigint) o WHERE o.at_ns < $2::bigint)) RETURNING 1) "
        "SELECT count(*) FROM d"},
    [SQL_LETTERS_DROP] = {"letters_drop",
        "WITH d AS (DELETE FROM dead_letter WHERE id = ANY (ARRAY(SELECT l.id FROM "
        "(SELECT id, partition, at_ns FROM dead_letter ORDER BY id LIMIT $2::bigint) l "
        "WHERE l.at_ns < $1::bigint AND l.at_ns <= (SELECT p.begun_ns FROM journal_snapshot p "
        "WHERE p.shard = l.partition AND p.end_batch IS NOT NULL ORDER BY p.id DESC LIMIT 1))) "
        "RETURNING 1) SELECT count(*) FROM d"},
    /* From each project to the next one by a look at execution_by_project. */
    [SQL_OLD_PROJECTS] = {"old_projects",
        "WITH RECURSIVE p AS ((SELECT e.project, e.submitted_ns, 1::bigint AS place "
        "FROM execution e WHERE e.project > $1::text ORDER BY e.project, e.submitted_ns LIMIT 1) "
        "UNION ALL SELECT o.project, o.submitted_ns, p.place + 1 FROM p CROSS JOIN LATERAL "
        "(SELECT e.project, e.submitted_ns FROM execution e WHERE e.project > p.project "
        "ORDER BY e.project, e.submitted_ns LIMIT 1) o WHERE p.place < $2::bigint) "
        "SELECT project, submitted_ns FROM p ORDER BY place"},
    /* Compared by project too, so that no plan goes by execution_by_time. */
    [SQL_OLD_LIST] = {"old_list",
        "SELECT id, shard, submitted_ns, ended_ns FROM execution WHERE project = $1::text "
        "AND (project, submitted_ns, id) > ($1::text, $2::bigint, $3::uuid) "
        "AND submitted_ns < $4::bigint AND is_terminal AND ended_ns < $4::bigint "
        "ORDER BY project, submitted_ns, id LIMIT $5::bigint"},
    [SQL_EXECUTION_DROP] = {"execution_drop",
        "SELECT d.dropped, d.is_more FROM exo_execution_drop(ARRAY(SELECT i.id "
        "FROM unnest($1::uuid[]) WITH ORDINALITY i (id, place) WHERE NOT EXISTS (SELECT FROM "
        "blob_reference r WHERE r.digest = uuid_send(i.id) || decode(repeat('00', 16), 'hex')) "
        "OR EXISTS (SELECT FROM tombstone t WHERE t.id = i.id) ORDER BY i.place), $2::bigint) d"},
    [SQL_DEFINITION_DROP] = {"definition_drop",
        "SELECT dropped, last FROM exo_definition_drop($1::bytea, $2::bigint)"},
    [SQL_IMPRINT_GET] = {"imprint_get",
        "SELECT epoch, batch, at_ns, body, imprint FROM journal "
        "WHERE shard = $1::bigint AND batch > $2::bigint ORDER BY batch LIMIT $3::bigint"},
    [SQL_SNAPSHOT_LIST] = {"snapshot_list",
        "SELECT id, shard, epoch, base, end_batch, begun_ns, ended_ns FROM journal_snapshot "
        "WHERE shard = $1::bigint ORDER BY id"},
    [SQL_JOURNAL_PLACE] = {"journal_place",
        "SELECT s.batch, (SELECT min(j.batch) FROM journal j WHERE j.shard = s.shard), "
        "(SELECT max(j.batch) FROM journal j WHERE j.shard = s.shard AND j.imprint IS NULL) "
        "FROM shard s WHERE s.shard = $1::bigint"},
    [SQL_SNAPSHOT_BEGIN] = {"snapshot_begin",
        "INSERT INTO journal_snapshot (shard, epoch, base, begun_ns) "
        "SELECT shard, epoch, batch, now_ns FROM shard WHERE shard = $1::bigint "
        "RETURNING id, shard, epoch, base, end_batch, begun_ns, ended_ns"},
    [SQL_SNAPSHOT_PUT] = {"snapshot_put",
        "INSERT INTO journal_slice SELECT p.id, $2::bigint, $5::bytea FROM journal_snapshot p "
        "JOIN shard s ON s.shard = p.shard WHERE p.id = $1::bigint AND p.end_batch IS NULL "
        "AND p.epoch = $3::bigint AND s.epoch = $3::bigint AND s.batch >= $4::bigint "
        "RETURNING snapshot"},
    [SQL_SNAPSHOT_END] = {"snapshot_end",
        "UPDATE journal_snapshot p SET end_batch = s.batch, ended_ns = s.now_ns FROM shard s "
        "WHERE p.id = $1::bigint AND s.shard = p.shard AND s.epoch = p.epoch "
        "AND p.end_batch IS NULL RETURNING p.id"},
    [SQL_SLICE_GET] = {"slice_get",
        "SELECT body FROM journal_slice WHERE snapshot = $1::bigint AND part >= $2::bigint "
        "ORDER BY part LIMIT $3::bigint"},
    /* Given up, or older than the newest whole one from before $2. Slices first. */
    [SQL_SNAPSHOT_DROP] = {"snapshot_drop",
        "WITH old AS MATERIALIZED (SELECT id FROM journal_snapshot WHERE shard = $1::bigint AND "
        "((end_batch IS NULL AND id < (SELECT max(id) FROM journal_snapshot "
        "WHERE shard = $1::bigint)) OR id < (SELECT max(id) FROM journal_snapshot "
        "WHERE shard = $1::bigint AND ended_ns < $2::bigint))), "
        "d AS (DELETE FROM journal_slice WHERE ctid = ANY (ARRAY(SELECT c.ctid "
        "FROM journal_slice c JOIN old ON c.snapshot = old.id LIMIT $3::bigint)) RETURNING 1), "
        "e AS (DELETE FROM journal_snapshot p USING old WHERE p.id = old.id AND NOT EXISTS "
        "(SELECT FROM journal_slice c WHERE c.snapshot = p.id) RETURNING 1) "
        "SELECT count(*) FROM d"},
    [SQL_ROWS_SPANNING] = {"rows_spanning", ROWS("r.kind, r.id, r.body",
        "SELECT kind, id, body FROM spanning WHERE shard = $1::int AND "
        "(kind, id) > ($2::int, $3::bytea) ORDER BY kind, id LIMIT " POSTGRES_CHUNK_LIMIT,
        "r.kind, r.id")},
    [SQL_ROWS_LETTERS] = {"rows_letters",
        ROWS("r.id, r.topic, r.partition, r.position, r.at_ns, r.reason, r.key, r.value",
        "SELECT * FROM dead_letter WHERE partition = $1::int AND id > $2::bigint "
        "ORDER BY id LIMIT " POSTGRES_CHUNK_LIMIT, "r.id")},
    [SQL_ROWS_EXECUTIONS] = {"rows_executions", ROWS_EXECUTIONS(
        "SELECT x.* FROM execution x WHERE x.shard = $1::int AND x.id > $2::uuid "
        "ORDER BY x.id LIMIT " POSTGRES_CHUNK_LIMIT)},
    [SQL_ROWS_EXECUTIONS_LIVE] = {"rows_executions_live", ROWS_EXECUTIONS(
        "SELECT x.* FROM live_execution v JOIN execution x ON x.id = v.id "
        "WHERE v.shard = $1::int AND v.id > $2::uuid ORDER BY v.id LIMIT " POSTGRES_CHUNK_LIMIT)},
    [SQL_ROWS_EXECUTIONS_OF] = {"rows_executions_of", ROWS_EXECUTIONS(
        "SELECT x.* FROM execution x WHERE x.id = ANY ($2::uuid[])")},
    [SQL_ROWS_DELETED] = {"rows_deleted", "SELECT id FROM tombstone WHERE id = ANY ($1::uuid[])"},
    [SQL_ROWS_RUNS_OF] = {"rows_runs_of",
        ROWS("r.execution, r.instance, r.index, r.number, r.is_ended, r.body",
        "SELECT g.* FROM unnest($2::uuid[]) i (id) JOIN group_run g ON g.execution = i.id "
        "WHERE (g.execution, g.instance, g.index) > ($3::uuid, $4::bigint, $5::bigint) "
        "ORDER BY g.execution, g.instance, g.index LIMIT " POSTGRES_CHUNK_LIMIT,
        "r.execution, r.instance, r.index")},
    [SQL_ROWS_PAGES_OF] = {"rows_pages_of", ROWS("r.execution, r.instance, r.page, r.body",
        "SELECT p.* FROM unnest($2::uuid[]) i (id) JOIN task_page p ON p.execution = i.id "
        "WHERE (p.execution, p.instance, p.page) > ($3::uuid, $4::bigint, $5::bigint) "
        "ORDER BY p.execution, p.instance, p.page LIMIT " POSTGRES_CHUNK_LIMIT,
        "r.execution, r.instance, r.page")},
    [SQL_ROWS_OUTPUTS_OF] = {"rows_outputs_of",
        ROWS("r.execution, r.instance, r.kind, r.page, r.part, r.body",
        "SELECT o.* FROM unnest($2::uuid[]) i (id) JOIN task_output o ON o.execution = i.id "
        "WHERE (o.execution, o.instance, o.kind, o.page, o.part) > "
        "($3::uuid, $4::bigint, $5::bigint, $6::bigint, $7::bigint) "
        "ORDER BY o.execution, o.instance, o.kind, o.page, o.part LIMIT " POSTGRES_OUTPUTS_LIMIT,
        "r.execution, r.instance, r.kind, r.page, r.part")},
    [SQL_ROWS_REFERENCES_OF] = {"rows_references_of", ROWS("r.execution, r.digest",
        "SELECT f.* FROM unnest($2::uuid[]) i (id) JOIN blob_reference f ON f.execution = i.id "
        "WHERE (f.execution, f.digest) > ($3::uuid, $4::bytea) "
        "ORDER BY f.execution, f.digest LIMIT " POSTGRES_CHUNK_LIMIT,
        "r.execution, r.digest")},
    [SQL_VERSION_PUT] = {"version_put",
        "SELECT outcome, shown FROM exo_version_put($1::bigint, $2::text, $3::text, $4::bytea, "
        "$5::bytea, $6::text, $7::text, $8::bigint)"},
    [SQL_VERSION_DELETE] = {"version_delete",
        "SELECT outcome, shown FROM exo_version_delete($1::bigint, $2::text, $3::text, $4::bigint)"},
    [SQL_VERSION_ONE] = {"version_one",
        "SELECT " VERSION_COLUMNS ", d.text" VERSION_TABLES
        "JOIN definition d ON d.digest = v.digest " VERSION_OF_NAME
        "AND v.number = CASE $4::bigint WHEN 0 THEN n.newest ELSE $4::bigint END"},
    [SQL_VERSION_LIST] = {"version_list", VERSION_PAGE("''::bytea", "")},
    [SQL_VERSION_TEXTS] = {"version_texts",
        VERSION_PAGE("d.text", "JOIN definition d ON d.digest = v.digest ")},
    [SQL_VERSION_HISTORY] = {"version_history",
        "SELECT " VERSION_COLUMNS ", ''::bytea" VERSION_TABLES VERSION_OF_NAME
        "AND v.number < $4::bigint ORDER BY v.number DESC LIMIT $5::bigint"},
    [SQL_VERSION_OF_TEXT] = {"version_of_text",
        "SELECT " VERSION_COLUMNS ", ''::bytea" VERSION_TABLES VERSION_OF_NAME
        "AND v.digest = $4::bytea ORDER BY v.number DESC LIMIT 1"},
    /* Not prepared: the tables come and go before the first migration. */
    [SQL_IS_INSTALLED] = {NULL, "SELECT to_regclass('schema_version') IS NOT NULL"},
    [SQL_SCHEMA] = {NULL,
        "SELECT (SELECT max(version) FROM schema_version)::bigint, "
        "(SELECT max(shard_count) FROM install)::bigint, (SELECT secret FROM install)"},
};
/* clang-format on */
