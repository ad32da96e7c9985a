#include "schemas/cluster/upstream.h"

#include <string.h>

#include "schemas/cluster/fault_text.h"

enum { BLOCK_TARGETS = 64 };

void upstream_ask(struct upstream *upstream, const struct upstream_question *question,
                  const struct value_place *place)
{
    struct upstream_question *copy = draft_scratch(upstream->draft, 1, sizeof(*copy));
    struct fault_text path = {.used = 0};

    fault_text_add_place(&path, place);
    char *kept = draft_scratch(upstream->draft, path.used + 1, 1);

    if (copy == NULL || kept == NULL) {
        return;
    }
    memcpy(kept, path.bytes, path.used + 1);
    *copy = *question;
    copy->next = NULL;
    copy->path = kept;
    if (upstream->last == NULL) {
        upstream->first = copy;
    } else {
        upstream->last->next = copy;
    }
    upstream->last = copy;
}

/* masks[i]: which targets of the block run before satellite i, or are it. slot[t]: number of
 * target t + 1. */
static void sweep(const struct cluster_draft *draft, const uint32_t *slot, uint32_t block,
                  uint64_t *masks)
{
    for (uint32_t i = 0; i < draft->cluster.satellite_count; i++) {
        uint32_t index = draft->cluster.order[i];
        const struct satellite *satellite = &draft->satellites[index];
        uint64_t mask = 0;

        for (uint32_t j = 0; j < satellite->parent_count; j++) {
            mask |= masks[satellite->parents[j]];
        }
        if (slot[index] > 0 && (slot[index] - 1) / BLOCK_TARGETS == block) {
            mask |= (uint64_t)1 << ((slot[index] - 1) % BLOCK_TARGETS);
        }
        masks[index] = mask;
    }
}

static void fault_question(struct cluster_draft *draft, const struct upstream_question *question)
{
    struct fault_text text = {.used = 0};
    struct fault_text hint = {.used = 0};
    struct span target = draft->satellites[question->target].name;
    struct span user = draft->satellites[question->user].name;

    if (user.bytes == 0) { /* its name was refused */
        user = span_of("this satellite");
    }
    fault_text_add(&text, "%q does not run before %q", target, user);
    fault_text_add(&hint, "add %s to the needs of %s", target.data, user.data);
    fault_add(draft->reader.faults, &(struct fault){.line = question->line,
                                                    .column = question->column,
                                                    .path = question->path,
                                                    .text = text.bytes,
                                                    .hint = hint.bytes});
}

void upstream_answer(struct upstream *upstream)
{
    struct cluster_draft *draft = upstream->draft;
    uint32_t count = draft->cluster.satellite_count;
    uint32_t targets = 0;

    if (upstream->first == NULL) {
        return;
    }
    uint32_t *slot = draft_scratch(draft, count, sizeof(*slot));
    uint64_t *masks = draft_scratch(draft, count, sizeof(*masks));

    if (slot == NULL || masks == NULL) {
        return;
    }
    for (const struct upstream_question *q = upstream->first; q != NULL; q = q->next) {
        if (slot[q->target] == 0) {
            slot[q->target] = ++targets;
        }
    }
    for (uint32_t block = 0; block * BLOCK_TARGETS < targets; block++) {
        sweep(draft, slot, block, masks);
        for (const struct upstream_question *q = upstream->first; q != NULL; q = q->next) {
            uint32_t bit = slot[q->target] - 1;

            if (bit / BLOCK_TARGETS == block &&
                (masks[q->user] >> (bit % BLOCK_TARGETS) & 1) == 0) {
                fault_question(draft, q);
            }
        }
    }
}
