/* template_inset: arguments put in the place of a name, in the text of a template.
 *
 *   "top ${{ input.top + 1 }}" with {top: "${{ satellites.a.output }}"}
 *        --template_inset--> "top ${{ ( satellites.a.output ) + 1 }}"
 *
 * The result is template text again, to be compiled where the arguments' own names are known.
 *
 * Pure. */
#ifndef EXO_EXPRESSION_TEMPLATE_INSET_H
#define EXO_EXPRESSION_TEMPLATE_INSET_H

#include "schemas/expression/expression.h"

/* template_inset replaces every use of `input` in the expressions of a text.
 *
 * text       borrowed; as template_compile takes it
 * arguments  a map, borrowed and kept as long as *ret_value, which may share its parts; its strings
 *            are template texts
 * arena      borrowed
 * ret_value  out: a string, or the argument itself where `${{ input.NAME }}` is the whole text;
 *            untouched on failure
 * ret_error  out; the reason on failure, without a place
 *
 * has(input.NAME) becomes true or false: whether NAME stands in arguments.
 * Returns EXPRESSION_OK, or ENAME (no such argument), EUNSUPPORTED (an argument that mixes text and
 * expressions would stand inside a larger expression), ESYNTAX, ELIMIT, EMEMORY. */
EXO_CHECKED enum expression_err template_inset(struct span text, const struct value *arguments,
                                               struct arena *arena, struct value *ret_value,
                                               struct expression_error *ret_error);

/* template_inset_text is template_inset whose result is a string also where `${{ input.NAME }}` is
 * the whole text, for what must be a text. */
EXO_CHECKED enum expression_err template_inset_text(struct span text, const struct value *arguments,
                                                    struct arena *arena, struct value *ret_value,
                                                    struct expression_error *ret_error);

#endif /* EXO_EXPRESSION_TEMPLATE_INSET_H */
