#include "schemas/expression/lexer.h"

#include <string.h>

#include "schemas/expression/string_literal.h"
#include "schemas/json/json_double.h"
#include "schemas/vocab/limits.h"

void lexer_init(struct lexer *lexer, struct span text, size_t begin,
                struct expression_position position, struct arena *arena,
                struct expression_error *error)
{
    *lexer = (struct lexer){.text = text.data,
                            .bytes = text.bytes,
                            .begin = begin,
                            .position = position,
                            .arena = arena,
                            .error = error};
    for (; lexer->at < begin; lexer->at++) {
        if (lexer->text[lexer->at] == '\n') {
            lexer->newline_count++;
            lexer->line_begin = lexer->at + 1;
        }
    }
}

static struct place place_of(const struct lexer *lexer, size_t at)
{
    struct place place = {.offset_column = (uint32_t)at + 1, .column = (uint32_t)at + 1};

    if (lexer->position.line > 0) {
        place.line = lexer->position.line + lexer->newline_count;
        place.column = (uint32_t)(at - lexer->line_begin) +
                       (lexer->newline_count == 0 ? lexer->position.column : 1);
    }
    return place;
}

enum expression_err expression_error_at(struct expression_error *error, struct place place)
{
    error->line = place.line;
    error->column = place.column;
    error->offset_column = place.offset_column;
    return error->code;
}

static enum expression_err fail(struct lexer *lexer, size_t at, enum expression_err code,
                                const char *text)
{
    (void)expression_error_set(lexer->error, code, text, "");
    return expression_error_at(lexer->error, place_of(lexer, at));
}

