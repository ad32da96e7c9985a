/* attempt: the tasks of an instance: grants, reports, losses, retries.
 *
 *   READY --grant--> DISPATCHED --accepted--> RUNNING --finished--> SUCCEEDED
 *     ^                  |                       |                  FAILED, TIMED_OUT, CANCELLED
 *     +--- rejected, lost+-----------------------+ the first time
 *     +--------- BACKOFF <-----------------------+ failed, with retries left; lost again
 * Pure. */
#include <assert.h>
#include <string.h>

#include "scheduler/core/retry.h"
#include "scheduler/core/sched_state.h"
#include "schemas/cluster/control.h"
#include "schemas/json/json_read.h"

enum { LATERS_MAX = 1000 };

static const struct span nothing = {NULL, 0};

void change_execution(struct sched *s, struct execution *e)
{
    struct sched_change *change = vector_add(&s->changes);

    execution_dirty(s, e);
    if (change == NULL) {
        s->is_broken = true;
        return;
    }
    change->execution = e;
    change->number = ++e->change;
    change->at_ns = s->now_ns;
    change->is_execution = true;
    change->state = e->state;
    change->error = e->error == NULL ? nothing : span_of(e->error);
}

void change_instance(struct sched *s, struct instance *instance, struct span error)
{
    struct sched_change *change = vector_add(&s->changes);

    frame_dirty(s, instance->frame);
    if (change == NULL) {
        s->is_broken = true;
        return;
    }
    change->execution = instance->execution;
    change->number = ++instance->execution->change;
    change->at_ns = s->now_ns;
    change->state = instance->state;
    change->instance = instance;
    change->error = error.bytes > 0 && instance->error != NULL ? span_of(instance->error) : nothing;
}

struct page *page_get(struct sched *s, struct instance *instance, uint32_t page)
{
    if (instance->pages[page] != NULL) {
        return instance->pages[page];
    }
    struct page *made = sched_get(s, sizeof(*made));

    if (made == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < PAGE_TASKS; i++) {
        made->tasks[i].state = TASK_READY;
    }
    instance->pages[page] = made;
    return made;
}

static void page_dirty(struct sched *s, struct instance *instance, uint32_t page)
{
    if (instance->pages[page]->is_dirty) {
        return;
    }
    struct sched_page *note = vector_add(&s->pages);

    if (note == NULL) {
        s->is_broken = true;
        return;
    }
    instance->pages[page]->is_dirty = true;
    *note = (struct sched_page){instance->execution, instance, page};
}

void task_change(struct sched *s, struct instance *instance, struct task *task, uint32_t index,
                 enum task_state state, struct span worker, struct span error)
{
    assert(!task_state_is_terminal((enum task_state)task->state));
    assert(instance->counts[task->state] > 0);
    instance->counts[task->state]--;
    instance->counts[state]++;
    task->state = (uint8_t)state;
    if (instance->is_map) {
        page_dirty(s, instance, index / PAGE_TASKS);
        if (task_state_is_active(state) && instance->state == TASK_READY) {
            instance->state = TASK_RUNNING;
            change_instance(s, instance, nothing);
        }
    } else if (!task_state_is_terminal(state)) {
        instance->state = (uint8_t)state;
    }
    if (task_state_is_active(state) && instance->started_ms == 0) {
        instance->started_ms = s->now_ns / EXO_MILLISECOND;
    }
    struct sched_change *change = vector_add(&s->changes);

    frame_dirty(s, instance->frame);
    if (change == NULL) {
        s->is_broken = true;
        return;
    }
    *change = (struct sched_change){
        .execution = instance->execution,
        .number = ++instance->execution->change,
        .at_ns = s->now_ns,
        .state = (uint8_t)state,
        .has_index = instance->is_map,
        .instance = instance,
        .index = index,
        .attempt = task->attempt,
        .worker = worker,
        .error = error,
    };
}

