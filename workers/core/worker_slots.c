#include "workers/core/worker_state.h"

#include <assert.h>
#include <string.h>

enum { STOP_AGAIN_SECONDS = 5 };

static const exo_time progress_every_ns = EXO_SECOND; /* protocol.md 11: one a second an attempt */

/* Lists and index. */

static void list_push(struct worker *worker, struct slot_list *list, int32_t index)
{
    struct slot *slot = &worker->slots[index];

    slot->next = -1;
    slot->previous = list->last;
    if (list->last >= 0) {
        worker->slots[list->last].next = index;
    } else {
        list->first = index;
    }
    list->last = index;
    list->count++;
}

static void list_remove(struct worker *worker, struct slot_list *list, int32_t index)
{
    struct slot *slot = &worker->slots[index];

    if (slot->previous >= 0) {
        worker->slots[slot->previous].next = slot->next;
    } else {
        list->first = slot->next;
    }
    if (slot->next >= 0) {
        worker->slots[slot->next].previous = slot->previous;
    } else {
        list->last = slot->previous;
    }
    slot->next = -1;
    slot->previous = -1;
    list->count--;
}

/* FNV-1a over the task's name: the ids come from our own schedulers, so no seed is needed. */
static uint32_t bucket_of(const struct worker *worker, const struct task_id *task)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < sizeof(task->execution.bytes); i++) {
        hash = (hash ^ task->execution.bytes[i]) * 16777619u;
    }
    hash = (hash ^ task->instance) * 16777619u;
    hash = (hash ^ task->index) * 16777619u;
    return (hash ^ (hash >> 15)) & worker->bucket_mask;
}

static bool is_task(const struct slot *slot, const struct task_id *task)
{
    return slot->task.index == task->index && slot->task.instance == task->instance &&
           execution_id_equal(&slot->task.execution, &task->execution);
}

struct slot *slots_find(const struct worker *worker, const struct task_id *task, uint32_t attempt)
{
    for (int32_t i = worker->buckets[bucket_of(worker, task)]; i >= 0; i = worker->slots[i].chain) {
        if (worker->slots[i].attempt == attempt && is_task(&worker->slots[i], task)) {
            return &worker->slots[i];
        }
    }
    return NULL;
}

static void index_add(struct worker *worker, int32_t index)
{
    int32_t *bucket = &worker->buckets[bucket_of(worker, &worker->slots[index].task)];

    worker->slots[index].chain = *bucket;
    *bucket = index;
}

static void index_remove(struct worker *worker, int32_t index)
{
    int32_t *at = &worker->buckets[bucket_of(worker, &worker->slots[index].task)];

    while (*at != index) {
        assert(*at >= 0);
        at = &worker->slots[*at].chain;
    }
    *at = worker->slots[index].chain;
    worker->slots[index].chain = -1;
}

static int32_t index_of(const struct worker *worker, const struct slot *slot)
{
    return (int32_t)(slot - worker->slots);
}

static struct slot_handle handle_of(const struct worker *worker, const struct slot *slot)
{
    return (struct slot_handle){(uint32_t)index_of(worker, slot), slot->generation};
}

static struct slot *slot_of(const struct worker *worker, struct slot_handle handle)
{
    if (handle.index >= worker->slot_nr ||
        worker->slots[handle.index].generation != handle.generation ||
        worker->slots[handle.index].state == SLOT_FREE) {
        return NULL;
    }
    return &worker->slots[handle.index];
}

void slots_init(struct worker *worker)
{
    worker->free = (struct slot_list){-1, -1, 0};
    worker->ready = (struct slot_list){-1, -1, 0};
    for (uint32_t i = 0; i < worker->slot_nr; i++) {
        worker->slots[i] = (struct slot){.chain = -1, .next_lender = -1};
        list_push(worker, &worker->free, (int32_t)i);
    }
    for (uint32_t i = 0; i <= worker->bucket_mask; i++) {
        worker->buckets[i] = -1;
    }
}

/* Each idle ticket has a free slot set aside; these are left for anything else. */
static uint32_t slots_spare(const struct worker *worker)
{
    assert(worker->free.count >= worker->tickets.idle);
    return worker->free.count - worker->tickets.idle;
}

static struct slot *slot_take(struct worker *worker)
{
    int32_t index = worker->free.first;

    assert(index >= 0);
    list_remove(worker, &worker->free, index);
    struct slot *slot = &worker->slots[index];

