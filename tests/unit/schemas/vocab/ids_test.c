#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "schemas/vocab/ids.h"

/* The vectors of Kafka's own UtilsTest.testMurmur2, signed there. */
static void murmur2_is_kafkas(void **state)
{
    /* clang-format off */
    static const struct { const char *key; int32_t hash; } table[] = {
        {"21", -973932308}, {"foobar", -790332482}, {"a-little-bit-long-string", -985981536},
        {"a-little-bit-longer-string", -1486304829},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971}, {"abc", 479470107},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        assert_int_equal((int32_t)murmur2_32(span_of(table[i].key)), table[i].hash);
    }
    assert_int_equal((int32_t)murmur2_32((struct span){NULL, 0}), 275646681);
}

/* Check values of the catalogue of CRC algorithms (CRC-32/ISO-HDLC), and of zlib. */
static void crc32_is_zlibs(void **state)
{
    (void)state;
    assert_int_equal(crc32_ieee(span_of("123456789")), 0xcbf43926u);
    assert_int_equal(crc32_ieee((struct span){NULL, 0}), 0);
    assert_int_equal(crc32_ieee(span_of("a")), 0xe8b7be43u);
    assert_int_equal(crc32_ieee(span_of("The quick brown fox jumps over the lazy dog")),
                     0x414fa339u);
}

static void reads_the_text_it_writes(void **state)
{
    struct execution_id id;
    struct execution_id again;
    char text[EXECUTION_ID_TEXT_BYTES + 1];

    (void)state;
    assert_true(execution_id_parse(span_of("018F2c3a-0001-7abc-8DEF-0123456789Ab"), &id));
    execution_id_format(&id, text);
    assert_string_equal(text, "018f2c3a-0001-7abc-8def-0123456789ab");
    assert_true(execution_id_parse(span_of(text), &again));
    assert_true(execution_id_equal(&id, &again));
    again.bytes[15] ^= 1;
    assert_false(execution_id_equal(&id, &again));
}

static void refuses_other_texts(void **state)
{
    static const char *const table[] = {"",
                                        "018f2c3a-0001-7abc-8def-0123456789a",
                                        "018f2c3a-0001-7abc-8def-0123456789abc",
                                        "018f2c3a00001-7abc-8def-0123456789ab",
                                        "018f2c3a-0001-7abc-8def-0123456789ag",
                                        "018f2c3-a0001-7abc-8def-0123456789ab",
                                        "{18f2c3a-0001-7abc-8def-0123456789ab",
                                        "018f2c3a-0001-7abc-8def-0123456789 b"};
    struct execution_id id;
    struct execution_id before;

    (void)state;
    memset(&id, 7, sizeof(id));
    before = id;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        assert_false(execution_id_parse(span_of(table[i]), &id));
        assert_true(execution_id_equal(&id, &before));
    }
}

static void makes_ids_that_sort_by_time(void **state)
{
    uint8_t random[10];
    char text[EXECUTION_ID_TEXT_BYTES + 1];

    (void)state;
    memset(random, 0xff, sizeof(random));
    struct execution_id early = execution_id_from_time(0x0123456789ab, random);

    execution_id_format(&early, text);
    assert_string_equal(text, "01234567-89ab-7fff-bfff-ffffffffffff");
    memset(random, 0, sizeof(random));
    struct execution_id late = execution_id_from_time(0x0123456789ac, random);

    execution_id_format(&late, text);
    assert_string_equal(text, "01234567-89ac-7000-8000-000000000000");
    assert_int_equal(execution_id_ms(&late), 0x0123456789ac);
    late.bytes[6] = 0x40;
    assert_int_equal(execution_id_ms(&late), 0); /* of a version that carries none */
    late.bytes[6] = 0x70;
    assert_true(memcmp(early.bytes, late.bytes, sizeof(early.bytes)) < 0);
}

/* The published function of protocol.md 1, worked out from the hash of the text. */
static void shards_by_the_hash_of_the_lower_case_text(void **state)
{
    const char text[] = "018f2c3a-0001-7abc-8def-0123456789ab";
    uint32_t hash = murmur2_32(span_of(text)) & 0x7fffffff;
    uint32_t seen[8] = {0};
    struct execution_id id;
    uint8_t random[10] = {0};

    (void)state;
    assert_true(execution_id_parse(span_of("018F2C3A-0001-7ABC-8DEF-0123456789AB"), &id));
    assert_int_equal(execution_shard(&id, 64), hash % 64);
    assert_int_equal(execution_shard(&id, 1), 0);
    assert_int_equal(execution_shard(&id, 1000003), hash % 1000003);
    for (int i = 0; i < 8000; i++) {
        id = execution_id_from_time(1700000000000 + i, random);
        seen[execution_shard(&id, 8)]++;
    }
    for (int i = 0; i < 8; i++) {
        assert_in_range(seen[i], 800, 1200);
    }
}

static void settles_on_any_shard(void **state)
{
    uint8_t random[10] = {1, 2, 3, 4, 5, 6, 7, 8, 0xff, 0xfe};

    (void)state;
    for (uint32_t shard = 0; shard < 64; shard++) {
        const struct execution_id before = execution_id_from_time(1700000000000, random);
        struct execution_id id = before;

        assert_true(execution_id_settle(&id, shard, 64));
        assert_int_equal(execution_shard(&id, 64), shard);
        assert_memory_equal(id.bytes, before.bytes, EXECUTION_ID_BYTES - 2);
        struct execution_id again = id;

        assert_true(execution_id_settle(&again, shard, 64)); /* it is there already */
        assert_true(execution_id_equal(&again, &id));
    }
    /* More shards than the two bytes have values: some are out of reach. */
    uint32_t missed = 0;

    for (uint32_t shard = 0; shard < 100; shard++) {
        const struct execution_id before = execution_id_from_time(1700000000000, random);
        struct execution_id id = before;

        if (!execution_id_settle(&id, shard, 1u << 20)) {
            missed++;
            assert_true(execution_id_equal(&id, &before));
        }
    }
    assert_in_range(missed, 50, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(murmur2_is_kafkas),
        cmocka_unit_test(crc32_is_zlibs),
        cmocka_unit_test(reads_the_text_it_writes),
        cmocka_unit_test(refuses_other_texts),
        cmocka_unit_test(makes_ids_that_sort_by_time),
        cmocka_unit_test(shards_by_the_hash_of_the_lower_case_text),
        cmocka_unit_test(settles_on_any_shard),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
