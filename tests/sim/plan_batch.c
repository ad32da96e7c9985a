/* plan_batch: which satellites of a plan run in batches, and of what size. */
#include <stdio.h>

#include "tests/sim/plan.h"

uint32_t plan_batch_size(enum batch_kind kind)
{
    static const uint32_t sizes[] = {0, 2, 5, 40};

    return sizes[kind];
}

uint32_t plan_list_longest(const struct plan_execution *e)
{
    uint32_t longest = e->input_items;

    for (uint32_t i = 0; i < e->satellite_count; i++) {
        longest = e->satellites[i].list_count > longest ? e->satellites[i].list_count : longest;
    }
    return longest;
}

static bool can_fail_alone(enum style style)
{
    return style == STYLE_GOOD || style == STYLE_FLAKY || style == STYLE_BAD;
}

/* Dice of its own, so that other plans stay what they were. */
static void inner_make(struct plan_execution *e, struct plan_satellite *group,
                       struct faults *faults)
{
    struct dice dice = dice_new(e->seed + (uint64_t)(group - e->satellites), 29);

    for (uint32_t i = 0; i < group->inner_count; i++) {
        struct plan_inner *inner = &group->inner[i];

        if (can_fail_alone(inner->style) && dice_chance(&dice, 300000)) {
            inner->batch = (enum batch_kind)(dice_below(&dice, BATCH_MANY) + 1);
            inner->has_timeout = false;
            faults->fired[FAULT_BATCH_INNER]++;
        }
    }
}

/* With fewer at a time than a batch holds each waits for its interval, one after the other: with a
 * long list that alone takes longer than a world has. Short ones do it. */
void plan_batch_make(struct plan_execution *e, struct plan_satellite *s, struct faults *faults)
{
    bool is_long = plan_list_longest(e) > PLAN_LIST_SHORT;

    if (e->crash != CRASH_NONE || e->is_poison) {
        return;
    }
    if (s->inner_count > 0) {
        if (faults->is_enabled[FAULT_BATCH_INNER] && (s->max_parallel == 0 || !is_long)) {
            inner_make(e, s, faults);
        }
    } else if (can_fail_alone(s->style) && !s->is_strict && fault_fires(faults, FAULT_BATCH)) {
        s->batch = (enum batch_kind)(dice_below(faults->dice, BATCH_MANY) + 1);
        s->max_parallel *= is_long ? plan_batch_size(s->batch) : 1;
        s->has_timeout = false;
        s->gives_blob = false;
    }
}

enum batch_kind plan_spot_batch(const struct plan_execution *e, const struct plan_spot *spot)
{
    const struct plan_satellite *s = &e->satellites[spot->satellite];

    return spot->is_inner ? s->inner[spot->inner].batch : s->batch;
}

/* key: of the batch; item: an expression, NULL: none. */
static void text_batch(enum batch_kind kind, const char *key, const char *item, struct buffer *text)
{
    static const uint32_t intervals_ms[] = {0, 500, 1000, 3000};
    char batch[160];

    if (kind == BATCH_NONE) {
        return;
    }
    (void)snprintf(batch, sizeof(batch),
                   ", batch: {size: %u, interval: %ums%s}, input: {me: \"${{ execution.id }}\"",
                   plan_batch_size(kind), intervals_ms[kind], key);
    buffer_text(text, batch);
    if (item != NULL) {
        (void)snprintf(batch, sizeof(batch), ", item: \"${{ %s }}\"", item);
        buffer_text(text, batch);
    }
    buffer_text(text, "}");
}

void plan_batch_text(const struct plan_satellite *s, struct buffer *text)
{
    text_batch(s->batch, ", key: \"go ${{ input.go }}\"", s->each == EACH_NONE ? NULL : "item",
               text);
}

/* A closed group sees no input.go. */
void plan_batch_inner_text(const struct plan_satellite *group, uint32_t number, struct buffer *text)
{
    const struct plan_inner *inner = &group->inner[number];
    char item[16];

    (void)snprintf(item, sizeof(item), "few%u", number);
    text_batch(inner->batch, group->is_closed ? "" : ", key: \"go ${{ input.go }}\"",
               inner->kind == INNER_ONE ? NULL : item, text);
}
