#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/regex/regex.h"

static struct regex *make(const char *pattern)
{
    struct regex *regex = NULL;
    char text[REGEX_TEXT_BYTES];

    if (regex_new(span_of(pattern), &regex, text) != REGEX_OK) {
        fail_msg("%s: %s", pattern, text);
    }
    return regex;
}

static void finds_a_pattern_anywhere(void **state)
{
    static const struct {
        const char *pattern, *text;
        bool is_found;
    } table[] = {
        {"ubb", "hubba", true},
        {"^ubb", "hubba", false},
        {"", "", true},
        {"^\\d{3}$", "123", true},
        {"a.c", "a\nc", false},
        {"(?s)a.c", "a\nc", true},
        {"\\pL", "\xc3\xa9", true},
        {"^.$", "\xc3\xa9", true},
        {"[^a]", "a", false},
        {"(?i)\xc3\x89", "\xc3\xa9", true},
        {"a|b|c", "xcx", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct regex *regex = make(table[i].pattern);

        if (regex_find(regex, span_of(table[i].text)) != table[i].is_found) {
            fail_msg("%s in %s", table[i].pattern, table[i].text);
        }
        assert_true(regex_size(regex) > 0);
        regex_free(regex);
    }
    regex_free(NULL);
}

static void a_text_may_hold_a_nul(void **state)
{
    struct regex *regex = make("b$");

    (void)state;
    assert_true(regex_find(regex, (struct span){"a\0b", 3}));
    assert_false(regex_find(regex, (struct span){NULL, 0}));
    regex_free(regex);
}

static void says_what_is_wrong(void **state)
{
    static const struct {
        const char *pattern;
        enum regex_err err;
        const char *text;
    } table[] = {
        {"(", REGEX_ESYNTAX, "missing ): ("},
        {"a**", REGEX_ESYNTAX, "bad repetition operator: **"},
        {"\\1", REGEX_ESYNTAX, "invalid escape sequence: \\1"}, /* no back-references */
        {"a(?=b)", REGEX_ESYNTAX, "invalid perl operator: (?="},
        {"[b-a]", REGEX_ESYNTAX, "invalid character class range: b-a"},
        {"\xff", REGEX_ESYNTAX, "invalid UTF-8"},
        {"\\pL{900}", REGEX_ELIMIT,
         "the pattern needs more than the limit of 1 MiB; use smaller "
         "counts"},
    };
    char text[REGEX_TEXT_BYTES];
    char long_pattern[REGEX_PATTERN_BYTES_MAX + 2];
    struct regex *regex = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        assert_int_equal(regex_new(span_of(table[i].pattern), &regex, text), table[i].err);
        assert_string_equal(text, table[i].text);
    }
    memset(long_pattern, 'a', sizeof(long_pattern));
    assert_int_equal(
        regex_new((struct span){long_pattern, REGEX_PATTERN_BYTES_MAX + 1}, &regex, text),
        REGEX_ELIMIT);
    assert_string_equal(text, "the pattern is longer than the limit of 1024 bytes");
    assert_null(regex);
    assert_int_equal(regex_new((struct span){long_pattern, REGEX_PATTERN_BYTES_MAX}, &regex, text),
                     REGEX_OK);
    regex_free(regex);
}

/* What backtracks takes 2^30 steps here and more; what does not is done at once. */
static void never_backtracks(void **state)
{
    enum { BYTES = 1 << 20 };
    struct regex *regex = make("^(a+)+$|(a|aa)+c");
    char *text = malloc(BYTES);

    (void)state;
    assert_non_null(text);
    memset(text, 'a', BYTES);
    text[BYTES - 1] = 'b';
    assert_false(regex_find(regex, (struct span){text, BYTES}));
    free(text);
    regex_free(regex);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_a_pattern_anywhere),
        cmocka_unit_test(a_text_may_hold_a_nul),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(never_backtracks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
