/* template_run: a template inside a larger evaluation; for this folder only.
 *
 * Pure. */
#ifndef EXO_EXPRESSION_TEMPLATE_RUN_H
#define EXO_EXPRESSION_TEMPLATE_RUN_H

#include "schemas/expression/evaluation.h"
#include "schemas/expression/template.h"

/* template_run computes a template under the limits of an evaluation. The object is lazy only
 * when one expression stands alone, and then not yet checked.
 * Returns EXPRESSION_OK, or why not. */
EXO_CHECKED enum expression_err template_run(struct evaluation *e, const struct template *template,
                                             struct expression_object *ret_object);

#endif /* EXO_EXPRESSION_TEMPLATE_RUN_H */
