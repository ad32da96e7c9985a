/* plan: the work of a world: random clusters, what each of their tasks will do, and when each
 * execution is submitted, repeated, cancelled.
 *
 * A plan is made of a seed alone. plan_text writes it as the cluster file the scheduler gets;
 * reference.c says how it must end. How a task ends is a function of (execution, satellite, index,
 * failures so far) and nothing else. */
#ifndef EXO_TESTS_SIM_PLAN_H
#define EXO_TESTS_SIM_PLAN_H

#include "schemas/schedule/schedule.h"
#include "schemas/vocab/buffer.h"
#include "schemas/vocab/ids.h"
#include "schemas/vocab/time.h"
#include "schemas/wire/schedule_command.h"
#include "schemas/wire/status.h"
#include "tests/sim/dice.h"
#include "tests/sim/fault.h"

enum {
    PLAN_EXECUTIONS_MAX = 64,
    PLAN_SATELLITES_MAX = 8,
    PLAN_INNER_MAX = 3,  /* satellites of a group */
    PLAN_LIST_SHORT = 6, /* items of most lists */
    PLAN_FEW_MAX = 4,    /* items of input.few, which maps inside groups run over */
    PLAN_ITEMS_MAX = 600,
    PLAN_TIMEOUT_MS = 1500, /* of an attempt that may run out of time */
    PLAN_RATE = 2,          /* executions a second of a project that has a rate */
    PLAN_RUN_MS = 600,      /* the longest a task runs that ends by itself, but for run_ms */
    PLAN_SCHEDULES_MAX = 3,
    PLAN_ORDERS_MAX = 8,
    PLAN_COMMANDS_MAX = 24,
};

enum when_kind {
    WHEN_NONE,
    WHEN_INPUT, /* input.go */
    WHEN_ABOVE, /* satellites.S.output.n > number */
    WHEN_STATE, /* satellites.S.state == "SUCCEEDED" */
    WHEN_SIZE,  /* size(satellites.S.output) > number */
    WHEN_ITEM,  /* satellites.S.output[number] == other */
};

enum each_kind {
    EACH_NONE,
    EACH_INPUT,  /* input.items */
    EACH_OUTPUT, /* satellites.S.output.list */
    EACH_MAP,    /* satellites.S.output, a map */
};

enum style {
    STYLE_GOOD,
    STYLE_FLAKY, /* some tasks fail some times */
    STYLE_BAD,   /* some tasks fail always */
    STYLE_NEVER, /* some tasks say: never again */
    STYLE_LATER, /* some tasks ask for another time, some times */
    STYLE_SLOW,  /* some tasks run out of time, some times */
    STYLE_HANG,  /* some tasks never end */
    STYLE_NR,
};

enum join_kind {
    WANT_ALL,
    WANT_DONE,
    WANT_ANY,    /* any_succeeded */
    WANT_TWO,    /* at_least: 2 */
    WANT_FAILED, /* any_failed */
};

enum inner_kind {
    INNER_ONE,
    INNER_MAP,   /* over input.few */
    INNER_GROUP, /* over input.few, of one satellite d */
};

/* What a satellite waits for that runs nothing. */
enum wait_kind {
    WAIT_NONE,
    WAIT_SIGNAL, /* one that comes, however late */
    WAIT_RACE,   /* one that comes before its timeout or after it */
    WAIT_NEVER,  /* one that nobody sends */
    WAIT_APPROVED,
    WAIT_REJECTED,
    WAIT_ANSWERED, /* a yes or a no about when its timeout is due, or neither */
};

/* Batches of a few kinds, so that tasks of several executions meet. */
enum batch_kind { BATCH_NONE, BATCH_PAIR, BATCH_FIVE, BATCH_MANY };

/* One of a group's satellites, which run one after the other: i0, i1, ... */
struct plan_inner {
    enum inner_kind kind;
    enum style style;
    uint32_t retries;
    bool has_timeout;
    bool is_big;
    enum batch_kind batch; /* of an INNER_GROUP: of its one satellite, and so is: */
    enum wait_kind wait;
    uint32_t wait_ms; /* its timeout; 0: none */
};

