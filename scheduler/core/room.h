/* room: how many live executions a shard may hold of the number its process may.
 *
 *   ROOM --share reached--> FULL --a sixteenth of the share has ended--> ROOM
 *
 * Each shard has an equal share, so one with a long backlog takes nothing from the others. It is a
 * bound on what is admitted from exo.jobs, not on what is loaded at a take-over or handed on by
 * another shard: those may lie above it, and then nothing more is admitted. Pure. */
#ifndef EXO_SCHEDULER_ROOM_H
#define EXO_SCHEDULER_ROOM_H

#include <stdbool.h>
#include <stdint.h>

/* room_left says how many executions a shard may admit now.
 * most      of the process; 0: no bound
 * shards    that the process owns, at least 1
 * live      executions of the shard
 * is_full   in and out: whether it is full, before and now */
static inline uint64_t room_left(uint64_t most, uint32_t shards, uint64_t live, bool *is_full)
{
    uint64_t share = (most + shards - 1) / shards;
    uint64_t open_at = share - (share + 15) / 16; /* calm: not one in for each one out */

    if (most == 0) {
        *is_full = false;
        return UINT64_MAX;
    }
    *is_full = live >= share || (*is_full && live > open_at);
    return *is_full ? 0 : share - live;
}

#endif /* EXO_SCHEDULER_ROOM_H */
