#include "schemas/cluster/file_head.h"

#include "tests/unit/schemas/cluster/cluster_fixture.h"

static const struct field rows[FILE_HEAD_NR] = {FILE_HEAD_ROWS("thing")};

/* clang-format off */
static const struct { const char *text; bool is_there; const char *faults; } cases[] = {
    {"{'exosphere':'v1','thing':{}}", true, ""},
    {"{'exosphere':'v1','thing':7}", true, ""},
    {"{'exosphere':'v2','thing':{}}", true,
     "exosphere 1:15 this program reads version v1 of the thing file only | write exosphere: v1"},
    {"{'exosphere':1,'thing':{}}", true,
     "exosphere 1:14 this program reads version v1 of the thing file only | write exosphere: v1"},
    {"{'thing':{}}", true, "exosphere 1:1 `exosphere` is missing | begin the file with exosphere: v1"},
    {"{'exosphere':'v1'}", false, "thing 1:1 `thing` is missing | add thing: {name: ...}"},
    {"{'exosphere':'v1','thingy':1}", false,
     "thingy 1:19 unknown field `thingy` | did you mean `thing`?\n"
     "thing 1:1 `thing` is missing | add thing: {name: ...}"},
    {"[]", false, " 1:1 `file` must be a map, not a list"},
};
/* clang-format on */

static void takes_a_file_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cluster_fixture f;

        fixture_begin(&f);
        struct field_reader r = {.arena = &f.arena, .faults = &f.faults, .nearest_left = 1000};
        struct value root = fixture_json(&f, cases[i].text);

        assert_int_equal(file_head_read(&r, rows, &root) != NULL, cases[i].is_there);
        assert_string_equal(fixture_faults(&f), cases[i].faults);
        fixture_end(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_a_file_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
