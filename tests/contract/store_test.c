/* Every story of the store on the back-end named: store_test sqlite|postgres [story]; EXO_STORY
 * names one, too, where nobody hands arguments on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/contract/store_stories.h"

enum { STORIES_MAX = 128 };

static size_t add(struct CMUnitTest *tests, size_t count, const struct store_story *stories,
                  size_t story_count, void *backend)
{
    for (size_t i = 0; i < story_count; i++) {
        assert_true(count < STORIES_MAX);
        tests[count++] = (struct CMUnitTest){
            .name = stories[i].name, .test_func = stories[i].tell, .initial_state = backend};
    }
    return count;
}

int main(int argc, char **argv)
{
    struct CMUnitTest tests[STORIES_MAX];
    size_t count = 0;

    if (argc < 2) {
        (void)fprintf(stderr, "usage: store_test sqlite|postgres [story]\n");
        return 64;
    }
    if (argc > 2 && strcmp(argv[1], "try-open") == 0) {
        return store_story_try_open(argv[2]);
    }
    if (argc > 2 && strcmp(argv[1], "commit-forever") == 0) {
        return store_story_commit_forever(argv[2]);
    }
    const char *story = argc > 2 ? argv[2] : getenv("EXO_STORY");

    if (story != NULL) {
        cmocka_set_test_filter(story);
    }
    count = add(tests, count, store_commit_stories, store_commit_story_count, argv[1]);
    count = add(tests, count, store_guard_stories, store_guard_story_count, argv[1]);
    count = add(tests, count, store_read_stories, store_read_story_count, argv[1]);
    count = add(tests, count, store_version_stories, store_version_story_count, argv[1]);
    count = add(tests, count, store_run_stories, store_run_story_count, argv[1]);
    count = add(tests, count, store_retention_stories, store_retention_story_count, argv[1]);
    count = add(tests, count, store_replay_stories, store_replay_story_count, argv[1]);
    count = add(tests, count, store_spanning_stories, store_spanning_story_count, argv[1]);
    count = add(tests, count, store_object_stories, store_object_story_count, argv[1]);
    if (strcmp(argv[1], "sqlite") == 0) {
        count = add(tests, count, store_sqlite_stories, store_sqlite_story_count, argv[1]);
    } else {
        count = add(tests, count, store_postgres_stories, store_postgres_story_count, argv[1]);
    }
    return _cmocka_run_group_tests(argv[1], tests, count, NULL, NULL);
}
