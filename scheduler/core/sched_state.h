/* sched_state: what the files of the shard's core share; for this folder's sources only.
 *
 *   sched.c      the door: events in, bulk work, time
 *   admit.c      executions come and go: memory, submit, finish
 *   kept.c       what a rerun takes over from another execution
 *   stop.c       what an end from outside does to all that runs
 *   control.c    what people ask for while it runs
 *   gate.c       keys that are asked for before anything begins
 *   gather.c     tasks that run in batches with those of other executions
 *   wait.c       satellites that wait for time, a signal, a person
 *   timer.c      queue and total timeouts
 *   frame.c      runs of a scope: the top level's and those of groups
 *   graph.c      satellites: when they run, skip, fail, end
 *   map.c        the list of a map: computed, held, handed to the store
 *   group.c      the runs of a group: begun as there is room, ended
 *   closed.c     what a run of a closed group is given
 *   waiter.c     values that expressions wait for
 *   attempt.c    tasks: grants, reports, losses, retries
 *   progress.c   what running attempts say of themselves
 *   lease.c      attempts in workers' hands, by execution and by holder
 *   witness.c    doubts about workers
 *   scope.c      what expressions see
 *   load.c       back from the store
 *   check.c      the invariants
 *   quarantine.c what brings its reader down
 * Pure. */
#ifndef EXO_SCHEDULER_SCHED_STATE_H
#define EXO_SCHEDULER_SCHED_STATE_H

#include "scheduler/core/sched.h"
#include "scheduler/core/vector.h"
#include "schemas/vocab/limits.h"

enum work_kind {
    WORK_NONE,    /* what it was for is gone */
    WORK_RESOLVE, /* an instance whose join may be met */
    WORK_ITEMS,   /* hand the next items of a map to the store */
    WORK_BEGIN,   /* begin runs of a group */
    WORK_STOP,    /* go on with a stop */
    WORK_GATHER,  /* ask for places in batches */
    WORK_OFFER,   /* tell the queue of every instance again: a pause, a resume, a priority */
    WORK_FINISH,  /* all satellites of a frame are terminal */
};

struct work {
    enum work_kind kind;
    struct execution *execution;
    struct frame *frame;       /* the instance's; FINISH: whose end it is */
    struct instance *instance; /* RESOLVE, ITEMS, BEGIN, GATHER */
};

struct scope;

/* A grant that ended while its batch was in flight. */
struct ended_grant {
    char worker[FLEET_NAME_BYTES];
    uint64_t incarnation, lend, batch;
    uint32_t ticket;
};

struct sched {
    struct allocator allocator;
    struct dispatch *dispatch;
    struct fleet *fleet;
    uint32_t shard, shard_count;
    struct sched_limits limits;
    exo_time now_ns;
    uint64_t batch; /* number of the open one in this life, from 1 */
    uint64_t epoch; /* sched_own */
    bool is_broken;
    bool is_narrow; /* a TIMER goes about one execution */
    uint64_t age;   /* of the next source */
    struct table executions;
    struct table holders;
    struct table tombstones; /* items are entries of the ring */
    struct execution_id *ring;
    uint32_t ring_count, ring_next;
    int64_t forgotten_ms;      /* the latest time within an id that left the ring; 0: none did */
    struct heap backoffs;      /* leases */
    struct heap timeouts;      /* executions */
    struct heap delays;        /* executions that wait for their time */
    struct heap starts;        /* instance_timer: what lets something go on, due at once */
    struct heap takes;         /* instance_timer: what takes something away, after a barrier */
    exo_time barrier_asked_ns; /* timeouts due up to here wait for a barrier */
    struct execution *dirty;
    struct vector works; /* ring would save nothing: emptied nearly every step */
    uint32_t works_head;
    struct vector changes, dispatches, kills, outputs, pages, items, needs, progress, blobs;
    struct vector frames; /* struct frame *: to be written */
    struct vector messages;
    struct vector ended_grants; /* struct ended_grant, of the batch before the open one */
    struct vector asks;         /* struct sched_ask */
    uint32_t ask_place;         /* of the table of executions: where sched_ask_again goes on */
    struct vector postponed;    /* struct task_id, of instances: they ask when there is room */
    size_t ask_bytes;           /* of the items in asks */
    bool is_ask_held;
    bool wants_barrier;
    uint32_t budget;          /* changes this step may still make */
    struct arena scratch;     /* expressions; reset after use */
    struct arena batch_arena; /* what the open batch refers to and nobody else keeps */
    struct sched_counts counts;
};

