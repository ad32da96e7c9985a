#include "tests/sim/scale_worker.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "infra/log/log.h"
#include "schemas/vocab/buffer.h"
#include "schemas/wire/fleet.h"
#include "schemas/wire/status.h"
#include "schemas/wire/task.h"
#include "schemas/wire/topics.h"
#include "tests/sim/broker.h"
#include "tests/sim/sim.h"
#include "tests/sim/worker_words.h"
#include "workers/core/worker.h"

struct scale_workers scale_workers;

struct one {
    char name[16];
    uint64_t incarnation;
    struct worker *core; /* NULL: it has not begun */
    struct loop_timer *timer;
    exo_time due_ns; /* what the timer is set to; 0: nothing */
    uint32_t fleet_partition, tasks_partition;
    uint64_t ended;
};

/* Reads a partition for all that would. */
struct reading {
    struct log_reader *reader;
    uint32_t partition, readers;
    int64_t next; /* offset after the last record that was read */
};

static struct {
    struct one *ones;
    struct loop *loop;
    struct log *log;
    struct reading fleet[TOPIC_FLEET_PARTITIONS];
    struct reading tasks[TOPIC_TASKS_PARTITIONS];
    struct worker_settings settings;
    exo_time run_ns;
    struct heap_budget budget;
} all;

static void one_event(struct one *one, const struct worker_event *event);

/* ---- what a core wants ---- */

struct report_send {
    struct one *one;
    struct worker_report_id id;
};

static void report_answered(void *argument, int64_t offset, const struct exo_error *err)
{
    const struct report_send *send = argument;
    const struct worker_event event = {
        .kind = err == NULL ? WORKER_ON_REPORT_ACKED : WORKER_ON_REPORT_FAILED, .report = send->id};

    (void)offset;
    one_event(send->one, &event);
}

static void append(const char *topic, uint32_t partition, const struct buffer *text,
                   log_appended *done, void *argument)
{
    struct exo_error err;

    if (log_append(all.log, topic, partition, (struct span){NULL, 0}, buffer_span(text), 0, done,
                   argument, &err) != 0) {
        sim_fail("a record of a worker does not leave it: %s", err.text);
    }
}

static void report(struct one *one, const struct worker_report *core)
{
    static const enum scale_word words[] = {[WORKER_ACCEPTED] = SCALE_ACCEPTED,
                                            [WORKER_REJECTED] = SCALE_REJECTED,
                                            [WORKER_STARTED] = SCALE_STARTED,
                                            [WORKER_FINISHED] = SCALE_FINISHED};
    struct report_send *send = sim_alloc(sizeof(*send));
    struct arena arena;
    struct buffer text;
    struct wire_report wire = worker_report_words(core);
    struct wire_status status = {.worker = span_of(one->name),
                                 .incarnation = core->incarnation,
                                 .reports = &wire,
                                 .report_count = 1};

    assert(core->kind != WORKER_PROGRESS);
    wire.output = core->kind == WORKER_FINISHED ? span_of("1") : (struct span){NULL, 0};
    scale_workers.words[words[core->kind]]++;
    one->ended += core->kind == WORKER_FINISHED;
    *send = (struct report_send){one, core->id};
    arena_init(&arena, allocator_heap(&all.budget), 0);
    buffer_init(&text, allocator_heap(&all.budget), 0);
    wire_status_pack(&status, &arena, &text);
    append(TOPIC_STATUS, core->shard, &text, report_answered, send);
    buffer_release(&text);
    arena_release(&arena);
}

static void fleet_append(const struct one *one, const struct wire_fleet *fleet, struct arena *arena)
{
    struct buffer text;

    buffer_init(&text, allocator_heap(&all.budget), 0);
    wire_fleet_pack(fleet, arena, &text);
    scale_workers.heartbeat_bytes += fleet->kind == FLEET_HEARTBEAT ? text.bytes : 0;
    append(TOPIC_FLEET, one->fleet_partition, &text, NULL, NULL);
    buffer_release(&text);
}

