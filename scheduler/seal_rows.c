/* seal_rows: the rows of a batch: executions, pages, segments, definitions. */
#include <stdlib.h>

#include "scheduler/sealed.h"

void *sealed_alloc(struct sealed *sealed, size_t bytes)
{
    void *block = arena_alloc(&sealed->arena, bytes);

    if (block == NULL) {
        abort();
    }
    return block;
}

struct span sealed_copy(struct sealed *sealed, struct span source)
{
    struct span copy = arena_copy(&sealed->arena, source);

    if (copy.data == NULL) {
        abort();
    }
    return copy;
}

struct span sealed_path(struct sealed *sealed, const struct instance *instance)
{
    struct heap_budget budget = {0};
    struct buffer path;

    if (instance->frame->group == NULL) {
        return instance->satellite->name;
    }
    buffer_init(&path, allocator_heap(&budget), 0);
    instance_path(instance, &path);
    if (path.is_failed) {
        abort();
    }
    struct span copy = sealed_copy(sealed, buffer_span(&path));

    buffer_release(&path);
    return copy;
}

static struct span text_or_none(const char *text)
{
    return text == NULL ? (struct span){NULL, 0} : span_of(text);
}

static void fill_lease(const struct lease *lease, uint32_t offset, bool is_running,
                       struct wire_lease *to)
{
    *to = (struct wire_lease){
        .offset = offset,
        .worker = lease->holder == NULL ? (struct span){NULL, 0} : span_of(lease->holder->name),
        .incarnation = lease->holder == NULL ? 0 : lease->holder->incarnation,
        .ticket = lease->ticket,
        .lend = lease->lend,
        .process = span_of(lease->process),
        .heartbeat = lease->heartbeat,
        .due_ns = lease->due_ns,
        .started_ms = lease->started_ms,
        .first_ns = lease->first_ns,
        .ready_ns = lease->ready_ns,
        .is_cancelled = lease->is_cancelled,
        .partition = lease->holder == NULL ? 0 : lease->holder->partition,
        .gather_key = text_or_none(lease->gather_key),
        .is_gathered = lease->is_gathered,
        .gathered_in = lease->gathered_in,
        .progress = {is_running ? lease->progress : NULL, is_running ? lease->progress_bytes : 0},
    };
}

static void trim(const uint32_t *column, uint32_t *count)
{
    while (*count > 0 && column[*count - 1] == 0) {
        (*count)--;
    }
}

static void fill_columns(struct sealed *sealed, const struct task *tasks, uint32_t count,
                         struct wire_columns *to)
{
    unsigned char *states = sealed_alloc(sealed, count);
    uint32_t *numbers = sealed_alloc(sealed, 4 * count * sizeof(*numbers));
    uint32_t lease_count = 0;

    for (uint32_t i = 0; i < count; i++) {
        states[i] = tasks[i].state;
        numbers[i] = tasks[i].attempt;
        numbers[count + i] = tasks[i].failures;
        numbers[2 * count + i] = tasks[i].losses;
        numbers[3 * count + i] = tasks[i].laters;
        lease_count += tasks[i].lease != NULL;
    }
    struct wire_lease *leases = sealed_alloc(sealed, lease_count * sizeof(*leases));

    *to = (struct wire_columns){
        .states = {states, count},
        .attempts = numbers,
        .failures = numbers + count,
        .losses = numbers + 2 * count,
        .laters = numbers + 3 * count,
        .attempt_count = count,
        .failure_count = count,
        .loss_count = count,
        .later_count = count,
        .leases = leases,
    };
    for (uint32_t i = 0; i < count; i++) {
        /* A lease that is READY again follows from its task's state. */
        if (tasks[i].lease != NULL && tasks[i].state != TASK_READY) {
            fill_lease(tasks[i].lease, i, tasks[i].state == TASK_RUNNING,
                       &leases[to->lease_count++]);
        }
    }
    trim(to->attempts, &to->attempt_count);
    trim(to->failures, &to->failure_count);
    trim(to->losses, &to->loss_count);
    trim(to->laters, &to->later_count);
}

/* A list of items as one JSON text; empty for none. */
static struct span items_text(struct sealed *sealed, const struct item_list *items)
{
    unsigned char *text = sealed_alloc(sealed, items->json_bytes + items->count + 1);
    uint32_t begin = 0;
    size_t at = 0;

    for (uint32_t i = 0; i < items->count; i++) {
        text[at++] = i == 0 ? '[' : ',';
        memcpy(text + at, items->json + begin, items->ends[i] - begin);
        at += items->ends[i] - begin;
        begin = items->ends[i];
    }
    if (items->count > 0) {
        text[at++] = ']';
    }
    return (struct span){text, at};
}

