/* collect: takes away blobs that nothing names any more (protocol.md 8).
 *
 *   for each shard: cursor of exo.status, the oldest record not consumed --> horizon
 *   blobs last put before horizon - margin, and named by no execution   --> rows gone, objects
 * doomed objects doomed for longer than the wait                             --> deleted, forgotten
 *
 * A message that still travels can only name a blob that was put before it was written, so what is
 * older than every message is safe; the margin covers what a worker keeps in its spool.
 *
 * Touches store, log and blobs through their ports. */
#ifndef EXO_SCHEDULER_COLLECT_H
#define EXO_SCHEDULER_COLLECT_H

#include "infra/blob/blob.h"
#include "infra/log/log.h"
#include "infra/loop/loop.h"
#include "infra/store/store_object.h"

struct collect;

struct collect_settings {
    uint32_t shard_count;
    exo_time margin_ns; /* behind the oldest message; 0: 24 h */
    exo_time wait_ns;   /* of a doomed object; 0: 6 h */
    uint32_t limit;     /* of one statement; 0: 500 */
    bool is_dry;        /* counts only */
};

struct collect_result {
    struct store_collected collected;
    uint64_t deleted;     /* objects */
    exo_time horizon_ns;  /* since 1970, the margin taken off */
    struct exo_error err; /* code EXO_OK when it went through; what was done stays done */
};

/* collect_begin begins; log, store and blobs are kept until done or collect_stop, settings
 * borrowed. Gives it; gone when done is called, once, never inside this call. */
struct collect *collect_begin(struct loop *loop, struct log *log, struct store *store,
                              struct blobs *blobs, const struct collect_settings *settings,
                              void (*done)(void *argument, const struct collect_result *result),
                              void *argument);

/* collect_stop ends it without done; what waits for the store is freed with its last callback. NULL
 * is allowed. */
void collect_stop(struct collect *collect);

#endif /* EXO_SCHEDULER_COLLECT_H */
