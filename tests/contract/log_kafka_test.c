/* The stories about the log on a real Kafka broker, and what only a broker can do: be away, come
 * back, hang, hold topics that are not as they must be. */
#include "tests/contract/log_stories.h"

#include <stdio.h>
#include <stdlib.h>

#include "infra/log/kafka_break.h"
#include "tests/contract/log_broker.h"

static struct broker broker;

static void must_do(const char *verb, const char *options)
{
    if (!broker_do(&broker, verb, options)) {
        fail_msg("infra/services %s failed", verb);
    }
}

struct look {
    struct stage *stage;
    bool wanted;
    bool is_done;
};

static void on_look(void *argument)
{
    struct look *look = argument;

    look->is_done = log_is_up(look->stage->log) == look->wanted;
}

static void wait_up(struct stage *stage, bool wanted)
{
    struct look look = {stage, wanted, false};
    struct loop_timer *timer = loop_timer_new(stage->loop, on_look, &look);

    loop_timer_start(timer, 0, 5 * EXO_MILLISECOND);
    stage_wait(stage, &look.is_done, wanted ? "log_is_up" : "log_is_up to become false");
    loop_timer_free(timer);
}

/* How one call ended that a close may have cut short. */
struct cut {
    unsigned calls;
    enum exo_error_code code;
};

static void on_cut(void *argument, const struct exo_error *err)
{
    struct cut *cut = argument;

    cut->calls++;
    cut->code = err == NULL ? EXO_OK : err->code;
}

/* Everything may be asked for before there is a broker. */
static void test_down_at_start(void **state)
{
    struct stage *stage = *state;
    struct receipts receipts = {.wanted = 100, .last_offset = -1};
    struct sink sink = {.wanted = 100};
    struct log_topic topic = {.partitions = 1, .retention_ms = -1};
    struct exo_error err;
    struct cut cut = {.calls = 0};

    must_do("stop", "");
    stage_open(stage); /* closed again while it is down and questions are open */
    topic.name = "never";
    log_prepare(stage->log, &topic, 1, on_cut, &cut);
    stage_turns(stage, 20 * EXO_MILLISECOND);
    stage_close(stage);
    assert_int_equal(cut.calls, 1);
    assert_true(cut.code == EXO_EUNAVAILABLE || cut.code == EXO_EUNKNOWN);
    stage_open(stage);
    assert_false(log_is_up(stage->log));
    (void)snprintf(stage->topic, sizeof(stage->topic), "down.%lld",
                   (long long)clock_wall_ns() / 1000);
    topic.name = stage->topic;
    bool never = false;

    (void)loop_run_until(stage->loop, &never, 300 * EXO_MILLISECOND);
    assert_false(log_is_up(stage->log));
    must_do("start", "");
    assert_int_equal(stage_prepare(stage, &topic, 1, &err), EXO_OK);
    stage_append(stage, 0, 0, 100, 50, &receipts);
    stage_read(stage, 0, 0, 0, &sink);
    stage_wait(stage, &receipts.is_done, "acknowledgements");
    stage_wait(stage, &sink.is_done, "records");
    assert_int_equal(receipts.failed, 0);
    wait_up(stage, true);
    log_reader_close(sink.reader);
    stage_close(stage);
}

/* Appended for a topic that no broker has made yet. */
static void on_prepared(void *argument, const struct exo_error *err)
{
    bool *is_prepared = argument;

    *is_prepared = err == NULL;
}

static void test_append_before_ready(void **state)
{
    struct stage *stage = *state;
    struct receipts receipts = {.wanted = 50, .last_offset = -1};
    struct sink sink = {.wanted = 50};
    struct log_topic topic = {.partitions = 1, .retention_ms = -1};
    bool is_prepared = false;

    stage_open(stage);
    (void)snprintf(stage->topic, sizeof(stage->topic), "before.%lld",
                   (long long)clock_wall_ns() / 1000);
    topic.name = stage->topic;
    log_prepare(stage->log, &topic, 1, on_prepared, &is_prepared);
    stage_append(stage, 0, 0, 50, 50, &receipts);
    stage_read(stage, 0, 0, 0, &sink);
    stage_wait(stage, &receipts.is_done, "acknowledgements");
    stage_wait(stage, &sink.is_done, "records");
    assert_int_equal(receipts.failed, 0);
    assert_int_equal(sink.wrong, 0);
    stage_wait(stage, &is_prepared, "the topic");
    log_reader_close(sink.reader);
    stage_close(stage);
}

