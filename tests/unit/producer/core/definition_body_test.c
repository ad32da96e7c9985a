/* definition_body: what may be put, and whose name it has. */
#include "producer/core/definition_body.h"

#include "schemas/json/json_read.h"
#include "tests/support/test.h"

struct scene {
    struct heap_budget budget;
    struct arena arena;
    struct fault_list faults;
    struct value root;
};

static struct scene *begin(const char *text)
{
    static struct scene scene;
    struct json_error error;

    scene = (struct scene){.budget = {0}};
    arena_init(&scene.arena, allocator_heap(&scene.budget), 0);
    fault_list_init(&scene.faults, &scene.arena, 0);
    if (json_read(span_of(text), NULL, &scene.arena, &scene.root, &error) != JSON_OK) {
        fail_msg("%s: %s", text, error.text);
    }
    return &scene;
}

static void end(struct scene *scene)
{
    arena_release(&scene->arena);
    assert_int_equal(scene->budget.used_bytes, 0);
}

static void members_are_read(void **state)
{
    struct scene *scene =
        begin("{\"exosphere\":\"v1\",\"cluster\":{},\"message\":\"m\",\"actor\":\"a\","
              "\"expected_version\":0}");
    struct definition_body body;

    (void)state;
    definition_body_read(VERSION_CLUSTER, &scene->root, &scene->arena, &body, &scene->faults);
    assert_int_equal(scene->faults.error_count, 0);
    assert_int_equal(body.definition->kind, VALUE_MAP);
    assert_true(span_is(body.message, "m"));
    assert_true(span_is(body.actor, "a"));
    assert_int_equal(body.expected, 0);
    end(scene);
    scene = begin("{\"satellite\":\"text\",\"expected_version\":null}");
    definition_body_read(VERSION_SATELLITE, &scene->root, &scene->arena, &body, &scene->faults);
    assert_int_equal(scene->faults.error_count, 0);
    assert_int_equal(body.expected, -1);
    assert_string_equal(body.message.data, "");
    end(scene);
}

static void every_fault_is_told(void **state)
{
    struct scene *scene = begin("{\"exosphere\":2,\"satellite\":{},\"cluster\":[],\"mesage\":1,"
                                "\"actor\":7,\"expected_version\":1.5}");
    struct definition_body body;

    (void)state;
    definition_body_read(VERSION_CLUSTER, &scene->root, &scene->arena, &body, &scene->faults);
    assert_int_equal(scene->faults.error_count, 6);
    assert_null(body.definition);
    end(scene);
}

static const char *canonical(struct scene *scene, enum version_kind kind, bool is_file)
{
    const struct definition_name name = {kind, "p", "n"};
    const struct value *inner =
        definition_inner(&name, &scene->root, is_file, &scene->arena, &scene->faults);

    if (inner == NULL) {
        return NULL;
    }
    return definition_check(&name, inner, &scene->arena, &scene->faults).data;
}

static void the_path_names_it(void **state)
{
    static const struct {
        enum version_kind kind;
        bool is_file;
        const char *text;
        const char *canonical; /* NULL: faults */
    } cases[] = {
        {VERSION_CLUSTER, false, "{\"satellites\":[{\"name\":\"a\",\"image\":\"i\"}]}",
         "{\"exosphere\":\"v1\",\"cluster\":{\"name\":\"p/n\",\"satellites\":[{\"name\":\"a\","
         "\"needs\":[],\"image\":\"i\"}]}}"},
        {VERSION_CLUSTER, true,
         "{\"exosphere\":\"v1\",\"cluster\":{\"name\":\"n\",\"satellites\":[{\"name\":\"a\","
         "\"image\":\"i\"}]}}",
         "{\"exosphere\":\"v1\",\"cluster\":{\"name\":\"p/n\",\"satellites\":[{\"name\":\"a\","
         "\"needs\":[],\"image\":\"i\"}]}}"},
        {VERSION_SATELLITE, false, "{\"image\":\"i\"}",
         "{\"exosphere\":\"v1\",\"satellite\":{\"name\":\"p/n\",\"image\":\"i\"}}"},
        {VERSION_SATELLITE, true, "{\"exosphere\":\"v1\",\"satellite\":{\"image\":\"i\"}}",
         "{\"exosphere\":\"v1\",\"satellite\":{\"name\":\"p/n\",\"image\":\"i\"}}"},
        {VERSION_SATELLITE, false, "{\"name\":\"p/other\",\"image\":\"i\"}", NULL},
        {VERSION_SATELLITE, false, "{\"name\":\"q/n\",\"image\":\"i\"}", NULL},
        {VERSION_CLUSTER, true, "{\"cluster\":{\"satellites\":[]}}", NULL},
        {VERSION_CLUSTER, true, "{\"exosphere\":\"v1\",\"satellite\":{\"image\":\"i\"}}", NULL},
        {VERSION_CLUSTER, true, "[]", NULL},
        {VERSION_SATELLITE, true, "{\"exosphere\":\"v1\",\"satellite\":\"a file\"}", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct scene *scene = begin(cases[i].text);
        const char *made = canonical(scene, cases[i].kind, cases[i].is_file);

        if (cases[i].canonical == NULL) {
            assert_null(made);
            assert_true(scene->faults.error_count > 0);
        } else {
            assert_non_null(made);
            assert_string_equal(made, cases[i].canonical);
            assert_int_equal(scene->faults.error_count, 0);
        }
        end(scene);
    }
}

static void a_form_is_checked_without_the_store(void **state)
{
    struct scene *scene =
        begin("{\"name\":\"p/n\",\"sla\":1,\"satellites\":[{\"name\":\"a\",\"uses\":"
              "\"satellite/t/s\"}]}");

    (void)state;
    definition_check_form("p", &scene->root, &scene->arena, &scene->faults);
    assert_int_equal(scene->faults.error_count, 1);
    assert_string_equal(scene->faults.first->path, "cluster.sla");
    end(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_read),
        cmocka_unit_test(every_fault_is_told),
        cmocka_unit_test(the_path_names_it),
        cmocka_unit_test(a_form_is_checked_without_the_store),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
