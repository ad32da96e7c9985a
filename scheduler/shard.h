/* shard: the life of one shard in the process that owns it; for this folder's sources only.
 *
 *   TAKING --row--> LOADING --rows--> DRAINING --status below C applied--> RUNNING
 *     ^                                                                      |
 *     +----------- a commit failed or is in doubt: epoch + 1, load again ----+--> CLOSING
 *                                                   log lost its tail: STOPPED
 *
 * Records, grants, witnesses and timers are stepped through the core into the open batch; the
 * committer seals it. Callbacks that come back from another life of the shard are told by the
 * generation in their ticket and dropped. */
#ifndef EXO_SCHEDULER_SHARD_H
#define EXO_SCHEDULER_SHARD_H

#include "scheduler/caution.h"
#include "scheduler/core/early_command.h"
#include "scheduler/core/shard_clock.h"
#include "scheduler/gathers.h"
#include "scheduler/keys.h"
#include "scheduler/scheduler.h"
#include "scheduler/schedules.h"
#include "schemas/wire/shard_extra.h"
#include "schemas/wire/state.h"

enum shard_state {
    SHARD_TAKING,
    SHARD_LOADING,
    SHARD_DRAINING,
    SHARD_RUNNING,
    SHARD_STOPPED,
    SHARD_CLOSING,
};

enum { INPUT_JOBS, INPUT_STATUS, INPUT_NR };

/* One of the two topics the shard reads. */
struct shard_input {
    struct shard *shard;
    struct log_reader *reader;
    struct store_cursor cursor; /* behind what the open batch has taken */
    uint32_t taken;             /* records in the open batch */
    int64_t committed;          /* offset of the next record to read, as the store has it */
    int64_t trimmed;            /* asked to be deleted below */
    bool is_paused;
};

/* Taken in one batch at most, so that neither topic starves the other. */
enum { JOBS_MAX = 1024, STATUS_MAX = 4096 };

struct fetch; /* values.c */

/* Waits until everything below end of exo.status has been applied. */
struct shard_wait {
    struct shard_wait *next;
    int64_t end; /* -1: the answer is on its way */
    bool is_witness;
    exo_time asked_ns; /* of a barrier */
    struct sched_witness witness;
    struct arena arena; /* of the witness */
};

struct outbox_entry {
    struct outbox_entry *next;
    uint64_t sequence;
    uint32_t target;
    bool is_sent; /* handed to the log, not acknowledged */
    bool is_job;  /* for exo.jobs, else for exo.status */
    struct span record;
    unsigned char bytes[];
};

enum {
    OUTBOX_MAX = 1024,
    CHECKED_MAX = 256,
    FRESH_MARGIN_S = 5, /* clocks of the API may be ahead by so much */
};

/* Ids of Jobs, and whether the store has them or had them. */
struct shard_checked {
    struct execution_id ids[CHECKED_MAX];
    bool is_known[CHECKED_MAX];
    uint32_t count;
    bool is_asking;
};