static void fill_instance(struct sealed *sealed, const struct instance *instance,
                          struct wire_instance *to)
{
    *to = (struct wire_instance){
        .state = instance->state,
        .is_map = instance->is_map,
        .task_count = instance->task_count,
        .next_index = instance->next_index,
        .error = text_or_none(instance->error),
        .image_digest = text_or_none(instance->image_digest),
        .has_task = !instance->is_map && instance->task_count == 1,
        .started_ms = instance->started_ms,
        .ended_ms = instance->ended_ms,
        .has_result = instance->result != NULL,
        .cursor = instance->items_stored,
        .stop = instance->stop,
        .tail_state = instance->tail_state,
        .ready_ns = instance->ready_ns,
        .is_pruned = instance->is_pruned,
        .more = items_text(sealed, &instance->more),
        .has_artefacts = instance->has_artefacts,
        .has_origin = instance->has_origin,
        .origin = instance->origin,
        .origin_number = instance->origin_number,
    };
    memcpy(to->counts, instance->counts, sizeof(instance->counts));
    if (instance->result != NULL) {
        to->result = *instance->result;
    }
    if (to->has_task) {
        fill_columns(sealed, &instance->task, 1, &to->task);
    }
}

static const struct wire_instance *fill_instances(struct sealed *sealed, const struct frame *frame)
{
    struct wire_instance *instances =
        sealed_alloc(sealed, frame->instance_count * sizeof(*instances));

    for (uint32_t i = 0; i < frame->instance_count; i++) {
        fill_instance(sealed, &frame->instances[i], &instances[i]);
    }
    return instances;
}

static const struct wire_signal *fill_signals(struct sealed *sealed, const struct execution *e)
{
    struct wire_signal *signals = sealed_alloc(sealed, e->signal_count * sizeof(*signals));
    uint32_t count = 0;

    for (const struct signal *signal = e->signals; signal != NULL; signal = signal->next) {
        signals[count++] =
            (struct wire_signal){span_of(signal->name), {signal->json, signal->bytes}};
    }
    return signals;
}

static uint32_t fill_gates(const struct execution *e, struct wire_gate *gates)
{
    uint32_t count = 0;

    for (uint32_t kind = 0; kind < KEY_KIND_NR; kind++) {
        if (e->gates[kind].text != NULL) {
            gates[count++] =
                (struct wire_gate){kind, e->gates[kind].state, span_of(e->gates[kind].text),
                                   e->gates[kind].limit, e->gates[kind].rejects};
        }
    }
    return count;
}

static struct span pack_body(struct sealed *sealed, const struct execution *e,
                             struct buffer *scratch)
{
    struct wire_gate gates[KEY_KIND_NR];
    struct wire_body body = {
        .instances = fill_instances(sealed, &e->root),
        .instance_count = e->root.instance_count,
        .change = e->change,
        .timeout_at_ns = e->timeout_at_ns,
        .start_at_ns = e->start_ns,
        .ending = e->ending,
        .next_number = e->next_number,
        .task_total = e->task_total,
        .has_priority = e->priority != e->definition->cluster->priority,
        .priority = e->priority,
        .signals = fill_signals(sealed, e),
        .signal_count = e->signal_count,
        .gates = gates,
        .gate_count = fill_gates(e, gates),
        .is_rerun = e->is_rerun,
        .rerun_of = e->rerun_of,
        .signal_marks = e->signal_marks,
        .signal_mark_count = e->signal_mark_count,
    };

    buffer_reset(scratch);
    wire_body_pack(&body, &sealed->arena, scratch);
    return sealed_copy(sealed, buffer_span(scratch));
}

/* project/name, as the list shows it. */
static const char *cluster_name(struct sealed *sealed, const struct cluster *cluster)
{
    char *text = sealed_alloc(sealed, cluster->project.bytes + cluster->name.bytes + 2);

    memcpy(text, cluster->project.data, cluster->project.bytes);
    text[cluster->project.bytes] = '/';
    memcpy(text + cluster->project.bytes + 1, cluster->name.data, cluster->name.bytes);
    return text;
}

static void fill_execution(struct sealed *sealed, const struct execution *e,
                           const struct seal_facts *facts, struct buffer *scratch,
                           struct store_execution *to)
{
    const struct cluster *cluster = e->definition->cluster;

