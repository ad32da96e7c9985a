#include "schemas/json/json_read.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "schemas/json/json_double.h"
#include "schemas/json/utf8.h"
#include "schemas/json/value_stack.h"
#include "schemas/vocab/limits.h"

/* An open list or map: where its first item lies on the stack, where it stands in the text. */
struct frame {
    uint32_t begin;
    uint32_t line;
    uint32_t column;
    bool is_map;
};

struct reader {
    const unsigned char *at;
    const unsigned char *end;
    const unsigned char *line_begin;
    uint32_t line;
    bool borrows_text;
    uint32_t depth;
    uint32_t depth_max;
    struct arena *arena;
    struct json_error *error;
    struct value_stack stack;
    struct frame frames[JSON_DEPTH_MOST];
};

static enum json_err fail_at(struct reader *r, enum json_err code, const unsigned char *place,
                             const char *text)
{
    r->error->line = r->line;
    r->error->column = (uint32_t)(place - r->line_begin) + 1;
    (void)snprintf(r->error->text, sizeof(r->error->text), "%s", text);
    return code;
}

static enum json_err fail(struct reader *r, const char *text)
{
    return fail_at(r, JSON_ESYNTAX, r->at, r->at == r->end ? "the text ends too early" : text);
}

static enum json_err fail_memory(struct reader *r)
{
    return fail_at(r, JSON_EMEMORY, r->at, "the value needs more memory than it may take");
}

static enum json_err push(struct reader *r, struct value value)
{
    return value_stack_push(&r->stack, value) ? JSON_OK : fail_memory(r);
}

static void skip_blanks(struct reader *r)
{
    for (; r->at < r->end; r->at++) {
        switch (*r->at) {
        case '\n':
            r->line++;
            r->line_begin = r->at + 1;
            break;
        case ' ':
        case '\t':
        case '\r':
            break;
        default:
            return;
        }
    }
}

static bool is_next(const struct reader *r, unsigned char byte)
{
    return r->at < r->end && *r->at == byte;
}

static struct value value_at(const struct reader *r, enum value_kind kind)
{
    return (struct value){
        .kind = kind, .line = r->line, .column = (uint32_t)(r->at - r->line_begin) + 1};
}

/* True when none of 8 bytes is a quote, a backslash, a control character or above ASCII. */
static bool is_plain_8(const unsigned char *at)
{
    const uint64_t ones = 0x0101010101010101u;
    const uint64_t highs = 0x8080808080808080u;
    uint64_t word;

    memcpy(&word, at, sizeof(word));
    uint64_t quote = word ^ (ones * '"');
    uint64_t slash = word ^ (ones * '\\');
    uint64_t found = (word - ones * 0x20) | (quote - ones) | (slash - ones) | word;

    return (found & highs) == 0;
}

