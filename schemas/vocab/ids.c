#include "schemas/vocab/ids.h"

#include <assert.h>

static const char hex_digits[] = "0123456789abcdef";

static bool is_dash_place(size_t i)
{
    return i == 8 || i == 13 || i == 18 || i == 23;
}

void execution_id_format(const struct execution_id *id, char ret_text[EXECUTION_ID_TEXT_BYTES + 1])
{
    size_t at = 0;

    for (size_t i = 0; i < EXECUTION_ID_BYTES; i++) {
        if (is_dash_place(at)) {
            ret_text[at++] = '-';
        }
        ret_text[at++] = hex_digits[id->bytes[i] >> 4];
        ret_text[at++] = hex_digits[id->bytes[i] & 15];
    }
    ret_text[at] = '\0';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

bool execution_id_parse(struct span text, struct execution_id *ret_id)
{
    struct execution_id id;
    const char *at = text.data;
    size_t nibbles = 0;

    if (text.bytes != EXECUTION_ID_TEXT_BYTES) {
        return false;
    }
    for (size_t i = 0; i < text.bytes; i++) {
        if (is_dash_place(i)) {
            if (at[i] != '-') {
                return false;
            }
            continue;
        }
        int value = hex_value(at[i]);

        if (value < 0) {
            return false;
        }
        uint8_t *byte = &id.bytes[nibbles / 2];

        *byte = (uint8_t)(nibbles % 2 == 0 ? value << 4 : *byte | value);
        nibbles++;
    }
    *ret_id = id;
    return true;
}

struct execution_id execution_id_from_time(int64_t unix_ms, const uint8_t random[10])
{
    struct execution_id id;

    for (int i = 0; i < 6; i++) {
        id.bytes[i] = (uint8_t)(unix_ms >> (40 - 8 * i));
    }
    memcpy(id.bytes + 6, random, 10);
    id.bytes[6] = (uint8_t)((id.bytes[6] & 0x0f) | 0x70);
    id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3f) | 0x80);
    return id;
}

#define MURMUR2_SEED 0x9747b28cu
#define MURMUR2_FACTOR 0x5bd1e995u

/* Four bytes of the key. */
static uint32_t murmur2_block(uint32_t h, const uint8_t *at)
{
    uint32_t k =
        (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;

    k *= MURMUR2_FACTOR;
    k ^= k >> 24;
    k *= MURMUR2_FACTOR;
    return (h * MURMUR2_FACTOR) ^ k;
}

static uint32_t murmur2_end(uint32_t h)
{
    h ^= h >> 13;
    h *= MURMUR2_FACTOR;
    return h ^ (h >> 15);
}

static uint32_t shard_of_hash(uint32_t hash, uint32_t shard_count)
{
    return (hash & 0x7fffffffu) % shard_count;
}

uint32_t execution_shard(const struct execution_id *id, uint32_t shard_count)
{
    char text[EXECUTION_ID_TEXT_BYTES + 1];

    assert(shard_count >= 1);
    execution_id_format(id, text);
    return shard_of_hash(murmur2_32((struct span){text, EXECUTION_ID_TEXT_BYTES}), shard_count);
}

bool execution_id_settle(struct execution_id *id, uint32_t shard, uint32_t shard_count)
{
    char text[EXECUTION_ID_TEXT_BYTES + 1];
    char *end = text + EXECUTION_ID_TEXT_BYTES - 4; /* the last two bytes: one block of the hash */
    uint32_t begun = MURMUR2_SEED ^ (uint32_t)EXECUTION_ID_TEXT_BYTES;
    uint32_t tail = (uint32_t)id->bytes[14] << 8 | id->bytes[15];

    assert(shard < shard_count);
    execution_id_format(id, text);
    for (const char *at = text; at < end; at += 4) {
        begun = murmur2_block(begun, (const uint8_t *)at);
    }
    for (uint32_t tries = 0; tries <= UINT16_MAX; tries++, tail++) {
        end[0] = hex_digits[tail >> 12 & 15];
        end[1] = hex_digits[tail >> 8 & 15];
        end[2] = hex_digits[tail >> 4 & 15];
        end[3] = hex_digits[tail & 15];
        if (shard_of_hash(murmur2_end(murmur2_block(begun, (const uint8_t *)end)), shard_count) ==
            shard) {
            id->bytes[14] = (uint8_t)(tail >> 8);
            id->bytes[15] = (uint8_t)tail;
            return true;
        }
    }
    return false;
}

uint32_t murmur2_32(struct span key)
{
    const uint8_t *at = key.data;
    size_t left = key.bytes;
    uint32_t h = MURMUR2_SEED ^ (uint32_t)key.bytes;

    for (; left >= 4; at += 4, left -= 4) {
        h = murmur2_block(h, at);
    }
    if (left >= 3) {
        h ^= (uint32_t)at[2] << 16;
    }
    if (left >= 2) {
        h ^= (uint32_t)at[1] << 8;
    }
    if (left >= 1) {
        h ^= at[0];
        h *= MURMUR2_FACTOR;
    }
    return murmur2_end(h);
}

/* The table of the reflected polynomial 0xedb88320, four bits at a time. */
uint32_t crc32_ieee(struct span bytes)
{
    static const uint32_t table[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    const uint8_t *at = bytes.data;
    uint32_t crc = 0xffffffffu;

    for (size_t i = 0; i < bytes.bytes; i++) {
        crc = table[(crc ^ at[i]) & 15] ^ (crc >> 4);
        crc = table[(crc ^ (uint32_t)(at[i] >> 4)) & 15] ^ (crc >> 4);
    }
    return ~crc;
}
