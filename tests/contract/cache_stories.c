#include "tests/contract/cache_stories.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/support/patience.h"

static void on_notice(void *argument, const char *text)
{
    struct cache_stage *stage = argument;
    size_t used = strlen(stage->notices);

    (void)snprintf(stage->notices + used, sizeof(stage->notices) - used, "%s\n", text);
}

void cache_stage_open(struct cache_stage *stage)
{
    struct exo_error err = {.text = ""};

    stage->notices[0] = '\0';
    stage->settings.notice = on_notice;
    stage->settings.notice_argument = stage;
    stage->loop = loop_new(&err);
    assert_non_null(stage->loop);
    stage->cache = cache_open(stage->loop, &stage->settings, &err);
    if (stage->cache == NULL) {
        fail_msg("cache_open: %s", err.text);
    }
}

void cache_stage_close(struct cache_stage *stage)
{
    cache_close(stage->cache);
    loop_free(stage->loop);
}

void cache_stage_wait(struct cache_stage *stage, const bool *is_done, const char *what)
{
    if (!loop_run_until(stage->loop, is_done, TEST_WAIT)) {
        fail_msg("waited in vain for %s; said: %s", what, stage->notices);
    }
}

struct up_look {
    struct cache_stage *stage;
    bool wanted;
    bool is_done;
};

static void on_up_look(void *argument)
{
    struct up_look *look = argument;

    look->is_done = cache_is_up(look->stage->cache) == look->wanted;
}

void cache_stage_wait_up(struct cache_stage *stage, bool is_up)
{
    struct up_look look = {stage, is_up, false};
    struct loop_timer *timer = loop_timer_new(stage->loop, on_up_look, &look);

    loop_timer_start(timer, 0, 2 * EXO_MILLISECOND);
    cache_stage_wait(stage, &look.is_done, is_up ? "cache_is_up" : "cache_is_up to become false");
    loop_timer_free(timer);
}

static void on_put(void *argument, bool is_taken)
{
    struct cache_seen *seen = argument;

    assert_false(seen->is_done); /* once */
    seen->is_done = true;
    seen->is_taken = is_taken;
}

bool cache_stage_put(struct cache_stage *stage, const struct execution_id *id, uint64_t epoch,
                     uint64_t batch, const char *view, const char *event)
{
    struct cache_seen seen = {.is_done = false};

    cache_put(stage->cache, id, (struct cache_version){epoch, batch}, span_of(view), span_of(event),
              on_put, &seen);
    assert_false(seen.is_done); /* never inside the call */
    cache_stage_wait(stage, &seen.is_done, "cache_put");
    return seen.is_taken;
}

static void on_get(void *argument, struct span view, struct cache_version version)
{
    struct cache_seen *seen = argument;

    assert_false(seen->is_done);
    seen->is_done = true;
    seen->version = version;
    (void)snprintf(seen->view, sizeof(seen->view), "%.*s", SPAN_ARG(view));
}

struct cache_seen cache_stage_get(struct cache_stage *stage, const struct execution_id *id)
{
    struct cache_seen seen = {.is_done = false};

    cache_get(stage->cache, id, on_get, &seen);
    assert_false(seen.is_done);
    cache_stage_wait(stage, &seen.is_done, "cache_get");
    return seen;
}

static void on_event(void *argument, struct span event, bool is_gap)
{
    struct cache_seen *seen = argument;

    if (is_gap) {
        seen->gaps++;
    } else {
        seen->events++;
        (void)snprintf(seen->last, sizeof(seen->last), "%.*s", SPAN_ARG(event));
    }
    seen->is_done = seen->events + seen->gaps >= seen->wanted;
}

struct execution_id cache_stage_id(void)
{
    static uint64_t count;
    uint8_t random[10] = {0};
    uint64_t mixed = (uint64_t)clock_wall_ns() ^ (++count << 48);

    memcpy(random, &mixed, sizeof(mixed));
    return execution_id_from_time(clock_wall_ns() / EXO_MILLISECOND, random);
}

struct cache_watch *cache_stage_watch(struct cache_stage *stage, const struct execution_id *id,
                                      struct cache_seen *seen)
{
    struct cache_watch *watch = NULL;

    *seen = (struct cache_seen){.wanted = 1};
    watch = cache_watch_open(stage->cache, id, on_event, seen);
    assert_non_null(watch);
    assert_false(seen->is_done);
    /* Until an event comes back the subscription may still be on its way. */
    while (!seen->is_done) {
        static const bool never = false;

        cache_put(stage->cache, id, (struct cache_version){0, 0}, span_of(""), span_of("hello"),
                  NULL, NULL);
        (void)loop_run_until(stage->loop, &never, 2 * EXO_MILLISECOND);
    }
    /* Events come in their order: behind this one no greeting is left on its way. */
    assert_true(cache_stage_put(stage, id, 0, 0, "", "the last greeting"));
    while (strcmp(seen->last, "the last greeting") != 0) {
        seen->is_done = false;
        cache_stage_wait(stage, &seen->is_done, "the last greeting");
    }
    *seen = (struct cache_seen){.wanted = 1};
    return watch;
}

