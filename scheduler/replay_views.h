/* replay views: what the cache should show of each execution, out of the journal, beside what it
 * shows.
 *
 *   rows of the journal --replay_views_note--> newest changes of each execution
 *   replay_views_check --cache_get, a chunk at a time--> equal, absent, older, newer, wrong
 *
 * A view that is absent is no difference: it may have expired. One that is older may be on its way:
 * the caller reads on and checks again. Touches memory and the cache. */
#ifndef EXO_SCHEDULER_REPLAY_VIEWS_H
#define EXO_SCHEDULER_REPLAY_VIEWS_H

#include "infra/cache/cache.h"
#include "infra/store/store_replay.h"

struct replay_views;

struct replay_views_counts {
    uint64_t equal, absent, older, newer, wrong; /* newer: than the journal that was read */
};

/* replay_views_new begins with nothing; aborts without memory. */
struct replay_views *replay_views_new(struct cache *cache);
void replay_views_free(struct replay_views *views);

/* replay_views_note takes a row of the journal of some shard, in order. */
void replay_views_note(struct replay_views *views, const struct store_imprint *row);

/* replay_views_check asks the cache for every execution that was noted.
 * differs  for each view that is not what it should be, with a word for how
 * done     once, with the counts of this check */
void replay_views_check(struct replay_views *views,
                        void (*differs)(void *argument, const struct execution_id *id,
                                        const char *how),
                        void (*done)(void *argument, const struct replay_views_counts *counts),
                        void *argument);

#endif /* EXO_SCHEDULER_REPLAY_VIEWS_H */
