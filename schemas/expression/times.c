#include "schemas/expression/times.h"

#include "schemas/expression/operators.h"
#include "schemas/vocab/instant.h"
#include "schemas/vocab/time.h"

static enum expression_err fail_range(struct evaluation *e, const char *what)
{
    return expression_error_set(e->error, EXPRESSION_EARITHMETIC, what, "");
}

static enum expression_err fail_timestamp(struct evaluation *e)
{
    return fail_range(e, "the timestamp lies outside the years 1 to 9999");
}

static enum expression_err fail_duration(struct evaluation *e)
{
    return fail_range(e, "the duration is out of range: about 290 years either way");
}

static enum expression_err move_instant(struct evaluation *e, const struct value *instant,
                                        int64_t ns, bool is_back, struct value *ret)
{
    int64_t seconds = ns / EXO_SECOND;
    int64_t nanos = ns % EXO_SECOND;

    seconds = instant->integer + (is_back ? -seconds : seconds);
    nanos = (int64_t)instant->count + (is_back ? -nanos : nanos);
    if (nanos < 0) {
        seconds--;
        nanos += EXO_SECOND;
    }
    if (nanos >= EXO_SECOND) {
        seconds++;
        nanos -= EXO_SECOND;
    }
    if (seconds < INSTANT_SECONDS_MIN || seconds > INSTANT_SECONDS_MAX) {
        return fail_timestamp(e);
    }
    *ret = value_timestamp(seconds, (uint32_t)nanos);
    return EXPRESSION_OK;
}

static enum expression_err between(struct evaluation *e, const struct value *later,
                                   const struct value *earlier, struct value *ret)
{
    int64_t ns;

    if (__builtin_mul_overflow(later->integer - earlier->integer, EXO_SECOND, &ns) ||
        __builtin_add_overflow(ns, (int64_t)later->count - (int64_t)earlier->count, &ns)) {
        return fail_duration(e);
    }
    *ret = value_duration(ns);
    return EXPRESSION_OK;
}

static enum expression_err combine_durations(struct evaluation *e, enum node_op op, int64_t a,
                                             int64_t b, struct value *ret)
{
    int64_t ns;
    bool is_over =
        op == OP_ADD ? __builtin_add_overflow(a, b, &ns) : __builtin_sub_overflow(a, b, &ns);

    if (is_over) {
        return fail_duration(e);
    }
    *ret = value_duration(ns);
    return EXPRESSION_OK;
}

enum expression_err times_compute(struct evaluation *e, enum node_op op, const struct value *left,
                                  const struct value *right, struct value *ret_value)
{
    bool is_left_instant = left->kind == VALUE_TIMESTAMP;
    bool is_left_length = left->kind == VALUE_DURATION;

    if (is_left_length && right->kind == VALUE_DURATION) {
        return combine_durations(e, op, left->integer, right->integer, ret_value);
    }
    if (is_left_instant && right->kind == VALUE_DURATION) {
        return move_instant(e, left, right->integer, op == OP_SUBTRACT, ret_value);
    }
    if (is_left_length && right->kind == VALUE_TIMESTAMP && op == OP_ADD) {
        return move_instant(e, right, left->integer, false, ret_value);
    }
    if (is_left_instant && right->kind == VALUE_TIMESTAMP && op == OP_SUBTRACT) {
        return between(e, left, right, ret_value);
    }
    return operators_fail_type(e, op == OP_ADD ? "+" : "-", left, right);
}

/* The calendar of a timestamp at its zone, the second argument. */
static enum expression_err civil_of(struct evaluation *e, const struct value *arguments,
                                    uint32_t count, struct instant_civil *ret)
{
    int64_t offset = 0;

    if (count > 1 && !instant_parse_offset(value_text(&arguments[1]), &offset)) {
        (void)evaluation_fail(e, EXPRESSION_EVALUE,
                              "no offset from UTC: ", value_text(&arguments[1]));
        expression_error_add(e->error, span_of("; write one as \"+01:00\" or \"UTC\", as the names "
                                               "of time zones are left out"));
        return EXPRESSION_EVALUE;
    }
    instant_civil(arguments[0].integer + offset, ret);
    return EXPRESSION_OK;
}

enum part { YEAR, MONTH, DATE, DAY_OF_MONTH, DAY_OF_WEEK, DAY_OF_YEAR, HOURS, MINUTES, SECONDS };

static int64_t part_of(const struct instant_civil *civil, enum part part)
{
    switch (part) {
    case YEAR:
        return civil->year;
    case MONTH:
        return civil->month - 1;
    case DATE:
        return civil->day;
    case DAY_OF_MONTH:
        return civil->day - 1;
    case DAY_OF_WEEK:
        return civil->weekday;
    case DAY_OF_YEAR:
        return civil->day_of_year - 1;
    case HOURS:
        return civil->hour;
    case MINUTES:
        return civil->minute;
    case SECONDS:
        break;
    }
    return civil->second;
}

static enum expression_err take_part(struct evaluation *e, const struct value *arguments,
                                     uint32_t count, enum part part, struct value *ret)
{
    struct instant_civil civil;
    enum expression_err err = civil_of(e, arguments, count, &civil);

    if (err == EXPRESSION_OK) {
        *ret = value_int(part_of(&civil, part));
    }
    return err;
}

/* Of a timestamp the part, of a duration the whole of it in that unit. */
static enum expression_err take_clock(struct evaluation *e, const struct value *arguments,
                                      uint32_t count, enum part part, struct value *ret)
{
    exo_time unit = part == HOURS ? EXO_HOUR : part == MINUTES ? EXO_MINUTE : EXO_SECOND;

    if (arguments[0].kind == VALUE_TIMESTAMP) {
        return take_part(e, arguments, count, part, ret);
    }
    if (count > 1) {
        return operators_fail_type(e, "a time zone", &arguments[0], NULL);
    }
    *ret = value_int(arguments[0].integer / unit);
    return EXPRESSION_OK;
}

#define PART(name, take, part)                                                                     \
    enum expression_err name(struct evaluation *e, const struct value *arguments, uint32_t count,  \
                             struct value *ret_value)                                              \
    {                                                                                              \
        return take(e, arguments, count, part, ret_value);                                         \
    }

PART(times_full_year, take_part, YEAR)
PART(times_month, take_part, MONTH)
PART(times_date, take_part, DATE)
PART(times_day_of_month, take_part, DAY_OF_MONTH)
PART(times_day_of_week, take_part, DAY_OF_WEEK)
PART(times_day_of_year, take_part, DAY_OF_YEAR)
PART(times_hours, take_clock, HOURS)
PART(times_minutes, take_clock, MINUTES)
PART(times_seconds, take_clock, SECONDS)

/* Of both the part below a second. */
enum expression_err times_milliseconds(struct evaluation *e, const struct value *arguments,
                                       uint32_t count, struct value *ret_value)
{
    struct instant_civil civil;

    if (arguments[0].kind == VALUE_DURATION) {
        if (count > 1) {
            return operators_fail_type(e, "a time zone", &arguments[0], NULL);
        }
        *ret_value = value_int(arguments[0].integer % EXO_SECOND / EXO_MILLISECOND);
        return EXPRESSION_OK;
    }
    enum expression_err err = civil_of(e, arguments, count, &civil);

    if (err == EXPRESSION_OK) {
        *ret_value = value_int((int64_t)arguments[0].count / EXO_MILLISECOND);
    }
    return err;
}
