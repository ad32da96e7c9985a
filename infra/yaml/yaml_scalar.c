#include "infra/yaml/yaml_scalar.h"

#include "schemas/json/json_double.h"

static bool is_one_of(struct span text, const char *const *words, size_t nr)
{
    for (size_t i = 0; i < nr; i++) {
        if (span_is(text, words[i])) {
            return true;
        }
    }
    return false;
}

static int digit_of(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : 99;
}

/* All of text as digits of a base; *ret_fits is false above most. */
static bool read_digits(struct span text, uint64_t base, uint64_t most, uint64_t *ret,
                        bool *ret_fits)
{
    const char *c = text.data;
    uint64_t number = 0;

    *ret_fits = true;
    for (size_t i = 0; i < text.bytes; i++) {
        uint64_t digit = (uint64_t)digit_of(c[i]);

        if (digit >= base) {
            return false;
        }
        if (number > (most - digit) / base) {
            *ret_fits = false;
        } else {
            number = number * base + digit;
        }
    }
    *ret = number;
    return text.bytes > 0;
}

static struct span skip(struct span text, size_t bytes)
{
    return (struct span){(const char *)text.data + bytes, text.bytes - bytes};
}

/* True for 0o17 and 0x1F; *ret_fault is set when it is too large. */
static bool read_prefixed(struct span text, struct value *ret, const char **ret_fault)
{
    const char *c = text.data;
    uint64_t base = text.bytes > 2 && c[0] == '0' ? (c[1] == 'x' ? 16 : c[1] == 'o' ? 8 : 0) : 0;
    uint64_t number;
    bool fits;

    if (base == 0 || !read_digits(skip(text, 2), base, INT64_MAX, &number, &fits)) {
        return false;
    }
    *ret_fault = fits ? NULL : "the number is too large for an int";
    *ret = value_int((int64_t)number);
    return true;
}

/* Digits with a sign. What does not fit an int is left to be read as a double, as in JSON. */
static bool read_decimal(struct span text, struct value *ret)
{
    const char *c = text.data;
    bool is_negative = text.bytes > 0 && c[0] == '-';
    bool has_sign = is_negative || (text.bytes > 0 && c[0] == '+');
    uint64_t number;
    bool fits;

    if (!read_digits(skip(text, has_sign), 10, (uint64_t)INT64_MAX + is_negative, &number, &fits) ||
        !fits) {
        return false;
    }
    *ret = value_int((int64_t)(is_negative ? 0 - number : number));
    return true;
}

static bool is_infinite_or_nan(struct span text)
{
    static const char *const infinities[] = {".inf", ".Inf", ".INF"};
    static const char *const nans[] = {".nan", ".NaN", ".NAN"};
    const char *c = text.data;
    bool has_sign = text.bytes > 0 && (c[0] == '-' || c[0] == '+');

    return is_one_of(text, nans, 3) || is_one_of(skip(text, has_sign), infinities, 3);
}

static size_t skip_digits(struct span text, size_t at)
{
    const char *c = text.data;

    while (at < text.bytes && c[at] >= '0' && c[at] <= '9') {
        at++;
    }
    return at;
}

/* True for a text of the form of a double, [+-]digits[.digits][e[+-]digits]: when it could not be
 * read as one it is too large, and not a string. */
static bool has_form_of_double(struct span text)
{
    const char *c = text.data;
    size_t begin = text.bytes > 0 && (c[0] == '-' || c[0] == '+');
    size_t at = skip_digits(text, begin);

    if (at == begin) {
        return false;
    }
    if (at < text.bytes && c[at] == '.') {
        at = skip_digits(text, at + 1);
    }
    if (at < text.bytes && (c[at] == 'e' || c[at] == 'E')) {
        at++;
        at += at < text.bytes && (c[at] == '-' || c[at] == '+');
        return at < text.bytes && skip_digits(text, at) == text.bytes;
    }
    return at == text.bytes;
}

const char *yaml_scalar_resolve(struct span text, struct value *ret_value)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
    static const char *const trues[] = {"true", "True", "TRUE"};
    static const char *const falses[] = {"false", "False", "FALSE"};
    struct value value = value_string(text);
    const char *fault = NULL;
    double number;

    if (is_one_of(text, nulls, 5)) {
        value = value_null();
    } else if (is_one_of(text, trues, 3) || is_one_of(text, falses, 3)) {
        value = value_bool(is_one_of(text, trues, 3));
    } else if (!read_prefixed(text, &value, &fault) && !read_decimal(text, &value)) {
        if (json_double_parse(text, &number)) {
            value = value_double(number);
        } else if (is_infinite_or_nan(text)) {
            fault = "JSON has no form for .inf and .nan";
        } else if (has_form_of_double(text)) {
            fault = "the number is too large for a double";
        }
    }
    if (fault == NULL) {
        *ret_value = value;
    }
    return fault;
}
