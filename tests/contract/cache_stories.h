/* cache_stories: what every back-end of the cache promises, told once.
 *
 * A harness for tests only; asserts with cmocka. */
#ifndef EXO_TESTS_CACHE_STORIES_H
#define EXO_TESTS_CACHE_STORIES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above first */
#include <cmocka.h>

#include "infra/cache/cache.h"

struct cache_stage {
    struct loop *loop;
    struct cache *cache;
    struct cache_settings settings;
    char notices[2048]; /* all that the back-end said */
};

/* What came out of a put, a get or a watch. */
struct cache_seen {
    bool is_done;
    bool is_taken;
    char view[256];
    struct cache_version version;
    unsigned events;
    unsigned gaps;
    unsigned wanted; /* events or gaps after which is_done */
    char last[256];
};

void cache_stage_open(struct cache_stage *stage);
void cache_stage_close(struct cache_stage *stage);

/* cache_stage_wait fails the test when *is_done does not come. */
void cache_stage_wait(struct cache_stage *stage, const bool *is_done, const char *what);

/* cache_stage_wait_up waits until cache_is_up is as wanted. */
void cache_stage_wait_up(struct cache_stage *stage, bool is_up);

/* cache_stage_put puts and waits. Returns whether it was taken. */
bool cache_stage_put(struct cache_stage *stage, const struct execution_id *id, uint64_t epoch,
                     uint64_t batch, const char *view, const char *event);

/* cache_stage_get gets and waits. */
struct cache_seen cache_stage_get(struct cache_stage *stage, const struct execution_id *id);

/* cache_stage_watch opens a watch that fills *seen, and waits until it is sure to hear all. */
struct cache_watch *cache_stage_watch(struct cache_stage *stage, const struct execution_id *id,
                                      struct cache_seen *seen);

/* cache_stage_id makes an id of its own for a story. */
struct execution_id cache_stage_id(void);

/* cache_stories_run plays all stories. Returns how many failed. */
int cache_stories_run(const char *name, struct cache_stage *stage);

#endif /* EXO_TESTS_CACHE_STORIES_H */
