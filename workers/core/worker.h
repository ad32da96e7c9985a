/* worker: the core of a worker; owns its tickets and every attempt it was handed.
 *
 *   exo.tasks.<class> --RECORD, TASK, KILL-->  +--------+ --REPORT------------> exo.status
 *   exo.fleet --TICK, HEARTBEAT_SEEN-------->  | worker | --HEARTBEAT, LOAN---> exo.fleet
 *   sandbox --PREPARED, STARTED, EXITED----->  |  core  | --PREPARE, START, STOP, COLLECT-->
 * sandbox disk --ADOPT, SPOOLED------------------->  +--------+ --SPOOL_WRITE, SPOOL_DELETE------>
 * disk
 *
 *   JOINING --(readers stand, spool replayed)--> SERVING --DRAIN--> DRAINING --(empty)--> LEFT
 *
 * Without room (ROOM) it serves, but lends no ticket: what it has goes on, what comes is REJECTED,
 * at no cost to the task, so that tasks wait in the scheduler rather than be lost here.
 *
 * UNFIT after WORKER_UNFIT_ROW attempts in a row that it could not start, for its own reasons and
 * not for theirs: it lends one ticket now and then, and is fit again when an attempt starts
 * (worker_health.c).
 *
 * Pure: one door, worker_step. Memory is taken from the given allocator once, at worker_new; no
 * step allocates. Rules: docs/architecture.md ("Tickets", "Losing attempts").
 *
 * claim: strict needs nothing here: a Task names our incarnation and spends a loan that memory
 * alone knows, so it is a grant that is honoured once. What is lost after it is the scheduler's to
 * judge. A grant apart from the Task would be waited for between READY and STARTING. */
#ifndef EXO_WORKERS_CORE_WORKER_H
#define EXO_WORKERS_CORE_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/vocab/arena.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/ids.h"
#include "schemas/vocab/span.h"
#include "schemas/vocab/time.h"
#include "workers/core/slot.h"

enum {
    WORKER_CLASSES_MAX = 8,
    WORKER_LENDERS_MAX = 64,     /* scheduler processes with tickets of ours */
    WORKER_SLOTS_MAX = 4096,     /* settings->slots and prefetch, each */
    WORKER_SHARDS_MAX = 16384,   /* settings->shard_nr */
    WORKER_SILENCE_TICKS = 15,   /* default of silence_ticks */
    WORKER_LOOK_SECONDS = 1,     /* signs of progress are looked for at least as often */
    WORKER_REJECTED_SLOTS = 128, /* unacknowledged REJECTED kept beside the window */
    WORKER_UNFIT_ROW = 3,        /* failures in a row, each of a cause of its own */
};

struct worker_settings {
    uint64_t incarnation;  /* new at each start */
    uint32_t slots;        /* containers at once, >= 1 */
    uint32_t prefetch;     /* tickets beyond: 4,096 for null, 1 for containers */
    uint32_t class_nr;     /* 1 .. WORKER_CLASSES_MAX */
    uint32_t shard_nr;     /* shards of the installation */
    uint64_t memory_bytes; /* for containers together; 0: not counted */
    uint64_t cpu_millis;   /* of the machine, for heartbeats only */
    /* ACCEPTED waits for the next heartbeat and is left out when FINISHED comes first. For
     * sandboxes whose attempts end at once. */
    bool merges_accepted;
    bool spools;             /* FINISHED is written to disk before it is sent */
    exo_time heartbeat_ns;   /* 0: 1 s */
    exo_time prepare_max_ns; /* of image and input; 0: 15 min */
    uint32_t silence_ticks;  /* 0: WORKER_SILENCE_TICKS */
};

enum worker_event_kind {
    WORKER_ON_OPENED,         /* the reader of a class stands at its captured end */
    WORKER_ON_ADOPT,          /* a FINISHED of an earlier life, from the spool */
    WORKER_ON_SPOOL_END,      /* the spool holds nothing more */
    WORKER_ON_RECORD,         /* a record of a class was read; what is in it for us follows */
    WORKER_ON_TASK,           /* one Task of it */
    WORKER_ON_KILL,           /* one Kill of it */
    WORKER_ON_DRAIN,          /* take no more; end when empty */
    WORKER_ON_ROOM,           /* whether the machine has room for another attempt */
    WORKER_ON_TICK,           /* a scheduler process lives */
    WORKER_ON_HEARTBEAT_SEEN, /* a heartbeat of ours came back from the log */
    WORKER_ON_PREPARED,
    WORKER_ON_UNPREPARED, /* end says whose fault it is */
    WORKER_ON_STARTED,
    WORKER_ON_PROGRESS, /* the attempt gave a sign of life */
    WORKER_ON_EXITED,
    WORKER_ON_COLLECTED, /* end is EXITED when output and log are in */
    WORKER_ON_SPOOLED,   /* written, or not to be written: sent in either case */
    WORKER_ON_REPORT_ACKED,
    WORKER_ON_REPORT_FAILED,
    WORKER_ON_TIMER, /* worker_deadline has come */
    WORKER_EVENT_NR,
};

