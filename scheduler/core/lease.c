/* lease: attempts in workers' hands and tasks that are READY again, by execution and by holder.
 * Pure. */
#include <assert.h>
#include <string.h>

#include "scheduler/core/sched_state.h"

struct holder_key {
    struct span name;
    uint64_t incarnation;
};

static uint64_t holder_hash(const struct holder_key *key)
{
    return table_hash(key->name) ^ (key->incarnation * 0x9e3779b97f4a7c15u);
}

static bool is_holder(const void *item, const void *key)
{
    const struct holder *holder = item;
    const struct holder_key *k = key;

    return holder->incarnation == k->incarnation && span_is(k->name, holder->name);
}

struct holder *holder_find(const struct sched *s, struct span name, uint64_t incarnation)
{
    struct holder_key key = {name, incarnation};

    return table_find(&s->holders, holder_hash(&key), is_holder, &key);
}

/* One life reads the same partition from its start to its end, and says which once it speaks. */
static void holder_address(const struct sched *s, struct holder *holder)
{
    const struct fleet_worker *w =
        holder->partition == 0 ? fleet_worker_find(s->fleet, span_of(holder->name)) : NULL;

    if (w != NULL && w->life.heartbeat != 0 && w->life.incarnation == holder->incarnation) {
        holder->partition = w->life.tasks_partition + 1;
    }
}

struct holder *holder_get(struct sched *s, struct span name, uint64_t incarnation)
{
    struct holder_key key = {name, incarnation};
    struct holder *holder = holder_find(s, name, incarnation);

    if (holder != NULL) {
        holder_address(s, holder);
        return holder;
    }
    if (name.bytes >= sizeof(holder->name)) {
        name.bytes = sizeof(holder->name) - 1;
    }
    holder = sched_get(s, sizeof(*holder));
    if (holder == NULL) {
        return NULL;
    }
    memcpy(holder->name, name.data, name.bytes);
    holder->incarnation = incarnation;
    if (!table_insert(&s->holders, holder_hash(&key), holder)) {
        s->is_broken = true;
        sched_put(s, holder, sizeof(*holder));
        return NULL;
    }
    s->counts.holders++;
    holder_address(s, holder);
    return holder;
}

void lease_hold(struct lease *lease, struct holder *holder)
{
    assert(lease->holder == NULL);
    lease->holder = holder;
    lease->holder_previous = NULL;
    lease->holder_next = holder->leases;
    if (holder->leases != NULL) {
        holder->leases->holder_previous = lease;
    }
    holder->leases = lease;
    holder->lease_count++;
}

void lease_unhold(struct lease *lease)
{
    struct holder *holder = lease->holder;

    if (holder == NULL) {
        return;
    }
    if (lease->holder_previous != NULL) {
        lease->holder_previous->holder_next = lease->holder_next;
    } else {
        holder->leases = lease->holder_next;
    }
    if (lease->holder_next != NULL) {
        lease->holder_next->holder_previous = lease->holder_previous;
    }
    holder->lease_count--;
    lease->holder = NULL;
}

struct lease *lease_new(struct sched *s, struct instance *instance, uint32_t index)
{
    struct lease *lease = sched_get(s, sizeof(*lease));
    struct execution *e = instance->execution;
    struct task *task = execution_task(instance, index);

    if (lease == NULL) {
        return NULL;
    }
    lease->execution = e;
    lease->instance = instance;
    lease->index = index;
    lease->offset = TASK_UNSENT;
    lease->ready_ns = instance->ready_ns;
    lease->next = e->leases;
    if (e->leases != NULL) {
        e->leases->previous = lease;
    }
    e->leases = lease;
    task->lease = lease;
    s->counts.leases++;
    return lease;
}

void again_remove(struct instance *instance, struct lease *lease)
{
    if (!lease->is_again) {
        return;
    }
    if (lease->queue_previous != NULL) {
        lease->queue_previous->queue_next = lease->queue_next;
    } else {
        instance->again_first = lease->queue_next;
    }
    if (lease->queue_next != NULL) {
        lease->queue_next->queue_previous = lease->queue_previous;
    } else {
        instance->again_last = lease->queue_previous;
    }
    lease->is_again = false;
    lease->queue_next = NULL;
    lease->queue_previous = NULL;
    instance->again_count--;
}

