#include "scheduler/core/fleet.h"

#include <assert.h>
#include <string.h>

#include "scheduler/core/fleet_state.h"

enum { WORKERS_DEFAULT = 10000 };

static void *get_memory(struct fleet *fleet, size_t bytes)
{
    void *block = fleet->allocator.resize(fleet->allocator.context, NULL, 0, bytes);

    if (block != NULL) {
        memset(block, 0, bytes);
    }
    return block;
}

static void put_memory(struct fleet *fleet, void *block, size_t bytes)
{
    if (block != NULL) {
        (void)fleet->allocator.resize(fleet->allocator.context, block, bytes, 0);
    }
}

struct fleet *fleet_new(struct allocator allocator, struct span process,
                        const struct fleet_limits *limits)
{
    struct fleet *fleet = allocator.resize(allocator.context, NULL, 0, sizeof(*fleet));

    if (fleet == NULL) {
        return NULL;
    }
    memset(fleet, 0, sizeof(*fleet));
    fleet->allocator = allocator;
    fleet->limits = *limits;
    if (fleet->limits.workers_max == 0) {
        fleet->limits.workers_max = WORKERS_DEFAULT;
    }
    if (fleet->limits.silent_ticks == 0) {
        fleet->limits.silent_ticks = FLEET_SILENT_TICKS;
    }
    bool is_named = fleet_name_copy(fleet->process, process);

    assert(is_named);
    table_init(&fleet->by_name, allocator);
    return fleet;
}

static void worker_free(struct fleet *fleet, struct fleet_worker *w)
{
    put_memory(fleet, w->tickets, w->window * sizeof(*w->tickets));
    put_memory(fleet, w->stack, w->window * sizeof(*w->stack));
    put_memory(fleet, w, sizeof(*w));
}

void fleet_free(struct fleet *fleet)
{
    if (fleet == NULL) {
        return;
    }
    for (uint32_t i = 0; i < fleet->worker_count; i++) {
        worker_free(fleet, fleet->workers[i]);
    }
    put_memory(fleet, fleet->workers, fleet->worker_capacity * sizeof(*fleet->workers));
    table_release(&fleet->by_name);
    put_memory(fleet, fleet, sizeof(*fleet));
}

static bool is_worker(const void *item, const void *key)
{
    const struct fleet_worker *w = item;

    return span_is(*(const struct span *)key, w->name);
}

static struct fleet_worker *find(const struct fleet *fleet, struct span name)
{
    return table_find(&fleet->by_name, table_hash(name), is_worker, &name);
}

static bool takes_work(const struct fleet_worker *w)
{
    return !w->is_gone && !w->is_draining;
}

static void ready_append(struct fleet *fleet, struct fleet_worker *w)
{
    w->ready_previous = fleet->ready_last;
    w->ready_next = NULL;
    *(fleet->ready_last == NULL ? &fleet->ready_first : &fleet->ready_last->ready_next) = w;
    fleet->ready_last = w;
}

static void ready_remove(struct fleet *fleet, const struct fleet_worker *w)
{
    *(w->ready_previous == NULL ? &fleet->ready_first : &w->ready_previous->ready_next) =
        w->ready_next;
    *(w->ready_next == NULL ? &fleet->ready_last : &w->ready_next->ready_previous) =
        w->ready_previous;
}

/* In the queue while it takes work and has a ticket; who comes to it comes last. */
static void ready_settle(struct fleet *fleet, struct fleet_worker *w)
{
    bool is_ready = takes_work(w) && w->available > 0;

    if (is_ready && !w->is_ready) {
        ready_append(fleet, w);
    } else if (!is_ready && w->is_ready) {
        ready_remove(fleet, w);
    }
    w->is_ready = is_ready;
}

/* One that had its turn waits behind the others. */
static void ready_turn(struct fleet *fleet, struct fleet_worker *w)
{
    if (w->is_ready) {
        ready_remove(fleet, w);
        ready_append(fleet, w);
    }
}

