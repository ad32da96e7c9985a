#include "tests/sim/outside.h"

#include <stdio.h>
#include <string.h>

#include "infra/crypto/fire_id.h"
#include "infra/log/log.h"
#include "schemas/wire/job.h"
#include "schemas/wire/status.h"
#include "schemas/wire/topics.h"
#include "tests/sim/broker.h"
#include "tests/sim/operator.h"
#include "tests/sim/oracle.h"
#include "tests/sim/people.h"
#include "tests/sim/reruns.h"
#include "tests/sim/sim.h"

enum { BACKLOG_RECORDS = 4 };

struct outside {
    struct plan *plan;
    struct log *log;
    uint32_t letters_sure;
};

static struct outside outside;

uint32_t outside_letters_sure(void)
{
    return outside.letters_sure;
}

struct outside_send {
    const char *topic;
    uint32_t partition;
    struct span value;
    bool is_once;
};

static void outside_try(void *argument);

/* The API answers 202 only after the broker did: until then whoever asked asks again. */
static void outside_answered(void *argument, int64_t offset, const struct exo_error *err)
{
    struct outside_send *send = argument;

    (void)offset;
    if (err != NULL && !send->is_once) {
        sim_in(0, EXO_SECOND, NULL, outside_try, send);
    }
}

static void outside_try(void *argument)
{
    struct outside_send *send = argument;
    struct exo_error err;

    if (log_append(outside.log, send->topic, send->partition, (struct span){NULL, 0}, send->value,
                   0, outside_answered, send, &err) != 0) {
        outside_answered(send, -1, &err);
    }
}

void outside_send(const char *topic, uint32_t partition, struct span value, bool is_once)
{
    struct outside_send *send = sim_alloc(sizeof(*send));

    *send = (struct outside_send){topic, partition, sim_copy(value), is_once};
    outside_try(send);
}

static void submit(void *argument)
{
    const struct plan_execution *e = argument;
    struct heap_budget budget = {0};
    struct allocator allocator = allocator_heap(&budget);
    struct arena arena;
    struct buffer cluster, input, record;
    char id[EXECUTION_ID_TEXT_BYTES + 1] = "";

    arena_init(&arena, allocator, 0);
    buffer_init(&cluster, allocator, 0);
    buffer_init(&input, allocator, 0);
    buffer_init(&record, allocator, 0);
    plan_text(e, &cluster);
    plan_input(e, &input);
    if (e->has_id) {
        execution_id_format(&e->id, id);
    }
    struct wire_job job = {
        .execution_id = span_of(id),
        .cluster = buffer_span(&cluster),
        .input = buffer_span(&input),
        .submitted_ms = (SIM_EPOCH_NS + sim.now_ns) / EXO_MILLISECOND,
        .start_at_ms = e->start_at_ms,
    };

    wire_job_pack(&job, &arena, &record);
    sim_trace("submit plan %u to partition %u", e->number, e->partition);
    outside_send(TOPIC_JOBS, e->partition, buffer_span(&record), !e->has_id);
    buffer_release(&cluster);
    buffer_release(&input);
    buffer_release(&record);
    arena_release(&arena);
}

static void cancel(void *argument)
{
    const struct plan_execution *e = argument;
    struct heap_budget budget = {0};
    struct arena arena;
    struct buffer record;
    struct wire_command command = {
        .kind = COMMAND_CANCEL, .execution = e->id, .reason = span_of("asked to")};
    struct wire_status status = {.commands = &command, .command_count = 1};

    arena_init(&arena, allocator_heap(&budget), 0);
    buffer_init(&record, allocator_heap(&budget), 0);
    wire_status_pack(&status, &arena, &record);
    sim_trace("cancel plan %u", e->number);
    outside_send(TOPIC_STATUS, execution_shard(&e->id, outside.plan->shard_count),
                 buffer_span(&record), false);
    buffer_release(&record);
    arena_release(&arena);
}

static void garbage(void *argument)
{
    const char *topic = argument;
    unsigned char bytes[64];

    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (unsigned char)(dice_roll(&sim.net) | 0x80);
    }
    outside_send(topic, (uint32_t)dice_below(&sim.net, outside.plan->shard_count),
                 (struct span){bytes, sizeof(bytes)}, false);
    outside.letters_sure++;
}

void outside_backlog(void *argument)
{
    struct heap_budget budget = {0};
    struct arena arena;
    struct buffer record;
    struct wire_report report = {.kind = REPORT_STARTED, .attempt = 1};
    struct wire_status status = {
        .worker = span_of("w0"), .incarnation = 1, .reports = &report, .report_count = 1};
    uint32_t shard = (uint32_t)dice_below(&sim.net, outside.plan->shard_count);

    (void)argument;
    arena_init(&arena, allocator_heap(&budget), 0);
    buffer_init(&record, allocator_heap(&budget), 0);
    for (size_t i = 0; i < sizeof(report.task.execution.bytes); i++) {
        report.task.execution.bytes[i] = (uint8_t)dice_roll(&sim.net);
    }
    wire_status_pack(&status, &arena, &record);
    for (uint32_t i = 0; i < BACKLOG_RECORDS; i++) {
        outside_send(TOPIC_STATUS, shard, buffer_span(&record), true);
    }
    buffer_release(&record);
    arena_release(&arena);
    sim_in(10 * EXO_MILLISECOND, 100 * EXO_MILLISECOND, NULL, outside_backlog, NULL);
}

