/* explain: each reason in its words. */
#include "producer/core/explain.h"

#include "producer/core/cluster_book.h"
#include "tests/support/test.h"

static const char text[] =
    "{\"name\":\"p/c\",\"satellites\":["
    "{\"name\":\"one\",\"image\":\"x\"},"
    "{\"name\":\"many\",\"image\":\"x\",\"for_each\":\"${{ [1,2] }}\",\"max_parallel\":2},"
    "{\"name\":\"last\",\"image\":\"x\",\"needs\":[\"one\",\"many\"],\"class\":\"gpu\"}]}";

struct scene {
    struct heap_budget budget;
    struct arena arena;
    struct book book;
    struct fleet_view fleet;
    struct wire_instance instances[3];
    struct wire_body body;
    struct view_execution execution;
    struct wire_lease lease;
    uint32_t attempts[1];
    struct buffer out;
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
    s.body = (struct wire_body){.instances = s.instances, .instance_count = 3};
    s.execution = (struct view_execution){.state = "RUNNING", .body = &s.body};
    s.execution.cluster = book_get(&s.book, &wanted, &faults)->cluster;
    s.instances[1].is_map = true;
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
                               .is_draining = is_draining};

    fleet_view_heard(&s->fleet, &h, 0);
}

static void says(struct scene *s, const char *words)
{
    struct explain_facts facts = {
        .execution = &s->execution, .fleet = &s->fleet, .now_ms = 1000000};
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
            "failure; 8 tasks could start: max_parallel lets 2 run at once");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_fleet, setup, teardown),
        cmocka_unit_test_setup_teardown(test_attempts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_map, setup, teardown),
        cmocka_unit_test_setup_teardown(test_waiting, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ended, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
