#include "scheduler/core/fleet.h"

#include <assert.h>
#include <string.h>

#include "scheduler/core/fleet_state.h"

enum { WORKERS_DEFAULT = 10000 };

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
    fleet_lives_free(fleet, w);
    fleet_memory_put(fleet, w, sizeof(*w));
}

void fleet_free(struct fleet *fleet)
{
    if (fleet == NULL) {
        return;
    }
    for (uint32_t i = 0; i < fleet->worker_count; i++) {
        worker_free(fleet, fleet->workers[i]);
    }
    fleet_memory_put(fleet, fleet->workers, fleet->worker_capacity * sizeof(*fleet->workers));
    table_release(&fleet->by_name);
    fleet_memory_put(fleet, fleet, sizeof(*fleet));
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
    bool is_ready = takes_work(w) && w->life.available > 0;

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
        fleet->available[w->classes[i]] += (uint32_t)sign * w->life.available;
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

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* What a spent ticket's task took is free again, never more than the machine has; a life that does
 * not count says nothing of the machine. */
static void ticket_give_back(struct fleet_worker *w, const struct fleet_life *life,
                             struct fleet_ticket *t)
{
    if (life == &w->life) {
        w->cpu_free = least(w->cpu_free + t->cpu_millis, (int64_t)w->cpu_millis);
        w->memory_free = least(w->memory_free + (int64_t)t->memory_bytes, (int64_t)w->memory_bytes);
    }
    t->cpu_millis = 0;
    t->memory_bytes = 0;
}

/* One word about one ticket: lend number `lend` is in the hand of a process. */
static void ticket_lent(struct fleet *fleet, struct fleet_worker *w, struct fleet_life *life,
                        uint32_t ticket, uint64_t lend, bool is_ours)
{
    if (ticket >= life->window) {
        return;
    }
    struct fleet_ticket *t = &life->tickets[ticket];

    if (lend <= t->lend) {
        return; /* spent, lost or known already */
    }
    change_begin(fleet, w);
    t->lend = lend;
    t->has_left = false;
    ticket_give_back(w, life, t);
    if (is_ours && !t->is_available) {
        fleet_life_push(life, ticket);
    } else if (!is_ours && t->is_available) {
        fleet_life_drop(life, ticket);
    }
    change_end(fleet, w);
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
    struct fleet_worker *w = fleet_memory_get(fleet, sizeof(*w));

    if (w == NULL) {
        return NULL;
    }
    if (!fleet_name_copy(w->name, name) || !table_insert(&fleet->by_name, table_hash(name), w)) {
        fleet_memory_put(fleet, w, sizeof(*w));
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
    w->life.heartbeat = heartbeat->number;
    w->life.tasks_partition = heartbeat->partition;
    w->fleet_partition = fleet_partition;
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

/* Incarnations grow with their machine's clock: an older one that still speaks is a ghost, unless
 * the newer has fallen silent (the clock was set back, or the ghost is all there is). One that is
 * watched has not: we have only not heard it yet. */
static bool is_stale(struct fleet_worker *w, const struct wire_heartbeat *heartbeat)
{
    const struct fleet_life *life = fleet_life_find(w, heartbeat->incarnation);

    return (life != NULL && heartbeat->number <= life->heartbeat) ||
           (heartbeat->incarnation < w->life.incarnation && (!w->is_gone || w->is_watched));
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
    uint64_t old = w->life.incarnation;

    if (is_stale(w, heartbeat)) {
        return true;
    }
    uint32_t window = heartbeat->window < FLEET_WINDOW_MAX ? heartbeat->window : FLEET_WINDOW_MAX;

    change_begin(fleet, w);
    if (!fleet_life_begin(fleet, w, heartbeat->incarnation, window)) {
        change_end(fleet, w);
        return false;
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

/* By a newer one, also by one that is gone; or it had fallen silent, and an older one was heard
 * since: the clock was set back, and who waits for this one again shuts that one out. */
static bool is_replaced(struct fleet_worker *w, uint64_t incarnation)
{
    return w->life.incarnation > incarnation ||
           (w->life.incarnation < incarnation && fleet_life_find(w, incarnation) != NULL &&
            !w->is_gone);
}

bool fleet_expect(struct fleet *fleet, struct span worker, uint64_t incarnation,
                  uint32_t fleet_partition)
{
    struct fleet_worker *w = find(fleet, worker);

    if (w != NULL && is_replaced(w, incarnation)) {
        return false;
    }
    if (w != NULL && w->life.incarnation == incarnation && (!w->is_gone || w->is_watched)) {
        return true;
    }
    if (w == NULL) {
        w = worker_add(fleet, worker);
        if (w == NULL) {
            return true; /* no room to watch it; its heartbeats would find none either */
        }
    }
    const struct fleet_life *life = fleet_life_find(w, incarnation);

    change_begin(fleet, w);
    bool is_begun = fleet_life_begin(fleet, w, incarnation, life == NULL ? 0 : life->window);

    assert(is_begun); /* no table is made */
    /* It gets no work before it has spoken; its tickets stay as they are until then. */
    w->is_gone = true;
    w->is_watched = true;
    w->fleet_partition = fleet_partition;
    w->silent_ticks = 0;
    change_end(fleet, w);
    return true;
}

/* A life of a worker by both names; NULL when not known. */
static struct fleet_life *find_life(const struct fleet *fleet, struct span worker,
                                    uint64_t incarnation, struct fleet_worker **ret_worker)
{
    *ret_worker = find(fleet, worker);
    return *ret_worker == NULL ? NULL : fleet_life_find(*ret_worker, incarnation);
}

void fleet_loan(struct fleet *fleet, const struct wire_loan *loan)
{
    struct fleet_worker *w;
    struct fleet_life *life = find_life(fleet, loan->worker, loan->incarnation, &w);
    bool is_ours = span_is(loan->process, fleet->process);

    for (uint32_t i = 0; life != NULL && i < loan->count; i++) {
        ticket_lent(fleet, w, life, loan->tickets[i], loan->lends[i], is_ours);
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
                .kind = FLEET_SILENT, .worker = w, .incarnation = w->life.incarnation};

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
    struct fleet_worker *w;
    struct fleet_life *life = find_life(fleet, worker, incarnation, &w);

    if (life != NULL) {
        ticket_lent(fleet, w, life, ticket, lend, span_is(process, fleet->process));
    }
}

void fleet_ticket_restored(struct fleet *fleet, struct span worker, uint64_t incarnation,
                           uint32_t ticket, uint64_t lend)
{
    struct fleet_worker *w;
    struct fleet_life *life = find_life(fleet, worker, incarnation, &w);
    struct fleet_ticket *t = life == NULL || ticket >= life->window ? NULL : &life->tickets[ticket];

    if (t != NULL && t->lend == lend && !t->is_available && !t->has_left) {
        change_begin(fleet, w);
        ticket_give_back(w, life, t);
        fleet_life_push(life, ticket);
        change_end(fleet, w);
    }
}

void fleet_ticket_spent(struct fleet *fleet, struct span worker, uint64_t incarnation,
                        uint32_t ticket, uint64_t lend)
{
    struct fleet_worker *w;
    struct fleet_life *life = find_life(fleet, worker, incarnation, &w);

    if (life == NULL || ticket >= life->window || life->tickets[ticket].lend > lend) {
        return;
    }
    struct fleet_ticket *t = &life->tickets[ticket];

    change_begin(fleet, w);
    if (t->is_available) {
        fleet_life_drop(life, ticket);
    }
    change_end(fleet, w);
    t->lend = lend;
    t->has_left = true;
}

bool fleet_ticket_has_left(const struct fleet *fleet, struct span worker, uint64_t incarnation,
                           uint32_t ticket, uint64_t lend)
{
    struct fleet_worker *w;
    const struct fleet_life *life = find_life(fleet, worker, incarnation, &w);

    return life != NULL && ticket < life->window && life->tickets[ticket].lend == lend &&
           life->tickets[ticket].has_left;
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
    uint64_t most = w->life.available;

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

/* Whose turn it is of those that serve the class and have room; NULL: nobody's. */
static struct fleet_worker *find_room(const struct fleet *fleet, const struct fleet_needs *needs,
                                      uint32_t *ret_room)
{
    struct fleet_worker *avoided = NULL;

    for (struct fleet_worker *w = fleet->ready_first; w != NULL; w = w->ready_next) {
        uint32_t count = serves(w, needs->class) ? room(w, needs) : 0;

        if (count == 0) {
            continue;
        }
        *ret_room = count;
        if (needs->avoid == 0 || table_hash(span_of(w->name)) != needs->avoid) {
            return w;
        }
        avoided = w;
    }
    if (avoided != NULL) {
        *ret_room = room(avoided, needs);
    }
    return avoided;
}

const struct fleet_worker *fleet_take(struct fleet *fleet, const struct fleet_needs *needs,
                                      uint32_t max, uint32_t *ret_tickets, uint64_t *ret_lends,
                                      uint32_t *ret_count)
{
    uint32_t count = 0;

    *ret_count = 0;
    if (needs->class >= fleet->class_count || fleet->available[needs->class] == 0) {
        return NULL;
    }
    struct fleet_worker *w = find_room(fleet, needs, &count);

    if (w == NULL) {
        return NULL;
    }
    count = count < max ? count : max;
    change_begin(fleet, w);
    for (uint32_t k = 0; k < count; k++) {
        uint32_t ticket = w->life.stack[--w->life.available];
        struct fleet_ticket *t = &w->life.tickets[ticket];

        t->is_available = false;
        t->cpu_millis = needs->cpu_millis;
        t->memory_bytes = needs->memory_bytes;
        ret_tickets[k] = ticket;
        ret_lends[k] = t->lend;
    }
    change_end(fleet, w);
    w->cpu_free -= (int64_t)count * needs->cpu_millis;
    w->memory_free -= (int64_t)(count * needs->memory_bytes);
    ready_turn(fleet, w);
    *ret_count = count;
    return w;
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
