/* crypto against published vectors: FIPS 180-4, RFC 4231, RFC 9562, RFC 4648. */
#include "infra/crypto/crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void assert_digest(struct digest digest, const char *expected)
{
    char text[SHA256_TEXT_BYTES + 1];

    digest_format(&digest, text);
    assert_string_equal(text, expected);
}

static void test_sha256_vectors(void **state)
{
    (void)state;
    assert_digest(sha256_of((struct span){NULL, 0}),
                  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_digest(sha256_of(span_of("abc")),
                  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void test_sha256_in_pieces(void **state)
{
    (void)state;
    struct sha256 *sha256 = sha256_new();

    for (int round = 0; round < 2; round++) {
        sha256_add(sha256, span_of("a"));
        sha256_add(sha256, (struct span){NULL, 0});
        sha256_add(sha256, span_of("bc"));
        assert_digest(sha256_finish(sha256),
                      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
    sha256_free(sha256);
    sha256_free(NULL);
}

static void test_digest_parse(void **state)
{
    (void)state;
    static const char good[] = "BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    struct digest digest;

    assert_true(digest_parse(span_of(good), &digest));
    assert_memory_equal(digest.bytes, sha256_of(span_of("abc")).bytes, DIGEST_BYTES);
    assert_false(digest_parse(span_of("ba78"), &digest));
    assert_false(digest_parse((struct span){good, 63}, &digest));
    char bad[sizeof(good)];

    memcpy(bad, good, sizeof(bad));
    bad[63] = 'g';
    assert_false(digest_parse(span_of(bad), &digest));
}

static void test_hmac_vectors(void **state)
{
    (void)state;
    assert_digest(hmac_sha256(span_of("Jefe"), span_of("what do ya want for nothing?")),
                  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    assert_digest(hmac_sha256((struct span){NULL, 0}, (struct span){NULL, 0}),
                  "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void test_equal_constant_time(void **state)
{
    (void)state;
    assert_true(bytes_equal_constant_time(span_of("token"), span_of("token")));
    assert_false(bytes_equal_constant_time(span_of("token"), span_of("tokem")));
    assert_false(bytes_equal_constant_time(span_of("token"), span_of("toke")));
    assert_true(bytes_equal_constant_time((struct span){NULL, 0}, (struct span){"", 0}));
}

static void test_random_differs(void **state)
{
    (void)state;
    uint8_t a[32] = {0};
    uint8_t b[32] = {0};

    random_fill(a, sizeof(a));
    random_fill(b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
}

static void test_uuid_v7_sorts_by_time(void **state)
{
    (void)state;
    struct execution_id early = execution_id_new(1000);
    struct execution_id late = execution_id_new(1001);

    assert_true(memcmp(early.bytes, late.bytes, sizeof(early.bytes)) < 0);
    assert_int_equal(early.bytes[6] >> 4, 7);
}

/* RFC 9562, appendix A.4: www.example.com in the namespace of DNS names. */
static void test_uuid_v5_vector(void **state)
{
    (void)state;
    struct execution_id dns;
    char text[EXECUTION_ID_TEXT_BYTES + 1];

    assert_true(execution_id_parse(span_of("6ba7b810-9dad-11d1-80b4-00c04fd430c8"), &dns));
    struct execution_id id = execution_id_from_name(&dns, span_of("www.example.com"));

    execution_id_format(&id, text);
    assert_string_equal(text, "2ed6657d-e927-568b-95e1-2665a8aea6a2");
}

static void test_base64url_round(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "Zg", "Zm8", "Zm9v", "Zm9vYg", "Zm9vYmE", "Zm9vYmFy"};
    char text[64];
    uint8_t bytes[64];
    size_t count = 0;

    for (size_t length = 0; length < 7; length++) {
        size_t written = base64url_encode((struct span){"foobar", length}, text);

        assert_string_equal(text, texts[length]);
        assert_int_equal(written, strlen(texts[length]));
        assert_true(base64url_decode(span_of(text), bytes, sizeof(bytes), &count));
        assert_int_equal(count, length);
        assert_memory_equal(bytes, "foobar", length);
    }
    assert_int_equal(base64url_encode((struct span){"\xfb\xff\xfe", 3}, text), 4);
    assert_string_equal(text, "-__-");
}

static void test_base64url_refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {"A", "Zg==", "Zm9+", "Zm9/", "Zh", "Zm9", "Zm8 "};
    uint8_t bytes[2];
    size_t count = 77;

    assert_false(base64url_decode(span_of("Zm9v"), bytes, sizeof(bytes), &count));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(base64url_decode(span_of(bad[i]), bytes, sizeof(bytes), &count));
    }
    assert_int_equal(count, 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256_vectors),        cmocka_unit_test(test_sha256_in_pieces),
        cmocka_unit_test(test_digest_parse),          cmocka_unit_test(test_hmac_vectors),
        cmocka_unit_test(test_equal_constant_time),   cmocka_unit_test(test_random_differs),
        cmocka_unit_test(test_uuid_v7_sorts_by_time), cmocka_unit_test(test_uuid_v5_vector),
        cmocka_unit_test(test_base64url_round),       cmocka_unit_test(test_base64url_refuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