static void test_put_and_get(void **state)
{
    struct cache_stage *stage = *state;
    struct execution_id id = cache_stage_id();
    struct cache_seen seen = cache_stage_get(stage, &id);

    assert_string_equal(seen.view, "");
    assert_true(cache_stage_put(stage, &id, 7, 9, "running", ""));
    seen = cache_stage_get(stage, &id);
    assert_string_equal(seen.view, "running");
    assert_int_equal(seen.version.epoch, 7);
    assert_int_equal(seen.version.batch, 9);
}

static void test_newer_only(void **state)
{
    struct cache_stage *stage = *state;
    struct execution_id id = cache_stage_id();
    const struct {
        uint64_t epoch, batch;
        const char *view;
        const char *expected;
    } steps[] = {
        {5, 5, "a", "a"},          {5, 4, "older batch", "a"}, {4, 9, "older epoch", "a"},
        {5, 6, "b", "b"},          {6, 1, "c", "c"},           {5, 99, "older again", "c"},
        {6, 16, "d", "d"},         {6, 9, "9 is not 16", "d"}, {UINT64_MAX, 0, "e", "e"},
        {1, UINT64_MAX, "f", "e"},
    };

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        assert_true(cache_stage_put(stage, &id, steps[i].epoch, steps[i].batch, steps[i].view, ""));
        assert_string_equal(cache_stage_get(stage, &id).view, steps[i].expected);
    }
}

static void test_events(void **state)
{
    struct cache_stage *stage = *state;
    struct execution_id id = cache_stage_id();
    struct execution_id other = cache_stage_id();
    struct cache_seen seen[2];
    struct cache_watch *watches[2];

    watches[0] = cache_stage_watch(stage, &id, &seen[0]);
    watches[1] = cache_stage_watch(stage, &id, &seen[1]);
    seen[0] = seen[1] = (struct cache_seen){.wanted = 2};
    assert_true(cache_stage_put(stage, &id, 1, 1, "one", "first"));
    assert_true(cache_stage_put(stage, &other, 1, 1, "other", "not for us"));
    assert_true(cache_stage_put(stage, &id, 1, 0, "old", "not published: not set"));
    assert_true(cache_stage_put(stage, &id, 1, 1, "", "second"));
    for (int i = 0; i < 2; i++) {
        cache_stage_wait(stage, &seen[i].is_done, "two events");
        assert_int_equal(seen[i].events, 2);
        assert_int_equal(seen[i].gaps, 0);
        assert_string_equal(seen[i].last, "second");
    }
    cache_watch_close(watches[0]);
    seen[1] = (struct cache_seen){.wanted = 1};
    assert_true(cache_stage_put(stage, &id, 1, 2, "", "third"));
    cache_stage_wait(stage, &seen[1].is_done, "the third event");
    assert_int_equal(seen[0].events, 2);
    cache_watch_close(watches[1]);
}

/* Who hears an event and then reads must find the view that was set with it. */
struct reader {
    struct cache_stage *stage;
    struct execution_id id;
    struct cache_seen seen;
};

static void on_event_read(void *argument, struct span event, bool is_gap)
{
    struct reader *reader = argument;

    (void)event;
    if (!is_gap && !reader->seen.is_taken) {
        reader->seen.is_taken = true;
        cache_get(reader->stage->cache, &reader->id, on_get, &reader->seen);
    }
}

static void test_published_after_set(void **state)
{
    struct cache_stage *stage = *state;
    struct reader reader = {.stage = stage, .id = cache_stage_id()};
    struct cache_seen warm;
    struct cache_watch *first = cache_stage_watch(stage, &reader.id, &warm);
    struct cache_watch *watch = cache_watch_open(stage->cache, &reader.id, on_event_read, &reader);

    assert_true(cache_stage_put(stage, &reader.id, 3, 3, "the view", "the event"));
    cache_stage_wait(stage, &reader.seen.is_done, "the read after the event");
    assert_string_equal(reader.seen.view, "the view");
    cache_watch_close(watch);
    cache_watch_close(first);
}

