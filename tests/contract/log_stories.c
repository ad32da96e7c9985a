#include "tests/contract/log_stories.h"

#include <stdlib.h>

static void test_order_and_offsets(void **state)
{
    struct stage *stage = *state;
    struct sink sinks[2] = {{.wanted = 3000}, {.wanted = 500}};
    exo_time before_ns = clock_wall_ns() - 1000 * EXO_SECOND;

    stage_topic(stage, "order", 2, false);
    stage_read(stage, 0, 0, 0, &sinks[0]);
    stage_append_all(stage, 0, 0, 3000, 100);
    stage_append_all(stage, 1, 0, 500, 10);
    stage_read(stage, 1, 0, 0, &sinks[1]); /* one that was there, one that comes late */
    for (int i = 0; i < 2; i++) {
        stage_wait(stage, &sinks[i].is_done, "records");
        assert_int_equal(sinks[i].taken, sinks[i].wanted);
        assert_int_equal(sinks[i].wrong, 0);
        assert_true(sinks[i].last_timestamp_ns > before_ns);
        assert_int_equal(log_reader_position(sinks[i].reader), sinks[i].last_offset + 1);
        assert_int_equal(stage_end(stage, (uint32_t)i), sinks[i].last_offset + 1);
        log_reader_close(sinks[i].reader);
    }
    assert_true(log_counts(stage->log).appended >= 3500);
    assert_int_equal(log_counts(stage->log).buffered_bytes, 0);
}

static void test_volatile_topic(void **state)
{
    struct stage *stage = *state;
    struct sink sinks[2] = {{.wanted = 200}, {.wanted = 100, .next = 100}};

    stage_topic(stage, "volatile", 1, true);
    stage_read(stage, 0, 0, 0, &sinks[0]);
    stage_append_all(stage, 0, 0, 100, 100);
    int64_t middle = stage_end(stage, 0);

    stage_append_all(stage, 0, 100, 100, 100);
    stage_read(stage, 0, middle, 0, &sinks[1]);
    for (int i = 0; i < 2; i++) {
        stage_wait(stage, &sinks[i].is_done, "records");
        assert_int_equal(sinks[i].wrong, 0);
        log_reader_close(sinks[i].reader);
    }
}

static void test_reopen_at_offset(void **state)
{
    struct stage *stage = *state;
    struct sink first = {.wanted = 10, .stop_at = 10};
    struct sink second = {.wanted = 90, .next = 10};
    struct sink third = {.wanted = 90, .next = 10};

    stage_topic(stage, "reopen", 1, false);
    stage_append_all(stage, 0, 0, 100, 50);
    stage_read(stage, 0, 0, 0, &first);
    stage_wait(stage, &first.is_done, "the first ten");
    int64_t position = log_reader_position(first.reader);

    log_reader_close(first.reader);
    stage_read(stage, 0, position, first.last_checksum, &second);
    stage_read(stage, 0, position, 0, &third);
    stage_wait(stage, &second.is_done, "the rest, checked");
    stage_wait(stage, &third.is_done, "the rest");
    assert_false(second.is_failed);
    assert_int_equal(second.wrong, 0);
    assert_int_equal(third.wrong, 0);
    log_reader_close(second.reader);
    log_reader_close(third.reader);
}

static void test_checksum_at_the_end(void **state)
{
    struct stage *stage = *state;
    struct sink first = {.wanted = 5};
    struct sink second = {.wanted = 1, .next = 5};

    stage_topic(stage, "atend", 1, false);
    stage_append_all(stage, 0, 0, 5, 50);
    stage_read(stage, 0, 0, 0, &first);
    stage_wait(stage, &first.is_done, "records");
    stage_read(stage, 0, first.last_offset + 1, first.last_checksum, &second);
    stage_append_all(stage, 0, 5, 1, 50);
    stage_wait(stage, &second.is_done, "the record after");
    assert_false(second.is_failed);
    assert_int_equal(second.wrong, 0);
    log_reader_close(first.reader);
    log_reader_close(second.reader);
}

static void test_checksum_mismatch(void **state)
{
    struct stage *stage = *state;
    struct sink first = {.wanted = 10};
    struct sink second = {.wanted = 1};

    stage_topic(stage, "mismatch", 1, false);
    stage_append_all(stage, 0, 0, 10, 50);
    stage_read(stage, 0, 0, 0, &first);
    stage_wait(stage, &first.is_done, "records");
    stage_read(stage, 0, first.last_offset + 1, first.last_checksum ^ 5, &second);
    stage_append_all(stage, 0, 10, 10, 50);
    stage_wait(stage, &second.is_done, "the failure");
    assert_true(second.is_failed);
    assert_int_equal(second.taken, 0);
    assert_int_equal(second.err.code, EXO_ECONFLICT);
    log_reader_close(first.reader);
    log_reader_close(second.reader);
}

