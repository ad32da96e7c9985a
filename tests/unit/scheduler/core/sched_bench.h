/* sched_bench: one shard's core with a cluster, a worker and a clock, for its tests. */
#ifndef EXO_TESTS_SCHED_BENCH_H
#define EXO_TESTS_SCHED_BENCH_H

#include "scheduler/core/sched.h"

/* How the clusters of stories begin. */
#define BENCH_HEAD                                                                                 \
    "exosphere: v1\n"                                                                              \
    "cluster:\n"                                                                                   \
    "  name: story\n"                                                                              \
    "  defaults: {image: \"oci:x\"}\n"

struct sched_bench {
    struct heap_budget budget;
    struct arena arena; /* of the cluster, and of what events point to */
    struct fleet *fleet;
    struct dispatch *dispatch;
    struct sched *sched;
    struct definition definition;
    struct execution_id id;
    exo_time now_ns;
    int32_t exit_status; /* of the attempts that fail */
    const char *control; /* control.json of those that succeed; NULL: none */
    /* Once it has ended: */
    enum execution_state ended;
    char output[256];
    /* What sealed batches held: results of tasks, and the values that are waited for. */
    struct bench_output {
        uint32_t number;
        struct wire_output output;
    } outputs[64];
    uint32_t output_count;
    struct sched_need needs[16];
    uint32_t need_count;
};

/* bench_open makes a core over a cluster (YAML) with worker "w" that lends 16 tickets of class
 * "default" to us. */
void bench_open(struct sched_bench *bench, const char *cluster);
void bench_close(struct sched_bench *bench);

/* bench_open_small is bench_open with steps that change at most so many tasks. */
void bench_open_small(struct sched_bench *bench, const char *cluster, uint32_t step_tasks);

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

/* bench_task_state is the state of what a path names: a satellite, or one task or run of it. */
enum task_state bench_task_state(struct sched_bench *bench, const char *path);

/* bench_finish reports the end of the current attempt of the task that a path names. */
enum sched_err bench_finish(struct sched_bench *bench, const char *path, enum wire_outcome outcome,
                            const char *output);

/* bench_succeed and bench_fail_at are bench_finish of an attempt that is current (asserted). */
void bench_succeed(struct sched_bench *bench, const char *path, const char *output);
void bench_fail_at(struct sched_bench *bench, const char *path);

/* bench_command gives a command for the execution (its id is filled in). */
enum sched_err bench_command(struct sched_bench *bench, const struct sched_command *command);
void bench_cancel(struct sched_bench *bench);

/* bench_timer and bench_barrier say that time has passed, and that all input up to now was read. */
void bench_timer(struct sched_bench *bench);
void bench_barrier(struct sched_bench *bench);

/* bench_seal commits the open batch: its results can be fetched from then on. */
void bench_seal(struct sched_bench *bench);

/* bench_values answers what is waited for, from what has been sealed. */
void bench_values(struct sched_bench *bench);

#endif /* EXO_TESTS_SCHED_BENCH_H */
