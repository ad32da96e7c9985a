#include "infra/archive/package.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "infra/archive/package_tree.h"
#include "infra/crypto/crypto.h"
#include "schemas/vocab/limits.h"
#include "tests/support/test.h"

struct room {
    char path[64];
    int from, to, package;
};

static int remove_entry(const char *path, const struct stat *facts, int kind, struct FTW *walk)
{
    (void)facts;
    (void)kind;
    (void)walk;
    return remove(path);
}

static int open_below(const char *path, const char *name)
{
    char whole[128];

    (void)snprintf(whole, sizeof(whole), "%s/%s", path, name);
    assert_int_equal(mkdir(whole, 0755), 0);
    int fd = open(whole, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    assert_true(fd >= 0);
    return fd;
}

static int set_up(void **state)
{
    struct room *r = calloc(1, sizeof(*r));

    assert_non_null(r);
    (void)snprintf(r->path, sizeof(r->path), "/tmp/exo_package_XXXXXX");
    assert_non_null(mkdtemp(r->path));
    r->from = open_below(r->path, "from");
    r->to = open_below(r->path, "to");
    r->package = open(r->path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    assert_true(r->package >= 0);
    *state = r;
    return 0;
}

static int tear_down(void **state)
{
    struct room *r = *state;

    (void)close(r->from);
    (void)close(r->to);
    (void)close(r->package);
    (void)nftw(r->path, remove_entry, 16, FTW_PHYS | FTW_DEPTH);
    free(r);
    return 0;
}

static void file_put(int directory, const char *name, mode_t mode, const char *text)
{
    int fd = openat(directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    (void)close(fd);
}

static void file_is(int directory, const char *name, mode_t mode, const char *text)
{
    char found[256] = "";
    struct stat facts;
    int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_true(read(fd, found, sizeof(found) - 1) >= 0);
    assert_string_equal(found, text);
    assert_int_equal(fstat(fd, &facts), 0);
    assert_int_equal(facts.st_mode & 07777, mode);
    (void)close(fd);
}

static int pack(struct room *r, struct package_facts *facts, struct exo_error *err)
{
    assert_int_equal(ftruncate(r->package, 0), 0);
    assert_int_equal(lseek(r->package, 0, SEEK_SET), 0);
    return package_write(r->from, r->package, facts, err);
}

static int unpack(struct room *r, const char *path, struct exo_error *err)
{
    assert_int_equal(lseek(r->package, 0, SEEK_SET), 0);
    return package_unpack(r->package, r->to, path, NULL, err);
}

static void tree_make(struct room *r)
{
    file_put(r->from, "b.txt", 0600, "bee");
    file_put(r->from, "run", 04755, "#!/bin/sh\n");
    file_put(r->from, "empty", 0000, "");
    assert_int_equal(mkdirat(r->from, "dir", 0700), 0);
    assert_int_equal(mkdirat(r->from, "dir/deep", 0700), 0);
    assert_int_equal(mkdirat(r->from, "hollow", 0700), 0);
    file_put(r->from, "dir/deep/\xc3\xa4 file", 0666, "umlaut");
    assert_int_equal(linkat(r->from, "b.txt", r->from, "dir/again", 0), 0);
}

static void test_a_tree_goes_through(void **state)
{
    struct room *r = *state;
    struct package_facts facts, again;
    struct exo_error err;
    struct stat hollow;

    tree_make(r);
    assert_int_equal(pack(r, &facts, &err), 0);
    assert_int_equal(facts.file_count, 5);
    assert_int_equal(facts.file_bytes, 3 + 10 + 6 + 3);
    assert_int_equal(lseek(r->package, 0, SEEK_END), facts.bytes);
    assert_int_equal(unpack(r, NULL, &err), 0);
    file_is(r->to, "b.txt", 0644, "bee");
    file_is(r->to, "run", 0755, "#!/bin/sh\n"); /* setuid is gone */
    file_is(r->to, "empty", 0644, "");
    file_is(r->to, "dir/deep/\xc3\xa4 file", 0644, "umlaut");
    file_is(r->to, "dir/again", 0644, "bee"); /* a second file, not a link */
    assert_int_equal(fstatat(r->to, "hollow", &hollow, 0), 0);
    assert_true(S_ISDIR(hollow.st_mode));
    /* Times, owners and the order of creation do not show. */
    file_put(r->from, "b.txt", 0640, "bee");
    assert_int_equal(pack(r, &again, &err), 0);
    assert_memory_equal(facts.digest.bytes, again.digest.bytes, DIGEST_BYTES);
}

static void test_one_file_can_be_taken(void **state)
{
    struct room *r = *state;
    struct package_facts facts;
    struct exo_error err;

    tree_make(r);
    assert_int_equal(pack(r, &facts, &err), 0);
    assert_int_equal(unpack(r, "dir/again", &err), 0);
    file_is(r->to, "dir/again", 0644, "bee");
    assert_int_not_equal(faccessat(r->to, "b.txt", F_OK, 0), 0);
    assert_int_equal(unpack(r, "no/such", &err), -1);
    assert_int_equal(err.code, EXO_ENOTFOUND);
}

static void test_the_index_stands_in_front(void **state)
{
    struct room *r = *state;
    struct package_facts facts;
    struct exo_error err;
    unsigned char head[PACKAGE_HEAD_BYTES];
    char text[512] = "";

    file_put(r->from, "a", 0644, "x");
    file_put(r->from, "b", 0755, "yz");
    assert_int_equal(pack(r, &facts, &err), 0);
    assert_int_equal(pread(r->package, head, sizeof(head), 0), sizeof(head));
    size_t bytes = package_index_bytes((struct span){head, sizeof(head)});

    assert_true(bytes > PACKAGE_HEAD_BYTES && bytes < sizeof(text));
    assert_int_equal(pread(r->package, text, bytes - sizeof(head), sizeof(head)),
                     bytes - sizeof(head));
    assert_string_equal(text, "{\"files\":[{\"path\":\"a\",\"bytes\":1},"
                              "{\"path\":\"b\",\"bytes\":2,\"executable\":true}],\"bytes\":3}");
    assert_int_equal(package_index_bytes((struct span){"no package", 10}), 0);
    assert_int_equal(package_index_bytes((struct span){head, 7}), 0);
}

static void test_nothing_makes_no_package(void **state)
{
    struct room *r = *state;
    struct package_facts facts;
    struct exo_error err;

    assert_int_equal(mkdirat(r->from, "hollow", 0700), 0);
    assert_int_equal(pack(r, &facts, &err), 0);
    assert_int_equal(facts.file_count, 0);
    assert_int_equal(lseek(r->package, 0, SEEK_END), 0);
}

static void refused(struct room *r, const char *name, const char *word, enum exo_error_code code)
{
    struct package_facts facts;
    struct exo_error err;

    assert_int_equal(pack(r, &facts, &err), -1);
    assert_int_equal(err.code, code);
    if (strstr(err.text, word) == NULL) {
        fail_msg("\"%s\" is not in: %s", word, err.text);
    }
    assert_int_equal(unlinkat(r->from, name, 0), 0);
    assert_int_equal(pack(r, &facts, &err), 0);
}

static void test_what_is_no_file_is_refused(void **state)
{
    struct room *r = *state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    assert_int_equal(symlinkat("/etc/passwd", r->from, "out"), 0);
    refused(r, "out", "out is a symbolic link", EXO_EINVALID);
    assert_int_equal(mkfifoat(r->from, "pipe", 0600), 0);
    refused(r, "pipe", "pipe is a pipe", EXO_EINVALID);
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/from/sock", r->path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    refused(r, "sock", "sock is a socket", EXO_EINVALID);
    (void)close(fd);
    if (geteuid() == 0 && mknodat(r->from, "null", S_IFCHR | 0600, 0x103) == 0) {
        refused(r, "null", "null is a device", EXO_EINVALID);
    }
}

static void test_limits_are_said(void **state)
{
    struct room *r = *state;
    char name[256];
    int fd = openat(r->from, "huge", O_WRONLY | O_CREAT, 0600);

    assert_int_equal(ftruncate(fd, (off_t)LIMIT_ARTEFACT_BYTES + 1), 0);
    (void)close(fd);
    refused(r, "huge", "1 GiB", EXO_ELIMIT);
    file_put(r->from, "line\nbreak", 0600, "x");
    refused(r, "line\nbreak", "UTF-8", EXO_ELIMIT);
    file_put(r->from, "latin\xe4", 0600, "x");
    refused(r, "latin\xe4", "UTF-8", EXO_ELIMIT);
    for (int i = 0; i <= LIMIT_ARTEFACT_FILES; i++) {
        (void)snprintf(name, sizeof(name), "f%05d", i);
        file_put(r->from, name, 0600, "");
    }
    refused(r, "f00000", "10000 files", EXO_ELIMIT);
}

static void test_paths(void **state)
{
    static const char *const bad[] = {"",     "/a",  "a/",  "a//b", "..",   "../a", "a/../b",
                                      "a/..", "./a", "a/.", "a\nb", "\x7f", "\xff"};
    static const char *const good[] = {"a", "a/b", "...", "a/..b", ".hidden", "a b"};
    char deep[2 * PACKAGE_DEPTH_MAX + 4] = "a";

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(package_path_is_good(bad[i]));
    }
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(package_path_is_good(good[i]));
    }
    for (int i = 1; i < PACKAGE_DEPTH_MAX; i++) {
        strcat(deep, "/a");
    }
    assert_true(package_path_is_good(deep));
    strcat(deep, "/a");
    assert_false(package_path_is_good(deep));
}

/* A package made by another hand: tests/support has no tar of its own, the machine's is used. */
static void foreign(struct room *r, const char *script, const char *word)
{
    char line[1024];
    struct exo_error err = {.text = ""};
    char empty[PACKAGE_HEAD_BYTES] = {0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0};

    (void)snprintf(line, sizeof(line), "cd %s/from && rm -rf * && %s", r->path, script);
    assert_int_equal(system(line), 0);
    (void)snprintf(line, sizeof(line), "%s/from/x.tar.zst", r->path);
    int fd = open(line, O_RDONLY | O_CLOEXEC);
    char bytes[65536];
    ssize_t count = read(fd, bytes, sizeof(bytes));

    (void)close(fd);
    assert_true(count > 0);
    assert_int_equal(ftruncate(r->package, 0), 0);
    assert_int_equal(lseek(r->package, 0, SEEK_SET), 0);
    assert_int_equal(write(r->package, empty, sizeof(empty)), sizeof(empty));
    assert_int_equal(write(r->package, bytes, (size_t)count), count);
    assert_int_equal(unpack(r, NULL, &err), -1);
    assert_int_equal(err.code, EXO_EINVALID);
    if (strstr(err.text, word) == NULL) {
        fail_msg("\"%s\" is not in: %s", word, err.text);
    }
    (void)snprintf(line, sizeof(line), "test ! -e %s/escaped && rm -rf %s/to/*", r->path, r->path);
    assert_int_equal(system(line), 0);
}

static void test_foreign_packages_cannot_get_out(void **state)
{
    struct room *r = *state;
    static const char *const else_word = "something else than files";

    foreign(r, "ln -s .. up && tar --zstd -cf x.tar.zst up", else_word);
    foreign(r, "echo x >a && ln a b && tar --zstd -cf x.tar.zst a b", else_word);
    foreign(r, "echo x >escaped && tar --zstd -Pcf x.tar.zst --transform=s,^,../, escaped",
            else_word);
    foreign(r, "echo x >a && tar --zstd -Pcf x.tar.zst $PWD/a", else_word);
    foreign(r, "mkfifo p && tar --zstd -cf x.tar.zst p", else_word);
    foreign(r, "echo x >a && tar --hard-dereference --zstd -cf x.tar.zst a a", "exists");
    foreign(r, "echo no tar at all | zstd >x.tar.zst 2>/dev/null || printf 'no zstd' >x.tar.zst",
            "cannot be read");
    foreign(r, "head -c 3000 /dev/urandom >a && tar --zstd -cf y a && head -c 1500 y >x.tar.zst",
            "cannot be read");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_tree_goes_through, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_file_can_be_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_index_stands_in_front, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_makes_no_package, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_no_file_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_limits_are_said, set_up, tear_down),
        cmocka_unit_test(test_paths),
        cmocka_unit_test_setup_teardown(test_foreign_packages_cannot_get_out, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