static void heartbeat(struct one *one, const struct worker_heartbeat *beat)
{
    const struct span class = span_of("default");
    struct arena arena;

    arena_init(&arena, allocator_heap(&all.budget), 0);
    struct wire_running *running = arena_alloc(&arena, beat->running_count * sizeof(*running) + 1);
    struct wire_loan *loans = arena_alloc(&arena, beat->loan_count * sizeof(*loans) + 1);

    assert(running != NULL && loans != NULL);
    for (uint32_t i = 0; i < beat->running_count; i++) {
        running[i] = (struct wire_running){beat->running[i].task, beat->running[i].attempt};
    }
    for (uint32_t i = 0; i < beat->loan_count; i++) {
        loans[i] = worker_loan_words(one->name, one->incarnation, &beat->loans[i]);
    }
    const struct wire_fleet fleet = {.kind = FLEET_HEARTBEAT,
                                     .heartbeat = {.worker = span_of(one->name),
                                                   .incarnation = one->incarnation,
                                                   .number = beat->number,
                                                   .classes = &class,
                                                   .class_count = 1,
                                                   .partition = one->tasks_partition,
                                                   .slots = beat->slots,
                                                   .window = beat->window,
                                                   .running = running,
                                                   .running_count = beat->running_count,
                                                   .position = beat->position,
                                                   .positions = beat->positions,
                                                   .loans = loans,
                                                   .loan_count = beat->loan_count}};

    scale_workers.heartbeats++;
    fleet_append(one, &fleet, &arena);
    arena_release(&arena);
}

static void loan(struct one *one, const struct worker_loan *of)
{
    const struct wire_fleet fleet = {.kind = FLEET_LOAN,
                                     .loan = worker_loan_words(one->name, one->incarnation, of)};
    struct arena arena;

    scale_workers.loans++;
    scale_workers.loaned += of->count;
    arena_init(&arena, allocator_heap(&all.budget), 0);
    fleet_append(one, &fleet, &arena);
    arena_release(&arena);
}

/* The container or the machine says something about a slot after a while. */
struct slot_word {
    struct one *one;
    struct worker_event event;
};

static void slot_said(void *argument)
{
    struct slot_word *word = argument;

    one_event(word->one, &word->event);
}

static void slot_say(struct one *one, struct slot_handle slot, enum worker_event_kind kind,
                     exo_time in_ns)
{
    struct slot_word *word = sim_alloc(sizeof(*word));

    *word = (struct slot_word){one, {.kind = kind, .slot = {.slot = slot, .end = ATTEMPT_EXITED}}};
    sim_at(sim.now_ns + in_ns, all.loop, slot_said, word);
}

static void one_do(struct one *one, const struct worker_action *action)
{
    exo_time run_ns = 0;

    switch (action->kind) {
    case WORKER_DO_REPORT:
        report(one, &action->report);
        break;
    case WORKER_DO_PREPARE:
        slot_say(one, action->slot, WORKER_ON_PREPARED, sim_draw(0, EXO_MILLISECOND));
        break;
    case WORKER_DO_START:
        run_ns = sim_draw(all.run_ns / 2, all.run_ns);
        slot_say(one, action->slot, WORKER_ON_STARTED, 0);
        slot_say(one, action->slot, WORKER_ON_EXITED, run_ns);
        break;
    case WORKER_DO_COLLECT:
        slot_say(one, action->slot, WORKER_ON_COLLECTED, 0);
        break;
    case WORKER_DO_HEARTBEAT:
        heartbeat(one, action->heartbeat);
        break;
    case WORKER_DO_LOAN:
        loan(one, &action->loan);
        break;
    case WORKER_DO_FORGET:
        break;
    case WORKER_DO_STOP:
    case WORKER_DO_SPOOL_WRITE:
    case WORKER_DO_SPOOL_DELETE:
    case WORKER_DO_LEAVE:
    case WORKER_ACTION_NR:
        sim_fail("worker %s wants %s, and nothing goes wrong here", one->name,
                 worker_action_name(action->kind));
    }
}