/* One order to a schedule. */
struct order {
    const struct plan_schedule *schedule;
    const struct plan_order *order;
};

static void order_fill(const struct plan_schedule *s, const struct plan_order *order,
                       struct wire_schedule_command *command, struct buffer *text)
{
    if (order->kind == SCHEDULE_COMMAND_PUT) {
        plan_schedule_text(s, text);
        command->definition = buffer_span(text);
    } else if (order->kind == SCHEDULE_COMMAND_BACKFILL) {
        command->from_ns = order->from_ns;
        command->until_ns = order->until_ns;
        command->parallel = order->parallel;
    }
}

static void order_send(void *argument)
{
    const struct order *of = argument;
    const struct plan_schedule *s = of->schedule;
    struct heap_budget budget = {0};
    struct arena arena;
    struct buffer text, record;
    char id[32];
    char project[16];
    char name[16];

    (void)snprintf(id, sizeof(id), "t%u-%u", s->number, (uint32_t)(of->order - s->orders));
    (void)snprintf(project, sizeof(project), "p%u", s->project);
    (void)snprintf(name, sizeof(name), "t%u", s->number);
    struct wire_schedule_command command = {.kind = of->order->kind,
                                            .id = span_of(id),
                                            .project = span_of(project),
                                            .name = span_of(name),
                                            .expected = SCHEDULE_EXPECTED_ANY};
    struct wire_status status = {.schedules = &command, .schedule_count = 1};
    struct execution_id schedule = schedule_id_of(command.project, command.name);

    arena_init(&arena, allocator_heap(&budget), 0);
    buffer_init(&text, allocator_heap(&budget), 0);
    buffer_init(&record, allocator_heap(&budget), 0);
    order_fill(s, of->order, &command, &text);
    wire_status_pack(&status, &arena, &record);
    sim_trace("order %s of kind %d", id, (int)command.kind);
    outside_send(TOPIC_STATUS, execution_shard(&schedule, outside.plan->shard_count),
                 buffer_span(&record), false);
    buffer_release(&text);
    buffer_release(&record);
    arena_release(&arena);
}

static void orders_begin(void)
{
    for (uint32_t i = 0; i < outside.plan->schedule_count; i++) {
        const struct plan_schedule *s = &outside.plan->schedules[i];

        for (uint32_t k = 0; k < s->order_count; k++) {
            struct order *order = sim_alloc(sizeof(*order));

            *order = (struct order){s, &s->orders[k]};
            sim_at(s->orders[k].at_ns, NULL, order_send, order);
        }
    }
}

void outside_begin(struct plan *plan)
{
    static char jobs[] = TOPIC_JOBS;
    static char status[] = TOPIC_STATUS;

    outside = (struct outside){.plan = plan, .log = log_new(process_new("outside"))};
    operator_begin();
    people_begin(plan);
    orders_begin();
    reruns_begin(plan, cancel);
    for (uint32_t i = 0; i < outside.plan->execution_count; i++) {
        struct plan_execution *e = &outside.plan->executions[i];

        if (e->is_left_out || e->rerun != NULL) {
            continue;
        }
        sim_at(e->submit_ns, NULL, submit, e);
        outside.letters_sure += e->crash == CRASH_JOB && e->has_id;
        if (e->repeat_ns > 0) {
            sim_at(e->repeat_ns, NULL, submit, e);
        }
        if (e->cancel_ns > 0) {
            sim_at(e->cancel_ns, NULL, cancel, e);
        }
    }
    for (uint32_t i = 0; i < outside.plan->garbage_jobs; i++) {
        sim_in(0, outside.plan->heal_ns, NULL, garbage, jobs);
    }
    for (uint32_t i = 0; i < outside.plan->garbage_status; i++) {
        sim_in(0, outside.plan->heal_ns, NULL, garbage, status);
    }
}

void outside_again(void *argument)
{
    (void)argument;
    for (uint32_t i = 0; i < outside.plan->execution_count; i++) {
        struct plan_execution *e = &outside.plan->executions[i];
        const struct oracle_execution *known = e->has_id ? oracle_find(&e->id) : NULL;

        if (e->is_left_out || !e->has_id || e->rerun != NULL || e->submit_ns >= sim.now_ns) {
            continue;
        }
        if (known == NULL) {
            submit(e);
        }
        if (e->cancel_ns > 0 && e->cancel_ns < sim.now_ns &&
            (known == NULL || !execution_state_is_terminal(known->state))) {
            cancel(e);
        }
    }
}
