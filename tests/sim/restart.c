/* restart: where a world asks for it, a shard is dropped and built again from its store after each
 * of its commits, as if its scheduler had died just there (the linker puts this between the
 * committer and the shard). */
#include "scheduler/shard.h"
#include "tests/sim/sim.h"

void __real_shard_committed(struct shard *shard, const struct store_result *result,
                            exo_time asked_ns);
void __wrap_shard_committed(struct shard *shard, const struct store_result *result,
                            exo_time asked_ns);

void __wrap_shard_committed(struct shard *shard, const struct store_result *result,
                            exo_time asked_ns)
{
    uint32_t generation = shard->generation;
    bool has_changed = shard->sealed.batch.journal.bytes > 0;

    __real_shard_committed(shard, result, asked_ns);
    if (sim.is_restarted && has_changed && shard->generation == generation) {
        sim_trace("shard %u is dropped", shard->number);
        sim.restarts++;
        shard_again(shard, 0);
    }
}
