#include "tests/sim/people.h"

#include <stdio.h>

#include "schemas/wire/status.h"
#include "schemas/wire/topics.h"
#include "tests/sim/oracle.h"
#include "tests/sim/outside.h"
#include "tests/sim/rules_command.h"
#include "tests/sim/sim.h"
#include "tests/sim/world.h"

static const struct plan *plan;

struct ask {
    const struct plan_execution *e;
    const struct plan_command *command;
    const struct plan_spot *spot; /* of a wait; NULL: what the command says */
};

static bool is_map(const struct ask *ask)
{
    return ask->e->satellites[ask->command->satellite].each != EACH_NONE;
}

static struct span task_name(const struct ask *ask, char text[PLAN_PATH_BYTES])
{
    if (ask->spot != NULL) {
        plan_spot_path(ask->e, ask->spot, text);
    } else {
        (void)snprintf(text, PLAN_PATH_BYTES, is_map(ask) ? "s%u.%u" : "s%u",
                       ask->command->satellite, ask->command->index);
    }
    return span_of(text);
}

/* What the task would give. */
static void value_write(const struct ask *ask, struct buffer *text)
{
    if (ask->command->kind == COMMAND_SIGNAL) {
        plan_signal_payload(ask->e, ask->command->index, text);
        return;
    }
    plan_output(ask->e,
                &(struct plan_spot){.satellite = ask->command->satellite,
                                    .index = is_map(ask) ? ask->command->index : 0},
                text);
}

/* Where nobody hears whether it was stored, it may be sent again: a command twice is no fault. */
static void ask_send(void *argument)
{
    const struct ask *ask = argument;
    struct heap_budget budget = {0};
    struct arena arena;
    struct buffer record;
    struct wire_command command = {.kind = ask->command->kind,
                                   .execution = ask->e->id,
                                   .actor = span_of("somebody"),
                                   .priority = ask->command->priority};
    struct wire_status status = {.commands = &command, .command_count = 1};
    struct buffer value;
    char task[PLAN_PATH_BYTES];
    char key[16];

    arena_init(&arena, allocator_heap(&budget), 0);
    buffer_init(&record, allocator_heap(&budget), 0);
    buffer_init(&value, allocator_heap(&budget), 0);
    if (command.kind == COMMAND_SKIP || command.kind == COMMAND_RETRY ||
        command.kind == COMMAND_APPROVE || command.kind == COMMAND_REJECT) {
        command.task = task_name(ask, task);
    }
    if (command.kind == COMMAND_SIGNAL) {
        command.name = span_of(PLAN_SIGNAL);
        (void)snprintf(key, sizeof(key), "key%u", ask->command->key);
        command.id = span_of(ask->command->key == 0 ? "" : key);
    }
    if (command.kind == COMMAND_SKIP || command.kind == COMMAND_SIGNAL) {
        value_write(ask, &value);
        command.value = buffer_span(&value);
    }
    wire_status_pack(&status, &arena, &record);
    sim_trace("command %d of plan %u %.*s", (int)command.kind, ask->e->number,
              SPAN_ARG(command.task));
    outside_send(TOPIC_STATUS, execution_shard(&ask->e->id, plan->shard_count),
                 buffer_span(&record), false);
    buffer_release(&value);
    buffer_release(&record);
    arena_release(&arena);
}

/* All that is to hold it has been asked for, and it is to go on. */
static void look_at(const struct plan_execution *e)
{
    const struct oracle_execution *known = oracle_find(&e->id);
    const struct plan_command *last = NULL;

    for (uint32_t i = 0; i < e->command_count; i++) {
        if (e->commands[i].kind == COMMAND_RESUME &&
            (last == NULL || e->commands[i].at_ns > last->at_ns)) {
            last = &e->commands[i];
        }
    }
    if (known != NULL && known->state == EXECUTION_PAUSED && last != NULL &&
        last->at_ns < sim.now_ns) {
        ask_send(&(struct ask){e, last, NULL});
    }
}

/* One task of those that need somebody. */
static void task_look(const struct plan_execution *e, uint32_t satellite, uint32_t index,
                      const struct oracle_task *task)
{
    bool hangs = e->satellites[satellite].style == STYLE_HANG;
    bool is_stuck = hangs ? task->state == TASK_DISPATCHED || task->state == TASK_RUNNING
                          : task->state == TASK_BACKOFF;
    const struct plan_command command = {
        .kind = hangs ? COMMAND_SKIP : COMMAND_RETRY, .satellite = satellite, .index = index};

    if (is_stuck && dice_chance(&sim.net, 300000)) {
        ask_send(&(struct ask){e, &command, NULL});
    }
}