/* Adds (sign 1) or takes away (-1) the worker's tickets from the sums of its classes. */
static void count_classes(struct fleet *fleet, const struct fleet_worker *w, int sign)
{
    if (!takes_work(w)) {
        return;
    }
    for (uint32_t i = 0; i < w->class_count; i++) {
        fleet->available[w->classes[i]] += (uint32_t)sign * w->available;
    }
}

/* Around every change of a worker's tickets, classes or state. */
static void change_begin(struct fleet *fleet, const struct fleet_worker *w)
{
    count_classes(fleet, w, -1);
}

static void change_end(struct fleet *fleet, struct fleet_worker *w)
{
    count_classes(fleet, w, 1);
    ready_settle(fleet, w);
}

static void ticket_push(struct fleet *fleet, struct fleet_worker *w, uint32_t ticket)
{
    change_begin(fleet, w);
    w->tickets[ticket].is_available = true;
    w->stack[w->available++] = ticket;
    change_end(fleet, w);
}

/* Takes one ticket out of the middle of the stack; rare (a recall). */
static void ticket_drop(struct fleet *fleet, struct fleet_worker *w, uint32_t ticket)
{
    change_begin(fleet, w);
    w->tickets[ticket].is_available = false;
    for (uint32_t i = 0; i < w->available; i++) {
        if (w->stack[i] == ticket) {
            w->stack[i] = w->stack[--w->available];
            break;
        }
    }
    change_end(fleet, w);
}

/* What a spent ticket's task took is free again; never more than the machine has. */
static void ticket_give_back(struct fleet_worker *w, struct fleet_ticket *t)
{
    w->cpu_free += t->cpu_millis;
    w->memory_free += (int64_t)t->memory_bytes;
    if (w->cpu_free > (int64_t)w->cpu_millis) {
        w->cpu_free = (int64_t)w->cpu_millis;
    }
    if (w->memory_free > (int64_t)w->memory_bytes) {
        w->memory_free = (int64_t)w->memory_bytes;
    }
    t->cpu_millis = 0;
    t->memory_bytes = 0;
}

/* One word about one ticket: lend number `lend` is in the hand of a process. */
static void ticket_lent(struct fleet *fleet, struct fleet_worker *w, uint32_t ticket, uint64_t lend,
                        bool is_ours)
{
    if (ticket >= w->window) {
        return;
    }
    struct fleet_ticket *t = &w->tickets[ticket];

    if (lend <= t->lend) {
        return; /* spent, lost or known already */
    }
    t->lend = lend;
    t->has_left = false;
    ticket_give_back(w, t);
    if (is_ours && !t->is_available) {
        ticket_push(fleet, w, ticket);
    } else if (!is_ours && t->is_available) {
        ticket_drop(fleet, w, ticket);
    }
}

static bool worker_window(struct fleet *fleet, struct fleet_worker *w, uint32_t window)
{
    struct fleet_ticket *tickets = get_memory(fleet, window * sizeof(*tickets));
    uint32_t *stack = get_memory(fleet, window * sizeof(*stack));

    if (tickets == NULL || stack == NULL) {
        put_memory(fleet, tickets, window * sizeof(*tickets));
        put_memory(fleet, stack, window * sizeof(*stack));
        return false;
    }
    put_memory(fleet, w->tickets, w->window * sizeof(*w->tickets));
    put_memory(fleet, w->stack, w->window * sizeof(*w->stack));
    w->tickets = tickets;
    w->stack = stack;
    w->window = window;
    w->available = 0;
    return true;
}

static bool list_grow(struct fleet *fleet)
{
    uint32_t capacity = fleet->worker_capacity == 0 ? 16 : fleet->worker_capacity * 2;
    void *moved = fleet->allocator.resize(fleet->allocator.context, fleet->workers,
                                          fleet->worker_capacity * sizeof(*fleet->workers),
                                          capacity * sizeof(*fleet->workers));

    if (moved == NULL) {
        return false;
    }
    fleet->workers = moved;
    fleet->worker_capacity = capacity;
    return true;
}

