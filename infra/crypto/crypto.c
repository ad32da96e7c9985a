#include "infra/crypto/crypto.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>

struct sha256 {
    EVP_MD_CTX *context;
};

/* OpenSSL refuses these calls only without memory or without its own default provider. */
static void must(bool is_done, const char *what)
{
    if (!is_done) {
        (void)fprintf(stderr, "exosphere: OpenSSL refused %s\n", what);
        abort();
    }
}

struct digest sha256_of(struct span bytes)
{
    struct digest digest;

    (void)SHA256(bytes.bytes == 0 ? (const unsigned char *)"" : bytes.data, bytes.bytes,
                 digest.bytes);
    return digest;
}

struct sha256 *sha256_new(void)
{
    struct sha256 *sha256 = malloc(sizeof(*sha256));

    must(sha256 != NULL, "memory");
    sha256->context = EVP_MD_CTX_new();
    must(sha256->context != NULL, "memory");
    must(EVP_DigestInit_ex(sha256->context, EVP_sha256(), NULL) == 1, "SHA-256");
    return sha256;
}

void sha256_add(struct sha256 *sha256, struct span bytes)
{
    must(EVP_DigestUpdate(sha256->context, bytes.data, bytes.bytes) == 1, "SHA-256");
}

struct digest sha256_finish(struct sha256 *sha256)
{
    struct digest digest;

    must(EVP_DigestFinal_ex(sha256->context, digest.bytes, NULL) == 1, "SHA-256");
    must(EVP_DigestInit_ex(sha256->context, EVP_sha256(), NULL) == 1, "SHA-256");
    return digest;
}

void sha256_free(struct sha256 *sha256)
{
    if (sha256 != NULL) {
        EVP_MD_CTX_free(sha256->context);
        free(sha256);
    }
}

void digest_format(const struct digest *digest, char ret_text[SHA256_TEXT_BYTES + 1])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        ret_text[2 * i] = digits[digest->bytes[i] >> 4];
        ret_text[2 * i + 1] = digits[digest->bytes[i] & 15];
    }
    ret_text[SHA256_TEXT_BYTES] = '\0';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool digest_parse(struct span text, struct digest *ret_digest)
{
    const char *digits = text.data;
    struct digest digest;

    if (text.bytes != SHA256_TEXT_BYTES) {
        return false;
    }
    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        int high = hex_value(digits[2 * i]);
        int low = hex_value(digits[2 * i + 1]);

        if (high < 0 || low < 0) {
            return false;
        }
        digest.bytes[i] = (uint8_t)(high << 4 | low);
    }
    *ret_digest = digest;
    return true;
}

/* Found and set up once a thread: looking the algorithm up costs twice what the digest does. */
static EVP_MAC_CTX *hmac_context(void)
{
    static _Thread_local EVP_MAC_CTX *context;

    if (context == NULL) {
        EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
        char name[] = "SHA256";
        const OSSL_PARAM params[] = {
            OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
            OSSL_PARAM_construct_end(),
        };

        context = EVP_MAC_CTX_new(mac);
        must(context != NULL && EVP_MAC_CTX_set_params(context, params) == 1, "HMAC");
        EVP_MAC_free(mac);
    }
    return context;
}

struct digest hmac_sha256(struct span key, struct span bytes)
{
    struct digest digest;
    EVP_MAC_CTX *context = hmac_context();
    const void *key_data = key.bytes == 0 ? "" : key.data;
    const void *data = bytes.bytes == 0 ? "" : bytes.data;
    size_t written = 0;

    must(EVP_MAC_init(context, key_data, key.bytes, NULL) == 1, "HMAC");
    must(EVP_MAC_update(context, data, bytes.bytes) == 1, "HMAC");
    must(EVP_MAC_final(context, digest.bytes, &written, sizeof(digest.bytes)) == 1, "HMAC");
    return digest;
}

bool bytes_equal_constant_time(struct span a, struct span b)
{
    return a.bytes == b.bytes && (a.bytes == 0 || CRYPTO_memcmp(a.data, b.data, a.bytes) == 0);
}

void random_fill(void *ret_bytes, size_t bytes)
{
    must(RAND_bytes(ret_bytes, (int)bytes) == 1, "random bytes");
}

struct execution_id execution_id_new(int64_t unix_ms)
{
    uint8_t random[10];

    random_fill(random, sizeof(random));
    return execution_id_from_time(unix_ms, random);
}

struct execution_id execution_id_from_name(const struct execution_id *name_space, struct span name)
{
    unsigned char sha1[EVP_MAX_MD_SIZE];
    struct execution_id id;
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    must(context != NULL, "memory");
    must(EVP_DigestInit_ex(context, EVP_sha1(), NULL) == 1, "SHA-1");
    must(EVP_DigestUpdate(context, name_space->bytes, sizeof(name_space->bytes)) == 1, "SHA-1");
    must(EVP_DigestUpdate(context, name.data, name.bytes) == 1, "SHA-1");
    must(EVP_DigestFinal_ex(context, sha1, NULL) == 1, "SHA-1");
    EVP_MD_CTX_free(context);
    memcpy(id.bytes, sha1, sizeof(id.bytes));
    id.bytes[6] = (uint8_t)((id.bytes[6] & 0x0f) | 0x50);
    id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3f) | 0x80);
    return id;
}

static const char base64url_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

size_t base64url_encode(struct span bytes, char *ret_text)
{
    const uint8_t *data = bytes.data;
    size_t count = 0;
    uint32_t bits = 0;
    unsigned held = 0; /* bits not yet written, 0 .. 5 between bytes */

    for (size_t i = 0; i < bytes.bytes; i++) {
        bits = (bits << 8 | data[i]) & 0xffffff;
        held += 8;
        while (held >= 6) {
            held -= 6;
            ret_text[count++] = base64url_digits[bits >> held & 63];
        }
    }
    if (held > 0) {
        ret_text[count++] = base64url_digits[bits << (6 - held) & 63];
    }
    ret_text[count] = '\0';
    return count;
}

static int base64url_value(char c)
{
    const char *found = c == '\0' ? NULL : strchr(base64url_digits, c);

    return found == NULL ? -1 : (int)(found - base64url_digits);
}

bool base64url_decode(struct span text, void *ret_bytes, size_t capacity, size_t *ret_count)
{
    const char *digits = text.data;
    uint8_t *bytes = ret_bytes;
    size_t count = 0;
    uint32_t bits = 0;
    unsigned held = 0;

    if (text.bytes % 4 == 1) {
        return false;
    }
    for (size_t i = 0; i < text.bytes; i++) {
        int value = base64url_value(digits[i]);

        if (value < 0) {
            return false;
        }
        bits = (bits << 6 | (uint32_t)value) & 0xffffff;
        held += 6;
        if (held >= 8) {
            if (count == capacity) {
                return false;
            }
            held -= 8;
            bytes[count++] = (uint8_t)(bits >> held);
        }
    }
    /* Two texts must never mean the same token. */
    if ((bits & ((1U << held) - 1)) != 0) {
        return false;
    }
    *ret_count = count;
    return true;
}
