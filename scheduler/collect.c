#include "scheduler/collect.h"

#include <assert.h>
#include <stdlib.h>

#include "schemas/wire/topics.h"

enum { LIMIT_DEFAULT = 500, CLAIM_KEYS = 100, ROUNDS_MAX = 1000 };

static const exo_time margin_default_ns = 24 * EXO_HOUR;
static const exo_time wait_default_ns = 6 * EXO_HOUR;

struct collect {
    struct loop *loop;
    struct log *log;
    struct store *store;
    struct blobs *blobs;
    struct collect_settings settings;
    void (*done)(void *argument, const struct collect_result *result);
    void *argument;
    struct collect_result result;

    uint32_t shard;
    int64_t offset;
    exo_time oldest_ns;
    struct log_reader *reader;
    uint32_t rounds;
    char keys[CLAIM_KEYS][STORE_KEY_BYTES];
    uint32_t key_count, key_at;
    struct blob_removal *removal;
    unsigned pending; /* callbacks to come */
    bool is_stopped;
};

static void leave(struct collect *c)
{
    log_reader_close(c->reader);
    c->reader = NULL;
    blob_removal_cancel(c->removal);
    c->removal = NULL;
    c->is_stopped = true;
    if (c->pending == 0) {
        free(c);
    }
}

/* The beginning of each callback that was counted. */
static bool back(struct collect *c)
{
    assert(c->pending > 0);
    c->pending--;
    if (c->is_stopped && c->pending == 0) {
        free(c);
        return false;
    }
    return !c->is_stopped;
}

static void end(struct collect *c, const struct exo_error *err)
{
    void (*done)(void *, const struct collect_result *) = c->done;
    void *argument = c->argument;
    struct collect_result result = c->result;

    if (err != NULL) {
        result.err = *err;
    }
    leave(c);
    done(argument, &result);
}

/* ---- objects that are doomed ---- */

static void claim(struct collect *c);
static void remove_next(struct collect *c);

static void forgotten(void *argument, const struct exo_error *err)
{
    struct collect *c = argument;

    if (!back(c)) {
        return;
    }
    if (err != NULL) {
        end(c, err);
        return;
    }
    c->result.deleted++;
    c->key_at++;
    remove_next(c);
}

static void removed(void *argument, const struct exo_error *err)
{
    struct collect *c = argument;

    c->removal = NULL;
    if (err != NULL) {
        end(c, err);
        return;
    }
    c->pending++;
    store_object_forget(c->store, c->keys[c->key_at], forgotten, c);
}

static void remove_next(struct collect *c)
{
    if (c->key_at < c->key_count) {
        c->removal = blob_object_remove(c->blobs, c->keys[c->key_at], removed, c);
    } else if (c->key_count == CLAIM_KEYS && ++c->rounds < ROUNDS_MAX) {
        claim(c);
    } else {
        end(c, NULL);
    }
}

static void claimed(void *argument, const char (*keys)[STORE_KEY_BYTES], uint32_t count,
                    const struct exo_error *err)
{
    struct collect *c = argument;

    if (!back(c)) {
        return;
    }
    if (err != NULL) {
        end(c, err);
        return;
    }
    assert(count <= CLAIM_KEYS);
    if (count > 0) {
        memcpy(c->keys, keys, count * sizeof(*keys));
    }
    c->key_count = count;
    c->key_at = 0;
    remove_next(c);
}

static void claim(struct collect *c)
{
    c->pending++;
    store_object_claim(c->store, c->settings.wait_ns, CLAIM_KEYS, claimed, c);
}

/* ---- blobs that nothing names ---- */

static void collect_round(struct collect *c);

