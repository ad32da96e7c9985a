/* command_body: what each command's body may say. */
#include "producer/core/command_body.h"

#include "tests/support/test.h"

struct scene {
    struct heap_budget budget;
    struct arena arena;
    struct buffer value;
    struct fault_list faults;
    struct command_body body;
};

static int setup(void **state)
{
    static struct scene scene;

    scene = (struct scene){.budget = {0}};
    arena_init(&scene.arena, allocator_heap(&scene.budget), 0);
    buffer_init(&scene.value, allocator_heap(&scene.budget), 0);
    *state = &scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;

    buffer_release(&scene->value);
    arena_release(&scene->arena);
    return 0;
}

static enum command_body_result reads(struct scene *scene, enum wire_command_kind kind,
                                      const char *body)
{
    buffer_reset(&scene->value);
    fault_list_init(&scene->faults, &scene->arena, 0);
    const struct command_source source = {kind, span_of(body)};

    return command_body_read(&source, &scene->arena, &scene->value, &scene->body, &scene->faults);
}

static void test_texts(void **state)
{
    struct scene *scene = *state;

    assert_int_equal(reads(scene, COMMAND_CANCEL, "{\"reason\":\"enough\"}"), COMMAND_BODY_OK);
    assert_true(span_is(scene->body.reason, "enough") && scene->body.actor.bytes == 0);
    assert_int_equal(reads(scene, COMMAND_APPROVE, "{\"comment\":\"ok\",\"actor\":\"ada\"}"),
                     COMMAND_BODY_OK);
    assert_true(span_is(scene->body.reason, "ok") && span_is(scene->body.actor, "ada"));
    assert_int_equal(reads(scene, COMMAND_PAUSE, ""), COMMAND_BODY_OK);
    assert_int_equal(reads(scene, COMMAND_RETRY, "{}"), COMMAND_BODY_OK);
    assert_int_equal(scene->body.reason.bytes, 0);
}

static void test_values(void **state)
{
    struct scene *scene = *state;

    assert_int_equal(reads(scene, COMMAND_SIGNAL, " [1, {\"a\" : null}] "), COMMAND_BODY_OK);
    assert_true(span_is(scene->body.value, "[1,{\"a\":null}]"));
    assert_int_equal(reads(scene, COMMAND_SIGNAL, ""), COMMAND_BODY_OK);
    assert_true(span_is(scene->body.value, "null"));
    assert_int_equal(reads(scene, COMMAND_SKIP, "{\"output\":{\"n\":3},\"reason\":\"by hand\"}"),
                     COMMAND_BODY_OK);
    assert_true(span_is(scene->body.value, "{\"n\":3}") && span_is(scene->body.reason, "by hand"));
    assert_int_equal(reads(scene, COMMAND_SKIP, ""), COMMAND_BODY_OK);
    assert_int_equal(scene->body.value.bytes, 0);
    assert_int_equal(reads(scene, COMMAND_PRIORITY, "{\"priority\":9}"), COMMAND_BODY_OK);
    assert_int_equal(scene->body.priority, 9);
}

static void test_faults(void **state)
{
    static const struct {
        enum wire_command_kind kind;
        const char *body;
        enum command_body_result result;
        const char *says;
    } cases[] = {
        {COMMAND_CANCEL, "{", COMMAND_BODY_EMALFORMED, ""},
        {COMMAND_SIGNAL, "{\"a\":1,\"a\":2}", COMMAND_BODY_EMALFORMED, ""},
        {COMMAND_CANCEL, "[]", COMMAND_BODY_EINVALID, "JSON object"},
        /* What it says to write is taken. */
        {COMMAND_CANCEL, "[]", COMMAND_BODY_EINVALID, "{\"reason\": "},
        {COMMAND_REJECT, "1", COMMAND_BODY_EINVALID, "{\"comment\": "},
        {COMMAND_PRIORITY, "[]", COMMAND_BODY_EINVALID, "{\"priority\": 7}"},
        {COMMAND_CANCEL, "{\"why\":1}", COMMAND_BODY_EINVALID, "may hold reason"},
        {COMMAND_CANCEL, "{\"reason\":1}", COMMAND_BODY_EINVALID, "at most 500 bytes"},
        {COMMAND_REJECT, "{\"reason\":\"x\"}", COMMAND_BODY_EINVALID, "may hold comment, actor"},
        {COMMAND_APPROVE, "{\"actor\":7}", COMMAND_BODY_EINVALID, "at most 100 bytes"},
        {COMMAND_PRIORITY, "", COMMAND_BODY_EINVALID, "{\"priority\": 7}"},
        {COMMAND_PRIORITY, "{\"priority\":10}", COMMAND_BODY_EINVALID, "0 to 9"},
        {COMMAND_PRIORITY, "{\"priority\":-1}", COMMAND_BODY_EINVALID, "0 to 9"},
        {COMMAND_PRIORITY, "{\"priority\":1.5}", COMMAND_BODY_EINVALID, "0 to 9"},
        {COMMAND_SKIP, "{\"result\":1}", COMMAND_BODY_EINVALID, "may hold reason, output"},
    };
    struct scene *scene = *state;

    scene->body.priority = 77;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(reads(scene, cases[i].kind, cases[i].body), cases[i].result);
        assert_int_equal(scene->faults.error_count, 1);
        if (strstr(scene->faults.first->text, cases[i].says) == NULL &&
            strstr(scene->faults.first->hint, cases[i].says) == NULL) {
            fail_msg("%s: %s; %s", cases[i].body, scene->faults.first->text,
                     scene->faults.first->hint);
        }
    }
    assert_int_equal(reads(scene, COMMAND_CANCEL, "{\"a\":1,\"b\":2,\"reason\":3}"),
                     COMMAND_BODY_EINVALID);
    assert_int_equal(scene->faults.error_count, 3);
    assert_string_equal(scene->faults.first->path, "a");
    assert_int_equal(scene->body.priority, 77); /* untouched */
}

static void test_too_large(void **state)
{
    static char body[70 << 10];
    struct scene *scene = *state;

    memset(body, 'x', sizeof(body) - 1);
    body[0] = body[sizeof(body) - 2] = '"';
    assert_int_equal(reads(scene, COMMAND_SIGNAL, body), COMMAND_BODY_EINVALID);
    assert_non_null(strstr(scene->faults.first->text, "64 KiB"));
    memset(body + (64 << 10), '\0', sizeof(body) - (64 << 10));
    body[(64 << 10) - 1] = '"';
    assert_int_equal(reads(scene, COMMAND_SIGNAL, body), COMMAND_BODY_OK);
    assert_int_equal(scene->body.value.bytes, 64 << 10);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(command_kind_name(COMMAND_CANCEL), "cancel");
    assert_string_equal(command_kind_name(COMMAND_PRIORITY), "priority");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_texts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_values, setup, teardown),
        cmocka_unit_test_setup_teardown(test_faults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_large, setup, teardown),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
