/* command: what a person types against a small table, and what the program prints and returns. */
#include "infra/config/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char ran[256]; /* what the command was given */

static int run_show(const struct command_call *call)
{
    const char *input = command_line_value(call->line, "input");

    (void)snprintf(ran, sizeof(ran), "%s %s input=%s slots=%lld", call->command->name,
                   call->line->positional_count > 0 ? call->line->positionals[0] : "-",
                   input == NULL ? "-" : input,
                   call->settings == NULL ? -1LL : (long long)call->settings->slots);
    return 7;
}

static const struct flag flags[] = {{"input", 'i', "K=V", "an input", true}};

static const struct command commands[] = {
    {"work", "NAME", "Works", "More of it.\n", ROLE_WORKER, flags, 1, 1, 1, run_show},
    {"dlq list", "", "Lists", NULL, 0, NULL, 0, 0, 0, run_show},
};

static char printed[65536]; /* stdout and stderr of the last run */

/* Runs the program with words after its name; returns its exit status. */
static int run(const char *const *words, const char *variable)
{
    char *argv[16] = {NULL};
    char *environment[] = {NULL, NULL};
    int argc = 0;
    FILE *file = tmpfile();
    int out = dup(STDOUT_FILENO);
    int err = dup(STDERR_FILENO);

    assert_non_null(file);
    argv[argc++] = strdup("exosphere");
    for (const char *const *word = words; *word != NULL; word++) {
        argv[argc++] = strdup(*word);
    }
    environment[0] = variable == NULL ? NULL : strdup(variable);
    ran[0] = '\0';
    (void)fflush(stdout);
    assert_true(dup2(fileno(file), STDOUT_FILENO) >= 0);
    assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
    int status = command_main(commands, 2, argc, argv, environment);

    (void)fflush(stdout);
    (void)fflush(stderr);
    assert_true(dup2(out, STDOUT_FILENO) >= 0);
    assert_true(dup2(err, STDERR_FILENO) >= 0);
    (void)close(out);
    (void)close(err);
    rewind(file);
    size_t bytes = fread(printed, 1, sizeof(printed) - 1, file);

    printed[bytes] = '\0';
    (void)fclose(file);
    for (int i = 0; i < argc; i++) {
        free(argv[i]);
    }
    free(environment[0]);
    return status;
}

#define RUN(variable, ...) run((const char *const[]){__VA_ARGS__, NULL}, variable)

static void test_runs_with_flags_and_settings(void **state)
{
    (void)state;
    assert_int_equal(RUN("EXOSPHERE_SLOTS=3", "work", "a", "-i", "k=v"), 7);
    assert_string_equal(ran, "work a input=k=v slots=3");
    assert_int_equal(RUN(NULL, "work", "--slots=4", "a"), 7);
    assert_string_equal(ran, "work a input=- slots=4");
    assert_int_equal(RUN(NULL, "dlq", "list"), 7);
    assert_string_equal(ran, "dlq list - input=- slots=-1");
}

static void test_help(void **state)
{
    (void)state;
    assert_int_equal(RUN(NULL, "--help"), EXIT_STATUS_DONE);
    assert_non_null(strstr(printed, "dlq list"));
    assert_int_equal(RUN(NULL, "work", "--help"), EXIT_STATUS_DONE);
    assert_non_null(strstr(printed, "usage: exosphere work [flags] NAME"));
    assert_non_null(strstr(printed, "-i, --input K=V"));
    assert_non_null(strstr(printed, "--slots"));
    assert_non_null(strstr(printed, "--print-config"));
    assert_non_null(strstr(printed, "Exit status"));
    assert_int_equal(RUN(NULL, "dlq", "list", "-h"), EXIT_STATUS_DONE);
    assert_null(strstr(printed, "--print-config")); /* it has no settings */
    assert_int_equal(RUN(NULL, "dlq", "--help"), EXIT_STATUS_DONE);
    assert_non_null(strstr(printed, "usage: exosphere dlq COMMAND"));
    assert_non_null(strstr(printed, "dlq list"));
    assert_null(strstr(printed, "work"));
    assert_int_equal(RUN(NULL, "--version"), EXIT_STATUS_DONE);
    assert_string_equal(printed, "exosphere " EXO_VERSION "\n");
    assert_string_equal(ran, "");
}

static void test_wrong_usage(void **state)
{
    (void)state;
    assert_int_equal(run((const char *const[]){NULL}, NULL), EXIT_STATUS_USAGE);
    assert_int_equal(RUN(NULL, "wrok", "a"), EXIT_STATUS_USAGE);
    assert_non_null(strstr(printed, "did you mean `work`?"));
    assert_int_equal(RUN(NULL, "work"), EXIT_STATUS_USAGE);
    assert_non_null(strstr(printed, "an argument is missing"));
    assert_int_equal(RUN(NULL, "work", "a", "b"), EXIT_STATUS_USAGE);
    assert_non_null(strstr(printed, "b: one argument too many"));
    assert_int_equal(RUN(NULL, "work", "a", "--inptu", "x"), EXIT_STATUS_USAGE);
    assert_non_null(strstr(printed, "did you mean --input?"));
    assert_int_equal(RUN(NULL, "dlq"), EXIT_STATUS_USAGE);
    assert_string_equal(ran, "");
}

static void test_wrong_settings(void **state)
{
    (void)state;
    assert_int_equal(RUN("EXOSPHERE_SLOTS=many", "work", "a"), EXIT_STATUS_CONFIG);
    assert_non_null(strstr(printed, "EXOSPHERE_SLOTS: not \"many\"; give a whole number"));
    assert_int_equal(RUN("EXOSPHERE_SLOTS=many", "work", "a", "--check-config"),
                     EXIT_STATUS_CONFIG);
    assert_int_equal(RUN(NULL, "work", "a", "--kafka-properties", "sasl.password=s3cret"),
                     EXIT_STATUS_CONFIG);
    assert_non_null(strstr(printed, "--kafka-properties-file"));
    assert_null(strstr(printed, "s3cret"));
    assert_string_equal(ran, "");
}

static void test_shows_settings(void **state)
{
    (void)state;
    assert_int_equal(RUN("EXOSPHERE_KAFKA_PROPERTIES=sasl.password=s3cret", "work", "a",
                         "--print-config", "--slots", "5"),
                     EXIT_STATUS_DONE);
    assert_non_null(strstr(printed, "--slots"));
    assert_non_null(strstr(printed, "EXOSPHERE_KAFKA_PROPERTIES"));
    assert_null(strstr(printed, "s3cret"));
    assert_int_equal(RUN(NULL, "work", "--check-config"), EXIT_STATUS_DONE);
    assert_string_equal(ran, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs_with_flags_and_settings),
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_wrong_usage),
        cmocka_unit_test(test_wrong_settings),
        cmocka_unit_test(test_shows_settings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
