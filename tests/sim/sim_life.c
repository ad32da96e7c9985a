/* sim_life: the readers of a worker's life, and its steps. */
#include "tests/sim/sim_life.h"

#include <assert.h>
#include <stdlib.h>

#include "schemas/wire/fleet.h"
#include "schemas/wire/task.h"
#include "tests/sim/oracle.h"

/* ---- steps ---- */

static enum worker_err step(struct sim_life *life, const struct worker_event *event)
{
    struct worker_actions actions;
    enum worker_err err = worker_step(life->core, event, loop_now_ns(life->loop), &actions);

    for (uint32_t i = 0; i < actions.count; i++) {
        life_do(life, &actions.items[i]);
    }
    return err;
}

static void ring_add(struct sim_life *life, const struct worker_event *event)
{
    if (life->event_count == life->event_room) {
        uint32_t room = life->event_room == 0 ? 64 : 2 * life->event_room;
        struct worker_event *events = malloc(room * sizeof(*events));

        assert(events != NULL);
        for (uint32_t i = 0; i < life->event_count; i++) {
            events[i] = life->events[(life->event_first + i) % life->event_room];
        }
        free(life->events);
        life->events = events;
        life->event_room = room;
        life->event_first = 0;
    }
    life->events[(life->event_first + life->event_count++) % life->event_room] = *event;
}

static void timer_arm(struct sim_life *life)
{
    exo_time at_ns = worker_deadline(life->core);
    exo_time now_ns = loop_now_ns(life->loop);

    if (at_ns != EXO_TIME_NEVER) {
        loop_timer_start(life->timer, at_ns > now_ns ? at_ns - now_ns : 0, 0);
    }
}

enum worker_err life_event(struct sim_life *life, const struct worker_event *event)
{
    if (life->is_over) {
        return WORKER_ESTALE;
    }
    if (life->is_stepping) {
        ring_add(life, event);
        return WORKER_OK;
    }
    life->is_stepping = true;
    enum worker_err err = step(life, event);

    while (life->event_count > 0) {
        struct worker_event next = life->events[life->event_first];

        life->event_first = (life->event_first + 1) % life->event_room;
        life->event_count--;
        (void)step(life, &next); /* late ones are counted by the core */
    }
    life->is_stepping = false;
    timer_arm(life);
    return err;
}

/* ---- exo.tasks ---- */

/* A repeat is one of the same task: where a database goes back another may have its number. */
static void repeat_check(const struct sim_life *life, const struct task_id *id, uint32_t number)
{
    const struct plan_execution *plan = oracle_find(&id->execution)->plan;
    struct plan_spot spot;

    for (uint32_t i = 0; i < worker_slot_nr(life->core); i++) {
        const struct sim_attempt *attempt = life->attempts[i];

        if (attempt == NULL || attempt->attempt != number ||
            memcmp(&attempt->task, id, sizeof(*id)) != 0 ||
            !plan_spot_of(plan, life->task_path, &spot)) {
            continue;
        }
        spot.index = id->index;
        if (attempt->mark != plan_spot_mark(plan, &spot)) {
            sim_fail("plan %u: worker %s takes the Task of %.*s for that of another, which it has",
                     plan->number, life->worker->name, SPAN_ARG(life->task_path));
        }
    }
}

static void task_step(struct life_class *class, int64_t offset,
                      const struct wire_task_record *record, const struct wire_task *task)
{
    struct sim_life *life = class->life;
    const struct wire_spec *spec = &record->specs[task->spec];
    const struct task_id id = {spec->execution, spec->instance, task->index};
    const struct worker_event event = {.kind = WORKER_ON_TASK,
                                       .task = {
                                           .class_index = class->index,
                                           .offset = offset,
                                           .shard = record->shard,
                                           .process = record->process,
                                           .task = id,
                                           .attempt = task->attempt,
                                           .ticket = task->ticket,
                                           .lend = task->lend,
                                           .timeout_ns = spec->timeout_ms * EXO_MILLISECOND,
                                           .grace_ns = spec->grace_ms * EXO_MILLISECOND,
                                       }};

    life->task = task;
    life->task_id = &id;
    life->task_path = spec->satellite;
    life->task_shard = record->shard;
    if (life_event(life, &event) == WORKER_ESTALE && !life->is_over) {
        repeat_check(life, &id, task->attempt);
    }
    life->task = NULL;
}

static void kill_step(struct sim_life *life, const struct wire_kill *kill)
{
    const struct worker_event event = {
        .kind = WORKER_ON_KILL,
        .kill = {kill->task, kill->attempt, kill->grace_ms * EXO_MILLISECOND}};

    sim_trace("kill attempt %u of %u.%u", kill->attempt, kill->task.instance, kill->task.index);
    (void)life_event(life, &event); /* of an attempt that is gone: nothing to do */
}

/* No record twice, and none of an older owner. */
static void mark_check(struct life_class *class, const struct wire_task_record *record)
{
    struct sim_life *life = class->life;
    struct life_mark *marks = life->marks + class->index * life->worker->shard_count;
    struct life_mark *mark = &marks[record->shard];

    for (uint32_t i = 0; i < life->class_count; i++) {
        if (record->epoch < life->marks[i * life->worker->shard_count + record->shard].epoch) {
            sim_fail("a worker takes a Task of an owner that was replaced");
        }
    }
    if (record->epoch == mark->epoch && record->sequence <= mark->sequence) {
        sim_fail("a worker takes record %llu of shard %u after %llu",
                 (unsigned long long)record->sequence, record->shard,
                 (unsigned long long)mark->sequence);
    }
    *mark = (struct life_mark){record->epoch, record->sequence};
}

