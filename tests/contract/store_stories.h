/* store_stories: what every back-end of the store must do, told once and run on each.
 *
 * A story gets the back-end's name as its cmocka state. */
#ifndef EXO_TESTS_STORE_STORIES_H
#define EXO_TESTS_STORE_STORIES_H

#include <stddef.h>

struct store_story {
    const char *name;
    void (*tell)(void **state);
};

/* Schema, fence, queue and leases. */
extern const struct store_story store_commit_stories[];
extern const size_t store_commit_story_count;

/* What crashes leave behind for the next owner of a shard. */
extern const struct store_story store_guard_stories[];
extern const size_t store_guard_story_count;

/* What was written reads back: executions, lists, keys, blobs, dead letters. */
extern const struct store_story store_read_stories[];
extern const size_t store_read_story_count;

/* Named clusters and satellites, and their versions. */
extern const struct store_story store_version_stories[];
extern const size_t store_version_story_count;

/* Runs of groups, and a store of the first release that gains them. */
extern const struct store_story store_run_stories[];
extern const size_t store_run_story_count;
/* Restore points, and what may go. */
extern const struct store_story store_retention_stories[];
extern const size_t store_retention_story_count;

/* What tables are built again from and compared with. */
extern const struct store_story store_replay_stories[];
extern const size_t store_replay_story_count;

/* What spans executions, and a store before it that gains it. */
extern const struct store_story store_spanning_stories[];
extern const size_t store_spanning_story_count;
/* Where blobs above 8 MiB are. */
extern const struct store_story store_object_stories[];
extern const size_t store_object_story_count;

/* What only one back-end can meet. */
extern const struct store_story store_sqlite_stories[];
extern const size_t store_sqlite_story_count;
extern const struct store_story store_postgres_stories[];
extern const size_t store_postgres_story_count;

/* What this program does when a story starts it again as another process, on a SQLite file. Each
 * gives an exit status. */
int store_story_try_open(const char *path);
int store_story_commit_forever(const char *path);

#endif /* EXO_TESTS_STORE_STORIES_H */
