/* witness: the loss of a worker that holds more than one step may change, and who holds what. */
#include "tests/support/test.h"
#include "tests/unit/scheduler/core/sched_bench.h"

#define CLUSTER                                                                                    \
    "exosphere: v1\n"                                                                              \
    "cluster:\n"                                                                                   \
    "  name: story\n"                                                                              \
    "  defaults: {image: \"oci:x\"}\n"                                                             \
    "  satellites:\n"                                                                              \
    "    - {name: many, for_each: \"${{ [1, 2, 3, 4, 5, 6, 7] }}\", command: [x]}\n"

enum { MANY = 7, STEP_TASKS = 2 };

static void test_a_loss_goes_on_step_by_step(void **state)
{
    struct sched_bench bench;
    struct sched_event event = {
        .kind = SCHED_WITNESS,
        .witness = {.kind = FLEET_LEFT, .worker = span_of("w"), .incarnation = 7}};
    enum sched_err result = SCHED_EMORE;
    uint32_t steps = 0;

    (void)state;
    bench_open_small(&bench, CLUSTER, STEP_TASKS);
    bench_submit(&bench, "{}");
    while (sched_has_work(bench.sched)) {
        bench_timer(&bench);
    }
    assert_int_equal(bench_grant(&bench), MANY);
    const struct instance *many = execution_instance(sched_find(bench.sched, &bench.id), 0);

    for (; result == SCHED_EMORE; steps++) {
        uint32_t before = sched_batch(bench.sched).change_count;

        result = bench_step(&bench, &event);
        assert_true(sched_batch(bench.sched).change_count - before <= STEP_TASKS);
        bench_seal(&bench);
    }
    assert_int_equal(result, SCHED_OK);
    assert_int_equal(steps, (MANY + STEP_TASKS - 1) / STEP_TASKS);
    assert_int_equal(many->counts[TASK_READY], MANY);
    bench_close(&bench);
}

/* One is given its result by hand, the others are lost with their worker. */
static void grants_end(struct sched_bench *bench)
{
    const struct sched_command skip = {
        .kind = COMMAND_SKIP, .task = span_of("many.0"), .value = span_of("1")};
    const struct sched_event event = {
        .kind = SCHED_WITNESS,
        .witness = {.kind = FLEET_LEFT, .worker = span_of("w"), .incarnation = 7}};

    assert_int_equal(bench_command(bench, &skip), SCHED_OK);
    assert_int_equal(bench_step(bench, &event), SCHED_OK);
}

static uint32_t granted_many(struct sched_bench *bench)
{
    bench_open(bench, CLUSTER);
    bench_submit(bench, "{}");
    while (sched_has_work(bench->sched)) {
        bench_timer(bench);
    }
    uint32_t idle = fleet_available(bench->fleet, 0);

    assert_int_equal(bench_grant(bench), MANY);
    return idle;
}

/* Whoever holds tickets that nothing was sent on has them back, and no others. */
static void test_tickets_of_grants_that_ended_come_back(void **state)
{
    for (uint64_t committed = 0; committed <= 2; committed++) {
        struct sched_bench bench;
        uint32_t idle = granted_many(&bench);

        (void)state;
        bench_seal(&bench);
        grants_end(&bench);
        assert_int_equal(fleet_available(bench.fleet, 0), idle - MANY);
        if (committed == 2) {
            bench_seal(&bench); /* which says that the first was committed */
        }
        sched_void(bench.sched, committed);
        assert_int_equal(fleet_available(bench.fleet, 0), committed == 0 ? idle : idle - MANY);
        bench_close(&bench);
    }
    struct sched_bench bench;
    uint32_t idle = granted_many(&bench);

    grants_end(&bench); /* in the batch that granted them */
    assert_int_equal(fleet_available(bench.fleet, 0), idle);
    bench_close(&bench);
}

#define ONE BENCH_HEAD "  satellites: [{name: a, command: [x], retries: {limit: 3}}]\n"

static enum sched_err report_of(struct sched_bench *bench, const char *worker,
                                enum wire_report_kind kind, enum wire_outcome outcome)
{
    const struct sched_event event = {.kind = SCHED_REPORT,
                                      .report = {.worker = span_of(worker),
                                                 .incarnation = 7,
                                                 .report = {.kind = kind,
                                                            .task = {bench->id, 0, 0},
                                                            .attempt = 1,
                                                            .outcome = outcome,
                                                            .output = span_of("1"),
                                                            .heartbeat = 900}}};

    return bench_step(bench, &event);
}