    *to = (struct store_execution){
        .id = e->id,
        .shard = facts->shard,
        .project = cluster->project.data,
        .cluster = cluster_name(sealed, cluster),
        .state = execution_state_name((enum execution_state)e->state),
        .is_terminal = execution_state_is_terminal((enum execution_state)e->state),
        .epoch = facts->epoch,
        .batch = facts->previous + 1,
        .submitted_ns = e->submitted_ns,
        .started_ns = e->started_ns,
        .ended_ns = e->ended_ns,
        .deadline_ns = e->deadline_ns,
        .priority = (int32_t)cluster->priority,
        .definition = e->definition->digest,
        .labels = sealed_copy(sealed, (struct span){e->labels, e->labels_bytes}),
        .input = sealed_copy(sealed, (struct span){e->input, e->input_bytes}),
        .body = pack_body(sealed, e, scratch),
    };
    if (e->state == EXECUTION_SUCCEEDED) {
        to->output = sealed_copy(sealed, (struct span){e->output, e->output_bytes});
    }
    if (e->error != NULL) {
        to->error = sealed_copy(sealed, span_of(e->error));
    }
}

static bool has_definition(const struct store_definition *definitions, uint32_t count,
                           const struct digest *digest)
{
    for (uint32_t i = 0; i < count; i++) {
        if (memcmp(definitions[i].digest.bytes, digest->bytes, DIGEST_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

static void seal_executions(struct sealed *sealed, const struct sched_batch *batch,
                            const struct seal_facts *facts, struct buffer *scratch)
{
    uint32_t new_count = 0;
    uint32_t old_count = 0;

    for (const struct execution *e = batch->dirty; e != NULL; e = e->dirty_next) {
        *(e->is_new ? &new_count : &old_count) += 1;
    }
    struct store_execution *inserts = sealed_alloc(sealed, new_count * sizeof(*inserts));
    struct store_execution *updates = sealed_alloc(sealed, old_count * sizeof(*updates));
    struct store_definition *definitions = sealed_alloc(sealed, new_count * sizeof(*definitions));
    struct store_batch *to = &sealed->batch;

    for (const struct execution *e = batch->dirty; e != NULL; e = e->dirty_next) {
        if (!e->is_new) {
            fill_execution(sealed, e, facts, scratch, &updates[to->update_count++]);
            continue;
        }
        fill_execution(sealed, e, facts, scratch, &inserts[to->insert_count++]);
        if (!has_definition(definitions, to->definition_count, &e->definition->digest)) {
            definitions[to->definition_count++] = (struct store_definition){
                e->definition->digest, sealed_copy(sealed, e->definition->text)};
        }
    }
    to->inserts = inserts;
    to->updates = updates;
    to->definitions = definitions;
}

static void seal_pages(struct sealed *sealed, const struct sched_batch *batch,
                       struct buffer *scratch)
{
    struct store_page *pages = sealed_alloc(sealed, batch->page_count * sizeof(*pages));

    for (uint32_t i = 0; i < batch->page_count; i++) {
        const struct sched_page *from = &batch->pages[i];
        uint32_t left = from->instance->task_count - from->page * PAGE_TASKS;
        struct wire_columns columns;

        fill_columns(sealed, from->instance->pages[from->page]->tasks,
                     left < PAGE_TASKS ? left : PAGE_TASKS, &columns);
        buffer_reset(scratch);
        wire_columns_pack(&columns, &sealed->arena, scratch);
        pages[i] = (struct store_page){from->execution->id, instance_number(from->instance),
                                       from->page, sealed_copy(sealed, buffer_span(scratch))};
    }
    sealed->batch.pages = pages;
    sealed->batch.page_count = batch->page_count;
}

static void seal_runs(struct sealed *sealed, const struct sched_batch *batch,
                      struct buffer *scratch)
{
    struct store_run *runs = sealed_alloc(sealed, batch->frame_count * sizeof(*runs));

    for (uint32_t i = 0; i < batch->frame_count; i++) {
        const struct frame *frame = batch->frames[i];
        struct wire_run run = {
            .group = instance_number(frame->group),
            .index = frame->index,
            .number = frame->number,
            .is_ended = frame->is_ended,
            .started_ns = frame->started_ns,
            .stop = frame->stop,
            .input = {frame->input, frame->input_bytes},
            .error = frame->error == NULL ? (struct span){0} : span_of(frame->error),
            .given = {frame->output, frame->stop == TASK_SUCCEEDED ? frame->output_bytes : 0},
            .instances = fill_instances(sealed, frame),
            .instance_count = frame->instance_count,
        };

        buffer_reset(scratch);
        wire_run_pack(&run, &sealed->arena, scratch);
        runs[i] = (struct store_run){
            frame->execution->id, run.group,    run.index,
            run.number,           run.is_ended, sealed_copy(sealed, buffer_span(scratch))};
    }
    sealed->batch.runs = runs;
    sealed->batch.run_count = batch->frame_count;
}

static int by_page(const void *a, const void *b)
{
    const struct sched_output *x = *(const struct sched_output *const *)a;
    const struct sched_output *y = *(const struct sched_output *const *)b;

    if (x->execution != y->execution) {
        /* Not by address: the same past gives the same rows. */
        return memcmp(x->execution->id.bytes, y->execution->id.bytes, EXECUTION_ID_BYTES);
    }
    if (x->instance != y->instance) {
        return instance_number(x->instance) < instance_number(y->instance) ? -1 : 1;
    }
    if (x->page != y->page) {
        return x->page < y->page ? -1 : 1;
    }
    return x < y ? -1 : x > y;
}

/* Where a row is packed before it is copied: as much as the largest, not as all of them. */
struct packing {
    struct buffer text;
    struct arena messages;
    struct store_segment *segments; /* of the batch */
};

static void segment_add(struct sealed *sealed, struct packing *packing,
                        const struct wire_output *outputs, uint32_t output_count,
                        struct store_segment segment)
{
    buffer_reset(&packing->text);
    arena_reset(&packing->messages);
    wire_outputs_pack(outputs, output_count, &packing->messages, &packing->text);
    segment.body = sealed_copy(sealed, buffer_span(&packing->text));
    packing->segments[sealed->batch.segment_count++] = segment;
}

/* Outputs of one page that ended in one batch share a row. */
static void seal_outputs(struct sealed *sealed, const struct sched_batch *batch,
                         const struct seal_facts *facts, struct packing *packing)
{
    const struct sched_output **sorted =
        sealed_alloc(sealed, batch->output_count * sizeof(struct sched_output *));
    struct wire_output *run = sealed_alloc(sealed, batch->output_count * sizeof(*run));

    for (uint32_t i = 0; i < batch->output_count; i++) {
        sorted[i] = &batch->outputs[i];
    }
    qsort(sorted, batch->output_count, sizeof(struct sched_output *), by_page);
    for (uint32_t i = 0; i < batch->output_count;) {
        const struct sched_output *first = sorted[i];
        uint32_t run_count = 0;

        for (; i < batch->output_count && sorted[i]->instance == first->instance &&
               sorted[i]->page == first->page;
             i++) {
            run[run_count++] = sorted[i]->output;
        }
        segment_add(sealed, packing, run, run_count,
                    (struct store_segment){
                        .execution = first->execution->id,
                        .instance = instance_number(first->instance),
                        .page = first->page,
                        .kind = 0,
                        .part = facts->previous + 1,
                    });
    }
}

static void seal_items(struct sealed *sealed, const struct sched_batch *batch,
                       const struct seal_facts *facts, struct packing *packing)
{
    struct wire_output *items =
        sealed_alloc(sealed, (batch->item_count == 0 ? 0 : PAGE_TASKS) * sizeof(*items));

    for (uint32_t i = 0; i < batch->item_count; i++) {
        const struct sched_items *from = &batch->items[i];

        for (uint32_t k = 0; k < from->count; k++) {
            items[k].index = from->first + k;
            items[k].json = item_at(from->instance, from->first + k);
        }
        segment_add(sealed, packing, items, from->count,
                    (struct store_segment){
                        .execution = from->execution->id,
                        .instance = instance_number(from->instance),
                        .page = from->first / PAGE_TASKS,
                        .kind = 1,
                        .part = facts->previous + 1,
                    });
    }
}

static void seal_references(struct sealed *sealed, const struct sched_batch *batch)
{
    struct store_reference *references =
        sealed_alloc(sealed, batch->blob_count * sizeof(*references));

    for (uint32_t i = 0; i < batch->blob_count; i++) {
        references[i] = (struct store_reference){.execution = batch->blobs[i].execution->id,
                                                 .digest = batch->blobs[i].digest};
    }
    sealed->batch.references = references;
    sealed->batch.reference_count = batch->blob_count;
}

void seal_rows(struct sealed *sealed, const struct sched_batch *batch,
               const struct seal_facts *facts)
{
    struct heap_budget budget = {0};
    struct packing packing = {
        .segments = sealed_alloc(sealed, (batch->output_count + batch->item_count) *
                                             sizeof(*packing.segments)),
    };

    sealed->batch.segments = packing.segments;
    buffer_init(&packing.text, allocator_heap(&budget), 0);
    arena_init(&packing.messages, allocator_heap(&budget), 0);
    seal_executions(sealed, batch, facts, &packing.text);
    seal_runs(sealed, batch, &packing.text);
    seal_pages(sealed, batch, &packing.text);
    seal_outputs(sealed, batch, facts, &packing);
    seal_items(sealed, batch, facts, &packing);
    seal_references(sealed, batch);
    if (packing.text.is_failed) {
        abort();
    }
    buffer_release(&packing.text);
    arena_release(&packing.messages);
}
