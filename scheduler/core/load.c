/* load: a shard back from the store. What the rows do not say (open parents, queues, who waits for
 * a value) follows from what they say. Pure. */
#include <assert.h>
#include <string.h>

#include "scheduler/core/sched_state.h"
#include "schemas/json/json_read.h"

/* Whatever is half loaded by now is thrown away with the rest: sched_load_done says so too. */
static enum sched_err no_memory(struct sched *s)
{
    s->is_broken = true;
    return SCHED_EMEMORY;
}

static struct instance *find_instance(const struct sched *s, const struct execution_id *id,
                                      uint32_t instance)
{
    struct execution *e = execution_find(s, id);

    return e == NULL ? NULL : execution_instance(e, instance);
}

/* What is kept of a run that has ended is for people only. */
static bool is_ended_run(const struct sched *s, const struct execution_id *id, uint32_t instance)
{
    const struct execution *e = execution_find(s, id);

    return e != NULL && instance < e->next_number && execution_instance(e, instance) == NULL;
}

static bool task_from_columns(struct task *task, const struct wire_columns *columns, uint32_t at)
{
    const unsigned char *states = columns->states.data;

    if (states[at] >= TASK_STATE_NR) {
        return false;
    }
    task->state = states[at];
    task->attempt = at < columns->attempt_count ? columns->attempts[at] : 0;
    task->failures = at < columns->failure_count ? (uint16_t)columns->failures[at] : 0;
    task->losses = at < columns->loss_count ? (uint8_t)columns->losses[at] : 0;
    task->laters = at < columns->later_count ? (uint16_t)columns->laters[at] : 0;
    return true;
}

static bool lease_from(struct sched *s, struct instance *instance, uint32_t index,
                       const struct wire_lease *kept)
{
    struct task *task = execution_task(instance, index);
    struct lease *lease;

    if (task->lease != NULL || kept->process.bytes >= sizeof(lease->process) ||
        kept->worker.bytes >= FLEET_NAME_BYTES) {
        return false;
    }
    lease = lease_new(s, instance, index);
    if (lease == NULL) {
        return false;
    }
    lease->ticket = kept->ticket;
    lease->lend = kept->lend;
    lease->heartbeat = kept->heartbeat;
    lease->started_ms = kept->started_ms;
    lease->due_ns = kept->due_ns;
    lease->first_ns = kept->first_ns;
    lease->ready_ns = kept->ready_ns;
    lease->is_cancelled = kept->is_cancelled;
    lease->is_killed = kept->is_cancelled; /* sent again with what has no answer */
    memcpy(lease->process, kept->process.data, kept->process.bytes);
    progress_keep(s, lease, kept->progress);
    lease->is_gathered = kept->is_gathered;
    lease->gathered_in = kept->gathered_in;
    if (instance_is_gathered(instance)) {
        lease->gather_key = sched_text(s, kept->gather_key);
    }
    if (task->state == TASK_BACKOFF) {
        s->is_broken = s->is_broken || !heap_insert(&s->backoffs, &lease->timer);
    } else if (!instance_is_gathered(instance)) {
        struct holder *holder = holder_get(s, kept->worker, kept->incarnation);

        if (holder != NULL) {
            lease_hold(lease, holder);
            holder->partition = holder->partition == 0 ? kept->partition : holder->partition;
        }
    }
    return !s->is_broken;
}

/* Tasks first .. of one page or of a single task. */
static enum sched_err columns_load(struct sched *s, struct instance *instance, uint32_t first,
                                   const struct wire_columns *columns)
{
    for (uint32_t i = 0; i < columns->states.bytes; i++) {
        struct task *task = execution_task(instance, first + i);

        if (task == NULL || !task_from_columns(task, columns, i)) {
            return SCHED_ESTALE;
        }
    }
    for (uint32_t i = 0; i < columns->lease_count; i++) {
        uint32_t offset = columns->leases[i].offset;
        struct task *task = execution_task(instance, first + offset);

        if (!task_state_is_active((enum task_state)task->state) && task->state != TASK_BACKOFF) {
            return SCHED_ESTALE;
        }
        if (!lease_from(s, instance, first + offset, &columns->leases[i])) {
            return s->is_broken ? SCHED_EMEMORY : SCHED_ESTALE;
        }
    }
    return SCHED_OK;
}

