#include "infra/store/sqlite_store.h"

#include <string.h>

/* ---- lease rounds ---- */

struct lease_op {
    struct op op; /* rows: struct store_lease */
    store_leases_done *done;
    const char *process;
    uint32_t *releases;
    uint32_t release_count;
    struct store_lease *takes;
    uint32_t take_count;
    bool is_leaving;
    int64_t life;
    const char **processes;
    uint64_t *process_beats;
    uint32_t process_count;
    exo_time now_ns;
};

/* What one statement of a round is told; unused numbers stay unbound. */
struct lease_bind {
    const char *process;
    const int64_t *numbers; /* bound from ?2 on */
    int number_count;
    const char *owner; /* bound behind them, NULL: none */
};

static int lease_run(struct sqlite_connection *connection, const char *sql,
                     const struct lease_bind *bind, struct exo_error *err)
{
    struct sqlite_statement *statement = sqlite_use(connection, sql, err);

    if (statement == NULL) {
        return -1;
    }
    sqlite_bind_text(statement, 1, span_of(bind->process));
    for (int i = 0; i < bind->number_count; i++) {
        sqlite_bind_int(statement, 2 + i, bind->numbers[i]);
    }
    if (bind->owner != NULL) {
        sqlite_bind_text(statement, 2 + bind->number_count, span_of(bind->owner));
    }
    return sqlite_run(statement, err);
}

/* Leases of another life of the file belong to processes that the lock proves gone. */
static int lease_forget_dead(const struct lease_op *op, struct sqlite_connection *connection,
                             struct exo_error *err)
{
    const int64_t numbers[] = {op->life, clock_wall_ns() - EXO_HOUR};
    const struct lease_bind bind = {.process = op->process, .numbers = numbers, .number_count = 1};
    const struct lease_bind aged = {.process = op->process, .numbers = numbers, .number_count = 2};

    if (lease_run(connection,
                  "UPDATE shard_lease SET owner = '', beat = beat + 1 "
                  "WHERE owner <> '' AND life <> ?2 AND ?1 IS NOT NULL",
                  &bind, err) < 0) {
        return -1;
    }
    return lease_run(connection,
                     "DELETE FROM scheduler_process WHERE process <> ?1 AND "
                     "(life <> ?2 OR seen_ns < ?3)",
                     &aged, err);
}

static int lease_leave(const struct lease_op *op, struct sqlite_connection *connection,
                       struct exo_error *err)
{
    const struct lease_bind bind = {.process = op->process};

    if (lease_run(connection, "UPDATE shard_lease SET owner = '', beat = beat + 1 WHERE owner = ?1",
                  &bind, err) < 0) {
        return -1;
    }
    if (sqlite_guard_close(connection, op->process, -1, err) < 0) {
        return -1;
    }
    return lease_run(connection, "DELETE FROM scheduler_process WHERE process = ?1", &bind, err);
}

static int lease_stay(const struct lease_op *op, struct sqlite_connection *connection,
                      struct exo_error *err)
{
    const int64_t now[] = {clock_wall_ns(), op->life};
    const struct lease_bind bind = {.process = op->process, .numbers = now, .number_count = 2};

    if (lease_run(connection,
                  "INSERT INTO scheduler_process VALUES (?1, 1, ?2, ?3) ON CONFLICT DO UPDATE "
                  "SET beat = beat + 1, seen_ns = excluded.seen_ns, life = excluded.life",
                  &bind, err) < 0) {
        return -1;
    }
    for (uint32_t i = 0; i < op->release_count; i++) {
        const int64_t shard[] = {op->releases[i]};
        const struct lease_bind one = {.process = op->process, .numbers = shard, .number_count = 1};

        if (lease_run(connection,
                      "UPDATE shard_lease SET owner = '', beat = beat + 1 "
                      "WHERE owner = ?1 AND shard = ?2",
                      &one, err) < 0 ||
            sqlite_guard_close(connection, op->process, shard[0], err) < 0) {
            return -1;
        }
    }
    const struct lease_bind all = {.process = op->process};

