/* key_id: held against SHA-256 as sha256sum has it. */
#include "infra/crypto/key_id.h"

#include "tests/support/test.h"

/* printf '\001p\000k' | sha256sum */
static void an_id_is_sha256_of_kind_project_and_text(void **state)
{
    static const uint8_t head[] = {0xfb, 0xca, 0x9b, 0x1b, 0x45, 0x76, 0x53, 0x4a};
    struct digest id = key_id_of(1, span_of("p"), span_of("k"));

    (void)state;
    assert_memory_equal(id.bytes, head, sizeof(head));
    assert_int_equal(key_shard_of(&id, 64), 0xfbca9b1b % 64);
    assert_int_equal(key_shard_of(&id, 1), 0);
}

static void all_parts_count(void **state)
{
    struct digest id = key_id_of(1, span_of("p"), span_of("k"));
    const struct digest others[] = {key_id_of(2, span_of("p"), span_of("k")),
                                    key_id_of(1, span_of("pk"), span_of("")),
                                    key_id_of(1, span_of("p"), span_of("kk"))};

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_memory_not_equal(id.bytes, others[i].bytes, sizeof(id.bytes));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_is_sha256_of_kind_project_and_text),
        cmocka_unit_test(all_parts_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