struct shard {
    struct scheduler *scheduler;
    uint32_t number;
    enum shard_state state;
    uint32_t generation;  /* of this life */
    uint32_t outstanding; /* callbacks that hold a ticket */
    struct loop_timer *retry;
    uint64_t connection; /* of the store, that it was taken on */
    uint64_t epoch, batch;
    uint64_t loaded_batch; /* with which this life began */
    struct shard_clock clock;
    struct sched *sched;
    struct keys keys;
    struct schedules schedules;
    struct gathers gathers;
    struct shard_input inputs[INPUT_NR];
    struct arena open_arena; /* of the events in the open batch */
    struct sealed sealed;    /* the batch in flight */
    bool is_in_flight;
    struct caution caution;
    bool is_held_back; /* caution let an event wait: it is offered again, also when nobody is
                          careful */
    bool is_resend_due;
    exo_time resend_ns; /* not before; on the loop's clock */
    int64_t drained_at; /* DRAINING: C; -1: not known yet */
    struct shard_wait *waits;
    bool is_wait_halfway; /* what one of them brings is more than a step: it goes on next turn */
    /* the channel between shards */
    uint64_t next_sequence;
    uint64_t *received;                           /* by source */
    uint64_t sealed_sequence, committed_sequence; /* of messages to shards */
    bool *is_outbox_busy;                         /* by target: one is on its way */
    struct outbox_entry *outbox, **outbox_last;
    uint32_t outbox_count;
    struct early_commands early;
    bool is_extra_dirty;
    /* dead letters of the open batch */
    struct store_dead_letter *letters;
    uint32_t letter_count, letter_capacity;
    struct shard_checked checked[INPUT_NR]; /* of Jobs, and of those that others pass on */
    bool is_checking;                       /* something is asked for a Job of exo.jobs */
    int64_t newest_ms;  /* latest time within an id of an execution that was ever here */
    int64_t earlier_ms; /* latest time within an id that can have been here before this life */
    struct resolution *resolution; /* of a Job that names what is stored; NULL: none (resolve.c) */
    struct rerun *rerun;           /* of a Job that runs one again; NULL: none (rerun.c) */
    exo_time idle_since_ns;        /* cursors moved and nothing else to commit */
    bool has_moved;
    bool is_full; /* holds its share of live executions: exo.jobs waits */
    /* public events */
    uint64_t event_batch;       /* the cursor */
    uint64_t event_said;        /* the newest batch below it that said something */
    uint64_t event_sealed;      /* the cursor, as the last sealed batch has it */
    struct event_count *events; /* batches not acknowledged whole, oldest first */
    uint32_t event_counts;
    bool is_behind;        /* the journal is the source of public events */
    bool is_catching_up;   /* rows of it are on their way */
    exo_time catch_up_ns;  /* not before; on the loop's clock */
    uint64_t event_round;  /* answers to what was sent in another one count no more */
    struct fetch *fetched; /* values that wait for their turn while we are careful */
};

struct event_count {
    struct event_count *next;
    uint64_t batch;
    uint32_t outstanding;
    bool has_said; /* it has records */
};

/* A request on its way for one life of a shard. */
struct shard_ticket {
    struct shard *shard;
    uint32_t generation;
    void *more; /* of the request */
};

/* shard_open begins to take a shard whose lease is ours. */
struct shard *shard_open(struct scheduler *scheduler, uint32_t number);

/* shard_close ends its life; freed when the last callback has come. */
void shard_close(struct shard *shard);

/* shard_again takes the shard over from ourselves and loads it again, after delay_ns. */
void shard_again(struct shard *shard, exo_time delay_ns);

/* shard_take (shard_load.c) begins a life: takes the row, loads, opens the inputs. */
void shard_take(struct shard *shard);

/* shard_ask_end asks for the end of exo.status below which a new owner first applies everything. */
void shard_ask_end(struct shard *shard);

/* shard_look_back (shard_load.c) asks the store whether what was committed is still there. Where it
 * is not (a replica that lagged has taken over, an older state was restored) the shard is loaded
 * again from what is. A commit would find out by itself; this is for a shard that has nothing to
 * commit. */
void shard_look_back(struct shard *shard);

/* shard_stop halts it with an alarm until somebody acts. */
void shard_stop(struct shard *shard, const struct exo_error *why);

/* shard_ticket_new counts a request; shard_ticket_end frees it and gives the shard, or NULL when
 * its life is over. */
struct shard_ticket *shard_ticket_new(struct shard *shard, void *more);
struct shard *shard_ticket_end(struct shard_ticket *ticket);

/* shard_time moves shard time on and gives it. */
exo_time shard_time(struct shard *shard);

/* shard_hear_time follows the database's clock, unless the shard has not been taken yet.
 * database_ns  what it said, since 1970
 * asked_ns     when it was asked, by the loop's clock */
