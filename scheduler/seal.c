#include "scheduler/sealed.h"

void seal(struct sealed *sealed, struct sched *sched, const struct seal_facts *facts)
{
    struct sched_batch batch = sched_batch(sched);

    sealed->batch = (struct store_batch){
        .shard = facts->shard,
        .epoch = facts->epoch,
        .previous = facts->previous,
        .next = facts->previous + 1,
        .now_ns = facts->now_ns,
    };
    sealed->tasks = NULL;
    sealed->task_count = 0;
    sealed->events = NULL;
    sealed->event_count = 0;
    sealed->progress = NULL;
    sealed->progress_count = 0;
    seal_rows(sealed, &batch, facts);
    seal_tasks(sealed, &batch, facts);
    seal_changes(sealed, &batch, facts);
    seal_progress(sealed, &batch, facts);
    sealed->needs = sealed_alloc(sealed, batch.need_count * sizeof(*sealed->needs));
    sealed->need_count = batch.need_count;
    if (batch.need_count > 0) {
        memcpy(sealed->needs, batch.needs, batch.need_count * sizeof(*sealed->needs));
    }
    sealed->wants_barrier = batch.wants_barrier;
    sched_sealed(sched);
}
