#include <stdarg.h>
#include <stdio.h>

#include "schemas/cron/cron.h"
#include "schemas/vocab/calendar.h"

enum { FIELDS = 5, NAME_BYTES = 3, WORD_BYTES_MAX = 40 };

struct cron_field {
    const char *name;
    unsigned low;
    unsigned high;
    const char *names; /* three letters each, the first means `first`; NULL: none */
    unsigned name_count;
    unsigned first;
};

enum field_place { FIELD_MINUTE, FIELD_HOUR, FIELD_DAY, FIELD_MONTH, FIELD_WEEKDAY };

static const struct cron_field fields[FIELDS] = {
    [FIELD_MINUTE] = {"minute", 0, 59, NULL, 0, 0},
    [FIELD_HOUR] = {"hour", 0, 23, NULL, 0, 0},
    [FIELD_DAY] = {"day of the month", 1, 31, NULL, 0, 0},
    [FIELD_MONTH] = {"month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec", 12, 1},
    [FIELD_WEEKDAY] = {"day of the week", 0, 7, "sunmontuewedthufrisat", 7, 0},
};

static const struct {
    const char *word;
    const char *text;
} words[] = {
    {"@hourly", "0 * * * *"},   {"@daily", "0 0 * * *"},   {"@midnight", "0 0 * * *"},
    {"@weekly", "0 0 * * 0"},   {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"},
    {"@annually", "0 0 1 1 *"},
};

struct reader {
    const char *begin;
    const char *at;
    const char *end;
    struct cron_error *error;
};

static int wrong(struct reader *r, const char *at, const char *hint, const char *format, ...)
    EXO_PRINTF(4, 5);

static int wrong(struct reader *r, const char *at, const char *hint, const char *format, ...)
{
    va_list arguments;

    r->error->column = (uint32_t)(at - r->begin) + 1;
    (void)snprintf(r->error->hint, sizeof(r->error->hint), "%s", hint);
    va_start(arguments, format);
    (void)vsnprintf(r->error->text, sizeof(r->error->text), format, arguments);
    va_end(arguments);
    return -1;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void skip_blanks(struct reader *r)
{
    while (r->at < r->end && is_blank(*r->at)) {
        r->at++;
    }
}

static bool take(struct reader *r, char wanted)
{
    bool is_there = r->at < r->end && *r->at == wanted;

    r->at += is_there;
    return is_there;
}

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static bool is_word_byte(char c)
{
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9');
}

/* The run of letters and digits at the place, for the words of an error; of other bytes one. */
static struct span word_at(const struct reader *r, const char *at)
{
    const char *end = at;

    while (end < r->end && is_word_byte(*end) && end - at < WORD_BYTES_MAX) {
        end++;
    }
    if (end == at && at<r->end && * at> ' ' && *at < 0x7f) {
        end++;
    }
    return (struct span){at, (size_t)(end - at)};
}

static int wrong_value(struct reader *r, const struct cron_field *field, const char *at)
{
    struct span word = word_at(r, at);
    char hint[CRON_ERROR_BYTES];

    if (field->names == NULL) {
        (void)snprintf(hint, sizeof(hint), "write a number from %u to %u, or *", field->low,
                       field->high);
    } else {
        (void)snprintf(hint, sizeof(hint),
                       "write a number from %u to %u, a name of three letters such as %.3s, or *",
                       field->low, field->high, field->names + NAME_BYTES);
    }
    if (word.bytes == 0) {
        return wrong(r, at, hint, "a %s is missing", field->name);
    }
    return wrong(r, at, hint, "%.*s is no %s", SPAN_ARG(word), field->name);
}

static int take_name(struct reader *r, const struct cron_field *field, unsigned *ret_value)
{
    const char *at = r->at;
    struct span word = word_at(r, at);

    for (unsigned i = 0; word.bytes == NAME_BYTES && i < field->name_count; i++) {
        const char *name = field->names + (size_t)i * NAME_BYTES;

        if (lower(at[0]) == name[0] && lower(at[1]) == name[1] && lower(at[2]) == name[2]) {
            r->at += NAME_BYTES;
            *ret_value = field->first + i;
            return 0;
        }
    }
    return wrong_value(r, field, at);
}

static bool take_digits(struct reader *r, unsigned most, unsigned *ret_number)
{
    const char *first = r->at;
    unsigned number = 0;

    while (r->at < r->end && *r->at >= '0' && *r->at <= '9') {
        number = number > most ? number : number * 10 + (unsigned)(*r->at - '0');
        r->at++;
    }
    *ret_number = number;
    return r->at > first;
}

static int take_value(struct reader *r, const struct cron_field *field, unsigned *ret_value)
{
    const char *at = r->at;

    if (!take_digits(r, field->high, ret_value)) {
        return take_name(r, field, ret_value);
    }
    if (*ret_value < field->low || *ret_value > field->high ||
        (r->at < r->end && is_word_byte(*r->at))) {
        return wrong_value(r, field, at);
    }
    return 0;
}

static int take_step(struct reader *r, const struct cron_field *field, bool is_range,
                     unsigned *ret_step)
{
    const char *slash = r->at;
    char hint[CRON_ERROR_BYTES];

    *ret_step = 1;
    if (!take(r, '/')) {
        return 0;
    }
    (void)snprintf(hint, sizeof(hint), "write */N, or a range such as %u-%u/N", field->low,
                   field->high);
    if (!is_range) {
        return wrong(r, slash, hint, "a step follows * or a range, not one %s", field->name);
    }
    if (!take_digits(r, field->high, ret_step)) {
        return wrong(r, r->at, hint, "the step of a %s is missing", field->name);
    }
    if (*ret_step == 0 || *ret_step > field->high) {
        (void)snprintf(hint, sizeof(hint), "write 1 to %u", field->high);
        return wrong(r, slash + 1, hint, "the step of a %s cannot be %.*s", field->name,
                     SPAN_ARG(word_at(r, slash + 1)));
    }
    return 0;
}

/* One part of a list: *, a value, or a range. */
static int take_part(struct reader *r, const struct cron_field *field, uint64_t *set)
{
    const char *at = r->at;
    unsigned first = field->low;
    unsigned last = field->high;
    unsigned step = 1;
    bool is_range = take(r, '*');

    if (!is_range) {
        if (take_value(r, field, &first) != 0) {
            return -1;
        }
        last = first;
        is_range = take(r, '-');
        if (is_range && take_value(r, field, &last) != 0) {
            return -1;
        }
    }
    if (first > last) {
        return wrong(r, at, "write the smaller first, or two ranges with a comma between",
                     "the range of the %s ends before it begins", field->name);
    }
    if (take_step(r, field, is_range, &step) != 0) {
        return -1;
    }
    for (unsigned value = first; value <= last; value += step) {
        *set |= (uint64_t)1 << value;
    }
    return 0;
}

static int take_field(struct reader *r, enum field_place place, uint64_t *ret_set, bool *ret_star)
{
    const struct cron_field *field = &fields[place];
    uint64_t set = 0;

    skip_blanks(r);
    if (r->at == r->end) {
        return wrong(r, r->at, "write minute, hour, day of the month, month, day of the week",
                     "the %s is missing: a schedule has five fields", field->name);
    }
    *ret_star = *r->at == '*';
    do {
        if (take_part(r, field, &set) != 0) {
            return -1;
        }
    } while (take(r, ','));
    if (r->at < r->end && !is_blank(*r->at)) {
        return wrong(r, r->at, "write values and ranges with a comma between, without blanks",
                     "%.*s cannot stand in the %s", SPAN_ARG(word_at(r, r->at)), field->name);
    }
    *ret_set = set;
    return 0;
}

static bool has_a_day(const struct cron *cron)
{
    for (int month = 1; month <= 12 && !cron->is_either_day; month++) {
        uint32_t there = (uint32_t)(((uint64_t)2 << days_of_month(2000, month)) - 2);

        if ((cron->months >> month & 1) != 0 && (cron->days & there) != 0) {
            return true;
        }
    }
    return cron->is_either_day;
}

static int read_fields(struct reader *r, struct cron *ret_cron)
{
    uint64_t sets[FIELDS];
    bool stars[FIELDS];
    const char *days = r->at;

    for (int i = 0; i < FIELDS; i++) {
        skip_blanks(r);
        days = i == FIELD_DAY ? r->at : days;
        if (take_field(r, (enum field_place)i, &sets[i], &stars[i]) != 0) {
            return -1;
        }
    }
    skip_blanks(r);
    if (r->at < r->end) {
        return wrong(r, r->at, "there are no seconds and no command: the cluster is what runs",
                     "a schedule has five fields, this is a sixth");
    }
    struct cron cron = {
        .minutes = sets[FIELD_MINUTE],
        .hours = (uint32_t)sets[FIELD_HOUR],
        .days = (uint32_t)sets[FIELD_DAY],
        .months = (uint32_t)sets[FIELD_MONTH],
        .weekdays = (uint32_t)((sets[FIELD_WEEKDAY] | sets[FIELD_WEEKDAY] >> 7) & 0x7f),
        .is_either_day = !stars[FIELD_DAY] && !stars[FIELD_WEEKDAY],
        .is_fixed = !stars[FIELD_MINUTE] && !stars[FIELD_HOUR],
    };

    if (!has_a_day(&cron)) {
        return wrong(r, days, "choose a day that the month has",
                     "no such day of the month is in these months: it would never be due");
    }
    *ret_cron = cron;
    return 0;
}

static bool is_same_word(struct span word, const char *known)
{
    const char *bytes = word.data;
    size_t i = 0;

    while (i < word.bytes && known[i] != '\0' && lower(bytes[i]) == known[i]) {
        i++;
    }
    return i == word.bytes && known[i] == '\0';
}

static int read_word(struct reader *r, struct cron *ret_cron)
{
    struct span word = {r->at, (size_t)(r->end - r->at)};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (is_same_word(word, words[i].word)) {
            struct span text = span_of(words[i].text);
            struct reader inner = {text.data, text.data, (const char *)text.data + text.bytes,
                                   r->error};

            return read_fields(&inner, ret_cron);
        }
    }
    if (is_same_word(word, "@reboot")) {
        return wrong(r, r->at, "submit an execution where the machine starts",
                     "@reboot cannot be meant: a schedule belongs to no machine that boots");
    }
    return wrong(r, r->at, "known: @hourly, @daily, @weekly, @monthly, @yearly",
                 "this word is not known");
}

int cron_parse(struct span text, struct cron *ret_cron, struct cron_error *ret_error)
{
    const char *bytes = text.bytes == 0 ? "" : text.data;
    struct reader r = {bytes, bytes, bytes + text.bytes, ret_error};

    if (text.bytes > CRON_TEXT_BYTES_MAX) {
        return wrong(&r, r.begin + CRON_TEXT_BYTES_MAX, "use ranges and steps",
                     "it has %zu bytes, more than the limit of %d", text.bytes,
                     (int)CRON_TEXT_BYTES_MAX);
    }
    while (r.end > r.at && is_blank(r.end[-1])) {
        r.end--;
    }
    skip_blanks(&r);
    if (r.at < r.end && *r.at == '@') {
        return read_word(&r, ret_cron);
    }
    return read_fields(&r, ret_cron);
}
