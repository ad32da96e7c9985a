#include "schemas/cluster/field.h"

#include "tests/unit/schemas/cluster/cluster_fixture.h"

enum colour { RED, GREEN };

struct thing {
    struct span title;
    const struct value *any;
    exo_time wait_ns;
    uint32_t count;
    bool is_on;
    enum colour colour;
};

static const char *const colours[] = {"red", "green", NULL};

#define AT(member) offsetof(struct thing, member)

/* clang-format off */
static const struct field fields[] = {
    {.name = "title",  .in = FIELD_IN_ALL, .read = field_read_text, .offset = AT(title), .min = 1, .max = 5},
    {.name = "any",    .in = FIELD_IN_ALL, .read = field_read_value, .offset = AT(any)},
    {.name = "wait",   .in = FIELD_IN_SATELLITE, .read = field_read_duration, .offset = AT(wait_ns), .min = 1},
    {.name = "count",  .in = FIELD_IN_DEFAULTS, .read = field_read_uint, .offset = AT(count), .min = 2, .max = 4294967295},
    {.name = "on",     .in = FIELD_IN_ALL, .read = field_read_bool, .offset = AT(is_on)},
    {.name = "colour", .in = FIELD_IN_ALL, .read = field_read_word, .offset = AT(colour), .words = colours},
    {.name = "later",  .in = FIELD_IN_ALL, .read = field_refuse, .refusal = "wait"},
};

static const struct { const char *text; unsigned in; const char *faults; } cases[] = {
    {"{}", FIELD_IN_SATELLITE, ""},
    {"{'title':'abcde','any':null,'wait':'1s','on':true,'colour':'green'}", FIELD_IN_SATELLITE, ""},
    {"{'count':4294967295}", FIELD_IN_DEFAULTS, ""},
    {"{'wait':'1s'}", FIELD_IN_DEFAULTS, "wait 1:2 unknown field `wait` | write it in each satellite"},
    {"{'count':2}", FIELD_IN_SATELLITE, "count 1:2 unknown field `count` | known here: title, any, wait, on, colour, later"},
    {"{'cuont':2}", FIELD_IN_DEFAULTS, "cuont 1:2 unknown field `cuont` | did you mean `count`?"},
    {"{'count':1}", FIELD_IN_DEFAULTS, "count 1:10 `count` must be between 2 and 4294967295"},
    {"{'count':4294967296}", FIELD_IN_DEFAULTS, "count 1:10 `count` must be between 2 and 4294967295"},
    {"{'count':2.0}", FIELD_IN_DEFAULTS, "count 1:10 `count` must be an int, not a double"},
    {"{'title':''}", FIELD_IN_ALL, "title 1:11 `title` is empty | give it a value, or remove the field"},
    {"{'title':'abcdef'}", FIELD_IN_ALL, "title 1:11 `title` has 6 bytes, more than the limit of 5 | make it shorter"},
    {"{'title':'a\\u0000'}", FIELD_IN_ALL, "title 1:11 `title` holds a control character | write it on one line without tabs"},
    {"{'on':'true'}", FIELD_IN_ALL, "on 1:8 `on` must be a bool, not a string"},
    {"{'colour':'blue'}", FIELD_IN_ALL, "colour 1:12 `blue` is no value of `colour` | write one of: red, green"},
    {"{'later':[1]}", FIELD_IN_ALL, "later 1:2 `later` is not supported yet | wait"},
    {"{'wait':1}", FIELD_IN_ALL, "wait 1:9 `wait` is a duration and needs a unit | write the unit, such as 30s, 10m or 1h30m"},
    {"{'wait':[]}", FIELD_IN_ALL, "wait 1:9 `wait` must be a string, not a list"},
    {"[]", FIELD_IN_ALL, " 1:1 `file` must be a map, not a list"},
};
/* clang-format on */

static void reads_by_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cluster_fixture f;
        struct thing thing = {.colour = RED};

        fixture_begin(&f);
        struct field_reader r = {.arena = &f.arena, .faults = &f.faults, .nearest_left = 100};
        struct value value = fixture_json(&f, cases[i].text);

        assert_int_equal(
            field_read_map(&r, fields, COUNT(fields), cases[i].in, &value, NULL, &thing),
            value.kind == VALUE_MAP);
        assert_string_equal(fixture_faults(&f), cases[i].faults);
        fixture_end(&f);
    }
}

static void puts_results_where_they_belong(void **state)
{
    struct cluster_fixture f;
    struct thing thing = {.count = 7};

    (void)state;
    fixture_begin(&f);
    struct field_reader r = {.arena = &f.arena, .faults = &f.faults};
    struct value value = fixture_json(
        &f, "{'title':'abc','any':[1],'wait':'1m','on':true,'colour':'green','wait_ns':1}");

    assert_true(field_read_map(&r, fields, COUNT(fields), FIELD_IN_ALL, &value, NULL, &thing));
    assert_true(span_is(thing.title, "abc"));
    assert_int_equal(((const char *)thing.title.data)[3], '\0');
    assert_ptr_equal(thing.any, &value.members[1].value);
    assert_int_equal(thing.wait_ns, EXO_MINUTE);
    assert_int_equal(thing.count, 7);
    assert_true(thing.is_on);
    assert_int_equal(thing.colour, GREEN);
    assert_int_equal(f.faults.error_count, 1);
    fixture_end(&f);
}

static void bounds_the_search_for_names(void **state)
{
    static const char *const names[] = {"alpha", "beta"};
    struct cluster_fixture f;

    (void)state;
    fixture_begin(&f);
    struct field_reader r = {.arena = &f.arena, .faults = &f.faults, .nearest_left = 3};

    assert_string_equal(field_nearest(&r, span_of("alpa"), names, 2), "alpha");
    assert_null(field_nearest(&r, span_of("alpa"), names, 2));
    assert_int_equal(r.nearest_left, 1);
    fixture_end(&f);
}

static void notes_that_memory_is_short(void **state)
{
    struct heap_budget budget = {.limit_bytes = 10000};
    struct arena arena;
    struct field_reader r = {.arena = &arena};

    (void)state;
    arena_init(&arena, allocator_heap(&budget), 0);
    assert_non_null(field_alloc(&r, 10, 10));
    assert_false(r.is_out_of_memory);
    assert_null(field_alloc(&r, SIZE_MAX / 2, 16));
    assert_true(r.is_out_of_memory);
    r.is_out_of_memory = false;
    assert_null(field_alloc(&r, 1, 20000));
    assert_true(r.is_out_of_memory);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_by_the_table),
        cmocka_unit_test(puts_results_where_they_belong),
        cmocka_unit_test(bounds_the_search_for_names),
        cmocka_unit_test(notes_that_memory_is_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
