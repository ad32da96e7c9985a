#include <stdio.h>
#include <stdlib.h>

#include "infra/crypto/crypto.h"
#include "infra/telemetry/log_line.h"
#include "infra/zstd/zstd_frame.h"
#include "workers/role_state.h"

/* The first heartbeat waits for it, so it is short: a log is not worth a worker. */
static const exo_time left_log_patience_ns = 10 * EXO_SECOND;

static void on_leftover(void *argument, const struct sandbox_leftover *leftover)
{
    struct worker_role *role = argument;

    for (uint32_t i = 0; i < role->left_nr; i++) {
        struct role_left *left = &role->left[i];

        if (strcmp(left->name, leftover->id) != 0 || left->entry.report.kind != REPORT_ACCEPTED ||
            leftover->log.bytes == 0) {
            continue;
        }
        if (zstd_compress(leftover->log, &left->frame, NULL) == 0) {
            left->digest = sha256_of(buffer_span(&left->frame));
            left->log_bytes = leftover->log_bytes;
        } else {
            buffer_reset(&left->frame);
        }
    }
}

/* A BEGUN becomes the FINISHED that the earlier life could not say. */
static void left_complete(struct role_left *left)
{
    struct wire_report *report = &left->entry.report;

    if (report->kind != REPORT_ACCEPTED) {
        return;
    }
    report->kind = REPORT_FINISHED;
    report->outcome = OUTCOME_LOST;
    report->error = span_of("WORKER_RESTARTED: the worker's process ended while it had the "
                            "attempt; the task is handed to a worker again");
    report->at_ms = clock_wall_ns() / EXO_MILLISECOND;
}

int role_spool_read(struct worker_role *role, struct exo_error *err)
{
    struct spool_entry *entries;
    uint32_t broken;

    if (role->host.is_dry) {
        return 0;
    }
    int count = spool_load(role->host.spool, &role->left_arena, &entries, &broken, err);

    if (count < 0) {
        return -1;
    }
    role->left = calloc((size_t)count + 1, sizeof(*role->left));
    if (role->left == NULL) {
        return exo_error_set(err, EXO_EIO, "out of memory for the spool");
    }
    for (int i = 0; i < count; i++) {
        role->left[i].role = role;
        role->left[i].entry = entries[i];
        buffer_init(&role->left[i].frame, allocator_heap(&role->budget), 0);
        spool_name(&entries[i].report.task, entries[i].report.attempt, role->left[i].name);
    }
    role->left_nr = (uint32_t)count;
    int removed = sandbox_recover(role->host.sandbox, on_leftover, role, err);

    if (removed < 0) {
        return -1;
    }
    if (count > 0 || broken > 0 || removed > 0) {
        log_line(EVENT_WORKER_RECOVERED,
                 LOG_FACTS(fact_int("spooled", count), fact_int("broken", broken),
                           fact_int("containers", removed)));
    }
    return 0;
}

/* Returns false when the core has no room for it now. */
static bool left_tell(struct role_left *left)
{
    struct worker_role *role = left->role;
    const struct wire_report *report = &left->entry.report;

    left_complete(left);
    const struct worker_event event = {.kind = WORKER_ON_ADOPT,
                                       .adopt = {
                                           .incarnation = left->entry.incarnation,
                                           .shard = left->entry.shard,
                                           .task = report->task,
                                           .attempt = report->attempt,
                                           .outcome = (enum attempt_outcome)report->outcome,
                                           .exit_status = report->exit_status,
                                       }};

    role->adopting = left;
    left->is_told = role_step(role, &event) != WORKER_EFULL;
    role->adopting = NULL;
    return left->is_told;
}

static void log_stored(void *argument, const struct exo_error *err)
{
    struct role_left *left = argument;

    left->call = NULL;
    if (err == NULL) {
        left->entry.report.has_log = true;
        left->entry.report.log_digest = left->digest;
        left->entry.report.log_bytes = left->log_bytes;
    }
    buffer_release(&left->frame);
    role_spool_tell(left->role);
}

static void left_upload(struct role_left *left)
{
    const struct attempt_call_events events = {.on_done = log_stored, .argument = left};

    left->call = attempt_api_put(left->role->host.api, &left->digest, buffer_span(&left->frame),
                                 left->entry.token, left_log_patience_ns, &events);
}

void role_spool_tell(struct worker_role *role)
{
    bool is_all_told = true;

    for (uint32_t i = 0; i < role->left_nr; i++) {
        struct role_left *left = &role->left[i];

        if (!left->is_told && left->call == NULL) {
            if (left->frame.bytes > 0 && role->host.api != NULL) {
                left_upload(left);
            } else if (!left_tell(left)) {
                return; /* again when a slot is free */
            }
        }
        is_all_told = is_all_told && left->is_told;
    }
    if (is_all_told && !role->is_left_told) {
        const struct worker_event event = {.kind = WORKER_ON_SPOOL_END};

        role->is_left_told = true;
        (void)role_step(role, &event); /* always taken */
    }
}

bool role_spool_acked(struct worker_role *role, uint32_t slot)
{
    struct role_left *left = role->told[slot];

    if (left == NULL) {
        return false;
    }
    spool_delete(role->host.spool, &left->entry.report.task, left->entry.report.attempt);
    role->told[slot] = NULL;
    return true;
}

void role_spool_release(struct worker_role *role)
{
    for (uint32_t i = 0; i < role->left_nr; i++) {
        attempt_call_cancel(role->left[i].call);
        buffer_release(&role->left[i].frame);
    }
    free(role->left);
    role->left = NULL;
    role->left_nr = 0;
    arena_release(&role->left_arena);
}