void lease_free(struct sched *s, struct lease *lease)
{
    struct execution *e = lease->execution;
    struct task *task = execution_task(lease->instance, lease->index);

    again_remove(lease->instance, lease);
    if (e->stop_lease == lease) {
        e->stop_lease = lease->next;
    }
    lease_unhold(lease);
    heap_remove(&s->backoffs, &lease->timer);
    if (lease->previous != NULL) {
        lease->previous->next = lease->next;
    } else {
        e->leases = lease->next;
    }
    if (lease->next != NULL) {
        lease->next->previous = lease->previous;
    }
    task->lease = NULL;
    progress_forget(s, lease);
    sched_text_put(s, lease->gather_key);
    sched_put(s, lease, sizeof(*lease));
    s->counts.leases--;
}

void again_add(struct instance *instance, struct lease *lease)
{
    lease->is_again = true;
    lease->queue_next = NULL;
    lease->queue_previous = instance->again_last;
    if (instance->again_last != NULL) {
        instance->again_last->queue_next = lease;
    } else {
        instance->again_first = lease;
    }
    instance->again_last = lease;
    instance->again_count++;
}

int64_t lease_started_ms(const struct sched *s, const struct lease *lease, int64_t at_ms)
{
    int64_t now_ms = s->now_ns / EXO_MILLISECOND;

    return at_ms < lease->instance->started_ms ? lease->instance->started_ms
           : at_ms > now_ms                    ? now_ms
                                               : at_ms;
}

enum task_state lease_stop(const struct lease *lease)
{
    return lease->is_cancelled ? TASK_CANCELLED : instance_stop(lease->instance);
}

bool lease_has_left(const struct sched *s, const struct lease *lease)
{
    return lease->batch != s->batch && !lease->is_withheld;
}

static void ticket_restore(struct sched *s, const struct lease *lease)
{
    fleet_ticket_restored(s->fleet, span_of(lease->holder->name), lease->holder->incarnation,
                          lease->ticket, lease->lend);
}

void grant_end(struct sched *s, const struct lease *lease)
{
    const struct task *task = execution_task(lease->instance, lease->index);

    if (lease->holder == NULL || instance_is_gathered(lease->instance) ||
        task->state != TASK_DISPATCHED) {
        return;
    }
    if (!lease_has_left(s, lease)) {
        ticket_restore(s, lease);
    } else if (lease->batch + 1 == s->batch) {
        struct ended_grant *grant = vector_add(&s->ended_grants);

        if (grant == NULL) {
            s->is_broken = true;
            return;
        }
        memcpy(grant->worker, lease->holder->name, sizeof(grant->worker));
        grant->incarnation = lease->holder->incarnation;
        grant->lend = lease->lend;
        grant->batch = lease->batch;
        grant->ticket = lease->ticket;
    }
}

struct void_context {
    struct sched *s;
    uint64_t committed;
};

static void holder_void(void *context, const struct holder *holder)
{
    const struct void_context *of = context;

    for (const struct lease *lease = holder->leases; lease != NULL; lease = lease->holder_next) {
        if (execution_task(lease->instance, lease->index)->state == TASK_DISPATCHED &&
            !instance_is_gathered(lease->instance) && lease->batch > of->committed) {
            ticket_restore(of->s, lease);
        }
    }
}

void sched_void(struct sched *s, uint64_t committed)
{
    const struct ended_grant *ended = s->ended_grants.items;
    struct void_context context = {s, committed};

    sched_holders(s, holder_void, &context);
    for (uint32_t i = 0; i < s->ended_grants.count; i++) {
        if (ended[i].batch > committed) {
            fleet_ticket_restored(s->fleet, span_of(ended[i].worker), ended[i].incarnation,
                                  ended[i].ticket, ended[i].lend);
        }
    }
}

bool lease_is_of(const struct lease *lease, struct span worker)
{
    return lease->holder != NULL && span_is(worker, lease->holder->name);
}
