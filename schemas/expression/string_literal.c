#include "schemas/expression/string_literal.h"

#include <string.h>

#include "schemas/json/utf8.h"

/* A literal while it is read: the quote that closes it, and where its body goes. */
struct reading {
    const unsigned char *text;
    size_t end;
    unsigned char quote;
    size_t quote_count; /* 1 or 3 */
    unsigned char *out;
};

static bool is_closing(const struct reading *r, size_t at)
{
    for (size_t i = 0; i < r->quote_count; i++) {
        if (at + i >= r->end || r->text[at + i] != r->quote) {
            return false;
        }
    }
    return true;
}

/* count digits of a base as a code point; -1 when there are others or fewer. */
static int64_t read_digits(const struct reading *r, size_t at, size_t count, unsigned base)
{
    int64_t code = 0;

    if (at + count > r->end) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        unsigned c = r->text[at + i];
        unsigned digit = c >= '0' && c <= '9'   ? c - '0'
                         : c >= 'a' && c <= 'f' ? c - 'a' + 10
                         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                : 99;

        if (digit >= base) {
            return -1;
        }
        code = code * base + digit;
    }
    return code;
}

/* The byte that a one-letter escape stands for; -1 when there is none. */
static int letter_escape(unsigned char letter)
{
    static const char letters[] = "abfnrtv\\?\"'`";
    static const char bytes[] = "\a\b\f\n\r\t\v\\?\"'`";
    const char *found = letter == 0 ? NULL : strchr(letters, letter);

    return found == NULL ? -1 : bytes[found - letters];
}

/* Decodes the escape at *at, a backslash, and moves behind it; a static fault, or NULL. */
static const char *read_escape(struct reading *r, size_t *at)
{
    size_t length = 0;
    int64_t code = -1;
    unsigned char letter = *at + 1 < r->end ? r->text[*at + 1] : 0;

    switch (letter) {
    case 'x':
    case 'X':
        length = 4;
        code = read_digits(r, *at + 2, 2, 16);
        break;
    case 'u':
        length = 6;
        code = read_digits(r, *at + 2, 4, 16);
        break;
    case 'U':
        length = 10;
        code = read_digits(r, *at + 2, 8, 16);
        break;
    case '0':
    case '1':
    case '2':
    case '3':
        length = 4;
        code = read_digits(r, *at + 1, 3, 8);
        break;
    default:
        length = 2;
        code = letter_escape(letter);
        if (code < 0) {
            return "no such escape: see \\n \\t \\\\ \\' \\\" \\xHH \\uHHHH \\UHHHHHHHH \\ooo, or "
                   "write r'...' for a text with backslashes";
        }
    }
    if (code < 0) {
        return "the escape lacks digits: \\xHH, \\uHHHH, \\UHHHHHHHH (hexadecimal) or \\ooo "
               "(octal)";
    }
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
        return "the escape names no Unicode character";
    }
    *at += length;
    r->out += utf8_encode((uint32_t)code, r->out);
    return NULL;
}

/* Decodes up to the closing quote; a static fault with *at where it stands, or NULL. */
static const char *read_body(struct reading *r, size_t *at, bool is_raw)
{
    while (!is_closing(r, *at)) {
        if (*at >= r->end) {
            return "the string has no closing quote";
        }
        unsigned char byte = r->text[*at];

        if (r->quote_count == 1 && (byte == '\n' || byte == '\r')) {
            return "a string ends on its line: write \\n, or use three quotes";
        }
        if (byte == '\\' && !is_raw) {
            const char *fault = read_escape(r, at);

            if (fault != NULL) {
                return fault;
            }
            continue;
        }
        *r->out++ = byte;
        ++*at;
    }
    *at += r->quote_count;
    return NULL;
}

/* A body is decoded to at most as many bytes as it has in the text. */
static size_t body_bytes_max(const struct reading *r, size_t at, bool is_raw)
{
    size_t begin = at;

    while (at < r->end && !is_closing(r, at)) {
        at += !is_raw && r->text[at] == '\\' ? 2 : 1;
    }
    return at - begin;
}

enum expression_err string_literal_read(struct span text, struct arena *arena,
                                        struct string_literal *literal, struct span *ret_text)
{
    struct reading r = {.text = text.data, .end = text.bytes, .quote_count = 3};

    r.quote = r.text[literal->at];
    if (!is_closing(&r, literal->at)) {
        r.quote_count = 1;
    }
    literal->at += r.quote_count;
    unsigned char *body = arena_alloc(arena, body_bytes_max(&r, literal->at, literal->is_raw) + 1);

    if (body == NULL) {
        literal->fault = "the expression needs more memory than it may take";
        return EXPRESSION_EMEMORY;
    }
    r.out = body;
    literal->fault = read_body(&r, &literal->at, literal->is_raw);
    if (literal->fault != NULL) {
        return EXPRESSION_ESYNTAX;
    }
    *ret_text = (struct span){body, (size_t)(r.out - body)};
    return EXPRESSION_OK;
}
