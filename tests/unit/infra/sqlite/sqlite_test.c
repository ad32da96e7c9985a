#include "infra/sqlite/sqlite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct place {
    char dir[32], path[64];
    struct loop *loop;
};

/* One job and what it was told; value is written, or read into. */
struct task {
    int64_t value, count;
    bool is_bad, is_done;
    struct exo_error err; /* code 0: none */
    int order;            /* in which its done came */
};

static int done_count;

static void place_make(struct place *place)
{
    struct exo_error err;

    memcpy(place->dir, "/tmp/exo_sqlite_XXXXXX", sizeof("/tmp/exo_sqlite_XXXXXX"));
    assert_non_null(mkdtemp(place->dir));
    (void)snprintf(place->path, sizeof(place->path), "%s/file", place->dir);
    place->loop = loop_new(&err);
    assert_non_null(place->loop);
    done_count = 0;
}

static void place_remove(struct place *place)
{
    char path[80];

    loop_free(place->loop);
    (void)snprintf(path, sizeof(path), "%s.lock", place->path);
    (void)unlink(path);
    (void)unlink(place->path);
    assert_int_equal(rmdir(place->dir), 0); /* SQLite removed what else there was */
}

static void on_done(void *argument, const struct exo_error *err)
{
    struct task *task = argument;

    assert_false(task->is_done);
    task->is_done = true;
    task->order = done_count++;
    task->err = err == NULL ? (struct exo_error){.code = EXO_OK} : *err;
}

static int make_table(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    (void)argument;
    return sqlite_script(connection, "CREATE TABLE IF NOT EXISTS t (v INTEGER PRIMARY KEY)", err);
}

/* Inserts value, then fails if it is told to. */
static int put(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct task *task = argument;
    struct sqlite_statement *statement = sqlite_use(connection, "INSERT INTO t VALUES (?1)", err);

    if (statement == NULL) {
        return -1;
    }
    sqlite_bind_int(statement, 1, task->value);
    if (sqlite_run(statement, err) < 0) {
        return -1;
    }
    return task->is_bad ? exo_error_set(err, EXO_EFENCED, "told to fail") : 0;
}

static int sum(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct task *task = argument;
    struct sqlite_statement *statement =
        sqlite_use(connection, "SELECT coalesce(sum(v), 0), count(*) FROM t", err);
    int stepped = statement == NULL ? -1 : sqlite_step(statement, err);

    if (stepped <= 0) {
        return -1;
    }
    task->value = sqlite_column_int(statement, 0);
    task->count = sqlite_column_int(statement, 1);
    sqlite_rewind(statement);
    return 0;
}

/* Ends the transaction under the group, as SQLite does by itself when a disk is full. */
static int spoil(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    (void)argument;
    sqlite_rollback(connection);
    return exo_error_set(err, EXO_EUNAVAILABLE, "the disk is full");
}

static void wait_for(struct place *place, struct task *task)
{
    assert_true(loop_run_until(place->loop, &task->is_done, 20 * EXO_SECOND));
}

static struct sqlite_file *open_with_table(struct place *place)
{
    struct exo_error err;
    struct sqlite_file *file = sqlite_file_open(place->loop, place->path, &err);
    struct task task = {.is_done = false};

    assert_non_null(file);
    sqlite_file_write(file, make_table, on_done, &task);
    wait_for(place, &task);
    assert_int_equal(task.err.code, 0);
    return file;
}

static void assert_sum(struct place *place, struct sqlite_file *file, int64_t value, int64_t count)
{
    struct task task = {.is_done = false};

    sqlite_file_read(file, sum, on_done, &task);
    wait_for(place, &task);
    assert_int_equal(task.err.code, 0);
    assert_int_equal(task.value, value);
    assert_int_equal(task.count, count);
}

static void a_bad_job_fails_alone(void **state)
{
    struct place place;
    struct task tasks[10] = {{.value = 0}};

    (void)state;
    place_make(&place);
    struct sqlite_file *file = open_with_table(&place);

    done_count = 0;
    for (int i = 0; i < 10; i++) {
        tasks[i].value = 1 << i;
        tasks[i].is_bad = i == 3;
        sqlite_file_write(file, put, on_done, &tasks[i]);
    }
    for (int i = 0; i < 10; i++) {
        wait_for(&place, &tasks[i]);
        assert_int_equal(tasks[i].order, i);
        assert_int_equal(tasks[i].err.code, i == 3 ? EXO_EFENCED : EXO_OK);
    }
    assert_sum(&place, file, 1023 - 8, 9);
    sqlite_file_close(file);
    place_remove(&place);
}

