/* seal_changes: the journal row of a batch, its public events, one record an execution, and what
 * watchers are told of progress. */
#include <stdlib.h>

#include "scheduler/sealed.h"
#include "schemas/wire/event.h"

static struct wire_change change_of(struct sealed *sealed, const struct sched_change *from)
{
    const struct execution *e = from->execution;
    struct wire_change change = {
        .execution = e->id,
        .number = from->number,
        .at_ms = from->at_ns / EXO_MILLISECOND,
        .attempt = from->attempt,
        .worker = from->worker,
        .error = from->error,
    };

    if (from->is_execution) {
        change.execution_state = span_of(execution_state_name((enum execution_state)from->state));
        change.project = e->definition->cluster->project;
        change.cluster = e->definition->cluster->name;
    } else {
        change.satellite = sealed_path(sealed, from->instance);
        change.instance = instance_number(from->instance);
        change.has_index = from->has_index;
        change.index = from->index;
        change.state = span_of(task_state_name((enum task_state)from->state));
    }
    return change;
}

static struct span pack(struct sealed *sealed, const struct seal_facts *facts,
                        const struct wire_change *changes, uint32_t count, struct buffer *scratch)
{
    struct wire_change_batch batch = {
        .shard = facts->shard,
        .epoch = facts->epoch,
        .batch = facts->previous + 1,
        .now_ns = facts->now_ns,
        .changes = changes,
        .change_count = count,
    };

    buffer_reset(scratch);
    wire_change_batch_pack(&batch, &sealed->arena, scratch);
    return sealed_copy(sealed, buffer_span(scratch));
}

static int by_execution(const void *a, const void *b)
{
    const struct sched_change *x = *(const struct sched_change *const *)a;
    const struct sched_change *y = *(const struct sched_change *const *)b;

    if (x->execution != y->execution) {
        /* Not by address: the same past gives the same records. */
        return memcmp(x->execution->id.bytes, y->execution->id.bytes, EXECUTION_ID_BYTES);
    }
    return x->number < y->number ? -1 : x->number > y->number;
}

static void seal_events(struct sealed *sealed, const struct seal_facts *facts,
                        const struct sched_change *const *sorted, uint32_t count,
                        struct wire_change *changes, struct buffer *scratch)
{
    for (uint32_t i = 0; i < count;) {
        const struct execution *e = sorted[i]->execution;
        uint32_t first = i;

        for (; i < count && sorted[i]->execution == e; i++) {
            changes[i] = change_of(sealed, sorted[i]);
        }
        sealed->events[sealed->event_count++] =
            (struct sealed_event){e->id, pack(sealed, facts, changes + first, i - first, scratch)};
    }
}

void seal_changes(struct sealed *sealed, const struct sched_batch *batch,
                  const struct seal_facts *facts)
{
    uint32_t count = batch->change_count;
    const struct sched_change **sorted = sealed_alloc(sealed, count * sizeof(*sorted));
    struct wire_change *changes = sealed_alloc(sealed, count * sizeof(*changes));
    struct heap_budget budget = {0};
    struct buffer scratch;

    if (count == 0) {
        return;
    }
    buffer_init(&scratch, allocator_heap(&budget), 0);
    for (uint32_t i = 0; i < count; i++) {
        sorted[i] = &batch->changes[i];
    }
    qsort(sorted, count, sizeof(*sorted), by_execution);
    sealed->events = sealed_alloc(sealed, count * sizeof(*sealed->events));
    seal_events(sealed, facts, sorted, count, changes, &scratch);
    sealed->batch.journal = pack(sealed, facts, changes, count, &scratch);
    if (scratch.is_failed) {
        abort();
    }
    buffer_release(&scratch);
}

/* The newest that a running attempt said; false when it has ended since. */
static bool progress_of(struct sealed *sealed, const struct seal_facts *facts,
                        const struct sched_progress *from, struct wire_change *change)
{
    struct instance *instance = from->instance;
    const struct task *task = execution_task(instance, from->index);

    if (task == NULL || task->state != TASK_RUNNING || task->attempt != from->attempt ||
        task->lease->progress == NULL) {
        return false;
    }
    *change = (struct wire_change){
        .execution = instance->execution->id,
        .at_ms = facts->now_ns / EXO_MILLISECOND,
        .satellite = sealed_path(sealed, instance),
        .instance = instance_number(instance),
        .has_index = instance->is_map,
        .index = from->index,
        .state = span_of(task_state_name(TASK_RUNNING)),
        .attempt = from->attempt,
        .worker = span_of(task->lease->holder->name),
        .progress = {task->lease->progress, task->lease->progress_bytes},
    };
    return true;
}

void seal_progress(struct sealed *sealed, const struct sched_batch *batch,
                   const struct seal_facts *facts)
{
    struct heap_budget budget = {0};
    struct buffer scratch;

    if (batch->progress_count == 0) {
        return;
    }
    buffer_init(&scratch, allocator_heap(&budget), 0);
    sealed->progress = sealed_alloc(sealed, batch->progress_count * sizeof(*sealed->progress));
    for (uint32_t i = 0; i < batch->progress_count; i++) {
        struct wire_change change;

        if (progress_of(sealed, facts, &batch->progress[i], &change)) {
            sealed->progress[sealed->progress_count++] =
                (struct sealed_event){change.execution, pack(sealed, facts, &change, 1, &scratch)};
        }
    }
    if (scratch.is_failed) {
        abort();
    }
    buffer_release(&scratch);
}
