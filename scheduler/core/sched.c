#include "scheduler/core/sched.h"

#include <assert.h>
#include <string.h>

#include "scheduler/core/sched_state.h"

enum { TOMBSTONES_DEFAULT = 4096, HOLDERS_SWEEP = 64 };

static bool lease_is_before(const struct heap_node *a, const struct heap_node *b)
{
    const struct lease *x = (const struct lease *)(const void *)((const unsigned char *)a -
                                                                 offsetof(struct lease, timer));
    const struct lease *y = (const struct lease *)(const void *)((const unsigned char *)b -
                                                                 offsetof(struct lease, timer));

    return x->due_ns < y->due_ns;
}

static const struct execution *execution_of(const struct heap_node *node)
{
    return (const struct execution *)(const void *)((const unsigned char *)node -
                                                    offsetof(struct execution, timer));
}

static bool timeout_is_before(const struct heap_node *a, const struct heap_node *b)
{
    return execution_of(a)->timeout_at_ns < execution_of(b)->timeout_at_ns;
}

struct sched *sched_new(struct allocator allocator, struct dispatch *dispatch, struct fleet *fleet,
                        uint32_t shard, uint32_t shard_count, const struct sched_limits *limits)
{
    struct sched *s = allocator.resize(allocator.context, NULL, 0, sizeof(*s));

    if (s == NULL) {
        return NULL;
    }
    memset(s, 0, sizeof(*s));
    s->allocator = allocator;
    s->dispatch = dispatch;
    s->fleet = fleet;
    s->shard = shard;
    s->shard_count = shard_count;
    s->batch = 1;
    s->limits = *limits;
    if (s->limits.tombstones == 0) {
        s->limits.tombstones = TOMBSTONES_DEFAULT;
    }
    if (s->limits.step_tasks == 0) {
        s->limits.step_tasks = LIMIT_STEP_TASKS;
    }
    table_init(&s->executions, allocator);
    table_init(&s->holders, allocator);
    table_init(&s->tombstones, allocator);
    heap_init(&s->backoffs, allocator, lease_is_before);
    heap_init(&s->timeouts, allocator, timeout_is_before);
    heap_init(&s->delays, allocator, gate_is_before);
    heap_init(&s->starts, allocator, timer_is_before);
    heap_init(&s->takes, allocator, timer_is_before);
    vector_init(&s->works, allocator, sizeof(struct work));
    vector_init(&s->changes, allocator, sizeof(struct sched_change));
    vector_init(&s->dispatches, allocator, sizeof(struct sched_dispatch));
    vector_init(&s->kills, allocator, sizeof(struct sched_kill));
    vector_init(&s->outputs, allocator, sizeof(struct sched_output));
    vector_init(&s->pages, allocator, sizeof(struct sched_page));
    vector_init(&s->progress, allocator, sizeof(struct sched_progress));
    vector_init(&s->items, allocator, sizeof(struct sched_items));
    vector_init(&s->needs, allocator, sizeof(struct sched_need));
    vector_init(&s->frames, allocator, sizeof(struct frame *));
    vector_init(&s->messages, allocator, sizeof(struct sched_message));
    vector_init(&s->ended_grants, allocator, sizeof(struct ended_grant));
    vector_init(&s->asks, allocator, sizeof(struct sched_ask));
    vector_init(&s->postponed, allocator, sizeof(struct task_id));
    vector_init(&s->blobs, allocator, sizeof(struct sched_blob));
    arena_init(&s->scratch, allocator, 0);
    arena_init(&s->batch_arena, allocator, 0);
    return s;
}

static void holders_sweep(struct sched *s, bool is_all)
{
    for (uint32_t i = 0; i < s->holders.capacity;) {
        struct holder *holder = s->holders.slots[i].item;

        if (holder == NULL || (!is_all && holder->lease_count > 0)) {
            i++;
            continue;
        }
        /* Removal may move another holder into this slot: look at it again. */
        table_remove(&s->holders, s->holders.slots[i].hash, holder);
        sched_put(s, holder, sizeof(*holder));
        s->counts.holders--;
    }
}

void sched_own(struct sched *s, uint64_t epoch)
{
    s->epoch = epoch;
}

