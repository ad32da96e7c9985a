#include "infra/store/postgres_store.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/sql/migrations.h"

/* Two scripts in one transaction: the first locks and reads, the second brings the schema up. A
 * migration with a statement that cannot be in one ends the second; behind that statement all goes
 * once more from the first. */
struct migrate_op {
    struct pg_op op;
    uint32_t shard_count;
    uint32_t version, oldest, installed;
    const char *beside;    /* to run behind the second script; NULL: nothing */
    uint32_t beside_place; /* migration it is of: 0, 1, ... */
    bool is_beside_done;
    bool is_taken; /* another program is at what goes beside */
    struct buffer script;
    struct exo_error refusal;
    bool is_refused;
    store_done *done;
};

/* One migration at a time in the whole database; the number is "exo" in ASCII. Then a lock that is
 * not had soon is given up and asked for again later: behind one that waits all others wait,
 * commits and leases too. The two tables that say what is installed stand before all migrations; a
 * program before the column oldest left it NULL: only those that know the whole schema fit. What is
 * done beside stands between transactions: while somebody is at it, which the lock of his session
 * says, others come again later (one that waited for it would be waited for by his index). The
 * secret: two UUIDs hold 244 bits of the server's strong random source, which without pgcrypto
 * gives no plain bytes. */
static const char FIRST_SCRIPT[] =
    "BEGIN; SELECT pg_advisory_xact_lock(6649967); "
    "SET LOCAL lock_timeout = '1s'; "
    "CREATE TABLE IF NOT EXISTS schema_version ("
    "version bigint PRIMARY KEY, at_ns bigint NOT NULL);"
    "ALTER TABLE schema_version ADD COLUMN IF NOT EXISTS oldest bigint;"
    "CREATE TABLE IF NOT EXISTS install ("
    "is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only), "
    "shard_count integer NOT NULL CHECK (shard_count > 0), "
    "installed_at timestamptz NOT NULL DEFAULT now(), "
    "secret bytea NOT NULL DEFAULT sha256(convert_to("
    "gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')));"
    "SELECT coalesce((SELECT max(version) FROM schema_version), 0), "
    "coalesce((SELECT max(coalesce(oldest, version)) FROM schema_version), 0), "
    "coalesce((SELECT max(shard_count) FROM install), 0), "
    "pg_try_advisory_lock(6649968)";
static const char UNLOCK[] = "SELECT pg_advisory_unlock_all();";

static void migrate_done(struct pg_op *op, const struct exo_error *err)
{
    struct migrate_op *m = (struct migrate_op *)op;

    m->done(op->argument, err);
    buffer_release(&m->script);
    if (!op->store->is_closing) {
        loop_timer_start(op->store->retire, EXO_SECOND, 0);
    }
}

static void refuse(struct migrate_op *m)
{
    if (m->is_taken) {
        m->is_refused = true;
        (void)exo_error_set(&m->refusal, EXO_EUNAVAILABLE,
                            "another program is bringing the schema up and builds an index; try "
                            "again when it is done");
    } else if (m->shard_count > STORE_SHARDS_MAX) {
        m->is_refused = true;
        (void)exo_error_set(&m->refusal, EXO_EINVALID, "a store may have 1 to %d shards, not %u",
                            STORE_SHARDS_MAX, m->shard_count);
    } else if (m->oldest > sql_postgres_migration_count) {
        m->is_refused = true;
        (void)store_schema_refuse(m->version, m->oldest, sql_postgres_migration_count, &m->refusal);
    } else if (m->installed != 0 && m->shard_count != 0 && m->installed != m->shard_count) {
        m->is_refused = true;
        (void)exo_error_set(&m->refusal, EXO_ECONFLICT,
                            "the store was installed with %u shards and cannot have %u: set "
                            "shards to %u, or use another store",
                            m->installed, m->shard_count, m->installed);
    }
}