/* Killed and started again in the middle: nothing lost, nothing out of order; repeats are allowed
 * by the port, but an idempotent producer makes none here. */
static void test_restart_in_the_middle(void **state)
{
    struct stage *stage = *state;
    struct receipts receipts = {.wanted = 30000, .last_offset = -1};
    struct sink sink = {.wanted = 30000};

    stage_open(stage);
    stage_topic(stage, "restart", 1, false);
    stage_read(stage, 0, 0, 0, &sink);
    stage_append(stage, 0, 0, 10000, 100, &receipts);
    stage_turns(stage, 20 * EXO_MILLISECOND); /* some acknowledged, some under way */
    must_do("stop", "--kill");
    stage_append(stage, 0, 10000, 10000, 100, &receipts);
    wait_up(stage, false);
    must_do("start", "");
    stage_append(stage, 0, 20000, 10000, 100, &receipts);
    stage_wait(stage, &receipts.is_done, "acknowledgements");
    stage_wait(stage, &sink.is_done, "records");
    wait_up(stage, true);
    assert_int_equal(receipts.failed, 0);
    assert_false(receipts.is_disordered);
    assert_false(sink.is_failed);
    assert_int_equal(sink.wrong, 0);
    log_reader_close(sink.reader);
    stage_close(stage);
}

/* The broker loses all its data and another role fills the same topic again, past the cursor: only
 * the checksum of the record before it can tell. The reader must not go on. */
static void test_lost_and_grown_again(void **state)
{
    struct stage *stage = *state;
    struct stage other = {.settings = stage->settings};
    struct sink sink = {.wanted = 100};
    struct sink idle = {.wanted = 1};
    struct log_topic topic = {.partitions = 2, .retention_ms = -1};
    char command[128];

    stage_open(stage);
    stage_topic(stage, "regrown", 2, false);
    stage_append_all(stage, 0, 0, 100, 50);
    stage_append_all(stage, 1, 0, 100, 50);
    stage_read(stage, 0, 0, 0, &sink);
    stage_wait(stage, &sink.is_done, "records");
    stage_read(stage, 1, 50, 0, &idle);
    idle.next = 50;
    stage_wait(stage, &idle.is_done, "records");
    must_do("stop", "--kill");
    (void)snprintf(command, sizeof(command), "rm -rf %s/kafka", broker.directory);
    assert_int_equal(system(command), 0);
    must_do("start", "");
    topic.name = stage->topic;
    stage_open(&other);
    memcpy(other.topic, stage->topic, sizeof(other.topic));
    assert_int_equal(stage_prepare(&other, &topic, 1, NULL), EXO_OK);
    stage_append_all(&other, 0, 1000, 200, 50);
    stage_append_all(&other, 1, 0, 10, 50); /* this one stays shorter than it was */
    stage_close(&other);
    sink.is_done = idle.is_done = false;
    stage_wait(stage, &sink.is_done, "the failure");
    stage_wait(stage, &idle.is_done, "the failure of the other");
    assert_true(sink.is_failed);
    assert_int_equal(sink.err.code, EXO_ECONFLICT);
    assert_int_equal(sink.taken, 100);
    assert_true(idle.is_failed);
    assert_int_equal(idle.err.code, EXO_ECONFLICT);
    log_reader_close(sink.reader);
    log_reader_close(idle.reader);
    stage_close(stage);
}

/* A broker that is there and silent must not hold the loop. */
static void test_hang(void **state)
{
    struct stage *stage = *state;
    struct receipts receipts = {.wanted = 1000, .last_offset = -1};
    struct sink sink = {.wanted = 1000};

    stage_open(stage);
    stage_topic(stage, "hang", 1, false);
    stage_read(stage, 0, 0, 0, &sink);
    stage_append(stage, 0, 0, 500, 100, &receipts);
    must_do("pause", "");
    stage_append(stage, 0, 500, 500, 100, &receipts);
    stage_turns(stage, 300 * EXO_MILLISECOND);
    assert_true(log_counts(stage->log).buffered_bytes > 0);
    must_do("resume", "");
    stage_wait(stage, &receipts.is_done, "acknowledgements");
    stage_wait(stage, &sink.is_done, "records");
    assert_int_equal(receipts.failed, 0);
    assert_int_equal(sink.wrong, 0);
    log_reader_close(sink.reader);
    stage_close(stage);
}

