/* command_fit: every command meets every state. */
#include "producer/core/command_fit.h"

#include "schemas/json/json_read.h"
#include "tests/support/test.h"

static const char text[] =
    "{\"name\":\"p/c\",\"satellites\":[{\"name\":\"one\",\"image\":\"x\"},"
    "{\"name\":\"many\",\"image\":\"x\",\"for_each\":\"${{ [1,2] }}\"},"
    "{\"name\":\"group\",\"satellites\":[{\"name\":\"inner\",\"image\":\"x\"}]},"
    "{\"name\":\"ok\",\"wait\":{\"approval\":true}},"
    "{\"name\":\"go\",\"wait\":{\"signal\":\"start\"}},"
    "{\"name\":\"again\",\"wait\":{\"signal\":\"start\"}},"
    "{\"name\":\"tidy\",\"image\":\"x\",\"final\":true}]}";

struct scene {
    struct heap_budget budget;
    struct arena arena;
    const struct cluster *cluster;
    struct wire_instance instance;
    struct task_path path;
    struct command_facts facts;
    struct fault_text says;
};

static int setup(void **state)
{
    static struct scene scene;
    struct fault_list faults;
    struct json_error error;
    struct value *root;

    scene = (struct scene){.budget = {0}};
    arena_init(&scene.arena, allocator_heap(&scene.budget), 0);
    fault_list_init(&faults, &scene.arena, 0);
    root = arena_alloc(&scene.arena, sizeof(*root));
    assert_int_equal(json_read(span_of(text), NULL, &scene.arena, root, &error), JSON_OK);
    const struct cluster_source source = {.root = root, .is_inner = true};

    assert_int_equal(cluster_parse(&source, &scene.arena, &scene.cluster, &faults), 0);
    scene.instance.next_index = 1;
    scene.instance.cursor = 5;
    *state = &scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;

    arena_release(&scene->arena);
    return 0;
}

static enum command_fit of_execution(struct scene *s, enum wire_command_kind kind,
                                     enum execution_state state)
{
    s->facts = (struct command_facts){.kind = kind,
                                      .execution = state,
                                      .cluster = s->cluster,
                                      .priority = 5,
                                      .wanted_priority = 6,
                                      .signal = span_of("start")};
    return command_fit(&s->facts, &s->says);
}

static enum command_fit of_task(struct scene *s, enum wire_command_kind kind, const char *path,
                                enum task_state state)
{
    assert_true(task_path_parse(s->cluster, span_of(path), &s->path));
    s->facts = (struct command_facts){.kind = kind,
                                      .execution = EXECUTION_RUNNING,
                                      .cluster = s->cluster,
                                      .path = &s->path,
                                      .instance = &s->instance,
                                      .state = state};
    return command_fit(&s->facts, &s->says);
}

/* S sent, D it is so, C conflict; by state in the order of the enum. */
static void test_executions(void **state)
{
    static const struct {
        enum wire_command_kind kind;
        const char
            *fits; /* QUEUED RUNNING PAUSED CANCELLING SUCCEEDED FAILED CANCELLED TIMED_OUT */
    } rows[] = {
        {COMMAND_CANCEL, "SSSSCCDC"}, {COMMAND_PAUSE, "SSDCCCCC"},    {COMMAND_RESUME, "DDSCCCCC"},
        {COMMAND_SIGNAL, "SSSCCCCC"}, {COMMAND_PRIORITY, "SSSCCCCC"},
    };
    struct scene *s = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (int e = 0; e < EXECUTION_STATE_NR; e++) {
            enum command_fit fit = of_execution(s, rows[i].kind, (enum execution_state)e);

            if ("SDCU"[fit] != rows[i].fits[e]) {
                fail_msg("kind %d, %s: %c", rows[i].kind,
                         execution_state_name((enum execution_state)e), "SDCU"[fit]);
            }
            assert_true((fit == FIT_CONFLICT) == (s->says.used > 0));
        }
    }
}

