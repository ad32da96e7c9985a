/* gate: what an execution asks for before it begins, what it is told, and what it says of that. */
#include "scheduler/core/sched.h"

#include <stdio.h>

#include "tests/support/test.h"
#include "tests/unit/scheduler/core/sched_bench.h"

static enum sched_err key_answer(struct sched_bench *bench, enum wire_key_kind kind,
                                 enum wire_key_verdict verdict)
{
    struct sched_event event = {.kind = SCHED_ANSWER, .answer = {bench->id, kind, verdict}};

    return bench_step(bench, &event);
}

/* Nothing begins before its keys are granted: first the one of concurrency, then the rate. */
static void keys_are_asked_for_first(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, BENCH_HEAD "  concurrency: {key: \"k-${{ input.n }}\", limit: 3}\n"
                                  "  rate: {limit: 5, per: 1m}\n"
                                  "  satellites:\n"
                                  "    - {name: a, command: [x]}\n");
    bench_submit(&bench, "{\"n\":7}");
    struct sched_batch batch = sched_batch(bench.sched);

    assert_int_equal(batch.message_count, 1);
    assert_int_equal(batch.messages[0].kind, KEY_CONCURRENCY);
    assert_true(span_is(batch.messages[0].text, "k-7"));
    assert_int_equal(batch.messages[0].limit, 3);
    assert_int_equal(bench_grant(&bench), 0);
    bench_seal(&bench);
    assert_int_equal(key_answer(&bench, KEY_RATE, KEY_GRANTED), SCHED_ESTALE);
    assert_int_equal(key_answer(&bench, KEY_CONCURRENCY, KEY_GRANTED), SCHED_OK);
    batch = sched_batch(bench.sched);
    assert_int_equal(batch.message_count, 1);
    assert_int_equal(batch.messages[0].kind, KEY_RATE);
    assert_true(span_is(batch.messages[0].text, "story"));
    assert_int_equal(bench_grant(&bench), 0);
    bench_seal(&bench);
    assert_int_equal(key_answer(&bench, KEY_RATE, KEY_GRANTED), SCHED_OK);
    assert_int_equal(bench_grant(&bench), 1);
    bench_succeed(&bench, "a", "1");
    assert_int_equal(bench.ended, EXECUTION_SUCCEEDED);
    batch = sched_batch(bench.sched);
    assert_int_equal(batch.message_count, 1);
    assert_true(batch.messages[0].is_release);
    bench_close(&bench);
}

/* Who waits asks again, place by place of the table; who has its keys does not. */
static void keys_are_asked_for_again(void **state)
{
    struct sched_bench bench;
    enum sched_err result;

    (void)state;
    bench_open(&bench, BENCH_HEAD "  concurrency: {key: \"k\", limit: 3}\n"
                                  "  satellites:\n"
                                  "    - {name: a, command: [x]}\n");
    bench_submit(&bench, "{}");
    bench_seal(&bench);
    while ((result = sched_ask_again(bench.sched, 1)) == SCHED_EMORE) {
        assert_true(sched_batch(bench.sched).message_count <= 1);
    }
    assert_int_equal(result, SCHED_OK);
    struct sched_batch batch = sched_batch(bench.sched);

    assert_int_equal(batch.message_count, 1);
    assert_false(batch.messages[0].is_release);
    assert_true(span_is(batch.messages[0].text, "k"));
    assert_false(sched_is_empty(bench.sched));
    bench_seal(&bench);
    assert_int_equal(key_answer(&bench, KEY_CONCURRENCY, KEY_GRANTED), SCHED_OK);
    bench_seal(&bench);
    assert_int_equal(sched_ask_again(bench.sched, 1000), SCHED_OK);
    assert_int_equal(sched_batch(bench.sched).message_count, 0);
    bench_close(&bench);
}

static void submit_under_quota(struct sched_bench *bench, bool rejects)
{
    struct sched_event event = {.kind = SCHED_SUBMIT,
                                .submit = {.id = bench->id,
                                           .definition = &bench->definition,
                                           .input = span_of("{}"),
                                           .labels = span_of("{}"),
                                           .submitted_ns = bench->now_ns,
                                           .running_max = 2,
                                           .rejects = rejects}};

    assert_int_equal(bench_step(bench, &event), SCHED_OK);
}