/* The producer fails for good again and again: all arrives, each partition in order of first
 * arrival. */
static void test_producer_is_replaced(void **state)
{
    struct stage *stage = *state;
    struct receipts receipts = {.wanted = 5000, .last_offset = -1};
    struct sink sink = {.wanted = 5000, .next = UINT64_MAX};

    stage_open(stage);
    stage_topic(stage, "replace", 1, false);
    stage_read(stage, 0, 0, 0, &sink);
    for (uint64_t i = 0; i < 5; i++) {
        stage_append(stage, 0, i * 1000, 1000, 100, &receipts);
        kafka_break_producer(stage->log);
        stage_turns(stage, 5 * EXO_MILLISECOND);
    }
    stage_wait(stage, &receipts.is_done, "acknowledgements");
    stage_wait(stage, &sink.is_done, "records");
    assert_int_equal(receipts.failed, 0);
    assert_int_equal(receipts.done, 5000);
    assert_false(receipts.is_disordered);
    log_reader_close(sink.reader);
    stage_close(stage);
}

static void on_hurried(void *argument, int64_t offset, const struct exo_error *err)
{
    struct receipts *receipts = argument;

    assert_false(receipts->is_done); /* once */
    assert_int_equal(offset, -1);
    assert_non_null(err);
    receipts->is_done = true;
    receipts->err = *err;
}

/* A record may end before the 60 s of its topic; whether it is in is then not known. */
static void test_hurried_append(void **state)
{
    struct stage *stage = *state;
    struct receipts receipts = {.wanted = 1};
    struct exo_error err;
    uint64_t number = 0;

    stage_open(stage);
    stage_topic(stage, "hurry", 1, false);
    must_do("pause", "");
    assert_int_equal(log_append(stage->log, stage->topic, 0, (struct span){&number, sizeof(number)},
                                (struct span){&number, sizeof(number)}, 200 * EXO_MILLISECOND,
                                on_hurried, &receipts, &err),
                     0);
    stage_wait(stage, &receipts.is_done, "the end of its time");
    assert_int_equal(receipts.err.code, EXO_EUNKNOWN);
    must_do("resume", "");
    stage_append_all(stage, 0, 1, 1, 50);
    assert_int_equal(log_counts(stage->log).buffered_bytes, 0);
    stage_close(stage);
}

/* Heartbeats are given up after their topic's time, in the producer too, and the next ones pass. */
static void test_topic_timeout(void **state)
{
    struct stage *stage = *state;
    struct receipts receipts = {.wanted = 200, .last_offset = -1};
    struct exo_error err;
    struct log_topic topic = {
        .partitions = 1, .retention_ms = 3600000, .is_volatile = true, .timeout_ms = 1000};

    stage_open(stage);
    (void)snprintf(stage->topic, sizeof(stage->topic), "timeout.%lld",
                   (long long)clock_wall_ns() / 1000);
    topic.name = stage->topic;
    assert_int_equal(stage_prepare(stage, &topic, 1, &err), EXO_OK);
    for (int round = 0; round < 2; round++) {
        receipts = (struct receipts){.wanted = 200, .last_offset = -1};
        must_do("pause", "");
        stage_append(stage, 0, 10, 200, 50, &receipts);
        stage_wait(stage, &receipts.is_done, "the end of their time");
        must_do("resume", "");
        assert_int_equal(receipts.failed, 200);
        assert_true(receipts.err.code == EXO_EUNKNOWN || receipts.err.code == EXO_EUNAVAILABLE);
        assert_true(receipts.err.is_retryable);
        /* The first may be given up, too, while the producer finds its feet. */
        for (int i = 0; i < 30 && receipts.failed > 0; i++) {
            receipts = (struct receipts){.wanted = 1, .last_offset = -1};
            stage_append(stage, 0, 500, 1, 50, &receipts);
            stage_wait(stage, &receipts.is_done, "an acknowledgement");
        }
        assert_int_equal(receipts.failed, 0);
    }
    assert_int_equal(log_counts(stage->log).buffered_bytes, 0);
    stage_close(stage);
}

