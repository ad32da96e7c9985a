/* sched: the core of one shard. Executions, their graphs, tasks and attempts; everything that
 * decides what runs next and what an answer means.
 *
 *   inputs (jobs, reports, cancels, grants, witnesses, timers, values)
 *        --sched_step--> state, and into the open batch: changes, dispatches, kills, outputs, needs
 *        --sched_batch--> the shard encodes and commits it --sched_sealed--> the next batch is open
 *
 * A function of its past inputs, grants and time included: no clock, I/O, log, random; memory from
 * the given allocator within its bound. A late or repeated input is normal: SCHED_ESTALE, nothing
 * changes. When memory is out the core is broken (SCHED_EMEMORY): drop it and load again.
 *
 * Everything an event points to is borrowed and must live until sched_sealed, because the batch
 * refers to it. */
#ifndef EXO_SCHEDULER_SCHED_H
#define EXO_SCHEDULER_SCHED_H

#include "scheduler/core/execution.h"
#include "scheduler/core/fleet.h"
#include "schemas/wire/status.h"

struct sched_limits {
    uint32_t tombstones; /* ids of ended executions remembered; 0: 4,096 */
    uint32_t step_tasks; /* changed by one step; 0: LIMIT_STEP_TASKS */
};

/* sched_new gives an empty shard; NULL without memory.
 * dispatch, fleet  kept; shared with the other shards of the process
 * shard_count      to know which ids are ours */
struct sched *sched_new(struct allocator allocator, struct dispatch *dispatch, struct fleet *fleet,
                        uint32_t shard, uint32_t shard_count, const struct sched_limits *limits);

/* sched_own says under which epoch the shard is owned; before the first event. */
void sched_own(struct sched *sched, uint64_t epoch);

/* sched_free takes everything out of the dispatch queue and frees it. Definitions lose their uses.
 * NULL is allowed. */
void sched_free(struct sched *sched);

enum sched_err {
    SCHED_OK = 0,
    SCHED_ESTALE = -1,  /* late, repeated or of no execution here: nothing changed */
    SCHED_EKNOWN = -2,  /* SUBMIT of an id that is or was here: nothing changed */
    SCHED_ELIMIT = -3,  /* SUBMIT that cannot be held: the reason stands in the batch's refusal */
    SCHED_EMEMORY = -4, /* the core is broken */
    SCHED_EMORE = -5, /* WITNESS, BARRIER: it concerns more than one step may change; the same event
                         again goes on */
};

enum sched_event_kind {
    SCHED_SUBMIT,
    SCHED_REPORT,
    SCHED_COMMAND, /* what a person may ask for */
    SCHED_GRANT,
    SCHED_WITNESS,
    SCHED_TIMER,    /* something is due */
    SCHED_BARRIER,  /* all input below an end asked at asked_ns has been applied */
    SCHED_VALUE,    /* what a need asked for */
    SCHED_ANSWER,   /* of a key's shard */
    SCHED_GATHERED, /* what became of a task in a batch */
    SCHED_FAIL,     /* an input that concerns an execution brings its reader down: it fails */
    SCHED_EVENT_NR,
};

struct sched_submit {
    struct execution_id id;
    struct definition *definition; /* uses grows while it is held */
    struct span input;             /* JSON object, defaults filled in */
    struct span labels;            /* JSON object */
    exo_time submitted_ns;
    exo_time start_ns; /* before which nothing of it begins, nor asks for keys; 0: at once */
    struct span traceparent;
    uint32_t running_max; /* executions of its project at once; 0: any number */
    bool rejects;         /* beyond them it fails, where it would wait */
    bool is_rerun;
    struct execution_id rerun_of;
    const struct wire_kept *kept; /* of a rerun: satellites that do not run again; has passed
                                   * sched_kept_fit */
    uint32_t kept_count;
};

struct sched_report {
    struct span worker;
    uint64_t incarnation;
    struct wire_report report;
};

struct sched_failure {
    struct execution_id id;
    struct span reason;
};

struct sched_command {
    enum wire_command_kind kind;
    struct execution_id id;
    struct span task;  /* path of a satellite or task; bytes 0: the execution */
    struct span name;  /* SIGNAL */
    struct span value; /* SIGNAL, SKIP: JSON; bytes 0: null */
    uint32_t priority; /* PRIORITY */
    struct span reason;
    struct span actor;
    struct span key; /* the command's own name: a SIGNAL with the same is a repeat; bytes 0: none */
};

