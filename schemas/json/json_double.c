#include "schemas/json/json_double.h"

#include <assert.h>
#include <float.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 767 digits decide every double; one more stands for all that follow. */
enum { DIGITS_MAX = 768, EXPONENT_MOST = 100000000 };

struct decimal {
    char digits[DIGITS_MAX + 1 + 16]; /* without leading zeros; room for an exponent */
    size_t digit_count;
    int64_t exponent; /* of the last digit */
    bool is_negative;
    bool has_digit;
    bool has_dropped; /* a digit other than 0 did not fit */
};

static void decimal_digit(struct decimal *d, char digit, bool is_fraction)
{
    d->has_digit = true;
    if (d->digit_count == 0 && digit == '0') {
        d->exponent -= is_fraction;
        return;
    }
    if (d->digit_count == DIGITS_MAX) {
        d->has_dropped |= digit != '0';
        d->exponent += !is_fraction;
        return;
    }
    d->digits[d->digit_count++] = digit;
    d->exponent -= is_fraction;
}

static size_t decimal_digits(struct decimal *d, const char *text, size_t at, size_t end,
                             bool is_fraction)
{
    for (; at < end && text[at] >= '0' && text[at] <= '9'; at++) {
        decimal_digit(d, text[at], is_fraction);
    }
    return at;
}

/* Reads e[+-]digits at *at; leaves *at where it is when there is none. */
static bool decimal_exponent(struct decimal *d, const char *text, size_t *at, size_t end)
{
    size_t i = *at;

    if (i == end || (text[i] != 'e' && text[i] != 'E')) {
        return true;
    }
    i++;
    bool is_negative = i < end && text[i] == '-';

    if (i < end && (text[i] == '-' || text[i] == '+')) {
        i++;
    }
    size_t begin = i;
    int64_t exponent = 0;

    for (; i < end && text[i] >= '0' && text[i] <= '9'; i++) {
        exponent = exponent < EXPONENT_MOST ? exponent * 10 + (text[i] - '0') : exponent;
    }
    if (i == begin) {
        return false;
    }
    d->exponent += is_negative ? -exponent : exponent;
    *at = i;
    return true;
}

static bool decimal_read(struct span source, struct decimal *ret)
{
    const char *text = source.data;
    size_t end = source.bytes;
    size_t at = 0;

    ret->digit_count = 0;
    ret->exponent = 0;
    ret->has_digit = false;
    ret->has_dropped = false;
    ret->is_negative = end > 0 && text[0] == '-';
    if (end > 0 && (text[0] == '-' || text[0] == '+')) {
        at = 1;
    }
    at = decimal_digits(ret, text, at, end, false);
    if (at < end && text[at] == '.') {
        at = decimal_digits(ret, text, at + 1, end, true);
    }
    return ret->has_digit && decimal_exponent(ret, text, &at, end) && at == end;
}

/* Both factors are exact, so their product or quotient is rounded once (Clinger 1990). */
static bool decimal_fast(const struct decimal *d, double *ret)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    uint64_t mantissa = 0;

    if (d->digit_count > 15 || d->exponent < -22 || d->exponent > 22) {
        return false;
    }
    for (size_t i = 0; i < d->digit_count; i++) {
        mantissa = mantissa * 10 + (uint64_t)(d->digits[i] - '0');
    }
    *ret = d->exponent < 0 ? (double)mantissa / powers[-d->exponent]
                           : (double)mantissa * powers[d->exponent];
    return true;
}

/* Without a point, so that no locale matters. */
static double decimal_slow(struct decimal *d)
{
    int64_t exponent = d->exponent;

    if (d->has_dropped) {
        d->digits[d->digit_count++] = '1';
        exponent--;
    }
    exponent = exponent > EXPONENT_MOST ? EXPONENT_MOST : exponent;
    exponent = exponent < -EXPONENT_MOST ? -EXPONENT_MOST : exponent;
    (void)snprintf(d->digits + d->digit_count, 16, "e%d", (int)exponent);
    return strtod(d->digits, NULL);
}

bool json_double_parse(struct span text, double *ret_number)
{
    struct decimal d;
    double number = 0;

    if (!decimal_read(text, &d)) {
        return false;
    }
    if (d.digit_count > 0 && !decimal_fast(&d, &number)) {
        number = decimal_slow(&d);
    }
    if (number > DBL_MAX) {
        return false;
    }
    *ret_number = d.is_negative ? -number : number;
    return true;
}

void json_double_format(double number, char ret_text[JSON_DOUBLE_TEXT_BYTES])
{
    double size = number < 0 ? -number : number;
    /* 15 digits are kept by every normal double; below, fewer can do. */
    int precision = size < DBL_MIN ? 1 : 15;

    assert(size <= DBL_MAX);
    if (size < 1e15 && (double)(int64_t)number == number) {
        const char *sign = number == 0 && 1 / number < 0 ? "-" : "";

        (void)snprintf(ret_text, JSON_DOUBLE_TEXT_BYTES, "%s%lld.0", sign, (long long)number);
        return;
    }
    for (;; precision++) {
        double back = 0;

        (void)snprintf(ret_text, JSON_DOUBLE_TEXT_BYTES, "%.*g", precision, number);
        if (precision == 17 || (json_double_parse(span_of(ret_text), &back) && back == number)) {
            break;
        }
    }
    if (strpbrk(ret_text, ".e") == NULL) {
        (void)strncat(ret_text, ".0", JSON_DOUBLE_TEXT_BYTES - strlen(ret_text) - 1);
    }
}
