/* task_path: names of tasks both ways. */
#include "producer/core/task_path.h"

#include "schemas/json/json_read.h"
#include "tests/support/test.h"

static const char text[] =
    "{\"name\":\"p/"
    "c\",\"satellites\":[{\"name\":\"one\",\"image\":\"x\"},{\"name\":\"many\",\"image\":"
    "\"x\",\"for_each\":\"${{ [1,2] }}\"}]}";

static void test_format(void **state)
{
    char path[TASK_PATH_BYTES];
    char longest[200];

    (void)state;
    task_path_format(span_of("one"), false, 7, path);
    assert_string_equal(path, "one");
    task_path_format(span_of("many"), true, 0, path);
    assert_string_equal(path, "many.0");
    task_path_format(span_of("many"), true, UINT32_MAX, path);
    assert_string_equal(path, "many.4294967295");
    memset(longest, 'a', sizeof(longest));
    task_path_format((struct span){longest, sizeof(longest)}, true, UINT32_MAX, path);
    assert_true(strlen(path) < TASK_PATH_BYTES);
    assert_non_null(strstr(path, ".4294967295"));
}

static void test_number(void **state)
{
    uint32_t number = 7;

    (void)state;
    assert_true(task_number_parse(span_of("0"), &number) && number == 0);
    assert_true(task_number_parse(span_of("4294967295"), &number) && number == UINT32_MAX);
    assert_false(task_number_parse(span_of("4294967296"), &number));
    assert_false(task_number_parse(span_of("01"), &number));
    assert_false(task_number_parse(span_of(""), &number));
    assert_false(task_number_parse(span_of("-1"), &number));
    assert_false(task_number_parse(span_of("1 "), &number));
    assert_false(task_number_parse(span_of("12345678901"), &number));
    assert_int_equal(number, UINT32_MAX);
}

static void test_parse(void **state)
{
    struct heap_budget budget = {0};
    struct arena arena;
    struct fault_list faults;
    struct value root;
    struct json_error error;
    const struct cluster *cluster;
    const struct satellite *satellite;
    uint32_t index;

    (void)state;
    arena_init(&arena, allocator_heap(&budget), 0);
    fault_list_init(&faults, &arena, 0);
    assert_int_equal(json_read(span_of(text), NULL, &arena, &root, &error), JSON_OK);
    struct cluster_source source = {.root = &root, .is_inner = true};

    assert_int_equal(cluster_parse(&source, &arena, &cluster, &faults), 0);
    assert_true(task_path_parse(cluster, span_of("one"), &satellite, &index));
    assert_true(satellite->index == 0 && index == 0);
    assert_true(task_path_parse(cluster, span_of("many.17"), &satellite, &index));
    assert_true(satellite->index == 1 && index == 17);
    static const char *const bad[] = {"",      "none",   "one.0", "many",
                                      "many.", "many.x", ".1",    "many.1.2"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(task_path_parse(cluster, span_of(bad[i]), &satellite, &index));
    }
    assert_int_equal(index, 17);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_format), cmocka_unit_test(test_number),
                                       cmocka_unit_test(test_parse)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
