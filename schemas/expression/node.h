/* node: the parts of a compiled expression, a tree in its arena; for this folder only.
 *
 * Pure. */
#ifndef EXO_EXPRESSION_NODE_H
#define EXO_EXPRESSION_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/expression/expression.h"

enum node_kind {
    NODE_LITERAL,     /* literal */
    NODE_NAME,        /* name: a root name */
    NODE_MEMBER,      /* first . name */
    NODE_INDEX,       /* first [ second ] */
    NODE_NOT,         /* ! first */
    NODE_NEGATE,      /* - first */
    NODE_BINARY,      /* first op second */
    NODE_AND,         /* first && second */
    NODE_OR,          /* first || second */
    NODE_CONDITIONAL, /* first ? second : third */
    NODE_LIST,        /* first and what follows it by next: the items; count of them */
    NODE_MAP,         /* first and what follows it by next: keys and values in turn; count pairs */
    NODE_SIZE,        /* size(first) */
    NODE_HAS,         /* has(first), which is a NODE_MEMBER */
    NODE_LOCAL,       /* count: the variable of the macro that stands count macros further out */
    NODE_MACRO,       /* first.macro(variable, second) or first.map(variable, second, third) */
    NODE_CALL,        /* function of first and what follows it by next; count of them */
};

enum node_macro { MACRO_ALL, MACRO_EXISTS, MACRO_EXISTS_ONE, MACRO_MAP, MACRO_FILTER };

struct function;

enum node_op {
    OP_ADD,
    OP_SUBTRACT,
    OP_MULTIPLY,
    OP_DIVIDE,
    OP_REMAINDER,
    OP_EQUAL,
    OP_NOT_EQUAL,
    OP_LESS,
    OP_LESS_EQUAL,
    OP_GREATER,
    OP_GREATER_EQUAL,
    OP_IN,
};

/* Where a part stands: in the file, and in the text that was compiled. */
struct place {
    uint32_t line;
    uint32_t column;
    uint32_t offset_column;
};

struct node {
    enum node_kind kind;
    union {
        enum node_op op;       /* of NODE_BINARY */
        enum node_macro macro; /* of NODE_MACRO; with third, second chooses and third is mapped */
    };
    struct place place;
    uint32_t depth;  /* of the tree below, itself included */
    uint32_t number; /* in its expression, from 0 */
    bool is_static;  /* a name with constant steps: the same all through an evaluation */
    uint32_t count;
    const struct node *first;
    const struct node *second;
    const struct node *third;
    struct node *next; /* the next item of the list or map that holds this */
    union {
        struct value literal;
        struct span name;
        const struct function *function; /* of NODE_CALL */
    };
};

struct expression {
    const struct node *root;
    bool makes_new;   /* may give a number or a nesting that no input had */
    bool is_constant; /* uses no name */
};

/* expression_parse is expression_compile for an expression inside a template.
 *
 * text           borrowed for the call; the whole template, valid UTF-8
 * begin          where the expression begins, behind its ${{
 * is_embedded    true: ends at }}; false: ends with the text
 * ret_end        out; where the }} stands, or the end of the text
 * Other arguments and result as expression_compile. */
EXO_CHECKED enum expression_err expression_parse(struct span text, size_t begin, bool is_embedded,
                                                 struct expression_position position,
                                                 struct arena *arena,
                                                 const struct expression **ret_expression,
                                                 size_t *ret_end,
                                                 struct expression_error *ret_error);

#endif /* EXO_EXPRESSION_NODE_H */
