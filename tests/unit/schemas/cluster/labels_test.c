#include "schemas/cluster/labels.h"
#include "tests/unit/schemas/cluster/cluster_fixture.h"

#define TEXT_63 "012345678901234567890123456789012345678901234567890123456789012"

/* clang-format off */
static const struct fault_case cases[] = {
    {"{}", ""},
    {"{'a':'','b c/d':'x'}", ""},
    {"{'" TEXT_63 "':'" TEXT_63 "'}", ""},
    {"[]", "labels 1:1 `labels` must be a map, not a list"},
    {"{'':'x'}", "labels[\"\"] 1:2 the key of a label is empty | give it a name"},
    {"{'a':true}", "labels.a 1:6 `a` must be a string, not a bool | put it in quotes"},
    {"{'a':'x\\ny'}", "labels.a 1:7 the value of a label holds a control character | write it on one line without tabs"},
    {"{'a\\u0007':'x'}", "labels[\"a?\"] 1:2 the key of a label holds a control character | write it on one line without tabs"},
    {"{'a':'" TEXT_63 "3'}", "labels.a 1:7 the value of a label has 64 bytes, more than the limit of 63 | make it shorter"},
    {"{'a" TEXT_63 "':''}", "labels.a" TEXT_63 " 1:2 the key of a label has 64 bytes, more than the limit of 63 | make it shorter"},
};
/* clang-format on */

static void read_labels(struct cluster_fixture *f, const char *quoted)
{
    const struct value_place place = {.key = span_of("labels")};
    const struct cluster_label *labels;
    uint32_t count;
    struct value value = fixture_json(f, quoted);
    int result = labels_read(&value, &place, &f->arena, &labels, &count, &f->faults);

    assert_int_equal(result == 0, f->faults.error_count == 0);
    if (result == 0) {
        assert_int_equal(count, value.count);
    }
}

static void tells_faults(void **state)
{
    (void)state;
    fixture_check_cases(cases, COUNT(cases), read_labels);
}

static void limits_their_number(void **state)
{
    static const struct {
        int count;
        const char *faults;
    } table[] = {
        {32, ""},
        {33, "labels 1:1 33 labels are more than the limit of 32 | keep what you search by"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        struct cluster_fixture f;
        char text[1000] = "{";

        fixture_begin(&f);
        for (int j = 0; j < table[i].count; j++) {
            (void)snprintf(text + strlen(text), 20, "%s'l%d':''", j == 0 ? "" : ",", j);
        }
        (void)snprintf(text + strlen(text), 2, "}");
        read_labels(&f, text);
        assert_string_equal(fixture_faults(&f), table[i].faults);
        fixture_end(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_faults),
        cmocka_unit_test(limits_their_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
