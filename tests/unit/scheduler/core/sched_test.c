/* sched: every state of a task meets every event, and one execution's whole story as a trace. */
#include "scheduler/core/sched.h"

#include <stdio.h>

#include "schemas/vocab/limits.h"
#include "tests/support/test.h"
#include "tests/unit/scheduler/core/sched_bench.h"

/* p before t, which is looked at; `other` waits for a class nobody serves and keeps the execution
 * open. */
#define CLUSTER(retries)                                                                           \
    "exosphere: v1\n"                                                                              \
    "cluster:\n"                                                                                   \
    "  name: matrix\n"                                                                             \
    "  defaults: {image: \"oci:x\"}\n"                                                             \
    "  satellites:\n"                                                                              \
    "    - {name: p, command: [x]}\n"                                                              \
    "    - {name: t, command: [x], when: \"${{ input.go }}\", retries: {limit: " retries           \
    ", base: 1s, jitter: none}}\n"                                                                 \
    "    - {name: other, needs: [], command: [x], class: nobody}\n"

enum { P, T, OTHER };

enum event {
    EVENT_GRANT,
    EVENT_ACCEPTED,
    EVENT_REJECTED,
    EVENT_SUCCEEDED,
    EVENT_FAILED,
    EVENT_NEVER_AGAIN,
    EVENT_LATER,
    EVENT_TIMED_OUT,
    EVENT_ENDED_UNASKED,
    EVENT_HANDED_BACK,
    EVENT_SILENT,
    EVENT_REPLACED,
    EVENT_ABSENT,
    EVENT_LISTED,
    EVENT_LEFT,
    EVENT_CANCEL,
    EVENT_TIMER,
    EVENT_BARRIER,
    EVENT_NR,
};

static void finish_p(struct sched_bench *bench, enum wire_outcome outcome)
{
    assert_int_equal(bench_grant(bench), 1);
    assert_int_equal(bench_report(bench, P, 0, REPORT_FINISHED, outcome), SCHED_OK);
}

static void cancel(struct sched_bench *bench)
{
    struct sched_event event = {
        .kind = SCHED_COMMAND,
        .command = {.kind = COMMAND_CANCEL, .id = bench->id, .reason = span_of("why")}};

    (void)bench_step(bench, &event);
}

/* Brings the task to a state. */
static void drive(struct sched_bench *bench, enum task_state state)
{
    bool is_once = state == TASK_TIMED_OUT;

    bench_open(bench, is_once ? CLUSTER("0") : CLUSTER("2"));
    bench_submit(bench, state == TASK_SKIPPED ? "{\"go\":false}" : "{\"go\":true}");
    if (state == TASK_WAITING) {
        return;
    }
    finish_p(bench, state == TASK_UPSTREAM_FAILED ? OUTCOME_NEVER_AGAIN : OUTCOME_SUCCEEDED);
    if (state == TASK_CANCELLED) {
        cancel(bench);
        return;
    }
    if (state == TASK_READY || state == TASK_SKIPPED || state == TASK_UPSTREAM_FAILED) {
        return;
    }
    assert_int_equal(bench_grant(bench), 1);
    if (state == TASK_DISPATCHED) {
        return;
    }
    assert_int_equal(bench_report(bench, T, 0, REPORT_ACCEPTED, OUTCOME_NONE), SCHED_OK);
    if (state == TASK_RUNNING) {
        return;
    }
    enum wire_outcome outcome = state == TASK_SUCCEEDED ? OUTCOME_SUCCEEDED
                                : state == TASK_FAILED  ? OUTCOME_NEVER_AGAIN
                                : state == TASK_BACKOFF ? OUTCOME_FAILED
                                                        : OUTCOME_TIMED_OUT;

    assert_int_equal(bench_report(bench, T, 0, REPORT_FINISHED, outcome), SCHED_OK);
}

static void silent(void *context, const struct fleet_suspicion *suspicion)
{
    (void)context;
    assert_int_equal(suspicion->kind, FLEET_SILENT);
}

