/* worker_trial: a worker role over a log in memory, with a stand-in for the schedulers that lends
 * an ear to everything the worker says and hands it Tasks.
 *
 *   trial_task --> exo.tasks.default --> worker --> exo.status, exo.fleet --> trial->reports, beat
 */
#ifndef EXO_TESTS_WORKER_TRIAL_H
#define EXO_TESTS_WORKER_TRIAL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "infra/log/log.h"
#include "infra/loop/loop.h"
#include "schemas/wire/fleet.h"
#include "schemas/wire/status.h"
#include "schemas/wire/task.h"
#include "schemas/wire/topics.h"
#include "workers/role.h"

enum { TRIAL_SHARDS = 2, TRIAL_REPORTS_MAX = 4096, TRIAL_TICKETS_MAX = 8192 };

/* A report as it was read; spans live in the trial's arena. */
struct trial_report {
    uint32_t shard;
    uint64_t incarnation;
    struct wire_report report;
};

struct trial {
    struct loop *loop;
    struct log *log;
    struct log *logs; /* where output goes; NULL: to log */
    struct worker_role_settings settings;
    struct worker_role *role;
    bool has_ended;
    struct exo_error ended;

    struct heap_budget budget;
    struct arena arena;
    struct log_reader *readers[TRIAL_SHARDS + 1];
    struct trial_shard {
        struct trial *trial;
        uint32_t shard;
    } shards[TRIAL_SHARDS];
    struct trial_report reports[TRIAL_REPORTS_MAX];
    uint32_t report_count;
    uint32_t chunk_count; /* of logs */

    uint64_t incarnation; /* of the last heartbeat */
    uint32_t partition;
    uint64_t beats;
    struct wire_heartbeat beat; /* the last; its spans are gone */
    bool is_leaving;
    uint64_t lends[TRIAL_TICKETS_MAX]; /* lent to us and not spent; 0: not ours */
    uint32_t lent;
    uint64_t ticks;
    uint64_t sequence;
    struct digest big_digest; /* of satellites.big.output in the Tasks' context */
    uint64_t big_bytes;
    int64_t timeout_ms, heartbeat_ms; /* of the Tasks */
    struct loop_timer *ticker;

    bool (*until)(struct trial *trial, uint32_t number);
    uint32_t until_number;
    bool is_done;
    struct loop_timer *checker;
};

/* trial_open makes loop, log and readers, without a worker. */
void trial_open(struct trial *trial);

/* trial_logs gives output of attempts a log of its own, t->logs; before trial_start. */
void trial_logs(struct trial *t);

/* trial_start starts a worker with trial->settings; fails the test when it cannot. */
void trial_start(struct trial *trial);

/* trial_end stops it and frees all: the log goes first. trial_crash stops the worker only, as a
 * kill would: nothing is said. The log lives on. */
void trial_end(struct trial *trial);
void trial_crash(struct trial *trial);

/* trial_wait runs the loop until the condition holds, 20 s at most; what: for the failure. */
void trial_wait(struct trial *trial, bool (*until)(struct trial *trial, uint32_t number),
                uint32_t number, const char *what);

/* Conditions. */
bool trial_has_tickets(struct trial *trial, uint32_t number);  /* at least so many are lent to us */
bool trial_has_reports(struct trial *trial, uint32_t number);  /* at least so many */
bool trial_has_finished(struct trial *trial, uint32_t number); /* so many FINISHED */
bool trial_has_beats(struct trial *trial, uint32_t number);
bool trial_has_progress(struct trial *trial, uint32_t number); /* so many PROGRESS of task 0 */
bool trial_has_left(struct trial *trial, uint32_t number);

/* trial_execution is the id of all Tasks. */
extern const struct execution_id trial_execution;

/* trial_task sends one Task of a satellite with that definition, on any ticket we have. */
void trial_task(struct trial *trial, const char *definition, uint32_t index, uint32_t attempt);

/* trial_send sends a record as it is, completed by worker, incarnation, epoch and sequence where
 * they are 0. */
void trial_send(struct trial *trial, struct wire_task_record *record);

/* trial_ticket takes any ticket that is lent to us. */
uint32_t trial_ticket(struct trial *trial, uint64_t *ret_lend);

/* trial_report finds the last report of that kind about a task; fails the test when there is
 * none. */
const struct trial_report *trial_report(const struct trial *trial, enum wire_report_kind kind,
                                        uint32_t index);

/* trial_count counts the reports of a kind about a task. */
uint32_t trial_count(const struct trial *trial, enum wire_report_kind kind, uint32_t index);

#endif /* EXO_TESTS_WORKER_TRIAL_H */
