#include "workers/log_ship.h"

#include <assert.h>
#include <stdlib.h>

#include "infra/zstd/zstd_frame.h"
#include "schemas/vocab/limits.h"
#include "schemas/wire/event.h"
#include "schemas/wire/topics.h"

enum { COMPRESS_FROM_BYTES = 512 };

struct log_ship {
    struct loop *loop;
    struct log *logs;
    struct loop_timer *timer;
    uint32_t partition;
    struct task_id task;
    uint32_t attempt;
    uint64_t offset; /* of the first byte in chunk */
    uint64_t lost;   /* chunks that the log did not take */
    uint32_t stream;
    struct heap_budget budget;
    struct buffer chunk;
};

static void chunk_send(struct log_ship *ship, bool is_last)
{
    struct heap_budget budget = {.limit_bytes = 8 * (size_t)LOG_SHIP_CHUNK_BYTES};
    struct buffer frame;
    struct buffer record;
    struct wire_log_chunk chunk = {
        .task = ship->task,
        .attempt = ship->attempt,
        .offset = ship->offset,
        .stream = ship->stream,
        .data = buffer_span(&ship->chunk),
        .is_last = is_last,
    };
    struct exo_error err;

    buffer_init(&frame, allocator_heap(&budget), 0);
    buffer_init(&record, allocator_heap(&budget), 0);
    if (chunk.data.bytes >= COMPRESS_FROM_BYTES && zstd_compress(chunk.data, &frame, NULL) == 0) {
        chunk.data = buffer_span(&frame);
        chunk.is_compressed = true;
    }
    wire_log_chunk_pack(&chunk, &record);
    if (!record.is_failed) {
        /* A chunk that does not get through is a gap for followers; the whole log is a blob. */
        ship->lost += log_append(ship->logs, TOPIC_LOGS, ship->partition, (struct span){NULL, 0},
                                 buffer_span(&record), 0, NULL, NULL, &err) != 0;
    }
    buffer_release(&frame);
    buffer_release(&record);
    ship->offset += ship->chunk.bytes;
    buffer_reset(&ship->chunk);
}

static void turn_ended(void *argument)
{
    struct log_ship *ship = argument;

    if (ship->chunk.bytes > 0) {
        chunk_send(ship, false);
    }
}

struct log_ship *log_ship_new(struct loop *loop, struct log *logs, uint32_t partitions,
                              const struct task_id *task, uint32_t attempt)
{
    struct log_ship *ship = calloc(1, sizeof(*ship));

    assert(ship != NULL);
    ship->loop = loop;
    ship->logs = logs;
    ship->timer = loop_timer_new(loop, turn_ended, ship);
    ship->partition = topic_logs_partition(task, attempt, partitions);
    ship->task = *task;
    ship->attempt = attempt;
    ship->stream = LOG_SHIP_OUT;
    buffer_init(&ship->chunk, allocator_heap(&ship->budget), LOG_SHIP_CHUNK_BYTES);
    return ship;
}

void log_ship_add(struct log_ship *ship, uint32_t stream, struct span bytes)
{
    const char *at = bytes.data;
    size_t left = bytes.bytes;

    if (stream != ship->stream && ship->chunk.bytes > 0) {
        chunk_send(ship, false);
    }
    ship->stream = stream;
    while (left > 0) {
        uint64_t end = ship->offset + ship->chunk.bytes;
        size_t room = LOG_SHIP_CHUNK_BYTES - ship->chunk.bytes;
        size_t count = left < room ? left : room;

        if (end >= LIMIT_LOG_BYTES) {
            return;
        }
        buffer_append(&ship->chunk, (struct span){at, count});
        at += count;
        left -= count;
        if (ship->chunk.bytes == LOG_SHIP_CHUNK_BYTES) {
            chunk_send(ship, false);
        }
    }
    if (ship->chunk.bytes > 0 && !loop_timer_is_active(ship->timer)) {
        loop_timer_start(ship->timer, 0, 0);
    }
}

void log_ship_end(struct log_ship *ship)
{
    loop_timer_stop(ship->timer);
    chunk_send(ship, true);
}

void log_ship_free(struct log_ship *ship)
{
    if (ship != NULL) {
        loop_timer_free(ship->timer);
        buffer_release(&ship->chunk);
        free(ship);
    }
}