static void witness(struct sched_bench *bench, enum fleet_suspicion_kind kind, bool lists)
{
    struct span class = span_of("default");
    int64_t position = 100;
    struct wire_running running = {{bench->id, T, 0}, 1};
    struct sched_event event = {.kind = SCHED_WITNESS,
                                .witness = {.kind = kind,
                                            .worker = span_of("w"),
                                            .incarnation = 7,
                                            .new_incarnation = 8,
                                            .heartbeat = 5,
                                            .classes = &class,
                                            .positions = &position,
                                            .class_count = 1,
                                            .running = &running,
                                            .running_count = lists ? 1 : 0}};
    struct task_id id = {bench->id, T, 0};

    for (int i = 0; kind == FLEET_SILENT && i < FLEET_SILENT_TICKS; i++) {
        fleet_tick(bench->fleet, 0, silent, NULL);
    }
    sched_task_sent(bench->sched, &id, 1, 50);
    (void)bench_step(bench, &event);
}

static void timer(struct sched_bench *bench, enum sched_event_kind kind)
{
    struct sched_event event = {.kind = kind};

    bench->now_ns += 10 * EXO_SECOND;
    if (kind == SCHED_BARRIER) {
        event.asked_ns = bench->now_ns;
    }
    (void)bench_step(bench, &event);
}

static void happen(struct sched_bench *bench, enum event event)
{
    static const enum wire_outcome outcomes[EVENT_NR] = {
        [EVENT_SUCCEEDED] = OUTCOME_SUCCEEDED,     [EVENT_FAILED] = OUTCOME_FAILED,
        [EVENT_NEVER_AGAIN] = OUTCOME_NEVER_AGAIN, [EVENT_LATER] = OUTCOME_LATER,
        [EVENT_TIMED_OUT] = OUTCOME_TIMED_OUT,     [EVENT_ENDED_UNASKED] = OUTCOME_CANCELLED,
        [EVENT_HANDED_BACK] = OUTCOME_LOST,
    };

    switch (event) {
    case EVENT_GRANT:
        (void)bench_grant(bench);
        break;
    case EVENT_ACCEPTED:
        (void)bench_report(bench, T, 0, REPORT_ACCEPTED, OUTCOME_NONE);
        break;
    case EVENT_REJECTED:
        (void)bench_report(bench, T, 0, REPORT_REJECTED, OUTCOME_NONE);
        break;
    case EVENT_SUCCEEDED:
    case EVENT_FAILED:
    case EVENT_NEVER_AGAIN:
    case EVENT_LATER:
    case EVENT_TIMED_OUT:
    case EVENT_ENDED_UNASKED:
    case EVENT_HANDED_BACK:
        (void)bench_report(bench, T, 0, REPORT_FINISHED, outcomes[event]);
        break;
    case EVENT_SILENT:
        witness(bench, FLEET_SILENT, false);
        break;
    case EVENT_REPLACED:
        witness(bench, FLEET_REPLACED, false);
        break;
    case EVENT_ABSENT:
        witness(bench, FLEET_ABSENT, false);
        break;
    case EVENT_LISTED:
        witness(bench, FLEET_ABSENT, true);
        break;
    case EVENT_LEFT:
        witness(bench, FLEET_LEFT, false);
        break;
    case EVENT_CANCEL:
        cancel(bench);
        break;
    case EVENT_TIMER:
        timer(bench, SCHED_TIMER);
        break;
    case EVENT_BARRIER:
        timer(bench, SCHED_BARRIER);
        break;
    case EVENT_NR:
        break;
    }
}

