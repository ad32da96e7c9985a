/* disk_full: spool and room on a file system that is really full: a tmpfs of 24 MiB. Needs root. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "workers/room.h"
#include "workers/spool.h"

static char directory[] = "/tmp/exo-full-XXXXXX";
static char filler[64], spool_path[64];

static int disk_mount(void **state)
{
    (void)state;
    return mount("tmpfs", directory, "tmpfs", 0, "size=24m,nr_inodes=1000,mode=0700");
}

static int disk_unmount(void **state)
{
    (void)state;
    return umount2(directory, MNT_DETACH);
}

/* Takes what is left, to the last byte. */
static void disk_fill(void)
{
    static const char zeros[4096];
    int fd = open(filler, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    while (write(fd, zeros, sizeof(zeros)) > 0) {
    }
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(close(fd), 0);
}

static struct spool_entry entry_of(uint32_t index, enum wire_report_kind kind)
{
    return (struct spool_entry){
        .worker = span_of("w1"),
        .report = {.kind = kind,
                   .task = {.execution = {{1, 2, 3}}, .index = index},
                   .attempt = 1,
                   .outcome = kind == REPORT_FINISHED ? OUTCOME_SUCCEEDED : OUTCOME_NONE},
    };
}

/* What an attempt that was begun in time came to is kept, as large as it may be. */
static void test_what_was_begun_has_room_for_its_end(void **state)
{
    static char text[64 << 10];
    struct exo_error err;
    struct spool *spool = spool_open(spool_path, &err);
    struct spool_entry begun = entry_of(1, REPORT_ACCEPTED);
    struct spool_entry ended = entry_of(1, REPORT_FINISHED);
    struct spool_entry late = entry_of(2, REPORT_ACCEPTED);
    struct heap_budget budget = {0};
    struct arena arena;
    struct spool_entry *entries;
    uint32_t broken;

    (void)state;
    assert_non_null(spool);
    memset(text, 'x', sizeof(text));
    ended.report.output = (struct span){text, sizeof(text)};
    ended.report.control = (struct span){text, sizeof(text)};
    assert_int_equal(spool_write(spool, &begun, &err), 0);
    disk_fill();
    assert_int_equal(spool_write(spool, &late, &err), -1);
    assert_int_equal(err.code, EXO_EIO);
    assert_non_null(strstr(err.text, "No space left"));
    spool_delete(spool, &late.report.task, 1);
    disk_fill();
    assert_int_equal(spool_write(spool, &ended, &err), 0);
    arena_init(&arena, allocator_heap(&budget), 0);
    assert_int_equal(spool_load(spool, &arena, &entries, &broken, &err), 1);
    assert_int_equal(broken, 0);
    assert_int_equal(entries[0].report.kind, REPORT_FINISHED);
    assert_int_equal(entries[0].report.output.bytes, sizeof(text));
    assert_int_equal(entries[0].report.control.bytes, sizeof(text));
    assert_int_equal(unlink(filler), 0);
    assert_int_equal(spool_write(spool, &late, &err), 0);
    arena_release(&arena);
    spool_close(spool);
}

struct watch {
    struct room *room;
    uint32_t changes;
    bool is_changed;
};

static void changed(void *argument)
{
    struct watch *watch = argument;

    watch->changes++;
    watch->is_changed = true;
}

static void change_await(struct loop *loop, struct watch *watch)
{
    assert_true(loop_run_until(loop, &watch->is_changed, 30 * EXO_SECOND));
    watch->is_changed = false;
}

static void test_room_is_lost_and_found(void **state)
{
    struct exo_error err;
    struct loop *loop = loop_new(&err);
    struct watch watch = {.changes = 0};

    (void)state;
    watch.room = room_open(loop, directory, changed, &watch);
    assert_null(room_full_reason(watch.room));
    disk_fill();
    change_await(loop, &watch);
    const char *reason = room_full_reason(watch.room);

    assert_non_null(reason);
    assert_non_null(strstr(reason, directory));
    assert_non_null(strstr(reason, "0 MiB"));
    assert_non_null(strstr(reason, "make room there"));
    /* Between once and twice what is needed it stays full: 24 MiB is never twice 16. */
    assert_int_equal(unlink(filler), 0);
    assert_int_equal(mount("tmpfs", directory, "tmpfs", MS_REMOUNT, "size=64m"), 0);
    change_await(loop, &watch);
    assert_null(room_full_reason(watch.room));
    assert_int_equal(watch.changes, 2);
    room_close(watch.room);
    loop_free(loop);
}

/* What statvfs does not show: a disk that was mounted read-only, as after an error of its own. */
static void test_who_was_refused_tries_again(void **state)
{
    const struct exo_error refusal = {.code = EXO_EIO, .text = "it is read-only"};
    struct exo_error err;
    struct loop *loop = loop_new(&err);
    struct watch watch = {.changes = 0};

    (void)state;
    watch.room = room_open(loop, directory, changed, &watch);
    assert_int_equal(mount("tmpfs", directory, "tmpfs", MS_REMOUNT | MS_RDONLY, "size=64m"), 0);
    room_refused(watch.room, &refusal);
    change_await(loop, &watch);
    assert_non_null(strstr(room_full_reason(watch.room), "it is read-only"));
    assert_int_equal(mount("tmpfs", directory, "tmpfs", MS_REMOUNT, "size=64m"), 0);
    change_await(loop, &watch);
    assert_null(room_full_reason(watch.room));
    room_close(watch.room);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_was_begun_has_room_for_its_end, disk_mount,
                                        disk_unmount),
        cmocka_unit_test_setup_teardown(test_room_is_lost_and_found, disk_mount, disk_unmount),
        cmocka_unit_test_setup_teardown(test_who_was_refused_tries_again, disk_mount, disk_unmount),
    };

    /* The mounts are this program's alone, and gone with it. */
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
        (void)fprintf(stderr, "SKIP disk_full: mounting needs root\n");
        return 77;
    }
    if (mkdtemp(directory) == NULL) {
        return 1;
    }
    (void)snprintf(filler, sizeof(filler), "%s/filler", directory);
    (void)snprintf(spool_path, sizeof(spool_path), "%s/spool", directory);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    (void)rmdir(directory);
    return failed;
}