/* What a run of a closed group (a cluster used as a satellite) is given as input.of. */
enum given_kind {
    GIVEN_NONE,
    GIVEN_INDEX,  /* its index, at most GIVEN_MAX */
    GIVEN_OUTPUT, /* satellites.S.output.n, at most GIVEN_MAX */
    GIVEN_LIST,   /* satellites.S.output, a map */
};

enum { GIVEN_MAX = 3 /* a run that is given more fails before it begins */ };

struct plan_satellite {
    uint32_t parents; /* a set: bit i is satellite i */
    enum join_kind join;
    bool is_continued, is_final;
    uint32_t tolerate;    /* tasks of a map that may fail */
    uint32_t inner_count; /* 0: no group */
    struct plan_inner inner[PLAN_INNER_MAX];
    bool is_closed;       /* the group is a cluster used as a satellite */
    bool has_inner_final; /* the last of its satellites runs at the end of each run */
    enum given_kind given;
    uint32_t given_of; /* satellite */
    enum when_kind when;
    uint32_t when_of; /* satellite */
    uint32_t when_number, when_other;
    enum each_kind each;
    uint32_t each_of;
    uint32_t max_parallel; /* 0: none */
    uint32_t retries;
    bool is_big;    /* class */
    bool is_strict; /* a lost attempt is not tried again */
    bool has_timeout;
    enum style style;
    enum wait_kind wait;
    uint32_t wait_ms; /* its timeout; 0: none */
    bool is_by_hand;  /* HANG: somebody gives what it has not; FLAKY: somebody lets it try again */
    uint32_t list_count; /* of its output, when it is no map */
    bool gives_blob;
    enum batch_kind batch; /* only of a satellite that is no group; one of GOOD, FLAKY, BAD */
};

/* What of an execution brings its reader down. */
enum plan_crash {
    CRASH_NONE,
    CRASH_JOB,     /* its Job kills whoever admits it */
    CRASH_REPORT,  /* the first end of its first task kills whoever takes it */
    CRASH_GRANT,   /* every grant kills whoever makes it */
    CRASH_REFUSED, /* the database refuses every grant */
};

/* What somebody asks of an execution while it runs; cancels stand apart. */
struct plan_command {
    enum wire_command_kind kind;
    exo_time at_ns;            /* true time since the world began */
    uint32_t priority;         /* PRIORITY */
    uint32_t satellite, index; /* SKIP, RETRY, APPROVE, REJECT; SIGNAL: which payload */
    uint32_t key;              /* SIGNAL: with the same again it is a repeat; 0: without one */
};

enum output_kind { OUTPUT_DEFAULT, OUTPUT_STATES, OUTPUT_ONE };

struct plan_execution;

/* How one runs another again. */
struct plan_rerun {
    const struct plan_execution *of;
    uint32_t from;      /* satellite to begin with; PLAN_SATELLITES_MAX: what failed */
    bool is_edited;     /* it brings an input of its own */
    exo_time early_ns;  /* it is asked for then, whatever the other is doing; 0: it is not */
    exo_time late_ns;   /* so long after the end of the other has been seen it is asked for, */
    exo_time again_ns;  /* ... so long after that once more, unless it is 0, */
    exo_time cancel_ns; /* ... and cancelled; 0: it is not */
    /* Who ran each satellite that it keeps, as was found when it began; NULL: it runs it itself. */
    const struct plan_execution *ran[PLAN_SATELLITES_MAX];
};

struct plan_execution {
    uint32_t number;
    uint64_t seed;
    struct plan_satellite satellites[PLAN_SATELLITES_MAX];
    uint32_t satellite_count;
    uint32_t input_items, input_few;
    bool input_go;
    uint32_t project, priority;
    uint32_t key;  /* of concurrency, shared within the project: 1 or 2 at once; 0: none */
    bool has_rate; /* 2 a second of its project */
    bool has_sla;
    uint32_t timeout_ms; /* of the whole; 0: none */
    enum output_kind output;
    uint32_t output_of;
    /* how it comes */
    exo_time submit_ns;
    int64_t start_at_ms; /* wall time; 0: at once */
    exo_time cancel_ns;  /* 0: never */
    exo_time repeat_ns;  /* 0: never */
    struct plan_command commands[PLAN_COMMANDS_MAX];
    uint32_t command_count;
    bool has_id;
    bool is_left_out; /* never submitted */
    bool is_poison;
    enum plan_crash crash;
    struct execution_id id; /* when it has one */
    uint32_t partition;
    struct plan_rerun *rerun; /* NULL: it is none */
    uint32_t
        run_ms; /* of those that a schedule starts: its task runs so long at most; 0: PLAN_RUN_MS
                 */
};