/* One that waits for somebody, and all that the plan knows of have been sent. */
static void wait_look(const struct plan_execution *e, const struct oracle_instance *instance)
{
    enum wait_kind wait = plan_spot_wait(e, &instance->spot);
    const struct plan_command more = {.kind = wait == WAIT_APPROVED   ? COMMAND_APPROVE
                                              : wait == WAIT_REJECTED ? COMMAND_REJECT
                                                                      : COMMAND_SIGNAL,
                                      .satellite = instance->spot.satellite};

    if (wait != WAIT_SIGNAL && wait != WAIT_APPROVED && wait != WAIT_REJECTED) {
        return;
    }
    for (uint32_t i = 0; i < e->command_count; i++) {
        if (e->commands[i].kind == more.kind && e->commands[i].at_ns > sim.now_ns) {
            return;
        }
    }
    if (instance->state == TASK_RUNNING && dice_chance(&sim.net, 300000)) {
        ask_send(&(struct ask){e, &more, &instance->spot});
    }
}

static void tasks_look(const struct plan_execution *e)
{
    const struct oracle_execution *known = oracle_find(&e->id);

    for (uint32_t i = 0; known != NULL && i < e->satellite_count; i++) {
        const struct oracle_instance *instance = &known->instances[i];

        wait_look(e, instance);
        for (uint32_t k = 0; e->satellites[i].is_by_hand && k < instance->task_count; k++) {
            task_look(e, i, k, &instance->tasks[k]);
        }
    }
    for (uint32_t n = 0; known != NULL && n < sizeof(known->inner) / sizeof(known->inner[0]); n++) {
        for (const struct oracle_inner *i = known->inner[n]; i != NULL; i = i->next) {
            wait_look(e, &i->instance);
        }
    }
}

/* A pause that was sent again, or stored twice, may come after the last RESUME. */
static void look(void *argument)
{
    (void)argument;
    for (uint32_t i = 0; i < plan->execution_count; i++) {
        if (plan->executions[i].command_count > 0 || plan->executions[i].rerun != NULL) {
            look_at(&plan->executions[i]);
            tasks_look(&plan->executions[i]);
        }
    }
    rules_command_look();
    sim_in(2 * EXO_SECOND, 6 * EXO_SECOND, NULL, look, NULL);
}

/* ---- answers that race with a timeout ---- */

static void answer_send(const struct plan_execution *e, const struct plan_spot *spot,
                        exo_time at_ns)
{
    struct plan_command *command = sim_alloc(sizeof(*command));
    struct ask *ask = sim_alloc(sizeof(*ask));

    command->kind = dice_chance(&sim.net, 500000) ? COMMAND_APPROVE : COMMAND_REJECT;
    command->satellite = spot->satellite;
    *ask = (struct ask){e, command, spot};
    sim_at(at_ns > sim.now_ns ? at_ns : sim.now_ns, NULL, ask_send, ask);
}

/* Close to when it is due, most of them: as long as a record and a commit take. */
static exo_time near(exo_time due_ns)
{
    exo_time far_ns = dice_chance(&sim.net, 600000) ? 30 * EXO_MILLISECOND : EXO_SECOND;

    return due_ns + sim_draw(0, 2 * far_ns) - far_ns;
}

void people_asked(const struct oracle_execution *e, const struct plan_spot *spot)
{
    exo_time due_ns = sim.now_ns + plan_spot_wait_ms(e->plan, spot) * EXO_MILLISECOND;
    struct plan_spot *kept = sim_alloc(sizeof(*kept));

    *kept = *spot;
    for (int64_t i = dice_between(&sim.net, 0, 3); i > 0; i--) {
        answer_send(e->plan, kept, near(due_ns));
    }
    if (!sim.faults.is_over && dice_chance(&sim.net, 300000)) {
        world_owner_dies(e->shard, near(due_ns));
    }
}

void people_begin(const struct plan *of)
{
    bool is_any = false;

    plan = of;
    for (uint32_t i = 0; i < plan->execution_count; i++) {
        const struct plan_execution *e = &plan->executions[i];

        for (uint32_t k = 0; k < e->command_count && !e->is_left_out; k++) {
            struct ask *ask = sim_alloc(sizeof(*ask));

            *ask = (struct ask){e, &e->commands[k], NULL};
            sim_at(e->commands[k].at_ns, NULL, ask_send, ask);
            is_any = true;
        }
    }
    if (is_any) {
        sim_in(EXO_SECOND, 6 * EXO_SECOND, NULL, look, NULL);
    }
}