static void write_script(struct migrate_op *m)
{
    struct buffer *script = &m->script;
    char line[512];

    if (m->is_refused) {
        buffer_append(script, (struct span){"ROLLBACK", sizeof("ROLLBACK")});
        return;
    }
    for (uint32_t i = m->version; i < sql_postgres_migration_count; i++) {
        const struct sql_migration *migration = &sql_postgres_migrations[i];

        if (!m->is_beside_done || m->beside_place != i) {
            buffer_text(script, migration->text);
            if (migration->beside != NULL) {
                m->beside = migration->beside;
                m->beside_place = i;
                m->is_beside_done = false;
                buffer_text(script, ";");
                break;
            }
        }
        (void)snprintf(line, sizeof(line), ";INSERT INTO schema_version VALUES (%u, %lld, %u);",
                       i + 1, (long long)clock_wall_ns(), migration->oldest);
        buffer_text(script, line);
    }
    if (m->installed == 0) {
        uint32_t count = m->shard_count == 0 ? STORE_SHARDS_DEFAULT : m->shard_count;

        (void)snprintf(line, sizeof(line),
                       "INSERT INTO install (shard_count) VALUES (%u);"
                       "INSERT INTO shard (shard) SELECT generate_series(0, %u);"
                       "INSERT INTO shard_lease (shard) SELECT generate_series(0, %u);",
                       count, count - 1, count - 1);
        buffer_text(script, line);
    }
    if (m->beside == NULL) {
        buffer_text(script, UNLOCK);
    }
    buffer_append(script, (struct span){"COMMIT", sizeof("COMMIT")});
}

static void ask_script(struct migrate_op *m, const char *script,
                       void (*result)(struct link_request *request, uint32_t step,
                                      const PGresult *result),
                       void (*end)(struct link_request *request, enum link_outcome outcome,
                                   const struct link_failure *failure))
{
    m->op.request.script = script;
    m->op.request.result = result;
    m->op.request.end = end;
    postgres_link_ask(m->op.store->migrator, &m->op.request);
}

static void beside_end(struct link_request *request, enum link_outcome outcome,
                       const struct link_failure *failure);

static void second_end(struct link_request *request, enum link_outcome outcome,
                       const struct link_failure *failure)
{
    struct migrate_op *m = (struct migrate_op *)request;
    struct exo_error err;
    const struct exo_error *cause = m->is_refused ? &m->refusal : NULL;

    if (outcome == LINK_DONE && m->beside != NULL) {
        if (!m->op.store->is_closing) {
            ask_script(m, m->beside, NULL, beside_end);
            return;
        }
        outcome = LINK_UNSENT;
    }
    if (outcome != LINK_DONE && !m->is_refused) {
        cause = link_error(outcome, failure, &err);
    }
    migrate_done(&m->op, pg_error(m->op.store, cause));
    pg_op_free(&m->op);
}

static void first_result(struct link_request *request, uint32_t step, const PGresult *result)
{
    struct migrate_op *m = (struct migrate_op *)request;

    (void)step;
    if (PQntuples(result) == 1 && PQnfields(result) == 4) { /* a plain link answers in text */
        m->version = (uint32_t)strtoul(PQgetvalue(result, 0, 0), NULL, 10);
        m->oldest = (uint32_t)strtoul(PQgetvalue(result, 0, 1), NULL, 10);
        m->installed = (uint32_t)strtoul(PQgetvalue(result, 0, 2), NULL, 10);
        m->is_taken = PQgetvalue(result, 0, 3)[0] != 't';
    }
}

static void first_end(struct link_request *request, enum link_outcome outcome,
                      const struct link_failure *failure)
{
    struct migrate_op *m = (struct migrate_op *)request;

    if (outcome != LINK_DONE || m->op.store->is_closing) {
        second_end(request, outcome == LINK_DONE ? LINK_UNSENT : outcome, failure);
        return;
    }
    refuse(m);
    write_script(m);
    if (m->script.is_failed) {
        abort(); /* some kilobytes, once at start */
    }
    ask_script(m, (const char *)m->script.data, NULL, second_end);
}

static void beside_end(struct link_request *request, enum link_outcome outcome,
                       const struct link_failure *failure)
{
    struct migrate_op *m = (struct migrate_op *)request;

    m->beside = NULL;
    if (outcome != LINK_DONE || m->op.store->is_closing) {
        second_end(request, outcome == LINK_DONE ? LINK_UNSENT : outcome, failure);
        return;
    }
    m->is_beside_done = true;
    buffer_reset(&m->script);
    ask_script(m, FIRST_SCRIPT, first_result, first_end);
}

