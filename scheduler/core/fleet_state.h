/* fleet_state: what the files of the fleet share; for this folder's sources only.
 *
 *   fleet.c        workers and their tickets
 *   fleet_class.c  classes by number
 * Pure. */
#ifndef EXO_SCHEDULER_FLEET_STATE_H
#define EXO_SCHEDULER_FLEET_STATE_H

#include <string.h>

#include "scheduler/core/fleet.h"

struct fleet {
    struct allocator allocator;
    struct fleet_limits limits;
    char process[FLEET_NAME_BYTES];
    char classes[FLEET_CLASSES_MAX][FLEET_NAME_BYTES];
    uint32_t class_count;
    uint64_t class_holds[FLEET_CLASSES_MAX];       /* instances of live executions that name it */
    uint32_t available[FLEET_CLASSES_MAX];         /* of workers that serve it and take work */
    struct fleet_worker *ready_first, *ready_last; /* that take work and have a ticket */
    struct table by_name;
    struct fleet_worker **workers;
    uint32_t worker_count;
    uint32_t worker_capacity;
};

/* fleet_name_copy copies a name with a NUL; false, leaving `to` alone, when it is empty or too
 * long. */
static inline bool fleet_name_copy(char to[FLEET_NAME_BYTES], struct span from)
{
    if (from.bytes == 0 || from.bytes >= FLEET_NAME_BYTES) {
        return false;
    }
    memcpy(to, from.data, from.bytes);
    to[from.bytes] = '\0';
    return true;
}

#endif /* EXO_SCHEDULER_FLEET_STATE_H */
