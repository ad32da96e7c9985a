/* explain_end: why a satellite did not run, for each join and each end of its parents. */
#include "producer/core/explain_end.h"

#include "schemas/json/json_read.h"
#include "tests/support/test.h"

static const char text[] =
    "{\"name\":\"p/c\",\"satellites\":[{\"name\":\"a\",\"image\":\"x\"},"
    "{\"name\":\"b\",\"image\":\"x\",\"needs\":[]},"
    "{\"name\":\"all\",\"image\":\"x\",\"needs\":[\"a\",\"b\"]},"
    "{\"name\":\"any\",\"image\":\"x\",\"needs\":[\"a\",\"b\"],\"join\":\"any_succeeded\"},"
    "{\"name\":\"two\",\"image\":\"x\",\"needs\":[\"a\",\"b\"],\"join\":{\"at_least\":2}},"
    "{\"name\":\"catch\",\"image\":\"x\",\"needs\":[\"a\",\"b\"],\"join\":\"any_failed\","
    "\"when\":false},"
    "{\"name\":\"done\",\"image\":\"x\",\"needs\":[\"a\",\"b\"],\"join\":\"all_done\","
    "\"when\":false},"
    "{\"name\":\"calm\",\"image\":\"x\",\"needs\":[],\"continue_on_error\":true},"
    "{\"name\":\"last\",\"image\":\"x\",\"needs\":[\"a\",\"calm\"]}]}";

enum { A, B, ALL, ANY, TWO, CATCH, DONE, CALM, LAST, SATELLITES };

struct scene {
    struct heap_budget budget;
    struct arena arena;
    const struct cluster *cluster;
    struct wire_instance instances[SATELLITES];
    struct fault_text says;
};

static int setup(void **state)
{
    static struct scene s;
    struct fault_list faults;
    struct json_error error;

    s = (struct scene){.budget = {0}};
    arena_init(&s.arena, allocator_heap(&s.budget), 0);
    fault_list_init(&faults, &s.arena, 0);
    struct value *root = arena_alloc(&s.arena, sizeof(*root));

    assert_int_equal(json_read(span_of(text), NULL, &s.arena, root, &error), JSON_OK);
    const struct cluster_source source = {.root = root, .is_inner = true};

    assert_int_equal(cluster_parse(&source, &s.arena, &s.cluster, &faults), 0);
    *state = &s;
    return 0;
}

static int teardown(void **state)
{
    struct scene *s = *state;

    arena_release(&s->arena);
    return 0;
}

static void says(struct scene *s, uint32_t satellite, enum task_state end, const char *words)
{
    const struct run_scope scope = {.instances = s->instances, .instance_count = SATELLITES};

    s->instances[satellite].state = end;
    s->says = (struct fault_text){.used = 0};
    explain_end_say_why(s->cluster, &scope, &s->cluster->satellites[satellite], &s->says);
    assert_string_equal(s->says.bytes, words);
}

static void test_say(void **state)
{
    struct scene *s = *state;

    explain_end_say(TASK_SUCCEEDED, (struct span){NULL, 0}, &s->says);
    assert_string_equal(s->says.bytes, "it has ended: SUCCEEDED");
    s->says = (struct fault_text){.used = 0};
    explain_end_say(TASK_TIMED_OUT, span_of("QUEUE_TIMEOUT: x"), &s->says);
    assert_string_equal(s->says.bytes, "it has ended: TIMED_OUT (`QUEUE_TIMEOUT: x`)");
}

static void test_failed_above(void **state)
{
    struct scene *s = *state;

    s->instances[A].state = TASK_FAILED;
    s->instances[B].state = TASK_CANCELLED;
    says(s, ALL, TASK_UPSTREAM_FAILED, ": it comes after a (FAILED), b (CANCELLED)");
    s->instances[B].state = TASK_SKIPPED;
    says(s, ALL, TASK_UPSTREAM_FAILED, ": it comes after a (FAILED)");
    s->instances[CALM].state = TASK_FAILED; /* counts as a success */
    says(s, LAST, TASK_UPSTREAM_FAILED, ": it comes after a (FAILED)");
    says(s, ALL, TASK_SUCCEEDED, "");
    says(s, ALL, TASK_CANCELLED, "");
}

static void test_skipped(void **state)
{
    struct scene *s = *state;

    s->instances[A].state = TASK_SKIPPED;
    s->instances[B].state = TASK_SUCCEEDED;
    says(s, ALL, TASK_SKIPPED, ": it comes after a (SKIPPED)");
    says(s, TWO, TASK_SKIPPED, ": of those it comes after 1 succeeded, and its `join` asks for 2");
    says(s, CATCH, TASK_SKIPPED, ": nothing that it comes after failed");
    says(s, DONE, TASK_SKIPPED, ": its `when` was false");
    s->instances[B].is_pruned = true;
    says(s, ALL, TASK_SKIPPED, ": it comes after a (SKIPPED), b (which asked to prune)");
    says(s, ANY, TASK_SKIPPED, ": of those it comes after 0 succeeded, and its `join` asks for 1");
    s->instances[A].state = TASK_FAILED;
    says(s, CATCH, TASK_SKIPPED, ": its `when` was false");
    s->instances[ALL].stop = TASK_SKIPPED;
    says(s, ALL, TASK_SKIPPED, ": a satellite beside it asked to skip the rest");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_say, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failed_above, setup, teardown),
        cmocka_unit_test_setup_teardown(test_skipped, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
