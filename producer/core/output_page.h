/* output_page: what the tasks of one page gave back, folded from the segments it was written in.
 *
 *   segments of a page, in order --output_page_add--> 256 places, the last success in each
 *
 * Pure. */
#ifndef EXO_PRODUCER_OUTPUT_PAGE_H
#define EXO_PRODUCER_OUTPUT_PAGE_H

#include "schemas/wire/state.h"

struct output_page {
    struct wire_output outputs[WIRE_PAGE_TASKS];
    bool has_output[WIRE_PAGE_TASKS];
};

/* output_page_add unpacks a segment and puts its successes in their places.
 * body   borrowed
 * arena  borrowed; the outputs' spans live there
 * Returns false for a segment that cannot be read. */
EXO_CHECKED bool output_page_add(struct output_page *page, struct span body, struct arena *arena);

/* output_json gives the JSON of an output that is not kept as a blob; null without one. */
struct span output_json(const struct wire_output *output);

#endif /* EXO_PRODUCER_OUTPUT_PAGE_H */