    *slot = (struct slot){
        .generation = slot->generation + 1,
        .incarnation = worker->settings.incarnation,
        .next_lender = -1,
        .deadline_ns = EXO_TIME_NEVER,
        .next = -1,
        .previous = -1,
        .chain = -1,
    };
    return slot;
}

/* Changes of state. */

static exo_time time_in(const struct worker *worker, exo_time in_ns)
{
    return in_ns >= EXO_TIME_NEVER - worker->now_ns ? EXO_TIME_NEVER : worker->now_ns + in_ns;
}

static void deadline_set(struct worker *worker, struct slot *slot, exo_time in_ns)
{
    slot->deadline_ns = time_in(worker, in_ns);
    if (slot->deadline_ns < worker->slots_ns) {
        worker->slots_ns = slot->deadline_ns;
    }
}

static void state_set(struct worker *worker, struct slot *slot, enum slot_state state)
{
    bool had_place = slot_holds_place(slot->state);
    bool has_place = slot_holds_place(state);

    if (slot->state == SLOT_READY) {
        list_remove(worker, &worker->ready, index_of(worker, slot));
    }
    if (had_place && !has_place) {
        worker->placed--;
        worker->memory_used -= slot->memory_bytes;
    } else if (!had_place && has_place) {
        worker->placed++;
        worker->memory_used += slot->memory_bytes;
    }
    slot->state = state;
    if (state == SLOT_READY) {
        list_push(worker, &worker->ready, index_of(worker, slot));
    }
}

static struct worker_action *slot_act(struct worker *worker, const struct slot *slot,
                                      enum worker_action_kind kind)
{
    struct worker_action *action = worker_act(worker, kind);

    action->slot = handle_of(worker, slot);
    return action;
}

static struct worker_report *report_fill(struct worker *worker, const struct slot *slot,
                                         struct worker_action *action, enum worker_report_kind kind)
{
    action->report = (struct worker_report){
        .id = {.slot = handle_of(worker, slot),
               .is_last = kind == WORKER_FINISHED || kind == WORKER_REJECTED,
               .is_started = kind == WORKER_STARTED,
               .is_progress = kind == WORKER_PROGRESS},
        .kind = kind,
        .shard = slot->shard,
        .incarnation = slot->incarnation,
        .task = slot->task,
        .attempt = slot->attempt,
        .ticket = slot->ticket,
        .lend = slot->lend,
        .heartbeat = worker->heartbeat,
    };
    if (kind == WORKER_FINISHED) {
        action->report.outcome = slot->ended;
        action->report.exit_status = slot->exit_status;
        action->report.error = slot->error;
    } else if (kind == WORKER_REJECTED) {
        action->report.error = slot->reject;
    }
    return &action->report;
}

static void report_send(struct worker *worker, struct slot *slot, enum worker_report_kind kind)
{
    struct worker_report *report =
        report_fill(worker, slot, slot_act(worker, slot, WORKER_DO_REPORT), kind);

    if (kind == WORKER_ACCEPTED) {
        slot->is_accepted_sent = true;
    }
    if (report->id.is_last) {
        slot->is_report_due = false;
    }
    if (!report->id.is_last || slot->next_lender < 0) {
        return;
    }
    /* Sent again: the loan may have been spent, moved or recalled since. */
    const struct ticket *ticket = &worker->tickets.tickets[slot->ticket];

    if (ticket->is_spent || ticket->lender != slot->next_lender ||
        ticket->lend != slot->next_lend) {
        return;
    }
    const struct ticket_lender *lender = &worker->tickets.lenders[slot->next_lender];

    report->next = (struct span){lender->name, lender->name_bytes};
    report->next_lend = slot->next_lend;
}

static void slot_give_back_ticket(struct worker *worker, struct slot *slot)
{
    struct ticket_move move;
    bool may_lend = worker_lends(worker) && slots_spare(worker) > 0;

    ticket_give_back(&worker->tickets, slot->ticket, may_lend, &move);
    slot->next_lender = move.lender;
    slot->next_lend = move.lend;
}

/* The slot has entered FINISHED: its ticket goes on and its last word is sent. */
static void slot_finish(struct worker *worker, struct slot *slot)
{
    assert(slot->state == SLOT_FINISHED);
    assert(slot->ended != ATTEMPT_UNKNOWN);
    slot->deadline_ns = EXO_TIME_NEVER;
    slot_give_back_ticket(worker, slot);
    worker->counts.ended[slot->ended]++;
    report_send(worker, slot, WORKER_FINISHED);
}

