#include "tests/unit/schemas/cluster/field_tables.h"
#include "tests/unit/schemas/cluster/text_file.h"

/* schemas/satellite.schema.json has what a stored satellite may have, told by reference to
 * schemas/cluster.schema.json. */

static struct value read_json(struct cluster_fixture *f, const char *path)
{
    struct json_error error;
    struct value read = value_null();

    if (json_read(text_file(f, path), NULL, &f->arena, &read, &error) != JSON_OK) {
        fail_msg("%s %u:%u %s", path, error.line, error.column, error.text);
    }
    return read;
}

static const struct value *get(const struct value *v, const char *key)
{
    return v == NULL ? NULL : value_get(v, span_of(key));
}

static void check_reference(const struct value *cluster_schema, const struct value_member *member,
                            const char *of)
{
    const struct value *ref = get(&member->value, "$ref");
    char expected[200];

    (void)snprintf(expected, sizeof(expected), "cluster.schema.json#/$defs/%s/properties/%.*s", of,
                   SPAN_ARG(value_text(&member->key)));
    assert_non_null(ref);
    assert_true(span_is(value_text(ref), expected));
    assert_non_null(value_get(get(get(get(cluster_schema, "$defs"), of), "properties"),
                              value_text(&member->key)));
}

static void schema_has_what_is_read(void **state)
{
    static const char *const head[] = {"name", "title", "labels", "inputs"};
    struct cluster_fixture f;
    uint32_t expected = 0;

    (void)state;
    fixture_begin(&f);
    struct value schema = read_json(&f, "schemas/satellite.schema.json");
    struct value cluster_schema = read_json(&f, "schemas/cluster.schema.json");
    const struct value *properties =
        get(get(get(&schema, "properties"), "satellite"), "properties");

    assert_non_null(properties);
    for (uint32_t i = 0; i < properties->count; i++) {
        check_reference(&cluster_schema, &properties->members[i],
                        i < COUNT(head) ? "cluster" : "satellite");
    }
    for (size_t i = 0; i < COUNT(head); i++, expected++) {
        assert_non_null(get(properties, head[i]));
    }
    for (size_t i = 0; i < satellite_field_count; i++) {
        const struct field *field = &satellite_fields[i];

        if ((field->in & (FIELD_IN_WORK | FIELD_IN_DEFAULTS)) != 0 && field->read != field_refuse) {
            expected++;
            if (get(properties, field->name) == NULL) {
                fail_msg("the schema of a stored satellite lacks %s", field->name);
            }
        }
    }
    assert_int_equal(properties->count, expected);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schema_has_what_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
