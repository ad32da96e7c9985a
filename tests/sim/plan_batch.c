/* plan_batch: which satellites of a plan run in batches, and of what size. */
#include <stdio.h>

#include "tests/sim/plan.h"

uint32_t plan_batch_size(enum batch_kind kind)
{
    static const uint32_t sizes[] = {0, 2, 5, 40};

    return sizes[kind];
}

static uint32_t longest_list(const struct plan_execution *e)
{
    uint32_t longest = e->input_items;

    for (uint32_t i = 0; i < e->satellite_count; i++) {
        longest = e->satellites[i].list_count > longest ? e->satellites[i].list_count : longest;
    }
    return longest;
}

/* With fewer at a time than a batch holds each waits for its interval, one after the other: with a
 * long list that alone takes longer than a world has. Short ones do it. */
void plan_batch_make(struct plan_execution *e, struct plan_satellite *s, struct faults *faults)
{
    bool can_fail_alone =
        s->style == STYLE_GOOD || s->style == STYLE_FLAKY || s->style == STYLE_BAD;

    if (s->inner_count == 0 && can_fail_alone && !s->is_strict && e->crash == CRASH_NONE &&
        !e->is_poison && fault_fires(faults, FAULT_BATCH)) {
        s->batch = (enum batch_kind)(dice_below(faults->dice, BATCH_MANY) + 1);
        s->max_parallel *= longest_list(e) > PLAN_LIST_SHORT ? plan_batch_size(s->batch) : 1;
        s->has_timeout = false;
        s->gives_blob = false;
    }
}

void plan_batch_text(const struct plan_satellite *s, struct buffer *text)
{
    static const uint32_t intervals_ms[] = {0, 500, 1000, 3000};
    char batch[96];

    if (s->batch == BATCH_NONE) {
        return;
    }
    (void)snprintf(batch, sizeof(batch),
                   ", batch: {size: %u, interval: %ums, key: \"go ${{ input.go }}\"}",
                   plan_batch_size(s->batch), intervals_ms[s->batch]);
    buffer_text(text, batch);
    buffer_text(text, s->each == EACH_NONE
                          ? ", input: {me: \"${{ execution.id }}\"}"
                          : ", input: {me: \"${{ execution.id }}\", item: \"${{ item }}\"}");
}
