/* access: names, members, items and sizes, of plain values and of lazy objects, which are loaded
 * only where nothing less will do; for this folder only.
 *
 * Pure. */
#ifndef EXO_EXPRESSION_ACCESS_H
#define EXO_EXPRESSION_ACCESS_H

#include "schemas/expression/evaluation.h"

/* Each computes a node of its kind: NODE_NAME, NODE_MEMBER, NODE_INDEX, NODE_HAS, NODE_SIZE.
 * Return EXPRESSION_OK, or why not with the error and its place filled. */
EXO_CHECKED enum expression_err access_name(struct evaluation *e, const struct node *node,
                                            struct expression_object *ret_object);
EXO_CHECKED enum expression_err access_member(struct evaluation *e, const struct node *node,
                                              struct expression_object *ret_object);
EXO_CHECKED enum expression_err access_index(struct evaluation *e, const struct node *node,
                                             struct expression_object *ret_object);
EXO_CHECKED enum expression_err access_has(struct evaluation *e, const struct node *node,
                                           struct expression_object *ret_object);
EXO_CHECKED enum expression_err access_size(struct evaluation *e, const struct node *node,
                                            struct expression_object *ret_object);

#endif /* EXO_EXPRESSION_ACCESS_H */
