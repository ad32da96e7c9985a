/* wire_fuzz: every decoder of messages: the first byte picks one, the rest is its input. */
#include <stddef.h>
#include <stdint.h>

#include "schemas/wire/event.h"
#include "schemas/wire/fleet.h"
#include "schemas/wire/gather.h"
#include "schemas/wire/job.h"
#include "schemas/wire/schedule_row.h"
#include "schemas/wire/shard_extra.h"
#include "schemas/wire/state.h"
#include "schemas/wire/status.h"
#include "schemas/wire/task.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

union message {
    struct wire_job job;
    struct wire_status status;
    struct wire_task_record task;
    struct wire_fleet fleet;
    struct wire_body body;
    struct wire_run run;
    struct wire_columns columns;
    struct wire_shard_extra extra;
    struct wire_change_batch changes;
    struct wire_dead_letter letter;
    struct wire_log_chunk chunk;
    struct wire_schedule_state schedule;
    struct wire_schedule_row schedule_row;
    struct wire_key_state key;
    struct wire_gather_row gather;
};

static enum wire_result unpack(uint8_t kind, struct span bytes, struct arena *arena)
{
    union message m;
    const struct wire_output *outputs;
    uint32_t count;

    switch (kind % 16) {
    case 0:
        return wire_job_unpack(bytes, arena, &m.job);
    case 1:
        return wire_status_unpack(bytes, arena, &m.status);
    case 2:
        return wire_task_record_unpack(bytes, arena, &m.task);
    case 3:
        return wire_fleet_unpack(bytes, arena, &m.fleet);
    case 4:
        return wire_body_unpack(bytes, arena, &m.body);
    case 5:
        return wire_columns_unpack(bytes, arena, &m.columns);
    case 6:
        return wire_shard_extra_unpack(bytes, arena, &m.extra);
    case 7:
        return wire_change_batch_unpack(bytes, arena, &m.changes);
    case 8:
        return wire_dead_letter_unpack(bytes, arena, &m.letter);
    case 9:
        return wire_log_chunk_unpack(bytes, arena, &m.chunk);
    case 10:
        return wire_run_unpack(bytes, arena, &m.run);
    case 11:
        return wire_schedule_state_unpack(bytes, arena, &m.schedule);
    case 12:
        return wire_key_state_unpack(bytes, arena, &m.key);
    case 13:
        return wire_schedule_row_unpack(bytes, arena, &m.schedule_row);
    case 15:
        return wire_gather_row_unpack(bytes, arena, &m.gather);
    default:
        return wire_outputs_unpack(bytes, arena, &outputs, &count);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct heap_budget budget = {0};
    struct arena arena;

    if (bytes == 0) {
        return 0;
    }
    arena_init(&arena, allocator_heap(&budget), 16 << 20);
    (void)unpack(data[0], (struct span){data + 1, bytes - 1}, &arena); /* any answer will do */
    arena_release(&arena);
    return 0;
}
