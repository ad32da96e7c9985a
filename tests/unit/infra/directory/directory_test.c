/* directory: made with those above it; what stands in its way is named, with what to do. */
#include "infra/directory/directory.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/test.h"

enum { PATH_BYTES = 256 };

static char root[] = "/tmp/exo-directory-XXXXXX";

static const char *below(const char *name)
{
    static char path[PATH_BYTES];

    (void)snprintf(path, sizeof(path), "%s/%s", root, name);
    return path;
}

static mode_t mode_of(const char *name)
{
    struct stat facts;

    assert_int_equal(stat(below(name), &facts), 0);
    return facts.st_mode & 0777;
}

static void test_made_with_those_above_it(void **state)
{
    struct exo_error err;

    (void)state;
    (void)umask(022);
    assert_int_equal(directory_make(below("a/b/c"), 0700, "do this", &err), 0);
    assert_int_equal(mode_of("a"), 0755);
    assert_int_equal(mode_of("a/b"), 0755);
    assert_int_equal(mode_of("a/b/c"), 0700);
}

static void test_what_is_there_stays_as_it_is(void **state)
{
    struct exo_error err;

    (void)state;
    assert_int_equal(directory_make(below("d"), 0710, "do this", &err), 0);
    assert_int_equal(directory_make(below("d"), 0700, "do this", &err), 0);
    assert_int_equal(directory_make(below("d//e/"), 0700, "do this", &err), 0);
    assert_int_equal(mode_of("d"), 0710);
    assert_int_equal(mode_of("d/e"), 0700);
}

static void test_a_file_is_in_its_way(void **state)
{
    struct exo_error err;
    int fd = open(below("file"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(directory_make(below("file"), 0700, "do this", &err), -1);
    assert_int_equal(err.code, EXO_EIO);
    assert_non_null(strstr(err.text, below("file cannot be made: Not a directory; do this")));
    assert_int_equal(directory_make(below("file/x/y"), 0700, "do this", &err), -1);
    assert_non_null(strstr(err.text, below("file cannot be made")));
}

static void test_no_name_and_too_long_a_name(void **state)
{
    static char path[8192];
    struct exo_error err;

    (void)state;
    assert_int_equal(directory_make("", 0700, "do this", &err), -1);
    assert_int_equal(err.code, EXO_EINVALID);
    assert_string_equal(err.text, "a directory has no name; do this");
    memset(path, 'a', sizeof(path) - 1);
    assert_int_equal(directory_make(path, 0700, "do this", &err), -1);
    assert_int_equal(err.code, EXO_EINVALID);
    assert_string_equal(err.text, "a directory has too long a name; do this");
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(root) == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    char command[PATH_BYTES];

    (void)state;
    (void)snprintf(command, sizeof(command), "rm -r '%s'", root);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made_with_those_above_it),
        cmocka_unit_test(test_what_is_there_stays_as_it_is),
        cmocka_unit_test(test_a_file_is_in_its_way),
        cmocka_unit_test(test_no_name_and_too_long_a_name),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
