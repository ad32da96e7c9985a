/* explain: each reason in its words. */
#include "producer/core/explain.h"

#include <stdio.h>

#include "producer/core/cluster_book.h"
#include "schemas/wire/key.h"
#include "tests/support/test.h"

static const char text[] =
    "{\"name\":\"p/c\",\"satellites\":["
    "{\"name\":\"one\",\"image\":\"x\"},"
    "{\"name\":\"many\",\"image\":\"x\",\"for_each\":\"${{ [1,2] }}\",\"max_parallel\":2},"
    "{\"name\":\"last\",\"image\":\"x\",\"needs\":[\"one\",\"many\"],\"class\":\"gpu\"},"
    "{\"name\":\"page\",\"needs\":[],\"for_each\":\"${{ [1] "
    "}}\",\"max_parallel\":1,\"satellites\":["
    "{\"name\":\"parse\",\"image\":\"x\"},"
    "{\"name\":\"ok\",\"wait\":{\"approval\":\"Good?\",\"timeout\":\"1h\"}}]},"
    "{\"name\":\"go\",\"needs\":[],\"wait\":{\"signal\":\"start\"}},"
    "{\"name\":\"rest\",\"needs\":[],\"wait\":{\"for\":\"10s\"}}]}";

struct scene {
    struct heap_budget budget;
    struct arena arena;
    struct book book;
    struct fleet_view fleet;
    struct wire_instance instances[6];
    struct wire_body body;
    struct view_execution execution;
    struct wire_run runs[EXPLAIN_RUNS_MAX];
    uint32_t run_count;
    bool has_more_runs;
    struct wire_lease lease;
    uint32_t attempts[1];
    struct buffer out;
    const char *trouble; /* of the worker; NULL: none */
};

static int setup(void **state)
{
    static struct scene s;
    struct fault_list faults;
    const struct book_text wanted = {.text = span_of(text)};

    s = (struct scene){.budget = {0}};
    arena_init(&s.arena, allocator_heap(&s.budget), 0);
    fault_list_init(&faults, &s.arena, 0);
    book_init(&s.book, allocator_heap(&s.budget), 4, 1 << 20);
    fleet_view_init(&s.fleet, allocator_heap(&s.budget));
    buffer_init(&s.out, allocator_heap(&s.budget), 0);
    s.body = (struct wire_body){.instances = s.instances, .instance_count = 6};
    s.execution = (struct view_execution){.state = "RUNNING", .body = &s.body};
    s.execution.cluster = book_get(&s.book, &wanted, &faults)->cluster;
    s.instances[1].is_map = true;
    s.instances[3].is_map = true;
    for (int i = 3; i < 6; i++) {
        s.instances[i].state = TASK_SUCCEEDED;
    }
    *state = &s;
    return 0;
}

static int teardown(void **state)
{
    struct scene *s = *state;

    buffer_release(&s->out);
    fleet_view_release(&s->fleet);
    book_release(&s->book);
    arena_release(&s->arena);
    return 0;
}

static void hear(struct scene *s, const char *class_name, uint64_t memory, bool is_draining)
{
    const struct span classes[] = {span_of(class_name)};
    struct wire_heartbeat h = {.worker = span_of("w"),
                               .incarnation = 1,
                               .number = ++s->lease.heartbeat,
                               .classes = classes,
                               .class_count = 1,
                               .slots = 4,
                               .cpu_millis = 4000,
                               .cpu_free_millis = 4000,
                               .memory_bytes = memory,
                               .memory_free_bytes = memory,
                               .is_draining = is_draining,
                               .trouble = span_of(s->trouble)};

    fleet_view_heard(&s->fleet, &h, 0);
}

static void says(struct scene *s, const char *words)
{
    struct explain_facts facts = {.execution = &s->execution,
                                  .runs = s->runs,
                                  .run_count = s->run_count,
                                  .has_more_runs = s->has_more_runs,
                                  .fleet = &s->fleet,
                                  .now_ms = 1000000};
    struct json_writer w = {.buffer = &s->out};

    buffer_reset(&s->out);
    explain_put(&w, &facts);
    buffer_append(&s->out, (struct span){"", 1});
    if (strstr((char *)s->out.data, words) == NULL) {
        fail_msg("no \"%s\" in %s", words, (char *)s->out.data);
    }
}

