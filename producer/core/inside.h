/* inside: what stands in the runs of groups that are under way, added up by satellite.
 *
 *   rows of live runs --inside_put--> [{"satellite": "page.parse", "runs": 3, "counts": ...}, ...]
 *
 * Pure. */
#ifndef EXO_PRODUCER_INSIDE_H
#define EXO_PRODUCER_INSIDE_H

#include "producer/core/run_scope.h"
#include "schemas/json/json_write.h"

enum { INSIDE_RUNS_MAX = 64 }; /* looked into */

/* The first live runs of an execution, by number. All borrowed. */
struct inside {
    const struct wire_run *runs;
    uint32_t run_count; /* at most INSIDE_RUNS_MAX (asserted) */
    bool has_more_runs;
};

/* inside_put puts the members `inside`, a list in the order of the file, and `inside_is_cut` into
 * the map that is open. Ended runs do not count. */
void inside_put(struct json_writer *w, const struct cluster *cluster, const struct wire_body *body,
                const struct inside *inside);

#endif /* EXO_PRODUCER_INSIDE_H */
