/* parser: what the parts of the parser share; for this folder only.
 *
 *   parser.c   expressions, by precedence          calls.c   what stands in brackets
 *
 * Pure. */
#ifndef EXO_EXPRESSION_PARSER_H
#define EXO_EXPRESSION_PARSER_H

#include "schemas/expression/lexer.h"
#include "schemas/expression/node.h"

/* The variable of a macro whose brackets are open. */
struct variable {
    const struct variable *outer;
    struct span name; /* in the source */
};

struct parser {
    struct lexer lexer;
    struct token token; /* not yet used */
    uint32_t depth;     /* of brackets and conditionals that are open */
    uint32_t node_count;
    const struct variable *variables; /* innermost first */
    bool makes_new;
    bool is_constant;
};

/* parser_fail_at and parser_fail (at the token) word an error. Return its code. */
enum expression_err parser_fail_at(struct parser *p, struct place place, enum expression_err code,
                                   const char *text);
enum expression_err parser_fail(struct parser *p, const char *text);

/* parser_advance reads the next token. */
EXO_CHECKED enum expression_err parser_advance(struct parser *p);

/* parser_is_sign is true when the token is that sign. */
bool parser_is_sign(const struct parser *p, int sign);

/* parser_expect takes the sign, or fails saying what should stand here. */
EXO_CHECKED enum expression_err parser_expect(struct parser *p, int sign, const char *text);

/* parser_deeper gives the larger. */
uint32_t parser_deeper(uint32_t a, uint32_t b);

/* parser_make makes a node over none, one or two others, and counts its depth. */
EXO_CHECKED enum expression_err parser_make(struct parser *p, enum node_kind kind,
                                            struct place place, const struct node *first,
                                            const struct node *second, struct node **ret);

/* parser_expr reads one expression. */
EXO_CHECKED enum expression_err parser_expr(struct parser *p, struct node **ret);

/* parser_items reads items up to the closing bracket, which is taken; a comma may stand after the
 * last. In a map keys and values come in turn.
 * ret_first  out; untouched when there is none */
EXO_CHECKED enum expression_err parser_items(struct parser *p, struct node *holder, int closing,
                                             struct node **ret_first);

/* parser_call reads name(...) or target.name(...); the token is the opening bracket.
 * target  NULL for the first form */
EXO_CHECKED enum expression_err parser_call(struct parser *p, struct token name,
                                            struct node *target, struct node **ret);

#endif /* EXO_EXPRESSION_PARSER_H */
