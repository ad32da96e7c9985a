/* slot: what a worker holds of one attempt, from its Task to the acknowledged FINISHED.
 *
 *          TASK             PREPARED          PLACED             STARTED
 *   FREE ------> PREPARING ---------> READY ---------> STARTING ---------> RUNNING
 *    ^ |             |                  |                  |                |   | STOP
 *    | | TASK,       | UNPREPARED,      | STOP             | EXITED         |   v
 *    | | refused     | STOP             |                  |         EXITED | STOPPING
 *    | v             |                  |                  v                v   | EXITED
 *    | REJECTED      |                  |               COLLECTING <--------+---+
 *    |   |           |                  |                  | COLLECTED
 *    |   | ACKED     v                  v        SPOOLED   v
 *    +---+-------- FINISHED <----------------------------- SPOOLING
 *
 * A place is held from STARTING to the exit: at most `slots` at once; everything before waits,
 * everything after only ends. STOP while STARTING is remembered and done at STARTED. PROGRESS is
 * taken in RUNNING only and changes no state.
 * Pure: reads no clock, does no I/O, allocates nothing. */
#ifndef EXO_WORKERS_CORE_SLOT_H
#define EXO_WORKERS_CORE_SLOT_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/vocab/checked.h"
#include "schemas/vocab/ids.h"
#include "schemas/vocab/time.h"

enum slot_state {
    SLOT_FREE,
    SLOT_REJECTED,   /* the REJECTED of a Task that was refused is not acknowledged yet */
    SLOT_PREPARING,  /* image and input are being made ready */
    SLOT_READY,      /* waits for a place */
    SLOT_STARTING,   /* the sandbox was asked */
    SLOT_RUNNING,    /* the container runs */
    SLOT_STOPPING,   /* it was told to end */
    SLOT_COLLECTING, /* it has ended; output and log are taken in and sent up */
    SLOT_SPOOLING,   /* FINISHED is being written to disk */
    SLOT_FINISHED,   /* FINISHED is not acknowledged yet */
    SLOT_STATE_NR,
};

enum slot_input {
    SLOT_PREPARED,
    SLOT_UNPREPARED,
    SLOT_PLACED,
    SLOT_STARTED,
    SLOT_PROGRESS,
    SLOT_EXITED,
    SLOT_COLLECTED,
    SLOT_SPOOLED,
    SLOT_STOP,
    SLOT_ACKED, /* the last word about the attempt is in the log */
    SLOT_INPUT_NR,
};

/* What slot_next answers where the input does not fit the state. */
enum { SLOT_STALE = -1 };

/* slot_next looks up the table above.
 * state, input  within their enums (asserted)
 * Returns the next state, which may be the same one, or SLOT_STALE. */
EXO_CHECKED int slot_next(enum slot_state state, enum slot_input input);

/* slot_state_name and slot_input_name return a static word, never NULL. */
const char *slot_state_name(enum slot_state state);
const char *slot_input_name(enum slot_input input);

/* slot_is_coming is true before it has a place. */
bool slot_is_coming(enum slot_state state);

/* slot_holds_place is true while a container of it may be on the machine. */
bool slot_holds_place(enum slot_state state);

/* slot_is_listed is true when heartbeats name the attempt. */
bool slot_is_listed(enum slot_state state);

/* How an attempt's container, or the try to get one, ended. */
enum attempt_end {
    ATTEMPT_EXITED,        /* with an exit status */
    ATTEMPT_SIGNALLED,     /* by a signal that was not ours */
    ATTEMPT_OUT_OF_MEMORY, /* above its own limit */
    ATTEMPT_FAULTY,        /* bad output, a file too large: another try may mend it */
    ATTEMPT_REFUSED,       /* no try can mend it: no such command, an invalid definition */
    ATTEMPT_BROKEN,        /* the machine's fault, not the attempt's */
    ATTEMPT_END_NR,
};

