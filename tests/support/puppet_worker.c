#include "tests/support/puppet_worker.h"

#include <assert.h>
#include <stdlib.h>

#include "schemas/wire/fleet.h"
#include "schemas/wire/topics.h"

enum { SEEN_MAX = 8192, WINDOW_MAX = 512, PROCESSES_MAX = 8, NAME_BYTES = 64, HELD_MAX = 512 };

struct held {
    struct wire_running running;
    uint32_t ticket;
    uint64_t lend;
};

struct puppet_worker {
    struct loop *loop;
    struct log *log;
    char name[NAME_BYTES];
    uint64_t incarnation;
    uint64_t heartbeat;
    uint32_t window;
    uint64_t lends[WINDOW_MAX];
    uint32_t holders[WINDOW_MAX]; /* process of each ticket; PROCESSES_MAX: in use */
    char processes[PROCESSES_MAX][NAME_BYTES];
    uint32_t process_count;
    struct log_reader *tasks, *fleet;
    struct loop_timer *timer;
    puppet_act *act;
    void *context;
    struct held held[HELD_MAX];
    uint32_t held_count;
    uint32_t taken, kills;
    struct wire_running seen[SEEN_MAX]; /* attempts taken, the latest */
    uint32_t seen_count;
    struct heap_budget budget;
    struct arena arena;
    struct buffer text;
};

static void append(struct puppet_worker *p, const char *topic, uint32_t partition)
{
    struct exo_error err;
    int rv = log_append(p->log, topic, partition, span_of(p->name), buffer_span(&p->text), 0, NULL,
                        NULL, &err);

    assert(rv == 0);
}

static uint32_t fleet_partition(const struct puppet_worker *p)
{
    return topic_class_partition(span_of(p->name), TOPIC_FLEET_PARTITIONS);
}

static void beat(void *argument)
{
    struct puppet_worker *p = argument;
    struct wire_loan loans[PROCESSES_MAX];
    struct span class_name = span_of("default");
    struct wire_running *running;

    arena_reset(&p->arena);
    running = arena_alloc(&p->arena, p->held_count * sizeof(*running));
    for (uint32_t i = 0; i < p->held_count; i++) {
        running[i] = p->held[i].running;
    }
    for (uint32_t i = 0; i < p->process_count; i++) {
        uint32_t *tickets = arena_alloc(&p->arena, p->window * sizeof(*tickets));
        uint64_t *lends = arena_alloc(&p->arena, p->window * sizeof(*lends));

        loans[i] = (struct wire_loan){.worker = span_of(p->name),
                                      .incarnation = p->incarnation,
                                      .process = span_of(p->processes[i]),
                                      .tickets = tickets,
                                      .lends = lends};
        for (uint32_t t = 0; t < p->window; t++) {
            if (p->holders[t] == i) {
                tickets[loans[i].count] = t;
                lends[loans[i].count++] = p->lends[t];
            }
        }
    }
    struct wire_fleet fleet = {
        .kind = FLEET_HEARTBEAT,
        .heartbeat = {.worker = span_of(p->name),
                      .incarnation = p->incarnation,
                      .number = ++p->heartbeat,
                      .classes = &class_name,
                      .class_count = 1,
                      .partition = topic_class_partition(span_of(p->name), TOPIC_TASKS_PARTITIONS),
                      .slots = p->window,
                      .window = p->window,
                      .running = running,
                      .running_count = p->held_count,
                      /* No positions: it does not wait for its answers to be acknowledged, and
                       * only what is may be claimed. */
                      .loans = loans,
                      .loan_count = p->process_count}};

    buffer_reset(&p->text);
    wire_fleet_pack(&fleet, &p->arena, &p->text);
    append(p, TOPIC_FLEET, fleet_partition(p));
}

/* Shares what nobody holds among the processes known. */
static void lend_free(struct puppet_worker *p)
{
    for (uint32_t t = 0; t < p->window; t++) {
        if (p->lends[t] == 0 && p->process_count > 0) {
            p->lends[t] = 1;
            p->holders[t] = t % p->process_count;
        }
    }
}

static uint32_t process_number(struct puppet_worker *p, struct span name, bool *ret_is_new)
{
    for (uint32_t i = 0; i < p->process_count; i++) {
        if (span_is(name, p->processes[i])) {
            *ret_is_new = false;
            return i;
        }
    }
    assert(p->process_count < PROCESSES_MAX && name.bytes < NAME_BYTES);
    memcpy(p->processes[p->process_count], name.data, name.bytes);
    *ret_is_new = true;
    /* A new one gets its share of what idles with the others. */
    uint32_t number = p->process_count++;

    for (uint32_t t = number; t < p->window; t += p->process_count) {
        if (p->lends[t] != 0 && p->holders[t] < number) {
            p->holders[t] = number;
            p->lends[t]++;
        }
    }
    return number;
}

static size_t fleet_records(void *argument, const struct log_record *records, size_t count)
{
    struct puppet_worker *p = argument;

    for (size_t i = 0; i < count; i++) {
        struct wire_fleet fleet;
        bool is_new = false;

        arena_reset(&p->arena);
        if (wire_fleet_unpack(records[i].value, &p->arena, &fleet) != WIRE_OK ||
            fleet.kind != FLEET_TICK) {
            continue;
        }
        (void)process_number(p, fleet.tick.process, &is_new);
        if (is_new) {
            lend_free(p);
            beat(p);
        }
    }
    return count;
}

static void report_send(struct puppet_worker *p, uint32_t shard, struct wire_report *report)
{
    struct wire_status status = {.worker = span_of(p->name),
                                 .incarnation = p->incarnation,
                                 .reports = report,
                                 .report_count = 1};

    buffer_reset(&p->text);
    wire_status_pack(&status, &p->arena, &p->text);
    append(p, TOPIC_STATUS, shard);
}

