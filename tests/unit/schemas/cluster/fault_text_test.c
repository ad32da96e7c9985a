#include "schemas/cluster/fault_text.h"

#include "tests/unit/schemas/cluster/cluster_fixture.h"

static void fills_in_each_kind(void **state)
{
    struct fault_text text = {.used = 0};

    (void)state;
    fault_text_add(&text, "%s %q %u%% %u", "a", span_of("b`c"), 0u, 4294967295u);
    assert_string_equal(text.bytes, "a `b`c` 0% 4294967295");
    assert_int_equal(text.used, strlen(text.bytes));
    fault_text_add(&text, "!");
    assert_string_equal(text.bytes, "a `b`c` 0% 4294967295!");
}

static void shows_values(void **state)
{
    struct value items[40];
    const struct value list = {.kind = VALUE_LIST, .count = 5, .items = items};
    struct value longer = {.kind = VALUE_LIST, .count = 40, .items = items};
    struct fault_text text = {.used = 0};

    (void)state;
    items[0] = value_int(INT64_MIN);
    items[1] = value_double(0.5);
    items[2] = value_string(span_of("a\n"));
    items[3] = value_bool(false);
    items[4] = value_null();
    fault_text_add(&text, "%v | %v", &items[0], &list);
    assert_string_equal(text.bytes, "-9223372036854775808 | "
                                    "-9223372036854775808, 0.5, `a?`, false, null");
    for (int i = 0; i < 40; i++) {
        items[i] = i == 0 ? list : value_int(100);
    }
    text = (struct fault_text){.used = 0};
    fault_text_add(&text, "%v", &longer);
    assert_string_equal(text.bytes, "..., 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, "
                                    "100, 100, 100, 100, ...");
}

static void shows_what_people_wrote_safely(void **state)
{
    char longword[200];
    struct fault_text text = {.used = 0};

    (void)state;
    fault_text_add(&text, "%q", span_of("a\nb\x1b[1m\x7f"));
    assert_string_equal(text.bytes, "`a?b?[1m?`");

    /* Cut at 80 bytes, but never inside a character: here at 79. */
    memset(longword, 'x', sizeof(longword));
    longword[79] = '\xc3';
    longword[80] = '\xa9';
    text = (struct fault_text){.used = 0};
    fault_text_add(&text, "%q", (struct span){longword, sizeof(longword)});
    assert_int_equal(text.used, 1 + 79 + 3 + 1);
    assert_string_equal(text.bytes + 78, "xx...`");

    /* Bytes that are no text end somewhere too. */
    memset(longword, '\x80', sizeof(longword));
    text = (struct fault_text){.used = 0};
    fault_text_add(&text, "%q", (struct span){longword, sizeof(longword)});
    assert_string_equal(text.bytes, "`...`");
}

static void cuts_what_does_not_fit(void **state)
{
    struct fault_text text = {.used = 0};

    (void)state;
    for (int i = 0; i < 100; i++) {
        fault_text_add(&text, "0123456789");
    }
    assert_int_equal(text.used, FAULT_TEXT_BYTES - 1);
    assert_int_equal(strlen(text.bytes), FAULT_TEXT_BYTES - 1);
}

static void writes_places_as_paths(void **state)
{
    const struct value_place root = {.key = span_of("cluster")};
    const struct value_place list = {.up = &root, .key = span_of("satellites")};
    const struct value_place item = {.up = &list, .index = 12};
    const struct value_place plain = {.up = &item, .key = span_of("_aZ9")};
    const struct value_place odd = {.up = &plain, .key = span_of("9a-b")};
    const struct value_place empty = {.up = &odd, .key = span_of("")};
    const struct value_place alone = {.index = 3};
    struct fault_text text = {.used = 0};

    (void)state;
    fault_text_add_place(&text, &empty);
    assert_string_equal(text.bytes, "cluster.satellites[12]._aZ9[\"9a-b\"][\"\"]");
    text = (struct fault_text){.used = 0};
    fault_text_add_place(&text, &alone);
    assert_string_equal(text.bytes, "[3]");
    text = (struct fault_text){.used = 0};
    fault_text_add_place(&text, NULL);
    assert_string_equal(text.bytes, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_in_each_kind),
        cmocka_unit_test(shows_values),
        cmocka_unit_test(shows_what_people_wrote_safely),
        cmocka_unit_test(cuts_what_does_not_fit),
        cmocka_unit_test(writes_places_as_paths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
