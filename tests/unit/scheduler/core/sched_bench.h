/* sched_bench: one shard's core with a cluster, a worker and a clock, for its tests. */
#ifndef EXO_TESTS_SCHED_BENCH_H
#define EXO_TESTS_SCHED_BENCH_H

#include "scheduler/core/sched.h"

struct sched_bench {
    struct heap_budget budget;
    struct arena arena; /* of the cluster, and of what events point to */
    struct fleet *fleet;
    struct dispatch *dispatch;
    struct sched *sched;
    struct definition definition;
    struct execution_id id;
    exo_time now_ns;
};

/* bench_open makes a core over a cluster (YAML) with worker "w" that lends 16 tickets of class
 * "default" to us. */
void bench_open(struct sched_bench *bench, const char *cluster);
void bench_close(struct sched_bench *bench);

/* bench_submit submits one execution with this input. */
void bench_submit(struct sched_bench *bench, const char *input);

/* bench_step gives an event at the bench's time and checks the core. */
enum sched_err bench_step(struct sched_bench *bench, const struct sched_event *event);

/* bench_grant hands out whatever the queue gives. Returns the count of tasks. */
uint32_t bench_grant(struct sched_bench *bench);

/* bench_report says something about the task of a satellite's current attempt. */
enum sched_err bench_report(struct sched_bench *bench, uint32_t satellite, uint32_t index,
                            enum wire_report_kind kind, enum wire_outcome outcome);

/* bench_state is the state of a satellite's task; of one that is gone: the last one seen. */
enum task_state bench_state(struct sched_bench *bench, uint32_t satellite);

#endif /* EXO_TESTS_SCHED_BENCH_H */
