/* replay: every table of the database built again from the journal alone, and compared with what
 * the database holds (docs/adr/0021-replay.md). */
#ifndef EXO_TESTS_SIM_REPLAY_H
#define EXO_TESTS_SIM_REPLAY_H

#include "infra/store/rebuild.h"

/* replay_live gives the rows that the shard of this number has in the database. */
void replay_live(uint32_t number, struct rebuild_live *ret_live);

/* replay_check fails the world where a table differs from what the journal makes of it. */
void replay_check(void);

#endif /* EXO_TESTS_SIM_REPLAY_H */