/* sched_get gives zeroed memory or breaks the core (NULL). sched_put frees what it gave. */
void *sched_get(struct sched *s, size_t bytes);
void sched_put(struct sched *s, void *block, size_t bytes);
unsigned char *bytes_copy(struct sched *s, struct span source, uint32_t *ret_bytes);
char *sched_text(struct sched *s, struct span text); /* a copy with a NUL */
void sched_text_put(struct sched *s, char *text);    /* NULL is allowed */

/* sched_joined gives both texts one behind the other, until the end of the batch. */
struct span sched_joined(struct sched *s, struct span first, const char *second);

/* admit.c */
struct execution *execution_new(struct sched *s, const struct execution_id *id,
                                struct definition *definition);
void execution_release(struct sched *s, struct execution *e);
struct execution *execution_find(const struct sched *s, const struct execution_id *id);
bool execution_is_known(const struct sched *s, const struct execution_id *id);
void execution_dirty(struct sched *s, struct execution *e);
void execution_state_set(struct sched *s, struct execution *e, enum execution_state state);
void execution_finish(struct sched *s, struct execution *e);
void execution_remember(struct sched *s, const struct execution_id *id);
enum sched_err admit_submit(struct sched *s, const struct sched_submit *submit);
void output_drop(struct sched *s, struct kept_output *output);
bool output_keep(struct sched *s, struct kept_output *output, struct span json);

/* kept.c */
void kept_take(struct sched *s, struct execution *e, const struct sched_submit *submit);

/* load.c */
enum sched_err instance_load(struct sched *s, struct instance *instance,
                             const struct wire_instance *kept);
void parents_load(struct instance *instance);

/* stop.c */
void attempt_kill(struct sched *s, struct lease *lease);
void execution_end(struct sched *s, struct execution *e, enum execution_state ending,
                   struct span reason);
void instance_stop_set(struct sched *s, struct instance *instance, enum task_state state,
                       struct span reason);
void lease_end(struct sched *s, struct lease *lease, enum task_state state, struct span error);
bool tail_end(struct instance *instance, enum task_state state);
void frame_stop_set(struct sched *s, struct frame *frame, enum task_state state,
                    struct span reason);
void stop_begin(struct sched *s, struct execution *e);
void finals_stop(struct sched *s, struct execution *e);
void stop_work(struct sched *s, struct execution *e);

/* control.c */
enum sched_err control_step(struct sched *s, const struct sched_command *command);
enum sched_err control_cancel(struct sched *s, struct execution *e, struct span reason);
void offer_begin(struct sched *s, struct execution *e);
void offer_work(struct sched *s, struct execution *e);

/* gate.c */
void gates_ask(struct sched *s, struct execution *e, const struct sched_submit *submit);
void gates_load(struct sched *s, struct execution *e);

/* gates_delayed lets executions go on whose time has come; gates_next_delay says when the next has,
 * EXO_TIME_NEVER: none waits. gates_first_delayed gives that one, NULL: none. */
void gates_delayed(struct sched *s);
exo_time gates_next_delay(const struct sched *s);
struct execution *gates_first_delayed(const struct sched *s);

/* gate_is_before orders the heap of delays. */
bool gate_is_before(const struct heap_node *a, const struct heap_node *b);
void gates_release(struct sched *s, struct execution *e);
enum sched_err gate_answer(struct sched *s, const struct wire_key_answer *answer);

/* gather.c */
void gather_wake(struct sched *s, struct instance *instance);
void gather_step(struct sched *s, struct instance *instance);
void gather_sealed(struct sched *s);
void gather_leave(struct sched *s, struct lease *lease);
enum sched_err gather_answer(struct sched *s, const struct sched_gathered *answer);

/* wait.c */
void wait_begin(struct sched *s, struct instance *instance);
void wait_load(struct sched *s, struct instance *instance);
void wait_due(struct sched *s, struct instance *instance);
void wait_end(struct sched *s, struct instance *instance, enum task_state state, struct span json,
              struct span error);
enum sched_err wait_signal(struct sched *s, struct execution *e,
                           const struct sched_command *command);
void signal_free(struct sched *s, struct signal *signal);

/* timer.c */
void timer_set(struct sched *s, struct instance *instance, enum instance_timer_kind kind,
               exo_time due_ns);