struct sched_grant {
    struct dispatch_source *source;
    struct span worker;
    uint64_t incarnation;
    struct span process;
    uint32_t count;
    const uint32_t *tickets;
    const uint64_t *lends;
};

struct sched_witness {
    enum fleet_suspicion_kind kind;
    struct span worker;
    uint64_t incarnation;       /* the suspected one */
    uint64_t new_incarnation;   /* REPLACED: who speaks now */
    uint64_t heartbeat;         /* its number; SILENT: 0 */
    const struct span *classes; /* ABSENT: those it serves ... */
    const int64_t *positions;   /* ... and below which offset each has been answered */
    uint32_t class_count;
    const struct wire_running *running;
    uint32_t running_count;
};

struct sched_value {
    struct execution_id id;
    uint32_t instance;
    uint32_t index;   /* as in the need */
    struct span json; /* empty with an error */
    struct span error;
};

/* The word of a batch's shard on one task's attempt. */
struct sched_gathered {
    struct task_id task;
    uint32_t attempt;
    uint64_t asked; /* as it was asked for; 0: not known */
    bool has_execution;
    struct execution_id execution; /* that runs, or ran, the batch */
    enum wire_outcome outcome;     /* NONE: its batch has started */
    struct span output;            /* JSON */
    struct span error;
};

struct sched_event {
    enum sched_event_kind kind;
    union {
        struct sched_submit submit;
        struct sched_report report;
        struct sched_failure failure;
        struct sched_command command;
        struct sched_grant grant;
        struct sched_witness witness;
        struct sched_value value;
        struct wire_key_answer answer;
        struct sched_gathered gathered;
        exo_time asked_ns; /* BARRIER */
    };
};

/* sched_step gives one event to the shard at shard time now_ns (never going backwards). For a
 * GRANT, tickets it could not use stay unspent: see sched_batch.unused_grants. */
EXO_CHECKED enum sched_err sched_step(struct sched *sched, const struct sched_event *event,
                                      exo_time now_ns);

/* sched_kept_fit checks what a rerun would keep against the definition. Returns NULL, or a static
 * text that says what does not fit. */
const char *sched_kept_fit(const struct definition *definition, const struct wire_kept *kept,
                           uint32_t count);

/* sched_has_work is true while bulk work (a cancel or cascade of many tasks) waits for the next
 * step, of TIMER for one. */
bool sched_has_work(const struct sched *sched);

/* sched_deadline says when TIMER is due, in shard time; EXO_TIME_NEVER: nothing waits. */
exo_time sched_deadline(const struct sched *sched);

/* sched_is_concerned looks whether a heartbeat's facts put any attempt of this shard in doubt, or
 * list one that is not current; only then is its witness worth a barrier. Changes nothing that
 * counts. */
bool sched_is_concerned(struct sched *sched, const struct sched_witness *witness);

/* sched_concerns tells which execution an input that is no record would go about first; false:
 * none. Changes nothing. */
bool sched_concerns(const struct sched *sched, const struct sched_event *event,
                    struct execution_id *ret_id);

/* sched_be_narrow lets each TIMER go about one execution only, the one sched_concerns tells. */
void sched_be_narrow(struct sched *sched, bool is_narrow);

/* sched_hold_asks lets no task ask for a place in a batch while it is held: messages to other
 * shards must first leave. */
void sched_hold_asks(struct sched *sched, bool is_held);

/* sched_holders calls back for each life of a worker that holds attempts of this shard. */
void sched_holders(const struct sched *sched,
                   void (*call)(void *context, const struct holder *holder), void *context);

/* sched_void gives back the tickets of grants that were not seen committed, when no batch after
 * `committed` of this life (counted from 1) will be: the worker refuses one that was used after
 * all, at no cost. A loan that has left with a Task never comes back, also where a database that
 * went back has forgotten the grant: a worker knows a grant by it. */
void sched_void(struct sched *sched, uint64_t committed);

/* sched_task_sent notes the offset of a Task in its partition; TASK_UNSENT: the log did not take
 * it.
 */
