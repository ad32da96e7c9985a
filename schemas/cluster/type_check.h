/* type_check: expressions of a cluster against the types of its declared inputs.
 *
 * Pure. */
#ifndef EXO_CLUSTER_TYPE_CHECK_H
#define EXO_CLUSTER_TYPE_CHECK_H

#include "schemas/cluster/references.h"
#include "schemas/expression/template.h"

/* type_check adds a fault for the first expression of the string that can never be computed; the
 * string and its place are those of the gathering. Nothing for a stored cluster: it was good when
 * it was stored. */
void type_check(struct gathering *g, const struct template *template);

/* type_check_patterns adds a fault for the first regular expression of the string that matches()
 * can never take; also nothing for a stored cluster. */
void type_check_patterns(struct gathering *g, const struct template *template);

/* type_check_whole is type_check for one expression alone that must give a kind, such as the list
 * of `for_each`.
 * hint  what to write instead
 * Returns the type of its items: any after a fault. */
struct expression_type type_check_whole(struct gathering *g, const struct expression *expression,
                                        enum value_kind kind, const char *hint);

/* type_check_argument adds a fault when what a cluster that is used is given can never be what it
 * declares.
 * expression  of the whole string; NULL: characters and expressions, which give a string
 * input       the declaration; borrowed */
void type_check_argument(struct gathering *g, const struct expression *expression,
                         const struct cluster_input *input);

#endif /* EXO_CLUSTER_TYPE_CHECK_H */
