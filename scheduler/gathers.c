#include "scheduler/gathers.h"

#include <stdio.h>
#include <stdlib.h>

#include "infra/crypto/batch_id.h"
#include "scheduler/core/gather_results.h"
#include "scheduler/fate.h"
#include "scheduler/shard.h"
#include "schemas/json/utf8.h"
#include "schemas/vocab/limits.h"

enum { LOOK_EVERY_S = 60, LOOKS_AT_ONCE = 16, ERROR_BYTES = 1024 };

void gathers_open(struct shard *shard)
{
    shard->gathers = (struct gathers){
        .book = gather_book_new(shard->scheduler->allocator, shard->epoch),
        .is_sweeping = true, /* news of an end may have come to an earlier owner */
    };
    if (shard->gathers.book == NULL) {
        abort();
    }
}

void gathers_close(struct shard *shard)
{
    gather_book_free(shard->gathers.book);
    shard->gathers.book = NULL;
}

bool gathers_load(struct shard *shard, const struct store_spanning *row)
{
    struct wire_gather_row read;

    return wire_gather_row_unpack(row->body, &shard->open_arena, &read) == WIRE_OK &&
           gather_book_load(shard->gathers.book, &read);
}

static void check(struct shard *shard, bool is_good)
{
    if (!is_good) {
        shard_again(shard, EXO_SECOND); /* without memory: load again */
    }
}

void gathers_ask(struct shard *shard, const struct wire_gather_ask *ask)
{
    check(shard, gather_book_ask(shard->gathers.book, ask, shard_time(shard)));
}

void gathers_leave(struct shard *shard, const struct wire_gather_leave *leave)
{
    check(shard, gather_book_leave(shard->gathers.book, leave));
}

void gathers_answer(struct shard *shard, const struct wire_gather_answer *answer)
{
    uint32_t generation = shard->generation;

    /* With its life goes the arena that the answer lies in. */
    for (uint32_t i = 0; shard->generation == generation && i < answer->result_count; i++) {
        const struct wire_gather_result *result = &answer->results[i];
        const struct sched_event event = {.kind = SCHED_GATHERED,
                                          .gathered = {
                                              .task = result->member.task,
                                              .attempt = result->member.attempt,
                                              .asked = result->member.asked,
                                              .has_execution = answer->has_execution,
                                              .execution = answer->execution,
                                              .outcome = (enum wire_outcome)result->outcome,
                                              .output = result->output,
                                              .error = result->error,
                                          }};

        (void)shard_step(shard, &event); /* what it says is counted by the core */
    }
}

void gathers_fail(struct shard *shard, const struct wire_gather_answer *answer, struct span reason)
{
    uint32_t generation = shard->generation;

    for (uint32_t i = 0; shard->generation == generation && i < answer->result_count; i++) {
        struct wire_gather_result result = {
            .member = answer->results[i].member, .outcome = OUTCOME_FAILED, .error = reason};
        const struct wire_gather_answer one = {answer->has_execution, answer->execution, &result,
                                               1};

        gathers_answer(shard, &one);
    }
}

void gathers_refuse(struct shard *shard, const struct wire_gather_ask *ask, struct span reason)
{
    for (uint32_t i = 0; i < ask->member_count; i++) {
        const struct wire_gather_result result = {.member = {.task = ask->members[i].task,
                                                             .attempt = ask->members[i].attempt,
                                                             .asked = ask->members[i].asked},
                                                  .outcome = OUTCOME_FAILED,
                                                  .error = reason};

        outbox_add(shard,
                   execution_shard(&result.member.task.execution, shard->scheduler->shard_count),
                   (struct wire_peer){.kind = PEER_GATHER_ANSWER,
                                      .gather_answer = {.results = &result, .result_count = 1}});
    }
}

bool gathers_has_changes(const struct shard *shard)
{
    return shard->gathers.book != NULL && !gather_book_is_clean(shard->gathers.book);
}