static void errors_are_told_apart(void **state)
{
    struct place place;
    struct task first = {.value = 1}, again = {.value = 1};

    (void)state;
    place_make(&place);
    struct sqlite_file *file = open_with_table(&place);

    sqlite_file_write(file, put, on_done, &first);
    sqlite_file_write(file, put, on_done, &again);
    wait_for(&place, &again);
    assert_int_equal(first.err.code, EXO_OK);
    assert_int_equal(again.err.code, EXO_ECONFLICT);
    assert_true(sqlite_is_duplicate(&again.err));
    assert_true(sqlite_is_refused(&again.err));
    assert_non_null(strstr(again.err.text, place.path));
    sqlite_file_close(file);
    place_remove(&place);
}

static void a_transaction_that_ends_fails_its_jobs(void **state)
{
    struct place place;
    struct task before = {.value = 1}, bad = {.value = 0}, after = {.value = 4};

    (void)state;
    place_make(&place);
    struct sqlite_file *file = open_with_table(&place);

    sqlite_file_write(file, put, on_done, &before);
    sqlite_file_write(file, spoil, on_done, &bad);
    sqlite_file_write(file, put, on_done, &after);
    wait_for(&place, &after);
    assert_int_equal(bad.err.code, EXO_EUNAVAILABLE);
    assert_int_equal(after.err.code, EXO_OK);
    /* Whether the first was in the same group is the thread's matter; it is told truly. */
    if (before.err.code == EXO_OK) {
        assert_sum(&place, file, 5, 2);
    } else {
        assert_sum(&place, file, 4, 1);
    }
    sqlite_file_close(file);
    place_remove(&place);
}

static void users_share_one_file(void **state)
{
    struct place place;
    struct exo_error err;
    struct task one = {.value = 1}, two = {.value = 2};

    (void)state;
    place_make(&place);
    struct sqlite_file *a = open_with_table(&place);
    struct sqlite_file *b = sqlite_file_open(place.loop, place.path, &err);
    struct loop *other = loop_new(&err);

    assert_non_null(b);
    assert_int_equal(sqlite_file_life(a), sqlite_file_life(b));
    assert_null(sqlite_file_open(other, place.path, &err));
    assert_int_equal(err.code, EXO_ECONFLICT);
    sqlite_file_write(a, put, on_done, &one);
    sqlite_file_write(b, put, on_done, &two);
    sqlite_file_close(a); /* waits for its own job, and tells it */
    assert_true(one.is_done);
    wait_for(&place, &two);
    assert_sum(&place, b, 3, 2);
    int64_t life = sqlite_file_life(b);

    sqlite_file_close(b);
    b = open_with_table(&place);
    assert_int_not_equal(sqlite_file_life(b), life);
    assert_sum(&place, b, 3, 2);
    sqlite_file_close(b);
    loop_free(other);
    place_remove(&place);
}

struct closer {
    struct sqlite_file *file;
    bool is_done;
};

static void close_it(void *argument, const struct exo_error *err)
{
    struct closer *closer = argument;

    assert_null(err);
    sqlite_file_close(closer->file);
    closer->is_done = true;
}

static void may_be_closed_by_a_done(void **state)
{
    struct place place;
    struct task before = {.value = 1}, behind = {.value = 2};

    (void)state;
    place_make(&place);
    struct closer closer = {.file = open_with_table(&place)};

    sqlite_file_write(closer.file, put, on_done, &before);
    sqlite_file_write(closer.file, make_table, close_it, &closer);
    sqlite_file_write(closer.file, put, on_done, &behind);
    assert_true(loop_run_until(place.loop, &closer.is_done, 20 * EXO_SECOND));
    assert_true(before.is_done);
    assert_true(behind.is_done);
    assert_int_equal(behind.err.code, EXO_OK);
    place_remove(&place);
}

static void memory_is_private(void **state)
{
    struct place place;

    (void)state;
    place_make(&place);
    memcpy(place.path, ":memory:", sizeof(":memory:"));
    struct sqlite_file *a = open_with_table(&place);
    struct sqlite_file *b = open_with_table(&place);
    struct task one = {.value = 1};

    sqlite_file_write(a, put, on_done, &one);
    wait_for(&place, &one);
    assert_sum(&place, a, 1, 1);
    assert_sum(&place, b, 0, 0);
    sqlite_file_close(a);
    sqlite_file_close(b);
    place_remove(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bad_job_fails_alone),
        cmocka_unit_test(errors_are_told_apart),
        cmocka_unit_test(a_transaction_that_ends_fails_its_jobs),
        cmocka_unit_test(users_share_one_file),
        cmocka_unit_test(may_be_closed_by_a_done),
        cmocka_unit_test(memory_is_private),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