/* What a state becomes; 0 (WAITING) where it stays as it is. */
/* clang-format off */
static const enum task_state becomes[TASK_STATE_NR][EVENT_NR] = {
    [TASK_WAITING] = {[EVENT_CANCEL] = TASK_CANCELLED},
    [TASK_READY] = {[EVENT_GRANT] = TASK_DISPATCHED, [EVENT_CANCEL] = TASK_CANCELLED},
    [TASK_DISPATCHED] = {
        [EVENT_ACCEPTED] = TASK_RUNNING,    [EVENT_REJECTED] = TASK_READY,
        [EVENT_SUCCEEDED] = TASK_SUCCEEDED, [EVENT_FAILED] = TASK_BACKOFF,
        [EVENT_NEVER_AGAIN] = TASK_FAILED,  [EVENT_LATER] = TASK_BACKOFF,
        [EVENT_TIMED_OUT] = TASK_BACKOFF,   [EVENT_ENDED_UNASKED] = TASK_READY,
        [EVENT_HANDED_BACK] = TASK_READY,   [EVENT_SILENT] = TASK_READY,
        [EVENT_REPLACED] = TASK_READY,      [EVENT_ABSENT] = TASK_READY,
        [EVENT_LEFT] = TASK_READY,
    },
    [TASK_RUNNING] = {
        [EVENT_REJECTED] = TASK_READY,
        [EVENT_SUCCEEDED] = TASK_SUCCEEDED, [EVENT_FAILED] = TASK_BACKOFF,
        [EVENT_NEVER_AGAIN] = TASK_FAILED,  [EVENT_LATER] = TASK_BACKOFF,
        [EVENT_TIMED_OUT] = TASK_BACKOFF,   [EVENT_ENDED_UNASKED] = TASK_READY,
        [EVENT_HANDED_BACK] = TASK_READY,   [EVENT_SILENT] = TASK_READY,
        [EVENT_REPLACED] = TASK_READY,      [EVENT_ABSENT] = TASK_READY,
        [EVENT_LEFT] = TASK_READY,
    },
    [TASK_BACKOFF] = {[EVENT_CANCEL] = TASK_CANCELLED, [EVENT_TIMER] = TASK_READY},
};
/* clang-format on */

static void test_every_state_meets_every_event(void **state)
{
    (void)state;
    for (enum task_state from = TASK_WAITING; from < TASK_STATE_NR; from++) {
        for (enum event event = EVENT_GRANT; event < EVENT_NR; event++) {
            struct sched_bench bench;
            enum task_state to = becomes[from][event];

            drive(&bench, from);
            assert_int_equal(bench_state(&bench, T), from);
            if (from != TASK_CANCELLED) {
                sched_sealed(bench.sched); /* what was granted has left */
            }
            happen(&bench, event);
            to = to == TASK_WAITING ? from : to;
            if (bench_state(&bench, T) != to) {
                fail_msg("%s and event %d give %s, not %s", task_state_name(from), (int)event,
                         task_state_name(bench_state(&bench, T)), task_state_name(to));
            }
            bench_close(&bench);
        }
    }
}

/* A repeated, late or foreign report changes nothing. */
static void test_reports_of_other_attempts_are_stale(void **state)
{
    struct sched_bench bench;

    (void)state;
    drive(&bench, TASK_RUNNING);
    assert_int_equal(bench_report(&bench, T, 0, REPORT_ACCEPTED, OUTCOME_NONE), SCHED_ESTALE);
    assert_int_equal(bench_report(&bench, T, 0, REPORT_FINISHED, OUTCOME_FAILED), SCHED_OK);
    assert_int_equal(bench_report(&bench, T, 0, REPORT_FINISHED, OUTCOME_SUCCEEDED), SCHED_ESTALE);
    assert_int_equal(bench_report(&bench, P, 0, REPORT_FINISHED, OUTCOME_FAILED), SCHED_ESTALE);
    assert_int_equal(bench_report(&bench, 9, 0, REPORT_FINISHED, OUTCOME_FAILED), SCHED_ESTALE);
    assert_int_equal(bench_report(&bench, T, 5, REPORT_FINISHED, OUTCOME_FAILED), SCHED_ESTALE);
    bench_close(&bench);
}

