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
    [SQL_LIVE_DROP] = {"live_drop",
        "DELETE FROM live_execution l USING unnest($1::int[], $2::uuid[]) r (shard, id) "
        "WHERE l.shard = r.shard AND l.id = r.id"},
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
        "$4::bigint[], $5::bytea[])"},
    [SQL_DEAD_LETTERS] = {"dead_letters",
        "INSERT INTO dead_letter (topic, partition, position, at_ns, reason, key, value) "
        "SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], "
        "$6::bytea[], $7::bytea[])"},

    [SQL_SHARD_TAKE] = {"shard_take",
        "SELECT " SHARD_COLUMNS ", clock_timestamp() "
        "FROM exo_shard_take($1::int, $2::text) s"},
    [SQL_SHARD_GET] = {"shard_get", "SELECT " SHARD_COLUMNS " FROM shard s WHERE shard = $1::int"},
    [SQL_LEASE_ROUND] = {"lease_round",
        "SELECT exo_lease_round($1::text, $2::bool, $3::int[], $4::int[], $5::text[], "
        "$6::bigint[])"},
    [SQL_LEASES] = {"leases", "SELECT shard, owner, beat FROM shard_lease ORDER BY shard"},
    [SQL_PROCESSES] = {"processes",
        "SELECT process, beat FROM scheduler_process ORDER BY process"},

    /* A definition's text comes once a chunk, with the first execution that has it. */
    [SQL_LOAD_EXECUTIONS] = {"load_executions",
        "SELECT " EXECUTION_HEAD ", e.input, e.output, e.output_ref, e.body, "
        "CASE WHEN row_number() OVER (PARTITION BY e.definition ORDER BY e.id) = 1 THEN d.text END "
        "FROM (SELECT x.* FROM live_execution l JOIN execution x ON x.id = l.id "
        "WHERE l.shard = $1::int AND l.id > $2::uuid ORDER BY l.id LIMIT " POSTGRES_CHUNK_LIMIT
        ") e LEFT JOIN definition d ON d.digest = e.definition ORDER BY e.id"},
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
        "JOIN execution e ON e.id = i.id"},
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
    [SQL_SEGMENT_GET] = {"segment_get",
        "SELECT execution, instance, kind, page, part, body FROM task_output "
        "WHERE execution = $1::uuid AND instance = $2::bigint AND kind = $3::bigint "
        "AND page BETWEEN $4::bigint AND $5::bigint ORDER BY page, part"},
    [SQL_JOURNAL_GET] = {"journal_get",
        "SELECT epoch, batch, body FROM journal WHERE shard = $1::int AND batch > $2::bigint "
        "ORDER BY batch LIMIT $3::bigint"},
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
    [SQL_DEAD_LETTER_LIST] = {"dead_letter_list",
        "SELECT id, is_replayed, topic, partition, position, at_ns, reason, key, value "
        "FROM dead_letter WHERE id > $1::bigint ORDER BY id LIMIT $2::bigint"},
    [SQL_DEAD_LETTER_REPLAYED] = {"dead_letter_replayed",
        "UPDATE dead_letter SET is_replayed = true WHERE id = $1::bigint RETURNING 1"},
    /* Not prepared: the tables come and go before the first migration. */
    [SQL_IS_INSTALLED] = {NULL, "SELECT to_regclass('schema_version') IS NOT NULL"},
    [SQL_SCHEMA] = {NULL,
        "SELECT (SELECT max(version) FROM schema_version)::bigint, "
        "(SELECT max(shard_count) FROM install)::bigint, (SELECT secret FROM install)"},
};
/* clang-format on */
