/* retention: what may be deleted, and what may not yet.
 *
 *   inputs      below where the newest restorable backup began, and below what is committed; the
 *               record before that stays: its checksum proves to a new owner that the log is whole
 *   executions  that ended longer ago than their project keeps them
 *   journal     what a snapshot stands for that is older than the journal is kept
 *
 * Pure. */
#ifndef EXO_SCHEDULER_RETENTION_H
#define EXO_SCHEDULER_RETENTION_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/vocab/ids.h"
#include "schemas/vocab/span.h"
#include "schemas/vocab/time.h"

struct retention_project {
    const char *name;
    exo_time kept_ns; /* 0: for ever */
};

/* How long ended executions are kept. */
struct retention_rules {
    exo_time kept_ns;                         /* of projects not named; 0: for ever */
    const struct retention_project *projects; /* kept by the caller; each once, by name */
    uint32_t project_count;
};

/* retention_kept is how long ended executions of a project are kept; EXO_TIME_NEVER: for ever. */
exo_time retention_kept(const struct retention_rules *rules, const char *project);

/* retention_least is the shortest time that any execution is kept; EXO_TIME_NEVER: all for ever. */
exo_time retention_least(const struct retention_rules *rules);

/* retention_is_due is true when an execution that ended at ended_ns may go. One whose id carries a
 * later time than that (another program's clock) is kept by the id's time: a program of the version
 * before would take it for new. */
bool retention_is_due(const struct retention_rules *rules, const char *project,
                      const struct execution_id *id, exo_time ended_ns, exo_time now_ns);

/* retention_below is the offset below which an input's records may go; 0: none.
 * committed  offset of the next record to read, as committed
 * floor      offset where the newest restorable backup began */
int64_t retention_below(int64_t committed, int64_t floor);

/* The newest whole snapshot of a shard; all zero: there is none. */
struct retention_snapshot {
    uint64_t base, end_batch; /* the shard's when it began and ended */
    exo_time ended_ns;
};

/* retention_wants_snapshot is true when a shard's live rows should be journaled again: there is no
 * snapshot yet, something was committed since and it is a quarter of the time the journal is kept
 * old (a day at most), or an older program has written since.
 * kept_ns  0: for ever
 * batch    the shard's last; 0: nothing was ever committed
 * bare     newest batch an older program wrote; 0: none */
bool retention_wants_snapshot(exo_time kept_ns, const struct retention_snapshot *newest,
                              uint64_t batch, uint64_t bare, exo_time now_ns);

#endif /* EXO_SCHEDULER_RETENTION_H */
