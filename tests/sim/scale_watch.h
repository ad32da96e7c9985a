/* scale_watch: stands where the oracle stands in other worlds, and only counts.
 *
 *   broker --stored--> records and bytes by topic     database --committed--> batches, rows
 *   sched_step --wrapped--> steps and their cpu */
#ifndef EXO_TESTS_SIM_SCALE_WATCH_H
#define EXO_TESTS_SIM_SCALE_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/vocab/time.h"

enum scale_topic {
    SCALE_JOBS,
    SCALE_TASKS,
    SCALE_STATUS,
    SCALE_FLEET,
    SCALE_EVENTS,
    SCALE_OTHER,
    SCALE_TOPIC_NR,
};

struct scale_counts {
    struct {
        uint64_t records, bytes;
    } topics[SCALE_TOPIC_NR];
    uint64_t peers;        /* records of exo.status that a scheduler wrote */
    uint64_t transactions; /* told by the database */
    uint64_t batches, pages, segments, journal_bytes;
    uint64_t ended; /* executions whose row says so */
    uint64_t steps, step_cpu_ns;
};

extern struct scale_counts scale_counts;

/* scale_topic_name gives a static name. */
const char *scale_topic_name(enum scale_topic topic);

/* scale_cpu_ns is the cpu time this program has used; of no meaning to the world. */
uint64_t scale_cpu_ns(void);

#endif /* EXO_TESTS_SIM_SCALE_WATCH_H */