void gathers_seal(struct shard *shard)
{
    struct sealed *sealed = &shard->sealed;
    struct gather_book *book = shard->gathers.book;
    uint32_t changes = gather_book_change_count(book);
    uint32_t count = sealed->batch.spanning_count;
    struct store_spanning *rows = sealed_alloc(sealed, (count + changes) * sizeof(*rows));
    struct buffer body;

    if (changes == 0) {
        gather_book_sealed(book);
        return;
    }
    if (count > 0) {
        memcpy(rows, sealed->batch.spanning, count * sizeof(*rows));
    }
    buffer_init(&body, shard->scheduler->allocator, 0);
    for (uint32_t i = 0; i < changes; i++) {
        struct gather_change change = gather_book_change(book, i);
        struct store_spanning *row = &rows[count++];

        *row = (struct store_spanning){.kind = STORE_SPANNING_BATCH, .id = change.id};
        if (!change.is_gone) {
            buffer_reset(&body);
            wire_gather_row_pack(&change.row, &sealed->arena, &body);
            row->body = sealed_copy(sealed, buffer_span(&body));
        }
    }
    if (body.is_failed) {
        abort();
    }
    buffer_release(&body);
    sealed->batch.spanning = rows;
    sealed->batch.spanning_count = count;
    gather_book_sealed(book);
}

/* ---- how a batch ended ---- */

/* One execution that is looked at. */
struct look {
    struct wire_gather_ended batch;
    bool is_told; /* somebody said that it is over, and not that it ever began */
};

static void end_whole(struct shard *shard, const struct wire_gather_ended *batch, uint32_t outcome,
                      const char *what, struct span why)
{
    char text[ERROR_BYTES];
    int bytes = snprintf(text, sizeof(text), "BATCH: %s%.*s", what,
                         (int)(why.bytes < 900 ? why.bytes : 900), (const char *)why.data);
    struct span error = arena_copy(&shard->open_arena, (struct span){text, (size_t)bytes});
    const struct gather_result whole = {.outcome = outcome, .error = error};

    if (error.data == NULL) {
        abort();
    }
    utf8_repair((char *)(uintptr_t)error.data, error.bytes);
    check(shard, gather_book_end(shard->gathers.book, &batch->batch, batch->number, NULL, &whole));
}

/* Its only task failed without counting as a failure: another try cannot mend it. */
static bool is_hopeless(struct shard *shard, const struct store_execution *execution)
{
    struct wire_body body;

    if (wire_body_unpack(execution->body, &shard->open_arena, &body) != WIRE_OK ||
        body.instance_count != 1 || !body.instances[0].has_task ||
        body.instances[0].task.states.bytes != 1) {
        return false;
    }
    const struct wire_columns *task = &body.instances[0].task;

    return ((const unsigned char *)task->states.data)[0] == TASK_FAILED &&
           task->failure_count == 0 && (task->loss_count == 0 || task->losses[0] < LIMIT_LOSSES);
}

static void end_read(struct shard *shard, const struct wire_gather_ended *batch,
                     const struct store_execution *execution)
{
    struct gather_book *book = shard->gathers.book;
    uint32_t count = gather_book_size(book, &batch->batch, batch->number);
    struct gather_result *results = arena_alloc(&shard->open_arena, count * sizeof(*results));

    if (count == 0) {
        return; /* ended already */
    }
    if (results == NULL) {
        abort();
    }
    if (strcmp(execution->state, "SUCCEEDED") != 0) {
        bool is_cancelled = strcmp(execution->state, "CANCELLED") == 0;

        end_whole(shard, batch,
                  is_hopeless(shard, execution) ? OUTCOME_NEVER_AGAIN : OUTCOME_FAILED,
                  is_cancelled ? "its execution was cancelled: " : "", execution->error);
        return;
    }
    const char *wrong;

    if (!gather_results_read(execution->output, count, &shard->open_arena, results, &wrong)) {
        check(shard, false);
    } else if (wrong != NULL) {
        end_whole(shard, batch, OUTCOME_FAILED, wrong, (struct span){NULL, 0});
    } else {
        check(shard, gather_book_end(book, &batch->batch, batch->number, results, NULL));
    }
}

