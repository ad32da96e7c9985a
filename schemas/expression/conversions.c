#include "schemas/expression/conversions.h"

#include <math.h>
#include <string.h>

#include "schemas/json/json_double.h"
#include "schemas/vocab/instant.h"

enum { DIGITS_BYTES = 24 };

static bool is_one_of(struct span text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (span_is(text, words[i])) {
            return true;
        }
    }
    return false;
}

/* "int() cannot take the string abc", the string cut to what an error shows. */
static enum expression_err fail_text(struct evaluation *e, const char *name, struct span text,
                                     const char *hint)
{
    enum { SHOWN_BYTES = 60 };
    const char *bytes = text.data;
    size_t shown = text.bytes;

    if (shown > SHOWN_BYTES) {
        shown = SHOWN_BYTES;
        while (shown > 0 && ((unsigned char)bytes[shown] & 0xc0) == 0x80) {
            shown--;
        }
    }
    (void)expression_error_set(e->error, EXPRESSION_EVALUE, name,
                               "() has no value for the string '");
    expression_error_add(e->error, (struct span){text.data, shown});
    expression_error_add(e->error, span_of(shown < text.bytes ? "...'; " : "'; "));
    expression_error_add(e->error, span_of(hint));
    return EXPRESSION_EVALUE;
}

static enum expression_err charge_text(struct evaluation *e, const struct value *value)
{
    return evaluation_charge(e, value->count / EVALUATION_COST_BYTES);
}

enum expression_err convert_bool(struct evaluation *e, const struct value *arguments,
                                 uint32_t count, struct value *ret_value)
{
    static const char *const yes[] = {"1", "t", "true", "TRUE", "True", "T"};
    static const char *const no[] = {"0", "f", "false", "FALSE", "False", "F"};
    struct span text = value_text(&arguments[0]);

    (void)count;
    if (arguments[0].kind == VALUE_BOOL) {
        *ret_value = arguments[0];
        return EXPRESSION_OK;
    }
    if (is_one_of(text, yes, 6) || is_one_of(text, no, 6)) {
        *ret_value = value_bool(is_one_of(text, yes, 6));
        return EXPRESSION_OK;
    }
    return fail_text(e, "bool", text, "it takes true and false");
}

/* inf, infinity and nan with or without a sign, as strconv.ParseFloat reads them. */
static bool read_special(struct span text, double *ret)
{
    const char *bytes = text.data;
    bool has_sign = text.bytes > 0 && (bytes[0] == '-' || bytes[0] == '+');
    struct span word = {has_sign ? bytes + 1 : bytes, text.bytes - has_sign};
    static const char *const endless[] = {"inf", "Inf", "INF", "infinity", "Infinity"};
    static const char *const none[] = {"nan", "NaN", "NAN"};

    if (is_one_of(word, endless, 5)) {
        *ret = has_sign && bytes[0] == '-' ? -HUGE_VAL : HUGE_VAL;
        return true;
    }
    if (!has_sign && is_one_of(word, none, 3)) {
        *ret = (double)NAN;
        return true;
    }
    return false;
}

enum expression_err convert_double(struct evaluation *e, const struct value *arguments,
                                   uint32_t count, struct value *ret_value)
{
    const struct value *value = &arguments[0];
    double number = 0;
    enum expression_err err = EXPRESSION_OK;

    (void)count;
    if (value->kind == VALUE_DOUBLE) {
        *ret_value = *value;
    } else if (value->kind == VALUE_INT) {
        *ret_value = value_double((double)value->integer);
    } else {
        err = charge_text(e, value);
        if (err == EXPRESSION_OK && !read_special(value_text(value), &number) &&
            !json_double_parse(value_text(value), &number)) {
            err = fail_text(e, "double", value_text(value), "it takes numbers such as 1.5 or 1e3");
        }
        *ret_value = value_double(number);
    }
    return err;
}

static bool read_int(struct span text, int64_t *ret)
{
    const char *bytes = text.data;
    bool is_negative = text.bytes > 0 && bytes[0] == '-';
    size_t at = text.bytes > 0 && (bytes[0] == '-' || bytes[0] == '+');
    int64_t number = 0;

    if (at == text.bytes) {
        return false;
    }
    for (; at < text.bytes; at++) {
        int digit = bytes[at] - '0';

        if (digit < 0 || digit > 9 || __builtin_mul_overflow(number, (int64_t)10, &number) ||
            __builtin_add_overflow(number, (int64_t)(is_negative ? -digit : digit), &number)) {
            return false;
        }
    }
    *ret = number;
    return true;
}

enum expression_err convert_int(struct evaluation *e, const struct value *arguments, uint32_t count,
                                struct value *ret_value)
{
    const struct value *value = &arguments[0];
    int64_t number = value->integer;
    enum expression_err err = EXPRESSION_OK;

    (void)count;
    if (value->kind == VALUE_STRING) {
        err = charge_text(e, value);
        if (err == EXPRESSION_OK && !read_int(value_text(value), &number)) {
            err = fail_text(e, "int", value_text(value), "it takes whole numbers of 64 bits");
        }
    } else if (value->kind == VALUE_DOUBLE) {
        /* The ends are left out on both sides, as cel-spec has it. */
        if (!(value->number > -0x1p63 && value->number < 0x1p63)) {
            return expression_error_set(e->error, EXPRESSION_EARITHMETIC,
                                        "the double does not fit an int", "");
        }
        number = (int64_t)value->number;
    }
    *ret_value = value_int(number);
    return err;
}

