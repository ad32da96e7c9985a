/* operator: a person who looks after the installation: shards that stand still are resumed. */
#ifndef EXO_TESTS_SIM_OPERATOR_H
#define EXO_TESTS_SIM_OPERATOR_H

#include <stdint.h>

/* operator_begin opens a process of its own for what it does. */
void operator_begin(void);

/* operator_resume does what `exosphere shard resume` does, unless it is under way. */
void operator_resume(uint32_t shard);

#endif /* EXO_TESTS_SIM_OPERATOR_H */
