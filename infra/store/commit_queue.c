#include "infra/store/commit_queue.h"

#include <assert.h>

static bool is_sharing(const struct commit_entry *a, const struct commit_entry *b)
{
    for (uint32_t i = 0; i < a->count; i++) {
        for (uint32_t j = 0; j < b->count; j++) {
            if (a->batches[i].shard == b->batches[j].shard) {
                return true;
            }
        }
    }
    return false;
}

static void take_out(struct commit_queue *queue, struct commit_entry *entry)
{
    struct commit_entry *before = NULL;

    for (struct commit_entry *e = queue->first; e != entry; e = e->next) {
        assert(e != NULL);
        before = e;
    }
    if (before == NULL) {
        queue->first = entry->next;
    } else {
        before->next = entry->next;
    }
    if (queue->last == entry) {
        queue->last = before;
    }
    entry->next = NULL;
}

void commit_queue_push(struct commit_queue *queue, struct commit_entry *entry)
{
    entry->next = NULL;
    entry->is_running = false;
    entry->is_void = false;
    if (queue->last == NULL) {
        queue->first = entry;
    } else {
        queue->last->next = entry;
    }
    queue->last = entry;
}

static bool may_start(const struct commit_queue *queue, const struct commit_entry *entry)
{
    for (const struct commit_entry *e = queue->first; e != entry; e = e->next) {
        if (is_sharing(e, entry)) {
            return false;
        }
    }
    return true;
}

struct commit_entry *commit_queue_next(struct commit_queue *queue, bool is_serial)
{
    for (struct commit_entry *e = queue->first; e != NULL; e = e->next) {
        if (e->is_running) {
            if (is_serial) {
                return NULL;
            }
            continue;
        }
        if (!e->is_void && may_start(queue, e)) {
            e->is_running = true;
            return e;
        }
    }
    return NULL;
}

void commit_queue_finish(struct commit_queue *queue, struct commit_entry *entry, bool is_done)
{
    assert(entry->is_running);
    if (!is_done) {
        for (struct commit_entry *e = entry->next; e != NULL; e = e->next) {
            bool is_lost = is_sharing(entry, e);

            for (const struct commit_entry *v = entry->next; v != e && !is_lost; v = v->next) {
                is_lost = v->is_void && is_sharing(v, e);
            }
            e->is_void = e->is_void || (is_lost && !e->is_running);
        }
    }
    take_out(queue, entry);
}

struct commit_entry *commit_queue_void(struct commit_queue *queue)
{
    for (struct commit_entry *e = queue->first; e != NULL; e = e->next) {
        if (e->is_void) {
            take_out(queue, e);
            return e;
        }
    }
    return NULL;
}
