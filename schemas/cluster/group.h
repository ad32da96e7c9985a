/* group: satellites inside satellites, laid out in one array.
 *
 *   satellites: [a, {name: g, satellites: [b, {name: h, satellites: [c]}]}, d]
 *     --> a g d | b h | c        scope by scope, each in file order
 *
 * Pure. */
#ifndef EXO_CLUSTER_GROUP_H
#define EXO_CLUSTER_GROUP_H

#include "schemas/cluster/cluster_draft.h"

/* group_count counts the satellites of a list and of all groups in it, up to LIMIT_GROUP_DEPTH
 * deep. list: borrowed, any value. */
uint32_t group_count(const struct value *list);

/* group_kind says which kind of satellite a map describes: FIELD_IN_SATELLITE, _GROUP, _WAIT or
 * _CLUSTER. */
unsigned group_kind(const struct value *source);

/* group_take_inner lays the satellites of a group out from index next on: fills in inner_first and
 * inner_count, and of those group, level, closed_by, and the notes of where they stand. A list that
 * is none, is empty, or too deep gives a fault and no satellite. Returns the index after them. */
uint32_t group_take_inner(struct cluster_draft *draft, uint32_t group, uint32_t next);

/* group_check_names adds a fault for each name that hides one of a scope around it, be it a
 * satellite's or an item's. by_name is filled in. */
void group_check_names(struct cluster_draft *draft);

#endif /* EXO_CLUSTER_GROUP_H */
