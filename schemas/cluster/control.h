/* control: what an attempt asks of the scheduler: /exosphere/control.json (interfaces.md 3).
 *
 *   {"prune": true}              what needs it is skipped, as if it had been
 *   {"skip": true}               what has not begun in its scope is skipped
 *   {"again_after": "30s"}       ask me again then; not a failure, the output is dropped
 *   {"more_items": [..]}         of a map: tasks more for these
 *
 * Pure. */
#ifndef EXO_CLUSTER_CONTROL_H
#define EXO_CLUSTER_CONTROL_H

#include <stdbool.h>

#include "schemas/vocab/arena.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/fault.h"
#include "schemas/vocab/time.h"
#include "schemas/vocab/value.h"

struct satellite_control {
    bool is_pruned;
    bool skips_rest;
    exo_time again_after_ns;        /* 0: no */
    const struct value *more_items; /* a list; NULL: none */
};

/* control_parse checks and reads a control.json.
 *
 * source       borrowed, kept as long as *ret_control
 * is_map       the attempt is a task of a map: it may have more items
 * arena        borrowed
 * ret_control  out; untouched on failure
 * faults       borrowed; every fault at once
 *
 * Returns 0, or -1 with faults. */
EXO_CHECKED int control_parse(const struct value *source, bool is_map, struct arena *arena,
                              struct satellite_control *ret_control, struct fault_list *faults);

#endif /* EXO_CLUSTER_CONTROL_H */