/* A worker that is gone makes room for a new one. */
static void forget_gone(struct fleet *fleet)
{
    for (uint32_t i = 0; i < fleet->worker_count;) {
        struct fleet_worker *w = fleet->workers[i];

        if (!w->is_gone || w->is_watched) {
            i++;
            continue;
        }
        table_remove(&fleet->by_name, table_hash(span_of(w->name)), w);
        fleet->workers[i] = fleet->workers[--fleet->worker_count];
        fleet->workers[i]->index = i;
        worker_free(fleet, w);
    }
}

static struct fleet_worker *worker_add(struct fleet *fleet, struct span name)
{
    if (fleet->worker_count >= fleet->limits.workers_max) {
        forget_gone(fleet);
    }
    if (fleet->worker_count >= fleet->limits.workers_max ||
        (fleet->worker_count == fleet->worker_capacity && !list_grow(fleet))) {
        return NULL;
    }
    struct fleet_worker *w = get_memory(fleet, sizeof(*w));

    if (w == NULL) {
        return NULL;
    }
    if (!fleet_name_copy(w->name, name) || !table_insert(&fleet->by_name, table_hash(name), w)) {
        put_memory(fleet, w, sizeof(*w));
        return NULL;
    }
    w->index = fleet->worker_count;
    fleet->workers[fleet->worker_count++] = w;
    return w;
}

static void worker_classes(struct fleet *fleet, struct fleet_worker *w,
                           const struct wire_heartbeat *heartbeat)
{
    w->class_count = 0;
    for (uint32_t i = 0; i < heartbeat->class_count; i++) {
        uint32_t class = fleet_class(fleet, heartbeat->classes[i]);

        if (class != UINT32_MAX && w->class_count < FLEET_WORKER_CLASSES_MAX) {
            w->classes[w->class_count++] = class;
        }
    }
}

static void worker_facts(struct fleet *fleet, struct fleet_worker *w,
                         const struct wire_heartbeat *heartbeat, uint32_t fleet_partition)
{
    w->heartbeat = heartbeat->number;
    w->fleet_partition = fleet_partition;
    w->tasks_partition = heartbeat->partition;
    w->slots = heartbeat->slots;
    w->is_draining = heartbeat->is_draining;
    w->is_gone = heartbeat->is_leaving;
    w->is_watched = false;
    w->silent_ticks = 0;
    w->cpu_millis = heartbeat->cpu_millis;
    w->memory_bytes = heartbeat->memory_bytes;
    w->cpu_free = (int64_t)heartbeat->cpu_free_millis;
    w->memory_free = (int64_t)heartbeat->memory_free_bytes;
    w->position = heartbeat->position;
    worker_classes(fleet, w, heartbeat);
}

static enum fleet_suspicion_kind suspicion_of(const struct wire_heartbeat *heartbeat,
                                              uint64_t old_incarnation)
{
    if (old_incarnation != 0 && old_incarnation != heartbeat->incarnation) {
        return FLEET_REPLACED;
    }
    return heartbeat->is_leaving ? FLEET_LEFT : FLEET_ABSENT;
}

bool fleet_heartbeat(struct fleet *fleet, const struct wire_heartbeat *heartbeat,
                     uint32_t fleet_partition, struct fleet_suspicion *ret_suspicion)
{
    struct fleet_worker *w = find(fleet, heartbeat->worker);

    *ret_suspicion = (struct fleet_suspicion){.kind = FLEET_NONE};
    if (w == NULL) {
        w = worker_add(fleet, heartbeat->worker);
        if (w == NULL) {
            return false;
        }
    }
    uint64_t old = w->incarnation;

    /* Incarnations grow with their machine's clock: an older one that still speaks is a ghost,
     * unless the newer has fallen silent (the clock was set back). One that is watched has not:
     * we have only not heard it yet. */
    if ((heartbeat->incarnation < old && (!w->is_gone || w->is_watched)) ||
        (heartbeat->incarnation == old && heartbeat->number <= w->heartbeat)) {
        return true;
    }
    uint32_t window = heartbeat->window < FLEET_WINDOW_MAX ? heartbeat->window : FLEET_WINDOW_MAX;

    change_begin(fleet, w);
    if (heartbeat->incarnation != old || window != w->window) {
        if (!worker_window(fleet, w, window)) {
            change_end(fleet, w);
            return false;
        }
        w->incarnation = heartbeat->incarnation;
    }
    worker_facts(fleet, w, heartbeat, fleet_partition);
    change_end(fleet, w);
    for (uint32_t i = 0; i < heartbeat->loan_count; i++) {
        fleet_loan(fleet, &heartbeat->loans[i]);
    }
    *ret_suspicion = (struct fleet_suspicion){
        .kind = suspicion_of(heartbeat, old),
        .worker = w,
        .incarnation = old != 0 && old != heartbeat->incarnation ? old : heartbeat->incarnation,
    };
    return true;
}