    if (lease_run(connection, "UPDATE shard_lease SET beat = beat + 1 WHERE owner = ?1", &all,
                  err) < 0) {
        return -1;
    }
    for (uint32_t i = 0; i < op->take_count; i++) {
        const int64_t seen[] = {op->takes[i].shard, (int64_t)op->takes[i].beat, op->life};
        const struct lease_bind one = {
            .process = op->process, .numbers = seen, .number_count = 3, op->takes[i].owner};

        if (lease_run(connection,
                      "UPDATE shard_lease SET owner = ?1, beat = beat + 1, life = ?4 "
                      "WHERE shard = ?2 AND beat = ?3 AND owner = ?5",
                      &one, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int lease_read_processes(struct lease_op *op, struct sqlite_connection *connection,
                                struct exo_error *err)
{
    int64_t count = 0;
    struct sqlite_statement *statement = sqlite_use(
        connection,
        "SELECT process, beat, count(*) OVER () FROM scheduler_process ORDER BY process", err);
    int stepped = -1;

    while (statement != NULL && (stepped = sqlite_step(statement, err)) > 0) {
        if (count == 0) {
            count = sqlite_column_int(statement, 2);
            op->processes = arena_alloc(&op->op.arena, (size_t)count * sizeof(*op->processes));
            op->process_beats =
                arena_alloc(&op->op.arena, (size_t)count * sizeof(*op->process_beats));
            if (op->processes == NULL || op->process_beats == NULL) {
                return exo_error_set(err, EXO_ELIMIT, "too many scheduler processes");
            }
        }
        if (op_copy_text(&op->op, sqlite_column_text(statement, 0),
                         &op->processes[op->process_count], err) < 0) {
            return -1;
        }
        op->process_beats[op->process_count++] = (uint64_t)sqlite_column_int(statement, 1);
    }
    return stepped;
}

static int lease_read(struct lease_op *op, struct sqlite_connection *connection,
                      struct exo_error *err)
{
    struct sqlite_statement *statement =
        sqlite_use(connection, "SELECT shard, owner, beat FROM shard_lease ORDER BY shard", err);
    int stepped = -1;

    while (statement != NULL && (stepped = sqlite_step(statement, err)) > 0) {
        struct store_lease *lease = op_row(&op->op, sizeof(*lease), err);

        if (lease == NULL) {
            return -1;
        }
        lease->shard = (uint32_t)sqlite_column_int(statement, 0);
        strncpy(lease->owner, sqlite_column_text(statement, 1), sizeof(lease->owner) - 1);
        lease->beat = (uint64_t)sqlite_column_int(statement, 2);
    }
    return stepped < 0 ? -1 : lease_read_processes(op, connection, err);
}

static int lease_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct lease_op *op = argument;

    op->now_ns = clock_wall_ns();
    if (lease_forget_dead(op, connection, err) < 0 ||
        (op->is_leaving ? lease_leave : lease_stay)(op, connection, err) < 0) {
        return -1;
    }
    return lease_read(op, connection, err);
}

static void lease_done(void *argument, const struct exo_error *err)
{
    struct lease_op *op = argument;
    const struct store_leases leases = {
        .leases = op->op.rows,
        .count = op->op.row_count,
        .processes = op->processes,
        .process_beats = op->process_beats,
        .process_count = op->process_count,
        .database_now_ns = op->now_ns,
    };

    op->done(op->op.argument, err == NULL ? &leases : NULL, op_error(&op->op, err));
    op_free(&op->op);
}

/* Copies an array into the op; NULL for none, or without memory (EXO_ELIMIT is then told). */
static void *copy_array(struct op *op, const void *array, size_t bytes)
{
    void *copy = bytes == 0 ? NULL : arena_alloc(&op->arena, bytes);

    if (copy != NULL) {
        memcpy(copy, array, bytes);
    }
    return copy;
}

static int refuse_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    (void)argument;
    (void)connection;
    return exo_error_set(err, EXO_ELIMIT, "no memory for the request");
}

void sqlite_store_lease_round(struct store *store, const struct store_lease_round *round,
                              store_leases_done *done, void *argument)
{
    struct lease_op *op = op_new(store, sizeof(*op), argument);
    struct exo_error err;
    bool is_copied = op_copy_text(&op->op, round->process, &op->process, &err) == 0;

    op->done = done;
    op->release_count = round->release_count;
    op->releases =
        copy_array(&op->op, round->releases, round->release_count * sizeof(*round->releases));
    op->take_count = round->take_count;
    op->takes = copy_array(&op->op, round->takes, round->take_count * sizeof(*round->takes));
    op->is_leaving = round->is_leaving;
    op->life = sqlite_file_life(op->op.store->file);
    is_copied = is_copied && (op->releases != NULL || op->release_count == 0) &&
                (op->takes != NULL || op->take_count == 0);
    op_write(&op->op, is_copied ? lease_job : refuse_job, lease_done);
}

/* ---- the row of a shard ---- */

struct shard_op {
    struct op op;
    struct store_shard shard;
    const char *process; /* of a take */
    exo_time now_ns;
    store_take_done *take_done;
    store_shard_done *get_done;
};

static int shard_read(struct shard_op *op, struct sqlite_connection *connection,
                      struct exo_error *err)
{
    struct store_shard *shard = &op->shard;
    struct sqlite_statement *statement =
        sqlite_use(connection,
                   "SELECT epoch, batch, now_ns, jobs_offset, jobs_checksum, status_offset, "
                   "status_checksum, event_batch, extra FROM shard WHERE shard = ?1",
                   err);

    if (statement == NULL) {
        return -1;
    }
    sqlite_bind_int(statement, 1, shard->shard);
    int stepped = sqlite_step(statement, err);

    if (stepped < 0) {
        return -1;
    }
    if (stepped == 0) {
        return exo_error_set(err, EXO_ENOTFOUND, "the store has no shard %u", shard->shard);
    }
    shard->epoch = (uint64_t)sqlite_column_int(statement, 0);
    shard->batch = (uint64_t)sqlite_column_int(statement, 1);
    shard->now_ns = sqlite_column_int(statement, 2);
    for (int i = 0; i < STORE_INPUTS; i++) {
        shard->inputs[i].offset = sqlite_column_int(statement, 3 + 2 * i);
        shard->inputs[i].checksum = (uint32_t)sqlite_column_int(statement, 4 + 2 * i);
    }
    shard->event_batch = (uint64_t)sqlite_column_int(statement, 7);
    int copied = op_copy(&op->op, sqlite_column_bytes(statement, 8), &shard->extra, err);

    sqlite_rewind(statement);
    return copied;
}

static int take_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct shard_op *op = argument;
    struct sqlite_statement *statement =
        sqlite_use(connection,
                   "UPDATE shard SET epoch = max(epoch + 1, ?2) WHERE shard = ?1 AND EXISTS "
                   "(SELECT 1 FROM shard_lease WHERE shard = ?1 AND owner = ?3)",
                   err);

    if (statement == NULL) {
        return -1;
    }
    op->now_ns = clock_wall_ns();
    sqlite_bind_int(statement, 1, op->shard.shard);
    sqlite_bind_int(statement, 2, op->now_ns / EXO_SECOND);
    sqlite_bind_text(statement, 3, span_of(op->process));
    if (sqlite_run(statement, err) < 0) {
        return -1;
    }
    if (sqlite_changes(connection) != 1) {
        return exo_error_set(err, EXO_EFENCED, "the lease of shard %u is not held by %s",
                             op->shard.shard, op->process);
    }
    if (shard_read(op, connection, err) < 0) {
        return -1;
    }
    return sqlite_guard_open(connection, op->process, &op->shard, op->now_ns, err);
}

static void take_done(void *argument, const struct exo_error *err)
{
    struct shard_op *op = argument;

    op->take_done(op->op.argument, err == NULL ? &op->shard : NULL, op->now_ns,
                  op_error(&op->op, err));
    op_free(&op->op);
}

void sqlite_store_shard_take(struct store *store, uint32_t shard, const char *process,
                             store_take_done *done, void *argument)
{
    struct shard_op *op = op_new(store, sizeof(*op), argument);
    struct exo_error err;

    op->shard.shard = shard;
    op->take_done = done;
    bool is_copied = op_copy_text(&op->op, process, &op->process, &err) == 0;

    op_write(&op->op, is_copied ? take_job : refuse_job, take_done);
}

static int get_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    return shard_read(argument, connection, err);
}

static void get_done(void *argument, const struct exo_error *err)
{
    struct shard_op *op = argument;

    op->get_done(op->op.argument, err == NULL ? &op->shard : NULL, op_error(&op->op, err));
    op_free(&op->op);
}

void sqlite_store_shard_get(struct store *store, uint32_t shard, store_shard_done *done,
                            void *argument)
{
    struct shard_op *op = op_new(store, sizeof(*op), argument);

    op->shard.shard = shard;
    op->get_done = done;
    op_read(&op->op, get_job, get_done);
}