void sched_free(struct sched *s)
{
    if (s == NULL) {
        return;
    }
    for (uint32_t i = 0; i < s->executions.capacity;) {
        struct execution *e = s->executions.slots[i].item;

        if (e == NULL) {
            i++;
        } else {
            execution_release(s, e);
        }
    }
    holders_sweep(s, true);
    sched_put(s, s->ring, s->ring == NULL ? 0 : s->limits.tombstones * sizeof(*s->ring));
    table_release(&s->executions);
    table_release(&s->holders);
    table_release(&s->tombstones);
    heap_release(&s->backoffs);
    heap_release(&s->timeouts);
    heap_release(&s->delays);
    heap_release(&s->starts);
    heap_release(&s->takes);
    struct vector *vectors[] = {&s->works,   &s->changes,   &s->dispatches,  &s->kills,
                                &s->outputs, &s->pages,     &s->items,       &s->needs,
                                &s->frames,  &s->messages,  &s->progress,    &s->blobs,
                                &s->asks,    &s->postponed, &s->ended_grants};

    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        vector_release(vectors[i]);
    }
    arena_release(&s->scratch);
    arena_release(&s->batch_arena);
    (void)s->allocator.resize(s->allocator.context, s, sizeof(*s), 0);
}

static void work_step(struct sched *s, const struct work *work)
{
    switch (work->kind) {
    case WORK_RESOLVE:
        waiter_looks(&work->instance->waiter, work->execution);
        instance_resolve(s, work->instance);
        break;
    case WORK_ITEMS:
        waiter_looks(&work->instance->waiter, work->execution);
        map_items(s, work->instance);
        break;
    case WORK_BEGIN:
        waiter_looks(&work->instance->waiter, work->execution);
        group_begin(s, work->instance);
        break;
    case WORK_GATHER:
        waiter_looks(&work->instance->waiter, work->execution);
        gather_step(s, work->instance);
        break;
    case WORK_STOP:
        stop_work(s, work->execution);
        break;
    case WORK_OFFER:
        offer_work(s, work->execution);
        break;
    case WORK_FINISH:
        waiter_looks(&work->frame->waiter, work->execution);
        frame_finish(s, work->frame);
        break;
    case WORK_NONE:
        break;
    }
}

/* Works through the queue until it is empty or the step has changed enough. */
static void works_run(struct sched *s, bool is_narrow)
{
    const struct execution *first = NULL;

    while (s->works_head < s->works.count && s->budget > 0 && !s->is_broken) {
        struct work work = ((struct work *)s->works.items)[s->works_head];

        first = first == NULL ? work.execution : first;
        if (is_narrow && work.execution != first) {
            break;
        }
        s->works_head++;
        s->budget--;
        if (work.kind != WORK_NONE) {
            work.execution->work_count--;
        }
        work_step(s, &work);
    }
    if (s->works_head == s->works.count) {
        s->works.count = 0;
        s->works_head = 0;
    } else if (s->works_head > s->works.count / 2) {
        struct work *items = s->works.items;
        uint32_t left = s->works.count - s->works_head;

        memmove(items, items + s->works_head, left * sizeof(*items));
        s->works.count = left;
        s->works_head = 0;
    }
}

enum sched_err control_cancel(struct sched *s, struct execution *e, struct span reason)
{
    if (e->state == EXECUTION_CANCELLING ||
        execution_state_is_terminal((enum execution_state)e->state)) {
        return SCHED_ESTALE;
    }
    execution_end(s, e, EXECUTION_CANCELLED, reason.bytes > 0 ? reason : span_of("cancelled"));
    return SCHED_OK;
}

/* What may be due behind a barrier; EXO_TIME_NEVER: nothing. */
static exo_time takes_due(const struct sched *s)
{
    const struct heap_node *timeout = heap_first(&s->timeouts);

    exo_time due_ns = timers_next_take(s);

    return timeout != NULL && execution_of(timeout)->timeout_at_ns < due_ns
               ? execution_of(timeout)->timeout_at_ns
               : due_ns;
}

/* Backoffs and delays start something: they fire at once. Timeouts take something away: they wait
 * until all input below an end captured after now has been applied. */
static enum sched_err timer_step(struct sched *s)
{
    exo_time due_ns = takes_due(s);