/* A record of a tasks topic. Others' records count for the position only. */
struct worker_on_record {
    uint32_t class_index;
    int64_t offset;
    bool is_ours; /* it names us and our incarnation */
    uint32_t shard;
    uint64_t epoch;
    uint64_t sequence;
};

struct worker_on_task {
    uint32_t class_index;
    int64_t offset; /* of its record */
    uint32_t shard;
    struct span process; /* borrowed for the step */
    struct task_id task;
    uint32_t attempt;
    uint32_t ticket;
    uint64_t lend;
    exo_time timeout_ns;   /* of one run; 0: none */
    exo_time heartbeat_ns; /* between two signs of progress of a run; 0: none */
    exo_time grace_ns;
    uint64_t memory_bytes; /* 0: no limit, nothing is counted */
    uint32_t cpu_millis;
};

struct worker_on_kill {
    struct task_id task;
    uint32_t attempt;
    exo_time grace_ns; /* < 0: as the Task said */
};

struct worker_on_drain {
    exo_time deadline_in_ns; /* what still runs then is stopped and handed back; NEVER: none */
};

struct worker_on_tick {
    struct span process; /* borrowed for the step */
    uint64_t number;
    uint64_t demand; /* tasks of our classes that wait there for a ticket */
    bool is_leaving;
};

/* Of ADOPT: what the spool held. */
struct worker_on_adopt {
    uint64_t incarnation;
    uint32_t shard;
    struct task_id task;
    uint32_t attempt;
    enum attempt_outcome outcome;
    int exit_status;
};

/* Of PREPARED, UNPREPARED, STARTED, PROGRESS, EXITED, COLLECTED, SPOOLED. */
struct worker_on_slot {
    struct slot_handle slot;
    enum attempt_end end; /* UNPREPARED, EXITED, COLLECTED */
    /* UNPREPARED with ATTEMPT_BROKEN: what did not come, an image for instance, as a number that
     * is the same for the same thing; 0: the machine itself. */
    uint64_t cause;
    int exit_status; /* EXITED with ATTEMPT_EXITED */
    bool has_news;   /* PROGRESS: it also says something new, which is to be told */
};

/* Names one REPORT action until it is acknowledged or has failed. */
struct worker_report_id {
    struct slot_handle slot;
    bool is_last; /* FINISHED or REJECTED; else ACCEPTED, STARTED or PROGRESS */
    bool is_started;
    bool is_progress;
};

struct worker_event {
    enum worker_event_kind kind;
    union {
        struct {
            uint32_t class_index;
            int64_t position; /* offset of the next record */
        } opened;
        struct worker_on_adopt adopt;
        struct worker_on_record record;
        struct worker_on_task task;
        struct worker_on_kill kill;
        struct worker_on_drain drain;
        struct {
            bool is_full;
        } room;
        struct worker_on_tick tick;
        struct worker_on_slot slot;
        struct worker_report_id report;
    };
};

enum worker_action_kind {
    WORKER_DO_REPORT,  /* append to the status partition of the shard */
    WORKER_DO_PREPARE, /* only in the step of the slot's TASK: image, input, BEGUN in the spool */
    WORKER_DO_START,   /* the container */
    WORKER_DO_STOP,    /* SIGTERM, then SIGKILL after the grace */
    WORKER_DO_COLLECT, /* output and log */
    WORKER_DO_SPOOL_WRITE,  /* FINISHED */
    WORKER_DO_SPOOL_DELETE, /* all that the spool holds of the slot */
    WORKER_DO_FORGET,       /* the slot is free again: last word about its handle */
    WORKER_DO_HEARTBEAT,    /* see worker_heartbeat */
    WORKER_DO_LOAN,         /* tickets went to a process: tell exo.fleet now */
    WORKER_DO_LEAVE,        /* nothing is left; the heartbeat before it is the last */
    WORKER_ACTION_NR,
};

enum worker_report_kind {
    WORKER_ACCEPTED = 1,
    WORKER_REJECTED,
    WORKER_STARTED,
    WORKER_PROGRESS, /* what it says is whoever gave PROGRESS to know */
    WORKER_FINISHED, /* the numbers of status.proto */
};

struct worker_report {
    struct worker_report_id id;
    enum worker_report_kind kind;
    uint32_t shard;
    uint64_t incarnation; /* whose report it is */
    struct task_id task;
    uint32_t attempt;
    uint32_t ticket;
    uint64_t lend;    /* of the loan spent; 0: no ticket comes back */
    struct span next; /* process that has the ticket next, empty: none; valid until the next step */
    uint64_t next_lend;
    uint64_t heartbeat;           /* number of the last heartbeat before this */
    enum attempt_outcome outcome; /* FINISHED */
    int exit_status;
    /* Static; NULL: none, or (outcome not SUCCEEDED) whoever reported the end has the words. */
    const char *error;
};