static void single(struct scene *s, enum task_state task)
{
    s->instances[0].state = task;
    memset(s->instances[0].counts, 0, sizeof(s->instances[0].counts));
    s->instances[0].counts[task] = 1;
    s->instances[0].task_count = 1;
    s->lease.worker = span_of("w");
    s->attempts[0] = 2;
    s->instances[0].task = (struct wire_columns){
        .leases = &s->lease, .lease_count = 1, .attempts = s->attempts, .attempt_count = 1};
}

static void test_fleet(void **state)
{
    struct scene *s = *state;

    single(s, TASK_READY);
    says(s, "no worker is heard of");
    hear(s, "gpu", 1 << 30, false);
    says(s, "no worker serves the class `default` (1 workers serve others)");
    hear(s, "default", 1 << 30, true);
    says(s, "all 1 workers of the class `default` are draining");
    hear(s, "default", 1 << 20, false);
    says(s, "it needs 256 MiB of memory and 500 thousandths of a cpu; the largest worker of the "
            "class `default` has 1 MiB and 4000");
    hear(s, "default", 1 << 30, false);
    says(s, "1 workers have room: it waits for a ticket");
    s->trouble = "no crun";
    hear(s, "default", 1 << 30, false);
    says(s, "1 workers could run it and take no task at present; `exosphere workers` says why");
}

static void test_attempts(void **state)
{
    struct scene *s = *state;

    single(s, TASK_DISPATCHED);
    says(s, "attempt 2 has been sent to the worker `w`");
    single(s, TASK_RUNNING);
    says(s, "one: attempt 2 runs on the worker `w`");
    single(s, TASK_BACKOFF);
    s->lease.due_ns = 1005000 * EXO_MILLISECOND;
    says(s, "the next one comes at 1970-01-01T00:16:45.000Z, in 5s");
}

static void test_map(void **state)
{
    struct scene *s = *state;

    single(s, TASK_SUCCEEDED);
    s->instances[1].state = TASK_RUNNING;
    s->instances[1].task_count = 10;
    s->instances[1].counts[TASK_RUNNING] = 1;
    s->instances[1].counts[TASK_BACKOFF] = 1;
    s->instances[1].counts[TASK_READY] = 8;
    says(s, "1 tasks run, 0 have been sent to a worker; 1 tasks wait for their next try after a "
            "failure; ask for one of them to see when it comes; 8 tasks could start: max_parallel "
            "lets 2 run at once");
    says(s, "it waits for many (RUNNING)");
}

static void test_waiting(void **state)
{
    struct scene *s = *state;

    single(s, TASK_RUNNING);
    says(s, "it waits for one (RUNNING), many (WAITING)");
    single(s, TASK_SUCCEEDED);
    s->instances[1].state = TASK_SUCCEEDED;
    says(s, "its parents have ended; it is looked at next");
    says(s, "the execution is RUNNING and no satellite has begun");
}

static void test_ended(void **state)
{
    struct scene *s = *state;

    s->execution.state = "FAILED";
    s->execution.ended_ns = 5;
    s->execution.error = span_of("one: EXIT");
    says(s, "the execution has ended: FAILED (`one: EXIT`)\",\"rerun_of\":null,\"kept\":[],"
            "\"satellites\":[]");
}

static void test_waits(void **state)
{
    struct scene *s = *state;

    single(s, TASK_SUCCEEDED);
    s->instances[4].state = TASK_RUNNING;
    says(s, "\"summary\":\"go: it waits for the signal `start`\"");
    s->instances[5].state = TASK_RUNNING;
    s->instances[5].ready_ns = 995 * EXO_SECOND;
    says(s, "it lets time pass until 1970-01-01T00:16:45.000Z, in 5s");
    s->instances[5].stop = TASK_CANCELLED;
    says(s, "it is being ended; it lets time");
}