static size_t write_int(int64_t number, char *to)
{
    uint64_t size = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    char digits[DIGITS_BYTES];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + size % 10);
        size /= 10;
    } while (size > 0);
    if (number < 0) {
        digits[--at] = '-';
    }
    memcpy(to, digits + at, sizeof(digits) - at);
    return sizeof(digits) - at;
}

/* The shortest that reads back, without the .0 of a whole number. */
static size_t write_double(double number, char *to)
{
    if (isnan(number) || isinf(number)) {
        const char *word = isnan(number) ? "NaN" : number > 0 ? "+Inf" : "-Inf";

        memcpy(to, word, strlen(word));
        return strlen(word);
    }
    json_double_format(number, to);
    size_t bytes = strlen(to);

    return bytes > 2 && memcmp(to + bytes - 2, ".0", 2) == 0 ? bytes - 2 : bytes;
}

enum expression_err convert_string(struct evaluation *e, const struct value *arguments,
                                   uint32_t count, struct value *ret_value)
{
    const struct value *value = &arguments[0];
    char text[JSON_DOUBLE_TEXT_BYTES + INSTANT_TEXT_BYTES];
    size_t bytes = 0;
    void *made;

    (void)count;
    if (value->kind == VALUE_STRING) {
        *ret_value = *value;
        return EXPRESSION_OK;
    }
    if (value->kind == VALUE_BOOL) {
        *ret_value = value_string(span_of(value->boolean ? "true" : "false"));
        return EXPRESSION_OK;
    }
    if (value->kind == VALUE_INT) {
        bytes = write_int(value->integer, text);
    } else if (value->kind == VALUE_DOUBLE) {
        bytes = write_double(value->number, text);
    } else if (value->kind == VALUE_TIMESTAMP) {
        instant_format(value->integer, value->count, text);
        bytes = strlen(text);
    } else {
        instant_format_duration(value->integer, text);
        bytes = strlen(text);
    }
    enum expression_err err = evaluation_make(e, bytes, &made);

    if (err == EXPRESSION_OK) {
        memcpy(made, text, bytes);
        *ret_value = value_string((struct span){made, bytes});
    }
    return err;
}

enum expression_err convert_timestamp(struct evaluation *e, const struct value *arguments,
                                      uint32_t count, struct value *ret_value)
{
    const struct value *value = &arguments[0];
    int64_t seconds = value->integer;
    uint32_t nanos = 0;
    enum instant_err reason = INSTANT_OK;

    (void)count;
    if (value->kind == VALUE_TIMESTAMP) {
        *ret_value = *value;
        return EXPRESSION_OK;
    }
    if (value->kind == VALUE_STRING) {
        reason = instant_parse(value_text(value), &seconds, &nanos);
    } else if (seconds < INSTANT_SECONDS_MIN || seconds > INSTANT_SECONDS_MAX) {
        reason = INSTANT_ERANGE;
    }
    if (reason == INSTANT_ERANGE) {
        return expression_error_set(e->error, EXPRESSION_EARITHMETIC,
                                    "timestamp() takes the years 1 to 9999", "");
    }
    if (reason != INSTANT_OK) {
        return fail_text(e, "timestamp", value_text(value),
                         "it takes RFC 3339 such as 2026-01-31T12:00:00Z");
    }
    *ret_value = value_timestamp(seconds, nanos);
    return EXPRESSION_OK;
}

enum expression_err convert_duration(struct evaluation *e, const struct value *arguments,
                                     uint32_t count, struct value *ret_value)
{
    const struct value *value = &arguments[0];
    int64_t ns = value->integer;

    (void)count;
    if (value->kind == VALUE_STRING) {
        enum instant_err reason = instant_parse_duration(value_text(value), &ns);

        if (reason == INSTANT_ERANGE) {
            return expression_error_set(e->error, EXPRESSION_EARITHMETIC,
                                        "duration() takes about 290 years either way", "");
        }
        if (reason != INSTANT_OK) {
            return fail_text(e, "duration", value_text(value),
                             "it takes numbers with h, m, s, ms, us or ns such as 1h30m");
        }
    }
    *ret_value = value_duration(ns);
    return EXPRESSION_OK;
}

enum expression_err convert_type(struct evaluation *e, const struct value *arguments,
                                 uint32_t count, struct value *ret_value)
{
    (void)e;
    (void)count;
    *ret_value = (struct value){.kind = VALUE_TYPE, .integer = arguments[0].kind};
    return EXPRESSION_OK;
}

enum expression_err convert_dyn(struct evaluation *e, const struct value *arguments, uint32_t count,
                                struct value *ret_value)
{
    (void)e;
    (void)count;
    *ret_value = arguments[0];
    return EXPRESSION_OK;
}

bool conversions_type(struct span name, struct value *ret_type)
{
    for (int kind = 0; kind < VALUE_KIND_NR; kind++) {
        if (span_is(name, value_type_name((enum value_kind)kind))) {
            *ret_type = (struct value){.kind = VALUE_TYPE, .integer = kind};
            return true;
        }
    }
    return false;
}
