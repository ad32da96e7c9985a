/* keyring: who is granted, who waits, who goes; and a ring that is loaded again goes on the same.
 */
#include "scheduler/core/keyring.h"

#include <stdio.h>

#include "tests/support/test.h"

struct bench {
    struct heap_budget budget;
    struct keyring *ring;
    exo_time now_ns;
    char said[512]; /* answers so far: +N granted, -N refused, xN cancelled */
};

static struct execution_id id_of(unsigned number)
{
    return (struct execution_id){.bytes = {(uint8_t)number}};
}

static void hear(struct bench *b)
{
    static const char marks[] = {[KEY_GRANTED] = '+', [KEY_REFUSED] = '-', [KEY_CANCELLED] = 'x'};
    uint32_t count;
    const struct wire_key_answer *answers = keyring_answers(b->ring, &count);

    for (uint32_t i = 0; i < count; i++) {
        size_t at = strlen(b->said);

        (void)snprintf(b->said + at, sizeof(b->said) - at, "%c%u ", marks[answers[i].verdict],
                       answers[i].execution.bytes[0]);
    }
    keyring_check(b->ring);
    keyring_sealed(b->ring);
    keyring_check(b->ring);
}

static void bench_open(struct bench *b)
{
    *b = (struct bench){.now_ns = EXO_SECOND};
    b->ring = keyring_new(allocator_heap(&b->budget));
    assert_non_null(b->ring);
}

static void bench_close(struct bench *b)
{
    keyring_free(b->ring);
    assert_int_equal(b->budget.used_bytes, 0);
}

static void ask(struct bench *b, unsigned number, enum wire_key_policy policy, uint32_t limit)
{
    struct wire_key_ask asked = {.key = {{1}},
                                 .execution = id_of(number),
                                 .kind = KEY_CONCURRENCY,
                                 .policy = policy,
                                 .limit = limit};

    assert_true(keyring_ask(b->ring, &asked, b->now_ns));
    hear(b);
}

static void release(struct bench *b, unsigned number)
{
    struct execution_id id = id_of(number);

    assert_true(keyring_release(b->ring, &(struct digest){{1}}, &id, b->now_ns));
    hear(b);
}

static void start(struct bench *b, unsigned number, enum wire_key_policy policy)
{
    struct wire_key_ask asked = {.key = {{2}},
                                 .execution = id_of(number),
                                 .kind = KEY_RATE,
                                 .policy = policy,
                                 .limit = 2,
                                 .per_ns = EXO_SECOND};

    assert_true(keyring_ask(b->ring, &asked, b->now_ns));
    hear(b);
}

static void they_wait_in_order(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    for (unsigned i = 1; i <= 5; i++) {
        ask(&b, i, KEY_QUEUE, 2);
    }
    ask(&b, 4, KEY_QUEUE, 2); /* it waits already */
    assert_string_equal(b.said, "+1 +2 ");
    release(&b, 2);
    release(&b, 4); /* it waited: nobody takes its place */
    release(&b, 2); /* late */
    release(&b, 1);
    assert_string_equal(b.said, "+1 +2 +3 +5 ");
    ask(&b, 3, KEY_QUEUE, 2); /* it had not heard */
    assert_string_equal(b.said, "+1 +2 +3 +5 +3 ");
    release(&b, 3);
    release(&b, 5);
    ask(&b, 6, KEY_QUEUE, 1);
    assert_string_equal(b.said, "+1 +2 +3 +5 +3 +6 ");
    bench_close(&b);
}

static void policies(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    ask(&b, 1, KEY_REJECT, 1);
    ask(&b, 2, KEY_REJECT, 1);
    assert_string_equal(b.said, "+1 -2 ");
    ask(&b, 3, KEY_REPLACE, 1);
    ask(&b, 4, KEY_REPLACE, 1);
    assert_string_equal(b.said, "+1 -2 x3 ");
    ask(&b, 5, KEY_CANCEL_OLDEST, 1); /* one waits already: there is no second to cancel */
    assert_string_equal(b.said, "+1 -2 x3 ");
    release(&b, 1);
    assert_string_equal(b.said, "+1 -2 x3 +4 ");
    release(&b, 4);
    ask(&b, 6, KEY_CANCEL_OLDEST, 1);
    assert_string_equal(b.said, "+1 -2 x3 +4 +5 x5 ");
    release(&b, 5);
    assert_string_equal(b.said, "+1 -2 x3 +4 +5 x5 +6 ");
    bench_close(&b);
}

static void a_limit_that_grows_lets_more_go(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    ask(&b, 1, KEY_QUEUE, 1);
    ask(&b, 2, KEY_QUEUE, 1);
    ask(&b, 3, KEY_QUEUE, 3);
    assert_string_equal(b.said, "+1 +2 +3 ");
    bench_close(&b);
}

static void a_rate_bursts_then_paces(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    for (unsigned i = 1; i <= 4; i++) {
        start(&b, i, KEY_QUEUE);
    }
    start(&b, 5, KEY_REJECT);
    assert_string_equal(b.said, "+1 +2 -5 ");
    assert_int_equal(keyring_deadline(b.ring), b.now_ns + EXO_SECOND / 2);
    b.now_ns += EXO_SECOND / 2;
    assert_true(keyring_timer(b.ring, b.now_ns));
    hear(&b);
    assert_string_equal(b.said, "+1 +2 -5 +3 ");
    b.now_ns += EXO_SECOND / 2;
    assert_true(keyring_timer(b.ring, b.now_ns));
    hear(&b);
    assert_string_equal(b.said, "+1 +2 -5 +3 +4 ");
    assert_int_equal(keyring_deadline(b.ring), b.now_ns + EXO_SECOND);
    bench_close(&b);
}