static void test_beyond_the_end(void **state)
{
    struct stage *stage = *state;
    struct sink sinks[2] = {{.wanted = 1}, {.wanted = 1}};

    stage_topic(stage, "beyond", 1, false);
    stage_append_all(stage, 0, 0, 3, 50);
    int64_t end = stage_end(stage, 0);

    stage_read(stage, 0, end + 1000, 0, &sinks[0]);
    stage_read(stage, 0, end + 1, 77, &sinks[1]); /* the record before is missing */
    for (int i = 0; i < 2; i++) {
        stage_wait(stage, &sinks[i].is_done, "the failure");
        assert_true(sinks[i].is_failed);
        assert_int_equal(sinks[i].err.code, EXO_ECONFLICT);
        log_reader_close(sinks[i].reader);
    }
}

struct position_wait {
    struct sink *sink;
    struct loop_timer *timer;
    bool is_done;
};

static void on_position_look(void *argument)
{
    struct position_wait *wait = argument;

    wait->is_done = log_reader_position(wait->sink->reader) >= 0;
}

static void test_from_the_end(void **state)
{
    struct stage *stage = *state;
    struct sink sink = {.wanted = 7, .next = 20};
    struct position_wait wait = {.sink = &sink};

    stage_topic(stage, "fromend", 1, false);
    stage_append_all(stage, 0, 0, 20, 50);
    int64_t end = stage_end(stage, 0);

    stage_read(stage, 0, LOG_END, 0, &sink);
    assert_int_equal(log_reader_position(sink.reader), -1);
    wait.timer = loop_timer_new(stage->loop, on_position_look, &wait);
    loop_timer_start(wait.timer, 0, EXO_MILLISECOND);
    stage_wait(stage, &wait.is_done, "the position");
    assert_int_equal(log_reader_position(sink.reader), end);
    stage_append_all(stage, 0, 20, 7, 50);
    stage_wait(stage, &sink.is_done, "what came after");
    assert_int_equal(sink.wrong, 0);
    assert_int_equal(log_reader_position(sink.reader), stage_end(stage, 0));
    loop_timer_free(wait.timer);
    log_reader_close(sink.reader);
}

/* A reader that takes seven must not be shown more until it asks, must lose and repeat
 * nothing, and must not stand in the way of its neighbour. */
static void test_back_pressure(void **state)
{
    struct stage *stage = *state;
    struct sink slow = {.wanted = 7, .stop_at = 7};
    struct sink fast = {.wanted = 20000};
    enum { COUNT = 20000, BYTES = 500 };

    stage_topic(stage, "pressure", 2, false);
    stage_read(stage, 0, 0, 0, &slow);
    stage_read(stage, 1, 0, 0, &fast);
    stage_append_all(stage, 0, 0, COUNT, BYTES);
    stage_wait(stage, &slow.is_done, "the first seven");
    stage_append_all(stage, 1, 0, COUNT, BYTES);
    stage_wait(stage, &fast.is_done, "the neighbour");
    assert_int_equal(fast.wrong, 0);
    uint64_t taken = slow.taken;

    stage_turns(stage, 100 * EXO_MILLISECOND);
    assert_int_equal(slow.taken, taken);
    slow.stop_at = 0;
    slow.wanted = COUNT;
    slow.is_done = false;
    log_reader_resume(slow.reader);
    assert_int_equal(slow.taken, taken); /* on a later turn */
    stage_wait(stage, &slow.is_done, "the rest");
    assert_int_equal(slow.taken, COUNT);
    assert_int_equal(slow.wrong, 0);
    log_reader_close(slow.reader);
    log_reader_close(fast.reader);
}

static void test_many_records(void **state)
{
    struct stage *stage = *state;
    enum { COUNT = 100000 };
    struct sink sink = {.wanted = COUNT};

    stage_topic(stage, "many", 1, false);
    stage_read(stage, 0, 0, 0, &sink);
    stage_append_all(stage, 0, 0, COUNT, 100);
    stage_wait(stage, &sink.is_done, "100,000 records");
    assert_int_equal(sink.taken, COUNT);
    assert_int_equal(sink.wrong, 0);
    log_reader_close(sink.reader);
}

