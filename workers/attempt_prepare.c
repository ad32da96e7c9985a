#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "workers/attempt_state.h"

void attempt_prepare_done(struct attempt *a)
{
    if (!a->is_prepare_told && a->is_files_done && a->is_image_done && a->is_plan_done &&
        a->is_artefacts_done) {
        if (attempt_cache_ask(a)) {
            return;
        }
        a->is_prepare_told = true;
        attempt_tell(a, WORKER_ON_PREPARED, ATTEMPT_EXITED, 0);
    }
}

void attempt_prepare_failed(struct attempt *a, enum attempt_end end)
{
    if (!a->is_prepare_told) {
        a->is_prepare_told = true;
        attempt_tell(a, WORKER_ON_UNPREPARED, end, 0);
    }
}

/* FNV-1a: equal texts give equal numbers, never 0. */
void attempt_missed(struct attempt *a, const char *what)
{
    uint64_t hash = 14695981039346656037u;

    for (const char *at = what; *at != '\0'; at++) {
        hash = (hash ^ (unsigned char)*at) * 1099511628211u;
    }
    a->cause = hash | 1;
}

/* The plan: arguments, environment, input. */

static struct contract_plan *plan_new(struct attempt *a)
{
    const struct contract_attempt which = {
        .index = a->id.index, .attempt = a->number, .item = a->item};
    struct contract_plan *plan = calloc(1, sizeof(*plan));

    assert(plan != NULL); /* bounded by the worker's slots */
    if (contract_plan_init(plan, a->contract, &which) != 0) {
        (void)snprintf(a->error, sizeof(a->error), "%s", plan->error);
        contract_plan_release(plan);
        free(plan);
        return NULL;
    }
    return plan;
}

void attempt_plan(struct attempt *a)
{
    enum contract_result result = contract_plan_make(a->plan, a->host->is_dry);

    if (result == CONTRACT_PENDING) {
        attempt_fetch_wants(a);
    } else if (result != CONTRACT_OK) {
        (void)snprintf(a->error, sizeof(a->error), "%s", a->plan->error);
        attempt_prepare_failed(a, result == CONTRACT_REFUSED ? ATTEMPT_REFUSED : ATTEMPT_FAULTY);
    } else if (a->plan->has_holes) {
        attempt_input_write(a);
    } else {
        a->is_plan_done = true;
        attempt_prepare_done(a);
    }
}

static void plan_begin(struct attempt *a)
{
    if (a->host->is_dry && a->contract->args != NULL) {
        a->is_plan_done = true;
        attempt_prepare_done(a);
        return;
    }
    a->plan = plan_new(a);
    if (a->plan == NULL) {
        attempt_prepare_failed(a, ATTEMPT_REFUSED);
        return;
    }
    attempt_plan(a);
}

/* Files: the BEGUN in the spool, secrets and volumes. */

static void files_work(void *argument)
{
    struct attempt *a = argument;
    const struct spool_entry entry = {
        .shard = a->shard,
        .token = a->token,
        .worker = a->host->worker,
        .incarnation = a->host->incarnation,
        .report = {.kind = REPORT_ACCEPTED, .task = a->id, .attempt = a->number},
    };

    /* Without it the next life knows nothing of the attempt, and there is no room for its end. */
    a->is_spool_failed = spool_write(a->host->spool, &entry, &a->files_err) != 0;
    if (a->is_spool_failed) {
        (void)exo_error_prefix(&a->files_err, "SPOOL");
        return;
    }
    if (grants_make(&a->host->grants, a->contract->spec.project, &a->contract->work,
                    &a->files_arena, &a->grants, &a->files_err) == 0) {
        a->files_err.code = EXO_OK;
    }
}

static void files_done(void *argument)
{
    struct attempt *a = argument;

    a->is_files_busy = false;
    if (a->wants_delete) {
        attempt_spool_delete(a);
    }
    if (!attempt_ended(a)) {
        return;
    }
    if (a->is_spool_failed) {
        attempt_refused(a, &a->files_err);
    }
    if (a->files_err.code != EXO_OK) {
        (void)snprintf(a->error, sizeof(a->error), "%s", a->files_err.text);
        attempt_prepare_failed(a, a->files_err.code == EXO_EIO ? ATTEMPT_BROKEN : ATTEMPT_REFUSED);
        return;
    }
    a->is_files_done = true;
    attempt_prepare_done(a);
}

void attempt_prepare(struct attempt *a)
{
    if (a->contract == NULL) {
        attempt_prepare_failed(a, ATTEMPT_REFUSED);
        return;
    }
    if (a->host->is_dry) {
        a->is_files_done = true;
        a->is_image_done = true;
        a->is_artefacts_done = true;
    } else {
        a->has_begun = true;
        a->is_files_busy = true;
        attempt_begin(a);
        loop_work(a->host->loop, files_work, files_done, a);
        attempt_image_begin(a);
        attempt_artefacts_begin(a);
    }
    plan_begin(a);
}