static void slot_decide(struct slot *slot)
{
    slot->ended = attempt_outcome(slot->stop, slot->end, slot->exit_status, &slot->error);
}

static void slot_free(struct worker *worker, struct slot *slot)
{
    if (slot->state == SLOT_FINISHED) {
        index_remove(worker, index_of(worker, slot));
        if (slot->is_spooled) {
            (void)slot_act(worker, slot, WORKER_DO_SPOOL_DELETE);
        }
        (void)slot_act(worker, slot, WORKER_DO_FORGET);
        worker->adopted -= slot->is_adopted;
    } else {
        assert(slot->state == SLOT_REJECTED);
        worker->rejected--;
    }
    state_set(worker, slot, SLOT_FREE);
    list_push(worker, &worker->free, index_of(worker, slot));
}

static void container_stop(struct worker *worker, struct slot *slot, exo_time grace_ns)
{
    slot_act(worker, slot, WORKER_DO_STOP)->grace_ns = grace_ns;
    deadline_set(worker, slot, grace_ns + STOP_AGAIN_SECONDS * EXO_SECOND);
}

static enum worker_err slot_stop(struct worker *worker, struct slot *slot, enum stop_reason reason)
{
    int next = slot_next(slot->state, SLOT_STOP);

    if (next == SLOT_STALE) {
        return WORKER_ESTALE;
    }
    bool is_first = slot->stop == STOP_NONE;

    if (is_first) {
        slot->stop = reason;
    }
    enum slot_state before = slot->state;

    state_set(worker, slot, (enum slot_state)next);
    if (next == SLOT_FINISHED) {
        slot_decide(slot);
        slot_finish(worker, slot);
    } else if (before == SLOT_RUNNING) {
        container_stop(worker, slot, slot->grace_ns);
    }
    return is_first ? WORKER_OK : WORKER_ESTALE;
}

/* Events. */

static enum worker_err task_reject(struct worker *worker, const struct worker_on_task *task,
                                   bool has_ticket, const char *reason)
{
    if (!has_ticket && (slots_spare(worker) == 0 || worker->rejected >= WORKER_REJECTED_SLOTS)) {
        /* No word is kept of it: the position passes it, and the scheduler finds it absent. */
        worker->counts.dropped++;
        return WORKER_EFULL;
    }
    struct slot *slot = slot_take(worker);

    slot->task = task->task;
    slot->attempt = task->attempt;
    slot->shard = task->shard;
    slot->ticket = has_ticket ? task->ticket : 0;
    slot->lend = has_ticket ? task->lend : 0;
    slot->class_index = task->class_index;
    slot->offset = task->offset;
    slot->reject = reason;
    state_set(worker, slot, SLOT_REJECTED);
    worker->rejected++;
    if (has_ticket) {
        slot_give_back_ticket(worker, slot);
    }
    worker->counts.rejected++;
    report_send(worker, slot, WORKER_REJECTED);
    return WORKER_EREJECTED;
}

static void task_admit(struct worker *worker, const struct worker_on_task *task)
{
    struct slot *slot = slot_take(worker);

    slot->task = task->task;
    slot->attempt = task->attempt;
    slot->shard = task->shard;
    slot->ticket = task->ticket;
    slot->lend = task->lend;
    slot->class_index = task->class_index;
    slot->offset = task->offset;
    slot->timeout_ns = task->timeout_ns;
    slot->heartbeat_ns = task->heartbeat_ns;
    slot->grace_ns = task->grace_ns < 0 ? 0 : task->grace_ns;
    slot->memory_bytes = task->memory_bytes;
    slot->cpu_millis = task->cpu_millis;
    slot->is_spooled = worker->settings.spools;
    state_set(worker, slot, SLOT_PREPARING);
    index_add(worker, index_of(worker, slot));
    deadline_set(worker, slot, worker->settings.prepare_max_ns);
    worker->counts.accepted++;
    if (!worker->settings.merges_accepted) {
        report_send(worker, slot, WORKER_ACCEPTED);
    }
    (void)slot_act(worker, slot, WORKER_DO_PREPARE);
}

