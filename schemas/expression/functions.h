/* functions: the names that may be called, and those of CEL that may not yet; for this folder only.
 *
 * Pure. */
#ifndef EXO_EXPRESSION_FUNCTIONS_H
#define EXO_EXPRESSION_FUNCTIONS_H

#include "schemas/expression/node.h"

/* functions_find tells which function a call means.
 *
 * name      borrowed
 * is_method  true for a.name(...), false for name(...)
 * ret_kind  out; NODE_SIZE or NODE_HAS
 * ret_error  out; filled on failure, without its place
 *
 * Returns EXPRESSION_OK, EXPRESSION_EUNSUPPORTED for a function of CEL that we lack, or
 * EXPRESSION_ENAME for one that nobody has. */
EXO_CHECKED enum expression_err functions_find(struct span name, bool is_method,
                                               enum node_kind *ret_kind,
                                               struct expression_error *ret_error);

#endif /* EXO_EXPRESSION_FUNCTIONS_H */
