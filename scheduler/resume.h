/* resume: lets a shard go on that stands still because the log lost what it had consumed.
 *
 *   shard's row, ends of its inputs --> new cursors and a GAP row in the journal, one commit
 *
 * Its owner looks again every ten seconds and goes on from there. Reading records again is harmless
 * (late and repeated messages are normal), so some are read again rather than any skipped; leases
 * recover the tasks whose answers were lost. */
#ifndef EXO_SCHEDULER_RESUME_H
#define EXO_SCHEDULER_RESUME_H

#include "infra/log/log.h"
#include "infra/store/store.h"

/* How a resume ended: where each input goes on, or why not. */
struct resume_result {
    int64_t jobs_from, status_from;
    struct exo_error err; /* code EXO_OK when it worked */
};

/* resume_shard moves the cursors of a shard to at most its inputs' ends, less reread records, but
 * not below what the log still keeps. log, store  kept until done; the topics must be prepared done
 * gets EXO_EFENCED when the shard is not standing still: somebody commits to it. */
void resume_shard(struct log *log, struct store *store, uint32_t shard, int64_t reread,
                  void (*done)(void *argument, const struct resume_result *result), void *argument);

#endif /* EXO_SCHEDULER_RESUME_H */
