#include "schemas/cluster/fault_text.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

enum { PLACES_MAX = 64 };

static void add_bytes(struct fault_text *text, const char *bytes, size_t count)
{
    size_t room = FAULT_TEXT_BYTES - 1 - text->used;
    size_t taken = count < room ? count : room;

    memcpy(text->bytes + text->used, bytes, taken);
    text->used += taken;
    text->bytes[text->used] = '\0';
}

static void add_unsigned(struct fault_text *text, uint64_t number)
{
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    add_bytes(text, digits + at, sizeof(digits) - at);
}

/* A cut never falls inside a UTF-8 character, so that the fault stays valid text. */
static void add_shown(struct fault_text *text, struct span word)
{
    const char *bytes = word.data;
    size_t count = word.bytes < FAULT_QUOTE_BYTES ? word.bytes : FAULT_QUOTE_BYTES;

    while (count < word.bytes && count > 0 && ((unsigned char)bytes[count] & 0xc0) == 0x80) {
        count--;
    }
    for (size_t i = 0; i < count; i++) {
        unsigned char c = (unsigned char)bytes[i];

        add_bytes(text, c < 0x20 || c == 0x7f ? "?" : bytes + i, 1);
    }
    if (count < word.bytes) {
        add_bytes(text, "...", 3);
    }
}

void fault_text_add_list(struct fault_text *text, const char *format, va_list arguments)
{
    for (const char *at = format; *at != '\0'; at++) {
        if (*at != '%') {
            add_bytes(text, at, 1);
            continue;
        }
        at++;
        switch (*at) {
        case 's': {
            const char *word = va_arg(arguments, const char *);

            add_bytes(text, word, strlen(word));
            break;
        }
        case 'q':
            add_bytes(text, "`", 1);
            add_shown(text, va_arg(arguments, struct span));
            add_bytes(text, "`", 1);
            break;
        case 'u':
            add_unsigned(text, va_arg(arguments, unsigned));
            break;
        default:
            assert(*at == '%');
            add_bytes(text, at, 1);
            break;
        }
    }
}

void fault_text_add(struct fault_text *text, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fault_text_add_list(text, format, arguments);
    va_end(arguments);
}

static bool is_plain_key(struct span key)
{
    const char *bytes = key.data;

    for (size_t i = 0; i < key.bytes; i++) {
        char c = bytes[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';

        if (!is_letter && (i == 0 || c < '0' || c > '9')) {
            return false;
        }
    }
    return key.bytes > 0;
}

static void add_place(struct fault_text *text, const struct value_place *place)
{
    if (place->key.data == NULL) {
        add_bytes(text, "[", 1);
        add_unsigned(text, place->index);
        add_bytes(text, "]", 1);
    } else if (is_plain_key(place->key)) {
        add_bytes(text, ".", text->used > 0 ? 1 : 0);
        add_shown(text, place->key);
    } else {
        add_bytes(text, "[\"", 2);
        add_shown(text, place->key);
        add_bytes(text, "\"]", 2);
    }
}

void fault_text_add_place(struct fault_text *text, const struct value_place *place)
{
    const struct value_place *places[PLACES_MAX];
    size_t count = 0;

    for (; place != NULL && count < PLACES_MAX; place = place->up) {
        places[count++] = place;
    }
    while (count > 0) {
        add_place(text, places[--count]);
    }
}
