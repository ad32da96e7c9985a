#include "infra/crypto/job_id.h"

#include "tests/support/test.h"

static void id_is(uint32_t partition, int64_t offset, uint32_t shard_count, const char *wanted)
{
    struct execution_id id = job_id_of_place(partition, offset, shard_count);
    char text[EXECUTION_ID_TEXT_BYTES + 1];

    execution_id_format(&id, text);
    assert_string_equal(text, wanted);
}

/* Worked out in Python with uuid.uuid5 and Kafka's murmur2: others compute them, they never change.
 */
static void ids_are_those_of_the_rule(void **state)
{
    (void)state;
    id_is(0, 0, 64, "f2bc4bee-41b3-5595-bea7-107ce21742f7");
    id_is(1, 0, 64, "930b06c1-d0c8-5898-9a43-0d98d069485d");
    id_is(1, 1, 64, "cbc6c97d-ca7e-543a-83b6-1f3662816a0b");
    id_is(63, 9000000000, 64, "f1668fd2-87f1-54d4-bca1-066fafc11506");
    id_is(7, 12, 16, "a8e27d44-4d60-5186-9137-1f5af24ac580");
    id_is(4095, 5, 4096, "12edb4c2-7ae2-5060-97da-64decb8dff8a");
    id_is(3, 1197, 64, "0f2c95a8-f5df-5d29-843b-5ab208f60021"); /* from ...fff9 on, past 0 */
    id_is(0, 0, 1, "f2bc4bee-41b3-5595-bea7-107ce21742a6");     /* the UUIDv5 itself */
}

static void each_falls_on_its_partition(void **state)
{
    (void)state;
    for (uint32_t partition = 0; partition < 64; partition++) {
        for (int64_t offset = 0; offset < 20; offset++) {
            struct execution_id id = job_id_of_place(partition, offset, 64);

            assert_int_equal(execution_shard(&id, 64), partition);
            assert_int_equal(id.bytes[6] >> 4, 5);
            assert_int_equal(id.bytes[8] >> 6, 2);
        }
    }
}

/* The two bytes that the rule chooses are not what tells one place from another. */
static void each_place_has_its_own(void **state)
{
    static struct execution_id seen[4 * 250];
    size_t count = 0;

    (void)state;
    for (uint32_t partition = 0; partition < 4; partition++) {
        for (int64_t offset = 0; offset < 250; offset++) {
            seen[count] = job_id_of_place(partition, offset, 4);
            for (size_t i = 0; i < count; i++) {
                assert_memory_not_equal(seen[i].bytes, seen[count].bytes, EXECUTION_ID_BYTES - 2);
            }
            count++;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_those_of_the_rule),
        cmocka_unit_test(each_falls_on_its_partition),
        cmocka_unit_test(each_place_has_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