static void one_event(struct one *one, const struct worker_event *event)
{
    struct worker_actions actions;
    exo_time now_ns = loop_now_ns(all.loop);

    (void)worker_step(one->core, event, now_ns, &actions); /* a refusal is among the actions */
    for (uint32_t i = 0; i < actions.count; i++) {
        one_do(one, &actions.items[i]);
    }
    exo_time at_ns = worker_deadline(one->core);

    if (at_ns != EXO_TIME_NEVER && at_ns != one->due_ns) {
        one->due_ns = at_ns;
        loop_timer_start(one->timer, at_ns > now_ns ? at_ns - now_ns : 0, 0);
    }
}

/* ---- what is read ---- */

static struct one *one_find(struct span name)
{
    char text[16] = "";

    (void)snprintf(text, sizeof(text), "%.*s", SPAN_ARG(name));
    unsigned long number = strtoul(text + 1, NULL, 10);

    assert(number < scale_workers.count);
    return &all.ones[number];
}

static void ticks_give(const struct reading *reading, const struct wire_tick *tick)
{
    uint64_t demand = 0;

    for (uint32_t i = 0; i < tick->demand_count; i++) {
        demand += tick->demands[i].ready;
    }
    const struct worker_event event = {
        .kind = WORKER_ON_TICK, .tick = {tick->process, tick->number, demand, tick->is_leaving}};

    for (uint32_t i = 0; i < scale_workers.count; i++) {
        struct one *one = &all.ones[i];

        if (one->core != NULL && one->fleet_partition == reading->partition) {
            one_event(one, &event);
        }
    }
}

static size_t on_fleet(void *argument, const struct log_record *records, size_t count)
{
    struct reading *reading = argument;
    const struct worker_event seen = {.kind = WORKER_ON_HEARTBEAT_SEEN};

    for (size_t i = 0; i < count; i++) {
        struct arena arena;
        struct wire_fleet fleet;

        arena_init(&arena, allocator_heap(&all.budget), 0);
        if (wire_fleet_unpack(records[i].value, &arena, &fleet) != WIRE_OK) {
            sim_fail("a record of exo.fleet cannot be read");
        }
        if (fleet.kind == FLEET_TICK) {
            ticks_give(reading, &fleet.tick);
        } else if (fleet.kind == FLEET_HEARTBEAT) {
            one_event(one_find(fleet.heartbeat.worker), &seen);
        }
        arena_release(&arena);
        scale_workers.fleet_read += reading->readers;
        scale_workers.fleet_read_bytes += reading->readers * records[i].value.bytes;
    }
    return count;
}

static void tasks_give(struct one *one, int64_t offset, const struct wire_task_record *record)
{
    for (uint32_t i = 0; i < record->task_count; i++) {
        const struct wire_task *task = &record->tasks[i];
        const struct wire_spec *spec = &record->specs[task->spec];
        const struct worker_event event = {
            .kind = WORKER_ON_TASK,
            .task = {.offset = offset,
                     .shard = record->shard,
                     .process = record->process,
                     .task = {spec->execution, spec->instance, task->index},
                     .attempt = task->attempt,
                     .ticket = task->ticket,
                     .lend = task->lend,
                     .timeout_ns = spec->timeout_ms * EXO_MILLISECOND,
                     .grace_ns = spec->grace_ms * EXO_MILLISECOND}};

        one_event(one, &event);
    }
}

static size_t on_tasks(void *argument, const struct log_record *records, size_t count)
{
    struct reading *reading = argument;

    for (size_t i = 0; i < count; i++) {
        struct arena arena;
        struct wire_task_record record;

        arena_init(&arena, allocator_heap(&all.budget), 0);
        if (wire_task_record_unpack(records[i].value, &arena, &record) != WIRE_OK) {
            sim_fail("a record of Tasks cannot be read");
        }
        struct one *one = one_find(record.worker);
        const struct worker_event event = {.kind = WORKER_ON_RECORD,
                                           .record = {.offset = records[i].offset,
                                                      .is_ours = true,
                                                      .shard = record.shard,
                                                      .epoch = record.epoch,
                                                      .sequence = record.sequence}};

        one_event(one, &event);
        tasks_give(one, records[i].offset, &record);
        arena_release(&arena);
        reading->next = records[i].offset + 1;
        scale_workers.tasks_read += reading->readers;
        scale_workers.tasks_read_bytes += reading->readers * records[i].value.bytes;
    }
    return count;
}

