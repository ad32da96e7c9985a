/* memory: now and then the core of a shard gets none: it must be loaded again and go on. */
#include "tests/sim/memory.h"
#include "schemas/vocab/arena.h"
#include "tests/sim/sim.h"

struct scarce {
    struct allocator real;
};

static void *scarce_resize(void *context, void *block, size_t old_bytes, size_t new_bytes)
{
    const struct scarce *scarce = context;

    if (new_bytes > old_bytes && fault_fires(&sim.faults, FAULT_OUT_OF_MEMORY)) {
        sim_trace("no memory");
        return NULL;
    }
    return scarce->real.resize(scarce->real.context, block, old_bytes, new_bytes);
}

struct allocator memory_scarce(struct allocator real)
{
    struct scarce *scarce = sim_alloc(sizeof(*scarce));

    scarce->real = real;
    return (struct allocator){scarce_resize, scarce};
}
