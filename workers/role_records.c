#include <stdlib.h>

#include "infra/telemetry/log_line.h"
#include "workers/role_state.h"

/* Tasks. */

static void task_step(struct worker_role *role, const struct role_class *class,
                      const struct log_record *record, const struct wire_task_record *message,
                      const struct wire_task *task)
{
    const struct wire_spec *spec = &message->specs[task->spec];
    const struct task_id id = {spec->execution, spec->instance, task->index};
    struct contract *contract = contract_cache_get(&role->contracts, spec, role->task.refusal);
    bool is_counted = contract != NULL && !role->host.is_dry;
    const struct worker_event event = {
        .kind = WORKER_ON_TASK,
        .task = {
            .class_index = class->index,
            .offset = record->offset,
            .shard = message->shard,
            .process = message->process,
            .task = id,
            .attempt = task->attempt,
            .ticket = task->ticket,
            .lend = task->lend,
            .timeout_ns = spec->timeout_ms * EXO_MILLISECOND,
            .heartbeat_ns = spec->heartbeat_ms * EXO_MILLISECOND,
            .grace_ns = spec->grace_ms * EXO_MILLISECOND,
            .memory_bytes = is_counted ? contract->work.resources.memory_bytes : 0,
            .cpu_millis = is_counted ? contract->work.resources.cpu_millis : 0,
        }};

    role->task.task = task;
    role->task.id = &id;
    role->task.shard = message->shard;
    role->task.contract = contract;
    (void)role_step(role, &event); /* every answer is among the actions */
    role->task.task = NULL;
    role->task.contract = NULL;
}

static void kill_step(struct worker_role *role, const struct wire_kill *kill)
{
    const struct worker_event event = {
        .kind = WORKER_ON_KILL,
        .kill = {kill->task, kill->attempt, kill->grace_ms * EXO_MILLISECOND}};

    (void)role_step(role, &event); /* of an attempt that is gone: nothing to do */
}

static enum worker_err record_step(struct worker_role *role, const struct role_class *class,
                                   int64_t offset, const struct wire_task_record *message)
{
    const struct worker_event event = {.kind = WORKER_ON_RECORD,
                                       .record = {
                                           .class_index = class->index,
                                           .offset = offset,
                                           .is_ours = message != NULL,
                                           .shard = message == NULL ? 0 : message->shard,
                                           .epoch = message == NULL ? 0 : message->epoch,
                                           .sequence = message == NULL ? 0 : message->sequence,
                                       }};

    return role_step(role, &event);
}

static bool is_ours(const struct worker_role *role, const struct wire_task_record *message)
{
    return message->incarnation == role->incarnation && span_is(message->worker, role->name);
}

static void task_record(struct worker_role *role, const struct role_class *class,
                        const struct log_record *record)
{
    struct wire_task_record message;
    struct arena arena;

    /* Its own arena: the steps below pack heartbeats and reports into others. */
    arena_init(&arena, allocator_heap(&role->budget), 8 * (size_t)LOG_RECORD_BYTES_MAX);
    enum wire_result result = wire_task_record_unpack(record->value, &arena, &message);

    if (result != WIRE_OK) {
        log_line(EVENT_WORKER_RECORD_REFUSED,
                 LOG_FACTS(fact_text("topic", class->topic), fact_int("offset", record->offset),
                           fact_text("error", wire_result_text(result))));
    }
    if (result != WIRE_OK || !is_ours(role, &message)) {
        (void)record_step(role, class, record->offset, NULL); /* counts for the position only */
        arena_release(&arena);
        return;
    }
    if (record_step(role, class, record->offset, &message) == WORKER_OK) {
        for (uint32_t i = 0; i < message.task_count; i++) {
            task_step(role, class, record, &message, &message.tasks[i]);
        }
        for (uint32_t i = 0; i < message.kill_count; i++) {
            kill_step(role, &message.kills[i]);
        }
    }
    if (message.drain) {
        worker_role_drain(role, EXO_TIME_NEVER); /* of the API: outside the sequences of shards */
    }
    arena_release(&arena);
}

size_t role_on_tasks(void *argument, const struct log_record *records, size_t count)
{
    struct role_class *class = argument;

    for (size_t i = 0; i < count; i++) {
        task_record(class->role, class, &records[i]);
    }
    return count;
}

/* The fleet. */

static uint64_t demand_of(const struct worker_role *role, const struct wire_tick *tick)
{
    uint64_t demand = 0;

    for (uint32_t i = 0; i < tick->demand_count; i++) {
        for (uint32_t k = 0; k < role->class_nr; k++) {
            if (span_is(tick->demands[i].class_name, role->classes[k].name)) {
                demand += tick->demands[i].ready;
            }
        }
    }
    return demand;
}

static void tick_step(struct worker_role *role, const struct wire_tick *tick)
{
    const struct worker_event event = {
        .kind = WORKER_ON_TICK,
        .tick = {tick->process, tick->number, demand_of(role, tick), tick->is_leaving}};

    (void)role_step(role, &event); /* repeated ones are counted by the core */
}

static void heartbeat_step(struct worker_role *role, const struct wire_heartbeat *beat)
{
    if (!span_is(beat->worker, role->name)) {
        return;
    }
    if (beat->incarnation == role->incarnation) {
        const struct worker_event event = {.kind = WORKER_ON_HEARTBEAT_SEEN};

        (void)role_step(role, &event); /* always taken */
    } else if (worker_role_is_ready(role, NULL)) {
        log_line(EVENT_WORKER_NAME_TAKEN, LOG_FACTS(fact_text("worker", role->name)));
    }
}

size_t role_on_fleet(void *argument, const struct log_record *records, size_t count)
{
    struct worker_role *role = argument;

    for (size_t i = 0; i < count; i++) {
        struct wire_fleet message;
        struct arena arena;

        arena_init(&arena, allocator_heap(&role->budget), 8 * (size_t)LOG_RECORD_BYTES_MAX);
        enum wire_result result = wire_fleet_unpack(records[i].value, &arena, &message);

        if (result != WIRE_OK) {
            log_line(EVENT_WORKER_RECORD_REFUSED,
                     LOG_FACTS(fact_text("topic", TOPIC_FLEET),
                               fact_int("offset", records[i].offset),
                               fact_text("error", wire_result_text(result))));
        } else if (message.kind == FLEET_TICK) {
            tick_step(role, &message.tick);
        } else if (message.kind == FLEET_HEARTBEAT) {
            heartbeat_step(role, &message.heartbeat);
        }
        arena_release(&arena);
    }
    return count;
}
