#include "infra/log/record_window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void add(struct record_window *window, int64_t offset)
{
    struct held_record *record =
        held_record_new((struct span){&offset, sizeof(offset)}, span_of("value"));

    assert_non_null(record);
    record->offset = offset;
    record->timestamp_ns = offset * 10;
    record_window_add(window, record);
}

static void test_shows_from_an_offset(void **state)
{
    struct record_window window;
    struct log_record records[4];

    (void)state;
    record_window_init(&window, 5);
    assert_int_equal(record_window_show(&window, 0, records, 4), 0);
    for (int64_t offset = 7; offset < 107; offset += 5) { /* 7, 12, ... 102: with holes */
        add(&window, offset);
    }
    assert_int_equal(record_window_show(&window, 0, records, 4), 4);
    assert_int_equal(records[0].offset, 7);
    assert_int_equal(records[3].offset, 22);
    assert_int_equal(record_window_show(&window, 8, records, 4), 4);
    assert_int_equal(records[0].offset, 12);
    assert_int_equal(records[0].timestamp_ns, 120);
    assert_true(span_is(records[0].value, "value"));
    assert_int_equal(records[0].key.bytes, 8);
    assert_int_equal(record_window_show(&window, 97, records, 4), 2);
    assert_int_equal(record_window_show(&window, 103, records, 4), 0);
    record_window_release(&window);
}

/* The ring turns round and grows at every phase, and nothing is lost or moved. */
static void test_ring_turns(void **state)
{
    struct record_window window;
    int64_t first = 0;
    int64_t next = 0;
    unsigned seed = 7;

    (void)state;
    record_window_init(&window, 0);
    for (int i = 0; i < 5000; i++) {
        struct log_record record;

        seed = seed * 1103515245u + 12345u;
        if (((seed >> 16) & 7) < 5 || first == next) {
            add(&window, next++);
        } else {
            record_window_drop(&window);
            first++;
            assert_int_equal(window.from, first);
        }
        assert_int_equal(window.count, next - first);
        assert_int_equal(record_window_show(&window, 0, &record, 1), first < next ? 1 : 0);
        if (first < next) {
            assert_int_equal(record.offset, first);
            assert_int_equal(record_window_show(&window, next - 1, &record, 1), 1);
            assert_int_equal(record.offset, next - 1);
        }
    }
    record_window_release(&window);
    assert_int_equal(window.bytes, 0);
    assert_int_equal(window.from, next);
    add(&window, next); /* it may be used again */
    record_window_release(&window);
}

static void test_empty_key_and_value(void **state)
{
    struct held_record *record = held_record_new((struct span){NULL, 0}, (struct span){NULL, 0});

    (void)state;
    assert_non_null(record);
    assert_int_equal(held_record_show(record).key.bytes, 0);
    assert_int_equal(held_record_show(record).value.bytes, 0);
    free(record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shows_from_an_offset),
        cmocka_unit_test(test_ring_turns),
        cmocka_unit_test(test_empty_key_and_value),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
