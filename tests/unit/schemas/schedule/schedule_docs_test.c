#include "infra/yaml/yaml_read.h"
#include "tests/unit/schemas/cluster/text_file.h"
#include "tests/unit/schemas/schedule/schedule_fixture.h"

/* docs/schedules.md and schemas/schedule.schema.json against the parser's table: every example is a
 * schedule, every field has an example and is told of, words and bounds are the same. */

static void check_example(struct span block, bool *is_used)
{
    struct cluster_fixture f;
    struct value root = value_null();

    fixture_begin(&f);
    if (text_read(block, NULL, &f.arena, &root, &f.faults) != 0 ||
        fixture_schedule_value(&f, root) == NULL || f.faults.kept_count > 0) {
        fail_msg("%.*s\n%s", SPAN_ARG(block), fixture_faults(&f));
    }
    for (size_t i = 0; i < schedule_field_count; i++) {
        const struct value *inner = value_get(&root, span_of("schedule"));

        is_used[i] |= value_get(inner, span_of(schedule_fields[i].name)) != NULL;
    }
    fixture_end(&f);
}

static void every_field_has_an_example(void **state)
{
    static const char fence[] = "\n```yaml\n";
    struct cluster_fixture f;
    bool is_used[40] = {false};
    int blocks = 0;

    (void)state;
    fixture_begin(&f);
    const char *page = text_file(&f, "docs/schedules.md").data;

    for (const char *at = page; (at = strstr(at, fence)) != NULL; blocks++) {
        const char *begin = at + strlen(fence);
        const char *end = strstr(begin, "\n```\n");

        assert_non_null(end);
        check_example((struct span){begin, (size_t)(end + 1 - begin)}, is_used);
        at = end;
    }
    assert_true(blocks >= 2);
    for (size_t i = 0; i < schedule_field_count; i++) {
        char name[100];

        (void)snprintf(name, sizeof(name), "`%s`", schedule_fields[i].name);
        if (!is_used[i] || strstr(page, name) == NULL) {
            fail_msg("docs/schedules.md has no example of %s, or does not tell of it", name);
        }
    }
    fixture_end(&f);
}

static const struct value *get(const struct value *v, const char *key)
{
    return v == NULL ? NULL : value_get(v, span_of(key));
}

static void check_property(const struct field *field, const struct value *property)
{
    const struct value *words = get(property, "enum");

    if (property == NULL || get(property, "description") == NULL) {
        fail_msg("the schema does not tell of %s", field->name);
    }
    for (uint32_t i = 0; field->words != NULL && i <= words->count; i++) {
        assert_int_equal(i == words->count, field->words[i] == NULL);
        assert_true(i == words->count || span_is(value_text(&words->items[i]), field->words[i]));
    }
    if (field->read == field_read_text) {
        assert_int_equal(get(property, "maxLength")->integer, field->max);
    } else if (field->read == field_read_duration) {
        assert_true(span_is(value_text(get(property, "$ref")), "#/$defs/duration"));
    }
}

static void the_schema_says_the_same(void **state)
{
    struct cluster_fixture f;
    struct json_error error;
    struct value schema = value_null();

    (void)state;
    fixture_begin(&f);
    if (json_read(text_file(&f, "schemas/schedule.schema.json"), NULL, &f.arena, &schema, &error) !=
        JSON_OK) {
        fail_msg("%u:%u %s", error.line, error.column, error.text);
    }
    const struct value *own = get(get(&schema, "$defs"), "schedule");

    assert_int_equal(get(own, "properties")->count, schedule_field_count);
    assert_int_equal(get(&schema, "properties")->count, schedule_file_field_count);
    for (size_t i = 0; i < schedule_field_count; i++) {
        check_property(&schedule_fields[i], get(get(own, "properties"), schedule_fields[i].name));
    }
    assert_false(get(own, "additionalProperties")->boolean);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_has_an_example),
        cmocka_unit_test(the_schema_says_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
