/* expression_error: why an expression was refused or failed, and where.
 *
 * Pure. */
#ifndef EXO_EXPRESSION_ERROR_H
#define EXO_EXPRESSION_ERROR_H

#include <stdint.h>

#include "schemas/vocab/span.h"

enum { EXPRESSION_ERROR_TEXT_BYTES = 256 };

enum expression_err {
    EXPRESSION_OK = 0,
    /* when compiled */
    EXPRESSION_ESYNTAX = -1,      /* not an expression */
    EXPRESSION_EUNSUPPORTED = -2, /* CEL has it, we do not yet */
    EXPRESSION_ENAME = -3,        /* unknown name or function; also when evaluated */
    /* when evaluated; && and || may absorb these, has() absorbs EMISSING */
    EXPRESSION_ETYPE = -4,       /* an operator or function does not take this type */
    EXPRESSION_EMISSING = -5,    /* no such key, or index outside the list */
    EXPRESSION_EARITHMETIC = -6, /* overflow or division by zero */
    EXPRESSION_EVALUE = -11,     /* a function has no result for this value, such as int("x") */
    EXPRESSION_EPENDING = -7,    /* the scope must first fetch something; evaluate again then */
    EXPRESSION_EFAILED = -8,     /* the scope can never give this; its text says why */
    /* never absorbed */
    EXPRESSION_ELIMIT = -9,   /* text, depth, cost or output; the text names the limit */
    EXPRESSION_EMEMORY = -10, /* the arena's bound is reached */
};

/* Where a text began in its file, so that errors point there. {0, 0} for a text of no file:
 * errors then have line 0 and the column within the text. */
struct expression_position {
    uint32_t line;   /* from 1 */
    uint32_t column; /* from 1, in bytes */
};

struct expression_error {
    enum expression_err code;
    uint32_t line;                          /* in the file; 0 when the text is of no file */
    uint32_t column;                        /* in that line, from 1, in bytes */
    uint32_t offset_column;                 /* in the compiled text, from 1, in bytes */
    char text[EXPRESSION_ERROR_TEXT_BYTES]; /* one sentence, NUL-terminated, without the place */
};

/* expression_err_name returns a static word for metrics and tests, such as "syntax", never NULL. */
const char *expression_err_name(enum expression_err code);

/* expression_error_set begins an error: the code and the texts one after the other, cut to fit. The
 * place is filled in by the evaluator; a scope that fails gives code and text only.
 * error  out; may be NULL
 * a, b   C strings, borrowed
 * Returns code. */
enum expression_err expression_error_set(struct expression_error *error, enum expression_err code,
                                         const char *a, const char *b);

/* expression_error_add appends to the text of an error, cut to fit. error: may be NULL. */
void expression_error_add(struct expression_error *error, struct span text);

/* expression_error_add_int appends a whole number. error: may be NULL. */
void expression_error_add_int(struct expression_error *error, int64_t number);

#endif /* EXO_EXPRESSION_ERROR_H */