/* A change that nobody hears leaves no view; one after that somebody heard is set, then told. */
static void test_view_where_heard(void **state)
{
    struct cache_stage *stage = *state;
    struct reader reader = {.stage = stage, .id = cache_stage_id()};
    const struct execution_id alone = cache_stage_id();
    struct cache_seen warm;

    cache_tell(stage->cache, &alone, (struct cache_version){1, 1}, span_of("unheard"));
    cache_tell(stage->cache, &alone, (struct cache_version){1, 2}, span_of("unheard too"));
    assert_string_equal(cache_stage_get(stage, &alone).view, "");
    struct cache_watch *first = cache_stage_watch(stage, &reader.id, &warm);

    cache_tell(stage->cache, &reader.id, (struct cache_version){1, 1}, span_of("heard"));
    cache_stage_wait(stage, &warm.is_done, "the change");
    assert_string_equal(warm.last, "heard");
    (void)cache_stage_get(stage, &reader.id); /* the answer to the first has come */
    struct cache_watch *watch = cache_watch_open(stage->cache, &reader.id, on_event_read, &reader);

    cache_tell(stage->cache, &reader.id, (struct cache_version){1, 2}, span_of("set and heard"));
    cache_stage_wait(stage, &reader.seen.is_done, "the read after the change");
    assert_string_equal(reader.seen.view, "set and heard");
    assert_int_equal(reader.seen.version.batch, 2);
    cache_watch_close(watch);
    cache_watch_close(first);
}

/* Closed and opened again while the server may still be busy with the end of the first. */
static void test_watch_again(void **state)
{
    struct cache_stage *stage = *state;
    struct execution_id id = cache_stage_id();
    struct cache_seen seen;

    for (int i = 0; i < 20; i++) {
        struct cache_watch *watch = cache_stage_watch(stage, &id, &seen);

        assert_true(cache_stage_put(stage, &id, 1, (uint64_t)i, "", "again"));
        cache_stage_wait(stage, &seen.is_done, "the event");
        cache_watch_close(watch);
    }
}

struct closer {
    struct cache_watch *watches[3];
    unsigned calls;
    bool is_done;
};

static void on_event_close(void *argument, struct span event, bool is_gap)
{
    struct closer *closer = argument;

    (void)event;
    if (is_gap) {
        return;
    }
    closer->calls++;
    for (int i = 0; i < 3; i++) {
        cache_watch_close(closer->watches[i]);
        closer->watches[i] = NULL;
    }
    closer->is_done = true;
}

static void test_close_in_callback(void **state)
{
    struct cache_stage *stage = *state;
    struct execution_id id = cache_stage_id();
    struct closer closer = {.calls = 0};
    struct cache_seen seen;
    struct cache_watch *first = cache_stage_watch(stage, &id, &seen);

    for (int i = 0; i < 3; i++) {
        closer.watches[i] = cache_watch_open(stage->cache, &id, on_event_close, &closer);
    }
    assert_true(cache_stage_put(stage, &id, 1, 1, "", "event"));
    cache_stage_wait(stage, &closer.is_done, "the event");
    assert_int_equal(closer.calls, 1);
    cache_watch_close(first);
}

static void test_binary_bytes(void **state)
{
    struct cache_stage *stage = *state;
    struct execution_id id = cache_stage_id();
    struct cache_seen seen = {.is_done = false};
    static const char view[] = "a\0b\r\nc";

    cache_put(stage->cache, &id, (struct cache_version){1, 1}, (struct span){view, sizeof(view)},
              span_of(""), NULL, NULL);
    cache_get(stage->cache, &id, on_get, &seen);
    cache_stage_wait(stage, &seen.is_done, "cache_get");
    assert_string_equal(seen.view, "a");
    assert_int_equal(seen.version.batch, 1);
}

static void test_views_end(void **state)
{
    struct cache_stage *stage = *state;
    struct execution_id id = cache_stage_id();
    struct cache_seen seen = {.view = "?"};

    cache_stage_close(stage);
    stage->settings.view_ttl_ns = 20 * EXO_MILLISECOND;
    cache_stage_open(stage);
    cache_stage_wait_up(stage, true);
    assert_true(cache_stage_put(stage, &id, 1, 1, "short", ""));
    for (int i = 0; i < 1000 && seen.view[0] != '\0'; i++) {
        static const bool never = false;

        (void)loop_run_until(stage->loop, &never, 5 * EXO_MILLISECOND);
        seen = cache_stage_get(stage, &id);
    }
    assert_string_equal(seen.view, "");
    stage->settings.view_ttl_ns = 30 * EXO_SECOND;
}

static int story_setup(void **state)
{
    cache_stage_open(*state);
    cache_stage_wait_up(*state, true);
    return 0;
}

static int story_teardown(void **state)
{
    cache_stage_close(*state);
    return 0;
}

int cache_stories_run(const char *name, struct cache_stage *stage)
{
#define STORY(function)                                                                            \
    cmocka_unit_test_prestate_setup_teardown(function, story_setup, story_teardown, stage)
    const struct CMUnitTest tests[] = {
        STORY(test_put_and_get),
        STORY(test_newer_only),
        STORY(test_events),
        STORY(test_binary_bytes),
        STORY(test_published_after_set),
        STORY(test_watch_again),
        STORY(test_view_where_heard),
        STORY(test_views_end),
        STORY(test_close_in_callback),
    };
#undef STORY

    if (getenv("STORY") != NULL) {
        cmocka_set_test_filter(getenv("STORY"));
    }
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}
