#include "schemas/expression/functions.h"

#include "schemas/vocab/fault.h"

/* Of CEL's standard definitions and its common extension for strings. */
static const char *const later[] = {
    "all",          "bool",         "bytes",       "charAt",   "contains",
    "double",       "duration",     "dyn",         "endsWith", "exists",
    "exists_one",   "filter",       "format",      "getDate",  "getDayOfMonth",
    "getDayOfWeek", "getDayOfYear", "getFullYear", "getHours", "getMilliseconds",
    "getMinutes",   "getMonth",     "getSeconds",  "indexOf",  "int",
    "join",         "lastIndexOf",  "lowerAscii",  "map",      "matches",
    "quote",        "replace",      "reverse",     "split",    "startsWith",
    "string",       "substring",    "timestamp",   "trim",     "type",
    "uint",         "upperAscii",
};

static const char *const known[] = {"has", "size"};

enum { LATER_NR = sizeof(later) / sizeof(later[0]), KNOWN_NR = sizeof(known) / sizeof(known[0]) };

static enum expression_err fail(struct expression_error *error, enum expression_err code,
                                struct span name, const char *text, const char *word)
{
    (void)expression_error_set(error, code, "", "");
    expression_error_add(error, name);
    expression_error_add(error, span_of(text));
    expression_error_add(error, span_of(word));
    return code;
}

enum expression_err functions_find(struct span name, bool is_method, enum node_kind *ret_kind,
                                   struct expression_error *ret_error)
{
    if (span_is(name, "size")) {
        *ret_kind = NODE_SIZE;
        return EXPRESSION_OK;
    }
    if (span_is(name, "has") && !is_method) {
        *ret_kind = NODE_HAS;
        return EXPRESSION_OK;
    }
    for (size_t i = 0; i < LATER_NR; i++) {
        if (span_is(name, later[i])) {
            return fail(ret_error, EXPRESSION_EUNSUPPORTED, name, "() is not supported yet", "");
        }
    }
    const char *nearest = nearest_name(name, known, KNOWN_NR);

    if (span_is(name, "has")) {
        return fail(ret_error, EXPRESSION_ENAME, name, "() is no method: write has(a.b)", "");
    }
    return nearest == NULL ? fail(ret_error, EXPRESSION_ENAME, name, ": no such function", "")
                           : fail(ret_error, EXPRESSION_ENAME, name,
                                  ": no such function; did you mean ", nearest);
}
