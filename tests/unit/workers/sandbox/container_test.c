/* What needs no machine of workers/sandbox/container.c and cgroup.c. */
#include "workers/sandbox/container.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void crun_is_put_in_the_users_words(void **state)
{
    static const struct {
        const char *said;
        enum exo_error_code code;
        bool is_retryable;
        const char *says;
    } cases[] = {
        {"executable file `x` not found in $PATH: No such file or directory", EXO_EINVALID, false,
         "\"x\" is not in the image"},
        {"exec container process `/x`: Exec format error", EXO_EINVALID, false, "#!/bin/sh"},
        {"exec container process `/x`: Permission denied", EXO_EINVALID, false,
         "readable and executable for all"},
        {"open executable: Operation not permitted", EXO_EINVALID, false, "may not be run"},
        {"chdir to `/no`: Permission denied", EXO_EINVALID, false, "(chdir"},
        {"creating `/sys/fs/cgroup/x`: Permission denied", EXO_EIO, true, "Permission denied"},
        {"mount `x` to `y`: No space left on device", EXO_EIO, true, "No space left"},
        {"", EXO_EIO, true, "said nothing"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct exo_error err = {.code = EXO_OK};

        assert_int_equal(container_explain(cases[i].said, "x", &err), -1);
        assert_int_equal(err.code, cases[i].code);
        assert_int_equal(err.is_retryable, cases[i].is_retryable);
        if (strstr(err.text, cases[i].says) == NULL) {
            fail_msg("\"%s\" became: %s", cases[i].said, err.text);
        }
    }
}

static void counters_are_found_by_their_whole_name(void **state)
{
    static const char text[] = "oom_kill_disable 0\nunder_oom 0\noom_kill 3\nlow 12\n";

    (void)state;
    assert_int_equal(cgroup_parse_number(text, "oom_kill"), 3);
    assert_int_equal(cgroup_parse_number(text, "low"), 12);
    assert_int_equal(cgroup_parse_number(text, "oom"), 0);
    assert_int_equal(cgroup_parse_number(text, "kill"), 0);
    assert_int_equal(cgroup_parse_number("", "low"), 0);
    assert_int_equal(cgroup_parse_number("low 18446744073709551615", "low"), UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crun_is_put_in_the_users_words),
        cmocka_unit_test(counters_are_found_by_their_whole_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
