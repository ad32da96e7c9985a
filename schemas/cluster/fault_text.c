#include "schemas/cluster/fault_text.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "schemas/json/json_double.h"

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

static void add_scalar(struct fault_text *text, const struct value *v)
{
    char number[JSON_DOUBLE_TEXT_BYTES];

    switch (v->kind) {
    case VALUE_NULL:
        add_bytes(text, "null", 4);
        break;
    case VALUE_BOOL:
        add_bytes(text, v->boolean ? "true" : "false", v->boolean ? 4 : 5);
        break;
    case VALUE_INT:
        add_bytes(text, "-", v->integer < 0 ? 1 : 0);
        add_unsigned(text, v->integer < 0 ? 0 - (uint64_t)v->integer : (uint64_t)v->integer);
        break;
    case VALUE_DOUBLE:
        json_double_format(v->number, number);
        add_bytes(text, number, strlen(number));
        break;
    case VALUE_STRING:
        add_bytes(text, "`", 1);
        add_shown(text, value_text(v));
        add_bytes(text, "`", 1);
        break;
    case VALUE_LIST:
    case VALUE_MAP:
    case VALUE_TIMESTAMP:
    case VALUE_DURATION:
    case VALUE_TYPE:
    case VALUE_KIND_NR:
        add_bytes(text, "...", 3);
        break;
    }
}

static void add_value(struct fault_text *text, const struct value *v)
{
    size_t begin = text->used;

    if (v->kind != VALUE_LIST) {
        add_scalar(text, v);
        return;
    }
    for (uint32_t i = 0; i < v->count; i++) {
        add_bytes(text, ", ", i == 0 ? 0 : 2);
        if (text->used - begin >= FAULT_QUOTE_BYTES) {
            add_bytes(text, "...", 3);
            return;
        }
        add_scalar(text, &v->items[i]);
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
        case 'v':
            add_value(text, va_arg(arguments, const struct value *));
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
