/* admit: executions come and go: memory, submission, cancel, finish. Pure. */
#include <assert.h>
#include <string.h>

#include "scheduler/core/sched_state.h"
#include "schemas/json/json_write.h"
#include "schemas/json/utf8.h"

void *sched_get(struct sched *s, size_t bytes)
{
    void *block = s->allocator.resize(s->allocator.context, NULL, 0, bytes == 0 ? 1 : bytes);

    if (block == NULL) {
        s->is_broken = true;
        return NULL;
    }
    memset(block, 0, bytes);
    return block;
}

void sched_put(struct sched *s, void *block, size_t bytes)
{
    if (block != NULL) {
        (void)s->allocator.resize(s->allocator.context, block, bytes == 0 ? 1 : bytes, 0);
    }
}

char *sched_text(struct sched *s, struct span text)
{
    char *copy = sched_get(s, text.bytes + 1);

    if (copy != NULL && text.bytes > 0) {
        memcpy(copy, text.data, text.bytes);
        /* Somebody may have cut it within a character; a NUL would break its freeing. */
        utf8_repair(copy, text.bytes);
    }
    return copy;
}

void sched_text_put(struct sched *s, char *text)
{
    if (text != NULL) {
        sched_put(s, text, strlen(text) + 1);
    }
}

unsigned char *bytes_copy(struct sched *s, struct span source, uint32_t *ret_bytes)
{
    unsigned char *copy = sched_get(s, source.bytes);

    if (copy == NULL) {
        return NULL;
    }
    if (source.bytes > 0) {
        memcpy(copy, source.data, source.bytes);
    }
    *ret_bytes = (uint32_t)source.bytes;
    return copy;
}

void output_drop(struct sched *s, struct kept_output *output)
{
    sched_put(s, output->json, output->bytes);
    *output = (struct kept_output){0};
}

bool output_keep(struct sched *s, struct kept_output *output, struct span json)
{
    output_drop(s, output);
    output->json = bytes_copy(s, json, &output->bytes);
    return output->json != NULL;
}

void loaded_drop(struct sched *s, struct instance *instance)
{
    output_drop(s, &instance->loaded);
    sched_text_put(s, instance->loaded_error);
    instance->loaded_error = NULL;
    instance->is_loaded = false;
}

static uint64_t id_hash(const struct execution_id *id)
{
    return table_hash((struct span){id->bytes, sizeof(id->bytes)});
}

static bool is_execution(const void *item, const void *key)
{
    return execution_id_equal(&((const struct execution *)item)->id, key);
}

static bool is_tombstone(const void *item, const void *key)
{
    return execution_id_equal(item, key);
}

struct execution *execution_find(const struct sched *s, const struct execution_id *id)
{
    return table_find(&s->executions, id_hash(id), is_execution, id);
}

bool execution_is_known(const struct sched *s, const struct execution_id *id)
{
    return execution_find(s, id) != NULL ||
           table_find(&s->tombstones, id_hash(id), is_tombstone, id) != NULL;
}

static bool ring_make(struct sched *s)
{
    if (s->ring == NULL) {
        s->ring = sched_get(s, s->limits.tombstones * sizeof(*s->ring));
    }
    return s->ring != NULL;
}

void execution_remember(struct sched *s, const struct execution_id *id)
{
    if (!ring_make(s)) {
        return;
    }
    struct execution_id *entry = &s->ring[s->ring_next];

    if (s->ring_count == s->limits.tombstones) {
        table_remove(&s->tombstones, id_hash(entry), entry);
    } else {
        s->ring_count++;
    }
    *entry = *id;
    s->ring_next = (s->ring_next + 1) % s->limits.tombstones;
    if (!table_insert(&s->tombstones, id_hash(id), entry)) {
        s->is_broken = true;
    }
}

void instance_init(struct sched *s, struct execution *e, uint32_t i)
{
    const struct satellite *satellite = &e->definition->cluster->satellites[i];
    struct instance *instance = &e->instances[i];

    instance->execution = e;
    instance->satellite = satellite;
    instance->state = TASK_WAITING;
    instance->is_map = satellite->for_each != NULL;
    instance->parents_open = satellite->parent_count;
    instance->loaded_index = UINT32_MAX;
    instance->source = (struct dispatch_source){
        .owner = instance,
        .priority = e->definition->cluster->priority,
        .deadline_ns = e->deadline_ns == 0 ? EXO_TIME_NEVER : e->deadline_ns,
        .age = s->age++,
        .needs = {.class = fleet_class(s->fleet, satellite->class),
                  .cpu_millis = satellite->work.resources.cpu_millis,
                  .memory_bytes = satellite->work.resources.memory_bytes},
    };
    fleet_class_hold(s->fleet, instance->source.needs.class);
}