void timers_drop(struct sched *s, struct instance *instance);
void timers_ready(struct sched *s, struct instance *instance);
void timer_run(struct sched *s, struct frame *frame);
void timers_again(struct sched *s, struct lease *lease);
void timers_start(struct sched *s);
bool timers_take(struct sched *s, exo_time asked_ns);
exo_time timers_next_start(const struct sched *s);
exo_time timers_next_take(const struct sched *s);
bool timer_is_before(const struct heap_node *a, const struct heap_node *b);
const struct instance_timer *timer_of(const struct heap_node *node);

/* frame.c */
struct frame_place {
    struct execution *execution;
    struct instance *group; /* NULL: the top level */
    uint32_t index;
    uint32_t number;
};

/* frame_init makes a frame in place, all its instances WAITING; frame_new one on the heap, the last
 * of its execution. False and NULL: the core is broken. */
bool frame_init(struct sched *s, struct frame *frame, const struct frame_place *place);
struct frame *frame_new(struct sched *s, const struct frame_place *place);

/* frame_release frees what the frame holds, not the frame. */
void frame_release(struct sched *s, struct frame *frame);

/* frame_dirty sees to it that the row that holds the frame is written with the batch. */
void frame_dirty(struct sched *s, struct frame *frame);

/* frame_begin resolves the instances that wait for nobody. */
void frame_begin(struct sched *s, struct frame *frame);

/* frame_refuse ends a run that has not begun, FAILED, and all in it with it. */
void frame_refuse(struct sched *s, struct frame *frame, struct span why);

/* frame_finish ends a frame whose instances are all terminal, or lets it wait for a value. */
void frame_finish(struct sched *s, struct frame *frame);

/* frame_failure gives the first instance whose failure nobody dealt with; NULL: none. */
const struct instance *frame_failure(const struct frame *frame);

/* frame_output writes what the frame gives. False while it waits for a value, or, with
 * ret_error->code set, when it cannot be computed. */
bool frame_output(struct sched *s, struct frame *frame, struct buffer *text,
                  struct expression_error *ret_error);

/* frames_sealed forgets that frames are dirty and drops those that have ended. */
void frames_sealed(struct sched *s);

/* group.c */
void group_wake(struct sched *s, struct instance *group);
void group_begin(struct sched *s, struct instance *group);
void group_run_ended(struct sched *s, struct frame *frame, enum task_state state);
/* By hand, a run that has not begun ends as CANCELLED, or as SUCCEEDED with json as its output.
 * False without memory. */
EXO_CHECKED bool group_run_forestall(struct sched *s, struct instance *group, uint32_t index,
                                     enum task_state state, struct span json);
void group_unstarve(struct instance *group);

/* closed.c */
enum run_input {
    RUN_INPUT_READY,
    RUN_INPUT_WAITS,   /* for a value: WORK_BEGIN comes again with it */
    RUN_INPUT_REFUSED, /* it does not fit what the group declares */
};

/* closed_input writes the JSON of what the run of that index of a closed group is given, or why it
 * may not begin. */
enum run_input closed_input(struct sched *s, struct instance *group, uint32_t index,
                            struct buffer *text);

/* map.c */
void map_expand(struct sched *s, struct instance *instance);
void map_items(struct sched *s, struct instance *instance);
void map_more(struct sched *s, struct instance *instance, const struct value *list);
bool items_add(struct sched *s, struct item_list *items, const struct value *list);
void items_drop(struct sched *s, struct item_list *items);
enum task_state map_end(const struct instance *instance);

/* waiter.c */
void waiter_wait(struct sched *s, struct waiter *waiter, struct frame *frame,
                 const struct scope *scope);
void waiter_stop(struct waiter *waiter, struct execution *e);
void waiter_looks(struct waiter *waiter, struct execution *e);
void loaded_drop(struct sched *s, struct instance *instance);
void values_drop(struct sched *s, struct frame *frame);
enum sched_err waiter_value(struct sched *s, const struct sched_value *value);

/* graph.c */
void fail_expression(struct sched *s, struct instance *instance, const char *field,
                     const struct expression_error *error);
void instance_resolve(struct sched *s, struct instance *instance);
void instance_end(struct sched *s, struct instance *instance, enum task_state state,
                  struct span error);
void instance_settle(struct sched *s, struct instance *instance);
bool instance_is_joined(const struct instance *instance);
void work_add(struct sched *s, enum work_kind kind, struct instance *instance);
void work_add_frame(struct sched *s, struct frame *frame);
void work_add_execution(struct sched *s, enum work_kind kind, struct execution *e);
void works_purge(struct sched *s, const struct execution *e, const struct frame *frame);