/* What a person asks of a schedule. */
struct plan_order {
    enum wire_schedule_command_kind kind;
    exo_time at_ns;             /* true time since the world began */
    exo_time from_ns, until_ns; /* BACKFILL: wall time */
    uint32_t parallel;
};

/* One that is due every so many minutes. Its times are wall time, but for those of orders. */
struct plan_schedule {
    uint32_t number, project;
    uint32_t every_min;
    uint32_t jitter_s;
    enum schedule_overlap overlap;
    enum schedule_catch_up catch_up;
    uint32_t window_min;
    exo_time end_ns;
    struct plan_order orders[PLAN_ORDERS_MAX]; /* the first puts it */
    uint32_t order_count;
    struct plan_execution execution; /* what each of its times starts */
};

struct plan {
    uint32_t shard_count, scheduler_count, worker_count;
    exo_time heal_ns;
    struct plan_execution executions[PLAN_EXECUTIONS_MAX];
    uint32_t execution_count;
    bool is_crowd; /* most are submitted at one moment */
    struct plan_schedule schedules[PLAN_SCHEDULES_MAX];
    uint32_t schedule_count;
    exo_time dark_ns, light_ns; /* no scheduler runs between; 0: there is no such time */
    uint32_t garbage_jobs, garbage_status;
    exo_time kept_ns; /* so long executions are kept when they have ended; 0: for ever */
};

/* plan_make makes the plan of a seed; which strange things may happen is said by faults. */
void plan_make(struct plan *plan, uint64_t seed, struct faults *faults);

/* plan_bound makes the groups of a plan smaller: none has more than some hundred runs. */
void plan_bound(struct plan *plan);

/* plan_text writes an execution's cluster file, plan_input its input. */
void plan_text(const struct plan_execution *e, struct buffer *text);
void plan_input(const struct plan_execution *e, struct buffer *text);

/* A next try of a task that is tried by hand is so far away that no world waits for it. */
#define PLAN_FAR_TEXT "base: 40m, cap: 40m, jitter: none"

enum task_end { END_SUCCEEDED, END_FAILED, END_NEVER, END_LATER, END_TIMED_OUT, END_HANGS };

/* Which task of which satellite, inside a group or not. */
struct plan_spot {
    uint32_t satellite;
    bool is_inner;   /* of the group `satellite`: */
    uint32_t inner;  /* of its satellites */
    uint32_t run;    /* of the group */
    bool is_deep;    /* the one satellite of an INNER_GROUP: */
    uint32_t deeper; /* run of that group */
    uint32_t index;  /* of the task in its map; 0: no map */
};

/* plan_spot_of reads the path of an instance, such as s3.7.i1 or s0.i2.3.d; false: it is none.
 * plan_spot_path writes that of one which is no map. */
enum { PLAN_PATH_BYTES = 64 };
bool plan_spot_of(const struct plan_execution *e, struct span path, struct plan_spot *ret_spot);
void plan_spot_path(const struct plan_execution *e, const struct plan_spot *spot,
                    char ret_text[PLAN_PATH_BYTES]);
bool plan_spot_equal(const struct plan_spot *a, const struct plan_spot *b);

/* What the instance of a spot is. */
bool plan_spot_is_map(const struct plan_execution *e, const struct plan_spot *spot);
bool plan_spot_is_group(const struct plan_execution *e, const struct plan_spot *spot);
bool plan_spot_is_wait(const struct plan_execution *e, const struct plan_spot *spot);
enum wait_kind plan_spot_wait(const struct plan_execution *e, const struct plan_spot *spot);
uint32_t plan_spot_wait_ms(const struct plan_execution *e, const struct plan_spot *spot);
bool plan_spot_is_final(const struct plan_execution *e, const struct plan_spot *spot);
uint32_t plan_spot_retries(const struct plan_execution *e, const struct plan_spot *spot);

/* plan_task_end says how a try of a task ends.
 * failures, laters  of this task so far */
