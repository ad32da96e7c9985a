/* plan_deletion: how long a world keeps what has ended, and what comes for it afterwards. */
#include "tests/sim/plan.h"

exo_time plan_kept_ns(const struct plan *plan, uint32_t project)
{
    return project == 2 ? 0 : plan->kept_ns * (1 + project);
}

/* A service sends its Job again, and somebody who does not know that it has ended asks for
 * something. */
static void come_again(struct plan_execution *e, exo_time kept_ns, struct dice *dice)
{
    if (e->repeat_ns != 0 || dice_chance(dice, 700000)) {
        e->repeat_ns = e->submit_ns + kept_ns + dice_between(dice, 0, 60 * EXO_SECOND);
    }
    if (e->command_count < PLAN_COMMANDS_MAX && dice_chance(dice, 300000)) {
        e->commands[e->command_count++] = (struct plan_command){
            .kind = COMMAND_PRIORITY,
            .at_ns = e->submit_ns + kept_ns + dice_between(dice, 0, 60 * EXO_SECOND),
            .priority = (uint32_t)dice_below(dice, 10)};
    }
}

/* Dice of its own, so that worlds that keep all for ever stay what they were. */
void plan_deletion_make(struct plan *plan, uint64_t seed, struct faults *faults)
{
    struct dice dice = dice_new(seed, 37);

    if (!fault_fires(faults, FAULT_DELETED)) {
        return;
    }
    plan->kept_ns = dice_between(&dice, EXO_SECOND, 15 * EXO_SECOND);
    for (uint32_t i = 0; i < plan->execution_count; i++) {
        struct plan_execution *e = &plan->executions[i];

        if (e->has_id && e->crash == CRASH_NONE && !e->is_poison) {
            come_again(e, plan_kept_ns(plan, e->project), &dice);
        }
    }
}