static int hex_4(const unsigned char *at)
{
    int code = 0;

    for (int i = 0; i < 4; i++) {
        unsigned char c = at[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;

        if (digit < 0) {
            return -1;
        }
        code = code * 16 + digit;
    }
    return code;
}

/* Reads \uXXXX (a pair where it is a surrogate) at *at; the code point, or -1. */
static int32_t unicode_escape(const unsigned char **at, const unsigned char *end)
{
    const unsigned char *c = *at;
    int high = end - c >= 6 ? hex_4(c + 2) : -1;

    if (high < 0xd800 || high > 0xdfff) {
        *at = high < 0 ? c : c + 6;
        return high;
    }
    if (high > 0xdbff || end - c < 12 || c[6] != '\\' || c[7] != 'u') {
        return -1;
    }
    int low = hex_4(c + 8);

    if (low < 0xdc00 || low > 0xdfff) {
        return -1;
    }
    *at = c + 12;
    return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

/* What a backslash and this letter stand for; 0 when it is no escape of one letter. */
static unsigned char letter_escape(unsigned char letter)
{
    switch (letter) {
    case '"':
    case '\\':
    case '/':
        return letter;
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return 0;
    }
}

static enum json_err scan_escape(struct reader *r)
{
    if (r->end - r->at < 2) {
        r->at = r->end;
        return fail(r, "");
    }
    if (letter_escape(r->at[1]) != 0) {
        r->at += 2;
        return JSON_OK;
    }
    if (r->at[1] != 'u') {
        return fail(r, "no such escape: JSON has \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX");
    }
    return unicode_escape(&r->at, r->end) < 0
               ? fail(r, "\\u wants four hexadecimal digits, and a surrogate wants its pair")
               : JSON_OK;
}

/* Moves at from behind the opening quote to the closing one. */
static enum json_err scan_string(struct reader *r, bool *ret_has_escape)
{
    *ret_has_escape = false;
    for (;;) {
        while (r->end - r->at >= 8 && is_plain_8(r->at)) {
            r->at += 8;
        }
        if (r->at == r->end) {
            return fail(r, "");
        }
        unsigned char byte = *r->at;

        if (byte == '"') {
            return JSON_OK;
        }
        if (byte == '\\') {
            *ret_has_escape = true;
            enum json_err err = scan_escape(r);

            if (err != JSON_OK) {
                return err;
            }
            continue;
        }
        if (byte < 0x20) {
            return fail(r, "a control character in a string must be written as an escape");
        }
        size_t length = utf8_sequence(r->at, (size_t)(r->end - r->at));

        if (length == 0) {
            return fail(r, "the text is not valid UTF-8 here");
        }
        r->at += length;
    }
}

/* Decodes scanned text; ret_bytes has room for as many bytes as the text. */
static size_t decode_string(const unsigned char *at, const unsigned char *end,
                            unsigned char *ret_bytes)
{
    unsigned char *out = ret_bytes;

    while (at < end) {
        const unsigned char *slash = memchr(at, '\\', (size_t)(end - at));
        size_t plain = (size_t)((slash == NULL ? end : slash) - at);

        memcpy(out, at, plain);
        out += plain;
        at += plain;
        if (at == end) {
            break;
        }
        if (at[1] == 'u') {
            out += utf8_encode((uint32_t)unicode_escape(&at, end), out);
        } else {
            *out++ = letter_escape(at[1]);
            at += 2;
        }
    }
    return (size_t)(out - ret_bytes);
}

static enum json_err read_string(struct reader *r, struct value *ret)
{
    struct value value = value_at(r, VALUE_STRING);
    const unsigned char *begin = ++r->at;
    bool has_escape;
    enum json_err err = scan_string(r, &has_escape);

    if (err != JSON_OK) {
        return err;
    }
    struct span raw = {begin, (size_t)(r->at - begin)};

    r->at++;
    value.count = (uint32_t)raw.bytes;
    if (has_escape) {
        unsigned char *decoded = arena_alloc(r->arena, raw.bytes + 1);

        if (decoded == NULL) {
            return fail_memory(r);
        }
        value.count = (uint32_t)decode_string(begin, begin + raw.bytes, decoded);
        value.text = (const char *)decoded;
    } else if (r->borrows_text) {
        value.text = (const char *)begin;
    } else {
        value.text = arena_copy(r->arena, raw).data;
        if (value.text == NULL) {
            return fail_memory(r);
        }
    }
    *ret = value;
    return JSON_OK;
}

static bool is_digit(const struct reader *r)
{
    return r->at < r->end && *r->at >= '0' && *r->at <= '9';
}

static enum json_err skip_digits(struct reader *r)
{
    if (!is_digit(r)) {
        return fail(r, "a digit must stand here");
    }
    while (is_digit(r)) {
        r->at++;
    }
    return JSON_OK;
}

/* Moves at over fraction and exponent; *ret_is_whole is false when there is one. */
static enum json_err skip_fraction(struct reader *r, bool *ret_is_whole)
{
    enum json_err err = JSON_OK;

    *ret_is_whole = true;
    if (is_next(r, '.')) {
        *ret_is_whole = false;
        r->at++;
        err = skip_digits(r);
    }
    if (err == JSON_OK && (is_next(r, 'e') || is_next(r, 'E'))) {
        *ret_is_whole = false;
        r->at++;
        if (is_next(r, '+') || is_next(r, '-')) {
            r->at++;
        }
        err = skip_digits(r);
    }
    return err;
}

/* Reads digits, which begin at r->at; *ret_fits is false above the range of int64. */
static enum json_err read_digits(struct reader *r, bool is_negative, int64_t *ret, bool *ret_fits)
{
    const unsigned char *begin = r->at;
    uint64_t size = 0;
    uint64_t most = (uint64_t)INT64_MAX + is_negative;

    *ret_fits = true;
    if (!is_digit(r)) {
        return fail(r, "a digit must stand here");
    }
    for (; is_digit(r); r->at++) {
        uint64_t digit = (uint64_t)(*r->at - '0');

        if (size > (most - digit) / 10) {
            *ret_fits = false;
        } else {
            size = size * 10 + digit;
        }
    }
    if (*begin == '0' && r->at - begin > 1) {
        return fail_at(r, JSON_ESYNTAX, begin, "a number must not begin with a zero");
    }
    *ret = (int64_t)(is_negative ? 0 - size : size);
    return JSON_OK;
}

static enum json_err read_number(struct reader *r, struct value *ret)
{
    struct value value = value_at(r, VALUE_INT);
    const unsigned char *begin = r->at;
    bool is_negative = *r->at == '-';
    bool fits;
    bool is_whole;

    r->at += is_negative;
    enum json_err err = read_digits(r, is_negative, &value.integer, &fits);

    if (err == JSON_OK) {
        err = skip_fraction(r, &is_whole);
    }
    if (err != JSON_OK) {
        return err;
    }
    if (!is_whole || !fits) {
        value.kind = VALUE_DOUBLE;
        if (!json_double_parse((struct span){begin, (size_t)(r->at - begin)}, &value.number)) {
            return fail_at(r, JSON_ESYNTAX, begin, "the number is too large for a double");
        }
    }
    *ret = value;
    return JSON_OK;
}

static enum json_err read_word(struct reader *r, struct value value, const char *word,
                               struct value *ret)
{
    size_t bytes = strlen(word);

    if ((size_t)(r->end - r->at) < bytes || memcmp(r->at, word, bytes) != 0) {
        return fail_at(r, JSON_ESYNTAX, r->at,
                       "no value begins so: it must be null, true, false, a number, a string in "
                       "double quotes, a list or a map");
    }
    r->at += bytes;
    *ret = value;
    return JSON_OK;
}

/* A string that is no key stands where its text begins, after the quote: faults inside it, such as
 * in an expression, count their columns from there. */
static enum json_err read_placed_string(struct reader *r, struct value *ret)
{
    enum json_err err = read_string(r, ret);

    if (err == JSON_OK) {
        ret->column++;
    }
    return err;
}

static enum json_err read_scalar(struct reader *r, struct value *ret)
{
    struct value value;

    switch (*r->at) {
    case '"':
        return read_placed_string(r, ret);
    case 't':
    case 'f':
        value = value_at(r, VALUE_BOOL);
        value.boolean = *r->at == 't';
        return read_word(r, value, value.boolean ? "true" : "false", ret);
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        return read_number(r, ret);
    default:
        return read_word(r, value_at(r, VALUE_NULL), "null", ret);
    }
}

/* Reads "key" : and pushes the key. */
static enum json_err read_key(struct reader *r)
{
    struct value key;

    skip_blanks(r);
    if (!is_next(r, '"')) {
        return fail(r, "a key in double quotes must stand here");
    }
    enum json_err err = read_string(r, &key);

    if (err == JSON_OK) {
        err = push(r, key);
    }
    if (err != JSON_OK) {
        return err;
    }
    skip_blanks(r);
    if (!is_next(r, ':')) {
        return fail(r, "a colon must stand after the key");
    }
    r->at++;
    return JSON_OK;
}

static enum json_err refuse_twice(struct reader *r, const struct value *key)
{
    struct json_error *error = r->error;

    error->line = key->line;
    error->column = key->column;
    (void)snprintf(error->text, sizeof(error->text), "the key \"%.*s\" stands twice in this map",
                   (int)(key->count > 64 ? 64 : key->count), key->text);
    return JSON_ESYNTAX;
}

/* Makes the innermost list or map of what was read since it was opened. */
static enum json_err close_frame(struct reader *r)
{
    const struct frame *frame = &r->frames[--r->depth];
    const struct value *twice;
    struct value holder = {.kind = frame->is_map ? VALUE_MAP : VALUE_LIST,
                           .line = frame->line,
                           .column = frame->column};

    r->at++;
    if (!value_stack_close(&r->stack, r->arena, frame->begin, holder, &twice)) {
        return fail_memory(r);
    }
    return twice == NULL ? JSON_OK : refuse_twice(r, twice);
}

/* After [ or {: closes an empty one, else reads up to its first value. */
static enum json_err open_frame(struct reader *r, bool *ret_is_closed)
{
    bool is_map = *r->at == '{';

    if (r->depth == r->depth_max) {
        return fail_at(r, JSON_ELIMIT, r->at, "lists and maps are nested deeper than the limit");
    }
    r->frames[r->depth++] = (struct frame){.begin = r->stack.count,
                                           .line = r->line,
                                           .column = (uint32_t)(r->at - r->line_begin) + 1,
                                           .is_map = is_map};
    r->at++;
    skip_blanks(r);
    *ret_is_closed = is_next(r, is_map ? '}' : ']');
    if (*ret_is_closed) {
        return close_frame(r);
    }
    return is_map ? read_key(r) : JSON_OK;
}

/* After a value: closes what ends here, or stops before the next value. */
static enum json_err read_after(struct reader *r)
{
    while (r->depth > 0) {
        bool is_map = r->frames[r->depth - 1].is_map;

        skip_blanks(r);
        if (is_next(r, ',')) {
            r->at++;
            return is_map ? read_key(r) : JSON_OK;
        }
        if (!is_next(r, is_map ? '}' : ']')) {
            return fail(r,
                        is_map ? "a comma or } must stand here" : "a comma or ] must stand here");
        }
        enum json_err err = close_frame(r);

        if (err != JSON_OK) {
            return err;
        }
    }
    return JSON_OK;
}

static enum json_err read_text(struct reader *r)
{
    enum json_err err;

    do {
        bool is_complete = true;

        skip_blanks(r);
        if (r->at == r->end) {
            return fail(r, "");
        }
        if (*r->at == '[' || *r->at == '{') {
            err = open_frame(r, &is_complete);
        } else {
            struct value value;

            err = read_scalar(r, &value);
            if (err == JSON_OK) {
                err = push(r, value);
            }
        }
        if (err == JSON_OK && is_complete) {
            err = read_after(r);
        }
    } while (err == JSON_OK && r->depth > 0);
    if (err != JSON_OK) {
        return err;
    }
    skip_blanks(r);
    return r->at == r->end ? JSON_OK : fail(r, "nothing may follow the value");
}

enum json_err json_read(struct span text, const struct json_limits *limits, struct arena *arena,
                        struct value *ret_value, struct json_error *ret_error)
{
    const struct json_limits none = {0};
    struct reader r;

    limits = limits == NULL ? &none : limits;
    r.at = text.data == NULL ? (const unsigned char *)"" : text.data;
    r.end = r.at + text.bytes;
    r.line_begin = r.at;
    r.line = 1;
    r.borrows_text = limits->borrows_text;
    r.depth = 0;
    r.depth_max = limits->depth_max == 0 ? LIMIT_JSON_DEPTH : limits->depth_max;
    r.arena = arena;
    r.error = ret_error;
    value_stack_init(&r.stack, arena->allocator);
    assert(r.depth_max <= JSON_DEPTH_MOST);
    if (text.bytes > UINT32_MAX - 1 ||
        (limits->text_bytes_max != 0 && text.bytes > limits->text_bytes_max)) {
        return fail_at(&r, JSON_ELIMIT, r.at, "the text is longer than the limit");
    }
    if (text.bytes >= 3 && memcmp(r.at, "\xef\xbb\xbf", 3) == 0) {
        return fail(&r, "a byte order mark must not stand here: save the text without it");
    }
    enum json_err err = read_text(&r);

    if (err == JSON_OK) {
        assert(r.stack.count == 1);
        *ret_value = r.stack.values[0];
    }
    value_stack_release(&r.stack);
    return err;
}