/* Why we told it to end. */
enum stop_reason {
    STOP_NONE,
    STOP_KILLED,     /* a Kill came */
    STOP_TIMED_OUT,  /* it ran longer than its timeout */
    STOP_SILENT,     /* it gave no sign of progress for longer than its heartbeat */
    STOP_DRAINED,    /* the worker goes away */
    STOP_SUPERSEDED, /* a newer attempt of the same task was handed to us */
    STOP_REASON_NR,
};

/* The exit statuses with a meaning (interfaces.md 3). */
enum { EXIT_STATUS_DONE = 0, EXIT_STATUS_NEVER_AGAIN = 65, EXIT_STATUS_LATER = 75 };

/* The outcome of an attempt; the numbers are those of schemas/proto/exo/v1/status.proto. */
enum attempt_outcome {
    ATTEMPT_UNKNOWN,
    ATTEMPT_SUCCEEDED,
    ATTEMPT_FAILED,
    ATTEMPT_NEVER_AGAIN,
    ATTEMPT_LATER,
    ATTEMPT_TIMED_OUT,
    ATTEMPT_CANCELLED,
    ATTEMPT_LOST,
    ATTEMPT_OUTCOME_NR,
};

/* attempt_outcome decides what an attempt came to.
 *
 * stop         what we did to it first; wins over how it ended
 * end          how it ended
 * exit_status  0 .. 255, of ATTEMPT_EXITED only
 * ret_error    out: a static sentence for people that begins with a code, such as
 *              "OUT_OF_MEMORY: ..."; NULL when it succeeded, or when the one who reported the end
 *              has the words (FAULTY, REFUSED, BROKEN or another status without a stop)
 * Returns the outcome, never ATTEMPT_UNKNOWN. Source: interfaces.md 3. */
enum attempt_outcome attempt_outcome(enum stop_reason stop, enum attempt_end end, int exit_status,
                                     const char **ret_error);

/* attempt_outcome_name returns a static word such as "succeeded", never NULL. */
const char *attempt_outcome_name(enum attempt_outcome outcome);

/* Names one use of a slot: a slot's generation grows each time it is taken. */
struct slot_handle {
    uint32_t index;
    uint32_t generation;
};

/* One slot. Owned and changed by the worker core only. */
struct slot {
    enum slot_state state;
    uint32_t generation;
    struct task_id task;
    uint32_t attempt;
    uint32_t shard;
    uint64_t incarnation; /* whose FINISHED it is: ours, or an earlier life's (adopted) */

    uint32_t ticket;
    uint64_t lend;       /* the loan that was spent; 0: none */
    int32_t next_lender; /* FINISHED, REJECTED: who got the ticket with it; -1: nobody */
    uint64_t next_lend;

    uint32_t class_index;
    int64_t offset;             /* of the Task in the partition of its class */
    bool is_accepted_sent;      /* ACCEPTED is on its way or in the log */
    bool is_answered;           /* an answer to the Task is in the log */
    bool is_report_due;         /* the last word must be sent again */
    bool is_progress_due;       /* there is progress that was not told yet */
    bool is_spooled;            /* something of it may be in the spool */
    bool is_adopted;            /* of an earlier life */
    const char *reject;         /* REJECTED: a static sentence */
    enum stop_reason stop;      /* first reason */
    enum attempt_end end;       /* once it has ended */
    int exit_status;            /* of ATTEMPT_EXITED */
    enum attempt_outcome ended; /* UNKNOWN until decided */
    const char *error;          /* static, or NULL */

    exo_time timeout_ns;   /* of one run; 0: none */
    exo_time heartbeat_ns; /* between two signs of progress; 0: none */
    exo_time grace_ns;     /* between SIGTERM and SIGKILL */
    exo_time deadline_ns;  /* when the worker must look at it again; NEVER: no time is set */
    exo_time run_end_ns;   /* RUNNING: when its timeout is over; NEVER */
    exo_time silence_ns;   /* RUNNING: when it has been silent for too long; NEVER */
    exo_time told_ns;      /* when its progress was told last */
    uint64_t memory_bytes;
    uint32_t cpu_millis;

    int32_t next, previous; /* in the list of free or of ready slots; -1: end */
    int32_t chain;          /* next slot in the same bucket of the index; -1: end */
};

#endif /* EXO_WORKERS_CORE_SLOT_H */