static void test_paused(void **state)
{
    struct scene *s = *state;

    s->execution.state = "PAUSED";
    single(s, TASK_READY);
    says(s, "\"reason\":\"the execution is paused; nothing begins until it is resumed\"");
    says(s, "\"summary\":\"the execution is paused: what runs goes on");
    single(s, TASK_BACKOFF);
    s->lease.due_ns = 1005000 * EXO_MILLISECOND;
    says(s, "in 5s, but not before the paused execution is resumed");
}

static void test_runs(void **state)
{
    static struct wire_instance inside[EXPLAIN_RUNS_MAX][2];
    struct scene *s = *state;

    single(s, TASK_SUCCEEDED);
    s->instances[3].state = TASK_RUNNING;
    s->instances[3].task_count = 5;
    s->instances[3].counts[TASK_RUNNING] = 1;
    s->instances[3].counts[TASK_READY] = 4;
    says(s, "1 of its runs are under way, 4 have not begun: max_parallel lets 1 run at once");
    for (uint32_t i = 0; i < EXPLAIN_RUNS_MAX; i++) {
        s->runs[i] = (struct wire_run){.group = 3,
                                       .index = i,
                                       .number = 6 + 2 * i,
                                       .instances = inside[i],
                                       .instance_count = 2};
    }
    s->run_count = 3;
    inside[0][0].state = TASK_RUNNING; /* runs: not told */
    inside[1][0].state = TASK_SUCCEEDED;
    inside[1][1].state = TASK_RUNNING;
    inside[2][0].state = TASK_SUCCEEDED;
    inside[2][1].state = TASK_SUCCEEDED;
    says(s, "{\"satellite\":\"page.0.ok\",\"state\":\"WAITING\",\"reason\":\"it waits for parse "
            "(RUNNING)\",\"uses\":null},{\"satellite\":\"page.1.ok\",\"state\":\"RUNNING\","
            "\"reason\":\"it waits "
            "for a person to approve or reject it (`Good?`); it times out at "
            "1970-01-01T01:00:00.000Z, in 43m20s\",\"uses\":null}],\"is_cut\":false}");
    s->has_more_runs = true;
    says(s, "\"is_cut\":true}");
    s->has_more_runs = false;
    s->run_count = EXPLAIN_RUNS_MAX; /* 1 + 1 + 62 * 2 satellites */
    says(s, "page.50.parse");
    says(s, "\"is_cut\":true}");
}

static void says_of(struct scene *s, const char *path, uint32_t satellite,
                    const struct view_task *task, const char *words)
{
    const struct explain_facts facts = {
        .execution = &s->execution, .fleet = &s->fleet, .now_ms = 1000000};
    const struct explain_target target = {
        .path = span_of(path),
        .satellite = &s->execution.cluster->satellites[satellite],
        .instances = s->instances,
        .instance_count = 6,
        .task = task,
    };
    struct json_writer w = {.buffer = &s->out};

    buffer_reset(&s->out);
    explain_put_target(&w, &facts, &target);
    buffer_append(&s->out, (struct span){"", 1});
    if (strstr((char *)s->out.data, words) == NULL) {
        fail_msg("no \"%s\" in %s", words, (char *)s->out.data);
    }
}

/* What an execution waits for before anything of it begins, also where a satellite is asked for. */
static void test_keys(void **state)
{
    static const struct {
        struct wire_gate gate;
        const char *words;
    } rows[] = {
        {{.kind = KEY_CONCURRENCY, .state = GATE_ASKED, .text = {"k1", 2}},
         "it waits for the concurrency key `k1`: other executions hold it"},
        {{.kind = KEY_RATE, .state = GATE_ASKED, .text = {"k2", 2}},
         "it waits for the rate of `k2`: as many as it allows have begun"},
        {{.kind = KEY_QUOTA, .state = GATE_ASKED, .text = {"q", 1}, .limit = 7},
         "it waits for the quota running_executions of its project: 7 may run at once, and others "
         "do"},
    };
    struct scene *s = *state;
    char summary[256];

    s->execution.state = "QUEUED";
    s->body.gate_count = 1;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        s->body.gates = &rows[i].gate;
        (void)snprintf(summary, sizeof(summary), "\"summary\":\"%s\"", rows[i].words);
        says(s, summary);
        (void)snprintf(summary, sizeof(summary), "\"reason\":\"%s\"", rows[i].words);
        says(s, summary);
        says_of(s, "one", 0, NULL, rows[i].words);
    }
    s->body.gates = NULL;
    s->body.gate_count = 0;
    s->body.start_at_ns = 1005 * EXO_SECOND;
    says(s, "\"summary\":\"it starts at 1970-01-01T00:16:45.000Z, in 5s\"");
    says_of(s, "one", 0, NULL, "it starts at 1970-01-01T00:16:45.000Z, in 5s");
}

