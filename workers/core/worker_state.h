/* worker_state: the inside of struct worker, for the sources of this core only.
 *
 *   worker.c        the door: events, phases, heartbeats, loans
 *   worker_slots.c  the slots: taking, finding, moving through their states, reporting
 *   worker_slots_check.c  what always holds of them
 *   worker_health.c  whether attempts can be started here
 *
 * Pure. */
#ifndef EXO_WORKERS_CORE_WORKER_STATE_H
#define EXO_WORKERS_CORE_WORKER_STATE_H

#include "workers/core/ticket.h"
#include "workers/core/worker.h"

/* The newest record of a shard that a class's partition has shown. */
struct record_mark {
    uint64_t epoch;
    uint64_t sequence;
};

struct slot_list {
    int32_t first, last; /* -1: empty */
    uint32_t count;
};

/* What the last attempts say of the machine. */
struct health {
    uint32_t failed; /* in a row, each of a cause of its own */
    uint64_t causes[WORKER_UNFIT_ROW];
    bool is_unfit;
    bool has_turned;   /* in this step */
    exo_time probe_ns; /* unfit: when the next ticket is lent */
    exo_time wait_ns;  /* from that one to the next */
};

struct worker {
    struct worker_settings settings;
    struct arena arena; /* holds this struct and everything below */
    enum worker_phase phase;
    bool is_full; /* the machine has no room: nothing is lent */
    struct health health;
    exo_time now_ns;   /* of the present step */
    exo_time awake_ns; /* since when steps have come as often as they should */

    struct slot *slots;
    uint32_t slot_nr;
    struct slot_list free;
    struct slot_list ready;
    int32_t *buckets; /* first slot of each, by hash of (execution, instance, index); -1: none */
    uint32_t bucket_mask;
    uint32_t placed;      /* slots that hold a place */
    uint32_t rejected;    /* slots in REJECTED */
    uint32_t adopted;     /* slots of an earlier life */
    uint64_t memory_used; /* by slots that hold a place */

    struct ticket_table tickets;
    struct ticket_move *moves; /* window of them; scratch */

    struct record_mark *marks; /* class_nr * shard_nr */
    uint64_t *epochs;          /* highest seen, by shard */
    int64_t positions[WORKER_CLASSES_MAX];
    bool is_opened[WORKER_CLASSES_MAX];
    uint32_t opened;
    bool is_spool_read;

    uint64_t heartbeat; /* number of the last one */
    exo_time beat_ns;   /* when the next is due */
    exo_time slots_ns;  /* no slot's deadline is earlier */
    exo_time drain_ns;  /* what runs then is stopped; NEVER */

    struct worker_action *actions;
    uint32_t action_nr, action_max;

    struct worker_heartbeat beat;   /* scratch of HEARTBEAT ... */
    struct worker_running *running; /* slot_nr */
    struct worker_loan *loans;      /* lenders */
    uint32_t *loan_tickets;         /* window */
    uint64_t *loan_lends;           /* window */
    uint32_t *move_tickets;         /* ... and of LOAN: window */
    uint64_t *move_lends;           /* window */

    struct worker_counts counts;
};

/* worker_act appends an action and gives it to be filled in; never NULL. */
struct worker_action *worker_act(struct worker *worker, enum worker_action_kind kind);

/* worker_lends is true while Tasks are wanted; not while it is unfit. */
bool worker_lends(const struct worker *worker);

/* health_failed notes that an attempt could not be started; cause as in worker_on_slot.
 * health_started notes that one was. */
void health_failed(struct worker *worker, uint64_t cause);
void health_started(struct worker *worker);

/* health_probe lends one ticket if the worker is unfit, would lend otherwise, and it is time; what
 * was lent before and not taken comes home. Returns the count of worker->moves. */
uint32_t health_probe(struct worker *worker);

/* slots_init links all slots into the free list. */
void slots_init(struct worker *worker);

/* slots_find gives the slot of an attempt that is not REJECTED; NULL: there is none. */
struct slot *slots_find(const struct worker *worker, const struct task_id *task, uint32_t attempt);

/* slots_on_* do what the event of that name wants; see worker_step for the results. */
EXO_CHECKED enum worker_err slots_on_task(struct worker *worker, const struct worker_on_task *task);
EXO_CHECKED enum worker_err slots_on_kill(struct worker *worker, const struct worker_on_kill *kill);
EXO_CHECKED enum worker_err slots_on_adopt(struct worker *worker,
                                           const struct worker_on_adopt *adopt);
EXO_CHECKED enum worker_err slots_on_slot(struct worker *worker, enum slot_input input,
                                          const struct worker_on_slot *event);
EXO_CHECKED enum worker_err slots_on_acked(struct worker *worker,
                                           const struct worker_report_id *id);
EXO_CHECKED enum worker_err slots_on_failed(struct worker *worker,
                                            const struct worker_report_id *id);

/* slots_time does what the time wants: timeouts, containers that will not end. */
void slots_time(struct worker *worker);

/* slots_report_due sends again what was not acknowledged and the ACCEPTED that were held back. */
void slots_report_due(struct worker *worker);

/* slots_stop_waiting hands back what has no place; slots_stop_all also stops what has one. */
void slots_stop_waiting(struct worker *worker, enum stop_reason reason);
void slots_stop_all(struct worker *worker, enum stop_reason reason);

/* slots_fill_places starts what is ready while there are places and memory. */
void slots_fill_places(struct worker *worker);

/* slots_check asserts what worker_check promises of the slots. */
void slots_check(const struct worker *worker);

#endif /* EXO_WORKERS_CORE_WORKER_STATE_H */