    if (s->is_narrow && s->works.count > 0) {
        return SCHED_OK;
    }
    s->budget = s->is_narrow ? 1 : s->budget;
    attempt_backoffs(s);
    gates_delayed(s);
    timers_start(s);
    if (due_ns <= s->now_ns && due_ns > s->barrier_asked_ns) {
        s->barrier_asked_ns = s->now_ns;
        s->wants_barrier = true;
    }
    return SCHED_OK;
}

static enum sched_err barrier_step(struct sched *s, exo_time asked_ns)
{
    for (;;) {
        struct heap_node *first = heap_first(&s->timeouts);

        if (first == NULL || execution_of(first)->timeout_at_ns > asked_ns) {
            break;
        }
        if (s->budget == 0) {
            return SCHED_EMORE;
        }
        s->budget--;
        struct execution *e = (struct execution *)(void *)((unsigned char *)first -
                                                           offsetof(struct execution, timer));

        heap_remove(&s->timeouts, first);
        if (!execution_state_is_terminal((enum execution_state)e->state) &&
            e->state != EXECUTION_CANCELLING) {
            execution_end(s, e, EXECUTION_TIMED_OUT,
                          span_of("TIMEOUT: the execution did not end within timeout"));
        }
    }
    if (!timers_take(s, asked_ns)) {
        return SCHED_EMORE;
    }
    s->barrier_asked_ns = 0;
    return SCHED_OK;
}

static enum sched_err event_step(struct sched *s, const struct sched_event *event)
{
    switch (event->kind) {
    case SCHED_SUBMIT:
        return admit_submit(s, &event->submit);
    case SCHED_REPORT:
        return attempt_report(s, &event->report);
    case SCHED_COMMAND:
        return control_step(s, &event->command);
    case SCHED_GRANT:
        return attempt_grant(s, &event->grant);
    case SCHED_WITNESS:
        return witness_step(s, &event->witness);
    case SCHED_TIMER:
        return timer_step(s);
    case SCHED_BARRIER:
        return barrier_step(s, event->asked_ns);
    case SCHED_VALUE:
        return waiter_value(s, &event->value);
    case SCHED_ANSWER:
        return gate_answer(s, &event->answer);
    case SCHED_GATHERED:
        return gather_answer(s, &event->gathered);
    case SCHED_FAIL:
        return fail_step(s, &event->failure);
    case SCHED_EVENT_NR:
        break;
    }
    assert(false);
    return SCHED_ESTALE;
}

enum sched_err sched_step(struct sched *s, const struct sched_event *event, exo_time now_ns)
{
    if (s->is_broken) {
        return SCHED_EMEMORY;
    }
    assert(now_ns >= s->now_ns);
    s->now_ns = now_ns;
    s->budget = s->limits.step_tasks;
    enum sched_err result = event_step(s, event);

    works_run(s, s->is_narrow && event->kind == SCHED_TIMER);
    if (s->is_broken) {
        return SCHED_EMEMORY;
    }
    s->counts.stale += result == SCHED_ESTALE;
    return result;
}

bool sched_has_work(const struct sched *s)
{
    return s->works.count > 0;
}

exo_time sched_deadline(const struct sched *s)
{
    const struct heap_node *backoff = heap_first(&s->backoffs);
    exo_time due_ns = timers_next_start(s);
    exo_time take_ns = takes_due(s);

    if (backoff != NULL) {
        exo_time backoff_ns = ((const struct lease *)(const void *)((const unsigned char *)backoff -
                                                                    offsetof(struct lease, timer)))
                                  ->due_ns;

        due_ns = backoff_ns < due_ns ? backoff_ns : due_ns;
    }
    due_ns = gates_next_delay(s) < due_ns ? gates_next_delay(s) : due_ns;
    /* What waits for its barrier needs no timer. */
    return take_ns > s->barrier_asked_ns && take_ns < due_ns ? take_ns : due_ns;
}

void sched_holders(const struct sched *s, void (*call)(void *context, const struct holder *holder),
                   void *context)
{
    for (uint32_t i = 0; i < s->holders.capacity; i++) {
        const struct holder *holder = s->holders.slots[i].item;

        if (holder != NULL && holder->lease_count > 0) {
            call(context, holder);
        }
    }
}

void sched_task_sent(struct sched *s, const struct task_id *task, uint32_t attempt, int64_t offset)
{
    struct execution *e = execution_find(s, &task->execution);

    struct instance *instance = e == NULL ? NULL : execution_instance(e, task->instance);
    struct task *t = instance == NULL ? NULL : execution_task(instance, task->index);

    if (t != NULL && t->lease != NULL && t->attempt == attempt) {
        t->lease->offset = offset;
    }
}

