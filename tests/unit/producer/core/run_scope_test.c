/* run_scope: the rows of runs find their satellites and their paths. */
#include "producer/core/run_scope.h"

#include "schemas/json/json_read.h"
#include "tests/support/test.h"

static const char text[] =
    "{\"name\":\"p/c\",\"satellites\":[{\"name\":\"one\",\"image\":\"x\"},"
    "{\"name\":\"page\",\"for_each\":\"${{ [1,2] }}\",\"satellites\":["
    "{\"name\":\"parse\",\"image\":\"x\"},"
    "{\"name\":\"inner\",\"satellites\":[{\"name\":\"cell\",\"image\":\"x\"}]}]}]}";

static const struct wire_instance rows[4];

static void test_scopes(void **state)
{
    struct heap_budget budget = {0};
    struct arena arena;
    struct fault_list faults;
    struct value root;
    struct json_error error;
    const struct cluster *cluster;
    struct run_scope scopes[6];
    char path[TASK_PATH_BYTES];
    const struct wire_body body = {.instances = rows, .instance_count = 2};
    const struct wire_run runs[] = {
        {.group = 1, .index = 3, .number = 2, .instances = rows, .instance_count = 2},
        {.group = 1, .index = 5, .number = 4, .instances = rows, .instance_count = 2},
        {.group = 3, .index = 0, .number = 6, .instances = rows, .instance_count = 1},
        {.group = 0,
         .index = 0,
         .number = 7,
         .instances = rows,
         .instance_count = 1}, /* no group */
        {.group = 99, .index = 0, .number = 8, .instances = rows, .instance_count = 1},
    };

    (void)state;
    arena_init(&arena, allocator_heap(&budget), 0);
    fault_list_init(&faults, &arena, 0);
    assert_int_equal(json_read(span_of(text), NULL, &arena, &root, &error), JSON_OK);
    const struct cluster_source source = {.root = &root, .is_inner = true};

    assert_int_equal(cluster_parse(&source, &arena, &cluster, &faults), 0);
    assert_int_equal(run_scopes(cluster, &body, NULL, 0, scopes), 1);
    assert_int_equal(run_scopes(cluster, &body, runs, 5, scopes), 4);
    run_scope_path(&scopes[0], &cluster->satellites[0], path);
    assert_string_equal(path, "one");
    run_scope_path(&scopes[2], &cluster->satellites[scopes[2].first], path);
    assert_string_equal(path, "page.5.parse");
    assert_ptr_equal(scopes[3].around, &scopes[1]);
    run_scope_path(&scopes[3], &cluster->satellites[scopes[3].first], path);
    assert_string_equal(path, "page.3.inner.cell");
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_scopes)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
