/* truncate: a broker that comes back without its newest records, and what people do about it. */
#ifndef EXO_TESTS_SIM_TRUNCATE_H
#define EXO_TESTS_SIM_TRUNCATE_H

struct broker_partition;

/* truncate_inputs takes records off the tail of a random partition of exo.jobs or exo.status. */
void truncate_inputs(void);

#endif /* EXO_TESTS_SIM_TRUNCATE_H */