struct sched_counts sched_counts(const struct sched *s)
{
    return s->counts;
}

bool sched_is_known(const struct sched *s, const struct execution_id *id)
{
    return execution_is_known(s, id);
}

const struct execution *sched_find(const struct sched *s, const struct execution_id *id)
{
    return execution_find(s, id);
}

struct sched_batch sched_batch(const struct sched *s)
{
    return (struct sched_batch){
        .dirty = s->dirty,
        .changes = s->changes.items,
        .change_count = s->changes.count,
        .dispatches = s->dispatches.items,
        .dispatch_count = s->dispatches.count,
        .kills = s->kills.items,
        .kill_count = s->kills.count,
        .outputs = s->outputs.items,
        .output_count = s->outputs.count,
        .pages = s->pages.items,
        .page_count = s->pages.count,
        .items = s->items.items,
        .item_count = s->items.count,
        .frames = s->frames.items,
        .frame_count = s->frames.count,
        .messages = s->messages.items,
        .message_count = s->messages.count,
        .asks = s->asks.items,
        .ask_count = s->asks.count,
        .needs = s->needs.items,
        .need_count = s->needs.count,
        .progress = s->progress.items,
        .progress_count = s->progress.count,
        .blobs = s->blobs.items,
        .blob_count = s->blobs.count,
        .wants_barrier = s->wants_barrier,
    };
}

bool sched_is_empty(const struct sched *s)
{
    return s->dirty == NULL && s->dispatches.count == 0 && s->kills.count == 0 &&
           s->messages.count == 0 && s->needs.count == 0 && s->progress.count == 0 &&
           !s->wants_barrier;
}

/* The lease of a dispatch whose attempt still waits for its worker; NULL: it ended. */
static struct lease *dispatch_lease(const struct sched_dispatch *dispatch)
{
    const struct task *task = execution_task(dispatch->instance, dispatch->index);

    return task != NULL && task->attempt == dispatch->attempt && task->state == TASK_DISPATCHED
               ? task->lease
               : NULL;
}

/* The work that stops many goes on after the seal, and may not have come to this one. */
static bool is_stopped_at_once(const struct sched_dispatch *dispatch)
{
    return dispatch->is_granted && instance_stop(dispatch->instance) != TASK_WAITING;
}

bool sched_leaves(const struct sched_dispatch *dispatch)
{
    return dispatch_lease(dispatch) != NULL && !is_stopped_at_once(dispatch);
}

static void dispatches_withhold(struct sched *s)
{
    const struct sched_dispatch *dispatches = s->dispatches.items;

    for (uint32_t i = 0; i < s->dispatches.count; i++) {
        struct lease *lease = dispatch_lease(&dispatches[i]);

        if (lease != NULL && is_stopped_at_once(&dispatches[i])) {
            lease->is_withheld = true;
        }
    }
}

static void pages_clean(struct sched *s)
{
    const struct sched_page *pages = s->pages.items;

    for (uint32_t i = 0; i < s->pages.count; i++) {
        pages[i].instance->pages[pages[i].page]->is_dirty = false;
    }
    s->pages.count = 0;
}

void sched_sealed(struct sched *s)
{
    struct vector *vectors[] = {&s->changes, &s->dispatches,  &s->kills,    &s->outputs,
                                &s->items,   &s->needs,       &s->messages, &s->progress,
                                &s->blobs,   &s->ended_grants};

    dispatches_withhold(s);
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        vectors[i]->count = 0;
    }
    s->wants_barrier = false;
    arena_reset(&s->batch_arena);
    s->batch++;
    pages_clean(s);
    frames_sealed(s);
    while (s->dirty != NULL) {
        struct execution *e = s->dirty;

        s->dirty = e->dirty_next;
        e->is_dirty = false;
        e->is_new = false;
        if (e->is_freed_at_seal) {
            execution_remember(s, &e->id);
            execution_release(s, e);
        }
    }
    gather_sealed(s);
    if (s->counts.holders > HOLDERS_SWEEP && s->counts.holders > 2 * s->counts.leases) {
        holders_sweep(s, false);
    }
}
