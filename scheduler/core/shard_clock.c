#include "scheduler/core/shard_clock.h"

void shard_clock_take(struct shard_clock *clock, exo_time stored_ns, exo_time database_ns,
                      exo_time loop_ns)
{
    *clock = (struct shard_clock){stored_ns, database_ns, loop_ns};
}

exo_time shard_clock_read(struct shard_clock *clock, exo_time loop_ns)
{
    exo_time now_ns = clock->base_wall_ns + loop_ns - clock->base_loop_ns;

    clock->now_ns = now_ns > clock->now_ns ? now_ns : clock->now_ns;
    return clock->now_ns;
}

bool shard_clock_is_jump(exo_time step_ns)
{
    return step_ns > SHARD_CLOCK_STEP_MAX_NS || step_ns < -SHARD_CLOCK_STEP_MAX_NS;
}

exo_time shard_clock_hear(struct shard_clock *clock, exo_time database_ns, exo_time asked_ns,
                          exo_time answered_ns)
{
    exo_time now_ns = shard_clock_read(clock, answered_ns);
    exo_time most_ns = database_ns + (answered_ns - asked_ns);
    exo_time step_ns = now_ns < database_ns ? database_ns - now_ns
                       : now_ns > most_ns   ? most_ns - now_ns
                                            : 0;

    if (!shard_clock_is_jump(step_ns)) {
        clock->base_wall_ns = now_ns + step_ns;
        clock->base_loop_ns = answered_ns;
    }
    return step_ns;
}
