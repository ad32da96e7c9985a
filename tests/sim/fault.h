/* fault: what may go wrong in a world, one table.
 *
 *   name (--faults), how often in a million chances, what it is
 *
 * Each world enables a random part of it (swarm testing), because faults can hide each other. */
#ifndef EXO_TESTS_SIM_FAULT_H
#define EXO_TESTS_SIM_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/dice.h"

/* clang-format off */
#define FAULT_TABLE(X)                                                                             \
    /* of scheduler processes: chances a second */                                                 \
    X(SCHEDULER_CRASH,   "scheduler_crash",    25000, "dies and comes back under another name")    \
    X(SCHEDULER_LEAVE,   "scheduler_leave",    20000, "ends cleanly and comes back")               \
    X(SCHEDULER_PAUSE,   "scheduler_pause",    20000, "stands still for a while")                  \
    X(OUT_OF_MEMORY,     "out_of_memory",        200, "a shard's core gets no memory, once")       \
    /* of workers: chances a second */                                                             \
    X(WORKER_CRASH,      "worker_crash",       25000, "dies with its containers and comes back")   \
    X(WORKER_PAUSE,      "worker_pause",       20000, "falls silent for a while")                  \
    X(WORKER_TWIN,       "worker_twin",        10000, "a second life starts beside the first")     \
    X(WORKER_DRAIN,      "worker_drain",       10000, "drains, leaves and comes back")             \
    X(WORKER_UNPREPARED, "worker_unprepared",  20000, "cannot prepare an attempt: its own fault")  \
    X(WORKER_DISK_FULL,  "worker_disk_full",   30000, "the spool does not take an end")            \
    /* of the database: chances a commit, a request, a second */                                   \
    X(COMMIT_FAILED,     "commit_failed",      30000, "answer FAILED, nothing committed")          \
    X(COMMIT_APPLIED,    "commit_applied",     30000, "answer UNKNOWN, committed")                 \
    X(COMMIT_LOST,       "commit_lost",        30000, "answer UNKNOWN, not committed")             \
    X(COMMIT_LATE,       "commit_late",        20000, "answer UNKNOWN, committed after it")        \
    X(COMMIT_DELAY,      "commit_delay",       30000, "takes seconds")                             \
    X(COMMIT_REFUSED,    "commit_refused",     10000, "answer REFUSED to a batch of many, once")   \
    X(STORE_ERROR,       "store_error",        30000, "a read, round or take-over fails")          \
    X(STORE_OUTAGE,      "store_outage",       20000, "away for seconds; what runs is aborted")    \
    X(STORE_FULL,        "store_full",         15000, "its disk is full: no commit for seconds")   \
    X(STORE_SLOW,        "store_slow",          3000, "a request arrives seconds late")            \
    X(CLOCK_JUMP,        "clock_jump",         20000, "the database's clock jumps")                \
    /* of the broker: chances an append, a delivery, a request, a second */                        \
    X(APPEND_LOST,       "append_lost",        10000, "error, not stored")                         \
    X(APPEND_UNKNOWN,    "append_unknown",     10000, "error, though stored")                      \
    X(APPEND_DELAY,      "append_delay",       10000, "takes seconds")                             \
    X(APPEND_FULL,       "append_full",         5000, "the producer's buffer is full")             \
    X(APPEND_HELD,       "append_held",        10000, "stays in the producer's buffer for seconds") \
    X(RECORD_DOUBLED,    "record_doubled",     20000, "stored a second time, later")               \
    X(OFFSET_GAP,        "offset_gap",         20000, "offsets are not dense")                     \
    X(READER_STALL,      "reader_stall",        3000, "a reader gets nothing for seconds")         \
    X(END_SLOW,          "end_slow",           50000, "the end of a partition comes late")         \
    X(END_FAILED,        "end_failed",         50000, "the end of a partition is not told")        \
    X(BROKER_OUTAGE,     "broker_outage",      15000, "all partitions are away for seconds")       \
    X(PARTITION_OUTAGE,  "partition_outage",   30000, "one partition is away for long")            \
    X(TAIL_LOST,         "tail_lost",          10000, "a partition loses its newest records")      \
    /* of the cache: chances a put */                                                              \
    X(CACHE_DROP,        "cache_drop",         50000, "a view is lost")                            \
    X(CACHE_HANG,        "cache_hang",         30000, "away for seconds: views are lost")          \
    X(CACHE_OLD,         "cache_old",          20000, "an older copy takes over")                  \
    /* of machines, once a world */                                                                \
    X(CLOCK_RATE,        "clock_rate",       1000000, "clocks run at different rates")             \
    X(FEW_PARTITIONS,    "few_partitions",   1000000, "workers share partitions of exo.tasks")     \
    X(BACKLOG,           "backlog",          1000000, "exo.status never comes to an end")          \
    /* strange work: chances an execution */                                                       \
    X(CROWD,             "crowd",            1000000, "most come at one moment, at a bounded rate") \
    X(GARBAGE,           "garbage",           200000, "records that mean nothing")                 \
    X(FOREIGN_PARTITION, "foreign_partition", 300000, "a job on another shard's partition")        \
    X(NO_ID,             "no_id",             100000, "a job without an id")                       \
    X(REPEATED_JOB,      "repeated_job",      200000, "a job submitted again")                     \
    X(CANCEL,            "cancel",            200000, "a cancel at any time")                      \
    X(POISON,            "poison",             50000, "a job the database refuses for good")       \
    X(CRASH_RECORD,      "crash_record",       50000, "a record that kills the process reading it") \
    X(CRASH_INTERNAL,    "crash_internal",     30000, "a grant that kills the process making it")  \
    X(REFUSE_INTERNAL,   "refuse_internal",    50000, "a grant the database refuses for good")     \
    /* of workers again, here so that older seeds stay what they are: chances a second */          \
    X(WORKER_FULL,       "worker_full",        20000, "its disk is full for a while")                       \
    /* chances a satellite, a container of a batch */                                              \
    X(BATCH,             "batch",             300000, "a satellite whose tasks run in batches")    \
    X(BATCH_FAILED,      "batch_failed",       20000, "a batch fails whole, or gives too little")  \
    /* once a world */                                                                             \
    X(SCHEDULE,          "schedule",          400000, "schedules, and what people ask of them")    \
    X(DARK,              "dark",              500000, "no scheduler for minutes, if there are schedules") \
    /* of the database again: chances a second */                                                  \
    X(STALE_REPLICA,     "stale_replica",      15000, "a replica that lags takes over: commits never were") \
    /* chances a satellite of a group */                                                           \
    X(BATCH_INNER,       "batch_inner",       300000, "a satellite inside a group whose tasks run in batches") \
    /* chances an execution */                                                                     \
    X(START_LATER,       "start_later",       200000, "an execution that begins at a time of its own") \
    X(PAUSED,            "paused",            200000, "an execution is paused, and goes on later") \
    X(PRIORITY,          "priority",          200000, "an execution gets another priority") \
    X(SKIPPED,           "skipped",           150000, "tasks that never end get a result by hand") \
    X(RETRIED,           "retried",           150000, "tasks whose next try is far are tried by hand") \
    X(SIGNALLED,         "signalled",         300000, "satellites that wait for a signal") \
    X(APPROVED,          "approved",          150000, "satellites that wait for a person's yes or no") \
    /* chances a group */                                                                          \
    X(WAIT_INNER,        "wait_inner",        500000, "satellites inside a group that wait")       \
    /* chances an execution */                                                                     \
    X(ANSWER_RACED,      "answer_raced",      300000, "a yes or no that comes when its time is over") \
    /* once a world */                                                                             \
    X(DELETED,           "deleted",          1000000, "what has ended is deleted soon, and asked for again") \
    /* of workers: chances a start */                                                              \
    X(WORKER_CLOCK,      "worker_clock",      300000, "its clock was set back: its life looks like an older one") \
    /* chances an execution */                                                                     \
    X(RERUN,             "rerun",             300000, "an execution that has ended is run again") \
    /* of workers once more: chances a second */                                                   \
    X(WORKER_BROKEN,     "worker_broken",      20000, "its machine starts no container for a while") \
    /* once a world */                                                                             \
    X(TRANSACTIONS_SMALL, "transactions_small", 1000000, "transactions take few records, two at once")
/* clang-format on */

enum sim_fault {
#define X(id, name, chance, text) FAULT_##id,
    FAULT_TABLE(X)
#undef X
        FAULT_NR,
};

struct faults {
    struct dice *dice;
    bool is_enabled[FAULT_NR];
    uint32_t boost; /* how much likelier they are than the table says; at least 1 */
    bool is_over;   /* healed: nothing fires any more */
    uint64_t fired[FAULT_NR];
};

/* fault_fires rolls for one chance of a fault and counts it when it fires. */
bool fault_fires(struct faults *faults, enum sim_fault fault);

/* fault_name and fault_text return static strings. */
const char *fault_name(enum sim_fault fault);
const char *fault_text(enum sim_fault fault);

/* fault_find gives a fault by name, FAULT_NR where there is none. */
enum sim_fault fault_find(const char *name);

#endif /* EXO_TESTS_SIM_FAULT_H */
