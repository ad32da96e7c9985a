/* store_old: a store as an earlier program left it, with rows of its time, for stories of upgrades.
 *
 *   migrations 1 .. version, each followed by its rows --> the trial's database */
#ifndef EXO_TESTS_STORE_OLD_H
#define EXO_TESTS_STORE_OLD_H

#include "tests/contract/store_trial.h"

/* store_old_install puts a schema of 1 .. version into the trial's empty database, past the store:
 * TRIAL_SHARDS shards at batch 40; shard 2 has the live execution 1 of trial_execution with body
 * "body" and a page "page" of its instance 1; from version 2 on also a live run "run" of its
 * instance 3 (index 0, number 5). Fails the test where it cannot. */
void store_old_install(struct trial *t, uint32_t version);

#endif /* EXO_TESTS_STORE_OLD_H */