void lease_dirty(struct sched *s, struct lease *lease)
{
    frame_dirty(s, lease->instance->frame);
    if (lease->instance->is_map) {
        page_dirty(s, lease->instance, lease->index / PAGE_TASKS);
    }
}

/* ---- grants ---- */

uint32_t ready_count(const struct instance *instance)
{
    if (!instance_may_start(instance) || task_state_is_terminal((enum task_state)instance->state)) {
        return 0;
    }
    if (!instance->is_map) {
        return instance->task_count == 1 && instance->task.state == TASK_READY ? 1 : 0;
    }
    uint32_t ready = instance->again_count;

    if (instance->tail_state == TASK_WAITING) {
        ready += instance->items_stored - instance->next_index - instance->ahead_count;
    }
    uint32_t busy = instance->counts[TASK_DISPATCHED] + instance->counts[TASK_RUNNING] +
                    instance->counts[TASK_BACKOFF];
    uint32_t most = instance->satellite->max_parallel;

    if (most != 0) {
        uint32_t room = busy >= most ? 0 : most - busy;

        ready = ready < room ? ready : room;
    }
    return ready;
}

void instance_offer(struct sched *s, struct instance *instance)
{
    if (instance->satellite->kind == SATELLITE_WAIT) {
        wait_begin(s, instance);
        return;
    }
    if (instance_is_group(instance)) {
        group_wake(s, instance);
        return;
    }
    if (instance_is_gathered(instance)) {
        gather_wake(s, instance);
        return;
    }
    instance->source.needs.avoid =
        instance->again_first == NULL ? 0 : instance->again_first->lost_by;
    if (!dispatch_set(s->dispatch, &instance->source,
                      instance->execution->definition->cluster->project, ready_count(instance))) {
        s->is_broken = true;
    }
}

/* Of the task that next_ready gives. */
uint32_t next_ready_index(const struct instance *instance)
{
    return instance->again_first != NULL ? instance->again_first->index
           : instance->is_map            ? instance->next_index
                                         : 0;
}

/* The next ready task of an instance as a lease; NULL when there is none. */
struct lease *next_ready(struct sched *s, struct instance *instance)
{
    if (instance->again_first != NULL) {
        struct lease *again = instance->again_first;

        again_remove(instance, again);
        return again;
    }
    if (!instance->is_map) {
        return instance->task.state == TASK_READY ? lease_new(s, instance, 0) : NULL;
    }
    if (instance->next_index >= instance->items_stored || instance->tail_state != TASK_WAITING ||
        page_get(s, instance, instance->next_index / PAGE_TASKS) == NULL) {
        return NULL;
    }
    struct lease *lease = lease_new(s, instance, instance->next_index++);

    map_advance(instance);
    return lease;
}

void dispatch_note(struct sched *s, struct lease *lease)
{
    struct sched_dispatch *dispatch = vector_add(&s->dispatches);

    if (dispatch == NULL) {
        s->is_broken = true;
        return;
    }
    lease->offset = TASK_ON_ITS_WAY;
    *dispatch = (struct sched_dispatch){
        .execution = lease->execution,
        .instance = lease->instance,
        .index = lease->index,
        .attempt = execution_task(lease->instance, lease->index)->attempt,
        .ticket = lease->ticket,
        .lend = lease->lend,
        .holder = lease->holder,
        .process = span_of(lease->process),
        .is_granted = lease->batch == s->batch,
        .partition = lease->holder->partition,
    };
}

