#include "schemas/expression/string_functions.h"

#include <string.h>

#include "schemas/expression/operators.h"
#include "schemas/json/utf8.h"

static enum expression_err charge_bytes(struct evaluation *e, uint64_t bytes)
{
    return evaluation_charge(e, bytes / EVALUATION_COST_BYTES);
}

static const char *bytes_of(const struct value *string)
{
    return string->count == 0 ? "" : string->text;
}

static struct value string_of(const char *bytes, size_t count)
{
    return value_string((struct span){bytes, count});
}

/* Where the character at a position begins; position: 0 .. the number of characters. */
static enum expression_err offset_of(struct evaluation *e, const struct value *string,
                                     int64_t position, size_t *ret)
{
    const char *bytes = bytes_of(string);
    size_t at = 0;
    int64_t left = position;

    for (; left > 0 && at < string->count; left--) {
        for (at++; at < string->count && ((unsigned char)bytes[at] & 0xc0) == 0x80; at++) {
        }
    }
    if (left != 0) {
        (void)expression_error_set(e->error, EXPRESSION_EVALUE, "position ", "");
        expression_error_add_int(e->error, position);
        expression_error_add(e->error, span_of(" is outside the string of "));
        expression_error_add_int(e->error, (int64_t)utf8_count(value_text(string)));
        return EXPRESSION_EVALUE;
    }
    *ret = at;
    return charge_bytes(e, at);
}

/* The place of part in string from an offset on; SIZE_MAX when it is not there. */
static size_t find_from(const struct value *string, const struct value *part, size_t from)
{
    const char *bytes = bytes_of(string);
    const char *found = part->count == 0
                            ? bytes + from
                            : memmem(bytes + from, string->count - from, part->text, part->count);

    return found == NULL ? SIZE_MAX : (size_t)(found - bytes);
}

enum expression_err string_contains(struct evaluation *e, const struct value *arguments,
                                    uint32_t count, struct value *ret_value)
{
    (void)count;
    *ret_value = value_bool(find_from(&arguments[0], &arguments[1], 0) != SIZE_MAX);
    return charge_bytes(e, (uint64_t)arguments[0].count + arguments[1].count);
}

/* Whether part stands in string at its end or its beginning. */
static enum expression_err stands_at(struct evaluation *e, const struct value *arguments,
                                     bool is_end, struct value *ret)
{
    const struct value *string = &arguments[0];
    const struct value *part = &arguments[1];
    bool fits = part->count <= string->count;
    size_t at = is_end && fits ? string->count - part->count : 0;

    *ret = value_bool(fits && memcmp(bytes_of(string) + at, bytes_of(part), part->count) == 0);
    return charge_bytes(e, part->count);
}

enum expression_err string_starts_with(struct evaluation *e, const struct value *arguments,
                                       uint32_t count, struct value *ret_value)
{
    (void)count;
    return stands_at(e, arguments, false, ret_value);
}

enum expression_err string_ends_with(struct evaluation *e, const struct value *arguments,
                                     uint32_t count, struct value *ret_value)
{
    (void)count;
    return stands_at(e, arguments, true, ret_value);
}

/* The compiled pattern. What it costs is charged first where it is known: one that is wrong may be
 * tried for each item of a list. */
static enum expression_err find_pattern(struct evaluation *e, struct span text,
                                        const struct regex **ret)
{
    enum { PATTERN_COST = 500, PATTERN_INSTRUCTION_COST = 80 };

    *ret = patterns_find(&e->patterns, text);
    if (*ret != NULL) {
        return EXPRESSION_OK;
    }
    enum expression_err err = evaluation_charge(e, PATTERN_COST + text.bytes);

    if (err == EXPRESSION_OK) {
        err = patterns_make(&e->patterns, text, ret, e->error);
    }
    return err == EXPRESSION_OK ? evaluation_charge(e, PATTERN_INSTRUCTION_COST * regex_size(*ret))
                                : err;
}

/* RE2 takes a step a byte as long as it can, and at worst one an instruction and byte. */
enum expression_err string_matches(struct evaluation *e, const struct value *arguments,
                                   uint32_t count, struct value *ret_value)
{
    enum { COST_INSTRUCTIONS = 16 };
    const struct regex *regex = NULL;
    enum expression_err err = find_pattern(e, value_text(&arguments[1]), &regex);

    (void)count;
    if (err == EXPRESSION_OK) {
        err = evaluation_charge(e, (uint64_t)arguments[0].count *
                                       (1 + regex_size(regex) / COST_INSTRUCTIONS));
    }
    if (err == EXPRESSION_OK) {
        *ret_value = value_bool(regex_find(regex, value_text(&arguments[0])));
    }
    return err;
}

