#include "schemas/vocab/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int(exo_error_set)(struct exo_error *err, enum exo_error_code code, const char *format, ...)
{
    if (err == NULL) {
        return -1;
    }
    va_list args;

    err->code = code;
    err->library_code = 0;
    err->is_retryable = code == EXO_EUNAVAILABLE || code == EXO_EUNKNOWN;
    va_start(args, format);
    (void)vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    return -1;
}

int(exo_error_prefix)(struct exo_error *err, const char *format, ...)
{
    if (err == NULL) {
        return -1;
    }
    char old[sizeof(err->text)];
    va_list args;

    memcpy(old, err->text, sizeof(old));
    va_start(args, format);
    int used = vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    if (used >= 0 && (size_t)used < sizeof(err->text)) {
        (void)snprintf(err->text + used, sizeof(err->text) - (size_t)used, ": %.400s", old);
    }
    return -1;
}

const char *exo_error_code_name(enum exo_error_code code)
{
    switch (code) {
    case EXO_OK:
        return "ok";
    case EXO_EINVALID:
        return "invalid";
    case EXO_ENOTFOUND:
        return "not-found";
    case EXO_ECONFLICT:
        return "conflict";
    case EXO_EDENIED:
        return "denied";
    case EXO_ELIMIT:
        return "limit";
    case EXO_EUNAVAILABLE:
        return "unavailable";
    case EXO_EIO:
        return "io";
    case EXO_EFENCED:
        return "fenced";
    case EXO_EUNKNOWN:
        return "unknown";
    case EXO_EINTERNAL:
        return "internal";
    }
    return "internal";
}
