/* replica: a copy of the database that lags behind it, as of between two commits, and what the
 * oracle knew then; promoted it takes its place, and what was committed since never was.
 *
 *   every while --note--> copies, the newest few --promote--> the database, and the oracle's view
 */
#ifndef EXO_TESTS_SIM_REPLICA_H
#define EXO_TESTS_SIM_REPLICA_H

#include <stdbool.h>

#include "schemas/vocab/time.h"

/* The longest it lags. */
#define REPLICA_LAG_NS (10 * EXO_SECOND)

/* replica_begin forgets the last world. */
void replica_begin(void);

/* replica_note copies what is there now. */
void replica_note(void);

/* replica_promote lets a copy that is at most lag_ns old take over, after the database was away
 * until then. False: there is none that old. */
bool replica_promote(exo_time lag_ns, exo_time until_ns);

#endif /* EXO_TESTS_SIM_REPLICA_H */
