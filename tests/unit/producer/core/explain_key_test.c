/* explain_key: which key, who holds it, when a rate lets it begin, how many wait before it. */
#include "producer/core/explain_key.h"

#include "tests/support/test.h"

enum { NOW_MS = 1000 };

static const struct execution_id first = {{1}}, second = {{2}}, third = {{3}};

static void says(uint32_t kind, const struct wire_key_state *key, const struct execution_id *who,
                 const char *expected)
{
    const struct wire_gate gates[] = {{.kind = KEY_CONCURRENCY, .state = 2, .text = span_of("o")},
                                      {kind, 1, span_of("k"), 7, false}};
    const struct wire_body body = {.gates = gates, .gate_count = 2};
    const struct explain_key_subject subject = {&body, who, key, NOW_MS};
    struct fault_text text = {.used = 0};

    assert_ptr_equal(explain_key_asked(&body), &gates[1]);
    assert_true(explain_key_say(&subject, &text));
    assert_string_equal(text.bytes, expected);
}

static void a_key_is_told_with_its_holders(void **state)
{
    const struct execution_id holders[] = {first, second};
    const struct execution_id waiting[] = {second, third};
    struct wire_key_state key = {.kind = KEY_CONCURRENCY,
                                 .limit = 1,
                                 .holders = holders,
                                 .holder_count = 1,
                                 .waiting = waiting,
                                 .waiting_count = 2};

    (void)state;
    says(KEY_CONCURRENCY, NULL, &third,
         "it waits for the concurrency key `k`: other executions hold it");
    says(KEY_CONCURRENCY, &key, &first, /* its ask is on its way */
         "it waits for the concurrency key `k`: other executions hold it");
    says(KEY_CONCURRENCY, &key, &second,
         "it waits for the concurrency key `k`: 1 may run at once, and the execution "
         "01000000-0000-0000-0000-000000000000 does");
    key.limit = key.holder_count = 2;
    says(KEY_CONCURRENCY, &key, &third,
         "it waits for the concurrency key `k`: 2 may run at once, and 2 do, the execution "
         "01000000-0000-0000-0000-000000000000 the longest; 1 wait before it");
    key.holder_count = 0;
    says(KEY_CONCURRENCY, &key, &second,
         "it waits for the concurrency key `k`: 2 may run at once, and others are about to");
    says(KEY_QUOTA, &key, &third,
         "it waits for the quota running_executions of its project: 7 may run at once, and others "
         "do; 1 wait before it");
}

/* Two in 10 s: one each 5 s once the first two have begun. */
static void a_rate_says_when(void **state)
{
    const struct execution_id waiting[] = {second, third};
    const struct wire_key_state key = {.kind = KEY_RATE,
                                       .limit = 2,
                                       .per_ns = 10 * EXO_SECOND,
                                       .full_ns = 11 * EXO_SECOND,
                                       .waiting = waiting,
                                       .waiting_count = 2};

    (void)state;
    says(KEY_RATE, NULL, &second, "it waits for the rate of `k`: as many as it allows have begun");
    says(KEY_RATE, &key, &second,
         "it waits for the rate of `k`: 2 may begin in 10s; it begins at "
         "1970-01-01T00:00:06.000Z, in 5s");
    says(KEY_RATE, &key, &third,
         "it waits for the rate of `k`: 2 may begin in 10s; it begins at "
         "1970-01-01T00:00:11.000Z, in 10s; 1 wait before it");
}

static void its_time_comes_first(void **state)
{
    const struct wire_gate gate = {KEY_RATE, 1, span_of("k"), 0, false};
    struct wire_body body = {.gates = &gate, .gate_count = 1, .start_at_ns = 3 * EXO_SECOND};
    struct explain_key_subject subject = {&body, &first, NULL, NOW_MS};
    struct fault_text text = {.used = 0};

    (void)state;
    assert_null(explain_key_asked(&body));
    assert_true(explain_key_say(&subject, &text));
    assert_string_equal(text.bytes, "it starts at 1970-01-01T00:00:03.000Z, in 2s");
    body = (struct wire_body){.gate_count = 0};
    text.used = 0;
    assert_false(explain_key_say(&subject, &text));
    subject.body = NULL;
    assert_false(explain_key_say(&subject, &text));
    assert_null(explain_key_asked(NULL));
    assert_int_equal(text.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_told_with_its_holders),
        cmocka_unit_test(a_rate_says_when),
        cmocka_unit_test(its_time_comes_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