void shard_hear_time(struct shard *shard, exo_time database_ns, exo_time asked_ns);

/* shard_step gives an event to the core and handles what may go wrong. Returns what it said. */
enum sched_err shard_step(struct shard *shard, const struct sched_event *event);

/* shard_is_live is true while events may be stepped. */
static inline bool shard_is_live(const struct shard *shard)
{
    return shard->state == SHARD_DRAINING || shard->state == SHARD_RUNNING;
}

/* shard_applied looks what had waited for the position that exo.status now has. */
void shard_applied(struct shard *shard);

/* shard_wait_add asks for the end of exo.status and keeps the wait (taken) until it is reached. */
void shard_wait_add(struct shard *shard, struct shard_wait *wait);

/* shard_suspect looks whether a suspicion concerns the shard and if so lets it wait for its end. */
void shard_suspect(struct shard *shard, const struct sched_witness *witness);

/* shard_expect_holders sees to it that every worker that holds attempts of the shard is watched, in
 * the very life that holds them. Asked again and again: a doubt is told once, and the shard may
 * not have been there, or another shard may have been told of another life. */
void shard_expect_holders(struct shard *shard);

/* shard_wants_commit is true when the open batch should be sealed now. */
bool shard_wants_commit(struct shard *shard);

/* shard_seal closes the open batch into shard->sealed. */
void shard_seal(struct shard *shard);

/* shard_committed applies a commit's success; relay.c sends what it lets out.
 * asked_ns  when the commit was sent, by the loop's clock */
void shard_committed(struct shard *shard, const struct store_result *result, exo_time asked_ns);

/* shard_refused is told that the database refuses the batch in flight. */
void shard_refused(struct shard *shard, bool is_duplicate, const char *why);

/* shard_trim deletes records of both inputs below what is committed and below floors; not the
 * record before that: its checksum is kept. */
void shard_trim(struct shard *shard, const int64_t floors[INPUT_NR]);

/* ---- intake.c ---- */
extern const struct log_reader_callbacks shard_input_callbacks;
/* intake_resume lets the readers go on after a seal. */
void intake_resume(struct shard *shard);
/* intake_job_id gives the id of a Job's execution: its own, or that of its place. False: it is no
 * UUID. record: of exo.jobs */
bool intake_job_id(const struct shard *shard, const struct wire_job *job,
                   const struct log_record *record, struct execution_id *ret_id);

/* ---- known.c ---- */
/* known_taken begins a life, once the shard's row is read and its clock goes. */
void known_taken(struct shard *shard);
/* known_is_fresh is true of an id so young that no execution of it can have been here: nobody has
 * to be asked. */
bool known_is_fresh(struct shard *shard, const struct execution_id *id);
enum known { KNOWN_UNASKED, KNOWN_NO, KNOWN_YES };
/* known_of says whether the store has an execution, or had it, as it last said of that input, or as
 * has been admitted since. */
enum known known_of(const struct shard *shard, int input, const struct execution_id *id);
/* known_admitted notes that there is an execution now: the core forgets it some time after its end,
 * and what the store said before then holds no more. */
void known_admitted(struct shard *shard, const struct execution_id *id);
/* known_status is false where a record holds a Job, passed on, that is not fresh and was not asked
 * for: ask, and look at the record again. */
bool known_status(struct shard *shard, const struct wire_status *status);
/* known_ask asks the store for the Jobs of the next records of an input, whose reader goes on with
 * its answer; known_is_asked is true until then: no record is to be taken. */
void known_ask(struct shard *shard, int input, const struct log_record *records, size_t count);
bool known_is_asked(const struct shard_input *input);

/* letter_add puts a record with its reason into the open batch's dead letters; topic is static. */
void letter_add(struct shard *shard, const char *topic, const struct log_record *record,
                const char *reason);

/* ---- quarantine.c ---- */
/* record_quarantine takes a condemned record: to the dead letters, the attempts it is about fail.
 */
