/* value_template: a whole value whose strings are templates, such as `input:` and `env:`.
 *
 *   {path: "${{ file }}", parts: "${{ satellites.count.output }}", top: 20}
 *
 * Strings at any depth are templates; keys are not. Where one expression alone names something
 * that is kept by reference, it may stay a reference: a hole, which a worker fills.
 *
 * Pure. */
#ifndef EXO_EXPRESSION_VALUE_TEMPLATE_H
#define EXO_EXPRESSION_VALUE_TEMPLATE_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/expression/expression.h"
#include "schemas/vocab/fault.h"

struct value_template; /* in the arena it was compiled into, immutable */

/* value_template_compile reads the strings of a value.
 *
 * source        kept as long as the template: its constant parts are shared
 * path          where source stands, such as cluster.satellites[2].input, for the faults' paths
 * arena         borrowed; the template lives there
 * ret_template  out; untouched on failure
 * faults        borrowed; gets every wrong expression with its path, line and column: counted from
 *               where the string begins, so one to the left in a quoted one
 *
 * Returns EXPRESSION_OK, or the code of the first fault; EMEMORY without a fault. */
EXO_CHECKED enum expression_err value_template_compile(const struct value *source, const char *path,
                                                       struct arena *arena,
                                                       const struct value_template **ret_template,
                                                       struct fault_list *faults);

/* The place of a part in a value, from the part up to the root (up is NULL there). */
struct value_place {
    const struct value_place *up;
    struct span key; /* data NULL: the place is an item of a list */
    uint32_t index;
};

/* Asked for each expression that stands alone and whose result is a lazy object. A hole returns
 * EXPRESSION_OK with the value that stands in its place, or an error that ends the evaluation.
 * place: borrowed for the call; object: as expression_eval_object gives it. */
struct value_template_holes {
    enum expression_err (*hole)(void *context, const struct value_place *place,
                                const struct expression_object *object, struct value *ret_value,
                                struct expression_error *ret_error);
    void *context;
};

/* value_template_eval computes the value.
 *
 * holes      borrowed; NULL: lazy objects are loaded
 * ret_error  its text ends in the place of the string that failed, such as ", in parts[1].path"
 * Other arguments and result as expression_eval; the limits hold for the whole value together. */
EXO_CHECKED enum expression_err value_template_eval(const struct value_template *template,
                                                    const struct expression_scope *scope,
                                                    const struct expression_limits *limits,
                                                    const struct value_template_holes *holes,
                                                    struct arena *arena, struct value *ret_value,
                                                    struct expression_error *ret_error);

/* value_has_expressions is true when a string in the value, at any depth, holds an expression. */
bool value_has_expressions(const struct value *value);

/* value_template_is_constant is true when no string in it holds an expression that uses a name. */
bool value_template_is_constant(const struct value_template *template);

/* value_template_references is expression_references over all its strings, in source order. */
void value_template_references(const struct value_template *template, expression_visit *visit,
                               void *context);

#endif /* EXO_EXPRESSION_VALUE_TEMPLATE_H */
