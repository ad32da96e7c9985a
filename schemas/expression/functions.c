#include "schemas/expression/functions.h"

#include "schemas/expression/conversions.h"
#include "schemas/expression/string_functions.h"
#include "schemas/expression/times.h"
#include "schemas/vocab/fault.h"

#define STRING KIND(VALUE_STRING)
#define INT KIND(VALUE_INT)
#define BOOL KIND(VALUE_BOOL)
#define DOUBLE KIND(VALUE_DOUBLE)
#define LIST KIND(VALUE_LIST)
#define TIMESTAMP KIND(VALUE_TIMESTAMP)
#define DURATION KIND(VALUE_DURATION)
#define TYPE KIND(VALUE_TYPE)
#define TIME (TIMESTAMP | DURATION)

/* clang-format off */
static const struct function functions[] = {
    {"bool",            convert_bool,        FORM_GLOBAL, 1, 1, {BOOL | STRING}, BOOL},
    {"charAt",          string_char_at,      FORM_METHOD, 2, 2, {STRING, INT}, STRING},
    {"contains",        string_contains,     FORM_METHOD, 2, 2, {STRING, STRING}, BOOL},
    {"double",          convert_double,      FORM_GLOBAL, 1, 1, {DOUBLE | INT | STRING}, DOUBLE},
    {"duration",        convert_duration,    FORM_GLOBAL, 1, 1, {DURATION | STRING}, DURATION},
    {"dyn",             convert_dyn,         FORM_GLOBAL, 1, 1, {KIND_ANY}, KIND_ANY},
    {"endsWith",        string_ends_with,    FORM_METHOD, 2, 2, {STRING, STRING}, BOOL},
    {"getDate",         times_date,          FORM_METHOD, 1, 2, {TIMESTAMP, STRING}, INT},
    {"getDayOfMonth",   times_day_of_month,  FORM_METHOD, 1, 2, {TIMESTAMP, STRING}, INT},
    {"getDayOfWeek",    times_day_of_week,   FORM_METHOD, 1, 2, {TIMESTAMP, STRING}, INT},
    {"getDayOfYear",    times_day_of_year,   FORM_METHOD, 1, 2, {TIMESTAMP, STRING}, INT},
    {"getFullYear",     times_full_year,     FORM_METHOD, 1, 2, {TIMESTAMP, STRING}, INT},
    {"getHours",        times_hours,         FORM_METHOD, 1, 2, {TIME, STRING}, INT},
    {"getMilliseconds", times_milliseconds,  FORM_METHOD, 1, 2, {TIME, STRING}, INT},
    {"getMinutes",      times_minutes,       FORM_METHOD, 1, 2, {TIME, STRING}, INT},
    {"getMonth",        times_month,         FORM_METHOD, 1, 2, {TIMESTAMP, STRING}, INT},
    {"getSeconds",      times_seconds,       FORM_METHOD, 1, 2, {TIME, STRING}, INT},
    {"indexOf",         string_index_of,     FORM_METHOD, 2, 3, {STRING, STRING, INT}, INT},
    {"int",             convert_int,         FORM_GLOBAL, 1, 1, {INT | DOUBLE | STRING | TIMESTAMP}, INT},
    {"join",            string_join,         FORM_METHOD, 1, 2, {LIST, STRING}, STRING},
    {"lastIndexOf",     string_last_index_of, FORM_METHOD, 2, 3, {STRING, STRING, INT}, INT},
    {"lowerAscii",      string_lower_ascii,  FORM_METHOD, 1, 1, {STRING}, STRING},
    {"matches",         string_matches,      FORM_GLOBAL | FORM_METHOD, 2, 2, {STRING, STRING}, BOOL},
    {"replace",         string_replace,      FORM_METHOD, 3, 4, {STRING, STRING, STRING, INT}, STRING},
    {"reverse",         string_reverse,      FORM_METHOD, 1, 1, {STRING}, STRING},
    {"split",           string_split,        FORM_METHOD, 2, 3, {STRING, STRING, INT}, LIST},
    {"startsWith",      string_starts_with,  FORM_METHOD, 2, 2, {STRING, STRING}, BOOL},
    {"string",          convert_string,      FORM_GLOBAL, 1, 1, {STRING | BOOL | INT | DOUBLE | TIME}, STRING},
    {"substring",       string_substring,    FORM_METHOD, 2, 3, {STRING, INT, INT}, STRING},
    {"timestamp",       convert_timestamp,   FORM_GLOBAL, 1, 1, {TIMESTAMP | INT | STRING}, TIMESTAMP},
    {"trim",            string_trim,         FORM_METHOD, 1, 1, {STRING}, STRING},
    {"type",            convert_type,        FORM_GLOBAL, 1, 1, {KIND_ANY}, TYPE},
    {"upperAscii",      string_upper_ascii,  FORM_METHOD, 1, 1, {STRING}, STRING},
};