static void test_targets(void **state)
{
    struct scene *s = *state;
    struct view_task task = {.is_map = true, .index = 9, .state = TASK_READY, .attempt = 3};

    single(s, TASK_RUNNING);
    says_of(s, "one", 0, NULL, "\"summary\":\"`one`: attempt 2 runs on the worker `w`\"");
    says_of(s, "last", 2, NULL, "it waits for one (RUNNING), many (WAITING)");
    s->instances[3].error = span_of("EXIT");
    s->instances[3].state = TASK_FAILED;
    says_of(s, "page", 3, NULL, "it has ended: FAILED (`EXIT`)");
    s->instances[1].state = TASK_RUNNING;
    s->instances[1].next_index = 4;
    says_of(s, "many.9", 1, &task, "5 tasks of the map are before it; no worker is heard of");
    s->instances[1].counts[TASK_RUNNING] = 2;
    task.index = 4;
    says_of(s, "many.4", 1, &task, "\"reason\":\"max_parallel lets 2 run at once\"");
    task.lease = &s->lease;
    task.state = TASK_RUNNING;
    says_of(s, "many.4", 1, &task, "attempt 3 runs on the worker `w`");
    task.state = TASK_DISPATCHED;
    says_of(s, "many.4", 1, &task, "has been sent to the worker `w`, which has not accepted");
    task.state = TASK_BACKOFF;
    s->lease.due_ns = 1005000 * EXO_MILLISECOND;
    says_of(s, "many.4", 1, &task, "the next one comes at 1970-01-01T00:16:45.000Z, in 5s");
    task.state = TASK_SKIPPED;
    says_of(s, "many.4", 1, &task, "\"state\":\"SKIPPED\",\"reason\":\"it has ended: SKIPPED\"");
    task.state = TASK_FAILED;
    task.error = span_of("EXIT_STATUS: 3");
    says_of(s, "many.4", 1, &task, "it has ended: FAILED (`EXIT_STATUS: 3`)");
    task.state = TASK_RUNNING;
    task.lease = NULL;
    says_of(s, "page.4", 3, &task, "the run is under way");
}

/* What is stopped says so, and how long it may take: the whole, a satellite, one task. */
static void test_ending(void **state)
{
    struct scene *s = *state;
    struct view_task task = {.is_map = true, .state = TASK_RUNNING, .attempt = 1};

    single(s, TASK_RUNNING);
    s->execution.state = "CANCELLING";
    s->execution.error = span_of("enough");
    says(s,
         "\"summary\":\"the execution is being ended (`enough`); one: it is being ended: SIGKILL "
         "follows SIGTERM after its grace of 10s; attempt 2 runs on the worker `w`\"");
    s->execution.state = "RUNNING";
    s->instances[0].stop = TASK_SKIPPED;
    says(s, "one: what of it has not begun is skipped; attempt 2 runs");
    s->instances[1].state = TASK_RUNNING;
    task.lease = &s->lease;
    says_of(s, "many.0", 1, &task, "\"reason\":\"attempt 1 runs");
    s->lease.is_cancelled = true;
    says_of(s, "many.0", 1, &task,
            "it is being ended: SIGKILL follows SIGTERM after its grace of 10s; "
            "attempt 1 runs");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_ending, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fleet, setup, teardown),
        cmocka_unit_test_setup_teardown(test_attempts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_map, setup, teardown),
        cmocka_unit_test_setup_teardown(test_waiting, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ended, setup, teardown),
        cmocka_unit_test_setup_teardown(test_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_paused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_runs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_targets, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keys, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