static int byte_at(const struct lexer *lexer, size_t at)
{
    return at < lexer->bytes ? lexer->text[at] : -1;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool is_name_start(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name_part(int c)
{
    return is_name_start(c) || is_digit(c);
}

/* Blanks and comments to the end of the line. */
static void skip_blanks(struct lexer *lexer)
{
    bool is_comment = false;

    for (; lexer->at < lexer->bytes; lexer->at++) {
        int c = byte_at(lexer, lexer->at);

        if (c == '\n') {
            is_comment = false;
            lexer->newline_count++;
            lexer->line_begin = lexer->at + 1;
        } else if (!is_comment && c == '/' && byte_at(lexer, lexer->at + 1) == '/') {
            is_comment = true;
        } else if (!is_comment && c != ' ' && c != '\t' && c != '\r' && c != '\f') {
            return;
        }
    }
}

static int hex_digit(int c)
{
    return is_digit(c)            ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Digits of a base from at on; *ret_end stands behind them. */
static bool read_whole(const struct lexer *lexer, size_t at, unsigned base, uint64_t *ret,
                       size_t *ret_end)
{
    uint64_t whole = 0;
    bool fits = true;

    for (;; at++) {
        int c = byte_at(lexer, at);
        int digit = base == 16 || is_digit(c) ? hex_digit(c) : -1;

        if (digit < 0) {
            break;
        }
        if (whole > (UINT64_MAX - (unsigned)digit) / base) {
            fits = false;
        } else {
            whole = whole * base + (unsigned)digit;
        }
    }
    *ret = whole;
    *ret_end = at;
    return fits;
}

/* Moves *at over a fraction and an exponent; true when there is one. */
static bool skip_fraction(const struct lexer *lexer, size_t *at)
{
    bool is_double = false;
    size_t i = *at;

    if (byte_at(lexer, i) == '.' && is_digit(byte_at(lexer, i + 1))) {
        is_double = true;
        for (i++; is_digit(byte_at(lexer, i)); i++) {
        }
    }
    int e = byte_at(lexer, i);
    size_t digits = i + 1;

    if (byte_at(lexer, digits) == '+' || byte_at(lexer, digits) == '-') {
        digits++;
    }
    if ((e == 'e' || e == 'E') && is_digit(byte_at(lexer, digits))) {
        is_double = true;
        for (i = digits; is_digit(byte_at(lexer, i)); i++) {
        }
    }
    *at = i;
    return is_double;
}

static enum expression_err read_number(struct lexer *lexer, struct token *token)
{
    size_t begin = lexer->at;
    int x = byte_at(lexer, begin + 1);
    bool is_hex = byte_at(lexer, begin) == '0' && (x == 'x' || x == 'X') &&
                  hex_digit(byte_at(lexer, begin + 2)) >= 0;
    size_t end;
    bool fits = is_hex ? read_whole(lexer, begin + 2, 16, &token->whole, &end)
                       : read_whole(lexer, begin, 10, &token->whole, &end);

    token->kind = TOKEN_INT;
    if (!is_hex && skip_fraction(lexer, &end)) {
        token->kind = TOKEN_DOUBLE;
        fits = json_double_parse((struct span){lexer->text + begin, end - begin}, &token->number);
    }
    int next = byte_at(lexer, end);

    if ((next == 'u' || next == 'U') && !is_name_part(byte_at(lexer, end + 1))) {
        return fail(lexer, begin, EXPRESSION_EUNSUPPORTED,
                    "unsigned numbers are not supported: write it without the u");
    }
    if (is_name_part(next)) {
        return fail(lexer, end, EXPRESSION_ESYNTAX, "a number must not run into a name");
    }
    if (!fits) {
        return fail(lexer, begin, EXPRESSION_ESYNTAX,
                    token->kind == TOKEN_INT ? "the number is too large for an int"
                                             : "the number is too large for a double");
    }
    lexer->at = end;
    return EXPRESSION_OK;
}

/* The bytes of a string's prefix r, b or br (any case); 0 when no quote follows. */
static size_t string_prefix(const struct lexer *lexer, bool *ret_is_raw, bool *ret_is_bytes)
{
    size_t at = lexer->at;
    int c = byte_at(lexer, at);

    *ret_is_bytes = c == 'b' || c == 'B';
    if (*ret_is_bytes) {
        c = byte_at(lexer, ++at);
    }
    *ret_is_raw = c == 'r' || c == 'R';
    if (*ret_is_raw) {
        c = byte_at(lexer, ++at);
    }
    return c == '"' || c == '\'' ? at - lexer->at : 0;
}

static enum expression_err read_string(struct lexer *lexer, struct token *token)
{
    bool is_raw;
    bool is_bytes;
    size_t prefix = string_prefix(lexer, &is_raw, &is_bytes);
    struct string_literal literal = {.at = lexer->at + prefix, .is_raw = is_raw};

    if (is_bytes) {
        return fail(lexer, lexer->at, EXPRESSION_EUNSUPPORTED,
                    "bytes are not supported: JSON has no form for them");
    }
    enum expression_err err = string_literal_read((struct span){lexer->text, lexer->bytes},
                                                  lexer->arena, &literal, &token->text);

    if (err != EXPRESSION_OK) {
        return fail(lexer, literal.at, err, literal.fault);
    }
    token->kind = TOKEN_STRING;
    for (; lexer->at < literal.at; lexer->at++) {
        if (lexer->text[lexer->at] == '\n') {
            lexer->newline_count++;
            lexer->line_begin = lexer->at + 1;
        }
    }
    return EXPRESSION_OK;
}

static void read_name(struct lexer *lexer, struct token *token)
{
    size_t begin = lexer->at;

    while (is_name_part(byte_at(lexer, lexer->at))) {
        lexer->at++;
    }
    token->kind = TOKEN_NAME;
    token->text = (struct span){lexer->text + begin, lexer->at - begin};
}

/* `content-type`: letters, digits and _ . - / and blanks. */
static enum expression_err read_quoted(struct lexer *lexer, struct token *token)
{
    size_t begin = lexer->at + 1;
    size_t at = begin;

    for (;; at++) {
        int c = byte_at(lexer, at);

        if (!is_name_part(c) && c != '.' && c != '-' && c != '/' && c != ' ') {
            break;
        }
    }
    if (byte_at(lexer, at) != '`' || at == begin) {
        return fail(lexer, at, EXPRESSION_ESYNTAX,
                    "a name in backticks holds letters, digits, _ . - / and blanks and ends in a "
                    "backtick");
    }
    token->kind = TOKEN_QUOTED;
    token->text = (struct span){lexer->text + begin, at - begin};
    lexer->at = at + 1;
    return EXPRESSION_OK;
}

static enum expression_err read_sign(struct lexer *lexer, struct token *token)
{
    /* clang-format off */
    static const struct { char first, second; int sign; } pairs[] = {
        {'=', '=', SIGN_EQUAL}, {'!', '=', SIGN_NOT_EQUAL}, {'<', '=', SIGN_LESS_EQUAL},
        {'>', '=', SIGN_GREATER_EQUAL}, {'&', '&', SIGN_AND}, {'|', '|', SIGN_OR},
    };
    /* clang-format on */
    int first = byte_at(lexer, lexer->at);
    int second = byte_at(lexer, lexer->at + 1);

    token->kind = TOKEN_SIGN;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        if (first == pairs[i].first && second == pairs[i].second) {
            token->sign = pairs[i].sign;
            lexer->at += 2;
            return EXPRESSION_OK;
        }
    }
    if (first == 0 || first >= 0x80 || strchr("()[]{}.,?:+-*/%!<>", first) == NULL) {
        return fail(lexer, lexer->at, EXPRESSION_ESYNTAX,
                    first == '='   ? "a single = is no operator: write == to compare"
                    : first == '&' ? "a single & is no operator: write &&"
                    : first == '|' ? "a single | is no operator: write ||"
                                   : "this character has no meaning in an expression");
    }
    token->sign = first;
    lexer->at++;
    return EXPRESSION_OK;
}

static enum expression_err read_token(struct lexer *lexer, struct token *token)
{
    int c = byte_at(lexer, lexer->at);
    bool is_raw;
    bool is_bytes;

    if (c < 0) {
        token->kind = TOKEN_END;
        return EXPRESSION_OK;
    }
    if (is_digit(c) || (c == '.' && is_digit(byte_at(lexer, lexer->at + 1)))) {
        return read_number(lexer, token);
    }
    if (c == '"' || c == '\'' || string_prefix(lexer, &is_raw, &is_bytes) > 0) {
        return read_string(lexer, token);
    }
    if (is_name_start(c)) {
        read_name(lexer, token);
        return EXPRESSION_OK;
    }
    return c == '`' ? read_quoted(lexer, token) : read_sign(lexer, token);
}

enum expression_err lexer_next(struct lexer *lexer, struct token *ret_token)
{
    struct token token = {0};

    skip_blanks(lexer);
    token.begin = lexer->at;
    token.place = place_of(lexer, lexer->at);
    enum expression_err err = read_token(lexer, &token);

    if (err != EXPRESSION_OK) {
        return err;
    }
    token.end = lexer->at;
    if (lexer->at - lexer->begin > LIMIT_EXPRESSION_BYTES && token.kind != TOKEN_END) {
        (void)expression_error_set(lexer->error, EXPRESSION_ELIMIT,
                                   "the expression is longer than the limit of 4096 bytes", "");
        return expression_error_at(lexer->error, token.place);
    }
    *ret_token = token;
    return EXPRESSION_OK;
}