enum task_end plan_task_end(const struct plan_execution *e, const struct plan_spot *spot,
                            uint32_t failures, uint32_t laters);

/* plan_start_make lets an execution begin at a time of its own where the fault fires. */
void plan_start_make(struct plan_execution *e, struct faults *faults);

/* plan_deletion_make says how long executions are kept, and which Jobs and commands come again
 * later than that, where the fault fires. plan_kept_ns is how long those of a project are; 0: for
 * ever. */
enum { PLAN_PROJECTS = 3 };
void plan_deletion_make(struct plan *plan, uint64_t seed, struct faults *faults);
exo_time plan_kept_ns(const struct plan *plan, uint32_t project);

/* plan_reruns_make adds executions that run others again where the fault fires, behind those.
 * plan_ran is who has run a satellite: the execution itself, or the one that it keeps it of. */
void plan_reruns_make(struct plan *plan, uint64_t seed, struct faults *faults);
const struct plan_execution *plan_ran(const struct plan_execution *e, uint32_t satellite);

/* plan_people_make says what people ask of an execution while it runs, where their faults fire. */
void plan_people_make(struct plan_execution *e, struct faults *faults);

/* plan_wait_inner_make lets some satellites of a group wait, where the fault fires. */
bool plan_wait_inner_make(struct plan_execution *e, struct plan_satellite *group,
                          struct faults *faults);

/* plan_wait_text adds what a satellite waits for to the cluster file, plan_wait_output writes what
 * it then gives back. The signal of all that do not wait in vain has one name, PLAN_SIGNAL, and one
 * of so many payloads: plan_signal_payload writes one, and "BY" in place of its number where that
 * is PLAN_SIGNALS. */
enum { PLAN_SIGNALS = 8 };
#define PLAN_SIGNAL "go"
void plan_wait_text(enum wait_kind wait, uint32_t wait_ms, struct buffer *text);
void plan_wait_output(const struct plan_execution *e, enum wait_kind wait, struct buffer *text);
void plan_signal_payload(const struct plan_execution *e, uint32_t number, struct buffer *text);

/* plan_list_longest is the most items of any list that a map of it may run over. */
uint32_t plan_list_longest(const struct plan_execution *e);

/* plan_batch_size is the most tasks of one batch. */
uint32_t plan_batch_size(enum batch_kind kind);

/* plan_batch_make lets a satellite, or those of a group, run in batches if they can and the fault
 * fires; plan_batch_text and plan_batch_inner_text add what the cluster file says of it (nothing
 * where it runs alone). */
void plan_batch_make(struct plan_execution *e, struct plan_satellite *s, struct faults *faults);
void plan_batch_text(const struct plan_satellite *s, struct buffer *text);
void plan_batch_inner_text(const struct plan_satellite *group, uint32_t number,
                           struct buffer *text);

/* plan_spot_batch is the kind of batch the tasks of a spot run in. */
enum batch_kind plan_spot_batch(const struct plan_execution *e, const struct plan_spot *spot);

/* plan_schedules_make makes the schedules of a world where the fault is enabled; plan_schedule_text
 * writes one's definition as the API sends it. */
void plan_schedules_make(struct plan *plan, uint64_t seed, struct faults *faults);
void plan_schedule_text(const struct plan_schedule *s, struct buffer *text);

/* plan_item gives item i of input.items, of a satellite's output.list, and a map's task's output.
 */
uint32_t plan_input_item(const struct plan_execution *e, uint32_t i);
uint32_t plan_list_item(const struct plan_execution *e, uint32_t satellite, uint32_t i);
uint32_t plan_map_output(const struct plan_execution *e, uint32_t satellite, uint32_t index);

/* plan_single_n gives output.n of a satellite that is no map, the same for all that wait for the
 * signal. */
uint32_t plan_single_n(const struct plan_execution *e, uint32_t satellite);

/* plan_output writes what a task gives back, as JSON. */
void plan_output(const struct plan_execution *e, const struct plan_spot *spot, struct buffer *text);

/* plan_spot_mark is a number of the task alone, never 0. A container says whose input it was given
 * with it, as the most memory it needed, which the scheduler only hands on. */
uint64_t plan_spot_mark(const struct plan_execution *e, const struct plan_spot *spot);

#endif /* EXO_TESTS_SIM_PLAN_H */
