#include "infra/log/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Every part of a record counts, and no byte may wander from one part to another. */
static void test_checksum_tells_apart(void **state)
{
    const struct log_record records[] = {
        {.offset = 1, .timestamp_ns = 5, .key = span_of("ab"), .value = span_of("c")},
        {.offset = 1, .timestamp_ns = 5, .key = span_of("a"), .value = span_of("bc")},
        {.offset = 1, .timestamp_ns = 5, .key = span_of(""), .value = span_of("abc")},
        {.offset = 1, .timestamp_ns = 5, .key = span_of("abc"), .value = span_of("")},
        {.offset = 1, .timestamp_ns = 6, .key = span_of("ab"), .value = span_of("c")},
        {.offset = 1, .timestamp_ns = 5, .key = span_of("ab"), .value = span_of("d")},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
        assert_int_not_equal(log_record_checksum(&records[i]), 0);
        assert_int_equal(log_record_checksum(&records[i]), log_record_checksum(&records[i]));
        for (size_t j = 0; j < i; j++) {
            assert_int_not_equal(log_record_checksum(&records[i]),
                                 log_record_checksum(&records[j]));
        }
    }
}

/* It is stored beside the cursor, so it must be the same in every later version. */
static void test_checksum_is_fixed(void **state)
{
    const struct log_record record = {.offset = 99,
                                      .timestamp_ns = INT64_C(1700000000000000000),
                                      .key = span_of("key"),
                                      .value = span_of("value")};

    (void)state;
    /* zlib.crc32 of five little-endian words: time, length and CRC of key, the same of value. */
    assert_int_equal(log_record_checksum(&record), 0xe556eac3u);
}

static void test_null_is_closed(void **state)
{
    (void)state;
    log_close(NULL);
    log_reader_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checksum_tells_apart),
        cmocka_unit_test(test_checksum_is_fixed),
        cmocka_unit_test(test_null_is_closed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
