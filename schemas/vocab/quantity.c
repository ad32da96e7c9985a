#include "schemas/vocab/quantity.h"

#include <string.h>

__extension__ typedef __int128 wide;

/* A decimal number of at most 18 digits as thousand-millionths: 1.5 -> 1500000000. */
struct decimal {
    int64_t whole;
    int64_t billionths;
    bool has_fraction;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Reads digits[.digits] at *at; moves *at behind it. */
static bool decimal_read(struct span text, size_t *at, struct decimal *ret)
{
    const char *c = text.data;
    struct decimal d = {0};
    size_t i = *at;
    size_t begin = i;

    for (; i < text.bytes && is_digit(c[i]); i++) {
        if (d.whole > INT64_MAX / 10 - 10) {
            return false;
        }
        d.whole = d.whole * 10 + (c[i] - '0');
    }
    if (i == begin) {
        return false;
    }
    if (i < text.bytes && c[i] == '.') {
        int64_t scale = 100000000;

        begin = ++i;
        for (; i < text.bytes && is_digit(c[i]); i++, scale /= 10) {
            d.billionths += scale * (c[i] - '0');
        }
        if (i == begin || i - begin > 9) {
            return false;
        }
        d.has_fraction = true;
    }
    *at = i;
    *ret = d;
    return true;
}

/* whole and billionths times unit; false on overflow of limit or a fraction left over. */
static bool decimal_times(struct decimal d, int64_t unit, int64_t limit, int64_t *ret)
{
    if (d.whole > limit / unit) {
        return false;
    }
    wide fraction = (wide)d.billionths * unit;

    if (fraction % 1000000000 != 0) {
        return false;
    }
    int64_t sum = d.whole * unit + (int64_t)(fraction / 1000000000);

    if (sum > limit) {
        return false;
    }
    *ret = sum;
    return true;
}

struct unit {
    const char *suffix;
    int64_t factor;
};

/* The longest suffix that stands at *at; NULL when none does. */
static const struct unit *unit_read(struct span text, size_t *at, const struct unit *units,
                                    size_t nr)
{
    const struct unit *best = NULL;
    size_t best_bytes = 0;

    for (size_t i = 0; i < nr; i++) {
        size_t bytes = strlen(units[i].suffix);

        if (text.bytes - *at >= bytes && (best == NULL || bytes > best_bytes) &&
            memcmp((const char *)text.data + *at, units[i].suffix, bytes) == 0) {
            best = &units[i];
            best_bytes = bytes;
        }
    }
    *at += best_bytes;
    return best;
}

enum duration_kind { DURATION_NONE, DURATION_FITS, DURATION_LONG };

static enum duration_kind duration_read(struct span text, exo_time *ret_ns)
{
    static const struct unit units[] = {
        {"h", EXO_HOUR}, {"m", EXO_MINUTE}, {"s", EXO_SECOND}, {"ms", EXO_MILLISECOND}};
    const int64_t limit = 100 * 365 * 24 * EXO_HOUR;
    int64_t total = 0;
    int64_t last_factor = INT64_MAX;
    bool is_long = false;
    size_t at = 0;

    if (text.bytes == 0) {
        return DURATION_NONE;
    }
    while (at < text.bytes) {
        struct decimal d;
        int64_t part = 0;

        if (!decimal_read(text, &at, &d)) {
            return DURATION_NONE;
        }
        const struct unit *unit = unit_read(text, &at, units, sizeof(units) / sizeof(units[0]));

        if (unit == NULL || unit->factor >= last_factor || (d.has_fraction && at < text.bytes)) {
            return DURATION_NONE;
        }
        if (d.whole >= limit / unit->factor && d.whole + d.billionths > limit / unit->factor) {
            is_long = true;
        } else if (!decimal_times(d, unit->factor, limit, &part)) {
            return DURATION_NONE;
        }
        is_long = is_long || part > limit - total;
        last_factor = unit->factor;
        total += is_long ? 0 : part;
    }
    *ret_ns = total;
    return is_long ? DURATION_LONG : DURATION_FITS;
}

bool duration_parse(struct span text, exo_time *ret_ns)
{
    exo_time ns;

    if (duration_read(text, &ns) != DURATION_FITS) {
        return false;
    }
    *ret_ns = ns;
    return true;
}

bool duration_is_too_long(struct span text)
{
    exo_time ns;

    return duration_read(text, &ns) == DURATION_LONG;
}

static size_t append_number(char *text, size_t at, int64_t number, const char *suffix)
{
    char digits[20];
    size_t nr = 0;

    do {
        digits[nr++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    while (nr > 0) {
        text[at++] = digits[--nr];
    }
    for (; *suffix != '\0'; suffix++) {
        text[at++] = *suffix;
    }
    text[at] = '\0';
    return at;
}

void duration_format(exo_time ns, char ret_text[DURATION_TEXT_BYTES])
{
    size_t at = 0;
    int64_t ms = ns < 0 ? 0 : ns / EXO_MILLISECOND;

    ret_text[0] = '\0';
    if (ms >= 3600000) {
        at = append_number(ret_text, at, ms / 3600000, "h");
        ms %= 3600000;
    }
    if (ms >= 60000) {
        at = append_number(ret_text, at, ms / 60000, "m");
        ms %= 60000;
    }
    if (ms >= 1000) {
        at = append_number(ret_text, at, ms / 1000, "s");
        ms %= 1000;
    }
    if (ms > 0) {
        at = append_number(ret_text, at, ms, "ms");
    }
    if (at == 0) {
        (void)append_number(ret_text, at, 0, "s");
    }
}

bool cpu_parse(struct span text, uint32_t *ret_millis)
{
    struct decimal d;
    size_t at = 0;
    int64_t millis;

    if (!decimal_read(text, &at, &d)) {
        return false;
    }
    bool is_millis = at + 1 == text.bytes && ((const char *)text.data)[at] == 'm';

    if ((!is_millis && at != text.bytes) ||
        !decimal_times(d, is_millis ? 1 : 1000, 1000000, &millis) || millis < 1) {
        return false;
    }
    *ret_millis = (uint32_t)millis;
    return true;
}

bool memory_parse(struct span text, uint64_t *ret_bytes)
{
    static const struct unit units[] = {
        {"", 1},           {"k", 1000},          {"M", 1000000},
        {"G", 1000000000}, {"T", 1000000000000}, {"Ki", 1LL << 10},
        {"Mi", 1LL << 20}, {"Gi", 1LL << 30},    {"Ti", 1LL << 40},
    };
    struct decimal d;
    size_t at = 0;
    int64_t bytes;

    if (!decimal_read(text, &at, &d)) {
        return false;
    }
    const struct unit *unit = unit_read(text, &at, units, sizeof(units) / sizeof(units[0]));

    if (unit == NULL || at != text.bytes || !decimal_times(d, unit->factor, 1LL << 50, &bytes) ||
        bytes < 1) {
        return false;
    }
    *ret_bytes = (uint64_t)bytes;
    return true;
}
