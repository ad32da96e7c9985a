#include "scheduler/core/held_grant.h"

#include "tests/support/test.h"

enum { WINDOW = 4, IN_DOUBT_NR = 2, WAITING_NR = 3 };

static struct heap_budget budget;

struct bench {
    struct fleet *fleet;
    struct dispatch *dispatch;
};

/* The worker lends us all its tickets. */
static void beat(struct bench *bench, uint64_t incarnation)
{
    uint32_t tickets[WINDOW];
    uint64_t lends[WINDOW];
    struct span class = span_of("default");
    struct fleet_suspicion suspicion;
    struct wire_loan loan = {.worker = span_of("w"),
                             .incarnation = incarnation,
                             .process = span_of("us"),
                             .tickets = tickets,
                             .lends = lends,
                             .count = WINDOW};
    struct wire_heartbeat heartbeat = {.worker = span_of("w"),
                                       .incarnation = incarnation,
                                       .number = 1,
                                       .classes = &class,
                                       .class_count = 1,
                                       .window = WINDOW,
                                       .loans = &loan,
                                       .loan_count = 1};

    for (uint32_t i = 0; i < WINDOW; i++) {
        tickets[i] = i;
        lends[i] = 5;
    }
    assert_true(fleet_heartbeat(bench->fleet, &heartbeat, 0, &suspicion));
}

static void bench_open(struct bench *bench)
{
    struct fleet_limits limits = {0};

    bench->fleet = fleet_new(allocator_heap(&budget), span_of("us"), &limits);
    assert_non_null(bench->fleet);
    bench->dispatch = dispatch_new(allocator_heap(&budget), bench->fleet);
    assert_non_null(bench->dispatch);
    beat(bench, 7);
}

static void bench_close(struct bench *bench)
{
    dispatch_free(bench->dispatch);
    fleet_free(bench->fleet);
    assert_int_equal(budget.used_bytes, 0);
}

static void draw(struct bench *bench, struct dispatch_source *source, uint32_t ready,
                 struct dispatch_grant *grant)
{
    *source = (struct dispatch_source){
        .deadline_ns = EXO_TIME_NEVER,
        .needs = {.class = fleet_class(bench->fleet, span_of("default"))},
    };
    assert_true(dispatch_set(bench->dispatch, source, span_of("p"), ready));
    assert_true(dispatch_next(bench->dispatch, grant));
    assert_int_equal(grant->count, ready);
}

/* A grant is drawn with the tickets of another whose commit is in doubt, and waits. */
static void hold(struct bench *bench, struct dispatch_source *source,
                 struct dispatch_grant *in_doubt, struct held_grant *held)
{
    struct dispatch_source other;

    draw(bench, &other, IN_DOUBT_NR, in_doubt);
    for (uint32_t i = 0; i < in_doubt->count; i++) {
        fleet_ticket_restored(bench->fleet, span_of("w"), 7, in_doubt->tickets[i],
                              in_doubt->lends[i]);
    }
    draw(bench, source, WAITING_NR, &held->grant);
    held_grant_keep(held);
}

/* It had been committed: its attempt is loaded and its Task has left. */
static void load(struct bench *bench, const struct dispatch_grant *in_doubt)
{
    fleet_ticket_spent(bench->fleet, span_of("w"), 7, in_doubt->tickets[0], in_doubt->lends[0]);
}

static void test_nothing_happened_meanwhile(void **state)
{
    struct bench bench;
    struct dispatch_source source;
    struct dispatch_grant in_doubt;
    struct held_grant held;

    (void)state;
    bench_open(&bench);
    hold(&bench, &source, &in_doubt, &held);
    beat(&bench, 8); /* what it said of its worker stands */
    struct sched_grant grant = held_grant_spend(&held, bench.fleet, span_of("us"));

    assert_ptr_equal(grant.source, &source);
    assert_true(span_is(grant.worker, "w"));
    assert_int_equal(grant.incarnation, 7);
    assert_true(span_is(grant.process, "us"));
    assert_int_equal(grant.count, WAITING_NR);
    assert_memory_equal(grant.tickets, held.grant.tickets, WAITING_NR * sizeof(uint32_t));
    assert_int_equal(grant.lends[0], 5);
    bench_close(&bench);
}

static void test_loan_that_has_left_is_not_spent(void **state)
{
    struct bench bench;
    struct dispatch_source source;
    struct dispatch_grant in_doubt;
    struct held_grant held;

    (void)state;
    bench_open(&bench);
    hold(&bench, &source, &in_doubt, &held);
    uint32_t seen = 0;

    for (uint32_t i = 0; i < held.grant.count; i++) {
        seen += held.grant.tickets[i] == in_doubt.tickets[0];
    }
    assert_int_equal(seen, 1);
    load(&bench, &in_doubt);
    struct sched_grant grant = held_grant_spend(&held, bench.fleet, span_of("us"));

    assert_int_equal(grant.count, WAITING_NR - 1);
    for (uint32_t i = 0; i < grant.count; i++) {
        assert_int_not_equal(grant.tickets[i], in_doubt.tickets[0]);
        assert_int_equal(grant.lends[i], 5);
    }
    bench_close(&bench);
}

static void test_what_is_dropped_comes_back(void **state)
{
    struct bench bench;
    struct dispatch_source source;
    struct dispatch_grant in_doubt;
    struct held_grant held;

    (void)state;
    bench_open(&bench);
    hold(&bench, &source, &in_doubt, &held);
    assert_int_equal(fleet_available(bench.fleet, source.needs.class), WINDOW - WAITING_NR);
    load(&bench, &in_doubt);
    held_grant_restore(&held, bench.fleet);
    assert_int_equal(fleet_available(bench.fleet, source.needs.class), WINDOW - 1);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_happened_meanwhile),
        cmocka_unit_test(test_loan_that_has_left_is_not_spent),
        cmocka_unit_test(test_what_is_dropped_comes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
