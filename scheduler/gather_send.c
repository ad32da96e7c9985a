/* gather_send: what the open batch says about batches of tasks goes into the outbox: tasks that ask
 * or leave, to the shard of their batches; Jobs that run a batch; what its members are told. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "infra/crypto/batch_id.h"
#include "scheduler/shard.h"
#include "schemas/cluster/batch.h"

enum { MESSAGE_BYTES = 256 << 10, MEMBER_BYTES = 64 };

static void *room(struct shard *shard, size_t bytes)
{
    void *block = arena_alloc(&shard->open_arena, bytes);

    if (block == NULL) {
        abort();
    }
    return block;
}

/* ---- asks ---- */

/* Asks of one batch, that go as one message. */
struct group {
    struct shard *shard;
    const struct sched_ask *first; /* NULL: none */
    struct execution_id batch;
    struct span satellite;
    struct wire_gather_member *members;
    uint32_t count;
    size_t bytes;
};

static struct wire_gather_member member_of(const struct sched_ask *ask)
{
    return (struct wire_gather_member){
        .task = ask->task, .attempt = ask->attempt, .item = ask->item, .asked = ask->asked};
}

static void group_identify(struct group *group, const struct sched_ask *ask)
{
    struct shard *shard = group->shard;
    struct buffer text;

    buffer_init(&text, shard->scheduler->allocator, 0);
    batch_satellite(ask->satellite, &text);
    group->satellite = arena_copy(&shard->open_arena, buffer_span(&text));
    if (text.is_failed || group->satellite.data == NULL) {
        abort();
    }
    buffer_release(&text);
    group->batch =
        batch_id_of(&(struct batch_identity){.project = ask->project,
                                             .satellite = group->satellite,
                                             .size = ask->satellite->batch.size,
                                             .interval_ns = ask->satellite->batch.interval_ns,
                                             .key = ask->key});
}

static void group_send(struct group *group)
{
    struct shard *shard = group->shard;

    if (group->count == 0) {
        return;
    }
    outbox_add(shard, execution_shard(&group->batch, shard->scheduler->shard_count),
               (struct wire_peer){.kind = PEER_GATHER_ASK,
                                  .gather_ask = {
                                      .batch = group->batch,
                                      .project = group->first->project,
                                      .satellite = group->satellite,
                                      .size = group->first->satellite->batch.size,
                                      .interval_ns = group->first->satellite->batch.interval_ns,
                                      .priority = group->first->priority,
                                      .members = group->members,
                                      .member_count = group->count,
                                  }});
    group->members += group->count;
    group->count = 0;
    group->bytes = 0;
}

static bool is_same(const struct sched_ask *a, const struct sched_ask *b)
{
    return a != NULL && a->satellite == b->satellite && a->priority == b->priority &&
           span_equal(a->key, b->key);
}

/* In order: a task that leaves has asked before. */
static void asks_send(struct shard *shard)
{
    struct sched_batch batch = sched_batch(shard->sched);
    struct group group = {.shard = shard,
                          .members = room(shard, batch.ask_count * sizeof(*group.members))};

    for (uint32_t i = 0; i < batch.ask_count; i++) {
        const struct sched_ask *ask = &batch.asks[i];

        if (!is_same(group.first, ask)) {
            group_send(&group);
            group_identify(&group, ask);
            group.first = ask;
        }
        if (ask->is_leave) {
            group_send(&group);
            outbox_add(shard, execution_shard(&group.batch, shard->scheduler->shard_count),
                       (struct wire_peer){.kind = PEER_GATHER_LEAVE,
                                          .gather_leave = {group.batch, member_of(ask)}});
            continue;
        }
        group.members[group.count++] = member_of(ask);
        group.bytes += ask->item.bytes + MEMBER_BYTES;
        if (group.bytes >= MESSAGE_BYTES) {
            group_send(&group);
        }
    }
    group_send(&group);
}

/* ---- Jobs ---- */

static void input_write(struct buffer *input, const struct wire_gather_row *row)
{
    buffer_text(input, "{\"items\":[");
    for (uint32_t i = 0; i < row->ask.member_count; i++) {
        buffer_text(input, i == 0 ? "" : ",");
        buffer_append(input, row->ask.members[i].item);
    }
    buffer_text(input, "]}");
}

/* As a message, not on exo.jobs: a shard that is full does not read that, and those it is full of
 * may be who waits for this batch. It also comes once. */