static void result_load(struct sched *s, struct instance *instance,
                        const struct wire_output *output)
{
    if (!output_keep(s, &instance->output, output->json)) {
        return;
    }
    instance->output.has_ref = output->has_ref;
    instance->output.digest = output->ref_digest;
    instance->output.ref_bytes = output->ref_bytes;
    instance->output.has_artefacts = output->has_artefacts;
    instance->output.artefacts = output->artefacts_digest;
    instance->output.artefacts_bytes = output->artefacts_bytes;
}

static bool more_load(struct sched *s, struct instance *instance, struct span json)
{
    struct json_limits limits = {.borrows_text = true};
    struct json_error error;
    struct value list;
    bool is_good = instance->is_map &&
                   json_read(json, &limits, &s->scratch, &list, &error) == JSON_OK &&
                   list.kind == VALUE_LIST && items_add(s, &instance->more, &list);

    arena_reset(&s->scratch);
    return is_good;
}

enum sched_err instance_load(struct sched *s, struct instance *instance,
                             const struct wire_instance *kept)
{
    if (kept->state >= TASK_STATE_NR || kept->stop >= TASK_STATE_NR ||
        kept->tail_state >= TASK_STATE_NR || kept->task_count > LIMIT_TASKS ||
        kept->next_index > kept->task_count || (!instance->is_map && kept->task_count > 1) ||
        (kept->has_task && (instance->is_map || kept->task.states.bytes != kept->task_count))) {
        return SCHED_ESTALE;
    }
    instance->state = (uint8_t)kept->state;
    instance->task_count = kept->task_count;
    instance->next_index = kept->next_index;
    instance->items_stored = kept->cursor;
    instance->has_artefacts = kept->has_artefacts;
    instance->started_ms = kept->started_ms;
    instance->ended_ms = kept->ended_ms;
    instance->ready_ns = kept->ready_ns;
    instance->stop = (uint8_t)kept->stop;
    instance->tail_state = (uint8_t)kept->tail_state;
    instance->is_pruned = kept->is_pruned;
    instance->has_origin = kept->has_origin;
    instance->origin = kept->origin;
    instance->origin_number = kept->origin_number;
    if (kept->more.bytes > 0 && !more_load(s, instance, kept->more)) {
        return s->is_broken ? SCHED_EMEMORY : SCHED_ESTALE;
    }
    memcpy(instance->counts, kept->counts, sizeof(instance->counts));
    if (kept->error.bytes > 0) {
        instance->error = sched_text(s, kept->error);
    }
    if (kept->image_digest.bytes > 0) {
        instance->image_digest = sched_text(s, kept->image_digest);
    }
    if (instance->is_map && kept->task_count > 0) {
        instance->pages =
            sched_get(s, ((kept->task_count - 1) / PAGE_TASKS + 1) * sizeof(*instance->pages));
    }
    if (kept->has_result) {
        result_load(s, instance, &kept->result);
        result_keep(s, instance, &kept->result);
    }
    return s->is_broken     ? SCHED_EMEMORY
           : kept->has_task ? columns_load(s, instance, 0, &kept->task)
                            : SCHED_OK;
}

static bool texts_load(struct sched *s, struct execution *e, const struct sched_loaded *loaded)
{
    e->input = bytes_copy(s, loaded->input, &e->input_bytes);
    e->labels = bytes_copy(s, loaded->labels, &e->labels_bytes);
    if (loaded->error.bytes > 0) {
        e->error = sched_text(s, loaded->error);
    }
    return !s->is_broken;
}

static bool signals_load(struct sched *s, struct execution *e, const struct wire_body *body)
{
    struct signal **link = &e->signals;

    for (uint32_t i = 0; i < body->signal_count; i++) {
        struct signal *signal = sched_get(s, sizeof(*signal));

        if (signal == NULL) {
            return false;
        }
        signal->name = sched_text(s, body->signals[i].name);
        signal->json = bytes_copy(s, body->signals[i].json, &signal->bytes);
        *link = signal;
        link = &signal->next;
        e->signal_count++;
    }
    if (body->signal_mark_count > 0) {
        e->signal_marks = sched_get(s, SIGNAL_MARKS * sizeof(*e->signal_marks));
        for (uint32_t i = 0;
             e->signal_marks != NULL && i < body->signal_mark_count && i < SIGNAL_MARKS; i++) {
            e->signal_marks[e->signal_mark_count++] = body->signal_marks[i];
        }
    }
    return !s->is_broken;
}

