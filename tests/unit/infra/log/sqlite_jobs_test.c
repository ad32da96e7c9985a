#include "infra/log/sqlite_jobs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

struct scene {
    struct sqlite_connection *connection;
    struct partition_ends ends[2];
    struct topic_job topic;
};

static int setup(void **state)
{
    static struct scene scene;
    struct exo_error err;

    scene = (struct scene){.connection = sqlite_connection_open(":memory:", false, &err)};
    scene.topic = (struct topic_job){.name = "t", .partitions = 2, .ret_ends = scene.ends};
    assert_non_null(scene.connection);
    assert_int_equal(topic_job_run(&scene.topic, scene.connection, &err), 0);
    *state = &scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;

    sqlite_connection_close(scene->connection);
    return 0;
}

/* Appends one record of a time. Returns its offset. */
static int64_t append(struct scene *scene, uint32_t partition, exo_time at)
{
    struct append_row row = {.topic = "t", .partition = partition};
    struct append_job job = {.first = &row};
    struct exo_error err;

    row.record = held_record_new(span_of("key"), span_of("value"));
    assert_non_null(row.record);
    row.record->timestamp_ns = at;
    assert_int_equal(append_job_run(&job, scene->connection, &err), 0);
    int64_t offset = row.record->offset;

    free(row.record);
    return offset;
}

static size_t count_from(struct scene *scene, uint32_t partition, int64_t from, size_t rows_max,
                         size_t bytes_max, bool *ret_is_all)
{
    struct read_job job = {.topic = "t",
                           .partition = partition,
                           .from = from,
                           .rows_max = rows_max,
                           .bytes_max = bytes_max};
    struct exo_error err;
    size_t count = 0;

    job.ret_last = &job.ret_first;
    assert_int_equal(read_job_run(&job, scene->connection, &err), 0);
    for (const struct held_record *record = job.ret_first; record != NULL; record = record->next) {
        assert_true(record->offset >= from);
        assert_true(span_is(held_record_show(record).value, "value"));
        count++;
    }
    *ret_is_all = job.ret_is_all;
    read_job_release(&job);
    assert_null(job.ret_first);
    return count;
}

static void test_reads_in_chunks(void **state)
{
    struct scene *scene = *state;
    bool is_all = false;
    int64_t third = 0;

    for (int i = 0; i < 5; i++) {
        int64_t offset = append(scene, 0, i);

        third = i == 2 ? offset : third;
        (void)append(scene, 1, i);
    }
    assert_int_equal(count_from(scene, 0, 0, 100, 1 << 20, &is_all), 5);
    assert_true(is_all);
    assert_int_equal(count_from(scene, 0, third, 100, 1 << 20, &is_all), 3);
    assert_int_equal(count_from(scene, 0, 0, 5, 1 << 20, &is_all), 5);
    assert_false(is_all);                                          /* not known */
    assert_int_equal(count_from(scene, 0, 0, 100, 1, &is_all), 1); /* one at least */
    assert_false(is_all);
    assert_int_equal(count_from(scene, 0, INT64_MAX, 100, 1 << 20, &is_all), 0);
    assert_true(is_all);
}

static void test_trims_by_offset(void **state)
{
    struct scene *scene = *state;
    struct exo_error err;
    bool is_all = false;
    int64_t offsets[5];

    for (int i = 0; i < 5; i++) {
        offsets[i] = append(scene, 0, i);
    }
    (void)append(scene, 1, 0);
    struct trim_job job = {.topic = "t",
                           .below = offsets[3],
                           .before_ns = EXO_TIME_NEVER,
                           .rows_max = 2,
                           .is_exact = true};

    assert_int_equal(trim_job_run(&job, scene->connection, &err), 0);
    assert_true(job.ret_is_more);
    assert_int_equal(job.ret_low, offsets[1] + 1);
    assert_int_equal(trim_job_run(&job, scene->connection, &err), 0);
    assert_false(job.ret_is_more);
    assert_int_equal(job.ret_low, offsets[3]);
    assert_int_equal(count_from(scene, 0, 0, 100, 1 << 20, &is_all), 2);
    assert_int_equal(count_from(scene, 1, 0, 100, 1 << 20, &is_all), 1);
    assert_int_equal(topic_job_run(&scene->topic, scene->connection, &err), 0);
    assert_int_equal(scene->ends[0].low, offsets[3]);
    assert_int_equal(scene->ends[0].end, offsets[4] + 1);
}

static void test_trims_by_age(void **state)
{
    struct scene *scene = *state;
    struct exo_error err;
    int64_t offsets[4];
    struct trim_job job = {.topic = "t", .below = INT64_MAX, .before_ns = 20, .rows_max = 100};

    assert_int_equal(trim_job_run(&job, scene->connection, &err), 0);
    assert_int_equal(job.ret_low, 0); /* nothing there, nothing changed */
    for (int i = 0; i < 4; i++) {
        offsets[i] = append(scene, 0, i * 10);
    }
    assert_int_equal(trim_job_run(&job, scene->connection, &err), 0);
    assert_int_equal(job.ret_low, offsets[1] + 1);
    job.before_ns = EXO_TIME_NEVER;
    assert_int_equal(trim_job_run(&job, scene->connection, &err), 0);
    assert_int_equal(job.ret_low, offsets[3] + 1);
    /* Emptied, and still not begun again. */
    assert_int_equal(topic_job_run(&scene->topic, scene->connection, &err), 0);
    assert_int_equal(scene->ends[0].end, offsets[3] + 1);
    assert_true(append(scene, 0, 99) > offsets[3]);
}

static void test_topic_is_compared(void **state)
{
    struct scene *scene = *state;
    struct exo_error err;
    struct append_row row = {.topic = "other"};
    struct append_job append_job = {.first = &row};

    scene->topic.partitions = 1;
    assert_int_equal(topic_job_run(&scene->topic, scene->connection, &err), -1);
    assert_int_equal(err.code, EXO_ECONFLICT);
    row.record = held_record_new(span_of(""), span_of(""));
    assert_int_equal(append_job_run(&append_job, scene->connection, &err), -1);
    assert_int_equal(err.code, EXO_ENOTFOUND);
    free(row.record);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_reads_in_chunks),
        TEST(test_trims_by_offset),
        TEST(test_trims_by_age),
        TEST(test_topic_is_compared),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
