/* string_literal: CEL's 'a', "a", r'a' and their triple-quoted forms; for this folder only.
 *
 * Pure. */
#ifndef EXO_EXPRESSION_STRING_LITERAL_H
#define EXO_EXPRESSION_STRING_LITERAL_H

#include "schemas/expression/expression_error.h"
#include "schemas/vocab/arena.h"
#include "schemas/vocab/checked.h"

struct string_literal {
    size_t at;         /* in: the opening quote; out: behind the closing one, or the fault */
    bool is_raw;       /* in: backslashes stand for themselves */
    const char *fault; /* out, on failure: what is wrong, static */
};

/* string_literal_read reads and decodes one literal.
 *
 * text      borrowed for the call; valid UTF-8
 * arena     borrowed; the decoded text lives there
 * literal   in and out
 * ret_text  out; valid UTF-8
 *
 * Returns EXPRESSION_OK, EXPRESSION_ESYNTAX or EXPRESSION_EMEMORY. */
EXO_CHECKED enum expression_err string_literal_read(struct span text, struct arena *arena,
                                                    struct string_literal *literal,
                                                    struct span *ret_text);

#endif /* EXO_EXPRESSION_STRING_LITERAL_H */
