#include "schemas/expression/expression_error.h"

#include <string.h>

const char *expression_err_name(enum expression_err code)
{
    switch (code) {
    case EXPRESSION_OK:
        return "ok";
    case EXPRESSION_ESYNTAX:
        return "syntax";
    case EXPRESSION_EUNSUPPORTED:
        return "unsupported";
    case EXPRESSION_ENAME:
        return "name";
    case EXPRESSION_ETYPE:
        return "type";
    case EXPRESSION_EMISSING:
        return "missing";
    case EXPRESSION_EARITHMETIC:
        return "arithmetic";
    case EXPRESSION_EVALUE:
        return "value";
    case EXPRESSION_EPENDING:
        return "pending";
    case EXPRESSION_EFAILED:
        return "failed";
    case EXPRESSION_ELIMIT:
        return "limit";
    case EXPRESSION_EMEMORY:
        return "memory";
    }
    return "unknown";
}

enum expression_err expression_error_set(struct expression_error *error, enum expression_err code,
                                         const char *a, const char *b)
{
    if (error != NULL) {
        error->code = code;
        error->text[0] = '\0';
        expression_error_add(error, span_of(a));
        expression_error_add(error, span_of(b));
    }
    return code;
}

void expression_error_add(struct expression_error *error, struct span text)
{
    if (error == NULL || text.bytes == 0) {
        return;
    }
    size_t used = strlen(error->text);
    size_t room = sizeof(error->text) - 1 - used;
    size_t bytes = text.bytes < room ? text.bytes : room;

    memcpy(error->text + used, text.data, bytes);
    error->text[used + bytes] = '\0';
}

void expression_error_add_int(struct expression_error *error, int64_t number)
{
    uint64_t size = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    char digits[24];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + size % 10);
        size /= 10;
    } while (size > 0);
    if (number < 0) {
        digits[--at] = '-';
    }
    expression_error_add(error, (struct span){digits + at, sizeof(digits) - at});
}
