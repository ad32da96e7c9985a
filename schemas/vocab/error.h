/* error: why a call of an adapter failed, in words for the person who must act.
 *
 * Pure, allocates nothing: the text is cut when it does not fit. Never holds a secret. */
#ifndef EXO_VOCAB_ERROR_H
#define EXO_VOCAB_ERROR_H

#include <stdbool.h>

#include "schemas/vocab/checked.h"

enum exo_error_code {
    EXO_OK = 0,
    EXO_EINVALID,     /* the caller's value is wrong; trying again gives the same */
    EXO_ENOTFOUND,    /* no such thing */
    EXO_ECONFLICT,    /* it exists already, or its state forbids this */
    EXO_EDENIED,      /* not authenticated or not allowed */
    EXO_ELIMIT,       /* a stated limit is reached; the text names it */
    EXO_EUNAVAILABLE, /* the other side is away or overloaded; try again */
    EXO_EIO,          /* the machine failed: disk, memory, process */
    EXO_EFENCED,      /* somebody else owns this now */
    EXO_EUNKNOWN,     /* it may or may not have happened */
    EXO_EINTERNAL,    /* a fault of ours */
};

struct exo_error {
    enum exo_error_code code;
    int library_code;  /* errno, SQLSTATE class, rd_kafka_resp_err_t ...; 0 when none */
    bool is_retryable; /* the same call may succeed later */
    char text[512];    /* a sentence: what failed and what to do; NUL-terminated */
};

/* exo_error_set fills *err and returns -1, so that a caller can "return exo_error_set(...)".
 * err may be NULL. The text is made as by printf and cut to fit. is_retryable is set for
 * EXO_EUNAVAILABLE and EXO_EUNKNOWN only. */
int exo_error_set(struct exo_error *err, enum exo_error_code code, const char *format, ...)
    EXO_PRINTF(3, 4);

/* exo_error_prefix puts "PREFIX: " before the text, to say what the caller was doing.
 * Returns -1. */
int exo_error_prefix(struct exo_error *err, const char *format, ...) EXO_PRINTF(2, 3);

/* exo_error_code_name returns a static word such as "unavailable", never NULL. */
const char *exo_error_code_name(enum exo_error_code code);

#ifdef __clang_analyzer__ /* it sees one file at a time: not that these never return 0 */
/* NOLINTBEGIN(readability-identifier-naming): they stand for the functions */
#define exo_error_set(...) ((exo_error_set)(__VA_ARGS__), -1)
#define exo_error_prefix(...) ((exo_error_prefix)(__VA_ARGS__), -1)
/* NOLINTEND(readability-identifier-naming) */
#endif

#endif /* EXO_VOCAB_ERROR_H */