static void time_passes(struct bench *b, exo_time ns)
{
    b->now_ns += ns;
    assert_true(keyring_timer(b->ring, b->now_ns));
}

/* A key for each customer must not be kept for ever. */
static void a_rate_goes_when_it_says_no_more_than_none(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b);
    size_t empty = b.budget.used_bytes;

    start(&b, 1, KEY_QUEUE);
    assert_true(b.budget.used_bytes > empty);
    time_passes(&b, EXO_SECOND / 2 - 1);
    assert_int_equal(keyring_change_count(b.ring), 0);
    time_passes(&b, 1);
    assert_int_equal(keyring_change_count(b.ring), 1);
    assert_true(keyring_change(b.ring, 0).is_gone);
    hear(&b);
    assert_int_equal(keyring_deadline(b.ring), EXO_TIME_NEVER);

    /* Asked for again in the very batch it was to go with: it stays. */
    start(&b, 2, KEY_QUEUE);
    time_passes(&b, EXO_SECOND);
    start(&b, 3, KEY_QUEUE);
    start(&b, 4, KEY_QUEUE);
    start(&b, 5, KEY_QUEUE);
    assert_string_equal(b.said, "+1 +2 +3 +4 ");
    time_passes(&b, EXO_SECOND / 2);
    hear(&b);
    assert_string_equal(b.said, "+1 +2 +3 +4 +5 ");
    time_passes(&b, 2 * EXO_SECOND);
    assert_true(keyring_change(b.ring, 0).is_gone);
    hear(&b);
    bench_close(&b);
}

/* One that was kept by a program before goes as well. */
static void a_loaded_rate_goes(void **state)
{
    const struct wire_key_state kept = {
        .kind = KEY_RATE, .limit = 2, .per_ns = EXO_SECOND, .full_ns = EXO_SECOND / 2};
    struct bench b;

    (void)state;
    bench_open(&b);
    assert_true(keyring_load(b.ring, &(struct digest){{2}}, &kept));
    keyring_check(b.ring);
    assert_int_equal(keyring_deadline(b.ring), EXO_SECOND / 2);
    time_passes(&b, 0);
    assert_int_equal(keyring_change_count(b.ring), 1);
    assert_true(keyring_change(b.ring, 0).is_gone);
    hear(&b);
    bench_close(&b);
}

static void too_many_do_not_wait(void **state)
{
    struct bench b;
    struct wire_key_ask asked = {
        .key = {{1}}, .kind = KEY_CONCURRENCY, .policy = KEY_QUEUE, .limit = 1};
    uint32_t count = 0;

    (void)state;
    bench_open(&b);
    for (uint32_t i = 0; i < 10002; i++) {
        memcpy(asked.execution.bytes, &i, sizeof(i));
        assert_true(keyring_ask(b.ring, &asked, b.now_ns));
    }
    (void)keyring_answers(b.ring, &count);
    assert_int_equal(count, 2); /* the first is granted, the last refused */
    bench_close(&b);
}

/* A life that is loaded again after every step says the same as one that lasts. */
static void a_loaded_ring_goes_on(void **state)
{
    struct bench b;
    struct arena arena;

    (void)state;
    bench_open(&b);
    arena_init(&arena, allocator_heap(&b.budget), 0);
    for (unsigned i = 1; i <= 12; i++) {
        struct wire_key_ask asked = {.key = {{1}},
                                     .execution = id_of(i),
                                     .kind = KEY_CONCURRENCY,
                                     .policy = KEY_QUEUE,
                                     .limit = 2};
        struct execution_id ended = id_of(i - 2);
        struct buffer body;
        struct wire_key_state kept;

        assert_true(keyring_ask(b.ring, &asked, b.now_ns));
        if (i > 4) {
            ended = id_of(i - 4);
            assert_true(keyring_release(b.ring, &(struct digest){{1}}, &ended, b.now_ns));
        }
        assert_int_equal(keyring_change_count(b.ring), 1);
        struct keyring_change change = keyring_change(b.ring, 0);

        buffer_init(&body, allocator_heap(&b.budget), 0);
        wire_key_state_pack(&change.state, &arena, &body);
        hear(&b);
        assert_int_equal(wire_key_state_unpack(buffer_span(&body), &arena, &kept), WIRE_OK);
        keyring_free(b.ring);
        b.ring = keyring_new(allocator_heap(&b.budget));
        assert_non_null(b.ring);
        assert_true(keyring_load(b.ring, &(struct digest){{1}}, &kept));
        keyring_check(b.ring);
        buffer_release(&body);
    }
    arena_release(&arena);
    assert_string_equal(b.said, "+1 +2 +3 +4 +5 +6 +7 +8 +9 +10 ");
    bench_close(&b);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_wait_in_order),
        cmocka_unit_test(policies),
        cmocka_unit_test(a_limit_that_grows_lets_more_go),
        cmocka_unit_test(a_rate_bursts_then_paces),
        cmocka_unit_test(a_rate_goes_when_it_says_no_more_than_none),
        cmocka_unit_test(a_loaded_rate_goes),
        cmocka_unit_test(too_many_do_not_wait),
        cmocka_unit_test(a_loaded_ring_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
