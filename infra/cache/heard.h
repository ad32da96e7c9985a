/* heard: the executions whose changes somebody hears, as the server's answers tell.
 *
 *   note --keep_ns--> forgotten, unless noted again; the oldest go first when there are too many
 *
 * Takes the time as an argument; never older than the time before. Aborts without memory, as the
 * loop's small objects do. */
#ifndef EXO_INFRA_CACHE_HEARD_H
#define EXO_INFRA_CACHE_HEARD_H

#include <stdbool.h>

#include "infra/cache/id_table.h"
#include "schemas/vocab/time.h"

enum { HEARD_MAX = 65536 };

struct heard_entry;

struct heard {
    struct id_table table; /* of struct heard_entry */
    struct heard_entry *oldest, *newest;
    exo_time keep_ns;
};

/* heard_init makes an empty one; heard_release frees all. */
void heard_init(struct heard *heard, exo_time keep_ns);
void heard_release(struct heard *heard);

/* heard_note remembers an execution until now_ns + keep_ns. */
void heard_note(struct heard *heard, const struct execution_id *id, exo_time now_ns);

/* heard_has tells whether an execution is remembered; forgets those whose time is over. */
bool heard_has(struct heard *heard, const struct execution_id *id, exo_time now_ns);

#endif /* EXO_INFRA_CACHE_HEARD_H */
