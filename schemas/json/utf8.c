#include "schemas/json/utf8.h"

#include <stdint.h>

static bool is_tail(unsigned char byte)
{
    return (byte & 0xc0) == 0x80;
}

/* The second byte decides overlong forms, surrogates and the end of Unicode. */
static bool is_second(unsigned char first, unsigned char second)
{
    switch (first) {
    case 0xe0:
        return second >= 0xa0 && second <= 0xbf;
    case 0xed:
        return second >= 0x80 && second <= 0x9f;
    case 0xf0:
        return second >= 0x90 && second <= 0xbf;
    case 0xf4:
        return second >= 0x80 && second <= 0x8f;
    default:
        return is_tail(second);
    }
}

size_t utf8_sequence(const unsigned char *bytes, size_t count)
{
    unsigned char first = bytes[0];
    size_t length;

    if (first < 0x80) {
        return 1;
    }
    if (first < 0xc2 || first > 0xf4) {
        return 0;
    }
    length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (count < length || !is_second(first, bytes[1])) {
        return 0;
    }
    for (size_t i = 2; i < length; i++) {
        if (!is_tail(bytes[i])) {
            return 0;
        }
    }
    return length;
}

size_t utf8_encode(uint32_t code_point, unsigned char *ret_bytes)
{
    if (code_point < 0x80) {
        ret_bytes[0] = (unsigned char)code_point;
        return 1;
    }
    if (code_point < 0x800) {
        ret_bytes[0] = (unsigned char)(0xc0 | code_point >> 6);
        ret_bytes[1] = (unsigned char)(0x80 | (code_point & 0x3f));
        return 2;
    }
    if (code_point < 0x10000) {
        ret_bytes[0] = (unsigned char)(0xe0 | code_point >> 12);
        ret_bytes[1] = (unsigned char)(0x80 | (code_point >> 6 & 0x3f));
        ret_bytes[2] = (unsigned char)(0x80 | (code_point & 0x3f));
        return 3;
    }
    ret_bytes[0] = (unsigned char)(0xf0 | code_point >> 18);
    ret_bytes[1] = (unsigned char)(0x80 | (code_point >> 12 & 0x3f));
    ret_bytes[2] = (unsigned char)(0x80 | (code_point >> 6 & 0x3f));
    ret_bytes[3] = (unsigned char)(0x80 | (code_point & 0x3f));
    return 4;
}

bool utf8_is_valid(struct span text)
{
    const unsigned char *at = text.data;
    size_t left = text.bytes;

    while (left > 0) {
        size_t length = utf8_sequence(at, left);

        if (length == 0) {
            return false;
        }
        at += length;
        left -= length;
    }
    return true;
}

size_t utf8_count(struct span text)
{
    const unsigned char *at = text.data;
    size_t count = 0;

    for (size_t i = 0; i < text.bytes; i++) {
        count += !is_tail(at[i]);
    }
    return count;
}

void utf8_repair(char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes;) {
        size_t length = utf8_sequence((const unsigned char *)text + i, bytes - i);

        if (length == 0 || text[i] == '\0') {
            text[i] = length == 0 ? '?' : ' ';
            length = 1;
        }
        i += length;
    }
}