/* The quota of a project is one more key, between the other two. */
static void a_quota_is_waited_for(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, BENCH_HEAD "  concurrency: {}\n"
                                  "  rate: {limit: 5, per: 1m}\n"
                                  "  satellites:\n"
                                  "    - {name: a, command: [x]}\n");
    submit_under_quota(&bench, false);
    bench_seal(&bench);
    assert_int_equal(key_answer(&bench, KEY_QUOTA, KEY_GRANTED), SCHED_ESTALE);
    assert_int_equal(key_answer(&bench, KEY_CONCURRENCY, KEY_GRANTED), SCHED_OK);
    struct sched_batch batch = sched_batch(bench.sched);

    assert_int_equal(batch.message_count, 1);
    assert_int_equal(batch.messages[0].kind, KEY_QUOTA);
    assert_int_equal(batch.messages[0].policy, KEY_QUEUE);
    assert_int_equal(batch.messages[0].limit, 2);
    assert_true(span_is(batch.messages[0].text, "running_executions"));
    bench_seal(&bench);
    assert_int_equal(bench_grant(&bench), 0);
    assert_int_equal(key_answer(&bench, KEY_QUOTA, KEY_GRANTED), SCHED_OK);
    batch = sched_batch(bench.sched);
    assert_int_equal(batch.messages[0].kind, KEY_RATE);
    bench_seal(&bench);
    assert_int_equal(key_answer(&bench, KEY_RATE, KEY_GRANTED), SCHED_OK);
    assert_int_equal(bench_grant(&bench), 1);
    bench_seal(&bench);
    bench_succeed(&bench, "a", "1");
    batch = sched_batch(bench.sched);
    assert_int_equal(batch.message_count, 2); /* both are given back, the rate is not */
    assert_true(batch.messages[0].is_release && batch.messages[1].is_release);
    bench_close(&bench);

    bench_open(&bench, BENCH_HEAD "  satellites:\n"
                                  "    - {name: a, command: [x]}\n");
    submit_under_quota(&bench, true);
    batch = sched_batch(bench.sched);
    assert_int_equal(batch.messages[0].policy, KEY_REJECT);
    bench_seal(&bench);
    assert_int_equal(key_answer(&bench, KEY_QUOTA, KEY_REFUSED), SCHED_OK);
    assert_int_equal(bench.ended, EXECUTION_FAILED);
    bench_close(&bench);
}

/* What is wrong with a key names it, and the key. */
static void a_key_that_fails_is_named(void **state)
{
    static const char one[] = "  satellites:\n"
                              "    - {name: a, command: [x]}\n";
    static const struct {
        const char *head;
        enum wire_key_kind kind; /* that is refused; 0: its expression fails */
        const char *error;
    } keys[] = {
        {"  concurrency: {key: \"${{ input.customer }}\"}\n", 0,
         "concurrency.key: no such key: customer"},
        {"  rate: {key: \"${{ input.customer }}\", limit: 2, per: 1m}\n", 0,
         "rate.key: no such key: customer"},
        {"  concurrency: {key: \"k-${{ input.n }}\", limit: 3, on_limit: reject}\n",
         KEY_CONCURRENCY,
         "CONCURRENCY: too many run under the key `k-7`: 3 may at once; try again later"},
        {"  rate: {key: x, limit: 2, per: 90s, on_limit: reject}\n", KEY_RATE,
         "RATE: too many have started under the key `x`: 2 may in 1m30s; try again later"},
        {"  concurrency: {key: k}\n", KEY_CONCURRENCY,
         "CONCURRENCY: too many wait for the key `k` (10000 may), or its ask was put aside as a "
         "dead "
         "letter; try again later"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct sched_bench bench;
        char text[512];

        (void)snprintf(text, sizeof(text), "%s%s%s", BENCH_HEAD, keys[i].head, one);
        bench_open(&bench, text);
        bench_submit(&bench, "{\"n\":7}");
        if (keys[i].kind != 0) {
            assert_int_equal(key_answer(&bench, keys[i].kind, KEY_REFUSED), SCHED_OK);
        }
        const struct execution *e = sched_find(bench.sched, &bench.id);

        assert_non_null(e);
        assert_string_equal(e->error, keys[i].error);
        bench_close(&bench);
    }
}

static void a_key_may_refuse_and_take_back(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, BENCH_HEAD "  concurrency: {}\n"
                                  "  satellites:\n"
                                  "    - {name: a, command: [x]}\n"
                                  "    - {name: end, final: true, command: [x]}\n");
    bench_submit(&bench, "{}");
    bench_seal(&bench);
    assert_int_equal(key_answer(&bench, KEY_CONCURRENCY, KEY_GRANTED), SCHED_OK);
    assert_int_equal(bench_grant(&bench), 1);
    bench_seal(&bench);
    assert_int_equal(key_answer(&bench, KEY_CONCURRENCY, KEY_REFUSED), SCHED_ESTALE);
    assert_int_equal(key_answer(&bench, KEY_CONCURRENCY, KEY_CANCELLED), SCHED_OK);
    assert_string_equal(sched_find(bench.sched, &bench.id)->error,
                        "another execution of its key `story` took its place");
    assert_int_equal(bench_finish(&bench, "a", OUTCOME_CANCELLED, ""), SCHED_OK);
    assert_int_equal(bench_grant(&bench), 1);
    bench_succeed(&bench, "end", "1");
    assert_int_equal(bench.ended, EXECUTION_CANCELLED);
    bench_close(&bench);
    bench_open(&bench, BENCH_HEAD "  concurrency: {on_limit: reject}\n"
                                  "  satellites:\n"
                                  "    - {name: a, command: [x]}\n");
    bench_submit(&bench, "{}");
    assert_int_equal(key_answer(&bench, KEY_CONCURRENCY, KEY_REFUSED), SCHED_OK);
    assert_int_equal(bench.ended, EXECUTION_FAILED);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_asked_for_first),
        cmocka_unit_test(keys_are_asked_for_again),
        cmocka_unit_test(a_quota_is_waited_for),
        cmocka_unit_test(a_key_that_fails_is_named),
        cmocka_unit_test(a_key_may_refuse_and_take_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
