/* oracle: watches everything that happens in a world and knows what must never happen.
 *
 *   commits  -> versions, offsets, journal, states, attempts      appends -> nothing before its
 * commit containers -> one start an attempt        cache -> never ahead        at the end ->
 * reference.c
 *
 * Written against the protocol, not against the scheduler: it reads rows and records as anybody
 * could. */
#ifndef EXO_TESTS_SIM_ORACLE_H
#define EXO_TESTS_SIM_ORACLE_H

#include "infra/store/store.h"
#include "schemas/vocab/states.h"
#include "tests/sim/plan.h"

struct oracle_task {
    uint8_t state; /* enum task_state */
    uint8_t losses;
    uint16_t failures, laters;
    uint32_t attempt;
    uint64_t started; /* containers: bit n is attempt n + 1 */
    uint64_t sent;    /* Tasks, the same way */
    uint8_t worker;   /* of the last attempt: N of wN; the loan that was spent on it: */
    uint32_t ticket;
    uint64_t lend;
    uint32_t end_attempt; /* the newest whose FINISHED was stored ... */
    exo_time running_ns;  /* when RUNNING was committed */
    exo_time end_ns;      /* ... first, in true time */
    uint32_t gathered;    /* batches it was in */
    uint32_t lost;        /* the newest attempt of a time that never was (replica.h), and ... */
    uint16_t lost_failures, lost_laters; /* ... what had become of those before it */
};

struct oracle_instance {
    uint8_t state; /* enum task_state */
    uint32_t task_count;
    struct oracle_task *tasks; /* task_count of them */
    struct plan_spot spot;     /* without its index */
};

/* One inside a run of a group, known from its first change on. */
struct oracle_inner {
    struct oracle_inner *next;
    uint32_t number;
    struct oracle_instance instance;
};

struct oracle_execution {
    struct oracle_execution *next;
    struct execution_id id;
    const struct plan_execution *plan;
    uint32_t shard;
    enum execution_state state;
    uint64_t change;
    uint64_t cancel_epoch; /* 0: never CANCELLING */
    uint64_t published;    /* changes seen in exo.events without a gap */
    struct span input;     /* of one that runs a batch */
    bool has_begun;        /* something of it was dispatched */
    bool has_sent;         /* a task was, not only runs of groups */
    uint32_t priority;     /* as its row says */
    bool has_run;          /* it was RUNNING */
    exo_time start_at_ns;  /* before which nothing of it begins, as its row says; 0: it may */
    uint64_t late_epoch;   /* of a batch after that which left it so */
    bool has_ended;        /* in a time that never was: what it told others of that stays told */
    exo_time deleted_ns;   /* when its deletion began, in true time; 0: it did not */
    bool is_excused;       /* a task was lost too often or timed out by a worker that stood still */
    struct oracle_instance instances[PLAN_SATELLITES_MAX];
    struct oracle_inner *inner[64]; /* by number */
    struct oracle_inner *gone[64];  /* by number, of times that never were */
};

struct oracle_blob;

/* What was stored for one execution of the plan, in true time; 0: nothing. */
struct oracle_stored {
    uint32_t unnamed; /* Jobs without an id: each is an execution of its own */
    exo_time job_ns, cancel_ns;
    uint32_t commands[COMMAND_KIND_NR]; /* by kind */
    exo_time pause_ns, priority_ns;     /* when it was asked for, and has not been seen yet */
    uint32_t priority, priorities;      /* the newest; all of them, a set */
};

struct oracle {
    const struct plan *plan;
    struct oracle_stored stored[PLAN_EXECUTIONS_MAX];
    struct oracle_execution *executions;
    struct oracle_execution *lost; /* of a time that never was; some come again */
    uint32_t promotions;
    struct oracle_blob *blobs;
    uint64_t containers, finishes, losses, rejections;
    uint64_t last_words, unlent; /* FINISHED reports, and those that lend no ticket again */
    exo_time rate_ns[3];         /* by project: when something with a rate was submitted first */
    uint32_t rate_begun[3];
    uint64_t transitions[TASK_STATE_NR][TASK_STATE_NR];
};

extern struct oracle oracle;

void oracle_begin(const struct plan *plan);

struct oracle_execution *oracle_find(const struct execution_id *id);

/* oracle_instance gives one by its number, oracle_instance_at by its spot, whatever its index;
 * NULL: nothing has been said of it. oracle_name writes how people call one of its tasks, into a
 * buffer of its own. */
struct oracle_instance *oracle_instance(struct oracle_execution *e, uint32_t number);
struct oracle_instance *oracle_instance_at(struct oracle_execution *e,
                                           const struct plan_spot *spot);
const char *oracle_name(const struct oracle_execution *e, uint32_t number, uint32_t index);

/* oracle_remember copies what is known of the executions; oracle_forget goes back to it, since what
 * was committed later never was. What left processes meanwhile, and what containers did, stays. */
struct oracle_memory;
struct oracle_memory *oracle_remember(void);
void oracle_forget(const struct oracle_memory *memory);

/* oracle_found_again gives one of a time that never was, which comes again, or a new one, zeroed.
 */
struct oracle_execution *oracle_found_again(const struct execution_id *id);

/* oracle_recall tells a new instance what left under its number in times that never were: it may
 * still be under way, whatever the instance was then. oracle_gone gives the task of that number and
 * index that it left for; NULL: none. */
void oracle_recall(const struct oracle_execution *e, struct oracle_inner *inner);
const struct oracle_task *oracle_gone(const struct oracle_execution *e, uint32_t number,
                                      uint32_t index);

/* A batch is about to be applied to the shard's row, and has been. */
void oracle_commit(const struct store_shard *row, const struct store_batch *batch);
void oracle_committed(const struct store_batch *batch);

/* The deletion of an execution begins; its row as it stands. */
void oracle_deletes(const struct store_execution *row);

/* Somebody asks for the deletion of one. */
void oracle_delete_asked(const struct store_execution *row);

/* A process hands a record to its client; the broker stores one. */
void oracle_appends(const char *topic, uint32_t partition, struct span value);
void oracle_stored(const char *topic, uint32_t partition, struct span value);
void oracle_unstored(const char *topic, struct span value);

/* A view is handed to the cache. */
void oracle_cached(const struct execution_id *id, uint64_t epoch, uint64_t batch);

/* A container starts; gives its task as it stands in the database. */
const struct oracle_task *oracle_container(const struct task_id *id, uint32_t attempt);

/* Blobs that satellites gave back. */
struct digest oracle_blob_put(struct span bytes);
struct span oracle_blob(const struct digest *digest);

/* oracle_is_over is true when every execution that must be there has ended. */
bool oracle_is_over(void);

/* oracle_outcome hashes how every execution ended whose end does not depend on when things happen.
 */
uint64_t oracle_outcome(void);

/* oracle_check_end compares every execution with the reference. */
void oracle_check_end(void);

#endif /* EXO_TESTS_SIM_ORACLE_H */
