/* report_batch: the reports of one turn of the loop, together in one record a shard.
 *
 *   report_batches_add ... --end of the turn--> exo.status, partition = shard --> acked | failed
 *
 * A record carries one incarnation's reports: those of an earlier life travel apart. */
#ifndef EXO_WORKERS_REPORT_BATCH_H
#define EXO_WORKERS_REPORT_BATCH_H

#include "infra/log/log.h"
#include "infra/loop/loop.h"
#include "schemas/wire/status.h"
#include "workers/core/worker.h"

struct report_batches;

enum {
    REPORT_BATCH_REPORTS_MAX = 1024, /* in one record */
    REPORT_BATCH_BYTES_MAX = 1 << 20,
};

/* Called for each report of a record that is in the log, or surely or maybe is not. On the loop's
 * thread, never inside report_batches_add. */
typedef void report_answered(void *argument, const struct worker_report_id *id, bool is_acked);

/* report_batches_new: worker is our name (copied); loop, log and argument are kept. Never NULL. */
struct report_batches *report_batches_new(struct loop *loop, struct log *log, struct span worker,
                                          report_answered *answered, void *argument);

/* report_batches_free drops what is not sent and what is not answered; NULL is allowed. Only after
 * the log was closed, or with nothing under way (report_batches_pending is 0). */
void report_batches_free(struct report_batches *all);

/* report_batches_add takes one report to a shard.
 * id      handed to answered
 * report  borrowed: everything is copied
 * worker  who ran it; empty: we */
void report_batches_add(struct report_batches *all, uint32_t shard, uint64_t incarnation,
                        struct span worker, const struct worker_report_id *id,
                        const struct wire_report *report);

/* report_batches_pending tells how many reports have not been answered. */
uint32_t report_batches_pending(const struct report_batches *all);

#endif /* EXO_WORKERS_REPORT_BATCH_H */