/* A newer attempt came: its scheduler has given up every older one of the task. */
static void task_supersede(struct worker *worker, const struct worker_on_task *task)
{
    int32_t next;

    for (int32_t i = worker->buckets[bucket_of(worker, &task->task)]; i >= 0; i = next) {
        struct slot *slot = &worker->slots[i];

        next = slot->chain;
        if (slot->attempt < task->attempt && is_task(slot, &task->task) &&
            slot_stop(worker, slot, STOP_SUPERSEDED) == WORKER_OK) {
            worker->counts.superseded++;
        }
    }
}

/* The database of the schedulers went back, and another grant has the same number: what runs may be
 * another task. Whoever granted this one does so again, under a number of its own. */
static enum worker_err task_replace(struct worker *worker, struct slot *slot,
                                    const struct worker_on_task *task)
{
    enum worker_err err = task_reject(
        worker, task, true, "REPLACED: an attempt of this number that was never granted is here");

    if (slot_stop(worker, slot, STOP_SUPERSEDED) == WORKER_OK) {
        worker->counts.superseded++;
    }
    return err;
}

enum worker_err slots_on_task(struct worker *worker, const struct worker_on_task *task)
{
    struct slot *slot = slots_find(worker, &task->task, task->attempt);

    if (slot != NULL && slot->ticket == task->ticket && slot->lend == task->lend) {
        worker->counts.repeated++;
        if (slot->state != SLOT_FINISHED) {
            report_send(worker, slot, WORKER_ACCEPTED);
        }
        return WORKER_ESTALE;
    }
    if (worker->phase != WORKER_SERVING) {
        return task_reject(worker, task, false, "DRAINING: the worker takes no more tasks");
    }
    if (worker->is_full) {
        return task_reject(worker, task, false, "FULL: the worker's disk has no room for a task");
    }
    if (ticket_spend(&worker->tickets, task->process, task->ticket, task->lend) != TICKET_OK) {
        return task_reject(worker, task, false,
                           worker->health.is_unfit
                               ? "UNFIT: the worker cannot start attempts; its status says why"
                               : "TICKET: the ticket is not lent to this process under this "
                                 "number");
    }
    if (slot != NULL) {
        return task_replace(worker, slot, task);
    }
    if (worker->settings.memory_bytes > 0 && task->memory_bytes > worker->settings.memory_bytes) {
        return task_reject(worker, task, true,
                           "TOO_LARGE: the task needs more memory than this worker has");
    }
    task_admit(worker, task);
    task_supersede(worker, task);
    return WORKER_OK;
}

enum worker_err slots_on_kill(struct worker *worker, const struct worker_on_kill *kill)
{
    struct slot *slot = slots_find(worker, &kill->task, kill->attempt);

    if (slot == NULL) {
        return WORKER_ESTALE;
    }
    if (kill->grace_ns >= 0) {
        slot->grace_ns = kill->grace_ns;
    }
    return slot_stop(worker, slot, STOP_KILLED);
}

enum worker_err slots_on_adopt(struct worker *worker, const struct worker_on_adopt *adopt)
{
    if (slots_find(worker, &adopt->task, adopt->attempt) != NULL) {
        return WORKER_ESTALE;
    }
    if (slots_spare(worker) == 0) {
        return WORKER_EFULL;
    }
    struct slot *slot = slot_take(worker);

    slot->task = adopt->task;
    slot->attempt = adopt->attempt;
    slot->shard = adopt->shard;
    slot->incarnation = adopt->incarnation;
    slot->ended = adopt->outcome;
    slot->exit_status = adopt->exit_status;
    slot->is_adopted = true;
    slot->is_spooled = true;
    state_set(worker, slot, SLOT_FINISHED);
    index_add(worker, index_of(worker, slot));
    worker->adopted++;
    report_send(worker, slot, WORKER_FINISHED);
    return WORKER_OK;
}

static void running_deadline(struct worker *worker, struct slot *slot)
{
    slot->deadline_ns = slot->silence_ns < slot->run_end_ns ? slot->silence_ns : slot->run_end_ns;
    if (slot->deadline_ns < worker->slots_ns) {
        worker->slots_ns = slot->deadline_ns;
    }
}

/* It lives: from now on it may be silent for its heartbeat. A sign may be seen as late as it is
 * looked for, which is not its fault. */
static void slot_alive(struct worker *worker, struct slot *slot)
{
    slot->silence_ns = slot->heartbeat_ns > 0
                           ? time_in(worker, slot->heartbeat_ns + WORKER_LOOK_SECONDS * EXO_SECOND)
                           : EXO_TIME_NEVER;
    running_deadline(worker, slot);
}

