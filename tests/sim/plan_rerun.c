/* plan_rerun: executions of a plan that run others again, in whole or in part (ADR 0018). The
 * cluster is the same; what its tasks do may be something else by then. */
#include "tests/sim/plan.h"
#include "tests/sim/sim.h"

const struct plan_execution *plan_ran(const struct plan_execution *e, uint32_t satellite)
{
    const struct plan_execution *ran = e->rerun == NULL ? NULL : e->rerun->ran[satellite];

    return ran == NULL ? e : ran;
}

static bool may_run_again(const struct plan_execution *e)
{
    return e->has_id && e->crash == CRASH_NONE && !e->is_poison;
}

/* What was wrong is mended, or something else goes wrong. Nothing hangs a second time, for which
 * somebody would have to come. */
static enum style style_again(enum style style, struct dice *dice)
{
    static const enum style others[] = {STYLE_GOOD, STYLE_GOOD, STYLE_FLAKY, STYLE_BAD};

    if (style == STYLE_HANG) {
        return STYLE_GOOD;
    }
    return dice_chance(dice, 400000) ? others[dice_below(dice, sizeof(others) / sizeof(others[0]))]
                                     : style;
}

static void styles_make(struct plan_execution *e, struct dice *dice)
{
    for (uint32_t i = 0; i < e->satellite_count; i++) {
        struct plan_satellite *s = &e->satellites[i];

        if (s->inner_count == 0 && s->wait == WAIT_NONE && !s->is_by_hand) {
            s->style = style_again(s->style, dice);
        }
        for (uint32_t k = 0; k < s->inner_count; k++) {
            if (s->inner[k].wait == WAIT_NONE) {
                s->inner[k].style = style_again(s->inner[k].style, dice);
            }
        }
    }
}

static void input_make(struct plan_execution *e, struct dice *dice)
{
    e->input_items = (uint32_t)dice_below(dice, PLAN_LIST_SHORT + 1);
    e->input_few = (uint32_t)dice_below(dice, PLAN_FEW_MAX + 1);
    e->input_go = dice_chance(dice, 700000);
}

static void times_make(struct plan_rerun *r, const struct plan *plan, struct dice *dice)
{
    bool is_kept_short = plan->kept_ns > 0 && dice_chance(dice, 500000);

    if (dice_chance(dice, 300000)) {
        r->early_ns = r->of->submit_ns + dice_between(dice, -EXO_SECOND, 20 * EXO_SECOND);
        r->early_ns = r->early_ns < 1 ? 1 : r->early_ns;
    }
    r->late_ns = dice_chance(dice, 500000) ? 0 : dice_between(dice, 0, 8 * EXO_SECOND);
    if (dice_chance(dice, 600000)) {
        r->again_ns = dice_chance(dice, 400000)
                          ? 1
                          : dice_between(dice, 1, 20 * EXO_SECOND) +
                                (is_kept_short ? 3 * plan->kept_ns + 20 * EXO_SECOND : 0);
    }
}

static void id_make(struct plan_execution *e, const struct plan *plan, struct faults *faults,
                    struct dice *dice)
{
    uint8_t random[10];

    for (size_t i = 0; i < sizeof(random); i++) {
        random[i] = (uint8_t)dice_roll(dice);
    }
    e->id = execution_id_from_time(
        (SIM_EPOCH_NS + dice_between(dice, 0, plan->heal_ns)) / EXO_MILLISECOND, random);
    e->partition = execution_shard(&e->id, plan->shard_count);
    if (fault_fires(faults, FAULT_FOREIGN_PARTITION)) {
        e->partition = (uint32_t)dice_below(faults->dice, plan->shard_count);
    }
}

static struct plan_execution *make(struct plan *plan, const struct plan_execution *of,
                                   struct faults *faults, struct dice *dice)
{
    struct plan_execution *e = &plan->executions[plan->execution_count];
    struct plan_rerun *r = sim_alloc(sizeof(*r));

    *e = *of;
    e->number = plan->execution_count++;
    e->seed = dice_roll(dice);
    e->rerun = r;
    e->start_at_ms = 0;
    e->cancel_ns = 0;
    e->repeat_ns = 0;
    e->command_count = 0;
    *r = (struct plan_rerun){.of = of, .from = PLAN_SATELLITES_MAX};
    if (dice_chance(dice, 500000)) {
        r->from = (uint32_t)dice_below(dice, e->satellite_count);
    }
    r->is_edited = dice_chance(dice, 400000);
    if (r->is_edited) {
        input_make(e, dice);
    }
    styles_make(e, dice);
    times_make(r, plan, dice);
    id_make(e, plan, faults, dice);
    if (fault_fires(faults, FAULT_CANCEL)) {
        r->cancel_ns = dice_between(faults->dice, 1, 10 * EXO_SECOND);
    }
    return e;
}

/* Dice of its own, so that worlds without reruns stay what they were. */
void plan_reruns_make(struct plan *plan, uint64_t seed, struct faults *faults)
{
    struct dice dice = dice_new(seed, 41);
    uint32_t count = plan->execution_count;

    for (uint32_t i = 0; i < count && plan->execution_count < PLAN_EXECUTIONS_MAX; i++) {
        const struct plan_execution *of = &plan->executions[i];

        if (!may_run_again(of) || !fault_fires(faults, FAULT_RERUN)) {
            continue;
        }
        const struct plan_execution *first = make(plan, of, faults, &dice);

        if (dice_chance(&dice, 400000) && plan->execution_count < PLAN_EXECUTIONS_MAX) {
            (void)make(plan, dice_chance(&dice, 600000) ? first : of, faults, &dice);
        }
    }
}