static void hold(struct puppet_worker *p, const struct wire_report *report)
{
    assert(p->held_count < HELD_MAX);
    p->held[p->held_count++] =
        (struct held){{report->task, report->attempt}, report->ticket, report->lend};
}

/* A new owner sends again what it does not know to have arrived: as a real worker, run it once. */
static bool is_seen(struct puppet_worker *p, const struct wire_report *report)
{
    uint32_t count = p->seen_count < SEEN_MAX ? p->seen_count : SEEN_MAX;

    for (uint32_t i = 0; i < count; i++) {
        if (memcmp(&p->seen[i].task, &report->task, sizeof(report->task)) == 0 &&
            p->seen[i].attempt == report->attempt) {
            return true;
        }
    }
    p->seen[p->seen_count++ % SEEN_MAX] = (struct wire_running){report->task, report->attempt};
    return false;
}

static void take_task(struct puppet_worker *p, const struct wire_task_record *record,
                      const struct wire_task *task)
{
    const struct wire_spec *spec = &record->specs[task->spec];
    struct wire_report report = {
        .kind = REPORT_FINISHED,
        .task = {spec->execution, spec->instance, task->index},
        .attempt = task->attempt,
        .ticket = task->ticket,
        .lend = task->lend,
        .lend_process = record->process,
        .heartbeat = p->heartbeat,
        .at_ms = clock_wall_ns() / EXO_MILLISECOND,
    };

    if (is_seen(p, &report)) {
        return;
    }
    if (task->ticket >= p->window || p->lends[task->ticket] != task->lend) {
        report.kind = REPORT_REJECTED;
        report.lend = 0;
        report_send(p, record->shard, &report);
        return;
    }
    p->taken++;
    if (!p->act(p->context, spec, task, &report)) {
        report.kind = REPORT_ACCEPTED;
        report.lend = 0;
        report_send(p, record->shard, &report);
        hold(p, &report);
        return;
    }
    report.lend_next = ++p->lends[task->ticket];
    report_send(p, record->shard, &report);
}

static void take_kill(struct puppet_worker *p, uint32_t shard, const struct wire_kill *kill)
{
    p->kills++;
    for (uint32_t i = 0; i < p->held_count; i++) {
        struct held *held = &p->held[i];

        if (memcmp(&held->running.task, &kill->task, sizeof(kill->task)) == 0 &&
            held->running.attempt == kill->attempt) {
            struct wire_report report = {
                .kind = REPORT_FINISHED,
                .task = kill->task,
                .attempt = kill->attempt,
                .outcome = OUTCOME_CANCELLED,
                .error = span_of("killed"),
            };

            report_send(p, shard, &report);
            *held = p->held[--p->held_count];
            return;
        }
    }
}

static size_t task_records(void *argument, const struct log_record *records, size_t count)
{
    struct puppet_worker *p = argument;

    for (size_t i = 0; i < count; i++) {
        struct wire_task_record record;

        arena_reset(&p->arena);
        if (wire_task_record_unpack(records[i].value, &p->arena, &record) != WIRE_OK ||
            !span_is(record.worker, p->name) || record.incarnation != p->incarnation) {
            continue;
        }
        for (uint32_t t = 0; t < record.task_count; t++) {
            take_task(p, &record, &record.tasks[t]);
        }
        for (uint32_t k = 0; k < record.kill_count; k++) {
            take_kill(p, record.shard, &record.kills[k]);
        }
    }
    return count;
}

static void failed(void *argument, const struct exo_error *err)
{
    (void)argument;
    (void)err;
    assert(false);
}

struct puppet_worker *puppet_worker_new(struct loop *loop, struct log *log, const char *name,
                                        uint64_t incarnation, uint32_t window, puppet_act *act,
                                        void *context)
{
    static const struct log_reader_callbacks on_tasks = {task_records, failed};
    static const struct log_reader_callbacks on_fleet = {fleet_records, failed};
    struct puppet_worker *p = calloc(1, sizeof(*p));
    char topic[TOPIC_NAME_BYTES];

    assert(p != NULL && window <= WINDOW_MAX && strlen(name) < NAME_BYTES);
    p->loop = loop;
    p->log = log;
    p->incarnation = incarnation;
    p->window = window;
    p->act = act;
    p->context = context;
    memcpy(p->name, name, strlen(name));
    arena_init(&p->arena, allocator_heap(&p->budget), 0);
    buffer_init(&p->text, allocator_heap(&p->budget), 0);
    bool is_named = topic_name_of_class(span_of("default"), topic);

    assert(is_named);
    p->tasks =
        log_reader_open(log, topic, topic_class_partition(span_of(name), TOPIC_TASKS_PARTITIONS),
                        LOG_END, 0, &on_tasks, p);
    p->fleet = log_reader_open(log, TOPIC_FLEET, fleet_partition(p), LOG_END, 0, &on_fleet, p);
    p->timer = loop_timer_new(loop, beat, p);
    loop_timer_start(p->timer, 50 * EXO_MILLISECOND, 50 * EXO_MILLISECOND);
    return p;
}

void puppet_worker_free(struct puppet_worker *p)
{
    log_reader_close(p->tasks);
    log_reader_close(p->fleet);
    loop_timer_free(p->timer);
    arena_release(&p->arena);
    buffer_release(&p->text);
    free(p);
}

uint32_t puppet_worker_taken(const struct puppet_worker *p)
{
    return p->taken;
}

uint32_t puppet_worker_kills(const struct puppet_worker *p)
{
    return p->kills;
}