/* Chunks of output have a log of their own: full to the brim, it holds up nothing of the other, and
 * it has no consumer. */
static void test_a_full_log_beside(void **state)
{
    struct stage *stage = *state;
    struct stage beside = {.settings = stage->settings};
    struct receipts receipts = {.wanted = 10, .last_offset = -1};
    char bytes[64 << 10] = "";
    struct log_topic topic = {.partitions = 1, .retention_ms = -1};
    struct exo_error err = {.code = EXO_OK};

    stage_open(stage);
    stage_topic(stage, "beside", 1, false);
    beside.loop = stage->loop;
    beside.settings.is_append_only = true;
    beside.log = log_open(stage->loop, &beside.settings, &err);
    assert_non_null(beside.log);
    topic.name = stage->topic;
    assert_int_equal(stage_prepare(&beside, &topic, 1, &err), EXO_OK);
    must_do("pause", "");
    while (log_append(beside.log, stage->topic, 0, (struct span){NULL, 0},
                      (struct span){bytes, sizeof(bytes)}, 0, NULL, NULL, &err) == 0) {
    }
    assert_int_equal(err.code, EXO_ELIMIT);
    uint64_t full_bytes = log_counts(beside.log).buffered_bytes;

    assert_true(full_bytes > 7 << 20);
    stage_append(stage, 0, 0, 10, 100, &receipts); /* has room: would wait for ever otherwise */
    assert_true(log_counts(stage->log).buffered_bytes < 1 << 20);
    must_do("resume", "");
    stage_wait(stage, &receipts.is_done, "acknowledgements beside a full log");
    assert_int_equal(receipts.failed, 0);
    log_close(beside.log);
    stage_close(stage);
}

static void test_bad_settings(void **state)
{
    struct stage *stage = *state;
    struct exo_error err;
    struct loop *loop = loop_new(&err);
    struct log_settings settings = stage->settings;

    settings.properties = "sasl.password=hunter2\nno.such.property=hunter3";
    assert_null(log_open(loop, &settings, &err));
    assert_int_equal(err.code, EXO_EINVALID);
    assert_non_null(strstr(err.text, "no.such.property"));
    assert_null(strstr(err.text, "hunter"));
    settings.properties = "linger.ms=hunter2";
    assert_null(log_open(loop, &settings, &err));
    assert_non_null(strstr(err.text, "linger.ms"));
    assert_null(strstr(err.text, "hunter"));
    settings.properties = NULL;
    settings.brokers = "";
    assert_null(log_open(loop, &settings, &err));
    loop_free(loop);
}

/* One that failed may have left the broker paused or stopped. */
static int broker_is_there(void **state)
{
    (void)state;
    (void)broker_do(&broker, "resume", ""); /* fails where it is not running */
    return broker_do(&broker, "start", "") ? 0 : -1;
}

int main(void)
{
    switch (broker_start(&broker)) {
    case BROKER_CANNOT:
        return 77;
    case BROKER_FAILED:
        return 1;
    case BROKER_STARTED:
        break;
    }
    struct stage stage = {.settings = {.backend = "kafka",
                                       .brokers = broker.address,
                                       .replication = 1,
                                       .buffer_bytes_max = 8 << 20}};
#define STORY(function)                                                                            \
    cmocka_unit_test_prestate_setup_teardown(function, broker_is_there, NULL, &stage)
    const struct CMUnitTest tests[] = {
        STORY(test_bad_settings),
        STORY(test_append_before_ready),
        STORY(test_producer_is_replaced),
        STORY(test_hurried_append),
        STORY(test_hang),
        STORY(test_a_full_log_beside),
        STORY(test_topic_timeout),
        STORY(test_restart_in_the_middle),
        STORY(test_down_at_start),
        STORY(test_lost_and_grown_again),
    };
#undef STORY
    int failed = log_stories_run("log on Kafka", &stage);

    if (getenv("STORY") != NULL) {
        cmocka_set_test_filter(getenv("STORY"));
    }
    failed += cmocka_run_group_tests_name("log on Kafka alone", tests, NULL, NULL);
    broker_wipe(&broker);
    return failed == 0 ? 0 : 1;
}
