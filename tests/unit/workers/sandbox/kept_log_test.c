#include "workers/sandbox/kept_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
    char path[40];
    int fd;
};

static int make_place(void **state)
{
    static struct place place;

    (void)snprintf(place.path, sizeof(place.path), "/tmp/exosphere-log-XXXXXX");
    if (mkdtemp(place.path) == NULL) {
        return -1;
    }
    place.fd = open(place.path, O_RDONLY | O_DIRECTORY);
    *state = &place;
    return place.fd < 0 ? -1 : 0;
}

static int remove_place(void **state)
{
    struct place *place = *state;

    (void)close(place->fd);
    return rmdir(place->path);
}

/* Byte number n of every test's log. */
static char byte_at(uint64_t n)
{
    return (char)('a' + n % 23);
}

static void append(struct kept_log *log, size_t bytes)
{
    char text[4096];

    assert_true(bytes <= sizeof(text));
    for (size_t i = 0; i < bytes; i++) {
        text[i] = byte_at(log->total_bytes + i);
    }
    kept_log_append(log, (struct span){text, bytes});
}

/* What a log of total bytes must read as. */
static void must_be(const struct kept_log_text *text, uint64_t total, uint64_t limit)
{
    uint64_t half = limit / 2, cut = total > limit ? total - limit : 0;
    size_t at = 0;
    char mark[96] = "";

    if (cut > 0) {
        (void)snprintf(mark, sizeof(mark), "\n[exosphere: %llu bytes of the log cut here]\n",
                       (unsigned long long)cut);
    }
    assert_int_equal(text->total_bytes, total);
    assert_int_equal(text->lost_bytes, cut);
    assert_int_equal(text->bytes, total - cut + strlen(mark));
    for (uint64_t n = 0; n < total; n++) {
        if (n == half && cut > 0) {
            assert_memory_equal(text->text + at, mark, strlen(mark));
            at += strlen(mark);
            n += cut;
        }
        if (text->text[at++] != byte_at(n)) {
            fail_msg("byte %llu of %llu is wrong", (unsigned long long)n,
                     (unsigned long long)total);
        }
    }
}

/* Every total around the edges, in steps that never fit them: read live and read back. */
static void first_and_last_half_are_kept(void **state)
{
    enum { LIMIT = 100 };
    struct place *place = *state;
    struct kept_log_text text;
    struct exo_error err;

    for (size_t step = 1; step < 260; step += 7) {
        struct kept_log log;

        kept_log_init(&log, place->fd, "x", LIMIT);
        while (log.total_bytes < 520) {
            append(&log, step);
            assert_int_equal(kept_log_read(&log, &text, &err), 0);
            must_be(&text, log.total_bytes, LIMIT);
            kept_log_text_free(&text);
            assert_int_equal(kept_log_recover(place->fd, "x", &text, &err), 0);
            must_be(&text, log.total_bytes, LIMIT);
            kept_log_text_free(&text);
        }
        kept_log_close(&log, true);
    }
}

static void silent_log_has_no_file(void **state)
{
    struct place *place = *state;
    struct kept_log log;
    struct kept_log_text text;
    struct exo_error err;

    kept_log_init(&log, place->fd, "x", 100);
    kept_log_append(&log, (struct span){NULL, 0});
    assert_int_not_equal(faccessat(place->fd, "x.log", F_OK, 0), 0);
    assert_int_equal(kept_log_read(&log, &text, &err), 0);
    assert_int_equal(text.bytes, 0);
    kept_log_close(&log, true);
    assert_int_equal(kept_log_recover(place->fd, "x", &text, &err), 0);
    assert_null(text.text);
}

static void close_keeps_or_removes(void **state)
{
    struct place *place = *state;
    struct kept_log log;

    kept_log_init(&log, place->fd, "x", 100);
    append(&log, 10);
    kept_log_close(&log, false);
    assert_int_equal(faccessat(place->fd, "x.log", F_OK, 0), 0);
    kept_log_init(&log, place->fd, "x", 100);
    append(&log, 10);
    kept_log_close(&log, true);
    assert_int_not_equal(faccessat(place->fd, "x.log", F_OK, 0), 0);
}

/* A disk that is full: what it took stays, the rest is counted, and the end says so. */
static void full_disk_loses_only_the_rest(void **state)
{
    struct place *place = *state;
    struct rlimit before, small;
    struct kept_log log;
    struct kept_log_text text;
    struct exo_error err;

    kept_log_init(&log, place->fd, "x", 4000);
    append(&log, 100);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){.rlim_cur = 200, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    append(&log, 1000);
    append(&log, 1000);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    append(&log, 5);
    assert_int_equal(kept_log_read(&log, &text, &err), 0);
    assert_int_equal(text.total_bytes, 2105);
    assert_int_equal(text.lost_bytes, 2005);
    assert_int_equal(text.text[99], byte_at(99));
    assert_memory_equal(text.text + 100, "\n[exosphere: 2005 bytes", 23);
    kept_log_text_free(&text);
    kept_log_close(&log, true);
}

/* Files that no log of ours would look like. */
static void strange_files_hold_nothing(void **state)
{
    static const char *const contents[] = {"", "short", "a text that is longer than any header is",
                                           "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"};
    struct place *place = *state;
    struct kept_log_text text;
    struct exo_error err;

    for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
        int fd = openat(place->fd, "x.log", O_WRONLY | O_CREAT | O_TRUNC, 0600);

        assert_true(fd >= 0);
        assert_true(write(fd, contents[i], i == 3 ? 26 : strlen(contents[i])) >= 0);
        (void)close(fd);
        assert_int_equal(kept_log_recover(place->fd, "x", &text, &err), 0);
        assert_null(text.text);
        assert_int_equal(text.bytes, 0);
    }
    assert_int_equal(unlinkat(place->fd, "x.log", 0), 0);
}

/* A header that does not fit its file must not ask for memory, nor keep a worker from its start. */
static void damaged_headers_hold_nothing(void **state)
{
    enum { LIMIT = 100 };
    static const uint64_t damages[][2] = {
        {LIMIT / 2, 0}, {UINT64_MAX - 1, UINT64_MAX}, {LIMIT, LIMIT + 1}, {LIMIT, 5}, {3, 0},
        {0, 0},
    };
    struct place *place = *state;
    struct kept_log_text text;
    struct exo_error err;

    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        struct kept_log log;

        kept_log_init(&log, place->fd, "x", LIMIT);
        append(&log, LIMIT - 2);
        assert_int_equal(pwrite(log.fd, damages[i], sizeof(damages[i]), 8), sizeof(damages[i]));
        assert_int_equal(kept_log_recover(place->fd, "x", &text, &err), 0);
        assert_null(text.text);
        assert_int_equal(text.bytes, 0);
        kept_log_close(&log, true);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_and_last_half_are_kept),
        cmocka_unit_test(silent_log_has_no_file),
        cmocka_unit_test(close_keeps_or_removes),
        cmocka_unit_test(full_disk_loses_only_the_rest),
        cmocka_unit_test(strange_files_hold_nothing),
        cmocka_unit_test(damaged_headers_hold_nothing),
    };
    /* Above RLIMIT_FSIZE a signal would come before the error. */
    (void)signal(SIGXFSZ, SIG_IGN);
    return cmocka_run_group_tests(tests, make_place, remove_place);
}
