#include "tests/sim/truncate.h"

#include "schemas/wire/topics.h"
#include "tests/sim/broker.h"
#include "tests/sim/database.h"

enum { LOST_MAX = 12 };

void truncate_inputs(void)
{
    const char *topic = dice_chance(&sim.luck, 500000) ? TOPIC_JOBS : TOPIC_STATUS;
    uint32_t number = (uint32_t)dice_below(&sim.luck, database.shard_count);
    uint32_t count = (uint32_t)dice_between(&sim.luck, 1, LOST_MAX);

    broker_truncate(broker_partition(topic, number), count);
}