enum expression_err string_char_at(struct evaluation *e, const struct value *arguments,
                                   uint32_t count, struct value *ret_value)
{
    const struct value *string = &arguments[0];
    size_t at;
    enum expression_err err = offset_of(e, string, arguments[1].integer, &at);

    (void)count;
    if (err == EXPRESSION_OK) {
        const char *bytes = bytes_of(string) + at;
        size_t length = at == string->count
                            ? 0
                            : utf8_sequence((const unsigned char *)bytes, string->count - at);

        *ret_value = string_of(bytes, length);
    }
    return err;
}

static struct value position_of(const struct value *string, size_t at)
{
    return value_int(at == SIZE_MAX ? -1
                                    : (int64_t)utf8_count((struct span){bytes_of(string), at}));
}

enum expression_err string_index_of(struct evaluation *e, const struct value *arguments,
                                    uint32_t count, struct value *ret_value)
{
    size_t from = 0;
    enum expression_err err =
        count < 3 ? EXPRESSION_OK : offset_of(e, &arguments[0], arguments[2].integer, &from);

    if (err != EXPRESSION_OK) {
        return err;
    }
    *ret_value = position_of(&arguments[0], find_from(&arguments[0], &arguments[1], from));
    return charge_bytes(e, 2 * (uint64_t)arguments[0].count);
}

enum expression_err string_last_index_of(struct evaluation *e, const struct value *arguments,
                                         uint32_t count, struct value *ret_value)
{
    const struct value *string = &arguments[0];
    const struct value *part = &arguments[1];
    const char *bytes = bytes_of(string);
    size_t from = string->count;
    size_t found = SIZE_MAX;
    enum expression_err err =
        count < 3 ? EXPRESSION_OK : offset_of(e, string, arguments[2].integer, &from);

    if (err == EXPRESSION_OK) {
        err = charge_bytes(e, 2 * (uint64_t)string->count);
    }
    if (err != EXPRESSION_OK || part->count > string->count) {
        *ret_value = value_int(-1);
        return err;
    }
    if (from > string->count - part->count) {
        from = string->count - part->count;
    }
    for (size_t at = from + 1; at > 0 && found == SIZE_MAX && err == EXPRESSION_OK; at--) {
        if (part->count == 0) {
            found = at - 1;
        } else if (bytes[at - 1] == part->text[0]) {
            found = memcmp(bytes + at - 1, part->text, part->count) == 0 ? at - 1 : SIZE_MAX;
            err = evaluation_charge(e, 1 + part->count / EVALUATION_COST_BYTES);
        }
    }
    *ret_value = position_of(string, found);
    return err;
}

/* How long the joined string is; every item must be a string. */
static enum expression_err measure(struct evaluation *e, const struct value *list,
                                   const struct value *between, uint64_t *ret_bytes)
{
    *ret_bytes = list->count == 0 ? 0 : (uint64_t)(list->count - 1) * between->count;
    for (uint32_t i = 0; i < list->count; i++) {
        if (list->items[i].kind != VALUE_STRING) {
            return operators_fail_type(e, "join() of a list", &list->items[i], NULL);
        }
        *ret_bytes += list->items[i].count;
    }
    return evaluation_charge(e, list->count);
}

static char *put(char *to, const struct value *string)
{
    memcpy(to, bytes_of(string), string->count);
    return to + string->count;
}

enum expression_err string_join(struct evaluation *e, const struct value *arguments, uint32_t count,
                                struct value *ret_value)
{
    const struct value nothing = string_of("", 0);
    const struct value *list = &arguments[0];
    const struct value *between = count > 1 ? &arguments[1] : &nothing;
    uint64_t bytes;
    void *made;
    enum expression_err err = measure(e, list, between, &bytes);

    if (err == EXPRESSION_OK) {
        err = evaluation_make(e, bytes, &made);
    }
    if (err != EXPRESSION_OK) {
        return err;
    }
    char *to = made;