void record_quarantine(struct shard *shard, const char *topic, const struct log_record *record);

/* ---- committer.c ---- */
/* grant_drop gives the tickets of a grant back that waits for the shard's marker. */
void grant_drop(struct shard *shard);
/* ---- resolve.c ---- */
enum { REFUSAL_BYTES = 512 };
enum resolve_result {
    RESOLVE_OK,      /* the Job's cluster is whole */
    RESOLVE_WAITS,   /* it is looked up; the reader of exo.jobs goes on when it is there */
    RESOLVE_REFUSED, /* there is no such thing */
};
/* resolve_job replaces the cluster of a Job that names stored definitions by its text, which lives
 * until the next call. ret_refusal: with RESOLVE_REFUSED why, for its dead letter. */
enum resolve_result resolve_job(struct shard *shard, const struct log_record *record,
                                struct wire_job *job, char ret_refusal[REFUSAL_BYTES]);
/* resolve_free forgets what was found. */
void resolve_free(struct shard *shard);
/* ---- command.c ---- */
/* command_take checks and steps what people ask for; what is for an execution that is not known yet
 * is kept. record: of exo.status, for a dead letter. */
void command_take(struct shard *shard, const struct wire_command *command,
                  const struct log_record *record);
/* command_apply_early does what was kept for an execution that has just been admitted, in order. */
void command_apply_early(struct shard *shard, const struct execution_id *id);
/* command_load keeps one again, from the shard's row; copied. */
void command_load(struct shard *shard, const struct early_command *command);
/* command_turn lets those go that have waited too long. Returns when the next one has, in shard
 * time. */
exo_time command_turn(struct shard *shard);

/* ---- rerun.c ---- */
/* rerun_job fills in what a Job with rerun_of runs and keeps; like resolve_job otherwise. */
enum resolve_result rerun_job(struct shard *shard, const struct log_record *record,
                              struct wire_job *job, char ret_refusal[REFUSAL_BYTES]);
/* rerun_may_be_forwarded is true when what it keeps fits a message between shards. */
bool rerun_may_be_forwarded(const struct wire_job *job);
/* rerun_free forgets what was found. */
void rerun_free(struct shard *shard);

/* ---- ends.c ---- */
/* ends_send tells schedules and batches of the executions that ended in the open batch: before the
 * seal. ends_job tells of a Job that begins nothing: its id has ended, or it was refused.
 * ends_is_batch is true of a Job that runs a batch, which its id proves. */
void ends_send(struct shard *shard);
void ends_job(struct shard *shard, const struct wire_job *job, const struct execution_id *id);
bool ends_is_batch(const struct wire_job *job, const struct execution_id *id);

/* ---- relay.c ---- */
void relay_batch(struct shard *shard);
void relay_outbox(struct shard *shard);
void outbox_add(struct shard *shard, uint32_t target, struct wire_peer peer);
/* outbox_add_job sends a packed Job to a shard, which may find that it has it; outbox_add_command a
 * command to the shard of its execution. */
void outbox_add_job(struct shard *shard, uint32_t target, struct span record);
void outbox_add_command(struct shard *shard, const struct wire_command *command);
void outbox_free(struct shard *shard);

/* ---- events.c ---- */
/* events_committed shows the batch just committed; events_loaded sends what an earlier owner did
 * not; events_turn goes on where the log had failed; events_free forgets what is on its way.
 * events_settle commits a cursor that moved after the last batch: the journal below it may go. */
void events_committed(struct shard *shard);
void events_loaded(struct shard *shard);
void events_turn(struct shard *shard);
void events_free(struct shard *shard);
void events_settle(struct shard *shard);

/* ---- values.c ---- */
void value_fetch(struct shard *shard, const struct sched_need *need);
/* values_turn steps the values that had to wait; values_free forgets them. */
void values_turn(struct shard *shard);
void values_free(struct shard *shard);

#endif /* EXO_SCHEDULER_SHARD_H */
