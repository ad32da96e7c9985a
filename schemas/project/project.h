/* project: the settings of one project: how long it is kept, how much of it there may be at once
 * (docs/operations.md, "Projects"; ADR 0017).
 *
 *   {"retention": {"executions": "720h"},
 *    "quotas": {"running_executions": 20, "on_limit": "queue"}}
 *
 * What is not given is not bounded, and is kept as the scheduler's settings say.
 *
 * Pure. */
#ifndef EXO_PROJECT_H
#define EXO_PROJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/cluster/field.h"
#include "schemas/vocab/arena.h"
#include "schemas/vocab/buffer.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/fault.h"
#include "schemas/vocab/time.h"
#include "schemas/vocab/value.h"

/* The name its settings have among what is stored of a project. */
#define PROJECT_SETTINGS_NAME "settings"

enum project_on_limit { PROJECT_QUEUE, PROJECT_REJECT, PROJECT_ON_LIMIT_NR };

struct project_settings {
    bool has_kept;    /* kept_ns is given */
    exo_time kept_ns; /* ended executions, after their end; 0: for ever; else at least a minute */
    uint32_t running_max;           /* executions that have begun and not ended; 0: any number */
    enum project_on_limit on_limit; /* what becomes of one beyond: it waits, or fails at once */
};

/* project_parse checks the settings of a project.
 * root          borrowed
 * ret_settings  out; untouched on failure
 * faults        borrowed; gets every fault at once, each with path, line, column and what to do
 * Returns 0, or -1 with at least one error counted in faults. */
EXO_CHECKED int project_parse(const struct value *root, struct arena *arena,
                              struct project_settings *ret_settings, struct fault_list *faults);

/* project_canonical appends the settings as one JSON text: fixed member order, what is not bounded
 * left out. project_parse of it gives the same settings.
 * buffer  borrowed; check buffer->is_failed after */
void project_canonical(const struct project_settings *settings, struct buffer *buffer);

#endif /* EXO_PROJECT_H */
