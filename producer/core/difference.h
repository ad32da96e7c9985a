/* difference: what one definition has that another has not, path by path.
 *
 *   two values --difference_walk--> satellites[count].timeout changed, inputs.top added, ...
 *
 * Maps are compared by key. Lists whose items all have a `name` are compared by it, so that a
 * satellite put before another changes nothing else; other lists item by item.
 *
 * Pure. */
#ifndef EXO_PRODUCER_DIFFERENCE_H
#define EXO_PRODUCER_DIFFERENCE_H

#include "schemas/vocab/buffer.h"
#include "schemas/vocab/value.h"

enum difference_kind { DIFFERENCE_ADDED, DIFFERENCE_REMOVED, DIFFERENCE_CHANGED, DIFFERENCE_NR };

/* One difference; all borrowed for the call. */
struct difference {
    enum difference_kind kind;
    const char *path;           /* such as satellites[count].timeout; "" for the whole */
    const struct value *before; /* NULL: ADDED */
    const struct value *after;  /* NULL: REMOVED */
};

typedef void difference_visit(void *context, const struct difference *difference);

/* difference_walk calls for each difference: what was there in its order, then what is new.
 * path  borrowed: an empty buffer for its use; path->is_failed when it did not fit
 * Returns how many there are. */
uint32_t difference_walk(const struct value *before, const struct value *after, struct buffer *path,
                         difference_visit *visit, void *context);

/* difference_kind_name returns "added", "removed" or "changed". */
const char *difference_kind_name(enum difference_kind kind);

#endif /* EXO_PRODUCER_DIFFERENCE_H */