static bool grant_one(struct sched *s, struct instance *instance, const struct sched_grant *grant,
                      uint32_t place)
{
    struct lease *lease = ready_count(instance) == 0 ? NULL : next_ready(s, instance);
    struct holder *holder = holder_get(s, grant->worker, grant->incarnation);

    if (lease == NULL || holder == NULL) {
        return false;
    }
    struct task *task = execution_task(instance, lease->index);

    task->attempt++;
    lease->ticket = grant->tickets[place];
    lease->lend = grant->lends[place];
    lease->heartbeat = 0;
    lease->started_ms = 0;
    lease->is_killed = false;
    lease->is_withheld = false;
    lease->told_ns = 0;
    progress_forget(s, lease);
    lease->batch = s->batch;
    if (lease->first_ns == 0) {
        lease->first_ns = s->now_ns;
    }
    assert(grant->process.bytes < sizeof(lease->process));
    memcpy(lease->process, grant->process.data, grant->process.bytes);
    lease->process[grant->process.bytes] = '\0';
    lease_hold(lease, holder);
    task_change(s, instance, task, lease->index, TASK_DISPATCHED, span_of(holder->name), nothing);
    dispatch_note(s, lease);
    return true;
}

enum sched_err attempt_grant(struct sched *s, const struct sched_grant *grant)
{
    struct instance *instance = grant->source->owner;
    struct execution *e = instance->execution;
    uint32_t used = 0;

    while (used < grant->count && grant_one(s, instance, grant, used)) {
        used++;
    }
    for (uint32_t i = used; i < grant->count; i++) {
        fleet_ticket_restored(s->fleet, grant->worker, grant->incarnation, grant->tickets[i],
                              grant->lends[i]);
    }
    if (used > 0 && e->state == EXECUTION_QUEUED) {
        execution_state_set(s, e, EXECUTION_RUNNING);
    }
    instance_offer(s, instance);
    return used > 0 ? SCHED_OK : SCHED_ESTALE;
}

/* ---- what becomes of an attempt ---- */

void task_end(struct sched *s, struct lease *lease, enum task_state state, struct span error)
{
    struct instance *instance = lease->instance;
    struct task *task = execution_task(instance, lease->index);

    if (error.bytes > 0 && instance->error == NULL && state != TASK_CANCELLED &&
        state != TASK_SKIPPED) {
        instance->error = sched_text(s, error);
    }
    task_change(s, instance, task, lease->index, state,
                lease->holder == NULL ? nothing : span_of(lease->holder->name), error);
    lease_free(s, lease);
    instance_settle(s, instance);
    instance_offer(s, instance);
}

static bool lease_is_stopped(const struct lease *lease)
{
    return lease_stop(lease) != TASK_WAITING;
}

void task_ready_again(struct sched *s, struct lease *lease, struct span error)
{
    struct instance *instance = lease->instance;

    if (lease_is_stopped(lease)) {
        task_end(s, lease, lease_stop(lease), error);
        return;
    }
    lease_unhold(lease);
    lease->ready_ns = s->now_ns;
    again_add(instance, lease);
    timers_again(s, lease);
    task_change(s, instance, execution_task(instance, lease->index), lease->index, TASK_READY,
                nothing, error);
    instance_offer(s, instance);
}

static exo_time retry_wait(const struct lease *lease, uint32_t n)
{
    struct task_id id = {lease->execution->id, instance_number(lease->instance), lease->index};

    return retry_wait_ns(&lease->instance->satellite->retries, &id, n);
}

static bool retry_is_in_budget(const struct sched *s, const struct lease *lease, uint32_t n)
{
    exo_time budget_ns = lease->instance->satellite->retries.budget_ns;

    return budget_ns == 0 || s->now_ns + retry_wait(lease, n) <= lease->first_ns + budget_ns;
}

static struct span holder_name(const struct lease *lease)
{
    return lease->holder == NULL ? nothing : span_of(lease->holder->name);
}

void task_backoff(struct sched *s, struct lease *lease, exo_time wait_ns, struct span error)
{
    struct instance *instance = lease->instance;

    lease->due_ns = s->now_ns + wait_ns;
    task_change(s, instance, execution_task(instance, lease->index), lease->index, TASK_BACKOFF,
                holder_name(lease), error);
    lease_unhold(lease);
    if (!heap_insert(&s->backoffs, &lease->timer)) {
        s->is_broken = true;
    }
    instance_offer(s, instance);
}

