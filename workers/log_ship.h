/* log_ship: what an attempt writes, on its way to those who follow it.
 *
 *   sandbox --bytes as they appear--> log_ship --a chunk a turn of the loop--> exo.logs
 *   sandbox --the whole log at the end--> zstd --> a blob, named in FINISHED
 *
 * Chunks are for following and may be lost: a log topic that is away or full costs the attempt
 * nothing; every chunk says where in the whole it stands, so a reader sees the gap. Memory: one
 * chunk an attempt. */
#ifndef EXO_WORKERS_LOG_SHIP_H
#define EXO_WORKERS_LOG_SHIP_H

#include "infra/log/log.h"
#include "infra/loop/loop.h"
#include "schemas/vocab/buffer.h"
#include "schemas/vocab/ids.h"

enum {
    LOG_SHIP_CHUNK_BYTES = 32 << 10,
    LOG_SHIP_OUT = 1, /* the streams of LogChunk */
    LOG_SHIP_ERR = 2,
};

struct log_ship;

/* log_ship_new begins the log of one attempt.
 * loop, logs  kept until log_ship_free
 * partitions  of exo.logs
 * Never NULL (aborts without memory: one a slot). */
struct log_ship *log_ship_new(struct loop *loop, struct log *logs, uint32_t partitions,
                              const struct task_id *task, uint32_t attempt);

/* log_ship_add takes the next bytes of a stream (borrowed): sent when the present turn of the loop
 * ends, or sooner when a chunk is full. Beyond LIMIT_LOG_BYTES nothing is sent any more. */
void log_ship_add(struct log_ship *ship, uint32_t stream, struct span bytes);

/* log_ship_end sends what is left and the mark that no more comes. */
void log_ship_end(struct log_ship *ship);

/* log_ship_free frees it without sending; NULL is allowed. */
void log_ship_free(struct log_ship *ship);

#endif /* EXO_WORKERS_LOG_SHIP_H */
