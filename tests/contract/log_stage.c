#include "tests/contract/log_stage.h"

#include <stdio.h>
#include <stdlib.h>

void stage_open(struct stage *stage)
{
    struct exo_error err = {.text = ""};

    stage->loop = loop_new(&err);
    assert_non_null(stage->loop);
    stage->log = log_open(stage->loop, &stage->settings, &err);
    if (stage->log == NULL) {
        fail_msg("log_open: %s", err.text);
    }
}

void stage_close(struct stage *stage)
{
    log_close(stage->log);
    loop_free(stage->loop);
    stage->log = NULL;
    stage->loop = NULL;
}

void stage_wait(struct stage *stage, const bool *is_done, const char *what)
{
    if (!loop_run_until(stage->loop, is_done, STAGE_LIMIT)) {
        fail_msg("waited in vain for %s", what);
    }
}

struct answer {
    bool is_done;
    int64_t end;
    struct exo_error err;
};

static void on_done(void *argument, const struct exo_error *err)
{
    struct answer *answer = argument;

    answer->is_done = true;
    answer->err.code = EXO_OK;
    if (err != NULL) {
        answer->err = *err;
    }
}

enum exo_error_code stage_prepare(struct stage *stage, const struct log_topic *topics, size_t count,
                                  struct exo_error *ret_err)
{
    struct answer answer;

    do {
        answer.is_done = false;
        log_prepare(stage->log, topics, count, on_done, &answer);
        assert_false(answer.is_done); /* never inside the call */
        stage_wait(stage, &answer.is_done, "log_prepare");
    } while (answer.err.code == EXO_EUNAVAILABLE);
    if (ret_err != NULL) {
        *ret_err = answer.err;
    }
    return answer.err.code;
}

void stage_topic(struct stage *stage, const char *name, uint32_t partitions, bool is_volatile)
{
    struct exo_error err;

    /* The pid keeps runs apart that share a broker. */
    (void)snprintf(stage->topic, sizeof(stage->topic), "%s.%lld", name,
                   (long long)(clock_wall_ns() / 1000));
    const struct log_topic topic = {.name = stage->topic,
                                    .partitions = partitions,
                                    .retention_ms = is_volatile ? 3600000 : -1,
                                    .is_volatile = is_volatile};

    if (stage_prepare(stage, &topic, 1, &err) != EXO_OK) {
        fail_msg("log_prepare: %s", err.text);
    }
}

static void on_appended(void *argument, int64_t offset, const struct exo_error *err)
{
    struct receipts *receipts = argument;

    receipts->done++;
    if (err != NULL) {
        assert_int_equal(offset, -1);
        receipts->failed++;
        receipts->err = *err;
    } else {
        receipts->is_disordered |= offset <= receipts->last_offset;
        receipts->last_offset = offset;
    }
    receipts->is_done = receipts->done >= receipts->wanted;
}

void stage_append(struct stage *stage, uint32_t partition, uint64_t from, uint64_t count,
                  size_t bytes, struct receipts *receipts)
{
    unsigned char *value = calloc(1, bytes + sizeof(from));
    static const bool never = false;

    assert_non_null(value);
    for (uint64_t number = from; number < from + count; number++) {
        struct exo_error err = {.text = ""};

        memcpy(value, &number, sizeof(number));
        uint64_t before = receipts == NULL ? 0 : receipts->done;

        while (log_append(stage->log, stage->topic, partition,
                          (struct span){&number, sizeof(number)},
                          (struct span){value, bytes < sizeof(number) ? sizeof(number) : bytes}, 0,
                          receipts == NULL ? NULL : on_appended, receipts, &err) != 0) {
            assert_int_equal(err.code, EXO_ELIMIT);
            assert_true(err.is_retryable);
            (void)loop_run_until(stage->loop, &never, 5 * EXO_MILLISECOND);
            before = receipts == NULL ? 0 : receipts->done;
        }
        if (receipts != NULL) {
            assert_int_equal(receipts->done, before); /* never inside the call */
        }
    }
    free(value);
}

void stage_append_all(struct stage *stage, uint32_t partition, uint64_t from, uint64_t count,
                      size_t bytes)
{
    struct receipts receipts = {.wanted = count, .last_offset = -1};

    stage_append(stage, partition, from, count, bytes, &receipts);
    stage_wait(stage, &receipts.is_done, "acknowledgements");
    if (receipts.failed > 0) {
        fail_msg("append: %s", receipts.err.text);
    }
    assert_false(receipts.is_disordered);
}

static size_t on_records(void *argument, const struct log_record *records, size_t count)
{
    struct sink *sink = argument;
    size_t take = sink->take_max != 0 && sink->take_max < count ? sink->take_max : count;

    if (sink->stop_at != 0 && sink->taken + take > sink->stop_at) {
        take = sink->stop_at - sink->taken;
    }
    assert_true(count > 0);
    assert_false(sink->is_failed);
    sink->calls++;
    for (size_t i = 0; i < take; i++) {
        uint64_t number = 0;

        assert_true(records[i].value.bytes >= sizeof(number));
        memcpy(&number, records[i].value.data, sizeof(number));
        assert_true(records[i].offset > sink->last_offset);
        assert_true(span_equal(records[i].key, (struct span){&number, sizeof(number)}));
        sink->last_offset = records[i].offset;
        sink->last_timestamp_ns = records[i].timestamp_ns;
        if (sink->next != UINT64_MAX) {
            sink->wrong += number != sink->next;
            sink->next = number + 1;
        }
    }
    if (take > 0) {
        sink->last_checksum = log_record_checksum(&records[take - 1]);
    }
    sink->taken += take;
    sink->is_done = sink->taken >= sink->wanted;
    return take;
}

static void on_failed(void *argument, const struct exo_error *err)
{
    struct sink *sink = argument;

    assert_false(sink->is_failed); /* once */
    sink->is_failed = true;
    sink->is_done = true;
    sink->err = *err;
}

void stage_read(struct stage *stage, uint32_t partition, int64_t offset, uint32_t checksum,
                struct sink *sink)
{
    static const struct log_reader_callbacks callbacks = {on_records, on_failed};

    sink->last_offset = offset - 1;
    sink->reader =
        log_reader_open(stage->log, stage->topic, partition, offset, checksum, &callbacks, sink);
    assert_non_null(sink->reader);
    assert_int_equal(sink->taken, 0);
    assert_false(sink->is_failed);
}

static void on_end(void *argument, int64_t end, const struct exo_error *err)
{
    struct answer *answer = argument;

    answer->end = end;
    on_done(argument, err);
}

int64_t stage_end(struct stage *stage, uint32_t partition)
{
    struct answer answer = {.is_done = false};

    log_end(stage->log, stage->topic, partition, on_end, &answer);
    assert_false(answer.is_done);
    stage_wait(stage, &answer.is_done, "log_end");
    if (answer.err.code != EXO_OK) {
        fail_msg("log_end: %s", answer.err.text);
    }
    return answer.end;
}

int64_t stage_start(struct stage *stage, uint32_t partition)
{
    struct answer answer = {.is_done = false};

    log_start(stage->log, stage->topic, partition, on_end, &answer);
    assert_false(answer.is_done);
    stage_wait(stage, &answer.is_done, "log_start");
    if (answer.err.code != EXO_OK) {
        fail_msg("log_start: %s", answer.err.text);
    }
    return answer.end;
}

void stage_turns(struct stage *stage, exo_time time_ns)
{
    static const bool never = false;

    (void)loop_run_until(stage->loop, &never, time_ns);
}
