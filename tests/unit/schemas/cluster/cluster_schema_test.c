#include "tests/unit/schemas/cluster/field_tables.h"
#include "tests/unit/schemas/cluster/text_file.h"

/* schemas/cluster.schema.json and the tables of the parser must say the same. */

static struct value read_schema(struct cluster_fixture *f)
{
    struct json_error error;
    struct value schema = value_null();

    if (json_read(text_file(f, "schemas/cluster.schema.json"), NULL, &f->arena, &schema, &error) !=
        JSON_OK) {
        fail_msg("schemas/cluster.schema.json %u:%u %s", error.line, error.column, error.text);
    }
    return schema;
}

static const struct value *get(const struct value *v, const char *key)
{
    return v == NULL ? NULL : value_get(v, span_of(key));
}

static const struct value *def_of(const struct value *schema, const char *name)
{
    return *name == '\0' ? schema : get(get(schema, "$defs"), name);
}

/* Follows $ref, which is #/$defs/NAME or #/$defs/NAME/properties/FIELD. */
static const struct value *follow(const struct value *schema, const struct value *property)
{
    const struct value *ref = get(property, "$ref");
    char path[200];
    char *part;
    char *rest = NULL;

    if (ref == NULL) {
        return property;
    }
    (void)snprintf(path, sizeof(path), "%.*s", SPAN_ARG(value_text(ref)));
    assert_int_equal(strncmp(path, "#/", 2), 0);
    property = schema;
    for (part = strtok_r(path + 2, "/", &rest); part != NULL; part = strtok_r(NULL, "/", &rest)) {
        property = get(property, part);
    }
    assert_non_null(property);
    return follow(schema, property);
}

static bool is_in_table(const struct field_table_row *table, struct span name)
{
    for (size_t i = 0; i < *table->count; i++) {
        if (field_is_read(table, &table->fields[i]) && span_is(name, table->fields[i].name)) {
            return true;
        }
    }
    return false;
}

static void check_both_ways(const struct field_table_row *table, const struct value *properties)
{
    for (uint32_t i = 0; i < properties->count; i++) {
        struct span name = value_text(&properties->members[i].key);

        if (!is_in_table(table, name)) {
            fail_msg("the schema's %s has %.*s, the parser does not read it", table->schema,
                     SPAN_ARG(name));
        }
    }
    for (size_t i = 0; i < *table->count; i++) {
        const char *name = table->fields[i].name;

        if (field_is_read(table, &table->fields[i]) && get(properties, name) == NULL) {
            fail_msg("the parser reads %s of %s, the schema has it not", name, table->schema);
        }
    }
}

static void every_field_stands_in_both(void **state)
{
    struct cluster_fixture f;

    (void)state;
    fixture_begin(&f);
    struct value schema = read_schema(&f);

    for (size_t i = 0; i < TABLE_NR; i++) {
        const struct value *def = def_of(&schema, field_tables[i].schema);
        const struct value *properties = get(def, "properties");

        assert_non_null(properties);
        check_both_ways(&field_tables[i], properties);
        assert_int_equal(get(def, "additionalProperties")->kind, VALUE_BOOL);
        assert_false(get(def, "additionalProperties")->boolean);
    }
    fixture_end(&f);
}

static void check_words(const struct field *field, const struct value *property)
{
    const struct value *words = get(property, "enum");
    uint32_t count = 0;

    assert_non_null(words);
    for (; field->words[count] != NULL; count++) {
        assert_true(count < words->count);
        assert_true(span_is(value_text(&words->items[count]), field->words[count]));
    }
    assert_int_equal(count, words->count);
}

static void check_number(const struct value *number, int64_t expected)
{
    assert_non_null(number);
    assert_int_equal(number->kind, VALUE_INT);
    assert_int_equal(number->integer, expected);
}

static void words_and_bounds_are_the_same(void **state)
{
    struct cluster_fixture f;
    uint32_t checked = 0;

    (void)state;
    fixture_begin(&f);
    struct value schema = read_schema(&f);

    for (size_t i = 0; i < TABLE_NR; i++) {
        const struct field_table_row *table = &field_tables[i];
        const struct value *properties = get(def_of(&schema, table->schema), "properties");

        for (size_t j = 0; j < *table->count; j++) {
            const struct field *field = &table->fields[j];
            const struct value *property = follow(&schema, get(properties, field->name));

            if (!field_is_read(table, field)) {
                continue;
            }
            checked++;
            if (field->words != NULL) {
                check_words(field, property);
            } else if (field->read == field_read_uint) {
                check_number(get(property, "minimum"), field->min);
                check_number(get(property, "maximum"), field->max);
            } else if (field->read == field_read_text && get(property, "pattern") == NULL) {
                check_number(get(property, "maxLength"), field->max);
            } else if (field->read == field_read_duration) {
                assert_ptr_equal(property, def_of(&schema, "duration"));
            }
        }
    }
    assert_true(checked > 50);
    fixture_end(&f);
}

static void every_field_is_described(void **state)
{
    struct cluster_fixture f;

    (void)state;
    fixture_begin(&f);
    struct value schema = read_schema(&f);

    for (size_t i = 0; i < TABLE_NR; i++) {
        const struct value *properties = get(def_of(&schema, field_tables[i].schema), "properties");

        for (uint32_t j = 0; j < properties->count; j++) {
            const struct value *property = &properties->members[j].value;
            const struct value *description = get(property, "description");

            if (description == NULL) {
                description = get(follow(&schema, property), "description");
            }
            if (description == NULL || description->count < 5) {
                fail_msg("%.*s of %s has no description",
                         SPAN_ARG(value_text(&properties->members[j].key)), field_tables[i].schema);
            }
        }
    }
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_stands_in_both),
        cmocka_unit_test(words_and_bounds_are_the_same),
        cmocka_unit_test(every_field_is_described),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
