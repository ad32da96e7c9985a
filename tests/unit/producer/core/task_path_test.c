/* task_path: names of tasks both ways. */
#include "producer/core/task_path.h"

#include "schemas/json/json_read.h"
#include "tests/support/test.h"

static const char text[] =
    "{\"name\":\"p/"
    "c\",\"satellites\":[{\"name\":\"one\",\"image\":\"x\"},{\"name\":\"many\",\"image\":"
    "\"x\",\"for_each\":\"${{ [1,2] }}\"},"
    "{\"name\":\"page\",\"for_each\":\"${{ [1,2] }}\",\"satellites\":["
    "{\"name\":\"parse\",\"image\":\"x\"},"
    "{\"name\":\"inner\",\"satellites\":[{\"name\":\"cell\",\"image\":\"x\",\"as\":\"c\",\"for_"
    "each\":"
    "\"${{ [1] }}\"}]}]}]}";

static void test_format(void **state)
{
    char path[TASK_PATH_BYTES];
    char longest[2 * TASK_PATH_BYTES];

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

struct scene {
    struct heap_budget budget;
    struct arena arena;
    const struct cluster *cluster;
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
    struct cluster_source source = {.root = root, .is_inner = true};

    if (cluster_parse(&source, &scene.arena, &scene.cluster, &faults) != 0) {
        fail_msg("%s: %s", faults.first->path, faults.first->text);
    }
    *state = &scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;

    arena_release(&scene->arena);
    return 0;
}

static void test_parse(void **state)
{
    const struct scene *scene = *state;
    struct task_path path = {.index = 99};

    assert_true(task_path_parse(scene->cluster, span_of("one"), &path));
    assert_true(path.satellite->index == 0 && !path.has_index && path.index == 0);
    assert_true(path.run_count == 0 && task_path_is_task(&path));
    assert_true(task_path_parse(scene->cluster, span_of("many"), &path));
    assert_false(task_path_is_task(&path));
    assert_true(task_path_parse(scene->cluster, span_of("many.17"), &path));
    assert_true(path.satellite->index == 1 && path.has_index && path.index == 17);
    assert_true(task_path_is_task(&path) && span_is(path.of_satellite, "many"));
    static const char *const bad[] = {"",
                                      "none",
                                      "one.0",
                                      "one.",
                                      "many.",
                                      "many.x",
                                      ".1",
                                      "many.1.2",
                                      "page.parse",
                                      "page.1.none",
                                      "page.01",
                                      "inner",
                                      "page.1.",
                                      "parse",
                                      "page.1.one",
                                      "page..parse",
                                      "page.1.inner.0.cell"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (task_path_parse(scene->cluster, span_of(bad[i]), &path)) {
            fail_msg("%s was taken", bad[i]);
        }
    }
    assert_int_equal(path.index, 17);
}

static void test_parse_runs(void **state)
{
    const struct scene *scene = *state;
    struct task_path path;

    assert_true(task_path_parse(scene->cluster, span_of("page.3"), &path));
    assert_true(path.run_count == 0 && path.index == 3 && task_path_is_task(&path));
    assert_true(task_path_parse(scene->cluster, span_of("page.3.parse"), &path));
    assert_true(path.run_count == 1 && path.runs[0].index == 3);
    assert_true(span_is(path.runs[0].group->name, "page"));
    assert_true(span_is(path.satellite->name, "parse") && task_path_is_task(&path));
    assert_true(task_path_parse(scene->cluster, span_of("page.3.inner.cell.7"), &path));
    assert_true(path.run_count == 2 && path.runs[1].index == 0 && path.index == 7);
    assert_true(span_is(path.runs[1].group->name, "inner"));
    assert_true(span_is(path.of_satellite, "page.3.inner.cell"));
    assert_true(task_path_parse(scene->cluster, span_of("page.3.inner.cell"), &path));
    assert_false(task_path_is_task(&path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format), cmocka_unit_test(test_number),
        cmocka_unit_test_setup_teardown(test_parse, setup, teardown),
        cmocka_unit_test_setup_teardown(test_parse_runs, setup, teardown)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
