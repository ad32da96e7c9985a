/* rerun_body: what may be asked for, and what is wrong with the rest. */
#include "producer/core/rerun_body.h"

#include "schemas/json/json_read.h"
#include "schemas/vocab/states.h"
#include "tests/support/test.h"

#define CLUSTER                                                                                    \
    "{\"exosphere\":\"v1\",\"cluster\":{\"name\":\"p/c\",\"inputs\":{\"n\":{\"type\":\"int\","     \
    "\"default\":1}},\"satellites\":[{\"name\":\"a\",\"image\":\"oci:x\"},{\"name\":\"b\","        \
    "\"satellites\":[{\"name\":\"c\",\"image\":\"oci:x\"}]}]}}"

struct scene {
    struct heap_budget budget;
    struct arena arena;
    struct fault_list faults;
    struct wire_instance instances[2];
    struct wire_body body;
    struct rerun_old old;
    struct rerun_body got;
};

static int setup(void **state)
{
    static struct scene s;
    struct value *root;
    struct json_error error;

    s = (struct scene){.budget = {0}};
    arena_init(&s.arena, allocator_heap(&s.budget), 0);
    fault_list_init(&s.faults, &s.arena, 0);
    root = arena_alloc(&s.arena, sizeof(*root));
    assert_int_equal(json_read(span_of(CLUSTER), NULL, &s.arena, root, &error), JSON_OK);
    struct cluster_source source = {.root = root};

    assert_int_equal(cluster_parse(&source, &s.arena, &s.old.cluster, &s.faults), 0);
    s.instances[0].state = TASK_SUCCEEDED;
    s.instances[1].state = TASK_FAILED;
    s.body = (struct wire_body){.instances = s.instances, .instance_count = 2};
    s.old.body = &s.body;
    *state = &s;
    return 0;
}

static int teardown(void **state)
{
    struct scene *s = *state;

    arena_release(&s->arena);
    return 0;
}

static enum submit_result ask(struct scene *s, const char *text)
{
    fault_list_init(&s->faults, &s->arena, 0);
    return rerun_body_read(span_of(text), &s->old, &s->arena, &s->got, &s->faults);
}

static void test_good(void **state)
{
    struct scene *s = *state;

    assert_int_equal(ask(s, ""), SUBMIT_OK);
    assert_int_equal(s->got.from.bytes, 0);
    assert_int_equal(s->got.input.bytes, 0);
    assert_null(s->got.idempotency_key);
    assert_int_equal(s->got.start_at_ms, 0);
    assert_false(s->got.again[0]);
    assert_true(s->got.again[1]);
    assert_int_equal(ask(s, "{\"from\":\"failed\",\"input\":null}"), SUBMIT_OK);
    assert_int_equal(s->got.from.bytes, 0);
    assert_int_equal(ask(s, "{\"from\":\"a\",\"input\":{\"n\": 2},\"idempotency_key\":\"k\"}"),
                     SUBMIT_OK);
    assert_true(span_is(s->got.from, "a"));
    assert_true(span_is(s->got.input, "{\"n\":2}"));
    assert_string_equal(s->got.idempotency_key, "k");
    assert_true(s->got.again[0] && s->got.again[1]);
    assert_int_equal(ask(s, "{\"start_at\":\"2001-09-09T01:46:40Z\"}"), SUBMIT_OK);
    assert_int_equal(s->got.start_at_ms, INT64_C(1000000000000)); /* past: at once */
    assert_int_equal(ask(s, "{\"start_at\":null}"), SUBMIT_OK);
    assert_int_equal(s->got.start_at_ms, 0);
}

static void faulty(struct scene *s, const char *text, const char *path, const char *says)
{
    s->got.from = span_of("untouched");
    assert_int_equal(ask(s, text), SUBMIT_EFAULTS);
    assert_string_equal(s->faults.first->path, path);
    if (strstr(s->faults.first->text, says) == NULL) {
        fail_msg("%s", s->faults.first->text);
    }
    assert_true(span_is(s->got.from, "untouched"));
}

static void test_faults(void **state)
{
    struct scene *s = *state;

    faulty(s, "{\"from\":\"x\"}", "from", "no satellite `x`");
    faulty(s, "{\"from\":\"c\"}", "from", "no satellite `c`"); /* within a group */
    faulty(s, "{\"input\":{\"m\":2}}", "input.m", "");
    faulty(s, "{\"input\":{\"n\":\"two\"}}", "input.n", "");
    faulty(s, "{\"form\":\"a\"}", "form", "");
    faulty(s, "[]", "", "");
    faulty(s, "{\"start_at\":\"tomorrow\"}", "start_at", "from 1970 to 2199");
    faulty(s, "{\"start_at\":\"2200-01-01T00:00:00Z\"}", "start_at", "from 1970 to 2199");
    faulty(s, "{\"start_at\":1764352800}", "start_at", "from 1970 to 2199");
    faulty(s, "{\"start_ad\":null}", "start_ad", "");
    assert_int_equal(ask(s, "{\"from\":"), SUBMIT_EMALFORMED);
    s->instances[1].state = TASK_SUCCEEDED;
    s->old.is_good = true;
    faulty(s, "", "from", "nothing of the execution failed");
    /* It failed by its own output: all of it may be kept. */
    s->old.is_good = false;
    assert_int_equal(ask(s, ""), SUBMIT_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_good, setup, teardown),
        cmocka_unit_test_setup_teardown(test_faults, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
