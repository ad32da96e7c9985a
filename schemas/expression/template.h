/* template: a string with zero or more ${{ expression }} in it.
 *
 *   "${{ satellites.list.output.files }}"      one expression alone: keeps its type
 *   "part-${{ index }} of ${{ size(files) }}"  text: strings raw, all else as compact JSON
 *   "price $${{ not an expression }}"          $${{ writes ${{
 *
 * "}}" inside a string literal or of a map's end does not end an expression.
 *
 * Pure. */
#ifndef EXO_EXPRESSION_TEMPLATE_H
#define EXO_EXPRESSION_TEMPLATE_H

#include <stdbool.h>

#include "schemas/expression/expression.h"

struct template; /* in the arena it was compiled into, immutable */

/* template_compile reads a string.
 *
 * text          borrowed for the call
 * position      where text begins in its file
 * arena         borrowed; the template lives there and keeps no pointer to text
 * ret_template  out; untouched on failure
 * ret_error     out; the reason on failure: the first wrong expression
 *
 * Returns EXPRESSION_OK, or as expression_compile; ESYNTAX also for ${{ without }}. */
EXO_CHECKED enum expression_err
template_compile(struct span text, struct expression_position position, struct arena *arena,
                 const struct template **ret_template, struct expression_error *ret_error);

/* template_has_expressions is false for plain text; cost O(bytes), compiles nothing. */
bool template_has_expressions(struct span text);

/* template_expression gives the expression when it stands alone in the template, else NULL. */
const struct expression *template_expression(const struct template *template);

/* template_is_constant is true when no expression in it uses a name. */
bool template_is_constant(const struct template *template);

/* template_eval computes the value: any kind when one expression stands alone, else a string.
 * Arguments and result as expression_eval; the limits hold for the whole string together. */
EXO_CHECKED enum expression_err template_eval(const struct template *template,
                                              const struct expression_scope *scope,
                                              const struct expression_limits *limits,
                                              struct arena *arena, struct value *ret_value,
                                              struct expression_error *ret_error);

/* Called for each expression, borrowed for the call; false: no more. */
typedef bool template_visit(void *context, const struct expression *expression);

/* template_expressions calls visit for each expression, in text order, until it returns false. */
void template_expressions(const struct template *template, template_visit *visit, void *context);

/* template_references is expression_references over all its expressions, in text order. */
void template_references(const struct template *template, expression_visit *visit, void *context);

#endif /* EXO_EXPRESSION_TEMPLATE_H */