/* ---- beginning and end ---- */

/* What was read of others counts for the position that its next heartbeat tells. */
static void timer_due(void *argument)
{
    struct one *one = argument;
    const struct worker_event timer = {.kind = WORKER_ON_TIMER};
    const struct worker_event others = {
        .kind = WORKER_ON_RECORD, .record = {.offset = all.tasks[one->tasks_partition].next - 1}};

    one->due_ns = 0;
    if (others.record.offset >= 0) {
        one_event(one, &others);
    }
    one_event(one, &timer);
}

static void one_begin(void *argument)
{
    struct one *one = argument;
    struct worker_settings settings = all.settings;

    one->incarnation = (uint64_t)clock_wall_ns();
    settings.incarnation = one->incarnation;
    one->core = worker_new(&settings, allocator_heap(&all.budget));
    assert(one->core != NULL);
    one->timer = loop_timer_new(all.loop, timer_due, one);
    const struct worker_event opened = {.kind = WORKER_ON_OPENED,
                                        .opened = {0, all.tasks[one->tasks_partition].next}};
    const struct worker_event spool = {.kind = WORKER_ON_SPOOL_END};

    one_event(one, &opened);
    one_event(one, &spool);
}

static void reader_failed(void *argument, const struct exo_error *err)
{
    (void)argument;
    sim_fail("a reader of the workers fails: %s", err->text);
}

static void readings_open(void)
{
    static const struct log_reader_callbacks fleet = {on_fleet, reader_failed};
    static const struct log_reader_callbacks tasks = {on_tasks, reader_failed};

    for (uint32_t i = 0; i < TOPIC_FLEET_PARTITIONS; i++) {
        all.fleet[i].partition = i;
        all.fleet[i].reader =
            log_reader_open(all.log, TOPIC_FLEET, i, LOG_END, 0, &fleet, &all.fleet[i]);
    }
    for (uint32_t i = 0; i < TOPIC_TASKS_PARTITIONS; i++) {
        all.tasks[i].partition = i;
        all.tasks[i].reader =
            log_reader_open(all.log, TOPIC_TASKS_PREFIX "default", i, 0, 0, &tasks, &all.tasks[i]);
    }
}

void scale_workers_begin(uint32_t count, uint32_t slots, uint32_t prefetch, uint32_t run_ms,
                         uint32_t shard_count)
{
    all.loop = process_new("workers");
    all.log = log_new(all.loop);
    all.ones = sim_alloc(count * sizeof(*all.ones));
    all.run_ns = run_ms * EXO_MILLISECOND;
    all.settings = (struct worker_settings){
        .slots = slots, .prefetch = prefetch, .class_nr = 1, .shard_nr = shard_count};
    scale_workers = (struct scale_workers){.count = count};
    readings_open();
    for (uint32_t i = 0; i < count; i++) {
        struct one *one = &all.ones[i];

        (void)snprintf(one->name, sizeof(one->name), "w%u", i);
        one->fleet_partition = topic_class_partition(span_of(one->name), TOPIC_FLEET_PARTITIONS);
        one->tasks_partition = topic_class_partition(span_of(one->name), TOPIC_TASKS_PARTITIONS);
        all.fleet[one->fleet_partition].readers++;
        all.tasks[one->tasks_partition].readers++;
        sim_in(EXO_SECOND, 2 * EXO_SECOND, all.loop, one_begin, one);
    }
}

uint64_t scale_worker_ended(uint32_t number)
{
    return all.ones[number].ended;
}

void scale_workers_end(void)
{
    for (uint32_t i = 0; i < scale_workers.count; i++) {
        worker_check(all.ones[i].core);
        worker_free(all.ones[i].core);
    }
}
