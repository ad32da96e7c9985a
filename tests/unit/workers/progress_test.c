/* progress: what of a progress.json goes on. */
#include "workers/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/vocab/limits.h"

static struct heap_budget budget;
static struct buffer json;

static int setup(void **state)
{
    (void)state;
    buffer_init(&json, allocator_heap(&budget), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buffer_release(&json);
    return budget.used_bytes == 0 ? 0 : -1;
}

static void says(const char *text, const char *expected)
{
    assert_true(progress_read(span_of(text), &json));
    if (!span_is(buffer_span(&json), expected)) {
        fail_msg("%s became %.*s", text, SPAN_ARG(buffer_span(&json)));
    }
}

static void percent_and_message_go_on(void **state)
{
    (void)state;
    says("{\"percent\": 40, \"message\": \"page 4 of 10\"}\n",
         "{\"percent\":40,\"message\":\"page 4 of 10\"}");
    says("{\"message\":\"half\",\"percent\":0.5,\"more\":[1,{}]}",
         "{\"percent\":0.5,\"message\":\"half\"}");
    says("{\"percent\":100}", "{\"percent\":100}");
    says("{\"percent\":101,\"message\":\"done\"}", "{\"message\":\"done\"}");
    says("{\"percent\":7,\"message\":3}", "{\"percent\":7}");
    says("{\"message\":\"two\\nlines\\u0007\\u009b\"}", "{\"message\":\"two lines  \"}");
}

static void what_says_nothing_changes_nothing(void **state)
{
    static const char *const texts[] = {
        "",
        "{\"percent\": 4",
        "[40]",
        "40",
        "{}",
        "{\"percent\":-1}",
        "{\"percent\":100.5}",
        "{\"percent\":\"40\"}",
        "{\"message\":\"\"}",
    };

    (void)state;
    says("{\"percent\":1}", "{\"percent\":1}");
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_false(progress_read(span_of(texts[i]), &json));
        assert_true(span_is(buffer_span(&json), "{\"percent\":1}"));
    }
}

/* The worst case: every byte is escaped, and the number is as long as one can be. */
static void a_long_message_is_cut_between_characters(void **state)
{
    char text[2048] = "{\"percent\":1.2345678901234567e-300,\"message\":\"";
    size_t at = strlen(text);

    (void)state;
    for (int i = 0; i < 500; i++) {
        text[at++] = '\\';
        text[at++] = '"';
    }
    memcpy(text + at, "\"}", 3);
    assert_true(progress_read(span_of(text), &json));
    assert_true(json.bytes > 400);
    assert_true(json.bytes <= LIMIT_PROGRESS_BYTES);

    at = (size_t)sprintf(text, "{\"message\":\"");
    for (int i = 0; i < 300; i++) {
        at += (size_t)sprintf(text + at, "%s",
                              i == 0 ? "x" : "\xc3\xa4"); /* 2 bytes, from an odd place */
    }
    memcpy(text + at, "\"}", 3);
    assert_true(progress_read(span_of(text), &json));
    assert_int_equal(json.bytes, strlen("{\"message\":\"\"}") + PROGRESS_MESSAGE_BYTES - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(percent_and_message_go_on, setup, teardown),
        cmocka_unit_test_setup_teardown(what_says_nothing_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_long_message_is_cut_between_characters, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
