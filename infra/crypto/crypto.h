/* crypto: digests, keyed digests, random bytes and names made of them.
 *
 * Sole user of OpenSSL. Touches the kernel's random source; nothing else. */
#ifndef EXO_INFRA_CRYPTO_H
#define EXO_INFRA_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schemas/vocab/checked.h"
#include "schemas/vocab/ids.h"
#include "schemas/vocab/span.h"

/* A SHA-256 over bytes that come in pieces. */
struct sha256;

enum { SHA256_TEXT_BYTES = 2 * DIGEST_BYTES };

/* sha256_of returns the SHA-256 of the bytes (borrowed). */
struct digest sha256_of(struct span bytes);

/* sha256_new begins a digest; gives it (aborts without memory). */
struct sha256 *sha256_new(void);

/* sha256_add takes the next bytes (borrowed). */
void sha256_add(struct sha256 *sha256, struct span bytes);

/* sha256_finish returns the digest of all that was added and begins anew. */
struct digest sha256_finish(struct sha256 *sha256);

/* sha256_free frees it; NULL is allowed. */
void sha256_free(struct sha256 *sha256);

/* digest_format writes 64 lower-case hexadecimal digits and a NUL. */
void digest_format(const struct digest *digest, char ret_text[SHA256_TEXT_BYTES + 1]);

/* digest_parse reads 64 hexadecimal digits, either case.
 * Returns false, leaving *ret_digest as it was, for any other text. */
EXO_CHECKED bool digest_parse(struct span text, struct digest *ret_digest);

/* hmac_sha256 returns the keyed digest of the bytes (both borrowed). */
struct digest hmac_sha256(struct span key, struct span bytes);

/* bytes_equal_constant_time compares secrets: its time depends on the lengths alone. */
bool bytes_equal_constant_time(struct span a, struct span b);

/* random_fill fills bytes that nobody can guess; aborts where the kernel has none to give. */
void random_fill(void *ret_bytes, size_t bytes);

/* execution_id_new makes a UUIDv7 of the wall clock and random bytes. */
struct execution_id execution_id_new(int64_t unix_ms);

/* execution_id_from_name makes the UUIDv5 of a name in a namespace (RFC 9562, 5.5): the same two
 * always give the same id.
 * name  borrowed, any bytes */
struct execution_id execution_id_from_name(const struct execution_id *name_space, struct span name);

/* base64url_bytes_max is the room base64url_encode needs for bytes, its NUL included. */
static inline size_t base64url_bytes_max(size_t bytes)
{
    return (bytes + 2) / 3 * 4 + 1;
}

/* base64url_encode writes RFC 4648's URL-safe form without padding, and a NUL.
 * ret_text  at least base64url_bytes_max(bytes.bytes)
 * Returns the characters written, without the NUL. */
size_t base64url_encode(struct span bytes, char *ret_text);

/* base64url_decode reads what base64url_encode wrote.
 * ret_bytes  room for capacity bytes; undefined where false is returned
 * Returns false for other characters, padding, an impossible length, set bits past the end, or
 * when the bytes do not fit; *ret_count is then as it was. */
EXO_CHECKED bool base64url_decode(struct span text, void *ret_bytes, size_t capacity,
                                  size_t *ret_count);

#endif /* EXO_INFRA_CRYPTO_H */
