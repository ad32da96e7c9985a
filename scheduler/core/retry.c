#include "scheduler/core/retry.h"

#include <assert.h>

#include "scheduler/core/table.h"

static exo_time times(exo_time base_ns, uint64_t factor, exo_time cap_ns)
{
    if (base_ns == 0) {
        return 0;
    }
    return factor > (uint64_t)(cap_ns / base_ns) ? cap_ns : base_ns * (exo_time)factor;
}

static exo_time wait_without_jitter(const struct satellite_retries *policy, uint32_t n)
{
    switch (policy->backoff) {
    case BACKOFF_EXPONENTIAL:
        return times(policy->base_ns, n > 62 ? UINT64_MAX : (uint64_t)1 << (n - 1), policy->cap_ns);
    case BACKOFF_LINEAR:
        return times(policy->base_ns, n, policy->cap_ns);
    case BACKOFF_FIXED:
        return times(policy->base_ns, 1, policy->cap_ns);
    case BACKOFF_NR:
        break;
    }
    assert(false);
    return 0;
}

/* A number in 0 .. bound that depends on the task and its try only. */
static exo_time draw(const struct task_id *task, uint32_t n, exo_time bound)
{
    struct {
        struct task_id task;
        uint32_t n;
    } seed;

    memset(&seed, 0, sizeof(seed));
    seed.task = *task;
    seed.n = n;
    uint64_t hash = table_hash((struct span){&seed, sizeof(seed)});

    return bound == 0 ? 0 : (exo_time)(hash % ((uint64_t)bound + 1));
}

exo_time retry_wait_ns(const struct satellite_retries *policy, const struct task_id *task,
                       uint32_t n)
{
    assert(n >= 1);
    exo_time wait_ns = wait_without_jitter(policy, n);

    switch (policy->jitter) {
    case JITTER_FULL:
        return draw(task, n, wait_ns);
    case JITTER_EQUAL:
        return wait_ns / 2 + draw(task, n, wait_ns - wait_ns / 2);
    case JITTER_NONE:
    case JITTER_NR:
        break;
    }
    return wait_ns;
}

exo_time retry_lost_wait_ns(const struct task_id *task, uint32_t losses)
{
    static const struct satellite_retries policy = {.backoff = BACKOFF_EXPONENTIAL,
                                                    .jitter = JITTER_EQUAL,
                                                    .base_ns = 2 * EXO_SECOND,
                                                    .cap_ns = EXO_MINUTE};

    assert(losses >= 1);
    return losses == 1 ? 0 : retry_wait_ns(&policy, task, losses - 1);
}
