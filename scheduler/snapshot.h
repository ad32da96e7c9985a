/* snapshot: what is live on a shard goes into the journal again, slice by slice, so that the rows
 * before it may be dropped (docs/adr/0021-replay.md).
 *
 *   begin --> sweep --slice--> put, pause --> ... --> end
 *
 * One shard at a time a process; a pause as long as each slice took. A shard that is taken over
 * meanwhile, or anything that fails, ends it: the janitor begins another in its next round. */
#ifndef EXO_SCHEDULER_SNAPSHOT_H
#define EXO_SCHEDULER_SNAPSHOT_H

#include "scheduler/scheduler.h"

struct snapshot;

/* snapshot_begin begins one of a shard; keeps the scheduler; aborts without memory.
 * done  called once: is_whole tells whether it now stands; not called after snapshot_close */
struct snapshot *snapshot_begin(struct scheduler *scheduler, uint32_t shard,
                                void (*done)(void *argument, bool is_whole), void *argument);

/* snapshot_close gives it up; NULL is allowed. */
void snapshot_close(struct snapshot *snapshot);

#endif /* EXO_SCHEDULER_SNAPSHOT_H */