void postgres_store_migrate(struct store *store, uint32_t shard_count, store_done *done,
                            void *argument)
{
    struct postgres_store *s = (struct postgres_store *)store;
    struct migrate_op *m = pg_op_new(store, sizeof(*m), argument);
    struct exo_error err;

    if (s->migrator == NULL) {
        const struct postgres_link_settings settings = {
            .url = s->url,
            .application = s->application,
            .purpose = "migration",
            .setup = POSTGRES_SETUP_MIGRATOR,
            .depth = 1,
            .is_plain = true,
        };

        s->migrator = postgres_link_new(s->loop, &settings, &err);
        assert(s->migrator != NULL); /* the same url opened the other links */
    }
    m->shard_count = shard_count;
    m->done = done;
    buffer_init(&m->script, allocator_heap(&m->op.budget), 0);
    ask_script(m, FIRST_SCRIPT, first_result, first_end);
}

void postgres_migrator_retire(void *argument)
{
    struct postgres_store *s = argument;

    if (s->migrator != NULL && postgres_link_load(s->migrator) == 0) {
        postgres_link_free(s->migrator);
        s->migrator = NULL;
    }
}

/* ---- what is installed ---- */

struct schema_op {
    struct pg_op op;
    struct store_schema schema;
    bool is_installed;
    store_schema_done *done;
};

static const uint8_t SCHEMA_STATEMENTS[] = {SQL_SCHEMA};
static const uint8_t INSTALLED_STATEMENTS[] = {SQL_IS_INSTALLED};

static void schema_send(struct link_request *request, struct postgres_link *link)
{
    const struct schema_op *op = (const struct schema_op *)request;

    link_send(link, op->is_installed ? SQL_SCHEMA : SQL_IS_INSTALLED, link_params(link));
}

static void copy_secret(struct span bytes, uint8_t ret_secret[STORE_SECRET_BYTES])
{
    if (bytes.bytes == STORE_SECRET_BYTES) {
        memcpy(ret_secret, bytes.data, bytes.bytes);
    }
}

static void schema_result(struct link_request *request, uint32_t step, const PGresult *result)
{
    struct schema_op *op = (struct schema_op *)request;

    (void)step;
    if (op->is_installed) {
        op->schema.version = (uint32_t)pg_int(result, 0, 0);
        op->schema.shard_count = (uint32_t)pg_int(result, 0, 1);
        copy_secret(pg_bytes(result, 0, 2), op->schema.secret);
    } else {
        op->is_installed = pg_bool(result, 0, 0);
    }
}

static void schema_done(struct pg_op *op, const struct exo_error *err)
{
    struct schema_op *s = (struct schema_op *)op;

    s->done(op->argument, err == NULL ? &s->schema : NULL, err);
}

static void ask_schema(struct store *store, bool is_installed, store_schema_done *done,
                       void *argument);

/* Whether it is installed is known: read the versions only where there are some. */
static void installed_done(struct pg_op *op, const struct exo_error *err)
{
    struct schema_op *s = (struct schema_op *)op;

    if (err == NULL && s->is_installed && !op->store->is_closing) {
        ask_schema(&op->store->store, true, s->done, op->argument);
        return;
    }
    schema_done(op, err);
}

static void ask_schema(struct store *store, bool is_installed, store_schema_done *done,
                       void *argument)
{
    struct schema_op *op = pg_op_new(store, sizeof(*op), argument);

    op->schema.wanted = sql_postgres_migration_count;
    op->is_installed = is_installed;
    op->done = done;
    op->op.request.send = schema_send;
    op->op.request.result = schema_result;
    op->op.done = is_installed ? schema_done : installed_done;
    pg_op_read(&op->op, is_installed ? SCHEMA_STATEMENTS : INSTALLED_STATEMENTS, 1);
}

void postgres_store_schema(struct store *store, store_schema_done *done, void *argument)
{
    ask_schema(store, false, done, argument);
}
