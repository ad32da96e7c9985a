#include "workers/image/image_command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct run {
    char directory[40];
    bool is_done;
    int status;
};

static struct loop *loop;

static int open_loop(void **state)
{
    struct exo_error err;

    (void)state;
    loop = loop_new(&err);
    return loop == NULL ? -1 : 0;
}

static int close_loop(void **state)
{
    (void)state;
    loop_free(loop);
    return 0;
}

static void on_done(void *argument, int status)
{
    struct run *run = argument;

    run->status = status;
    run->is_done = true;
}

static void begin(struct run *run)
{
    *run = (struct run){.directory = "/tmp/exosphere-command-XXXXXX"};
    assert_non_null(mkdtemp(run->directory));
}

static void end(const struct run *run)
{
    char line[64];

    (void)snprintf(line, sizeof(line), "rm -r %s", run->directory);
    assert_int_equal(system(line), 0);
}

static void words_and_status_are_kept(void **state)
{
    const char *const arguments[] = {
        "sh", "-c", "echo out; echo \"$HOME\" >&2; env | grep -c . >&2; exit 3", NULL};
    struct image_command command = {.process = NULL};
    char text[COMMAND_TEXT_BYTES], wanted[64];
    struct exo_error err;
    struct run run;

    (void)state;
    begin(&run);
    (void)setenv("EXOSPHERE_TEST_SECRET", "x", 1);
    assert_int_equal(
        image_command_start(&command, loop, arguments, run.directory, on_done, &run, &err), 0);
    assert_true(loop_run_until(loop, &run.is_done, 20 * EXO_SECOND));
    assert_int_equal(run.status, 3);
    image_command_read(run.directory, "stdout", text);
    assert_string_equal(text, "out");
    image_command_read(run.directory, "stderr", text);
    /* PATH, TMPDIR, HOME, and PWD which the shell adds itself. */
    (void)snprintf(wanted, sizeof(wanted), "%s\n4", run.directory);
    assert_string_equal(text, wanted);
    image_command_read(run.directory, "nothing", text);
    assert_string_equal(text, "");
    end(&run);
}

static void only_the_end_of_many_words_is_read(void **state)
{
    const char *const arguments[] = {"sh", "-c", "head -c 100000 /dev/zero | tr '\\0' x; echo end",
                                     NULL};
    struct image_command command = {.process = NULL};
    char text[COMMAND_TEXT_BYTES];
    struct exo_error err;
    struct run run;

    (void)state;
    begin(&run);
    assert_int_equal(
        image_command_start(&command, loop, arguments, run.directory, on_done, &run, &err), 0);
    assert_true(loop_run_until(loop, &run.is_done, 20 * EXO_SECOND));
    image_command_read(run.directory, "stdout", text);
    assert_string_equal(text + strlen(text) - 4, "xend");
    end(&run);
}

static void killed_one_is_done_too(void **state)
{
    const char *const arguments[] = {"sleep", "600", NULL};
    struct image_command command = {.process = NULL};
    struct exo_error err;
    struct run run;

    (void)state;
    begin(&run);
    image_command_kill(&command);
    assert_int_equal(
        image_command_start(&command, loop, arguments, run.directory, on_done, &run, &err), 0);
    image_command_kill(&command);
    assert_true(loop_run_until(loop, &run.is_done, 20 * EXO_SECOND));
    assert_int_equal(run.status, -1);
    end(&run);
}

static void missing_program_has_a_line_to_type(void **state)
{
    const char *const arguments[] = {"no-such-program-anywhere", NULL};
    struct image_command command = {.process = NULL};
    struct exo_error err;
    struct run run;

    (void)state;
    begin(&run);
    assert_int_equal(
        image_command_start(&command, loop, arguments, run.directory, on_done, &run, &err), -1);
    assert_int_equal(err.code, EXO_ENOTFOUND);
    assert_non_null(strstr(err.text, "apt-get install skopeo umoci"));
    end(&run);
}

static void skopeo_is_put_in_the_users_words(void **state)
{
    static const struct {
        const char *said;
        enum exo_error_code code;
        bool is_retryable;
    } cases[] = {
        {"time=\"x\" level=fatal msg=\"reading manifest 2 in r/x: manifest unknown\"",
         EXO_ENOTFOUND, false},
        {"level=fatal msg=\"name unknown: repository not known\"", EXO_ENOTFOUND, false},
        {"msg=\"unable to retrieve auth token: invalid username/password: unauthorized\"",
         EXO_EDENIED, false},
        {"msg=\"requested access to the resource is denied\"", EXO_EDENIED, false},
        {"msg=\"write /x: no space left on device\"", EXO_EIO, false},
        {"msg=\"pinging container registry r: dial tcp: connect: connection refused\"",
         EXO_EUNAVAILABLE, true},
        {"msg=\"lookup r.example: Temporary failure in name resolution\"", EXO_EUNAVAILABLE, true},
        {"", EXO_EUNAVAILABLE, true},
        {"level=warning msg=\"not found: a cache\" level=fatal msg=\"i/o timeout\"",
         EXO_EUNAVAILABLE, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct exo_error err = {.code = EXO_OK};

        assert_int_equal(image_command_explain(cases[i].said, "r/x:2", &err), -1);
        if (err.code != cases[i].code || err.is_retryable != cases[i].is_retryable) {
            fail_msg("%s became %s", cases[i].said, err.text);
        }
        assert_non_null(strstr(err.text, "image r/x:2"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_and_status_are_kept),
        cmocka_unit_test(only_the_end_of_many_words_is_read),
        cmocka_unit_test(killed_one_is_done_too),
        cmocka_unit_test(missing_program_has_a_line_to_type),
        cmocka_unit_test(skopeo_is_put_in_the_users_words),
    };
    return cmocka_run_group_tests(tests, open_loop, close_loop);
}
