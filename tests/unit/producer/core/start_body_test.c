/* start_body: texts that are no JSON, inputs that are none or too large, and times at the bounds.
 */
#include "producer/core/start_body.h"

#include <stdio.h>
#include <stdlib.h>

#include "schemas/json/json_read.h"
#include "schemas/wire/job.h"
#include "tests/support/test.h"

#define CLUSTER                                                                                    \
    "{\"exosphere\":\"v1\",\"cluster\":{\"name\":\"p/c\",\"inputs\":{\"s\":{\"type\":\"string\"}," \
    "\"n\":{\"type\":\"int\",\"default\":1}},\"satellites\":[{\"name\":\"a\",\"image\":"           \
    "\"oci:x\"}]}}"

struct scene {
    struct heap_budget budget;
    struct arena arena;
    struct fault_list faults;
    struct field_reader r;
    const struct cluster *cluster;
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

    assert_int_equal(cluster_parse(&source, &s.arena, &s.cluster, &s.faults), 0);
    fault_list_init(&s.faults, &s.arena, 0);
    s.r = (struct field_reader){.arena = &s.arena, .faults = &s.faults, .nearest_left = 10};
    *state = &s;
    return 0;
}

static int teardown(void **state)
{
    struct scene *s = *state;

    arena_release(&s->arena);
    return 0;
}

static void faulty(struct scene *s, const char *path, const char *says)
{
    assert_int_equal(s->faults.error_count, 1);
    assert_string_equal(s->faults.first->path, path);
    if (strstr(s->faults.first->text, says) == NULL) {
        fail_msg("%s", s->faults.first->text);
    }
    fault_list_init(&s->faults, &s->arena, 0);
}

static void test_json(void **state)
{
    struct scene *s = *state;
    const struct value *root = start_body_json(&s->r, span_of("{\"a\":\n 1}"));

    assert_non_null(root);
    assert_int_equal(value_get(root, span_of("a"))->line, 2);
    assert_null(start_body_json(&s->r, span_of("{\"a\":\n x}")));
    assert_int_equal(s->faults.first->line, 2);
    faulty(s, "", "");
    assert_null(start_body_json(&s->r, (struct span){NULL, 0}));
    faulty(s, "", "");
}

static void test_input(void **state)
{
    static const struct value null = {.kind = VALUE_NULL};
    struct scene *s = *state;
    struct span input = span_of("untouched");
    char *text = malloc(70001);

    assert_non_null(text);
    start_body_input(&s->r, s->cluster, NULL, &input);
    start_body_input(&s->r, s->cluster, &null, &input);
    assert_true(span_is(input, "untouched"));
    start_body_input(&s->r, s->cluster, start_body_json(&s->r, span_of("{\"n\": 2}")), &input);
    assert_true(span_is(input, "{\"n\":2}"));
    start_body_input(&s->r, s->cluster, start_body_json(&s->r, span_of("{\"n\":\"x\"}")), &input);
    faulty(s, "input.n", "");
    (void)snprintf(text, 70001, "{\"s\":\"%066000d\"}", 0);
    start_body_input(&s->r, s->cluster, start_body_json(&s->r, span_of(text)), &input);
    faulty(s, "input", "more than the limit of 65536");
    assert_true(span_is(input, "{\"n\":2}"));
    free(text);
}

static int64_t at(struct scene *s, const struct value *given)
{
    int64_t ms = -7;

    start_body_time(&s->r, given, &ms);
    return ms;
}

static int64_t at_text(struct scene *s, const char *text)
{
    const struct value given = value_string(span_of(text));

    return at(s, &given);
}

static void test_time(void **state)
{
    static const struct value null = {.kind = VALUE_NULL};
    static const char *const wrong[] = {"",
                                        "tomorrow",
                                        "2026-13-01T00:00:00Z",
                                        "2026-11-28T18:00:00",
                                        "1970-01-01T00:00:00Z",
                                        "1969-12-31T23:59:59Z",
                                        "2200-01-01T00:00:00Z",
                                        "2199-12-31T23:59:59-00:01"};
    struct scene *s = *state;
    const struct value number = value_int(7);

    assert_int_equal(at(s, NULL), -7);
    assert_int_equal(at(s, &null), -7);
    assert_int_equal(at_text(s, "1970-01-01T00:00:00.001Z"), 1);
    assert_int_equal(at_text(s, "2001-09-09T03:46:40+02:00"), INT64_C(1000000000000)); /* past */
    assert_int_equal(at_text(s, "2199-12-31T23:59:59.999Z"), WIRE_JOB_START_MS_MAX);
    assert_int_equal(s->faults.error_count, 0);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(at_text(s, wrong[i]), -7);
        faulty(s, "start_at", "from 1970 to 2199");
    }
    assert_int_equal(at(s, &number), -7);
    faulty(s, "start_at", "from 1970 to 2199");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_json, setup, teardown),
        cmocka_unit_test_setup_teardown(test_input, setup, teardown),
        cmocka_unit_test_setup_teardown(test_time, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