static const struct { const char *name; enum node_macro macro; } macros[] = {
    {"all", MACRO_ALL}, {"exists", MACRO_EXISTS}, {"exists_one", MACRO_EXISTS_ONE},
    {"filter", MACRO_FILTER}, {"map", MACRO_MAP},
};

/* Of CEL and its common extensions, what we leave out (docs/expressions.md). */
static const char *const absent[] = {
    "abs", "base64", "bind", "block", "bytes", "ceil", "distinct", "existsOne", "first", "flatten", "floor",
    "format", "greatest", "isFinite", "isInf", "isNaN", "last", "least", "orValue", "quote", "range", "round",
    "slice", "sort", "sortBy", "sqrt", "transformList", "transformMap", "transformMapEntry", "trunc", "uint", "value",
};
/* clang-format on */

enum {
    FUNCTION_NR = sizeof(functions) / sizeof(functions[0]),
    MACRO_NR = sizeof(macros) / sizeof(macros[0]),
    ABSENT_NR = sizeof(absent) / sizeof(absent[0]),
};

static enum expression_err fail(struct expression_error *error, enum expression_err code,
                                struct span name, const char *text, const char *word)
{
    (void)expression_error_set(error, code, "", "");
    expression_error_add(error, name);
    expression_error_add(error, span_of(text));
    expression_error_add(error, span_of(word));
    return code;
}

static bool find_builtin(struct span name, bool is_method, struct callee *ret)
{
    if (span_is(name, "size") || (span_is(name, "has") && !is_method)) {
        ret->kind = span_is(name, "size") ? NODE_SIZE : NODE_HAS;
        return true;
    }
    for (size_t i = 0; i < MACRO_NR && is_method; i++) {
        if (span_is(name, macros[i].name)) {
            *ret = (struct callee){.kind = NODE_MACRO, .macro = macros[i].macro};
            return true;
        }
    }
    for (size_t i = 0; i < FUNCTION_NR; i++) {
        if (span_is(name, functions[i].name) &&
            (functions[i].forms & (is_method ? FORM_METHOD : FORM_GLOBAL)) != 0) {
            *ret = (struct callee){.kind = NODE_CALL, .function = &functions[i]};
            return true;
        }
    }
    return false;
}

/* The nearest name that could be called so. */
static const char *nearest(struct span name)
{
    const char *known[FUNCTION_NR + MACRO_NR + 2] = {"has", "size"};
    size_t nr = 2;

    for (size_t i = 0; i < MACRO_NR; i++) {
        known[nr++] = macros[i].name;
    }
    for (size_t i = 0; i < FUNCTION_NR; i++) {
        known[nr++] = functions[i].name;
    }
    return nearest_name(name, known, nr);
}

enum expression_err functions_find(struct span name, bool is_method, struct callee *ret_callee,
                                   struct expression_error *ret_error)
{
    struct callee other;

    if (find_builtin(name, is_method, ret_callee)) {
        return EXPRESSION_OK;
    }
    if (span_is(name, "has")) {
        return fail(ret_error, EXPRESSION_ENAME, name, "() is no method: write has(a.b)", "");
    }
    if (find_builtin(name, !is_method, &other)) {
        return fail(ret_error, EXPRESSION_ENAME, name,
                    is_method ? "() is no method: write it before its argument, as in "
                              : "() is a method: write it behind its first argument, as in ",
                    is_method ? "int(x)" : "x.contains(y)");
    }
    for (size_t i = 0; i < ABSENT_NR; i++) {
        if (span_is(name, absent[i])) {
            return fail(ret_error, EXPRESSION_EUNSUPPORTED, name,
                        "() is left out; docs/expressions.md lists what there is", "");
        }
    }
    const char *word = nearest(name);

    return word == NULL
               ? fail(ret_error, EXPRESSION_ENAME, name, ": no such function", "")
               : fail(ret_error, EXPRESSION_ENAME, name, ": no such function; did you mean ", word);
}

/* "contains() does not take int as argument 1", where 0 is what it is called on. */
static enum expression_err fail_kind(struct evaluation *e, const struct function *function,
                                     const struct value *argument, uint32_t index)
{
    enum expression_err code =
        expression_error_set(e->error, EXPRESSION_ETYPE, function->name, "() does not take ");

    expression_error_add(e->error, span_of(value_kind_name(argument->kind)));
    if (function->most > 1) {
        expression_error_add(e->error, span_of(index == 0 && function->forms == FORM_METHOD
                                                   ? " before its dot"
                                                   : " as argument "));
    }
    if (function->most > 1 && !(index == 0 && function->forms == FORM_METHOD)) {
        expression_error_add_int(e->error, index + (function->forms != FORM_METHOD));
    }
    return code;
}

enum expression_err functions_apply(struct evaluation *e, const struct function *function,
                                    const struct value *arguments, uint32_t count,
                                    struct value *ret_value)
{
    for (uint32_t i = 0; i < count; i++) {
        if ((function->takes[i] & KIND(arguments[i].kind)) == 0) {
            return fail_kind(e, function, &arguments[i], i);
        }
    }
    return function->apply(e, arguments, count, ret_value);
}