static void progress_tell(struct worker *worker, struct slot *slot)
{
    if (worker->now_ns - slot->told_ns < progress_every_ns) {
        return; /* with a beat to come */
    }
    slot->is_progress_due = false;
    slot->told_ns = worker->now_ns;
    if (!slot->is_accepted_sent) {
        report_send(worker, slot, WORKER_ACCEPTED);
    }
    report_send(worker, slot, WORKER_PROGRESS);
}

static void slot_progress(struct worker *worker, struct slot *slot, bool has_news)
{
    slot_alive(worker, slot);
    if (has_news) {
        slot->is_progress_due = true;
        progress_tell(worker, slot);
    }
}

static void slot_started(struct worker *worker, struct slot *slot)
{
    if (slot->stop != STOP_NONE) {
        state_set(worker, slot, SLOT_STOPPING);
        container_stop(worker, slot, slot->grace_ns);
        return;
    }
    slot->run_end_ns = slot->timeout_ns > 0 ? time_in(worker, slot->timeout_ns) : EXO_TIME_NEVER;
    slot->told_ns = worker->now_ns - progress_every_ns;
    slot_alive(worker, slot);
    if (!worker->settings.merges_accepted) {
        report_send(worker, slot, WORKER_STARTED);
    }
}

static void slot_collected(struct worker *worker, struct slot *slot, enum attempt_end end)
{
    slot_decide(slot);
    if (slot->ended == ATTEMPT_SUCCEEDED && end != ATTEMPT_EXITED) {
        slot->end = end;
        slot_decide(slot);
    }
    if (!worker->settings.spools) {
        state_set(worker, slot, SLOT_FINISHED);
        slot_finish(worker, slot);
        return;
    }
    struct worker_action *action = slot_act(worker, slot, WORKER_DO_SPOOL_WRITE);

    (void)report_fill(worker, slot, action, WORKER_FINISHED);
}

enum worker_err slots_on_slot(struct worker *worker, enum slot_input input,
                              const struct worker_on_slot *event)
{
    struct slot *slot = slot_of(worker, event->slot);
    int next = slot == NULL ? SLOT_STALE : slot_next(slot->state, input);

    if (next == SLOT_STALE) {
        return WORKER_ESTALE;
    }
    bool is_no_start =
        input == SLOT_UNPREPARED || (input == SLOT_EXITED && slot->state == SLOT_STARTING);

    if (is_no_start && event->end == ATTEMPT_BROKEN) {
        health_failed(worker, event->cause);
    }
    state_set(worker, slot, (enum slot_state)next);
    switch (input) {
    case SLOT_PREPARED:
        slot->deadline_ns = EXO_TIME_NEVER;
        break;
    case SLOT_UNPREPARED:
        slot->end = event->end;
        slot_decide(slot);
        slot_finish(worker, slot);
        break;
    case SLOT_STARTED:
        health_started(worker);
        slot_started(worker, slot);
        break;
    case SLOT_PROGRESS:
        slot_progress(worker, slot, event->has_news);
        break;
    case SLOT_EXITED:
        slot->end = event->end;
        /* What it answers to a stop for its silence is no status of its own: `never` and `later`
         * of its retries do not read it. */
        slot->exit_status =
            event->end == ATTEMPT_EXITED && slot->stop != STOP_SILENT ? event->exit_status : 0;
        slot->deadline_ns = EXO_TIME_NEVER;
        (void)slot_act(worker, slot, WORKER_DO_COLLECT);
        break;
    case SLOT_COLLECTED:
        slot_collected(worker, slot, event->end);
        break;
    case SLOT_SPOOLED:
        slot_finish(worker, slot);
        break;
    case SLOT_PLACED:
    case SLOT_STOP:
    case SLOT_ACKED:
    case SLOT_INPUT_NR:
        assert(false); /* not inputs from outside */
    }
    return WORKER_OK;
}

enum worker_err slots_on_acked(struct worker *worker, const struct worker_report_id *id)
{
    struct slot *slot = slot_of(worker, id->slot);

    if (slot == NULL) {
        return WORKER_ESTALE; /* its FINISHED was acknowledged first: the same answer */
    }
    if (!id->is_last) {
        slot->is_answered = slot->is_answered || !id->is_progress;
        return WORKER_OK;
    }
    if (slot_next(slot->state, SLOT_ACKED) == SLOT_STALE) {
        return WORKER_ESTALE;
    }
    slot_free(worker, slot);
    return WORKER_OK;
}

