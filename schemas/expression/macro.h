/* macro: all, exists, exists_one, map and filter over the items of a list or the keys of a map; for
 * this folder only.
 *
 * Pure. */
#ifndef EXO_EXPRESSION_MACRO_H
#define EXO_EXPRESSION_MACRO_H

#include "schemas/expression/evaluation.h"

/* macro_eval computes a NODE_MACRO. A lazy list is loaded whole.
 * Returns EXPRESSION_OK, or why not with the error and its place filled. */
EXO_CHECKED enum expression_err macro_eval(struct evaluation *e, const struct node *node,
                                           struct expression_object *ret_object);

/* macro_name returns how a macro is called, such as "all()"; never NULL. */
const char *macro_name(enum node_macro macro);

#endif /* EXO_EXPRESSION_MACRO_H */
