#include "scheduler/core/gather_results.h"

#include <stdio.h>

#include "schemas/wire/status.h"
#include "tests/support/test.h"

enum { COUNT_MAX = 4 };

struct bench {
    struct heap_budget budget;
    struct arena arena;
    struct gather_result results[COUNT_MAX];
    const char *wrong;
};

static void bench_read(struct bench *b, const char *text, uint32_t count)
{
    *b = (struct bench){.wrong = NULL};
    arena_init(&b->arena, allocator_heap(&b->budget), 0);
    assert_true(gather_results_read(span_of(text), count, &b->arena, b->results, &b->wrong));
}

static void bench_end(struct bench *b)
{
    arena_release(&b->arena);
    assert_int_equal(b->budget.used_bytes, 0);
}

static void each_task_gets_its_own(void **state)
{
    struct bench b;

    (void)state;
    bench_read(&b, "[{\"output\":{\"n\":1}},{\"error\":\"no\"},{\"output\":null}]", 3);
    assert_null(b.wrong);
    assert_int_equal(b.results[0].outcome, OUTCOME_SUCCEEDED);
    assert_true(span_is(b.results[0].output, "{\"n\":1}"));
    assert_int_equal(b.results[1].outcome, OUTCOME_FAILED);
    assert_true(span_is(b.results[1].error, "no"));
    assert_int_equal(b.results[2].outcome, OUTCOME_SUCCEEDED);
    assert_true(span_is(b.results[2].output, "null"));
    bench_end(&b);
}

static void what_is_wrong_with_one_concerns_one(void **state)
{
    static const char *const wrong[] = {"{}", "7", "{\"output\":1,\"error\":\"x\"}",
                                        "{\"error\":7}", "{\"error\":\"\"}"};

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char text[128];
        struct bench b;

        (void)snprintf(text, sizeof(text), "[%s,{\"output\":5}]", wrong[i]);
        bench_read(&b, text, 2);
        assert_null(b.wrong);
        assert_int_equal(b.results[0].outcome, OUTCOME_FAILED);
        assert_true(b.results[0].error.bytes > 13);
        assert_memory_equal(b.results[0].error.data, "BATCH_OUTPUT:", 13);
        assert_int_equal(b.results[1].outcome, OUTCOME_SUCCEEDED);
        bench_end(&b);
    }
}

static void another_list_is_none(void **state)
{
    static const char *const wrong[] = {"", "null", "{}", "[", "[]", "[{\"output\":1}]"};

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct bench b;

        bench_read(&b, wrong[i], 2);
        assert_non_null(b.wrong);
        bench_end(&b);
    }
}

static void what_is_large_fails_or_is_cut(void **state)
{
    static char text[(70 << 10) + 128];
    struct bench b;
    size_t at = (size_t)snprintf(text, sizeof(text), "[{\"output\":\"");

    (void)state;
    memset(text + at, 'x', 66 << 10);
    at += 66 << 10;
    at += (size_t)snprintf(text + at, sizeof(text) - at, "\"}]");
    bench_read(&b, text, 1);
    assert_null(b.wrong);
    assert_int_equal(b.results[0].outcome, OUTCOME_FAILED);
    bench_end(&b);
    at = (size_t)snprintf(text, sizeof(text), "[{\"error\":\"");
    memset(text + at, 'x', 5000);
    at += 5000;
    (void)snprintf(text + at, sizeof(text) - at, "\"}]");
    bench_read(&b, text, 1);
    assert_int_equal(b.results[0].error.bytes, 4096);
    bench_end(&b);
}

/* What is said of a batch's output is never said because memory was missing. */
static void without_memory_nothing_is_known(void **state)
{
    static const char text[] = "[{\"output\":{\"n\":1}},{\"output\":[1,2,3]}]";
    struct bench b = {.wrong = NULL};
    bool is_read = false;

    (void)state;
    for (size_t bytes = 1; !is_read; bytes += 8) {
        b.budget.limit_bytes = bytes;
        arena_init(&b.arena, allocator_heap(&b.budget), 0);
        is_read = gather_results_read(span_of(text), 2, &b.arena, b.results, &b.wrong);
        assert_true(bytes > 64 || !is_read);
        if (is_read) {
            assert_null(b.wrong);
            assert_int_equal(b.results[1].outcome, OUTCOME_SUCCEEDED);
        }
        bench_end(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_task_gets_its_own),
        cmocka_unit_test(what_is_wrong_with_one_concerns_one),
        cmocka_unit_test(another_list_is_none),
        cmocka_unit_test(what_is_large_fails_or_is_cut),
        cmocka_unit_test(without_memory_nothing_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