void sched_task_sent(struct sched *sched, const struct task_id *task, uint32_t attempt,
                     int64_t offset);

/* sched_check asserts every invariant; cost O(everything). */
void sched_check(const struct sched *sched);

struct sched_counts {
    uint64_t executions; /* live */
    uint64_t leases;
    uint64_t holders;
    uint64_t stale; /* events since the start */
    uint64_t admitted, finished_executions, finished_attempts, lost_attempts;
};

/* sched_counts gives counters since the start and what is held now. */
struct sched_counts sched_counts(const struct sched *sched);

/* sched_is_known is true for an execution that is live here, or ended and not yet forgotten. */
bool sched_is_known(const struct sched *sched, const struct execution_id *id);

/* sched_id_is_dated is true where the time within an id can be that of a clock: one that is an hour
 * ahead of shard time says nothing of the age of others.
 * ms  since 1970 */
static inline bool sched_id_is_dated(int64_t ms, exo_time now_ns)
{
    return ms <= (now_ns + EXO_HOUR) / EXO_MILLISECOND;
}

/* sched_may_have_forgotten is true of an id that is no younger than one that this core has known
 * and forgotten: only the store can say whether it was here. */
bool sched_may_have_forgotten(const struct sched *sched, const struct execution_id *id);

/* sched_find gives a live execution, NULL when it is not here. */
const struct execution *sched_find(const struct sched *sched, const struct execution_id *id);

/* ---- the open batch ---- */

struct sched_change {
    struct execution *execution;
    uint64_t number;
    exo_time at_ns;
    bool is_execution; /* of the execution's state, else of an instance or task */
    uint8_t state;
    bool has_index;
    const struct instance *instance;
    uint32_t index;
    uint32_t attempt;
    struct span worker;
    struct span error;
};

struct sched_dispatch {
    struct execution *execution;
    struct instance *instance;
    uint32_t index;
    uint32_t attempt;
    uint32_t ticket;
    uint64_t lend;
    const struct holder *holder;
    struct span process;
    bool is_granted;    /* in this batch; else it is sent again */
    uint32_t partition; /* of its holder */
};

/* sched_leaves is true for a dispatch of the open batch whose Task goes to its worker: neither
 * ended nor stopped since it was granted. One that was granted before and is being stopped goes
 * with its kill. */
bool sched_leaves(const struct sched_dispatch *dispatch);

struct sched_kill {
    struct task_id task;
    struct span class; /* whose topic its Task went to; empty: not known here */
    uint32_t attempt;
    exo_time grace_ns;
    char worker[FLEET_NAME_BYTES];
    uint64_t incarnation;
    uint32_t partition; /* of its holder, plus one; 0: not known */
};

/* How an attempt ended; goes to a segment of its page (WIRE_SINGLE_PAGE: no map). */
struct sched_output {
    struct execution *execution;
    struct instance *instance;
    uint32_t page;
    struct wire_output output;
};

/* A blob that an attempt's end names, or (execution_digest) an execution of which a rerun keeps
 * something: neither may be deleted while this execution is there. */
struct sched_blob {
    struct execution *execution;
    struct digest digest;
};

/* A value an expression waits for: output of a task, or of the whole instance (UINT32_MAX). */
struct sched_need {
    struct execution_id id;
    uint32_t instance;
    uint32_t index;
    bool has_ref; /* a blob: its digest */
    struct digest digest;
    uint64_t ref_bytes;
};

/* A page of tasks to be written. */
struct sched_page {
    struct execution *execution;
    struct instance *instance;
    uint32_t page;
};

/* Items of a map to be stored: first .. first + count - 1, within one page. */
struct sched_items {
    struct execution *execution;
    struct instance *instance;
    uint32_t first;
    uint32_t count;
};

/* A running attempt said something of itself; it may have ended since. */
struct sched_progress {
    struct instance *instance;
    uint32_t index;
    uint32_t attempt;
};

/* To the shard of a key. text and project are borrowed from the execution until sched_sealed. */
struct sched_message {
    struct execution_id id;
    bool is_release;
    enum wire_key_kind kind;
    struct span project;
    struct span text;
    enum wire_key_policy policy; /* of an ask, as the next two */
    uint32_t limit;
    exo_time per_ns;
};

