/* definitions: compiled clusters, each kept once however many executions run it.
 *
 *   text of a Job or row --definitions_get--> struct definition (cluster, canonical text, digest)
 *
 * A thousand submissions of one cluster are parsed once. Unused ones are dropped, oldest first,
 * when there are too many. Touches memory only. */
#ifndef EXO_SCHEDULER_DEFINITIONS_H
#define EXO_SCHEDULER_DEFINITIONS_H

#include "scheduler/core/execution.h"
#include "schemas/vocab/error.h"

struct definitions; /* opaque */

/* definitions_new gives an empty cache that keeps up to unused_max definitions nobody uses. */
struct definitions *definitions_new(uint32_t unused_max);

/* definitions_free frees all; every use must have ended. NULL is allowed. */
void definitions_free(struct definitions *definitions);

/* definitions_get gives the definition of a text (borrowed); it stays while uses is above 0, and
 * otherwise until the next call.
 * project    where the text does not name one; may be empty
 * is_stored  the text is a canonical one out of the store
 * Returns NULL with *err (EXO_EINVALID) listing the first faults. */
EXO_CHECKED struct definition *definitions_get(struct definitions *definitions, struct span text,
                                               struct span project, bool is_stored,
                                               struct exo_error *err);

/* definitions_knows is true when definitions_get of a text that is not out of the store would find
 * it compiled already. */
bool definitions_knows(const struct definitions *definitions, struct span text,
                       struct span project);

#endif /* EXO_SCHEDULER_DEFINITIONS_H */
