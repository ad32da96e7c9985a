#include "infra/blob/s3_answer.h"

#include <string.h>

#include "tests/support/test.h"

static bool element(const char *body, const char *name, char *ret_text, size_t capacity)
{
    return s3_answer_element(span_of(body), name, ret_text, capacity);
}

static void test_elements_are_found(void **state)
{
    char text[64] = "";

    (void)state;
    assert_true(element("<?xml version=\"1.0\"?><R><Key>k</Key><UploadId>a+b/c==</UploadId></R>",
                        "UploadId", text, sizeof(text)));
    assert_string_equal(text, "a+b/c==");
    assert_true(element("<A>x&amp;y &lt;&gt;&quot;&apos;&#34;</A>", "A", text, sizeof(text)));
    assert_string_equal(text, "x&y <>\"'\"");
    assert_true(element("<A>1</A><A>2</A>", "A", text, sizeof(text)));
    assert_string_equal(text, "1");
}

static void test_others_are_refused(void **state)
{
    static const char *const bodies[] = {
        "",         "no xml",     "<A></A>",  "<A>never ends", "<A><B>x</B></A>", "<A>&nbsp;</A>",
        "<A>&</A>", "<AB>x</AB>", "</A>x<A>",
    };
    char text[8] = "as was";

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        assert_false(element(bodies[i], "A", text, sizeof(text)));
    }
    assert_false(element("<A>12345678</A>", "A", text, sizeof(text))); /* no room for the NUL */
    assert_true(s3_answer_element((struct span){NULL, 0}, "A", text, sizeof(text)) == false);
    assert_string_equal(text, "as was");
    assert_true(element("<A>1234567</A>", "A", text, sizeof(text)));
}

static void test_a_nul_is_no_text(void **state)
{
    static const char body[] = "<A>x\0y</A>";
    char text[8];

    (void)state;
    assert_false(s3_answer_element((struct span){body, sizeof(body) - 1}, "A", text, sizeof(text)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_elements_are_found),
        cmocka_unit_test(test_others_are_refused),
        cmocka_unit_test(test_a_nul_is_no_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
