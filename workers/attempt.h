/* attempt: one attempt on this machine, between the core's decisions and the adapters.
 *
 *              prepare                    start                 collect            spool
 *   image ----+                        +----------+  exit   output -> judge -> blob
 *   grants ---+--> PREPARED --start--> | sandbox  | ------> log -> zstd -> blob --> COLLECTED
 *   input ----+                        +----------+
 *   BEGUN file                          | on_log -> log_ship, on_progress -> PROGRESS
 *
 * Does what it is told and says what came of it through host->event; decides nothing. An attempt
 * that is forgotten while something is still under way is freed when that has ended.
 * One thread, the loop's; files are read, written and compressed on others. */
#ifndef EXO_WORKERS_ATTEMPT_H
#define EXO_WORKERS_ATTEMPT_H

#include "infra/log/log.h"
#include "infra/loop/loop.h"
#include "schemas/wire/status.h"
#include "schemas/wire/task.h"
#include "workers/attempt_api.h"
#include "workers/contract.h"
#include "workers/core/worker.h"
#include "workers/grants.h"
#include "workers/sandbox/sandbox.h"
#include "workers/spool.h"

struct attempt;
struct image_store;    /* workers/image/image.h */
struct artefact_store; /* workers/artefact_store.h */

/* Attempts that are not freed yet, forgotten ones too. */
struct attempt_count {
    uint32_t alive;
    bool is_none; /* alive is 0: for loop_run_until */
};

/* What all attempts of a worker share; kept by each of them. */
struct attempt_host {
    struct loop *loop;
    struct sandbox *sandbox;
    bool is_dry;                      /* the null sandbox: no image, no input, nothing on disk */
    struct image_store *images;       /* NULL when dry */
    struct artefact_store *artefacts; /* NULL when dry, or without an API */
    struct attempt_api *api;          /* NULL: this worker knows no API */
    struct spool *spool;              /* NULL when dry */
    struct log *logs;                 /* for exo.logs; NULL: nobody can follow */
    uint32_t logs_partitions;
    struct grant_settings grants;
    const char *work_dir; /* for inputs too large for memory; NULL when dry */
    struct span worker;
    uint64_t incarnation;
    uint32_t pids_max;
    struct attempt_count *count;
    /* Takes an event for the core; may be called from inside the functions below. */
    void (*event)(void *argument, const struct worker_event *event);
    /* Takes a write below the worker's directory that was refused. */
    void (*refused)(void *argument, const struct exo_error *err);
    void *argument;
};

/* attempt_new makes the record of a Task that the core has admitted. Never NULL.
 * slot      its handle, in every event
 * contract  one more user of it; NULL: the definition was refused, with the reason in refusal
 * refusal   C string, copied; read only without a contract
 * task      borrowed */
struct attempt *attempt_new(const struct attempt_host *host, struct slot_handle slot,
                            uint32_t shard, const struct task_id *id, const struct wire_task *task,
                            struct contract *contract, const char *refusal);

/* Each does what the core's action of that name says; PREPARED or UNPREPARED, STARTED and EXITED,
 * COLLECTED and SPOOLED follow as events, at once or later. */
void attempt_prepare(struct attempt *attempt);
void attempt_start(struct attempt *attempt);
void attempt_stop(struct attempt *attempt, exo_time grace_ns);
void attempt_collect(struct attempt *attempt);
void attempt_spool_write(struct attempt *attempt, const struct worker_report *report);
void attempt_spool_delete(struct attempt *attempt);

/* attempt_fill_report fills in what a FINISHED says beyond the core's report: output, log, figures
 * and the error's words. Borrowed by *report until attempt_forget. */
void attempt_fill_report(const struct attempt *attempt, struct wire_report *report);

/* attempt_fill_progress fills in what a PROGRESS says. Borrowed by *report until the next sign of
 * progress. */
void attempt_fill_progress(const struct attempt *attempt, struct wire_report *report);

/* attempt_error gives the words for how it ended; "" for none. Borrowed until attempt_forget. */
const char *attempt_error(const struct attempt *attempt);

/* attempt_forget gives the attempt up; NULL is allowed. Its container must have ended. */
void attempt_forget(struct attempt *attempt);

/* attempt_abandon is attempt_forget after sandbox_close, which ended the container without a
 * word. */
void attempt_abandon(struct attempt *attempt);

/* report_of_core turns a report of the core into one of the wire, without what attempt_fill_report
 * adds. Spans are borrowed from the core's report. */
struct wire_report report_of_core(const struct worker_report *report);

#endif /* EXO_WORKERS_ATTEMPT_H */