enum worker_err slots_on_failed(struct worker *worker, const struct worker_report_id *id)
{
    struct slot *slot = slot_of(worker, id->slot);

    worker->counts.reports_failed++;
    if (slot == NULL) {
        return WORKER_ESTALE;
    }
    if (id->is_last) {
        slot->is_report_due = true;
    } else if (id->is_progress) {
        slot->is_progress_due = true;
    } else if (!id->is_started) {
        slot->is_accepted_sent = false;
    }
    return WORKER_OK;
}

/* Time. */

static void running_time(struct worker *worker, struct slot *slot)
{
    exo_time look_ns = WORKER_LOOK_SECONDS * EXO_SECOND;

    if (slot->run_end_ns <= worker->now_ns) {
        (void)slot_stop(worker, slot, STOP_TIMED_OUT); /* RUNNING always takes it */
    } else if (worker->now_ns - worker->awake_ns >= look_ns) {
        (void)slot_stop(worker, slot, STOP_SILENT);
    } else {
        slot->silence_ns = time_in(worker, look_ns); /* we have not looked for it yet */
        running_deadline(worker, slot);
    }
}

static void slot_time(struct worker *worker, struct slot *slot)
{
    if (slot->state == SLOT_PREPARING) {
        slot->end = ATTEMPT_BROKEN;
        slot_decide(slot);
        slot->error = "PREPARE_TIMEOUT: image and input were not ready in time on this worker";
        state_set(worker, slot, SLOT_FINISHED);
        slot_finish(worker, slot);
    } else if (slot->state == SLOT_RUNNING) {
        running_time(worker, slot);
    } else {
        assert(slot->state == SLOT_STOPPING);
        container_stop(worker, slot, 0); /* the first one did not get through */
    }
}

void slots_time(struct worker *worker)
{
    if (worker->now_ns < worker->slots_ns) {
        return;
    }
    for (uint32_t i = 0; i < worker->slot_nr; i++) {
        if (worker->slots[i].deadline_ns <= worker->now_ns && worker->slots[i].state != SLOT_FREE) {
            slot_time(worker, &worker->slots[i]);
        }
    }
    worker->slots_ns = EXO_TIME_NEVER;
    for (uint32_t i = 0; i < worker->slot_nr; i++) {
        if (worker->slots[i].state != SLOT_FREE &&
            worker->slots[i].deadline_ns < worker->slots_ns) {
            worker->slots_ns = worker->slots[i].deadline_ns;
        }
    }
}

void slots_report_due(struct worker *worker)
{
    for (uint32_t i = 0; i < worker->slot_nr; i++) {
        struct slot *slot = &worker->slots[i];

        if (slot->is_report_due && slot->state == SLOT_FINISHED) {
            report_send(worker, slot, WORKER_FINISHED);
        } else if (slot->is_report_due && slot->state == SLOT_REJECTED) {
            report_send(worker, slot, WORKER_REJECTED);
        } else if (slot_is_listed(slot->state) && slot->state != SLOT_FINISHED &&
                   !slot->is_accepted_sent) {
            report_send(worker, slot, WORKER_ACCEPTED);
        }
        if (slot->is_progress_due && slot->state == SLOT_RUNNING) {
            progress_tell(worker, slot);
        }
    }
}

void slots_stop_waiting(struct worker *worker, enum stop_reason reason)
{
    for (uint32_t i = 0; i < worker->slot_nr; i++) {
        struct slot *slot = &worker->slots[i];

        if (slot_is_coming(slot->state)) {
            (void)slot_stop(worker, slot, reason); /* these states always take it */
        }
    }
}

void slots_stop_all(struct worker *worker, enum stop_reason reason)
{
    for (uint32_t i = 0; i < worker->slot_nr; i++) {
        (void)slot_stop(worker, &worker->slots[i], reason); /* what has ended is left alone */
    }
}

void slots_fill_places(struct worker *worker)
{
    while (worker->ready.count > 0 && worker->placed < worker->settings.slots) {
        struct slot *slot = &worker->slots[worker->ready.first];

        if (worker->settings.memory_bytes > 0 &&
            slot->memory_bytes > worker->settings.memory_bytes - worker->memory_used) {
            return;
        }
        state_set(worker, slot, SLOT_STARTING);
        (void)slot_act(worker, slot, WORKER_DO_START);
    }
}