struct execution *execution_new(struct sched *s, const struct execution_id *id,
                                struct definition *definition)
{
    struct execution *e = sched_get(s, sizeof(*e));
    uint32_t count = definition->cluster->satellite_count;

    if (e == NULL) {
        return NULL;
    }
    e->id = *id;
    e->instances = sched_get(s, count * sizeof(*e->instances));
    if (e->instances == NULL || !table_insert(&s->executions, id_hash(id), e)) {
        s->is_broken = true;
        sched_put(s, e->instances, count * sizeof(*e->instances));
        sched_put(s, e, sizeof(*e));
        return NULL;
    }
    e->definition = definition;
    definition->uses++;
    e->instance_count = count;
    e->open_count = count;
    s->counts.executions++;
    return e;
}

static void pages_put(struct sched *s, struct instance *instance)
{
    if (instance->pages == NULL) {
        return;
    }
    uint32_t count = (instance->task_count + PAGE_TASKS - 1) / PAGE_TASKS;

    for (uint32_t i = 0; i < count; i++) {
        sched_put(s, instance->pages[i], sizeof(struct page));
    }
    sched_put(s, instance->pages, count * sizeof(struct page *));
    instance->pages = NULL;
}

void items_drop(struct sched *s, struct item_list *items)
{
    sched_put(s, items->json, items->json_bytes);
    sched_put(s, items->ends, items->count * sizeof(*items->ends));
    *items = (struct item_list){0};
}

static void instance_release(struct sched *s, struct instance *instance)
{
    if (instance->source.lane != NULL) {
        bool is_out = dispatch_set(s->dispatch, &instance->source, (struct span){0}, 0);

        assert(is_out);
    }
    if (instance->execution != NULL) { /* else it was never begun */
        fleet_class_drop(s->fleet, instance->source.needs.class);
    }
    pages_put(s, instance);
    items_drop(s, &instance->items);
    output_drop(s, &instance->output);
    loaded_drop(s, instance);
    sched_put(s, instance->result_memory, instance->result_bytes);
    sched_text_put(s, instance->error);
    sched_text_put(s, instance->image_digest);
}

void execution_release(struct sched *s, struct execution *e)
{
    while (e->leases != NULL) {
        lease_free(s, e->leases);
    }
    heap_remove(&s->timeouts, &e->timer);
    for (uint32_t i = 0; i < e->instance_count; i++) {
        instance_release(s, &e->instances[i]);
    }
    table_remove(&s->executions, id_hash(&e->id), e);
    e->definition->uses--;
    sched_put(s, e->instances, e->instance_count * sizeof(*e->instances));
    sched_put(s, e->input, e->input_bytes);
    sched_put(s, e->labels, e->labels_bytes);
    sched_put(s, e->output, e->output_bytes);
    sched_text_put(s, e->error);
    sched_text_put(s, e->traceparent);
    sched_put(s, e, sizeof(*e));
    s->counts.executions--;
}

void execution_dirty(struct sched *s, struct execution *e)
{
    if (!e->is_dirty) {
        e->is_dirty = true;
        e->dirty_next = s->dirty;
        s->dirty = e;
    }
}

void execution_state_set(struct sched *s, struct execution *e, enum execution_state state)
{
    assert(!execution_state_is_terminal((enum execution_state)e->state));
    e->state = (uint8_t)state;
    if (state == EXECUTION_RUNNING && e->started_ns == 0) {
        e->started_ns = s->now_ns;
    }
    if (execution_state_is_terminal(state)) {
        e->ended_ns = s->now_ns;
        e->is_freed_at_seal = true;
        heap_remove(&s->timeouts, &e->timer);
        s->counts.finished_executions++;
    }
    change_execution(s, e);
}