static void start_send(struct shard *shard, const struct wire_gather_row *row)
{
    struct execution_id id = batch_execution_of(&row->ask.batch, row->number);
    char text[EXECUTION_ID_TEXT_BYTES + 1], batch[EXECUTION_ID_TEXT_BYTES + 1], number[24];
    struct buffer cluster, input;

    buffer_init(&cluster, shard->scheduler->allocator, 0);
    buffer_init(&input, shard->scheduler->allocator, 0);
    execution_id_format(&id, text);
    execution_id_format(&row->ask.batch, batch);
    (void)snprintf(number, sizeof(number), "%" PRIu64, row->number);
    batch_cluster(row->ask.project, row->ask.satellite, row->ask.member_count, row->ask.priority,
                  &cluster);
    input_write(&input, row);
    const struct wire_pair labels[] = {{span_of(BATCH_LABEL), span_of(batch)},
                                       {span_of(BATCH_NUMBER_LABEL), span_of(number)}};
    const struct wire_job job = {
        .execution_id = span_of(text),
        .project = row->ask.project,
        .cluster = buffer_span(&cluster),
        .input = buffer_span(&input),
        .labels = labels,
        .label_count = sizeof(labels) / sizeof(labels[0]),
        .submitted_ms = shard_time(shard) / EXO_MILLISECOND,
    };

    if (cluster.is_failed || input.is_failed) {
        abort();
    }
    outbox_add(shard, execution_shard(&id, shard->scheduler->shard_count),
               (struct wire_peer){.kind = PEER_JOB, .forwarded_job = job});
    buffer_release(&cluster);
    buffer_release(&input);
}

/* ---- results ---- */

static void results_send(struct shard *shard, uint32_t target, const struct gather_told *of,
                         const struct wire_gather_result *results, uint32_t count)
{
    if (count > 0) {
        outbox_add(shard, target,
                   (struct wire_peer){.kind = PEER_GATHER_ANSWER,
                                      .gather_answer = {
                                          .has_execution = true,
                                          .execution = batch_execution_of(&of->batch, of->number),
                                          .results = results,
                                          .result_count = count,
                                      }});
    }
}

/* What one batch tells the executions of one shard, in messages of a good size. */
static void told_send(struct shard *shard, uint32_t target, const struct gather_told *told,
                      uint32_t count)
{
    struct wire_gather_result *results = room(shard, count * sizeof(*results));
    uint32_t found = 0;
    size_t bytes = 0;

    for (uint32_t i = 0; i < count; i++) {
        const struct wire_gather_result *result = &told[i].result;

        if (execution_shard(&result->member.task.execution, shard->scheduler->shard_count) !=
            target) {
            continue;
        }
        results[found] = *result;
        results[found++].member.item = (struct span){NULL, 0};
        bytes += result->output.bytes + result->error.bytes + MEMBER_BYTES;
        if (bytes >= MESSAGE_BYTES) {
            results_send(shard, target, told, results, found);
            found = 0;
            bytes = 0;
        }
    }
    results_send(shard, target, told, results, found);
}

/* All that one batch says stands together. */
static void all_told_send(struct shard *shard)
{
    uint32_t count;
    const struct gather_told *told = gather_book_told(shard->gathers.book, &count);

    for (uint32_t first = 0, end; first < count; first = end) {
        for (end = first + 1; end < count && told[end].number == told[first].number &&
                              execution_id_equal(&told[end].batch, &told[first].batch);) {
            end++;
        }
        for (uint32_t target = 0; target < shard->scheduler->shard_count; target++) {
            told_send(shard, target, &told[first], end - first);
        }
    }
}

static void cancels_send(struct shard *shard)
{
    uint32_t count;
    const struct gather_told *cancels = gather_book_cancels(shard->gathers.book, &count);

    for (uint32_t i = 0; i < count; i++) {
        const struct wire_command command = {
            .kind = COMMAND_CANCEL,
            .execution = batch_execution_of(&cancels[i].batch, cancels[i].number),
            .reason = span_of("nobody waits for its results any more"),
            .actor = span_of("batch"),
        };

        outbox_add_command(shard, &command);
    }
}

void gathers_send(struct shard *shard)
{
    struct gather_book *book = shard->gathers.book;

    asks_send(shard);
    for (uint32_t i = 0; i < gather_book_start_count(book); i++) {
        struct wire_gather_row row = gather_book_start(book, i);

        start_send(shard, &row);
    }
    all_told_send(shard);
    cancels_send(shard);
}
