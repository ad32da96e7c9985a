#include "schemas/cluster/name_rule.h"

#include "tests/unit/schemas/cluster/cluster_fixture.h"

#define TEXT_63 "a12345678901234567890123456789012345678901234567890123456789012"

/* clang-format off */
/* fits: a letter for each rule that takes the name: s i p f v, in the order of the enum. */
static const struct { const char *name, *fits; } table[] = {
    {"a", "sipfv"}, {"a1_b", "sipfv"}, {"a-b", "pf"}, {"a.b", "f"}, {"A", "ifv"}, {"aB", "ifv"}, {"_a", "iv"}, {"1a", "f"},
    {"", ""}, {"-a", ""}, {".a", ""}, {"a b", ""}, {"a/b", ""}, {"\xc3\xa9", ""}, {"a\n", ""},
    {TEXT_63, "sipfv"}, {TEXT_63 "3", "v"},
    /* The reserved words of cel-spec, all of them. */
    {"as", "pfv"}, {"break", "pfv"}, {"const", "pfv"}, {"continue", "pfv"}, {"else", "pfv"}, {"false", "pfv"}, {"for", "pfv"}, {"function", "pfv"},
    {"if", "pfv"}, {"import", "pfv"}, {"in", "pfv"}, {"let", "pfv"}, {"loop", "pfv"}, {"namespace", "pfv"}, {"null", "pfv"}, {"package", "pfv"},
    {"return", "pfv"}, {"true", "pfv"}, {"var", "pfv"}, {"void", "pfv"}, {"while", "pfv"},
    /* The roots of expressions are fine for satellites and inputs. */
    {"input", "sipfv"}, {"satellites", "sipfv"}, {"index", "sipfv"},
};

static const struct { const char *path; bool is_good; } paths[] = {
    {"/", true}, {"/a", true}, {"/a/b.c/..d", true}, {"", false}, {"a", false}, {"/a/", false}, {"//", false}, {"//a", false}, {"/a//b", false},
    {"/.", false}, {"/..", false}, {"/a/..", false}, {"/a/./b", false}, {"/../a", false},
};
/* clang-format on */

static void takes_what_fits_the_rule(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        for (enum name_rule rule = NAME_SATELLITE; rule < NAME_RULE_NR; rule++) {
            struct cluster_fixture f;
            bool is_expected = strchr(table[i].fits, "sipfv"[rule]) != NULL;

            fixture_begin(&f);
            struct field_reader r = {.arena = &f.arena, .faults = &f.faults};
            struct value at = value_null();

            if (name_check(&r, rule, span_of(table[i].name), &at, NULL) != is_expected) {
                fail_msg("%s by rule %d", table[i].name, (int)rule);
            }
            assert_int_equal(f.faults.error_count, is_expected ? 0 : 1);
            fixture_end(&f);
        }
    }
}

static void keeps_the_roots_from_items(void **state)
{
    static const char *const refused[] = {"input",   "satellites", "execution", "index",
                                          "secrets", "Item",       "in"};
    struct cluster_fixture f;

    (void)state;
    fixture_begin(&f);
    struct field_reader r = {.arena = &f.arena, .faults = &f.faults};

    for (size_t i = 0; i < COUNT(refused); i++) {
        struct value name = value_string(span_of(refused[i]));

        assert_false(name_check_item(&r, &name, NULL));
        assert_int_equal(f.faults.error_count, i + 1);
    }
    struct value name = value_string(span_of("file"));

    assert_true(name_check_item(&r, &name, NULL));
    fixture_end(&f);
}

static void takes_clean_paths(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(paths); i++) {
        struct cluster_fixture f;

        fixture_begin(&f);
        struct field_reader r = {.arena = &f.arena, .faults = &f.faults};
        struct value path = value_string(span_of(paths[i].path));

        assert_int_equal(path_check(&r, &path, NULL), paths[i].is_good);
        assert_int_equal(f.faults.error_count, paths[i].is_good ? 0 : 1);
        fixture_end(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_fits_the_rule),
        cmocka_unit_test(keeps_the_roots_from_items),
        cmocka_unit_test(takes_clean_paths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