static void on_counted(void *argument, int64_t offset, const struct exo_error *err)
{
    struct receipts *receipts = argument;

    assert_true(err == NULL);
    assert_true(offset >= 0);
    receipts->is_done = ++receipts->done >= receipts->wanted;
}

static void test_buffer_limit(void **state)
{
    struct stage *stage = *state;
    struct receipts receipts = {.wanted = UINT64_MAX};
    struct exo_error err = {.code = EXO_OK};
    static unsigned char value[60000];
    uint64_t accepted = 0;

    stage_topic(stage, "limit", 1, false);
    while (log_append(stage->log, stage->topic, 0, span_of(""), (struct span){value, sizeof(value)},
                      0, on_counted, &receipts, &err) == 0) {
        accepted++;
        assert_true(accepted < 10000);
    }
    assert_int_equal(err.code, EXO_ELIMIT);
    assert_true(err.is_retryable);
    assert_true(accepted * sizeof(value) <= stage->settings.buffer_bytes_max);
    receipts.wanted = accepted;
    stage_wait(stage, &receipts.is_done, "what was accepted");
    assert_int_equal(log_counts(stage->log).buffered_bytes, 0);
    stage_append_all(stage, 0, 0, 1, 50);
}

static void test_record_limit(void **state)
{
    struct stage *stage = *state;
    struct exo_error err = {.code = EXO_OK};
    unsigned char *value = calloc(1, LOG_RECORD_BYTES_MAX + 1);
    struct sink sink = {.wanted = 1};

    assert_non_null(value);
    stage_topic(stage, "large", 1, false);
    assert_int_equal(log_append(stage->log, stage->topic, 0, span_of(""),
                                (struct span){value, LOG_RECORD_BYTES_MAX + 1}, 0, NULL, NULL,
                                &err),
                     -1);
    assert_int_equal(err.code, EXO_ELIMIT);
    assert_false(err.is_retryable);
    /* Noise, so that compression does not make it fit. */
    for (size_t i = 0; i < LOG_RECORD_BYTES_MAX; i++) {
        value[i] = (unsigned char)(rand() >> 7);
    }
    free(value);
    stage_append_all(stage, 0, 0, 1, LOG_RECORD_BYTES_MAX - 8);
    stage_read(stage, 0, 0, 0, &sink);
    stage_wait(stage, &sink.is_done, "a record of the greatest size");
    assert_false(sink.is_failed);
    log_reader_close(sink.reader);
}

static void on_any_receipt(void *argument, int64_t offset, const struct exo_error *err)
{
    struct receipts *receipts = argument;

    assert_int_equal(offset, -1);
    assert_non_null(err);
    receipts->err = *err;
    receipts->is_done = true;
}

static void test_unknown_places(void **state)
{
    struct stage *stage = *state;
    struct receipts unknown = {.done = 0};
    struct receipts outside = {.done = 0};
    struct sink sink = {.wanted = 1};
    struct exo_error err;

    stage_topic(stage, "places", 2, false);
    assert_int_equal(log_append(stage->log, "never.prepared", 0, span_of("k"), span_of("v"), 0,
                                on_any_receipt, &unknown, &err),
                     0);
    assert_int_equal(log_append(stage->log, stage->topic, 2, span_of("k"), span_of("v"), 0,
                                on_any_receipt, &outside, &err),
                     0);
    assert_false(unknown.is_done);
    stage_wait(stage, &unknown.is_done, "the refusal of a topic");
    stage_wait(stage, &outside.is_done, "the refusal of a partition");
    assert_int_equal(unknown.err.code, EXO_ENOTFOUND);
    assert_int_equal(outside.err.code, EXO_EINVALID);
    stage_read(stage, 2, 0, 0, &sink);
    stage_wait(stage, &sink.is_done, "the refusal of a reader");
    assert_true(sink.is_failed);
    assert_int_equal(sink.err.code, EXO_ENOTFOUND);
    log_reader_close(sink.reader);
    assert_int_equal(log_counts(stage->log).buffered_bytes, 0);
}

static void test_partition_count_is_checked(void **state)
{
    struct stage *stage = *state;
    struct exo_error err;

    stage_topic(stage, "count", 3, false);
    const struct log_topic same = {.name = stage->topic, .partitions = 3, .retention_ms = -1};
    const struct log_topic other = {.name = stage->topic, .partitions = 4, .retention_ms = -1};

    assert_int_equal(stage_prepare(stage, &same, 1, &err), EXO_OK);
    stage_close(stage); /* another log has no memory of it */
    stage_open(stage);
    if (strcmp(stage->settings.path == NULL ? "" : stage->settings.path, ":memory:") == 0) {
        return;
    }
    assert_int_equal(stage_prepare(stage, &other, 1, &err), EXO_ECONFLICT);
    assert_non_null(strstr(err.text, stage->topic));
    assert_non_null(strstr(err.text, "3"));
}

