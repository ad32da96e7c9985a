#include "schemas/json/json_write.h"

#include <assert.h>

#include "schemas/json/json_double.h"
#include "schemas/json/utf8.h"
#include "schemas/vocab/instant.h"

enum { INDENT_BLANKS = 2 };

static void append_uint(struct buffer *buffer, bool is_negative, uint64_t number)
{
    char digits[24];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    if (is_negative) {
        digits[--at] = '-';
    }
    buffer_append(buffer, (struct span){digits + at, sizeof(digits) - at});
}

void json_append_int(struct buffer *buffer, int64_t number)
{
    uint64_t size = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

    append_uint(buffer, number < 0, size);
}

void json_append_double(struct buffer *buffer, double number)
{
    char text[JSON_DOUBLE_TEXT_BYTES];

    json_double_format(number, text);
    buffer_text(buffer, text);
}

/* What stands for one byte below 0x20, a quote or a backslash. */
static void append_escape(struct buffer *buffer, unsigned char byte)
{
    static const char hex[] = "0123456789abcdef";
    static const char letters[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
                                   ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\'};

    if (byte < sizeof(letters) && letters[byte] != 0) {
        char escape[2] = {'\\', letters[byte]};

        buffer_append(buffer, (struct span){escape, sizeof(escape)});
        return;
    }
    char escape[6] = {'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]};

    buffer_append(buffer, (struct span){escape, sizeof(escape)});
}

/* Stands for itself between quotes: most of any text. */
static inline bool is_plain(unsigned char byte)
{
    return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

void json_append_string(struct buffer *buffer, struct span text)
{
    const unsigned char *bytes = text.data;
    size_t begin = 0; /* of what is not yet appended */
    size_t at = 0;

    buffer_text(buffer, "\"");
    while (at < text.bytes) {
        while (at < text.bytes && is_plain(bytes[at])) {
            at++;
        }
        if (at == text.bytes) {
            break;
        }
        unsigned char byte = bytes[at];
        size_t length = byte < 0x80 ? 1 : utf8_sequence(bytes + at, text.bytes - at);

        if (length > 0 && byte >= 0x20 && byte != '"' && byte != '\\') {
            at += length;
            continue;
        }
        buffer_append(buffer, (struct span){bytes + begin, at - begin});
        if (length == 0) {
            buffer_text(buffer, "\xef\xbf\xbd");
        } else {
            append_escape(buffer, byte);
        }
        begin = ++at;
    }
    if (at > begin) {
        buffer_append(buffer, (struct span){bytes + begin, at - begin});
    }
    buffer_text(buffer, "\"");
}

/* How a value is laid out; depth counts the open lists and maps when pretty. */
struct layout {
    bool is_pretty;
    uint32_t depth;
};

static void append_line(struct buffer *buffer, struct layout layout)
{
    if (!layout.is_pretty) {
        return;
    }
    buffer_text(buffer, "\n");
    for (uint32_t i = 0; i < layout.depth * INDENT_BLANKS; i++) {
        buffer_text(buffer, " ");
    }
}

static void append_value(struct buffer *buffer, const struct value *value, struct layout layout);

static void append_items(struct buffer *buffer, const struct value *value, struct layout layout)
{
    struct layout inner = {layout.is_pretty, layout.depth + 1};
    bool is_map = value->kind == VALUE_MAP;

    buffer_text(buffer, is_map ? "{" : "[");
    for (uint32_t i = 0; i < value->count && !buffer->is_failed; i++) {
        if (i > 0) {
            buffer_text(buffer, ",");
        }
        append_line(buffer, inner);
        if (!is_map) {
            append_value(buffer, &value->items[i], inner);
            continue;
        }
        json_append_string(buffer, value_text(&value->members[i].key));
        buffer_text(buffer, layout.is_pretty ? ": " : ":");
        append_value(buffer, &value->members[i].value, inner);
    }
    if (value->count > 0) {
        append_line(buffer, layout);
    }
    buffer_text(buffer, is_map ? "}" : "]");
}

/* As protobuf's JSON has them. */
static void append_time(struct buffer *buffer, const struct value *value)
{
    char text[INSTANT_TEXT_BYTES];

    if (value->kind == VALUE_TIMESTAMP) {
        instant_format(value->integer, value->count, text);
    } else {
        instant_format_duration(value->integer, text);
    }
    json_append_string(buffer, span_of(text));
}

static void append_value(struct buffer *buffer, const struct value *value, struct layout layout)
{
    switch (value->kind) {
    case VALUE_NULL:
        buffer_text(buffer, "null");
        return;
    case VALUE_BOOL:
        buffer_text(buffer, value->boolean ? "true" : "false");
        return;
    case VALUE_INT:
        json_append_int(buffer, value->integer);
        return;
    case VALUE_DOUBLE:
        json_append_double(buffer, value->number);
        return;
    case VALUE_STRING:
        json_append_string(buffer, value_text(value));
        return;
    case VALUE_LIST:
    case VALUE_MAP:
        append_items(buffer, value, layout);
        return;
    case VALUE_TIMESTAMP:
    case VALUE_DURATION:
        append_time(buffer, value);
        return;
    case VALUE_TYPE:
        json_append_string(buffer, span_of(value_type_name((enum value_kind)value->integer)));
        return;
    case VALUE_KIND_NR:
        break;
    }
    assert(false);
}

void json_write(struct buffer *buffer, const struct value *value)
{
    append_value(buffer, value, (struct layout){.is_pretty = false});
}

void json_write_pretty(struct buffer *buffer, const struct value *value)
{
    append_value(buffer, value, (struct layout){.is_pretty = true});
}

/* A comma where something stands before; what follows then has something before it. */
static void put_comma(struct json_writer *writer)
{
    if (writer->needs_comma) {
        buffer_text(writer->buffer, ",");
    }
    writer->needs_comma = true;
}

static void put_open(struct json_writer *writer, const char *bracket)
{
    put_comma(writer);
    buffer_text(writer->buffer, bracket);
    writer->needs_comma = false;
}

static void put_close(struct json_writer *writer, const char *bracket)
{
    buffer_text(writer->buffer, bracket);
    writer->needs_comma = true;
}

void json_begin_map(struct json_writer *writer)
{
    put_open(writer, "{");
}

void json_end_map(struct json_writer *writer)
{
    put_close(writer, "}");
}

void json_begin_list(struct json_writer *writer)
{
    put_open(writer, "[");
}

void json_end_list(struct json_writer *writer)
{
    put_close(writer, "]");
}

void json_key_span(struct json_writer *writer, struct span key)
{
    put_comma(writer);
    json_append_string(writer->buffer, key);
    buffer_text(writer->buffer, ":");
    writer->needs_comma = false;
}

void json_key(struct json_writer *writer, const char *key)
{
    json_key_span(writer, span_of(key));
}

void json_put_null(struct json_writer *writer)
{
    put_comma(writer);
    buffer_text(writer->buffer, "null");
}

void json_put_bool(struct json_writer *writer, bool boolean)
{
    put_comma(writer);
    buffer_text(writer->buffer, boolean ? "true" : "false");
}

void json_put_int(struct json_writer *writer, int64_t number)
{
    put_comma(writer);
    json_append_int(writer->buffer, number);
}

void json_put_uint(struct json_writer *writer, uint64_t number)
{
    put_comma(writer);
    append_uint(writer->buffer, false, number);
}

void json_put_double(struct json_writer *writer, double number)
{
    put_comma(writer);
    json_append_double(writer->buffer, number);
}

void json_put_string(struct json_writer *writer, struct span text)
{
    put_comma(writer);
    json_append_string(writer->buffer, text);
}

void json_put_text(struct json_writer *writer, const char *text)
{
    if (text == NULL) {
        json_put_null(writer);
        return;
    }
    json_put_string(writer, span_of(text));
}

void json_put_value(struct json_writer *writer, const struct value *value)
{
    put_comma(writer);
    json_write(writer->buffer, value);
}

void json_put_raw(struct json_writer *writer, struct span json)
{
    put_comma(writer);
    buffer_append(writer->buffer, json);
}