    for (uint32_t i = 0; i < list->count; i++) {
        if (i > 0) {
            to = put(to, between);
        }
        to = put(to, &list->items[i]);
    }
    *ret_value = string_of(made, bytes);
    return EXPRESSION_OK;
}

static enum expression_err change_case(struct evaluation *e, const struct value *string, char first,
                                       char last, struct value *ret)
{
    void *made;
    enum expression_err err = evaluation_make(e, string->count, &made);

    if (err != EXPRESSION_OK) {
        return err;
    }
    char *to = put(made, string);

    for (char *at = made; at < to; at++) {
        if (*at >= first && *at <= last) {
            *at = (char)(*at ^ 0x20);
        }
    }
    *ret = string_of(made, string->count);
    return EXPRESSION_OK;
}

enum expression_err string_lower_ascii(struct evaluation *e, const struct value *arguments,
                                       uint32_t count, struct value *ret_value)
{
    (void)count;
    return change_case(e, &arguments[0], 'A', 'Z', ret_value);
}

enum expression_err string_upper_ascii(struct evaluation *e, const struct value *arguments,
                                       uint32_t count, struct value *ret_value)
{
    (void)count;
    return change_case(e, &arguments[0], 'a', 'z', ret_value);
}

enum expression_err string_reverse(struct evaluation *e, const struct value *arguments,
                                   uint32_t count, struct value *ret_value)
{
    const struct value *string = &arguments[0];
    const unsigned char *bytes = (const unsigned char *)bytes_of(string);
    void *made;
    enum expression_err err = evaluation_make(e, string->count, &made);

    (void)count;
    if (err != EXPRESSION_OK) {
        return err;
    }
    char *to = (char *)made + string->count;

    for (size_t at = 0; at < string->count;) {
        size_t length = utf8_sequence(bytes + at, string->count - at);

        length = length == 0 ? 1 : length;
        to -= length;
        memcpy(to, bytes + at, length);
        at += length;
    }
    *ret_value = string_of(made, string->count);
    return EXPRESSION_OK;
}

/* The bytes of the blank at the start of text, 0 when there is none. Source: Unicode's
 * White_Space. */
static size_t blank_at(const char *text, size_t bytes)
{
    static const char *const blanks[] = {
        "\t",           "\n",           "\v",
        "\f",           "\r",           " ",
        "\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80",
        "\xe2\x80\x80", "\xe2\x80\x81", "\xe2\x80\x82",
        "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85",
        "\xe2\x80\x86", "\xe2\x80\x87", "\xe2\x80\x88",
        "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8",
        "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f",
        "\xe3\x80\x80",
    };

    for (size_t i = 0; i < sizeof(blanks) / sizeof(blanks[0]); i++) {
        size_t length = strlen(blanks[i]);

        if (bytes >= length && memcmp(text, blanks[i], length) == 0) {
            return length;
        }
    }
    return 0;
}

enum expression_err string_trim(struct evaluation *e, const struct value *arguments, uint32_t count,
                                struct value *ret_value)
{
    const char *begin = bytes_of(&arguments[0]);
    const char *end = begin + arguments[0].count;
    size_t length;

    (void)count;
    while ((length = blank_at(begin, (size_t)(end - begin))) > 0) {
        begin += length;
    }
    for (bool is_blank = true; is_blank && end > begin;) {
        const char *last = end - 1;

        /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): begin stays within */
        while (last > begin && ((unsigned char)*last & 0xc0) == 0x80) {
            last--;
        }
        is_blank = blank_at(last, (size_t)(end - last)) == (size_t)(end - last);
        end = is_blank ? last : end;
    }
    *ret_value = string_of(begin, (size_t)(end - begin));
    return charge_bytes(e, arguments[0].count);
}

enum expression_err string_substring(struct evaluation *e, const struct value *arguments,
                                     uint32_t count, struct value *ret_value)
{
    const struct value *string = &arguments[0];
    size_t from = 0;
    size_t to = string->count;
    enum expression_err err = offset_of(e, string, arguments[1].integer, &from);

    if (err == EXPRESSION_OK && count > 2) {
        err = offset_of(e, string, arguments[2].integer, &to);
    }
    if (err == EXPRESSION_OK && to < from) {
        return expression_error_set(e->error, EXPRESSION_EVALUE,
                                    "substring() ends before it begins", "");
    }
    if (err == EXPRESSION_OK) {
        *ret_value = string_of(bytes_of(string) + from, to - from);
    }
    return err;
}
