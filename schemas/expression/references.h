/* references: the chain of steps behind a name; for this folder only.
 *
 * Pure. */
#ifndef EXO_EXPRESSION_REFERENCES_H
#define EXO_EXPRESSION_REFERENCES_H

#include "schemas/expression/node.h"

enum { REFERENCE_STEPS_MAX = 64 };

/* reference_chain lists the members and indexes above a root, from the root up.
 * ret_chain  out, room for EXPRESSION_DEPTH_MAX; ret_root: out, what they begin with
 * Returns their count. */
uint32_t reference_chain(const struct node *node, const struct node **ret_chain,
                         const struct node **ret_root);

/* reference_fill makes the reference of a NODE_NAME and the chain above it: root, static steps,
 * place, is_type and is_cut.
 * steps          room for REFERENCE_STEPS_MAX, kept by the reference
 * ret_reference  out */
void reference_fill(const struct node *root, const struct node *const *chain, uint32_t count,
                    struct expression_step *steps, struct expression_reference *ret_reference);

#endif /* EXO_EXPRESSION_REFERENCES_H */
