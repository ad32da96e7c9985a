/* plan_wait: what satellites wait for that run nothing, inside groups or not, and what they give
 * back. */
#include <stdio.h>

#include "tests/sim/plan.h"

/* ---- which ---- */

/* NULL: it stands in no group, or is one. */
static const struct plan_inner *inner_of(const struct plan_execution *e,
                                         const struct plan_spot *spot)
{
    const struct plan_inner *inner = &e->satellites[spot->satellite].inner[spot->inner];

    return spot->is_inner && (inner->kind != INNER_GROUP || spot->is_deep) ? inner : NULL;
}

enum wait_kind plan_spot_wait(const struct plan_execution *e, const struct plan_spot *spot)
{
    const struct plan_inner *inner = inner_of(e, spot);

    if (!spot->is_inner) {
        return e->satellites[spot->satellite].wait;
    }
    return inner == NULL ? WAIT_NONE : inner->wait;
}

uint32_t plan_spot_wait_ms(const struct plan_execution *e, const struct plan_spot *spot)
{
    const struct plan_inner *inner = inner_of(e, spot);

    return inner == NULL ? e->satellites[spot->satellite].wait_ms : inner->wait_ms;
}

bool plan_spot_is_wait(const struct plan_execution *e, const struct plan_spot *spot)
{
    return plan_spot_wait(e, spot) != WAIT_NONE;
}

bool plan_spot_equal(const struct plan_spot *a, const struct plan_spot *b)
{
    return a->satellite == b->satellite && a->is_inner == b->is_inner && a->inner == b->inner &&
           a->run == b->run && a->is_deep == b->is_deep && a->deeper == b->deeper &&
           a->index == b->index;
}

void plan_spot_path(const struct plan_execution *e, const struct plan_spot *spot,
                    char ret_text[PLAN_PATH_BYTES])
{
    char run[16] = "";
    char deeper[24] = "";

    if (!spot->is_inner) {
        (void)snprintf(ret_text, PLAN_PATH_BYTES, "s%u", spot->satellite);
        return;
    }
    if (e->satellites[spot->satellite].each != EACH_NONE) {
        (void)snprintf(run, sizeof(run), ".%u", spot->run);
    }
    if (spot->is_deep) {
        (void)snprintf(deeper, sizeof(deeper), ".%u.d", spot->deeper);
    }
    (void)snprintf(ret_text, PLAN_PATH_BYTES, "s%u%s.i%u%s", spot->satellite, run, spot->inner,
                   deeper);
}

/* One that runs at the end cannot wait; a map cannot, but each run of a group can. */
static bool inner_make(struct plan_satellite *group, uint32_t number, const struct faults *faults)
{
    static const enum wait_kind kinds[] = {WAIT_SIGNAL,   WAIT_SIGNAL,   WAIT_RACE,
                                           WAIT_NEVER,    WAIT_APPROVED, WAIT_APPROVED,
                                           WAIT_REJECTED, WAIT_ANSWERED};
    struct plan_inner *inner = &group->inner[number];
    struct dice *dice = faults->dice;
    uint32_t count = sizeof(kinds) / sizeof(kinds[0]);

    if ((group->has_inner_final && number == group->inner_count - 1) ||
        !dice_chance(dice, 500000)) {
        return false;
    }
    *inner = (struct plan_inner){
        .kind = inner->kind == INNER_MAP ? INNER_GROUP : inner->kind,
        .style = STYLE_GOOD,
        .wait = kinds[dice_below(dice, faults->is_enabled[FAULT_ANSWER_RACED] ? count : count - 1)],
    };
    if (inner->wait == WAIT_RACE || inner->wait == WAIT_NEVER || inner->wait == WAIT_ANSWERED) {
        inner->wait_ms = (uint32_t)dice_between(dice, 1, 12000);
    }
    return true;
}

/* Of few runs: somebody has to say something to each. */
bool plan_wait_inner_make(struct plan_execution *e, struct plan_satellite *group,
                          struct faults *faults)
{
    bool is_any = false;

    if (group->inner_count == 0 || e->crash != CRASH_NONE || e->is_poison ||
        (group->each != EACH_NONE && plan_list_longest(e) > PLAN_LIST_SHORT) ||
        !fault_fires(faults, FAULT_WAIT_INNER)) {
        return false;
    }
    for (uint32_t i = 0; i < group->inner_count; i++) {
        is_any = inner_make(group, i, faults) || is_any;
    }
    faults->fired[FAULT_WAIT_INNER] -= !is_any;
    return is_any;
}

/* ---- as texts ---- */

static void put(struct buffer *text, const char *format, uint32_t number)
{
    char piece[64];

    (void)snprintf(piece, sizeof(piece), format, number);
    buffer_text(text, piece);
}

void plan_wait_text(enum wait_kind wait, uint32_t wait_ms, struct buffer *text)
{
    static const char *const words[] = {
        [WAIT_SIGNAL] = "signal: " PLAN_SIGNAL, [WAIT_RACE] = "signal: " PLAN_SIGNAL,
        [WAIT_NEVER] = "signal: never",         [WAIT_APPROVED] = "approval: true",
        [WAIT_REJECTED] = "approval: true",     [WAIT_ANSWERED] = "approval: true",
    };

    buffer_text(text, ", wait: {");
    buffer_text(text, words[wait]);
    put(text, wait_ms > 0 ? ", timeout: %ums}" : "}", wait_ms);
}

void plan_wait_output(const struct plan_execution *e, enum wait_kind wait, struct buffer *text)
{
    if (wait == WAIT_APPROVED || wait == WAIT_ANSWERED) {
        buffer_text(text, "{\"approved_by\":\"somebody\",\"comment\":\"\"}");
    } else {
        plan_signal_payload(e, PLAN_SIGNALS, text);
    }
}

/* The first that waits outside of groups stands for all, or the last satellite where none does. */
void plan_signal_payload(const struct plan_execution *e, uint32_t number, struct buffer *text)
{
    uint32_t satellite = 0;

    while (satellite + 1 < e->satellite_count && e->satellites[satellite].wait == WAIT_NONE) {
        satellite++;
    }
    put(text, "{\"n\":%u,\"list\":[", plan_single_n(e, satellite));
    for (uint32_t i = 0; i < e->satellites[satellite].list_count; i++) {
        put(text, i == 0 ? "%u" : ",%u", plan_list_item(e, satellite, i));
    }
    put(text, number < PLAN_SIGNALS ? "],\"by\":%u}" : "],\"by\":BY}", number);
}
