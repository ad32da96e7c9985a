/* problem: the JSON of RFC 9457 with our list of faults. */
#include "infra/http/problem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct heap_budget budget;

static void assert_written(const struct problem *problem, const char *expected)
{
    struct buffer text;

    buffer_init(&text, allocator_heap(&budget), 0);
    problem_write(&text, problem);
    buffer_append(&text, (struct span){"", 1});
    assert_false(text.is_failed);
    assert_string_equal((const char *)text.data, expected);
    buffer_release(&text);
}

static void test_short_form(void **state)
{
    (void)state;
    struct problem problem = {.status = 404, .detail = "no execution \"a\""};

    assert_written(&problem, "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,"
                             "\"detail\":\"no execution \\\"a\\\"\"}\n");
}

static void test_lists_every_fault(void **state)
{
    (void)state;
    struct arena arena;
    struct fault_list faults;
    const struct fault first = {
        .line = 3, .column = 5, .path = "cluster.nam", .text = "unknown field", .hint = "name?"};
    const struct fault second = {.path = "input", .text = "missing", .hint = ""};
    const struct fault warning = {.is_warning = true, .path = "x", .text = "odd", .hint = ""};

    arena_init(&arena, allocator_heap(&budget), 0);
    fault_list_init(&faults, &arena, 3);
    fault_add(&faults, &first);
    fault_add(&faults, &warning);
    fault_add(&faults, &second);
    struct problem problem = {.status = 422,
                              .type = "urn:x",
                              .title = "Bad cluster",
                              .instance = "/v1/executions",
                              .faults = &faults};

    assert_written(&problem,
                   "{\"type\":\"urn:x\",\"title\":\"Bad cluster\",\"status\":422,"
                   "\"instance\":\"/v1/executions\",\"errors\":[{\"path\":\"cluster.nam\","
                   "\"line\":3,\"column\":5,\"detail\":\"unknown field\",\"hint\":\"name?\"},"
                   "{\"path\":\"input\",\"detail\":\"missing\"}],"
                   "\"warnings\":[{\"path\":\"x\",\"detail\":\"odd\"}]}\n");
    arena_release(&arena);
}

static void test_every_code_has_a_status(void **state)
{
    (void)state;
    for (int code = EXO_OK; code <= EXO_EINTERNAL; code++) {
        int status = problem_status((enum exo_error_code)code);

        assert_true(status >= 400 && status <= 599);
    }
    assert_int_equal(problem_status(EXO_ENOTFOUND), 404);
    assert_int_equal(problem_status(EXO_EINTERNAL), 500);
    assert_int_equal(problem_status(EXO_EUNAVAILABLE), 503);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_short_form),
        cmocka_unit_test(test_lists_every_fault),
        cmocka_unit_test(test_every_code_has_a_status),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