/* What v runs under this number was granted to it in a time that never was (ADR 0023). */
static void test_only_the_holder_speaks_of_an_attempt(void **state)
{
    struct sched_bench bench;
    struct wire_running running = {.attempt = 1};
    struct sched_event beat = {
        .kind = SCHED_WITNESS,
        .witness = {.kind = FLEET_ABSENT, .incarnation = 7, .heartbeat = 901, .running_count = 1}};

    (void)state;
    bench_open(&bench, ONE);
    bench_submit(&bench, "{}");
    assert_int_equal(bench_grant(&bench), 1);
    bench_seal(&bench);
    assert_int_equal(report_of(&bench, "v", REPORT_ACCEPTED, OUTCOME_NONE), SCHED_ESTALE);
    assert_int_equal(report_of(&bench, "v", REPORT_REJECTED, OUTCOME_NONE), SCHED_ESTALE);
    assert_int_equal(report_of(&bench, "v", REPORT_FINISHED, OUTCOME_SUCCEEDED), SCHED_ESTALE);
    assert_int_equal(bench_state(&bench, 0), TASK_DISPATCHED);

    running.task = (struct task_id){bench.id, 0, 0};
    beat.witness.running = &running;
    beat.witness.worker = span_of("w");
    assert_int_equal(bench_step(&bench, &beat), SCHED_OK);
    assert_int_equal(sched_batch(bench.sched).kill_count, 0);
    beat.witness.worker = span_of("v");
    assert_true(sched_is_concerned(bench.sched, &beat.witness));
    assert_int_equal(bench_step(&bench, &beat), SCHED_OK);
    assert_int_equal(sched_batch(bench.sched).kill_count, 1);

    assert_int_equal(report_of(&bench, "w", REPORT_FINISHED, OUTCOME_SUCCEEDED), SCHED_OK);
    bench_close(&bench);
}

#define TWO                                                                                        \
    BENCH_HEAD "  satellites:\n"                                                                   \
               "    - {name: p, command: [x]}\n"                                                   \
               "    - {name: q, needs: [], command: [x]}\n"                                        \
               "    - {name: g, needs: [p], satellites: [{name: a, command: [x]}]}\n"              \
               "    - {name: h, needs: [q], satellites: [{name: b, command: [x]}]}\n"

/* The task that is granted next, and the loan that is spent on it. */
static struct sched_dispatch granted(struct sched_bench *bench)
{
    assert_int_equal(bench_grant(bench), 1);
    struct sched_batch batch = sched_batch(bench->sched);

    return batch.dispatches[batch.dispatch_count - 1];
}

/* A time that is lost: p ends first, and what runs for g has the number that in the time that comes
 * after it, in which q ends first, what runs for h has. */
static void test_a_report_of_another_run_is_of_no_grant(void **state)
{
    static const enum wire_report_kind kinds[] = {REPORT_ACCEPTED, REPORT_PROGRESS, REPORT_REJECTED,
                                                  REPORT_FINISHED};
    struct sched_bench lost, bench;

    (void)state;
    bench_open(&lost, TWO);
    bench_submit(&lost, "{}");
    assert_int_equal(bench_grant(&lost), 2);
    bench_succeed(&lost, "p", "1");
    struct sched_dispatch then = granted(&lost);
    uint32_t number = instance_number(then.instance);

    bench_open(&bench, TWO);
    bench_submit(&bench, "{}");
    assert_int_equal(bench_grant(&bench), 2);
    fleet_ticket_spent(bench.fleet, span_of("w"), 7, then.ticket, then.lend); /* it lives on */
    bench_succeed(&bench, "q", "1");
    struct sched_dispatch now = granted(&bench);

    assert_int_equal(instance_number(now.instance), number);
    assert_string_equal(then.instance->satellite->name.data, "a");
    assert_string_equal(now.instance->satellite->name.data, "b");
    struct sched_event event = {.kind = SCHED_REPORT,
                                .report = {.worker = span_of("w"),
                                           .incarnation = 7,
                                           .report = {.task = {bench.id, number, 0},
                                                      .attempt = 1,
                                                      .ticket = then.ticket,
                                                      .lend = then.lend,
                                                      .outcome = OUTCOME_SUCCEEDED,
                                                      .output = span_of("\"of a\""),
                                                      .progress = span_of("{}")}}};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        event.report.report.kind = kinds[i];
        assert_int_equal(bench_step(&bench, &event), SCHED_ESTALE);
    }
    assert_int_equal(bench_task_state(&bench, "h.b"), TASK_DISPATCHED);
    event.report.report.ticket = now.ticket;
    event.report.report.lend = now.lend;
    event.report.incarnation = 6; /* another life numbers its loans for itself */
    assert_int_equal(bench_step(&bench, &event), SCHED_ESTALE);
    event.report.incarnation = 7;
    assert_int_equal(bench_step(&bench, &event), SCHED_OK);
    assert_int_equal(bench_task_state(&bench, "h"), TASK_SUCCEEDED);
    bench_close(&bench);
    bench_close(&lost);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_loss_goes_on_step_by_step),
        cmocka_unit_test(test_tickets_of_grants_that_ended_come_back),
        cmocka_unit_test(test_only_the_holder_speaks_of_an_attempt),
        cmocka_unit_test(test_a_report_of_another_run_is_of_no_grant),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
