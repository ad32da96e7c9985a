/* backlog: how many jobs wait to be read by schedulers, as the API measures it.
 *
 *   ends of exo.jobs, now  --a look later--> less what has been consumed by then = the backlog
 *
 * What arrived since the last look is not counted: a scheduler that keeps up has none, however fast
 * jobs come, and offsets need not be dense. Pure. */
#ifndef EXO_PRODUCER_BACKLOG_H
#define EXO_PRODUCER_BACKLOG_H

#include <stdbool.h>
#include <stdint.h>

struct backlog {
    uint64_t most; /* 0: no bound */
    uint64_t now;  /* at the last look */
};

/* backlog_measure takes a look.
 * ends      of each shard's jobs at the look before; 0: not known
 * consumed  offset of the next record each shard will read, now */
static inline void backlog_measure(struct backlog *backlog, const int64_t *ends,
                                   const int64_t *consumed, uint32_t shards)
{
    backlog->now = 0;
    for (uint32_t i = 0; i < shards; i++) {
        if (ends[i] > consumed[i]) {
            backlog->now += (uint64_t)(ends[i] - consumed[i]);
        }
    }
}

/* backlog_is_over is true when nothing more should be let in. */
static inline bool backlog_is_over(const struct backlog *backlog)
{
    return backlog->most > 0 && backlog->now >= backlog->most;
}

#endif /* EXO_PRODUCER_BACKLOG_H */