static bool submit_fill(struct sched *s, struct execution *e, const struct sched_submit *submit)
{
    const struct cluster *cluster = e->definition->cluster;

    e->is_new = true;
    e->state = EXECUTION_QUEUED;
    e->submitted_ns = submit->submitted_ns;
    e->deadline_ns = cluster->sla_ns == 0 ? 0 : submit->submitted_ns + cluster->sla_ns;
    e->input = bytes_copy(s, submit->input, &e->input_bytes);
    e->labels = bytes_copy(s, submit->labels, &e->labels_bytes);
    if (submit->traceparent.bytes > 0) {
        e->traceparent = sched_text(s, submit->traceparent);
    }
    if (cluster->timeout_ns != 0) {
        e->timeout_at_ns = s->now_ns + cluster->timeout_ns;
        if (!heap_insert(&s->timeouts, &e->timer)) {
            s->is_broken = true;
        }
    }
    return !s->is_broken;
}

enum sched_err admit_submit(struct sched *s, const struct sched_submit *submit)
{
    if (execution_is_known(s, &submit->id)) {
        return SCHED_EKNOWN;
    }
    struct execution *e = execution_new(s, &submit->id, submit->definition);

    if (e == NULL || !submit_fill(s, e, submit)) {
        return SCHED_EMEMORY;
    }
    for (uint32_t i = 0; i < e->instance_count; i++) {
        instance_init(s, e, i);
    }
    s->counts.admitted++;
    change_execution(s, e);
    for (uint32_t i = 0; i < e->instance_count; i++) {
        if (e->instances[i].parents_open == 0) {
            work_add(s, WORK_RESOLVE, e, &e->instances[i]);
        }
    }
    return SCHED_OK;
}

void execution_end(struct sched *s, struct execution *e, enum execution_state ending,
                   struct span reason)
{
    e->ending = (uint8_t)ending;
    if (e->error == NULL) {
        e->error = sched_text(s, reason);
    }
    e->kill_cursor = e->leases;
    e->cancel_instance = 0;
    execution_state_set(s, e, EXECUTION_CANCELLING);
    heap_remove(&s->timeouts, &e->timer);
    work_add(s, WORK_CANCEL, e, NULL);
}

/* Attempts that run are killed; what waits for another try, or was granted in this very batch and
 * has not left, ends at once. */
static void cancel_lease(struct sched *s, struct lease *lease)
{
    struct instance *instance = lease->instance;
    struct task *task = execution_task(instance, lease->index);

    if (task->state == TASK_DISPATCHED && lease->batch == s->batch) {
        fleet_ticket_restored(s->fleet, span_of(lease->holder->name), lease->holder->incarnation,
                              lease->ticket, lease->lend);
    } else if (task_state_is_active((enum task_state)task->state)) {
        attempt_kill(s, lease);
        return;
    }
    task_change(s, instance, task, lease->index, TASK_CANCELLED, (struct span){0},
                (struct span){0});
    lease_free(s, lease);
}

/* Tasks never dispatched end without being looked at one by one. */
static void cancel_instance(struct sched *s, struct instance *instance)
{
    if (task_state_is_terminal((enum task_state)instance->state)) {
        return;
    }
    if (instance->state == TASK_WAITING) {
        instance_end(s, instance, TASK_CANCELLED, (struct span){0});
        return;
    }
    uint32_t tail = instance->is_map ? instance->task_count - instance->next_index : 0;

    if (instance->is_map && instance->counts[TASK_READY] >= tail) {
        instance->counts[TASK_READY] -= tail;
        instance->counts[TASK_CANCELLED] += tail;
    }
    if (!instance->is_map && instance->task.state == TASK_READY) {
        task_change(s, instance, &instance->task, 0, TASK_CANCELLED, (struct span){0},
                    (struct span){0});
    }
    instance_offer(s, instance);
    instance_settle(s, instance);
}

