#include "tests/sim/operator.h"

#include "scheduler/resume.h"
#include "tests/sim/broker.h"
#include "tests/sim/database.h"
#include "tests/sim/outside.h"
#include "tests/sim/store_sim.h"

static struct {
    struct loop *loop;
    struct log *log;
    struct store *store;
    bool is_busy[DATABASE_SHARDS_MAX];
} person;

void operator_begin(void)
{
    memset(&person, 0, sizeof(person));
    person.loop = process_new("operator");
    person.log = log_new(person.loop);
    person.store = store_new(person.loop);
}

/* Where little is read again, what was sent since the loss is skipped: whoever misses it asks
 * again. */
static void resumed(void *argument, const struct resume_result *result)
{
    const uint32_t *shard = argument;

    if (result->err.code == EXO_OK) {
        sim_in(0, 5 * EXO_SECOND, NULL, outside_again, NULL);
    }
    sim_trace("shard %u is resumed: %s", *shard,
              result->err.code == EXO_OK ? "good" : result->err.text);
    person.is_busy[*shard] = false;
}

void operator_resume(uint32_t shard)
{
    uint32_t *of = sim_alloc(sizeof(*of));

    if (person.is_busy[shard]) {
        return;
    }
    *of = shard;
    person.is_busy[shard] = true;
    sim.is_resumed = true;
    /* Sometimes more than there is. */
    resume_shard(person.log, person.store, shard, dice_between(&sim.net, 0, 40), resumed, of);
}