struct trim_wait {
    bool is_done;
    enum exo_error_code code;
};

static void on_trimmed(void *argument, const struct exo_error *err)
{
    struct trim_wait *wait = argument;

    wait->is_done = true;
    wait->code = err == NULL ? EXO_OK : err->code;
}

static void test_trim(void **state)
{
    struct stage *stage = *state;
    struct sink first = {.wanted = 1500, .stop_at = 1500};
    struct sink low = {.wanted = 1};
    struct sink rest = {.wanted = 1500, .next = 1500};
    struct trim_wait wait = {.is_done = false};

    stage_topic(stage, "trim", 1, false);
    stage_append_all(stage, 0, 0, 3000, 20);
    stage_read(stage, 0, 0, 0, &first);
    stage_wait(stage, &first.is_done, "the first half");
    int64_t half = first.last_offset + 1;
    int64_t end = stage_end(stage, 0);

    log_reader_close(first.reader);
    assert_int_equal(stage_start(stage, 0), 0);
    log_trim(stage->log, stage->topic, 0, half, on_trimmed, &wait);
    stage_wait(stage, &wait.is_done, "log_trim");
    assert_int_equal(stage_start(stage, 0), half);
    assert_int_equal(wait.code, EXO_OK);
    assert_int_equal(stage_end(stage, 0), end);
    stage_read(stage, 0, half - 2, 0, &low);
    stage_wait(stage, &low.is_done, "the failure");
    assert_true(low.is_failed);
    assert_int_equal(low.err.code, EXO_ENOTFOUND);
    /* The record before is gone, but on purpose. */
    stage_read(stage, 0, half, first.last_checksum, &rest);
    stage_wait(stage, &rest.is_done, "the second half");
    assert_false(rest.is_failed);
    assert_int_equal(rest.wrong, 0);
    log_reader_close(low.reader);
    log_reader_close(rest.reader);
}

/* Closes itself and its neighbour in its first callback. */
struct closer {
    struct log_reader *readers[2];
    int calls;
    bool is_done;
};

static size_t on_closer(void *argument, const struct log_record *records, size_t count)
{
    struct closer *closer = argument;

    (void)records;
    closer->calls++;
    log_reader_close(closer->readers[0]);
    log_reader_close(closer->readers[1]);
    closer->is_done = true;
    return count;
}

static void on_closer_failed(void *argument, const struct exo_error *err)
{
    (void)argument;
    fail_msg("reader failed: %s", err->text);
}

static void test_close_in_callback(void **state)
{
    struct stage *stage = *state;
    const struct log_reader_callbacks callbacks = {on_closer, on_closer_failed};
    struct closer closer = {.calls = 0};

    stage_topic(stage, "close", 1, false);
    for (int i = 0; i < 2; i++) {
        closer.readers[i] = log_reader_open(stage->log, stage->topic, 0, 0, 0, &callbacks, &closer);
    }
    stage_append_all(stage, 0, 0, 100, 50);
    stage_wait(stage, &closer.is_done, "the callback");
    stage_append_all(stage, 0, 100, 100, 50);
    stage_turns(stage, 50 * EXO_MILLISECOND);
    assert_int_equal(closer.calls, 1);
}

static int story_setup(void **state)
{
    stage_open(*state);
    return 0;
}

static int story_teardown(void **state)
{
    stage_close(*state);
    return 0;
}

int log_stories_run(const char *name, struct stage *stage)
{
#define STORY(function)                                                                            \
    cmocka_unit_test_prestate_setup_teardown(function, story_setup, story_teardown, stage)
    const struct CMUnitTest tests[] = {
        STORY(test_order_and_offsets),
        STORY(test_volatile_topic),
        STORY(test_reopen_at_offset),
        STORY(test_checksum_at_the_end),
        STORY(test_checksum_mismatch),
        STORY(test_beyond_the_end),
        STORY(test_from_the_end),
        STORY(test_back_pressure),
        STORY(test_many_records),
        STORY(test_buffer_limit),
        STORY(test_record_limit),
        STORY(test_unknown_places),
        STORY(test_partition_count_is_checked),
        STORY(test_trim),
        STORY(test_close_in_callback),
    };
#undef STORY

    /* STORY=test_trim runs one alone; "*" is any text. */
    if (getenv("STORY") != NULL) {
        cmocka_set_test_filter(getenv("STORY"));
    }
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}
