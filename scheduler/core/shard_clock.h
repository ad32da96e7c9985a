/* shard_clock: the time of a shard.
 *
 *   take-over: max(stored, the database's clock) --+ own monotonic clock--> shard time
 *                                                  ^
 *   each commit, each round of leases: the database's clock
 *
 * The own clock may run faster or slower than the database's, so it is followed as often as it is
 * heard. An answer takes its time on the way: what it says is true of some moment between the
 * question and the answer, and the clock is moved only as far as it is certainly wrong. Shard time
 * never goes back; a jump of the database's clock is not followed. Pure. */
#ifndef EXO_SCHEDULER_SHARD_CLOCK_H
#define EXO_SCHEDULER_SHARD_CLOCK_H

#include <stdbool.h>

#include "schemas/vocab/time.h"

/* More than this at once is a jump of the database's clock, which is not followed. */
#define SHARD_CLOCK_STEP_MAX_NS (10 * EXO_SECOND)

/* All zero until it is taken. Times are wall clocks, since 1970, or of the process's monotonic
 * clock (loop_ns). */
struct shard_clock {
    exo_time now_ns;       /* the last that was read */
    exo_time base_wall_ns; /* the time ... */
    exo_time base_loop_ns; /* ... at this one of the loop */
};

/* shard_clock_take begins at a take-over.
 * stored_ns    shard time at the last commit
 * database_ns  what the database's clock said
 * loop_ns      now */
void shard_clock_take(struct shard_clock *clock, exo_time stored_ns, exo_time database_ns,
                      exo_time loop_ns);

/* shard_clock_read gives shard time; never less than before. */
exo_time shard_clock_read(struct shard_clock *clock, exo_time loop_ns);

/* shard_clock_hear follows the database's clock.
 * database_ns  what it said, at some moment between the two that follow
 * asked_ns     when it was asked, answered_ns now, both of the loop
 * Returns by how much the clock was certainly wrong; where that is more than
 * SHARD_CLOCK_STEP_MAX_NS either way, nothing was changed. */
exo_time shard_clock_hear(struct shard_clock *clock, exo_time database_ns, exo_time asked_ns,
                          exo_time answered_ns);

/* shard_clock_is_jump: so much is a jump. */
bool shard_clock_is_jump(exo_time step_ns);

#endif