static void test_tasks(void **state)
{
    static const struct {
        enum wire_command_kind kind;
        const char *path;
        /* WAITING READY DISPATCHED RUNNING BACKOFF SUCCEEDED FAILED UPSTREAM_FAILED SKIPPED
         * CANCELLED TIMED_OUT */
        const char *fits;
    } rows[] = {
        {COMMAND_CANCEL, "one", "SSSSSCCCCDC"},    {COMMAND_CANCEL, "many", "SSSSSCCCCDC"},
        {COMMAND_CANCEL, "many.0", "SSSSSCCCCDC"}, {COMMAND_CANCEL, "many.1", "SSSSSCCCCDC"},
        {COMMAND_CANCEL, "many.9", "CCCCCCCCCDC"}, {COMMAND_CANCEL, "group", "SSSSSCCCCDC"},
        {COMMAND_RETRY, "one", "CDDDSCCCCCC"},     {COMMAND_RETRY, "many.0", "CDDDSCCCCCC"},
        {COMMAND_RETRY, "many", "CCCCCCCCCCC"},    {COMMAND_SKIP, "one", "CSSSSCCCCCC"},
        {COMMAND_SKIP, "many.1", "CSSSSCCCCCC"},   {COMMAND_SKIP, "many.9", "CCCCCCCCCCC"},
        {COMMAND_SKIP, "many", "CCCCCCCCCCC"},     {COMMAND_SKIP, "group", "CSSSSCCCCCC"},
        {COMMAND_SKIP, "go", "CCCSCCCCCCC"},       {COMMAND_APPROVE, "ok", "CCCSCDCCCCC"},
        {COMMAND_REJECT, "ok", "CCCSCCDCCCC"},     {COMMAND_APPROVE, "go", "CCCCCCCCCCC"},
        {COMMAND_REJECT, "one", "CCCCCCCCCCC"},
    };
    struct scene *s = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (int k = 0; k < TASK_STATE_NR; k++) {
            enum command_fit fit = of_task(s, rows[i].kind, rows[i].path, (enum task_state)k);

            if ("SDCU"[fit] != rows[i].fits[k]) {
                fail_msg("kind %d, %s %s: %c", rows[i].kind, rows[i].path,
                         task_state_name((enum task_state)k), "SDCU"[fit]);
            }
            assert_true((fit == FIT_CONFLICT) == (s->says.used > 0));
        }
    }
}

static void test_details(void **state)
{
    struct scene *s = *state;

    (void)of_execution(s, COMMAND_PRIORITY, EXECUTION_RUNNING);
    s->facts.wanted_priority = 5;
    assert_int_equal(command_fit(&s->facts, &s->says), FIT_DONE);
    (void)of_execution(s, COMMAND_SIGNAL, EXECUTION_RUNNING);
    s->facts.signals_kept = 64;
    assert_int_equal(command_fit(&s->facts, &s->says), FIT_CONFLICT);
    s->facts.signal = span_of("stop");
    assert_int_equal(command_fit(&s->facts, &s->says), FIT_UNKNOWN);
    assert_string_equal(s->says.bytes,
                        "no satellite of the cluster waits for a signal `stop`; there is `start`");
    (void)of_task(s, COMMAND_SKIP, "one", TASK_SUCCEEDED);
    s->facts.is_same_output = true;
    assert_int_equal(command_fit(&s->facts, &s->says), FIT_DONE);
    (void)of_task(s, COMMAND_CANCEL, "one", TASK_RUNNING);
    s->facts.is_stopped = true;
    assert_int_equal(command_fit(&s->facts, &s->says), FIT_DONE);
    s->facts.kind = COMMAND_SKIP;
    assert_int_equal(command_fit(&s->facts, &s->says), FIT_CONFLICT);
    assert_non_null(strstr(s->says.bytes, "being ended"));
    (void)of_task(s, COMMAND_APPROVE, "ok", TASK_TIMED_OUT);
    assert_null(strstr(s->says.bytes, "decided already"));
    /* A task of a map is told by its own name: the map may still run. */
    (void)of_task(s, COMMAND_SKIP, "many.1", TASK_SUCCEEDED);
    assert_non_null(strstr(s->says.bytes, "`many.1` is SUCCEEDED"));
    (void)of_task(s, COMMAND_SKIP, "many", TASK_RUNNING);
    assert_non_null(strstr(s->says.bytes, "`many` is RUNNING"));
}

/* What is ended with its execution ends anyhow; what is final may hang, and must not do so for
 * ever. */
static void test_ending(void **state)
{
    static const struct {
        enum wire_command_kind kind;
        const char *path;
        enum task_state state;
        enum command_fit fit;
    } rows[] = {
        {COMMAND_CANCEL, "one", TASK_RUNNING, FIT_DONE},
        {COMMAND_SKIP, "one", TASK_RUNNING, FIT_CONFLICT},
        {COMMAND_RETRY, "one", TASK_BACKOFF, FIT_CONFLICT},
        {COMMAND_APPROVE, "ok", TASK_RUNNING, FIT_CONFLICT},
        {COMMAND_CANCEL, "tidy", TASK_WAITING, FIT_SEND},
        {COMMAND_CANCEL, "tidy", TASK_RUNNING, FIT_SEND},
        {COMMAND_SKIP, "tidy", TASK_RUNNING, FIT_SEND},
        {COMMAND_RETRY, "tidy", TASK_BACKOFF, FIT_SEND},
    };
    struct scene *s = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        (void)of_task(s, rows[i].kind, rows[i].path, rows[i].state);
        s->facts.execution = EXECUTION_CANCELLING;
        if (command_fit(&s->facts, &s->says) != rows[i].fit) {
            fail_msg("row %zu: %s", i, s->says.bytes);
        }
        s->facts.execution = EXECUTION_CANCELLED;
        assert_int_equal(command_fit(&s->facts, &s->says), FIT_CONFLICT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_executions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tasks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_details, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ending, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
