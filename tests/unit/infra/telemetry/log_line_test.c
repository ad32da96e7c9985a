/* log line: forms, levels, rates and what happens when nobody reads. */
#include "infra/telemetry/log_line.h"

#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char text[70000];

/* Runs call with the log on a pipe and reads what it wrote into text. */
static void capture(enum log_level level, enum log_format format, void (*call)(void))
{
    int fds[2];
    size_t bytes = 0;
    ssize_t got = 0;

    assert_int_equal(pipe(fds), 0);
    log_setup(level, format, fds[1]);
    call();
    (void)close(fds[1]);
    while ((got = read(fds[0], text + bytes, sizeof(text) - 1 - bytes)) > 0) {
        bytes += (size_t)got;
    }
    text[bytes] = '\0';
    (void)close(fds[0]);
}

static void say_ready(void)
{
    struct execution_id id = {.bytes = {1}};
    struct exo_error err;

    (void)exo_error_set(&err, EXO_EIO, "disk \"full\"\n");
    log_line(EVENT_ROLE_READY,
             LOG_FACTS(fact_text("role", "api"), fact_int("port", -8080), fact_bool("is_on", true),
                       fact_double("share", 0.5), fact_double("none", (double)NAN),
                       fact_ms("wait_ms", 1500 * EXO_MILLISECOND), fact_execution(id),
                       fact_error(&err), fact_text("empty", NULL)));
}

static void test_json_line(void **state)
{
    (void)state;
    capture(LOG_LEVEL_INFO, LOG_FORMAT_AUTO, say_ready); /* a pipe is no terminal */
    assert_memory_equal(text, "{\"ts\":\"20", 9);
    char *level = strstr(text, "Z\",\"level\"");

    assert_non_null(level);
    assert_string_equal(level, "Z\",\"level\":\"info\",\"event\":\"role.ready\",\"role\":\"api\","
                               "\"port\":-8080,\"is_on\":true,\"share\":0.5,\"none\":null,"
                               "\"wait_ms\":1500,"
                               "\"execution\":\"01000000-0000-0000-0000-000000000000\","
                               "\"error\":\"disk \\\"full\\\"\\n\",\"empty\":\"\"}\n");
}

static void test_text_line(void **state)
{
    (void)state;
    capture(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, say_ready);
    char *level = strstr(text, " info  role.ready");

    assert_non_null(level);
    assert_int_equal(level - text, 12); /* 12:00:00.123 */
    assert_non_null(strstr(level, " role=api port=-8080 is_on=true share=0.5 none=null"));
    assert_non_null(strstr(level, " error=\"disk \\\"full\\\"\\n\" empty=\"\"\n"));
}

static void say_below_level(void)
{
    assert_false(log_is_enabled(EVENT_ROLE_STARTED));
    assert_true(log_is_enabled(EVENT_ROLE_FAILED));
    log_line(EVENT_ROLE_STARTED, NULL);
    log_line(EVENT_ROLE_FAILED, NULL);
    log_level_set(LOG_LEVEL_INFO);
    log_line(EVENT_ROLE_STARTED, NULL);
}

static void test_level(void **state)
{
    (void)state;
    capture(LOG_LEVEL_ERROR, LOG_FORMAT_JSON, say_below_level);
    char *failed = strstr(text, "role.failed");

    assert_non_null(failed);
    assert_null(strstr(text + 100, "role.failed"));
    assert_non_null(strstr(failed, "role.started"));
}

static void say_often(void)
{
    for (int i = 0; i < 100; i++) {
        log_line(EVENT_DEPENDENCY_WAITING, LOG_FACTS(fact_int("i", i)));
    }
}

static void test_rate(void **state)
{
    (void)state;
    int lines = 0;

    capture(LOG_LEVEL_INFO, LOG_FORMAT_JSON, say_often);
    for (const char *at = text; *at != '\0'; at++) {
        lines += *at == '\n' ? 1 : 0;
    }
    /* One a second; a slow machine may have begun another second or two. */
    assert_in_range(lines, 1, 20);
    assert_non_null(strstr(text, "\"i\":0}"));
}

static void say_long(void)
{
    static char large[6000];

    memset(large, 'x', sizeof(large) - 1);
    log_line(EVENT_HTTP_LISTENING, LOG_FACTS(fact_text("text", large)));
}

static void test_long_line_stays_whole(void **state)
{
    (void)state;
    capture(LOG_LEVEL_INFO, LOG_FORMAT_JSON, say_long);
    assert_true(strlen(text) < 4096);
    assert_non_null(strstr(text, "\"event\":\"http.listening\",\"facts_too_long\":true}\n"));
}

static void test_nobody_reads(void **state)
{
    (void)state;
    int fds[2];
    char block[4096];
    uint64_t before = log_dropped_count();

    assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
    memset(block, 'x', sizeof(block));
    while (write(fds[1], block, sizeof(block)) > 0) {
    }
    log_setup(LOG_LEVEL_INFO, LOG_FORMAT_JSON, fds[1]);
    log_line(EVENT_SETTING_RELOADED, NULL);
    assert_int_equal(log_dropped_count(), before + 1);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void test_parses_names(void **state)
{
    (void)state;
    enum log_level level = LOG_LEVEL_INFO;
    enum log_format format = LOG_FORMAT_AUTO;

    assert_true(log_level_parse(span_of("warn"), &level));
    assert_int_equal(level, LOG_LEVEL_WARN);
    assert_false(log_level_parse(span_of("loud"), &level));
    assert_true(log_format_parse(span_of("text"), &format));
    assert_int_equal(format, LOG_FORMAT_TEXT);
    assert_false(log_format_parse(span_of("xml"), &format));
    assert_int_equal(format, LOG_FORMAT_TEXT);
}

static void test_table_is_sorted_and_named(void **state)
{
    (void)state;
    for (int i = 0; i < EVENT_NR; i++) {
        const struct event_row *row = event_row((enum event)i);

        assert_true(row->per_second > 0);
        assert_true(strlen(row->meaning) > 0);
        assert_non_null(strchr(row->name, '.'));
        if (i > 0) {
            assert_true(strcmp(event_row((enum event)(i - 1))->name, row->name) < 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_line),
        cmocka_unit_test(test_text_line),
        cmocka_unit_test(test_level),
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_long_line_stays_whole),
        cmocka_unit_test(test_nobody_reads),
        cmocka_unit_test(test_parses_names),
        cmocka_unit_test(test_table_is_sorted_and_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
