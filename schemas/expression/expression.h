/* expression: the subset of CEL that stands inside ${{ }} (docs/expressions.md).
 *
 *   text --expression_compile--> struct expression --expression_eval(scope)--> value
 *                                     |
 *                                     +-- expression_references: which names it uses
 *
 * Evaluation has no side effect and no loop but over the items of a list, and is bounded by a cost,
 * a depth and an output limit. A compiled expression is immutable: many evaluations may share it,
 * and the text it came from may go.
 *
 * Pure. */
#ifndef EXO_EXPRESSION_H
#define EXO_EXPRESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/expression/expression_error.h"
#include "schemas/expression/scope.h"
#include "schemas/vocab/arena.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/span.h"
#include "schemas/vocab/value.h"

enum {
    EXPRESSION_DEPTH_MAX = 200,       /* operators and brackets inside one another in a text */
    EXPRESSION_COST_MAX = 1000000,    /* default of one evaluation, tens of milliseconds */
    EXPRESSION_OUTPUT_MAX = 8 << 20,  /* default, bytes that one evaluation makes */
    EXPRESSION_PATTERNS_MAX = 500000, /* cost of expression_check_patterns for one file */
};

struct expression; /* in the arena it was compiled into */

/* Bounds of one evaluation; a zero means the default above. */
struct expression_limits {
    uint64_t cost_max;         /* one a step, one more per 16 bytes or per item that it touches */
    uint64_t output_bytes_max; /* strings, lists and maps made, counted together; 32 an item */
    uint32_t value_depth_max;  /* nested lists and maps of the result; 0: LIMIT_JSON_DEPTH */
};

/* expression_compile reads one expression (without ${{ }}).
 *
 * text            borrowed for the call; at most LIMIT_EXPRESSION_BYTES
 * position        where text begins in its file
 * arena           borrowed; the expression lives there and keeps no pointer to text
 * ret_expression  out; untouched on failure
 * ret_error       out; the reason on failure, else anything
 *
 * Returns EXPRESSION_OK, or ESYNTAX, EUNSUPPORTED, ENAME (a function nobody knows), ELIMIT,
 * EMEMORY. Source: the language definition of cel-spec. */
EXO_CHECKED enum expression_err
expression_compile(struct span text, struct expression_position position, struct arena *arena,
                   const struct expression **ret_expression, struct expression_error *ret_error);

/* expression_eval computes the value of an expression.
 *
 * expression  borrowed; must live as long as *ret_value, which may share its literals
 * scope       borrowed; its objects must live as long as *ret_value, which may share their parts
 * limits      borrowed; NULL means all defaults
 * arena       borrowed; new strings, lists and maps of the result live there
 * ret_value   out; finite, at most value_depth_max deep; untouched on failure
 * ret_error   out; the reason on failure, else anything
 *
 * Returns EXPRESSION_OK or why not. On EXPRESSION_EPENDING evaluate again when the scope has what
 * it noted. */
EXO_CHECKED enum expression_err expression_eval(const struct expression *expression,
                                                const struct expression_scope *scope,
                                                const struct expression_limits *limits,
                                                struct arena *arena, struct value *ret_value,
                                                struct expression_error *ret_error);

/* expression_eval_object is expression_eval that does not load its result: a reference to a lazy
 * object (also as the branch of a conditional) is handed on as it is. */
EXO_CHECKED enum expression_err
expression_eval_object(const struct expression *expression, const struct expression_scope *scope,
                       const struct expression_limits *limits, struct arena *arena,
                       struct expression_object *ret_object, struct expression_error *ret_error);

/* One static step of a reference: .name or ["name"] (name.data not NULL), or [index]. */
struct expression_step {
    struct span name; /* data NULL: the step is an index */
    int64_t index;
    uint32_t line;   /* where the step stands; as in expression_error */
    uint32_t column; /* its dot or bracket, from 1 */
};

/* One use of a name: satellites.a.output.items[0].name has root "satellites" and five steps. */
struct expression_reference {
    struct span root;
    const struct expression_step *steps; /* valid for the call of the visitor */
    uint32_t step_count;
    uint32_t line; /* of the root; as in expression_error */
    uint32_t column;
    uint32_t offset_column;
    bool is_tested; /* stands inside has(): may be missing */
    bool is_sized;  /* only its size is asked for */
    bool is_type;   /* without steps, and the name of a type such as int: so if no scope has it */
    bool is_cut;    /* a dynamic step such as [i + 1] follows the last static one */
};

/* Called for each reference; the reference is borrowed for the call. */
typedef void expression_visit(void *context, const struct expression_reference *reference);

/* expression_references calls visit for each reference in the order of the text. A reference has
 * its constant steps up to the first dynamic one; names used inside a dynamic step are references
 * of their own. Steps beyond 64 are left out (is_cut). Strings borrow the expression. */
void expression_references(const struct expression *expression, expression_visit *visit,
                           void *context);

/* expression_is_reference is true when the whole expression is one reference with static steps
 * only, so that a scheduler may hand the thing it names on without evaluating. */
bool expression_is_reference(const struct expression *expression);

/* expression_is_constant is true when the expression uses no name. */
bool expression_is_constant(const struct expression *expression);

/* expression_check_names refuses the first root name that is not one of names (count C strings,
 * borrowed). Returns EXPRESSION_OK, or EXPRESSION_ENAME with the nearest known name in the text. */
EXO_CHECKED enum expression_err expression_check_names(const struct expression *expression,
                                                       const char *const *names, size_t count,
                                                       struct expression_error *ret_error);

/* expression_check_patterns refuses the first regular expression in the text that matches() could
 * never take.
 *
 * cost_left  in and out, shared by all that is checked together: EXPRESSION_PATTERNS_MAX at first;
 *            each pattern takes 20 and one an instruction of its program
 *
 * Returns EXPRESSION_OK, ESYNTAX, ELIMIT or EMEMORY, with ret_error and its place filled. */
EXO_CHECKED enum expression_err expression_check_patterns(const struct expression *expression,
                                                          uint64_t *cost_left,
                                                          struct expression_error *ret_error);

/* expression_is_reserved is true for a word of CEL that can name nothing at the root of an
 * expression: its keywords and reserved words. A satellite or item of that name could not be
 * referred to. */
bool expression_is_reserved(struct span name);

#endif /* EXO_EXPRESSION_H */