void execution_cancel_work(struct sched *s, struct execution *e)
{
    if (execution_state_is_terminal((enum execution_state)e->state)) {
        return;
    }
    while (e->kill_cursor != NULL && s->budget > 0) {
        struct lease *lease = e->kill_cursor;

        e->kill_cursor = lease->next;
        cancel_lease(s, lease);
        s->budget--;
    }
    while (e->kill_cursor == NULL && e->cancel_instance < e->instance_count && s->budget > 0) {
        cancel_instance(s, &e->instances[e->cancel_instance++]);
        s->budget--;
    }
    if (e->open_count == 0 && e->is_finishing && !e->has_work) {
        e->has_work = true; /* the value its output waits for is not wanted any more */
        work_add(s, WORK_FINISH, e, NULL);
    }
    bool has_more = e->kill_cursor != NULL || e->cancel_instance < e->instance_count;

    /* Nothing may be queued behind the FINISH that the last end brought. */
    if (has_more && e->open_count > 0) {
        work_add(s, WORK_CANCEL, e, NULL);
    }
}

static const struct instance *first_failed(const struct execution *e)
{
    for (uint32_t i = 0; i < e->instance_count; i++) {
        enum task_state state = (enum task_state)e->instances[i].state;

        if (state == TASK_FAILED || state == TASK_TIMED_OUT || state == TASK_UPSTREAM_FAILED) {
            return &e->instances[i];
        }
    }
    return NULL;
}

static void execution_fail(struct sched *s, struct execution *e, struct span what,
                           const char *middle, struct span why)
{
    struct buffer text;

    buffer_init(&text, s->allocator, 0);
    buffer_append(&text, what);
    buffer_text(&text, middle);
    buffer_append(&text, why);
    if (e->error == NULL) {
        e->error = sched_text(s, buffer_span(&text));
    }
    buffer_release(&text);
    execution_state_set(s, e, EXECUTION_FAILED);
}

/* Computes the output; false while it waits for a value or when it failed. */
static bool finish_output(struct sched *s, struct execution *e, struct buffer *text)
{
    struct scope scope = {.sched = s, .execution = e};
    struct expression_error error;
    struct value value;
    const struct value_template *template = e->definition->cluster->output;

    if (e->definition->cluster->output_source == NULL || template == NULL) {
        bool is_pending = false;

        scope_default_output(&scope, text, &is_pending);
        if (is_pending) {
            need_note(s, &scope);
        }
        return !is_pending;
    }
    enum expression_err result = scope_eval_template(&scope, template, &value, &error);

    if (result == EXPRESSION_EPENDING) {
        need_note(s, &scope);
        return false;
    }
    if (result != EXPRESSION_OK) {
        execution_fail(s, e, span_of("output"), ": ", span_of(error.text));
        return false;
    }
    json_write(text, &value);
    return true;
}

void values_drop(struct sched *s, struct execution *e)
{
    bool is_waiting =
        e->is_finishing && !execution_state_is_terminal((enum execution_state)e->state);

    for (uint32_t i = 0; i < e->instance_count && !is_waiting && e->has_values; i++) {
        is_waiting = e->instances[i].is_pending;
    }
    if (!e->has_values || is_waiting) {
        return;
    }
    for (uint32_t i = 0; i < e->instance_count; i++) {
        loaded_drop(s, &e->instances[i]);
    }
    e->has_values = false;
}

static void execution_succeed(struct sched *s, struct execution *e, struct span output)
{
    if (output.bytes > LIMIT_LIST_LOAD_BYTES) {
        execution_fail(s, e, span_of("output"), ": ",
                       span_of("it is above 1 MiB; name a smaller part in `output:`"));
        return;
    }
    e->output = bytes_copy(s, output, &e->output_bytes);
    execution_state_set(s, e, EXECUTION_SUCCEEDED);
}

void execution_finish(struct sched *s, struct execution *e)
{
    if (execution_state_is_terminal((enum execution_state)e->state)) {
        return;
    }
    assert(e->open_count == 0);
    e->has_work = false;
    const struct instance *failed = first_failed(e);

    if (e->state == EXECUTION_CANCELLING) {
        execution_state_set(s, e, (enum execution_state)e->ending);
        return;
    }
    if (failed != NULL) {
        execution_fail(s, e, failed->satellite->name, ": ",
                       span_of(failed->error == NULL
                                   ? task_state_name((enum task_state)failed->state)
                                   : failed->error));
        return;
    }
    struct buffer text;

    buffer_init(&text, s->allocator, 0);
    e->is_finishing = true;
    if (finish_output(s, e, &text)) {
        execution_succeed(s, e, buffer_span(&text));
    }
    values_drop(s, e);
    s->is_broken = s->is_broken || text.is_failed;
    buffer_release(&text);
    arena_reset(&s->scratch);
}