struct worker_loan {
    struct span process;     /* valid until the next step, as all of it */
    const uint32_t *tickets; /* count of them, each with its lend */
    const uint64_t *lends;
    uint32_t count;
};

struct worker_running {
    struct task_id task;
    uint32_t attempt;
};

/* All valid until the next step. */
struct worker_heartbeat {
    uint64_t number;
    bool is_draining;
    bool is_leaving;
    uint32_t slots;
    uint32_t window;
    uint64_t cpu_millis, cpu_free_millis; /* free: less what every attempt not yet ended needs */
    uint64_t memory_bytes, memory_free_bytes;
    const struct worker_running *running;
    uint32_t running_count;
    int64_t position; /* the least of positions */
    /* By class: below it every Task of its topic is answered. */
    int64_t positions[WORKER_CLASSES_MAX];
    const struct worker_loan *loans; /* idle tickets by process; spent ones are not lent */
    uint32_t loan_count;
};

struct worker_action {
    enum worker_action_kind kind;
    struct slot_handle slot; /* of all but HEARTBEAT, LOAN and LEAVE */
    exo_time grace_ns;       /* STOP; 0: SIGKILL at once */
    union {
        struct worker_report report;
        const struct worker_heartbeat *heartbeat;
        struct worker_loan loan;
    };
};

/* What one step wants done, in this order. items belong to the worker; each step overwrites them.
 */
struct worker_actions {
    const struct worker_action *items;
    uint32_t count;
};

enum worker_err {
    WORKER_OK = 0,
    WORKER_ESTALE = -1,    /* late, repeated or not for us: counted, changes nothing. After RECORD:
                            * leave out what is in it */
    WORKER_EREJECTED = -2, /* TASK: refused; a REJECTED is among the actions */
    WORKER_EFULL = -3,     /* TASK: dropped, the position tells; ADOPT: again after an ack */
};

/* Since worker_new. */
struct worker_counts {
    uint64_t stale_records, stale_events;
    uint64_t accepted, rejected, dropped, repeated, superseded;
    uint64_t ended[ATTEMPT_OUTCOME_NR];
    uint64_t reports_failed;
    uint64_t heartbeats, loans;
    uint64_t lenders_lost, lenders_refused;
    uint64_t unfit; /* how often it became so */
};

enum worker_phase { WORKER_JOINING, WORKER_SERVING, WORKER_DRAINING, WORKER_LEFT };

/* What /readyz, /metrics and a person want to know. */
struct worker_facts {
    enum worker_phase phase;
    bool is_full; /* as ROOM said last */
    bool is_unfit;
    uint32_t waiting, placed, ending; /* slots before, in and after their place */
    uint32_t tickets_idle, tickets_spent;
    uint32_t lenders;
    struct worker_counts counts;
};

struct worker;

/* worker_new makes the core of a worker, in JOINING.
 * settings   borrowed; within the limits above (asserted)
 * allocator  kept until worker_free; used by these two only
 * Gives it, or NULL when the allocator's bound is reached. */
EXO_CHECKED struct worker *worker_new(const struct worker_settings *settings,
                                      struct allocator allocator);

/* worker_free gives all memory back. NULL is allowed. */
void worker_free(struct worker *worker);

/* worker_step gives one event at time now_ns of the loop's clock, which must not go backwards.
 *
 * event        borrowed for the call
 * ret_actions  out: to be done in order before the next step; also filled on an error
 *
 * Returns WORKER_OK or one of enum worker_err. After WORKER_OK for a TASK, the first action is
 * PREPARE or the ACCEPTED of the slot that now holds it. */
enum worker_err worker_step(struct worker *worker, const struct worker_event *event,
                            exo_time now_ns, struct worker_actions *ret_actions);

/* worker_deadline tells when WORKER_ON_TIMER is due; EXO_TIME_NEVER: not at all. It may be earlier
 * than needed, never later. */
exo_time worker_deadline(const struct worker *worker);

/* worker_facts fills *ret_facts. Cost O(slots). */
void worker_facts(const struct worker *worker, struct worker_facts *ret_facts);

/* worker_is_unfit is true while attempts cannot be started here. O(1). */
bool worker_is_unfit(const struct worker *worker);

/* worker_window is slots + prefetch; worker_slot_nr is above every slot index in a handle. */
uint32_t worker_window(const struct worker *worker);
uint32_t worker_slot_nr(const struct worker *worker);

/* worker_slot borrows a slot by index, for tests and traces; below worker_slot_nr (asserted). */
const struct slot *worker_slot(const struct worker *worker, uint32_t index);

/* worker_check asserts every invariant. Cost O(slots + tickets * processes). */
void worker_check(const struct worker *worker);

/* worker_event_name and worker_action_name return a static word, never NULL. */
const char *worker_event_name(enum worker_event_kind kind);
const char *worker_action_name(enum worker_action_kind kind);

#endif /* EXO_WORKERS_CORE_WORKER_H */
