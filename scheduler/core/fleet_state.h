/* fleet_state: what the files of the fleet share; for this folder's sources only.
 *
 *   fleet.c        workers: who takes work, whose ticket is spent next
 *   fleet_life.c   the lives of a worker, and what each lent
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

/* fleet_memory_get gives zeroed memory; NULL when there is none. */
static inline void *fleet_memory_get(struct fleet *fleet, size_t bytes)
{
    void *block = fleet->allocator.resize(fleet->allocator.context, NULL, 0, bytes);

    if (block != NULL) {
        memset(block, 0, bytes);
    }
    return block;
}

/* fleet_memory_put takes it back; NULL: nothing. */
static inline void fleet_memory_put(struct fleet *fleet, void *block, size_t bytes)
{
    if (block != NULL) {
        (void)fleet->allocator.resize(fleet->allocator.context, block, bytes, 0);
    }
}

/* ---- fleet_life.c ---- */
/* fleet_life_find gives a life of a worker, the one that counts or one it had before; NULL when
 * none of that incarnation is remembered. */
struct fleet_life *fleet_life_find(struct fleet_worker *w, uint64_t incarnation);

/* fleet_life_begin makes that life the one that counts. It goes on with what is remembered of it,
 * by a window of the same size; the one that counted until now is remembered. Returns false,
 * changing nothing, without memory: never where it had that window, or has none (0). */
EXO_CHECKED bool fleet_life_begin(struct fleet *fleet, struct fleet_worker *w, uint64_t incarnation,
                                  uint32_t window);

/* fleet_life_push puts a ticket that is not available among those that are; fleet_life_drop takes
 * one that is out of their middle, which is rare (a recall). */
void fleet_life_push(struct fleet_life *life, uint32_t ticket);
void fleet_life_drop(struct fleet_life *life, uint32_t ticket);

/* fleet_lives_free forgets them all. */
void fleet_lives_free(struct fleet *fleet, struct fleet_worker *w);

#endif /* EXO_SCHEDULER_FLEET_STATE_H */