/* The tickets of another life. */
static void tickets_forget(struct fleet_worker *w)
{
    if (w->window > 0) {
        memset(w->tickets, 0, w->window * sizeof(*w->tickets));
    }
    w->available = 0;
}

bool fleet_expect(struct fleet *fleet, struct span worker, uint64_t incarnation,
                  uint32_t fleet_partition)
{
    struct fleet_worker *w = find(fleet, worker);

    if (w != NULL && w->incarnation > incarnation) {
        return false; /* also when the newer one is gone */
    }
    if (w != NULL && w->incarnation == incarnation && (!w->is_gone || w->is_watched)) {
        return true;
    }
    if (w == NULL) {
        w = worker_add(fleet, worker);
        if (w == NULL) {
            return true; /* no room to watch it; its heartbeats would find none either */
        }
    }
    change_begin(fleet, w);
    if (w->incarnation != incarnation) {
        tickets_forget(w);
        w->incarnation = incarnation;
        w->heartbeat = 0;
    }
    /* It gets no work before it has spoken; its tickets stay as they are until then. */
    w->is_gone = true;
    w->is_watched = true;
    w->fleet_partition = fleet_partition;
    w->silent_ticks = 0;
    change_end(fleet, w);
    return true;
}

void fleet_loan(struct fleet *fleet, const struct wire_loan *loan)
{
    struct fleet_worker *w = find(fleet, loan->worker);
    bool is_ours = span_is(loan->process, fleet->process);

    if (w == NULL || w->incarnation != loan->incarnation) {
        return;
    }
    for (uint32_t i = 0; i < loan->count; i++) {
        ticket_lent(fleet, w, loan->tickets[i], loan->lends[i], is_ours);
    }
}

void fleet_tick(struct fleet *fleet, uint32_t fleet_partition,
                void (*silent)(void *context, const struct fleet_suspicion *suspicion),
                void *context)
{
    for (uint32_t i = 0; i < fleet->worker_count; i++) {
        struct fleet_worker *w = fleet->workers[i];

        if (w->fleet_partition != fleet_partition || (w->is_gone && !w->is_watched)) {
            continue;
        }
        w->silent_ticks++;
        if (w->silent_ticks >= fleet->limits.silent_ticks) {
            struct fleet_suspicion suspicion = {
                .kind = FLEET_SILENT, .worker = w, .incarnation = w->incarnation};

            change_begin(fleet, w);
            w->is_gone = true;
            w->is_watched = false;
            change_end(fleet, w);
            silent(context, &suspicion);
        }
    }
}

void fleet_ticket_returned(struct fleet *fleet, struct span worker, uint64_t incarnation,
                           uint32_t ticket, struct span process, uint64_t lend)
{
    struct fleet_worker *w = find(fleet, worker);

    if (w != NULL && w->incarnation == incarnation) {
        ticket_lent(fleet, w, ticket, lend, span_is(process, fleet->process));
    }
}

void fleet_ticket_restored(struct fleet *fleet, struct span worker, uint64_t incarnation,
                           uint32_t ticket, uint64_t lend)
{
    struct fleet_worker *w = find(fleet, worker);

    if (w != NULL && w->incarnation == incarnation && ticket < w->window &&
        w->tickets[ticket].lend == lend && !w->tickets[ticket].is_available &&
        !w->tickets[ticket].has_left) {
        ticket_give_back(w, &w->tickets[ticket]);
        ticket_push(fleet, w, ticket);
    }
}