void attempt_backoffs(struct sched *s)
{
    for (;;) {
        struct heap_node *first = heap_first(&s->backoffs);

        if (first == NULL || s->budget == 0) {
            return;
        }
        struct lease *lease =
            (struct lease *)(void *)((unsigned char *)first - offsetof(struct lease, timer));

        if (lease->due_ns > s->now_ns) {
            return;
        }
        heap_remove(&s->backoffs, first);
        task_ready_again(s, lease, nothing);
        s->budget--;
    }
}

static size_t result_bytes(const struct wire_output *output)
{
    return sizeof(*output) + output->json.bytes + output->worker.bytes + output->error.bytes;
}

void result_drop(struct sched *s, struct instance *instance)
{
    if (instance->result != NULL) {
        sched_put(s, instance->result, result_bytes(instance->result));
    }
    instance->result = NULL;
}

/* The small result of a single task is kept for as long as its row is written again. */
void result_keep(struct sched *s, struct instance *instance, const struct wire_output *output)
{
    struct wire_output *kept = sched_get(s, result_bytes(output));

    if (kept == NULL) {
        return;
    }
    *kept = *output;

    struct span *parts[] = {&kept->json, &kept->worker, &kept->error};
    unsigned char *memory = (unsigned char *)(kept + 1);
    size_t at = 0;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (parts[i]->bytes > 0) {
            memcpy(memory + at, parts[i]->data, parts[i]->bytes);
        }
        parts[i]->data = memory + at;
        at += parts[i]->bytes;
    }
    result_drop(s, instance);
    instance->result = kept;
}

/* What the end names must not be collected while its execution is there. */
static void blobs_note(struct sched *s, struct execution *execution,
                       const struct wire_output *output)
{
    const struct {
        bool is_there;
        const struct digest *digest;
    } named[] = {{output->has_ref, &output->ref_digest},
                 {output->has_log, &output->log_digest},
                 {output->has_artefacts, &output->artefacts_digest}};

    for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
        struct sched_blob *blob = named[i].is_there ? vector_add(&s->blobs) : NULL;

        if (blob != NULL) {
            *blob = (struct sched_blob){execution, *named[i].digest};
        } else if (named[i].is_there) {
            s->is_broken = true;
        }
    }
}

void output_note(struct sched *s, struct instance *instance, const struct wire_output *output)
{
    blobs_note(s, instance->execution, output);
    if (!instance->is_map && output->outcome == OUTCOME_SUCCEEDED &&
        output->json.bytes + output->error.bytes <= OUTPUT_KEPT_BYTES) {
        result_keep(s, instance, output);
        return;
    }
    struct sched_output *note = vector_add(&s->outputs);

    if (note == NULL) {
        s->is_broken = true;
        return;
    }
    note->execution = instance->execution;
    note->instance = instance;
    note->page = instance->is_map ? output->index / PAGE_TASKS : WIRE_SINGLE_PAGE;
    note->output = *output;
}

static struct wire_output output_of(const struct sched *s, const struct lease *lease,
                                    const struct wire_report *report, enum wire_outcome outcome)
{
    return (struct wire_output){
        .index = lease->index,
        .attempt = report->attempt,
        .json = outcome == OUTCOME_SUCCEEDED ? report->output : nothing,
        .has_ref = outcome == OUTCOME_SUCCEEDED && report->has_output_digest,
        .ref_digest = report->output_digest,
        .ref_bytes = report->output_bytes,
        .has_log = report->has_log,
        .log_digest = report->log_digest,
        .log_bytes = report->log_bytes,
        .run_ms = report->run_ms,
        .memory_bytes_max = report->memory_bytes_max,
        .cpu_ms = report->cpu_ms,
        .worker = holder_name(lease),
        .exit_status = report->exit_status,
        .error = report->error,
        .outcome = outcome,
        .started_ms = lease_started_ms(
            s, lease, lease->started_ms != 0 ? lease->started_ms : report->at_ms - report->run_ms),
        .ended_ms = s->now_ns / EXO_MILLISECOND,
        .has_artefacts = outcome == OUTCOME_SUCCEEDED && report->has_artefacts,
        .artefacts_digest = report->artefacts_digest,
        .artefacts_bytes = report->artefacts_bytes,
        .is_cached = report->is_cached,
        .is_gathered = lease->is_gathered,
        .gathered_in = lease->gathered_in,
    };
}