static void collected(void *argument, const struct store_collected *round,
                      const struct exo_error *err)
{
    struct collect *c = argument;
    struct store_collected *sum = &c->result.collected;

    if (!back(c)) {
        return;
    }
    if (err != NULL) {
        end(c, err);
        return;
    }
    sum->blobs += round->blobs;
    sum->blob_bytes += round->blob_bytes;
    sum->objects += round->objects;
    sum->object_bytes += round->object_bytes;
    bool is_more = round->blobs >= c->settings.limit || round->objects >= c->settings.limit;

    if (!c->settings.is_dry && is_more && ++c->rounds < ROUNDS_MAX) {
        collect_round(c);
    } else if (c->settings.is_dry || !blobs_has_objects(c->blobs)) {
        end(c, NULL);
    } else {
        c->rounds = 0;
        claim(c);
    }
}

static void collect_round(struct collect *c)
{
    c->pending++;
    store_blob_collect(c->store, c->result.horizon_ns, c->settings.limit, c->settings.is_dry,
                       collected, c);
}

/* ---- the horizon ---- */

static void shard_next(struct collect *c);

static void on_read(void *argument)
{
    struct collect *c = argument;

    if (!back(c)) {
        return;
    }
    log_reader_close(c->reader);
    c->reader = NULL;
    if (c->result.err.code != EXO_OK) {
        struct exo_error err = c->result.err;

        end(c, &err);
        return;
    }
    c->shard++;
    shard_next(c);
}

static size_t on_records(void *argument, const struct log_record *records, size_t count)
{
    struct collect *c = argument;

    if (count > 0 && c->offset >= 0) {
        c->offset = -1; /* one is enough */
        if (records[0].timestamp_ns < c->oldest_ns) {
            c->oldest_ns = records[0].timestamp_ns;
        }
        c->pending++;
        loop_defer(c->loop, on_read, c);
    }
    return 0;
}

static void on_failed(void *argument, const struct exo_error *err)
{
    struct collect *c = argument;

    if (c->offset >= 0) {
        c->offset = -1;
        c->result.err = *err;
        c->pending++;
        loop_defer(c->loop, on_read, c);
    }
}

static void on_end(void *argument, int64_t at, const struct exo_error *err)
{
    static const struct log_reader_callbacks callbacks = {.records = on_records,
                                                          .failed = on_failed};
    struct collect *c = argument;

    if (!back(c)) {
        return;
    }
    if (err != NULL) {
        end(c, err);
    } else if (at <= c->offset) {
        c->shard++;
        shard_next(c);
    } else {
        c->reader = log_reader_open(c->log, TOPIC_STATUS, c->shard, c->offset, 0, &callbacks, c);
    }
}

static void on_shard(void *argument, const struct store_shard *row, const struct exo_error *err)
{
    struct collect *c = argument;

    if (!back(c)) {
        return;
    }
    if (err != NULL) {
        end(c, err);
        return;
    }
    c->offset = row->inputs[1].offset;
    c->pending++;
    log_end(c->log, TOPIC_STATUS, c->shard, on_end, c);
}

static void shard_next(struct collect *c)
{
    if (c->shard < c->settings.shard_count) {
        c->pending++;
        store_shard_get(c->store, c->shard, on_shard, c);
        return;
    }
    c->result.horizon_ns = c->oldest_ns - c->settings.margin_ns;
    collect_round(c);
}

struct collect *collect_begin(struct loop *loop, struct log *log, struct store *store,
                              struct blobs *blobs, const struct collect_settings *settings,
                              void (*done)(void *argument, const struct collect_result *result),
                              void *argument)
{
    struct collect *c = calloc(1, sizeof(*c));

    if (c == NULL) {
        abort();
    }
    c->loop = loop;
    c->log = log;
    c->store = store;
    c->blobs = blobs;
    c->settings = *settings;
    c->settings.margin_ns = settings->margin_ns == 0 ? margin_default_ns : settings->margin_ns;
    c->settings.wait_ns = settings->wait_ns == 0 ? wait_default_ns : settings->wait_ns;
    c->settings.limit = settings->limit == 0 ? (uint32_t)LIMIT_DEFAULT : settings->limit;
    c->done = done;
    c->argument = argument;
    c->oldest_ns = clock_wall_ns();
    shard_next(c);
    return c;
}

void collect_stop(struct collect *c)
{
    if (c != NULL) {
        leave(c);
    }
}
