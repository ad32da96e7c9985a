#include "scheduler/resume.h"

#include <stdio.h>
#include <stdlib.h>

#include "infra/store/imprint.h"
#include "schemas/wire/event.h"
#include "schemas/wire/topics.h"

struct resume {
    struct log *log;
    struct store *store;
    uint32_t shard;
    int64_t reread;
    int64_t starts[STORE_INPUTS], ends[STORE_INPUTS];
    struct resume_result result;
    struct heap_budget budget;
    struct arena arena;
    struct store_batch batch;
    void (*done)(void *argument, const struct resume_result *result);
    void *argument;
};

static void resume_end(struct resume *r, const struct exo_error *err)
{
    struct resume_result result = r->result;

    if (err != NULL) {
        result.err = *err;
    }
    r->done(r->argument, &result);
    arena_release(&r->arena);
    free(r);
}

static void committed(void *argument, const struct store_result *result)
{
    resume_end(argument, result->verdict == STORE_DONE ? NULL : &result->err);
}

/* What was deleted cannot be read again: a reader that began there would stand still at once. */
static int64_t place_from(const struct resume *r, int input, int64_t stored)
{
    int64_t from = (stored < r->ends[input] ? stored : r->ends[input]) - r->reread;

    return from < r->starts[input] ? r->starts[input] : from;
}

static struct span gap_row(struct resume *r, const struct store_shard *row)
{
    char why[160];
    struct buffer text;

    (void)snprintf(why, sizeof(why),
                   "resumed: exo.jobs from %lld to %lld, exo.status from %lld to %lld",
                   (long long)row->inputs[0].offset, (long long)r->result.jobs_from,
                   (long long)row->inputs[1].offset, (long long)r->result.status_from);
    struct wire_change_batch batch = {
        .shard = r->shard,
        .epoch = row->epoch,
        .batch = row->batch + 1,
        .now_ns = row->now_ns,
        .gap = span_of(why),
    };

    buffer_init(&text, allocator_heap(&r->budget), 0);
    wire_change_batch_pack(&batch, &r->arena, &text);
    struct span copy = arena_copy(&r->arena, buffer_span(&text));

    buffer_release(&text);
    return copy;
}

static void row_got(void *argument, const struct store_shard *row, const struct exo_error *err)
{
    struct resume *r = argument;

    if (err != NULL) {
        resume_end(r, err);
        return;
    }
    r->result.jobs_from = place_from(r, 0, row->inputs[0].offset);
    r->result.status_from = place_from(r, 1, row->inputs[1].offset);
    r->batch = (struct store_batch){
        .shard = r->shard,
        .epoch = row->epoch,
        .previous = row->batch,
        .next = row->batch + 1,
        .now_ns = row->now_ns,
        .inputs = {{r->result.jobs_from, 0}, {r->result.status_from, 0}},
        .event_batch = row->event_batch,
        .extra = arena_copy(&r->arena, row->extra),
        .journal = gap_row(r, row),
    };
    struct imprint_packer *packer = imprint_packer_new();

    r->batch.imprint = arena_copy(&r->arena, imprint_pack(packer, &r->batch));
    imprint_packer_free(packer);
    store_commit(r->store, &r->batch, 1, committed, r);
}

static void status_end(void *argument, int64_t end, const struct exo_error *err)
{
    struct resume *r = argument;

    if (err != NULL) {
        resume_end(r, err);
        return;
    }
    r->ends[1] = end;
    store_shard_get(r->store, r->shard, row_got, r);
}

static void jobs_end(void *argument, int64_t end, const struct exo_error *err)
{
    struct resume *r = argument;

    if (err != NULL) {
        resume_end(r, err);
        return;
    }
    r->ends[0] = end;
    log_end(r->log, TOPIC_STATUS, r->shard, status_end, r);
}

static void status_start(void *argument, int64_t start, const struct exo_error *err)
{
    struct resume *r = argument;

    if (err != NULL) {
        resume_end(r, err);
        return;
    }
    r->starts[1] = start;
    log_end(r->log, TOPIC_JOBS, r->shard, jobs_end, r);
}

static void jobs_start(void *argument, int64_t start, const struct exo_error *err)
{
    struct resume *r = argument;

    if (err != NULL) {
        resume_end(r, err);
        return;
    }
    r->starts[0] = start;
    log_start(r->log, TOPIC_STATUS, r->shard, status_start, r);
}

void resume_shard(struct log *log, struct store *store, uint32_t shard, int64_t reread,
                  void (*done)(void *argument, const struct resume_result *result), void *argument)
{
    struct resume *r = calloc(1, sizeof(*r));

    if (r == NULL) {
        abort();
    }
    r->log = log;
    r->store = store;
    r->shard = shard;
    r->reread = reread;
    r->done = done;
    r->argument = argument;
    arena_init(&r->arena, allocator_heap(&r->budget), 0);
    log_start(log, TOPIC_JOBS, shard, jobs_start, r);
}