void attempt_skip(struct sched *s, struct lease *lease, struct span json, struct span actor)
{
    struct instance *instance = lease->instance;
    struct wire_output output = {
        .index = lease->index,
        .attempt = execution_task(instance, lease->index)->attempt,
        .json = json,
        .worker = actor,
        .outcome = OUTCOME_SUCCEEDED,
        .ended_ms = s->now_ns / EXO_MILLISECOND,
    };

    output_note(s, instance, &output);
    if (instance->is_map || output_keep(s, &instance->output, json)) {
        lease_end(s, lease, TASK_SUCCEEDED, nothing);
    }
}

/* What the attempt asked for; nothing when it asked for none, or in words of another version. */
static struct satellite_control control_of(struct sched *s, const struct lease *lease,
                                           const struct wire_report *report)
{
    struct satellite_control control = {0};
    struct json_limits limits = {.borrows_text = true};
    struct json_error json_error;
    struct fault_list faults;
    struct value *value = arena_alloc(&s->scratch, sizeof(*value));

    if (report->control.bytes == 0 || report->outcome != OUTCOME_SUCCEEDED || value == NULL) {
        s->is_broken = s->is_broken || value == NULL;
        return control;
    }
    fault_list_init(&faults, &s->scratch, 1);
    enum json_err read = json_read(report->control, &limits, &s->scratch, value, &json_error);

    s->is_broken = s->is_broken || read == JSON_EMEMORY;
    if (read != JSON_OK ||
        control_parse(value, lease->instance->is_map, &s->scratch, &control, &faults) != 0) {
        return (struct satellite_control){0};
    }
    return control;
}

/* What has not begun beside it is skipped. */
static void skip_rest(struct sched *s, const struct instance *instance)
{
    struct frame *frame = instance->frame;

    for (uint32_t i = 0; i < frame->instance_count; i++) {
        struct instance *other = &frame->instances[i];

        if (!other->satellite->is_final && other->stop == TASK_WAITING &&
            !task_state_is_terminal((enum task_state)other->state)) {
            instance_stop_set(s, other, TASK_SKIPPED, nothing);
        }
    }
}

static void finish_succeeded(struct sched *s, struct lease *lease, const struct wire_report *report,
                             const struct satellite_control *control)
{
    struct instance *instance = lease->instance;

    if (control->more_items != NULL) {
        map_more(s, instance, control->more_items);
    }
    if (control->skips_rest) {
        skip_rest(s, instance);
    }
    if (control->is_pruned && instance->is_map) {
        task_end(s, lease, TASK_SKIPPED, nothing);
        return;
    }
    instance->is_pruned = instance->is_pruned || control->is_pruned;

    if (!instance->is_map) {
        if (!output_keep(s, &instance->output, report->output)) {
            return;
        }
        instance->output.has_ref = report->has_output_digest;
        instance->output.digest = report->output_digest;
        instance->output.ref_bytes = report->output_bytes;
        instance->output.has_artefacts = report->has_artefacts;
        instance->output.artefacts = report->artefacts_digest;
        instance->output.artefacts_bytes = report->artefacts_bytes;
    }
    instance->has_artefacts = instance->has_artefacts || report->has_artefacts;
    task_end(s, lease, TASK_SUCCEEDED, nothing);
}

