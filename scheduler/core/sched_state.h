/* sched_state: what the files of the shard's core share; for this folder's sources only.
 *
 *   sched.c      the door: events in, bulk work, time
 *   admit.c      executions come and go: memory, submit, cancel, finish
 *   graph.c      satellites: when they run, skip, fail, end
 *   attempt.c    tasks: grants, reports, losses, retries
 *   witness.c    doubts about workers
 *   scope.c      what expressions see
 *   load.c       back from the store
 *   check.c      the invariants
 * Pure. */
#ifndef EXO_SCHEDULER_SCHED_STATE_H
#define EXO_SCHEDULER_SCHED_STATE_H

#include "scheduler/core/sched.h"
#include "scheduler/core/vector.h"
#include "schemas/vocab/limits.h"

enum work_kind {
    WORK_RESOLVE, /* an instance whose parents are all terminal */
    WORK_ITEMS,   /* hand the next items of a map to the store */
    WORK_CANCEL,  /* go on with a cancel */
    WORK_FINISH,  /* all satellites are terminal */
};

struct work {
    enum work_kind kind;
    struct execution *execution;
    struct instance *instance;
};

struct sched {
    struct allocator allocator;
    struct dispatch *dispatch;
    struct fleet *fleet;
    uint32_t shard, shard_count;
    struct sched_limits limits;
    exo_time now_ns;
    uint64_t batch; /* number of the open one in this life, from 1 */
    bool is_broken;
    uint64_t age; /* of the next source */
    struct table executions;
    struct table holders;
    struct table tombstones; /* items are entries of the ring */
    struct execution_id *ring;
    uint32_t ring_count, ring_next;
    struct heap backoffs;      /* leases */
    struct heap timeouts;      /* executions */
    exo_time barrier_asked_ns; /* timeouts due up to here wait for a barrier */
    struct execution *dirty;
    struct vector works; /* ring would save nothing: emptied nearly every step */
    uint32_t works_head;
    struct vector changes, dispatches, kills, outputs, pages, items, needs, blobs;
    bool wants_barrier;
    uint32_t budget;      /* changes this step may still make */
    struct arena scratch; /* expressions; reset after use */
    struct sched_counts counts;
};

/* sched_get gives zeroed memory or breaks the core (NULL). sched_put frees what it gave. */
void *sched_get(struct sched *s, size_t bytes);
void sched_put(struct sched *s, void *block, size_t bytes);
unsigned char *bytes_copy(struct sched *s, struct span source, uint32_t *ret_bytes);
char *sched_text(struct sched *s, struct span text); /* a copy with a NUL */
void sched_text_put(struct sched *s, char *text);    /* NULL is allowed */

/* admit.c */
struct execution *execution_new(struct sched *s, const struct execution_id *id,
                                struct definition *definition);
void instance_init(struct sched *s, struct execution *e, uint32_t i);
void items_drop(struct sched *s, struct item_list *items);
void execution_release(struct sched *s, struct execution *e);
struct execution *execution_find(const struct sched *s, const struct execution_id *id);
bool execution_is_known(const struct sched *s, const struct execution_id *id);
void execution_dirty(struct sched *s, struct execution *e);
void execution_state_set(struct sched *s, struct execution *e, enum execution_state state);
void execution_end(struct sched *s, struct execution *e, enum execution_state ending,
                   struct span reason);
void execution_cancel_work(struct sched *s, struct execution *e);
void execution_finish(struct sched *s, struct execution *e);
void execution_remember(struct sched *s, const struct execution_id *id);
enum sched_err admit_submit(struct sched *s, const struct sched_submit *submit);
void loaded_drop(struct sched *s, struct instance *instance);
void values_drop(struct sched *s, struct execution *e);
void output_drop(struct sched *s, struct kept_output *output);
bool output_keep(struct sched *s, struct kept_output *output, struct span json);

/* graph.c */
void instance_resolve(struct sched *s, struct instance *instance);
void instance_end(struct sched *s, struct instance *instance, enum task_state state,
                  struct span error);
void instance_settle(struct sched *s, struct instance *instance);
void instance_items_work(struct sched *s, struct instance *instance);
bool instance_expand(struct sched *s, struct instance *instance, const struct value *list);
void work_add(struct sched *s, enum work_kind kind, struct execution *e, struct instance *i);

/* attempt.c */
void instance_offer(struct sched *s, struct instance *instance);
struct page *page_get(struct sched *s, struct instance *instance, uint32_t page);
void task_change(struct sched *s, struct instance *instance, struct task *task, uint32_t index,
                 enum task_state state, struct span worker, struct span error);
struct holder *holder_get(struct sched *s, struct span name, uint64_t incarnation);
struct holder *holder_find(const struct sched *s, struct span name, uint64_t incarnation);
void lease_dirty(struct sched *s, struct lease *lease);
void lease_hold(struct lease *lease, struct holder *holder);
void lease_unhold(struct lease *lease);
struct lease *lease_new(struct sched *s, struct instance *instance, uint32_t index);
void lease_free(struct sched *s, struct lease *lease);
void again_add(struct instance *instance, struct lease *lease);
void result_keep(struct sched *s, struct instance *instance, const struct wire_output *output);
void task_ready_again(struct sched *s, struct lease *lease, struct span error);
void attempt_lost(struct sched *s, struct lease *lease, const char *why);
void attempt_backoffs(struct sched *s);
enum sched_err attempt_grant(struct sched *s, const struct sched_grant *grant);
enum sched_err attempt_report(struct sched *s, const struct sched_report *report);
void attempt_kill(struct sched *s, struct lease *lease);
void dispatch_note(struct sched *s, struct lease *lease);

/* witness.c */
enum sched_err witness_step(struct sched *s, const struct sched_witness *witness);

/* scope.c */
struct scope {
    struct sched *sched;
    struct execution *execution;
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

/* need_note puts what a scope waits for into the open batch. */
void need_note(struct sched *s, const struct scope *scope);

/* scope_default_output writes the object of the satellites nobody needs. */
void scope_default_output(struct scope *scope, struct buffer *buffer, bool *ret_is_pending);

/* changes */
void change_execution(struct sched *s, struct execution *e);
void change_instance(struct sched *s, struct instance *instance, struct span error);

#endif /* EXO_SCHEDULER_SCHED_STATE_H */