void fleet_ticket_spent(struct fleet *fleet, struct span worker, uint64_t incarnation,
                        uint32_t ticket, uint64_t lend)
{
    struct fleet_worker *w = find(fleet, worker);

    if (w == NULL || w->incarnation != incarnation || ticket >= w->window) {
        return;
    }
    struct fleet_ticket *t = &w->tickets[ticket];

    if (t->lend > lend) {
        return;
    }
    if (t->is_available) {
        ticket_drop(fleet, w, ticket);
    }
    t->lend = lend;
    t->has_left = true;
}

bool fleet_ticket_has_left(const struct fleet *fleet, struct span worker, uint64_t incarnation,
                           uint32_t ticket, uint64_t lend)
{
    const struct fleet_worker *w = find(fleet, worker);

    return w != NULL && w->incarnation == incarnation && ticket < w->window &&
           w->tickets[ticket].lend == lend && w->tickets[ticket].has_left;
}

static bool serves(const struct fleet_worker *w, uint32_t class)
{
    for (uint32_t i = 0; i < w->class_count; i++) {
        if (w->classes[i] == class) {
            return true;
        }
    }
    return false;
}

/* How many such tasks have room there, by what is known of its resources. */
static uint32_t room(const struct fleet_worker *w, const struct fleet_needs *needs)
{
    uint64_t most = w->available;

    if (w->cpu_millis > 0 && needs->cpu_millis > 0) {
        uint64_t cpu = w->cpu_free <= 0 ? 0 : (uint64_t)w->cpu_free / needs->cpu_millis;

        most = cpu < most ? cpu : most;
    }
    if (w->memory_bytes > 0 && needs->memory_bytes > 0) {
        uint64_t memory = w->memory_free <= 0 ? 0 : (uint64_t)w->memory_free / needs->memory_bytes;

        most = memory < most ? memory : most;
    }
    return (uint32_t)most;
}

const struct fleet_worker *fleet_take(struct fleet *fleet, const struct fleet_needs *needs,
                                      uint32_t max, uint32_t *ret_tickets, uint64_t *ret_lends,
                                      uint32_t *ret_count)
{
    *ret_count = 0;
    if (needs->class >= fleet->class_count || fleet->available[needs->class] == 0) {
        return NULL;
    }
    for (struct fleet_worker *w = fleet->ready_first; w != NULL; w = w->ready_next) {
        uint32_t count = serves(w, needs->class) ? room(w, needs) : 0;

        if (count == 0) {
            continue;
        }
        count = count < max ? count : max;
        change_begin(fleet, w);
        for (uint32_t k = 0; k < count; k++) {
            uint32_t ticket = w->stack[--w->available];

            w->tickets[ticket].is_available = false;
            w->tickets[ticket].cpu_millis = needs->cpu_millis;
            w->tickets[ticket].memory_bytes = needs->memory_bytes;
            ret_tickets[k] = ticket;
            ret_lends[k] = w->tickets[ticket].lend;
        }
        change_end(fleet, w);
        w->cpu_free -= (int64_t)count * needs->cpu_millis;
        w->memory_free -= (int64_t)(count * needs->memory_bytes);
        ready_turn(fleet, w);
        *ret_count = count;
        return w;
    }
    return NULL;
}

uint32_t fleet_available(const struct fleet *fleet, uint32_t class)
{
    return class < fleet->class_count ? fleet->available[class] : 0;
}

const struct fleet_worker *fleet_worker_find(const struct fleet *fleet, struct span name)
{
    return find(fleet, name);
}

uint32_t fleet_worker_count(const struct fleet *fleet)
{
    return fleet->worker_count;
}

const struct fleet_worker *fleet_worker_at(const struct fleet *fleet, uint32_t place)
{
    assert(place < fleet->worker_count);
    return fleet->workers[place];
}
