#include "infra/store/commit_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Entries over the shards named; e[i] holds shards[i]. */
struct fixture {
    struct commit_queue queue;
    struct store_batch batches[5][2];
    struct commit_entry entries[5];
};

static void fill(struct fixture *f, const uint32_t shards[5][2])
{
    *f = (struct fixture){.queue = {NULL, NULL}};
    for (int i = 0; i < 5; i++) {
        f->batches[i][0].shard = shards[i][0];
        f->batches[i][1].shard = shards[i][1];
        f->entries[i].batches = f->batches[i];
        f->entries[i].count = 2;
        commit_queue_push(&f->queue, &f->entries[i]);
    }
}

static void serial_runs_one_at_a_time(void **state)
{
    struct fixture f;

    (void)state;
    fill(&f, (const uint32_t[5][2]){{1, 2}, {3, 4}, {5, 6}, {7, 8}, {9, 10}});
    for (int i = 0; i < 5; i++) {
        assert_ptr_equal(commit_queue_next(&f.queue, true), &f.entries[i]);
        assert_null(commit_queue_next(&f.queue, true));
        commit_queue_finish(&f.queue, &f.entries[i], true);
    }
    assert_null(commit_queue_next(&f.queue, true));
    assert_null(f.queue.first);
    assert_null(f.queue.last);
}

static void others_run_beside_but_not_before(void **state)
{
    struct fixture f;

    (void)state;
    fill(&f, (const uint32_t[5][2]){{1, 2}, {2, 3}, {3, 4}, {5, 6}, {6, 1}});
    assert_ptr_equal(commit_queue_next(&f.queue, false), &f.entries[0]);
    /* 1 shares with 0 and 2 with 1, which waits. */
    assert_ptr_equal(commit_queue_next(&f.queue, false), &f.entries[3]);
    assert_null(commit_queue_next(&f.queue, false));
    commit_queue_finish(&f.queue, &f.entries[0], true);
    assert_ptr_equal(commit_queue_next(&f.queue, false), &f.entries[1]);
    assert_null(commit_queue_next(&f.queue, false));
    commit_queue_finish(&f.queue, &f.entries[3], true);
    assert_ptr_equal(commit_queue_next(&f.queue, false), &f.entries[4]);
    commit_queue_finish(&f.queue, &f.entries[4], true);
    commit_queue_finish(&f.queue, &f.entries[1], true);
    assert_ptr_equal(commit_queue_next(&f.queue, false), &f.entries[2]);
}

static void failure_voids_what_builds_on_it(void **state)
{
    struct fixture f;

    (void)state;
    fill(&f, (const uint32_t[5][2]){{1, 2}, {2, 3}, {8, 9}, {3, 4}, {9, 8}});
    assert_ptr_equal(commit_queue_next(&f.queue, true), &f.entries[0]);
    commit_queue_finish(&f.queue, &f.entries[0], false);
    assert_ptr_equal(commit_queue_void(&f.queue), &f.entries[1]);
    assert_ptr_equal(commit_queue_void(&f.queue), &f.entries[3]); /* through 1 */
    assert_null(commit_queue_void(&f.queue));
    assert_ptr_equal(commit_queue_next(&f.queue, true), &f.entries[2]);
    commit_queue_finish(&f.queue, &f.entries[2], true);
    assert_null(commit_queue_void(&f.queue));
    assert_ptr_equal(commit_queue_next(&f.queue, true), &f.entries[4]);
}

static void success_voids_nothing(void **state)
{
    struct fixture f;

    (void)state;
    fill(&f, (const uint32_t[5][2]){{1, 2}, {1, 2}, {1, 2}, {1, 2}, {1, 2}});
    assert_ptr_equal(commit_queue_next(&f.queue, false), &f.entries[0]);
    commit_queue_finish(&f.queue, &f.entries[0], true);
    assert_null(commit_queue_void(&f.queue));
    assert_ptr_equal(commit_queue_next(&f.queue, false), &f.entries[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(serial_runs_one_at_a_time),
        cmocka_unit_test(others_run_beside_but_not_before),
        cmocka_unit_test(failure_voids_what_builds_on_it),
        cmocka_unit_test(success_voids_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