static void end_absent(struct shard *shard, const struct look *look, const char *why)
{
    end_whole(shard, &look->batch, OUTCOME_FAILED, why, (struct span){NULL, 0});
}

static void end_by(struct shard *shard, const struct look *look, enum fate fate,
                   const struct store_execution *execution)
{
    switch (fate) {
    case FATE_UNTOLD:
        shard->gathers.is_sweeping = true; /* what was told is not forgotten */
        break;
    case FATE_ABSENT:
        if (look->is_told) {
            end_absent(shard, look, "its execution could not begin: see `exosphere dlq list`");
        }
        break;
    case FATE_LIVE:
        break;
    case FATE_ENDED:
        end_read(shard, &look->batch, execution);
        break;
    case FATE_DELETED:
        end_absent(shard, look, "its execution was deleted");
        break;
    }
}

static void looked(struct shard *shard, void *argument, enum fate fate,
                   const struct store_execution *execution)
{
    struct look *look = argument;

    if (shard != NULL) {
        shard->gathers.looking--;
        scheduler_wake(shard->scheduler);
        if (shard_is_live(shard) && shard->gathers.book != NULL) {
            end_by(shard, look, fate, execution);
        }
    }
    free(look);
}

static void look_at(struct shard *shard, const struct wire_gather_ended *batch, bool is_told)
{
    const struct execution_id execution = batch_execution_of(&batch->batch, batch->number);
    struct look *look = calloc(1, sizeof(*look));

    if (look == NULL) {
        abort();
    }
    *look = (struct look){*batch, is_told};
    shard->gathers.looking++;
    fate_ask(shard, &execution, looked, look);
}

/* Where the execution that ended is not there, and no Job was refused, the news is of a time that
 * never was (docs/adr/0023-back-in-time.md): it ends once more. */
void gathers_ended(struct shard *shard, const struct wire_gather_ended *ended)
{
    if (gather_book_size(shard->gathers.book, &ended->batch, ended->number) > 0) {
        look_at(shard, ended, !ended->has_begun);
    }
}

/* ---- has what runs ended ---- */

struct round {
    struct shard *shard;
    uint32_t at, sent;
};

static void look_next(void *context, const struct execution_id *batch, uint64_t number)
{
    struct round *round = context;

    if (round->at++ >= round->shard->gathers.looked && round->sent < LOOKS_AT_ONCE) {
        round->sent++;
        look_at(round->shard, &(struct wire_gather_ended){.batch = *batch, .number = number},
                false);
    }
}

/* Nothing should stand as running that has ended: that was told. Should the news be lost, with an
 * owner or with a disk, nobody waits for ever. */
static void look(struct shard *shard)
{
    struct gathers *gathers = &shard->gathers;
    struct round round = {.shard = shard};

    gather_book_running(gathers->book, look_next, &round);
    if (round.sent < LOOKS_AT_ONCE) {
        gathers->looked = 0;
        gathers->is_sweeping = false;
    } else {
        gathers->looked += round.sent;
    }
    gathers->look_ns = loop_now_ns(shard->scheduler->loop) + LOOK_EVERY_S * EXO_SECOND;
}

exo_time gathers_turn(struct shard *shard)
{
    struct gathers *gathers = &shard->gathers;

    if (shard->state == SHARD_RUNNING && shard->outbox_count < OUTBOX_MAX &&
        gather_book_deadline(gathers->book) <= shard_time(shard)) {
        check(shard, gather_book_timer(gathers->book, shard_time(shard)));
    }
    if (shard->state != SHARD_RUNNING || gathers->book == NULL) {
        return EXO_TIME_NEVER; /* who leaves may be among what has still to be applied */
    }
    if (gathers->looking == 0 &&
        (gathers->is_sweeping || gathers->look_ns <= loop_now_ns(shard->scheduler->loop))) {
        look(shard);
    }
    /* With a full outbox the log wakes us. */
    return shard->outbox_count < OUTBOX_MAX ? gather_book_deadline(gathers->book) : EXO_TIME_NEVER;
}