/* A worker that has spoken again since its silence was told loses nothing. */
static void test_silence_that_is_over_loses_nothing(void **state)
{
    struct sched_bench bench;
    struct sched_event event = {
        .kind = SCHED_WITNESS,
        .witness = {.kind = FLEET_SILENT, .worker = span_of("w"), .incarnation = 7}};

    (void)state;
    drive(&bench, TASK_RUNNING);
    assert_int_equal(bench_step(&bench, &event), SCHED_ESTALE);
    assert_int_equal(bench_state(&bench, T), TASK_RUNNING);
    bench_close(&bench);
}

/* What the worker said of its trouble is in the error of the task, and in the task that waits: not
 * at all the first time, then for seconds. */
static void test_the_last_loss_is_told(void **state)
{
    struct sched_bench bench;

    (void)state;
    drive(&bench, TASK_RUNNING);
    const struct instance *instance = execution_instance(sched_find(bench.sched, &bench.id), T);

    for (int i = 1; i <= LIMIT_LOSSES; i++) {
        const struct sched_event event = {
            .kind = SCHED_REPORT,
            .report = {.worker = span_of("w"),
                       .incarnation = 7,
                       .report = {.kind = REPORT_FINISHED,
                                  .task = {bench.id, T, 0},
                                  .attempt = instance->task.attempt,
                                  .outcome = OUTCOME_LOST,
                                  .error = span_of("SANDBOX: no room"),
                                  .heartbeat = 1}}};

        assert_int_equal(bench_step(&bench, &event), SCHED_OK);
        assert_int_equal(bench_state(&bench, T), i == 1             ? TASK_READY
                                                 : i < LIMIT_LOSSES ? TASK_BACKOFF
                                                                    : TASK_FAILED);
        if (i > 1) {
            bench.now_ns += EXO_SECOND - 1; /* the least wait */
            bench_timer(&bench);
            assert_int_equal(bench_grant(&bench), 0);
            bench.now_ns += EXO_MINUTE; /* above the most */
            bench_timer(&bench);
        }
        assert_int_equal(bench_grant(&bench), i < LIMIT_LOSSES);
    }
    assert_non_null(strstr(instance->error, "INFRASTRUCTURE: 10 attempts were lost"));
    assert_non_null(strstr(instance->error, "SANDBOX: no room"));
    bench_close(&bench);
}

/* One that is to end is not kept waiting for another try. */
static void test_a_second_loss_while_it_is_cancelled_ends_it(void **state)
{
    struct sched_bench bench;

    (void)state;
    drive(&bench, TASK_RUNNING);
    assert_int_equal(bench_report(&bench, T, 0, REPORT_FINISHED, OUTCOME_LOST), SCHED_OK);
    assert_int_equal(bench_grant(&bench), 1);
    sched_sealed(bench.sched);
    cancel(&bench);
    assert_int_equal(bench_report(&bench, T, 0, REPORT_FINISHED, OUTCOME_LOST), SCHED_OK);
    assert_int_equal(bench_state(&bench, T), TASK_CANCELLED);
    bench_close(&bench);
}

/* What was granted in the batch that is cancelled never leaves; what has left is killed. */
static void test_cancel_before_and_after_the_seal(void **state)
{
    struct sched_bench bench;

    (void)state;
    drive(&bench, TASK_DISPATCHED);
    cancel(&bench);
    assert_int_equal(bench_state(&bench, T), TASK_CANCELLED);
    assert_int_equal(sched_batch(bench.sched).kill_count, 0);
    bench_close(&bench);
    drive(&bench, TASK_DISPATCHED);
    sched_sealed(bench.sched);
    cancel(&bench);
    assert_int_equal(bench_state(&bench, T), TASK_DISPATCHED);
    assert_int_equal(sched_batch(bench.sched).kill_count, 1);
    assert_int_equal(bench_report(&bench, T, 0, REPORT_FINISHED, OUTCOME_CANCELLED), SCHED_OK);
    assert_int_equal(bench_state(&bench, T), TASK_CANCELLED);
    bench_close(&bench);
}