static void finish_failed(struct sched *s, struct lease *lease, const struct wire_report *report)
{
    struct task *task = execution_task(lease->instance, lease->index);
    enum task_state end = report->outcome == OUTCOME_TIMED_OUT ? TASK_TIMED_OUT : TASK_FAILED;

    if (lease_is_stopped(lease)) {
        task_end(s, lease, lease_stop(lease) == TASK_TIMED_OUT ? TASK_TIMED_OUT : end,
                 report->error);
        return;
    }
    task->failures++;
    if (task->failures > lease->instance->satellite->retries.limit) {
        task_end(s, lease, end, report->error);
    } else if (!retry_is_in_budget(s, lease, task->failures)) {
        task_end(s, lease, end, sched_joined(s, report->error, RETRY_OVER_BUDGET));
    } else {
        task_backoff(s, lease, retry_wait(lease, task->failures), report->error);
    }
}

/* after_ns: when it said itself; 0: by its policy. */
static void finish_later(struct sched *s, struct lease *lease, const struct wire_report *report,
                         exo_time after_ns)
{
    struct task *task = execution_task(lease->instance, lease->index);

    if (lease_is_stopped(lease)) {
        task_end(s, lease, lease_stop(lease), report->error);
        return;
    }
    if (++task->laters >= LATERS_MAX) {
        task_end(s, lease, TASK_FAILED, span_of("LATER: it asked for another time 1,000 times"));
        return;
    }
    if (after_ns == 0 && !retry_is_in_budget(s, lease, task->laters)) {
        task_end(s, lease, TASK_FAILED, sched_joined(s, report->error, RETRY_OVER_BUDGET));
        return;
    }
    task_backoff(s, lease, after_ns > 0 ? after_ns : retry_wait(lease, task->laters),
                 report->error);
}

static bool has_status(const uint8_t *statuses, uint32_t count, int32_t status)
{
    for (uint32_t i = 0; i < count; i++) {
        if (statuses[i] == status) {
            return true;
        }
    }
    return false;
}

/* A failure may mean something else for this satellite. */
static enum wire_outcome outcome_of(const struct lease *lease, const struct wire_report *report)
{
    const struct satellite_retries *retries = &lease->instance->satellite->retries;

    if (report->outcome != OUTCOME_FAILED) {
        return report->outcome;
    }
    return has_status(retries->never, retries->never_count, report->exit_status)
               ? OUTCOME_NEVER_AGAIN
           : has_status(retries->later, retries->later_count, report->exit_status) ? OUTCOME_LATER
                                                                                   : OUTCOME_FAILED;
}

/* A success that asks for more tasks than an execution may have is none. */
static bool has_room(const struct lease *lease, const struct satellite_control *control)
{
    return control->more_items == NULL ||
           control->more_items->count <= LIMIT_TASKS - lease->execution->task_total;
}

static void attempt_finished(struct sched *s, struct lease *lease, const struct wire_report *told)
{
    struct wire_report own = *told;
    const struct wire_report *report = &own;
    struct satellite_control control = control_of(s, lease, report);

    if (!has_room(lease, &control)) {
        own.outcome = OUTCOME_NEVER_AGAIN;
        own.error = span_of("more_items: an execution may have 1,000,000 tasks; split it");
    }
    enum wire_outcome outcome =
        control.again_after_ns > 0 ? OUTCOME_LATER : outcome_of(lease, report);
    struct wire_output output = output_of(s, lease, report, outcome);

    if (control.is_pruned && lease->instance->is_map) {
        /* Its task is SKIPPED: its place in the list is null, however that is read. */
        output.json = nothing;
        output.has_ref = false;
    }
    s->counts.finished_attempts++;
    output_note(s, lease->instance, &output);
    switch (outcome) {
    case OUTCOME_SUCCEEDED:
        finish_succeeded(s, lease, report, &control);
        return;
    case OUTCOME_FAILED:
    case OUTCOME_TIMED_OUT:
        finish_failed(s, lease, report);
        return;
    case OUTCOME_NEVER_AGAIN:
        task_end(s, lease, TASK_FAILED, report->error);
        return;
    case OUTCOME_LATER:
        finish_later(s, lease, report, control.again_after_ns);
        return;
    case OUTCOME_CANCELLED:
        if (lease_is_stopped(lease)) {
            task_end(s, lease, lease_stop(lease), report->error);
        } else {
            attempt_lost(s, lease, span_of("the worker ended it unasked"));
        }
        return;
    case OUTCOME_LOST:
        attempt_lost(s, lease,
                     report->error.bytes > 0 ? report->error
                                             : span_of("the worker handed it back"));
        return;
    case OUTCOME_NONE:
    case OUTCOME_NR:
        break;
    }
    assert(false);
}

