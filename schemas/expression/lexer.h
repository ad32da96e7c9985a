/* lexer: the text of an expression becomes tokens, one at a time; for this folder only.
 *
 * Pure. */
#ifndef EXO_EXPRESSION_LEXER_H
#define EXO_EXPRESSION_LEXER_H

#include "schemas/expression/node.h"

enum token_kind {
    TOKEN_END,
    TOKEN_INT,    /* whole; without a sign */
    TOKEN_DOUBLE, /* number */
    TOKEN_STRING, /* text, escapes decoded, in the arena */
    TOKEN_NAME,   /* text, in the source; also true, false, null, in and reserved words */
    TOKEN_QUOTED, /* text, in the source: a selector in backticks */
    TOKEN_SIGN,   /* sign: one of ( ) [ ] { } . , ? : + - * / % ! < > or two as below */
};

enum {
    SIGN_EQUAL = 256,
    SIGN_NOT_EQUAL,
    SIGN_LESS_EQUAL,
    SIGN_GREATER_EQUAL,
    SIGN_AND,
    SIGN_OR,
};

struct token {
    enum token_kind kind;
    int sign;
    size_t begin; /* in the text */
    size_t end;
    struct place place;
    uint64_t whole;
    double number;
    struct span text;
};

struct lexer {
    const unsigned char *text; /* borrowed */
    size_t bytes;
    size_t begin; /* of the expression, for its limit */
    size_t at;
    size_t line_begin;
    uint32_t newline_count;
    struct expression_position position;
    struct arena *arena;
    struct expression_error *error;
};

/* lexer_init begins at a place of a text (both kept until the last token).
 * position  of the text's first byte */
void lexer_init(struct lexer *lexer, struct span text, size_t begin,
                struct expression_position position, struct arena *arena,
                struct expression_error *error);

/* lexer_next reads one token; at the end of the text TOKEN_END.
 * Returns EXPRESSION_OK, or ESYNTAX, EUNSUPPORTED, ELIMIT, EMEMORY with the error filled. */
EXO_CHECKED enum expression_err lexer_next(struct lexer *lexer, struct token *ret_token);

/* expression_error_at fills the place of an error. Returns its code. */
enum expression_err expression_error_at(struct expression_error *error, struct place place);

#endif /* EXO_EXPRESSION_LEXER_H */