static bool gates_fill(struct sched *s, struct execution *e, const struct wire_body *body)
{
    for (uint32_t i = 0; i < body->gate_count; i++) {
        const struct wire_gate *gate = &body->gates[i];

        if (gate->kind < KEY_KIND_NR && gate->state <= GATE_OPEN &&
            e->gates[gate->kind].text == NULL) {
            e->gates[gate->kind].state = (uint8_t)gate->state;
            e->gates[gate->kind].text = sched_text(s, gate->text);
            e->gates[gate->kind].limit =
                gate->kind == KEY_QUOTA && gate->limit == 0 ? 1 : gate->limit;
            e->gates[gate->kind].rejects = gate->rejects;
        }
    }
    return !s->is_broken;
}

static enum sched_err instances_load(struct sched *s, struct frame *frame,
                                     const struct wire_instance *kept)
{
    for (uint32_t i = 0; i < frame->instance_count; i++) {
        enum sched_err result = instance_load(s, &frame->instances[i], &kept[i]);

        frame->instances[i].source.priority = frame->execution->priority;
        if (frame->execution->deadline_ns != 0) {
            frame->instances[i].source.deadline_ns = frame->execution->deadline_ns;
        }
        if (result != SCHED_OK) {
            return result;
        }
    }
    return SCHED_OK;
}

enum sched_err sched_load_execution(struct sched *s, const struct sched_loaded *loaded)
{
    if (s->is_broken) {
        return SCHED_EMEMORY;
    }
    if (loaded->body.instance_count != loaded->definition->cluster->root_count ||
        execution_state_is_terminal(loaded->state) || execution_is_known(s, &loaded->id)) {
        return SCHED_ESTALE;
    }
    struct execution *e = execution_new(s, &loaded->id, loaded->definition);

    if (e == NULL || !texts_load(s, e, loaded)) {
        return no_memory(s);
    }
    e->state = (uint8_t)loaded->state;
    e->ending = (uint8_t)loaded->body.ending;
    e->submitted_ns = loaded->submitted_ns;
    e->started_ns = loaded->started_ns;
    e->deadline_ns = loaded->deadline_ns;
    e->change = loaded->body.change;
    e->timeout_at_ns = loaded->body.timeout_at_ns;
    e->start_ns = loaded->body.start_at_ns;
    if (e->timeout_at_ns != 0 && e->state != EXECUTION_CANCELLING &&
        !heap_insert(&s->timeouts, &e->timer)) {
        return no_memory(s);
    }
    if (loaded->body.next_number > e->next_number) {
        e->next_number = loaded->body.next_number;
    }
    e->task_total = loaded->body.task_total;
    e->is_rerun = loaded->body.is_rerun;
    e->rerun_of = loaded->body.rerun_of;
    if (loaded->body.has_priority && loaded->body.priority <= CLUSTER_PRIORITY_MAX) {
        e->priority = loaded->body.priority;
    }
    if (!signals_load(s, e, &loaded->body) || !gates_fill(s, e, &loaded->body)) {
        execution_release(s, e);
        return no_memory(s);
    }
    enum sched_err result = instances_load(s, &e->root, loaded->body.instances);

    if (result != SCHED_OK) {
        execution_release(s, e);
    }
    return result;
}

enum sched_err sched_load_frame(struct sched *s, const struct execution_id *id,
                                const struct wire_run *kept)
{
    if (s->is_broken) {
        return SCHED_EMEMORY; /* half of what it hangs on may be missing */
    }
    struct instance *group = find_instance(s, id, kept->group);
    struct execution *e = group == NULL ? NULL : group->execution;
    bool is_next =
        e != NULL && kept->number >= e->root.instance_count &&
        (e->frame_count == 0 || kept->number >= e->frames[e->frame_count - 1]->number +
                                                    e->frames[e->frame_count - 1]->instance_count);

    if (!is_next || !instance_is_group(group) || kept->is_ended ||
        kept->index >= group->task_count || kept->instance_count != group->satellite->inner_count ||
        kept->number > e->next_number - kept->instance_count || kept->stop >= TASK_STATE_NR) {
        return SCHED_ESTALE;
    }
    struct frame *frame = frame_new(s, &(struct frame_place){e, group, kept->index, kept->number});

    if (frame == NULL) {
        return no_memory(s);
    }
    frame->started_ns = kept->started_ns;
    frame->stop = (uint8_t)kept->stop;
    if (kept->stop == TASK_SUCCEEDED) { /* else it is made when the run ends */
        frame->output = bytes_copy(s, kept->given, &frame->output_bytes);
    }
    frame->input = bytes_copy(s, kept->input, &frame->input_bytes);
    if (kept->error.bytes > 0) {
        frame->error = sched_text(s, kept->error);
    }
    timer_run(s, frame);
    return s->is_broken ? SCHED_EMEMORY : instances_load(s, frame, kept->instances);
}