void attempt_gathered(struct sched *s, struct lease *lease, enum wire_outcome outcome,
                      struct span output, struct span error)
{
    const struct wire_report report = {
        .kind = REPORT_FINISHED,
        .task = {lease->execution->id, instance_number(lease->instance), lease->index},
        .attempt = execution_task(lease->instance, lease->index)->attempt,
        .at_ms = s->now_ns / EXO_MILLISECOND,
        .outcome = outcome,
        .output = output,
        .error = error,
    };

    attempt_finished(s, lease, &report);
}

static void image_pin(struct sched *s, struct instance *instance, struct span digest)
{
    if (digest.bytes > 0 && instance->image_digest == NULL) {
        instance->image_digest = sched_text(s, digest);
        frame_dirty(s, instance->frame);
    }
}

static enum sched_err attempt_accepted(struct sched *s, struct lease *lease,
                                       const struct wire_report *report)
{
    struct task *task = execution_task(lease->instance, lease->index);

    if (task->state == TASK_RUNNING) {
        return SCHED_ESTALE;
    }
    /* A heartbeat before the first has number 0; a lease knows 0 as "not accepted". */
    lease->heartbeat = report->heartbeat + 1;
    task_change(s, lease->instance, task, lease->index, TASK_RUNNING, span_of(lease->holder->name),
                nothing);
    return SCHED_OK;
}

/* The number of an attempt alone tells neither who runs it nor what it is: a database that went
 * back grants it again under the same one, and then it may be another run of a group (ADR 0023).
 * The loan that was spent on it names one grant of one life of a worker. 0: it was not spent, or an
 * older worker kept an end without it. */
static bool is_of_grant(const struct lease *lease, const struct sched_report *event)
{
    const struct wire_report *report = &event->report;

    return lease_is_of(lease, event->worker) && lease->holder->incarnation == event->incarnation &&
           (report->lend == 0 || (report->lend == lease->lend && report->ticket == lease->ticket));
}

enum sched_err attempt_report(struct sched *s, const struct sched_report *event)
{
    const struct wire_report *report = &event->report;
    struct execution *e = execution_find(s, &report->task.execution);

    struct instance *instance = e == NULL ? NULL : execution_instance(e, report->task.instance);
    struct task *task = instance == NULL ? NULL : execution_task(instance, report->task.index);

    if (task == NULL || task->attempt != report->attempt || task->lease == NULL ||
        !task_state_is_active((enum task_state)task->state) || !is_of_grant(task->lease, event)) {
        return SCHED_ESTALE;
    }
    image_pin(s, instance, report->image_digest);
    switch (report->kind) {
    case REPORT_ACCEPTED:
        return attempt_accepted(s, task->lease, report);
    case REPORT_STARTED:
        task->lease->started_ms = lease_started_ms(s, task->lease, report->at_ms);
        progress_row_dirty(s, task->lease); /* else nobody sees it before the attempt has ended */
        return SCHED_OK;
    case REPORT_PROGRESS:
        (void)attempt_accepted(s, task->lease, report); /* it implies it */
        progress_report(s, task->lease, report->progress);
        return SCHED_OK;
    case REPORT_REJECTED:
        /* While our commit is in doubt another owner may have sent it: the loan is idle again. */
        grant_end(s, task->lease);
        task_ready_again(s, task->lease, report->error);
        return SCHED_OK;
    case REPORT_FINISHED:
        attempt_finished(s, task->lease, report);
        arena_reset(&s->scratch);
        return SCHED_OK;
    }
    return SCHED_ESTALE;
}
