#include "tests/sim/people.h"

#include <stdio.h>

#include "schemas/wire/status.h"
#include "schemas/wire/topics.h"
#include "tests/sim/oracle.h"
#include "tests/sim/outside.h"
#include "tests/sim/rules_command.h"
#include "tests/sim/sim.h"

static const struct plan *plan;

struct ask {
    const struct plan_execution *e;
    const struct plan_command *command;
};

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

    arena_init(&arena, allocator_heap(&budget), 0);
    buffer_init(&record, allocator_heap(&budget), 0);
    wire_status_pack(&status, &arena, &record);
    sim_trace("command %d of plan %u", (int)command.kind, ask->e->number);
    outside_send(TOPIC_STATUS, execution_shard(&ask->e->id, plan->shard_count),
                 buffer_span(&record), false);
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
        ask_send(&(struct ask){e, last});
    }
}

/* A pause that was sent again, or stored twice, may come after the last RESUME. */
static void look(void *argument)
{
    (void)argument;
    for (uint32_t i = 0; i < plan->execution_count; i++) {
        if (plan->executions[i].command_count > 0) {
            look_at(&plan->executions[i]);
        }
    }
    rules_command_look();
    sim_in(2 * EXO_SECOND, 6 * EXO_SECOND, NULL, look, NULL);
}

void people_begin(const struct plan *of)
{
    bool is_any = false;

    plan = of;
    for (uint32_t i = 0; i < plan->execution_count; i++) {
        const struct plan_execution *e = &plan->executions[i];

        for (uint32_t k = 0; k < e->command_count && !e->is_left_out; k++) {
            struct ask *ask = sim_alloc(sizeof(*ask));

            *ask = (struct ask){e, &e->commands[k]};
            sim_at(e->commands[k].at_ns, NULL, ask_send, ask);
            is_any = true;
        }
    }
    if (is_any) {
        sim_in(EXO_SECOND, 6 * EXO_SECOND, NULL, look, NULL);
    }
}
