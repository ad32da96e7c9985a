/* progress: what a running attempt says of itself, kept with its lease.
 *
 *   REPORT_PROGRESS --> lease --> open batch: told to watchers once it is committed
 *                         |
 *   REPORT_STARTED -------+-----> row: of a single task each time, of a page now and then
 *
 * It is no change of state: it has no number, and neither the journal nor exo.events hold it, which
 * would grow by every attempt's every second. The row, which is replaced, shows the newest.
 * Pure. */
#include <string.h>

#include "scheduler/core/sched_state.h"

/* Workers pace it by a second of theirs; less than that much is taken as haste. */
static const exo_time told_every_ns = 900 * EXO_MILLISECOND;
/* A page holds up to 256 tasks that run: it is not written for each second of each. */
static const exo_time page_every_ns = 5 * EXO_SECOND;

void progress_forget(struct sched *s, struct lease *lease)
{
    sched_put(s, lease->progress, lease->progress_bytes);
    lease->progress = NULL;
    lease->progress_bytes = 0;
}

void progress_keep(struct sched *s, struct lease *lease, struct span json)
{
    uint32_t bytes;
    unsigned char *copy;

    if (json.bytes == 0 || json.bytes > LIMIT_PROGRESS_BYTES) {
        return;
    }
    copy = bytes_copy(s, json, &bytes);
    if (copy != NULL) {
        progress_forget(s, lease);
        lease->progress = copy;
        lease->progress_bytes = bytes;
    }
}

void progress_row_dirty(struct sched *s, struct lease *lease)
{
    struct instance *instance = lease->instance;
    struct page *page = instance->is_map ? instance->pages[lease->index / PAGE_TASKS] : NULL;

    if (page == NULL || s->now_ns - page->progress_ns >= page_every_ns) {
        lease_dirty(s, lease);
    }
    if (page != NULL && page->is_dirty) {
        page->progress_ns = s->now_ns;
    }
}

void progress_report(struct sched *s, struct lease *lease, struct span json)
{
    progress_keep(s, lease, json);
    if (lease->progress == NULL ||
        (lease->told_ns != 0 && s->now_ns - lease->told_ns < told_every_ns)) {
        return; /* shown with the next */
    }
    struct sched_progress *note = vector_add(&s->progress);

    if (note == NULL) {
        s->is_broken = true;
        return;
    }
    lease->told_ns = s->now_ns;
    *note = (struct sched_progress){
        .instance = lease->instance,
        .index = lease->index,
        .attempt = execution_task(lease->instance, lease->index)->attempt,
    };
    progress_row_dirty(s, lease);
}