/* A task asks for a place in a batch, or leaves it. Everything is borrowed until sched_sealed. */
struct sched_ask {
    struct task_id task;
    uint32_t attempt;
    uint64_t asked; /* epoch of the shard when it asked */
    bool is_leave;
    const struct satellite *satellite;
    struct span project;
    struct span key;  /* of its batch */
    struct span item; /* JSON {"execution", "task", "input"}; of a leave: none */
    uint32_t priority;
};

struct sched_batch {
    struct execution *dirty; /* list by dirty_next: rows to write */
    const struct sched_change *changes;
    uint32_t change_count;
    const struct sched_dispatch *dispatches;
    uint32_t dispatch_count;
    const struct sched_kill *kills;
    uint32_t kill_count;
    const struct sched_output *outputs;
    uint32_t output_count;
    const struct sched_page *pages;
    uint32_t page_count;
    const struct sched_items *items;
    uint32_t item_count;
    struct frame *const *frames; /* runs of groups whose rows are to be written; is_ended: for the
                                  * last time */
    uint32_t frame_count;
    const struct sched_message *messages;
    uint32_t message_count;
    const struct sched_ask *asks; /* in order */
    uint32_t ask_count;
    const struct sched_need *needs;
    uint32_t need_count;
    const struct sched_progress *progress;
    uint32_t progress_count;
    const struct sched_blob *blobs;
    uint32_t blob_count;
    bool wants_barrier; /* capture the end of exo.status, step BARRIER when it is reached */
};

/* sched_batch shows what the steps since the last sched_sealed did; valid until the next step. */
struct sched_batch sched_batch(const struct sched *sched);

/* sched_is_empty is true when the open batch holds nothing to commit or send. */
bool sched_is_empty(const struct sched *sched);

/* sched_sealed forgets the open batch (its rows have been encoded): pages and executions are clean,
 * terminal executions are freed and leave a tombstone. */
void sched_sealed(struct sched *sched);

/* ---- loading from the store ---- */

struct sched_loaded {
    struct execution_id id;
    struct definition *definition;
    enum execution_state state;
    exo_time submitted_ns, started_ns;
    exo_time deadline_ns;
    struct span input, labels;
    struct span error; /* why it is being ended; empty: it is not */
    struct wire_body body;
};

/* Load calls come in this order: every execution, then the runs of their groups that have not ended
 * by number, then pages, outputs of single tasks and
 * items, then sched_load_done, which offers what is ready and resolves what was left half-way.
 * SCHED_ESTALE: does not fit (of an execution that is not loaded, or a broken row): skip and say.
 */
EXO_CHECKED enum sched_err sched_load_execution(struct sched *sched,
                                                const struct sched_loaded *loaded);
EXO_CHECKED enum sched_err sched_load_frame(struct sched *sched, const struct execution_id *id,
                                            const struct wire_run *frame);
EXO_CHECKED enum sched_err sched_load_page(struct sched *sched, const struct execution_id *id,
                                           uint32_t instance, uint32_t page,
                                           const struct wire_columns *columns);
EXO_CHECKED enum sched_err sched_load_output(struct sched *sched, const struct execution_id *id,
                                             uint32_t instance, const struct wire_output *output);
EXO_CHECKED enum sched_err sched_load_items(struct sched *sched, const struct execution_id *id,
                                            uint32_t instance, uint32_t first,
                                            const struct wire_output *items, uint32_t count);
EXO_CHECKED enum sched_err sched_load_done(struct sched *sched, exo_time now_ns);

/* sched_resend puts every attempt that is DISPATCHED, not accepted and not known to be sent into
 * the open batch again, with the same number, and every kill without an answer; for a new owner
 * that has applied all status up to an end captured after it took over, and for one whose records
 * the log did not take. */
EXO_CHECKED enum sched_err sched_resend(struct sched *sched);

/* sched_ask_again asks once more for the keys that executions wait for: the asks, or the answers,
 * may have gone with the tail of a log. Nothing changes for one that waits in its queue.
 * most  places of the table of executions looked at in one call
 * SCHED_EMORE: there are more; the next call goes on. */
EXO_CHECKED enum sched_err sched_ask_again(struct sched *sched, uint32_t most);

#endif /* EXO_SCHEDULER_SCHED_H */