/* ---- the golden trace ---- */

struct trace {
    char text[8192];
    size_t used;
};

static void trace_batch(struct trace *trace, struct sched_bench *bench, const char *what)
{
    struct sched_batch batch = sched_batch(bench->sched);

    trace->used += (size_t)snprintf(trace->text + trace->used, sizeof(trace->text) - trace->used,
                                    "%lld %s:", (long long)(bench->now_ns / EXO_MILLISECOND), what);
    for (uint32_t i = 0; i < batch.change_count; i++) {
        const struct sched_change *c = &batch.changes[i];
        char task[80] = "execution";

        if (!c->is_execution && c->has_index) {
            (void)snprintf(task, sizeof(task), "%.*s.%u", SPAN_ARG(c->instance->satellite->name),
                           c->index);
        } else if (!c->is_execution) {
            (void)snprintf(task, sizeof(task), "%.*s", SPAN_ARG(c->instance->satellite->name));
        }
        trace->used += (size_t)snprintf(
            trace->text + trace->used, sizeof(trace->text) - trace->used, " %s=%s/%u", task,
            c->is_execution ? execution_state_name((enum execution_state)c->state)
                            : task_state_name((enum task_state)c->state),
            c->attempt);
    }
    trace->text[trace->used++] = '\n';
    assert_true(trace->used < sizeof(trace->text));
    sched_sealed(bench->sched);
    bench->now_ns += 100 * EXO_MILLISECOND;
}

static const char golden_cluster[] =
    "exosphere: v1\n"
    "cluster:\n"
    "  name: golden\n"
    "  defaults: {image: \"oci:x\"}\n"
    "  satellites:\n"
    "    - {name: list, command: [x]}\n"
    "    - {name: each, command: [x], for_each: \"${{ input.items }}\", max_parallel: 2, retries: "
    "{limit: 1, base: 1s, jitter: none}}\n"
    "    - {name: skip, command: [x], when: \"${{ size(satellites.each.output) > 9 }}\"}\n"
    "    - {name: last, command: [x], needs: [each, skip], join: all_done}\n"
    "  output: \"${{ satellites.last.output }}\"\n";

/* clang-format off */
static const char golden[] =
    "1000 submit: execution=QUEUED/0 list=READY/0\n"
    "1100 grant: list=DISPATCHED/1 execution=RUNNING/0\n"
    "1200 list accepted: list=RUNNING/1\n"
    "1300 list succeeded: list=SUCCEEDED/1 each=READY/0\n"
    "1400 grant: each=RUNNING/0 each.0=DISPATCHED/1 each.1=DISPATCHED/1\n"
    "1500 each.1 succeeded, each.0 failed: each.1=SUCCEEDED/1 each.0=BACKOFF/1\n"
    "1600 each.2 granted and succeeded: each.2=DISPATCHED/1 each.2=SUCCEEDED/1\n"
    "2700 timer, grant: each.0=READY/1 each.0=DISPATCHED/2\n"
    "2800 each.0 rejected, grant: each.0=READY/2 each.0=DISPATCHED/3\n"
    "2900 each.0 succeeded: each.0=SUCCEEDED/3 each=SUCCEEDED/0 skip=SKIPPED/0 last=READY/0\n"
    "3000 last granted and succeeded: last=DISPATCHED/1 last=SUCCEEDED/1 execution=SUCCEEDED/0\n";
/* clang-format on */

