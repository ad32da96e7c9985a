/* rules_deletion: what retention deletes, and what must hold of it.
 *
 *   ended --kept so long--> deletion begins (tombstone) --> parts, row      what is live never goes
 *                                  |
 *                                  +-- no row, no view, no memory of it from here on; its Job, sent
 *                                      again, begins nothing */
#ifndef EXO_TESTS_SIM_RULES_DELETION_H
#define EXO_TESTS_SIM_RULES_DELETION_H

#include "tests/sim/oracle.h"

/* oracle_delete_asked and oracle_deletes (oracle.h) are here, too: what may not go yet. */

/* rules_deletion_commit fails where a batch writes anything of one that is deleted. */
void rules_deletion_commit(const struct store_batch *batch);

/* rules_deletion_cached fails where a view of one is put so late that nobody stood still for it. */
void rules_deletion_cached(const struct oracle_execution *e);

/* rules_deletion_is_over is true when all that is kept for a time has gone; check_end fails where
 * it has not, or something of it is left. */
bool rules_deletion_is_over(void);
void rules_deletion_check_end(void);

#endif /* EXO_TESTS_SIM_RULES_DELETION_H */