static void task_record(struct life_class *class, const struct log_record *from)
{
    struct sim_life *life = class->life;
    struct heap_budget budget = {0};
    struct arena arena;
    struct wire_task_record record;

    arena_init(&arena, allocator_heap(&budget), 0);
    bool is_ours = wire_task_record_unpack(from->value, &arena, &record) == WIRE_OK &&
                   record.incarnation == life->incarnation &&
                   span_is(record.worker, life->worker->name);
    const struct worker_event event = {.kind = WORKER_ON_RECORD,
                                       .record = {
                                           .class_index = class->index,
                                           .offset = from->offset,
                                           .is_ours = is_ours,
                                           .shard = is_ours ? record.shard : 0,
                                           .epoch = is_ours ? record.epoch : 0,
                                           .sequence = is_ours ? record.sequence : 0,
                                       }};

    if (life_event(life, &event) == WORKER_OK && is_ours) {
        mark_check(class, &record);
        for (uint32_t i = 0; i < record.task_count; i++) {
            task_step(class, from->offset, &record, &record.tasks[i]);
        }
        for (uint32_t i = 0; i < record.kill_count; i++) {
            kill_step(life, &record.kills[i]);
        }
    }
    arena_release(&arena);
}

size_t life_on_tasks(void *argument, const struct log_record *records, size_t count)
{
    struct life_class *class = argument;

    if (!class->is_opened) {
        return 0; /* the core must hear first where we stand; poll resumes */
    }
    for (size_t i = 0; i < count; i++) {
        task_record(class, &records[i]);
    }
    return count;
}

/* ---- exo.fleet ---- */

static struct life_silence *silence_of(struct sim_life *life, struct span process)
{
    struct life_silence *silence = life->silences;

    while (silence != NULL && !span_equal(silence->process, process)) {
        silence = silence->next;
    }
    if (silence == NULL) {
        silence = sim_alloc(sizeof(*silence));
        *silence = (struct life_silence){life->silences, sim_copy(process), 0};
        life->silences = silence;
    }
    return silence;
}

void life_loan_check(struct sim_life *life, struct span process)
{
    uint32_t beats = silence_of(life, process)->beats;

    if (beats > WORKER_SILENCE_TICKS) {
        sim_fail("worker %s lends tickets to %.*s, silent for %u of its heartbeats",
                 life->worker->name, SPAN_ARG(process), beats);
    }
}

static void tick_step(struct sim_life *life, const struct wire_tick *tick)
{
    uint64_t demand = 0;

    silence_of(life, tick->process)->beats = 0;

    for (uint32_t i = 0; i < tick->demand_count; i++) {
        bool is_served = span_is(tick->demands[i].class_name, "default") ||
                         (life->class_count > 1 && span_is(tick->demands[i].class_name, "big"));

        demand += is_served ? tick->demands[i].ready : 0;
    }
    const struct worker_event event = {
        .kind = WORKER_ON_TICK, .tick = {tick->process, tick->number, demand, tick->is_leaving}};

    (void)life_event(life, &event); /* repeated ones are counted by the core */
}

size_t life_on_fleet(void *argument, const struct log_record *records, size_t count)
{
    struct sim_life *life = argument;

    for (size_t i = 0; i < count; i++) {
        struct heap_budget budget = {0};
        struct arena arena;
        struct wire_fleet fleet;

        arena_init(&arena, allocator_heap(&budget), 0);
        if (wire_fleet_unpack(records[i].value, &arena, &fleet) != WIRE_OK) {
            sim_fail("a record of exo.fleet cannot be read");
        }
        if (fleet.kind == FLEET_TICK) {
            tick_step(life, &fleet.tick);
        } else if (fleet.kind == FLEET_HEARTBEAT &&
                   span_is(fleet.heartbeat.worker, life->worker->name) &&
                   fleet.heartbeat.incarnation == life->incarnation) {
            const struct worker_event event = {.kind = WORKER_ON_HEARTBEAT_SEEN};

            for (struct life_silence *of = life->silences; of != NULL; of = of->next) {
                of->beats++;
            }
            (void)life_event(life, &event);
        }
        arena_release(&arena);
    }
    return count;
}

/* ---- the spool ---- */

void life_spool_tell(struct sim_life *life)
{
    while (life->next_file != NULL && !life->is_spool_told) {
        struct sim_file *file = life->next_file;

        if (file->outcome == ATTEMPT_UNKNOWN) {
            file->outcome = ATTEMPT_LOST; /* it had begun when the earlier life ended */
        }
        const struct worker_event event = {.kind = WORKER_ON_ADOPT,
                                           .adopt = {file->incarnation, file->shard, file->task,
                                                     file->attempt, file->outcome,
                                                     file->exit_status}};

        life->adopting = file;
        enum worker_err err = life_event(life, &event);

        life->adopting = NULL;
        if (err == WORKER_EFULL) {
            return; /* again when a slot is free */
        }
        life->next_file = file->next;
    }
    if (!life->is_spool_told) {
        const struct worker_event event = {.kind = WORKER_ON_SPOOL_END};

        life->is_spool_told = true;
        (void)life_event(life, &event);
    }
}
