/* project: settings there and back, and what is wrong with others. */
#include "schemas/project/project.h"

#include <stdio.h>
#include <string.h>

#include "schemas/json/json_read.h"
#include "tests/support/test.h"

static struct heap_budget budget;

/* Parses a text; gives project_parse's result, the first fault's path and text in *ret_fault. */
static int parse(const char *text, struct arena *arena, struct project_settings *ret,
                 char ret_fault[512])
{
    struct fault_list faults;
    struct json_error error;
    struct value root;

    fault_list_init(&faults, arena, 0);
    assert_int_equal(json_read(span_of(text), NULL, arena, &root, &error), JSON_OK);
    int result = project_parse(&root, arena, ret, &faults);

    (void)snprintf(ret_fault, 512, "%s: %s", faults.first == NULL ? "" : faults.first->path,
                   faults.first == NULL ? "" : faults.first->text);
    assert_int_equal(result != 0, faults.error_count > 0);
    return result;
}

static void test_there_and_back(void **state)
{
    static const char *const texts[] = {
        "{}",
        "{\"retention\":{\"executions\":\"720h\"}}",
        "{\"retention\":{\"executions\":\"0s\"},\"quotas\":{\"running_executions\":20}}",
        "{\"quotas\":{\"running_executions\":1,\"on_limit\":\"reject\"}}",
    };
    struct project_settings settings = {.running_max = 9};
    struct buffer text;
    struct arena arena;
    char fault[512];

    (void)state;
    arena_init(&arena, allocator_heap(&budget), 0);
    buffer_init(&text, arena.allocator, 0);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(parse(texts[i], &arena, &settings, fault), 0);
        buffer_reset(&text);
        project_canonical(&settings, &text);
        assert_true(span_is(buffer_span(&text), texts[i]));
    }
    assert_true(!settings.has_kept && settings.running_max == 1 &&
                settings.on_limit == PROJECT_REJECT);
    assert_int_equal(parse("{\"retention\":{\"executions\":\"0s\"}}", &arena, &settings, fault), 0);
    assert_true(settings.has_kept && settings.kept_ns == 0 && settings.running_max == 0);
    buffer_release(&text);
    arena_release(&arena);
}

static void test_faults(void **state)
{
    static const struct {
        const char *text, *path, *words;
    } rows[] = {
        {"[]", "", ""},
        {"{\"quota\":{}}", "quota", "quotas"},
        {"{\"quotas\":7}", "quotas", "a map"},
        {"{\"quotas\":{\"running_executions\":0}}", "quotas.running_executions", ""},
        {"{\"quotas\":{\"running_executions\":\"many\"}}", "quotas.running_executions", ""},
        {"{\"quotas\":{\"on_limit\":\"drop\"}}", "quotas.on_limit", ""},
        {"{\"quotas\":{\"on_limit\":\"reject\"}}", "quotas.on_limit: `on_limit` says nothing", ""},
        {"{\"retention\":{\"executions\":\"1s\"}}", "retention.executions", "kept"},
        {"{\"retention\":{\"executions\":\"soon\"}}", "retention.executions", "kept"},
        {"{\"retention\":{\"executions\":5}}", "retention.executions", "a string"},
        {"{\"retention\":{\"journal\":\"5m\"}}", "retention.journal", ""},
    };
    struct project_settings settings = {.running_max = 9};
    struct arena arena;
    char fault[512];

    (void)state;
    arena_init(&arena, allocator_heap(&budget), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(parse(rows[i].text, &arena, &settings, fault), -1);
        if (strncmp(fault, rows[i].path, strlen(rows[i].path)) != 0) {
            fail_msg("%s: the fault stands at %s", rows[i].text, fault);
        }
    }
    assert_int_equal(settings.running_max, 9);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_faults),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
