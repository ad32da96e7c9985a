/* log_lines: lines however their bytes come, and in which form. */
#include "producer/cli/log_lines.h"

#include "tests/unit/producer/cli/cli_call.h"

/* What is shown of pieces, the last one NULL. */
static void expect(const char *variable, const char *const *pieces, const char *wanted)
{
    const char *const variables[] = {variable, NULL};
    struct log_lines lines;
    struct cli_call c;
    char text[2048];

    cli_call_begin(&c, NULL, 0, variables);
    cli_call_capture(&c, stdout);
    log_lines_begin(&lines, &c.cli, "count.17", "count", 2);
    for (; *pieces != NULL; pieces++) {
        log_lines_add(&lines, span_of(*pieces));
    }
    log_lines_end(&lines);
    cli_call_seen(&c, stdout, text, sizeof(text));
    assert_string_equal(text, wanted);
    cli_call_end(&c); /* nothing is left in memory */
}

#define LINE(number, text)                                                                         \
    "{\"task\":\"count.17\",\"satellite\":\"count\",\"attempt\":2,\"line\":" #number               \
    ",\"text\":\"" text "\"}\n"

static void test_json(void **state)
{
    static const char *const whole[] = {"one\ntwo\n", NULL};
    static const char *const cut[] = {"o", "", "ne", "\nt", "wo\n\nfour", NULL};
    static const char *const odd[] = {"a\t\"b\"\r\n\xc3", "\xa4\xff\n", NULL};
    static const char *const none[] = {"", NULL};

    (void)state;
    expect("EXOSPHERE_OUTPUT=json", whole, LINE(1, "one") LINE(2, "two"));
    expect("EXOSPHERE_OUTPUT=json", cut, LINE(1, "one") LINE(2, "two") LINE(3, "") LINE(4, "four"));
    expect("EXOSPHERE_OUTPUT=json", odd,
           LINE(1, "a\\t\\\"b\\\"\\r") LINE(2, "\xc3\xa4\xef\xbf\xbd"));
    expect("EXOSPHERE_OUTPUT=json", none, "");
}

static void test_yaml(void **state)
{
    static const char *const pieces[] = {"one\nno: \"x\"", NULL};

    (void)state;
    expect("EXOSPHERE_OUTPUT=yaml", pieces,
           "---\ntask: count.17\nsatellite: count\nattempt: 2\nline: 1\ntext: one\n"
           "---\ntask: count.17\nsatellite: count\nattempt: 2\nline: 2\ntext: \"no: \\\"x\\\"\"\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_yaml),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