enum sched_err sched_load_page(struct sched *s, const struct execution_id *id, uint32_t instance,
                               uint32_t page, const struct wire_columns *columns)
{
    if (s->is_broken) {
        return SCHED_EMEMORY;
    }
    struct instance *i = find_instance(s, id, instance);

    if (is_ended_run(s, id, instance)) {
        return SCHED_OK;
    }
    if (i == NULL || !i->is_map || i->task_count == 0 || page > (i->task_count - 1) / PAGE_TASKS) {
        return SCHED_ESTALE;
    }
    if (page_get(s, i, page) == NULL) {
        return no_memory(s);
    }
    return columns_load(s, i, page * PAGE_TASKS, columns);
}

enum sched_err sched_load_output(struct sched *s, const struct execution_id *id, uint32_t instance,
                                 const struct wire_output *output)
{
    if (s->is_broken) {
        return SCHED_EMEMORY;
    }
    struct instance *i = find_instance(s, id, instance);

    if (is_ended_run(s, id, instance)) {
        return SCHED_OK;
    }
    if (i == NULL || i->is_map) {
        return SCHED_ESTALE;
    }
    if (output->outcome != OUTCOME_SUCCEEDED || output->attempt != i->task.attempt) {
        return SCHED_OK; /* an attempt that was not the last: for people only */
    }
    result_load(s, i, output);
    return s->is_broken ? SCHED_EMEMORY : SCHED_OK;
}

/* Pages of items come in order; each adds its texts behind those that are there. */
enum sched_err sched_load_items(struct sched *s, const struct execution_id *id, uint32_t instance,
                                uint32_t first, const struct wire_output *items, uint32_t count)
{
    if (s->is_broken) {
        return SCHED_EMEMORY;
    }
    struct instance *i = find_instance(s, id, instance);

    if (is_ended_run(s, id, instance)) {
        return SCHED_OK;
    }
    if (i == NULL || !i->is_map || first != i->items.count || count > i->task_count - first) {
        return SCHED_ESTALE;
    }
    struct item_list *list = &i->items;
    size_t bytes = list->json_bytes;

    for (uint32_t k = 0; k < count; k++) {
        bytes += items[k].json.bytes;
    }
    unsigned char *json =
        s->allocator.resize(s->allocator.context, list->json, list->json_bytes, bytes);
    uint32_t *ends =
        s->allocator.resize(s->allocator.context, list->ends, list->count * sizeof(*ends),
                            (list->count + count) * sizeof(*ends));

    list->json = json != NULL ? json : list->json;
    list->ends = ends != NULL ? ends : list->ends;
    if (json == NULL || ends == NULL) {
        s->is_broken = true;
        return no_memory(s);
    }
    for (uint32_t k = 0; k < count; k++) {
        memcpy(json + list->json_bytes, items[k].json.data, items[k].json.bytes);
        list->json_bytes += items[k].json.bytes;
        list->ends[list->count++] = (uint32_t)list->json_bytes;
    }
    return SCHED_OK;
}

/* READY again below next_index: those that have been tried, or were granted and came back. */
static void again_load(struct sched *s, struct instance *instance)
{
    uint32_t count = instance->is_map && !instance_is_group(instance) ? instance->next_index : 0;

    for (uint32_t i = 0; i < count && !s->is_broken; i++) {
        struct task *task = execution_task(instance, i);

        if (task != NULL && task->state == TASK_READY && task->lease == NULL) {
            struct lease *lease = lease_new(s, instance, i);

            if (lease != NULL) {
                again_add(instance, lease);
            }
        }
    }
}

/* Those that were ended by hand before their turn. */
static void ahead_load(struct instance *instance)
{
    uint32_t count = instance->is_map && !instance->has_origin ? instance->items_stored : 0;

    instance->ahead_count = 0;
    for (uint32_t i = instance->next_index; i < count; i++) {
        const struct task *task = execution_task(instance, i);

        if (task == NULL) {
            i |= PAGE_TASKS - 1; /* no page: none of it */
        } else if (task_state_is_terminal((enum task_state)task->state)) {
            instance->ahead_count++;
        }
    }
}