/* attempt.c */
uint32_t ready_count(const struct instance *instance);
uint32_t next_ready_index(const struct instance *instance);
struct lease *next_ready(struct sched *s, struct instance *instance);
void attempt_gathered(struct sched *s, struct lease *lease, enum wire_outcome outcome,
                      struct span output, struct span error);
void instance_offer(struct sched *s, struct instance *instance);
struct page *page_get(struct sched *s, struct instance *instance, uint32_t page);
void task_change(struct sched *s, struct instance *instance, struct task *task, uint32_t index,
                 enum task_state state, struct span worker, struct span error);
void result_keep(struct sched *s, struct instance *instance, const struct wire_output *output);
void result_drop(struct sched *s, struct instance *instance);
void task_end(struct sched *s, struct lease *lease, enum task_state state, struct span error);
void task_ready_again(struct sched *s, struct lease *lease, struct span error);
void task_backoff(struct sched *s, struct lease *lease, exo_time wait_ns, struct span error);
void attempt_lost(struct sched *s, struct lease *lease, struct span why);
void attempt_skip(struct sched *s, struct lease *lease, struct span json, struct span actor);
void output_note(struct sched *s, struct instance *instance, const struct wire_output *output);
void attempt_backoffs(struct sched *s);
enum sched_err attempt_grant(struct sched *s, const struct sched_grant *grant);
enum sched_err attempt_report(struct sched *s, const struct sched_report *event);
void dispatch_note(struct sched *s, struct lease *lease);

/* progress.c */
void progress_row_dirty(struct sched *s, struct lease *lease);
void progress_report(struct sched *s, struct lease *lease, struct span json);
void progress_keep(struct sched *s, struct lease *lease, struct span json);
void progress_forget(struct sched *s, struct lease *lease);

/* lease.c */
/* What an attempt that comes back while it is being stopped ends its task as; WAITING: it is not.
 */
enum task_state lease_stop(const struct lease *lease);
/* Its Task was sent, or may have been: a worker may have it. */
bool lease_has_left(const struct sched *s, const struct lease *lease);
/* The attempt ends, or is lost, and nothing was heard of its Task: brings the ticket back where
 * that was not sent, and where its batch is in flight, should that be void. */
void grant_end(struct sched *s, const struct lease *lease);
/* The worker of that name holds it, in whichever life. */
bool lease_is_of(const struct lease *lease, struct span worker);
struct holder *holder_get(struct sched *s, struct span name, uint64_t incarnation);
struct holder *holder_find(const struct sched *s, struct span name, uint64_t incarnation);
/* lease_started_ms is when the attempt started by the worker's clock (at_ms), which may be another
 * than ours: never before its satellite did, nor after now. */
int64_t lease_started_ms(const struct sched *s, const struct lease *lease, int64_t at_ms);
void lease_dirty(struct sched *s, struct lease *lease);
void lease_hold(struct lease *lease, struct holder *holder);
void lease_unhold(struct lease *lease);
struct lease *lease_new(struct sched *s, struct instance *instance, uint32_t index);
void lease_free(struct sched *s, struct lease *lease);
void again_add(struct instance *instance, struct lease *lease);
void again_remove(struct instance *instance, struct lease *lease);

/* quarantine.c */
enum sched_err fail_step(struct sched *s, const struct sched_failure *fail);

/* witness.c */
enum sched_err witness_step(struct sched *s, const struct sched_witness *witness);

/* scope.c */
struct scope {
    struct sched *sched;
    struct frame *frame;
    const struct instance *user; /* whose expression it is; NULL: an output */
    bool is_of_run;              /* of one task or run of the user: its item has a name */
    uint32_t run;                /* which */
    bool is_list_of_map;         /* it is a for_each: larger values are loaded */
    bool has_need;
    struct sched_need need;
};

/* scope_eval and scope_eval_template compute in the scratch arena; on EPENDING scope->need says
 * what must be fetched. */
enum expression_err scope_eval(struct scope *scope, const struct expression *expression,
                               struct value *ret_value, struct expression_error *ret_error);
enum expression_err scope_eval_template(struct scope *scope, const struct value_template *template,
                                        struct value *ret_value,
                                        struct expression_error *ret_error);

/* scope_default_output writes the object of the frame's satellites nobody needs. */
void scope_default_output(struct scope *scope, struct buffer *buffer, bool *ret_is_pending);

/* changes */
void change_execution(struct sched *s, struct execution *e);
void change_instance(struct sched *s, struct instance *instance, struct span error);

#endif /* EXO_SCHEDULER_SCHED_STATE_H */
