/* store_sim: infra/store over the model of the database. */
#ifndef EXO_TESTS_SIM_STORE_SIM_H
#define EXO_TESTS_SIM_STORE_SIM_H

#include "infra/store/store.h"

/* store_new gives a process's client of the database. */
struct store *store_new(struct loop *loop);

#endif /* EXO_TESTS_SIM_STORE_SIM_H */