/* A crash between the pages of items: what is missing is computed again from the same inputs. */
static void items_again(struct sched *s, struct instance *instance)
{
    uint32_t kept = instance->items_stored;

    if (!instance->is_map || task_state_is_terminal((enum task_state)instance->state) ||
        instance->items.count >= instance->task_count) {
        return;
    }
    /* Those that are here are right: what was handed out may go on meanwhile. */
    instance->items_stored = kept < instance->task_count ? kept : instance->task_count;
    instance->needs_items = true;
    work_add(s, WORK_ITEMS, instance);
}

void parents_load(struct instance *instance)
{
    instance->parents_open = 0;
    instance->parents_good = 0;
    for (uint32_t i = 0; i < instance->satellite->parent_count; i++) {
        const struct instance *parent =
            frame_instance(instance->frame, instance->satellite->parents[i]);

        instance->parents_open += !task_state_is_terminal((enum task_state)parent->state);
        instance->parents_good += instance_is_good(parent);
    }
}

static void timers_load(struct sched *s, struct instance *instance)
{
    if (task_state_is_terminal((enum task_state)instance->state)) {
        return;
    }
    if (instance->stop != TASK_WAITING) {
        stop_begin(s, instance->execution);
    }
    if (instance->satellite->kind == SATELLITE_WAIT) {
        if (instance->state == TASK_RUNNING) {
            wait_load(s, instance);
        }
    } else if (instance->task_count > 0) {
        timers_ready(s, instance);
    }
}

static void frame_load_done(struct sched *s, struct frame *frame)
{
    frame->open_count = 0;
    if (frame->stop != TASK_WAITING) {
        stop_begin(s, frame->execution);
    }
    for (uint32_t i = 0; i < frame->instance_count; i++) {
        struct instance *instance = &frame->instances[i];
        bool is_open = !task_state_is_terminal((enum task_state)instance->state);

        frame->open_count += is_open;
        parents_load(instance);
        timers_load(s, instance);
        again_load(s, instance);
        ahead_load(instance);
        items_again(s, instance);
        if (instance->state == TASK_WAITING && instance_is_joined(instance)) {
            work_add(s, WORK_RESOLVE, instance);
        } else if (is_open) {
            instance_offer(s, instance);
        }
    }
    if (frame->open_count == 0) {
        work_add_frame(s, frame);
    }
}

static void execution_load_done(struct sched *s, struct execution *e)
{
    frame_load_done(s, &e->root);
    for (uint32_t i = 0; i < e->frame_count; i++) {
        frame_load_done(s, e->frames[i]);
    }
    e->has_begun = !execution_is_gated(e);
    gates_load(s, e);
    if (e->state == EXECUTION_CANCELLING) {
        stop_begin(s, e);
    }
}

enum sched_err sched_load_done(struct sched *s, exo_time now_ns)
{
    if (s->is_broken) {
        return SCHED_EMEMORY;
    }
    s->now_ns = now_ns > s->now_ns ? now_ns : s->now_ns;
    for (uint32_t i = 0; i < s->executions.capacity; i++) {
        if (s->executions.slots[i].item != NULL) {
            execution_load_done(s, s->executions.slots[i].item);
        }
    }
    return s->is_broken ? SCHED_EMEMORY : SCHED_OK;
}

enum sched_err sched_resend(struct sched *s)
{
    for (uint32_t i = 0; i < s->holders.capacity; i++) {
        const struct holder *holder = s->holders.slots[i].item;

        if (holder == NULL) {
            continue;
        }
        for (struct lease *lease = holder->leases; lease != NULL; lease = lease->holder_next) {
            struct task *task = execution_task(lease->instance, lease->index);
            enum task_state stop = lease_stop(lease);
            bool is_sent = task->state == TASK_DISPATCHED && lease->offset == TASK_UNSENT;

            if (is_sent) {
                dispatch_note(s, lease);
            }
            /* The kill may be lost as well, and one before its Task was none. Whose turn to be
             * stopped has not come is not sent alone. */
            if (lease->is_killed || (is_sent && stop != TASK_WAITING && stop != TASK_SKIPPED)) {
                lease->is_killed = false;
                attempt_kill(s, lease);
            }
        }
    }
    return s->is_broken ? SCHED_EMEMORY : SCHED_OK;
}