static void golden_run(struct trace *trace, struct sched_bench *bench)
{
    struct sched_event timer_event = {.kind = SCHED_TIMER};

    bench_submit(bench, "{\"items\":[1,2,3]}");
    trace_batch(trace, bench, "submit");
    (void)bench_grant(bench);
    trace_batch(trace, bench, "grant");
    (void)bench_report(bench, 0, 0, REPORT_ACCEPTED, OUTCOME_NONE);
    trace_batch(trace, bench, "list accepted");
    (void)bench_report(bench, 0, 0, REPORT_FINISHED, OUTCOME_SUCCEEDED);
    trace_batch(trace, bench, "list succeeded");
    (void)bench_grant(bench);
    trace_batch(trace, bench, "grant");
    (void)bench_report(bench, 1, 1, REPORT_FINISHED, OUTCOME_SUCCEEDED);
    (void)bench_report(bench, 1, 0, REPORT_FINISHED, OUTCOME_FAILED);
    trace_batch(trace, bench, "each.1 succeeded, each.0 failed");
    (void)bench_grant(bench);
    (void)bench_report(bench, 1, 2, REPORT_FINISHED, OUTCOME_SUCCEEDED);
    trace_batch(trace, bench, "each.2 granted and succeeded");
    bench->now_ns += EXO_SECOND;
    (void)bench_step(bench, &timer_event);
    (void)bench_grant(bench);
    trace_batch(trace, bench, "timer, grant");
    (void)bench_report(bench, 1, 0, REPORT_REJECTED, OUTCOME_NONE);
    (void)bench_grant(bench);
    trace_batch(trace, bench, "each.0 rejected, grant");
    (void)bench_report(bench, 1, 0, REPORT_FINISHED, OUTCOME_SUCCEEDED);
    trace_batch(trace, bench, "each.0 succeeded");
    (void)bench_grant(bench);
    (void)bench_report(bench, 3, 0, REPORT_FINISHED, OUTCOME_SUCCEEDED);
    trace_batch(trace, bench, "last granted and succeeded");
}

static void test_golden_trace(void **state)
{
    static struct trace trace;
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, golden_cluster);
    golden_run(&trace, &bench);
    assert_string_equal(trace.text, golden);
    assert_null(sched_find(bench.sched, &bench.id));
    assert_true(sched_is_known(bench.sched, &bench.id)); /* a tombstone */
    bench_close(&bench);
}

/* An execution of this time that ends as soon as it begins. */
static struct execution_id ended_at(struct sched_bench *bench, int64_t ms)
{
    const uint8_t random[10] = {1};

    bench->id = execution_id_from_time(ms, random);
    bench->now_ns = (24 * EXO_HOUR);
    bench_submit(bench, "{}");
    assert_int_equal(bench->ended, EXECUTION_SUCCEEDED);
    bench_seal(bench);
    return bench->id;
}

/* Of so many it remembers each; then those that are no younger than one that is gone are unsure,
 * except that one of a time to come does not put all in doubt. */
static void test_what_may_be_forgotten(void **state)
{
    enum { REMEMBERED = 4096 };
    const int64_t day_ms = (24 * EXO_HOUR) / EXO_MILLISECOND;
    const uint8_t random[10] = {2};
    const struct execution_id same_ms = execution_id_from_time(1000, random);
    const struct execution_id younger = execution_id_from_time(1001, random);
    struct sched_bench bench;

    (void)state;
    bench_open(&bench,
               BENCH_HEAD "  satellites: [{name: p, command: [x], when: \"${{ false }}\"}]\n");
    const struct execution_id first = ended_at(&bench, 1000);
    const struct execution_id ahead = ended_at(&bench, day_ms + EXO_HOUR / EXO_MILLISECOND + 1);

    for (int i = 2; i < REMEMBERED; i++) {
        (void)ended_at(&bench, 1000 + i);
    }
    assert_true(sched_is_known(bench.sched, &first));
    assert_false(sched_may_have_forgotten(bench.sched, &first));
    (void)ended_at(&bench, day_ms);
    assert_false(sched_is_known(bench.sched, &first));
    assert_true(sched_may_have_forgotten(bench.sched, &first));
    assert_true(sched_may_have_forgotten(bench.sched, &same_ms));
    assert_false(sched_may_have_forgotten(bench.sched, &younger));
    (void)ended_at(&bench, day_ms - 1);
    assert_false(sched_is_known(bench.sched, &ahead));
    assert_false(sched_may_have_forgotten(bench.sched, &younger));
    bench_close(&bench);
}

/* T fails at once: what its attempt says of its start is at_ms, what is kept of it returned. */
static int64_t started_ms(struct sched_bench *bench, bool is_told, int64_t at_ms)
{
    drive(bench, TASK_DISPATCHED); /* at one second */
    bench_seal(bench);
    bench->now_ns += EXO_SECOND;
    struct sched_event event = {.kind = SCHED_REPORT,
                                .report = {.worker = span_of("w"),
                                           .incarnation = 7,
                                           .report = {.kind = REPORT_STARTED,
                                                      .task = {bench->id, T, 0},
                                                      .attempt = 1,
                                                      .at_ms = at_ms,
                                                      .heartbeat = 1}}};
    struct wire_report *report = &event.report.report;
    int64_t told_ms = 0; /* while it runs */

    if (is_told) {
        assert_int_equal(bench_step(bench, &event), SCHED_OK);
        const struct execution *e = sched_find(bench->sched, &bench->id);

        told_ms = execution_task(execution_instance(e, T), 0)->lease->started_ms;
    }
    report->kind = REPORT_FINISHED;
    report->outcome = OUTCOME_FAILED;
    report->run_ms = 5;
    uint32_t before = bench->output_count;

    assert_int_equal(bench_step(bench, &event), SCHED_OK);
    bench_seal(bench);
    assert_int_equal(bench->output_count, before + 1);
    const struct wire_output *output = &bench->outputs[before].output;

    assert_int_equal(output->ended_ms, bench->now_ns / EXO_MILLISECOND);
    assert_true(!is_told || told_ms == output->started_ms);
    bench_close(bench);
    return output->started_ms;
}

/* Whoever submits and whoever runs have clocks of their own: no time comes before one that it
 * follows. */
static void test_clocks_of_others(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, CLUSTER("2"));
    bench.now_ns += 2 * EXO_SECOND;
    for (int ahead = -1; ahead <= 1; ahead++) {
        bench.id.bytes[9] = (uint8_t)(ahead + 1);
        struct sched_event event = {.kind = SCHED_SUBMIT,
                                    .submit = {.id = bench.id,
                                               .definition = &bench.definition,
                                               .input = span_of("{\"go\":true}"),
                                               .labels = span_of("{}"),
                                               .submitted_ns = bench.now_ns + ahead * EXO_SECOND}};

        assert_int_equal(bench_step(&bench, &event), SCHED_OK);
        assert_int_equal(bench_grant(&bench), 1);
        const struct execution *e = sched_find(bench.sched, &bench.id);

        assert_int_equal(e->started_ns, bench.now_ns);
        assert_int_equal(e->submitted_ns, ahead < 0 ? bench.now_ns - EXO_SECOND : bench.now_ns);
    }
    bench_close(&bench);
    assert_int_equal(started_ms(&bench, true, 1), 1000);
    assert_int_equal(started_ms(&bench, true, 1500), 1500);
    assert_int_equal(started_ms(&bench, true, 7000), 2000);
    assert_int_equal(started_ms(&bench, false, 1), 1000);
    assert_int_equal(started_ms(&bench, false, 1500), 1495); /* it ran for 5 ms */
    assert_int_equal(started_ms(&bench, false, 7000), 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_state_meets_every_event),
        cmocka_unit_test(test_reports_of_other_attempts_are_stale),
        cmocka_unit_test(test_silence_that_is_over_loses_nothing),
        cmocka_unit_test(test_the_last_loss_is_told),
        cmocka_unit_test(test_a_second_loss_while_it_is_cancelled_ends_it),
        cmocka_unit_test(test_cancel_before_and_after_the_seal),
        cmocka_unit_test(test_golden_trace),
        cmocka_unit_test(test_what_may_be_forgotten),
        cmocka_unit_test(test_clocks_of_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
