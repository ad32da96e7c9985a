#include "scheduler/core/dispatch.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

/* How many heads that fit no worker are passed over in one search, and of one project: so many too
 * large tasks of one stop that project only, not the others. */
enum { PASS_OVER_MAX = 1024, PASS_OVER_LANE_MAX = 64, PROJECT_BYTES = 64 };

/* The sources of one project in one class and priority. */
struct dispatch_lane {
    struct heap_node node; /* in its level while it has sources */
    char project[PROJECT_BYTES];
    uint32_t class;
    uint32_t priority;
    uint64_t pass;        /* tasks granted so far, never behind the level when it wakes */
    uint32_t passed_over; /* heads, in the present search */
    struct heap sources;
};

/* One priority of one class. */
struct level {
    struct heap lanes;
    uint64_t pass; /* of the lane served last */
};

struct class_queue {
    struct level levels[DISPATCH_PRIORITIES];
    uint64_t ready;
};

struct dispatch {
    struct allocator allocator;
    struct fleet *fleet;
    struct table lanes;
    struct class_queue *classes[FLEET_CLASSES_MAX];
    uint32_t turn; /* class to begin with */
};

#define CONTAINER(pointer, type, member)                                                           \
    ((type *)(void *)((unsigned char *)(pointer)-offsetof(type, member)))

static bool lane_is_before(const struct heap_node *a, const struct heap_node *b)
{
    const struct dispatch_lane *x = (const struct dispatch_lane *)(const void *)a;
    const struct dispatch_lane *y = (const struct dispatch_lane *)(const void *)b;

    return x->pass != y->pass ? x->pass < y->pass : strcmp(x->project, y->project) < 0;
}

static const struct dispatch_source *source_of(const struct heap_node *node)
{
    return (const struct dispatch_source *)(const void *)((const unsigned char *)node -
                                                          offsetof(struct dispatch_source, node));
}

static bool source_is_before(const struct heap_node *a, const struct heap_node *b)
{
    const struct dispatch_source *x = source_of(a);
    const struct dispatch_source *y = source_of(b);

    return x->deadline_ns != y->deadline_ns ? x->deadline_ns < y->deadline_ns : x->age < y->age;
}

struct dispatch *dispatch_new(struct allocator allocator, struct fleet *fleet)
{
    struct dispatch *d = allocator.resize(allocator.context, NULL, 0, sizeof(*d));

    if (d == NULL) {
        return NULL;
    }
    memset(d, 0, sizeof(*d));
    d->allocator = allocator;
    d->fleet = fleet;
    table_init(&d->lanes, allocator);
    return d;
}

void dispatch_free(struct dispatch *d)
{
    if (d == NULL) {
        return;
    }
    for (uint32_t i = 0; i < d->lanes.capacity; i++) {
        struct dispatch_lane *lane = d->lanes.slots[i].item;

        if (lane != NULL) {
            heap_release(&lane->sources);
            (void)d->allocator.resize(d->allocator.context, lane, sizeof(*lane), 0);
        }
    }
    table_release(&d->lanes);
    for (uint32_t c = 0; c < FLEET_CLASSES_MAX; c++) {
        if (d->classes[c] == NULL) {
            continue;
        }
        for (uint32_t p = 0; p < DISPATCH_PRIORITIES; p++) {
            heap_release(&d->classes[c]->levels[p].lanes);
        }
        (void)d->allocator.resize(d->allocator.context, d->classes[c], sizeof(*d->classes[c]), 0);
    }
    (void)d->allocator.resize(d->allocator.context, d, sizeof(*d), 0);
}

static struct class_queue *class_queue(struct dispatch *d, uint32_t class)
{
    assert(class < FLEET_CLASSES_MAX);
    if (d->classes[class] == NULL) {
        struct class_queue *queue =
            d->allocator.resize(d->allocator.context, NULL, 0, sizeof(*queue));

        if (queue == NULL) {
            return NULL;
        }
        memset(queue, 0, sizeof(*queue));
        for (uint32_t p = 0; p < DISPATCH_PRIORITIES; p++) {
            heap_init(&queue->levels[p].lanes, d->allocator, lane_is_before);
        }
        d->classes[class] = queue;
    }
    return d->classes[class];
}

struct lane_key {
    struct span project;
    uint32_t class;
    uint32_t priority;
};

static bool is_lane(const void *item, const void *key)
{
    const struct dispatch_lane *lane = item;
    const struct lane_key *k = key;

    return lane->class == k->class && lane->priority == k->priority &&
           span_is(k->project, lane->project);
}

static struct dispatch_lane *lane_get(struct dispatch *d, const struct lane_key *key)
{
    uint64_t hash = table_hash(key->project) ^ ((uint64_t)key->class << 8 | key->priority);
    struct dispatch_lane *lane = table_find(&d->lanes, hash, is_lane, key);

    if (lane != NULL) {
        return lane;
    }
    lane = d->allocator.resize(d->allocator.context, NULL, 0, sizeof(*lane));
    if (lane == NULL) {
        return NULL;
    }
    memset(lane, 0, sizeof(*lane));
    assert(key->project.bytes < PROJECT_BYTES);
    memcpy(lane->project, key->project.data, key->project.bytes);
    lane->class = key->class;
    lane->priority = key->priority;
    heap_init(&lane->sources, d->allocator, source_is_before);
    if (!table_insert(&d->lanes, hash, lane)) {
        (void)d->allocator.resize(d->allocator.context, lane, sizeof(*lane), 0);
        return NULL;
    }
    return lane;
}

static bool source_enter(struct dispatch *d, struct dispatch_source *source, struct span project)
{
    struct class_queue *queue = class_queue(d, source->needs.class);
    struct lane_key key = {project, source->needs.class, source->priority};
    struct dispatch_lane *lane = queue == NULL ? NULL : lane_get(d, &key);

    if (lane == NULL || !heap_insert(&lane->sources, &source->node)) {
        return false;
    }
    if (lane->node.place == 0) {
        struct level *level = &queue->levels[lane->priority];

        /* A lane that was asleep has saved nothing up. */
        lane->pass = lane->pass > level->pass ? lane->pass : level->pass;
        if (!heap_insert(&level->lanes, &lane->node)) {
            heap_remove(&lane->sources, &source->node);
            return false;
        }
    }
    source->lane = lane;
    return true;
}

static void source_leave(struct dispatch *d, struct dispatch_source *source)
{
    struct dispatch_lane *lane = source->lane;

    heap_remove(&lane->sources, &source->node);
    if (heap_first(&lane->sources) == NULL) {
        heap_remove(&d->classes[lane->class]->levels[lane->priority].lanes, &lane->node);
    }
    source->lane = NULL;
}

bool dispatch_set(struct dispatch *d, struct dispatch_source *source, struct span project,
                  uint32_t ready)
{
    assert(source->priority < DISPATCH_PRIORITIES);
    if (ready == 0 && source->ready == 0 && source->lane == NULL) {
        return true; /* it may have no class: waits and groups have none */
    }
    if (ready > 0 && source->lane == NULL && !source_enter(d, source, project)) {
        return false;
    }
    if (ready == 0 && source->lane != NULL) {
        source_leave(d, source);
    }
    if (d->classes[source->needs.class] != NULL) {
        d->classes[source->needs.class]->ready += (uint64_t)ready - source->ready;
    }
    source->ready = ready;
    return true;
}

static void grant_made(struct dispatch *d, struct dispatch_source *source, uint32_t count)
{
    struct dispatch_lane *lane = source->lane;
    struct class_queue *queue = d->classes[lane->class];
    struct level *level = &queue->levels[lane->priority];

    level->pass = lane->pass;
    lane->pass += count;
    heap_changed(&level->lanes, &lane->node);
    queue->ready -= count;
    source->ready -= count;
    if (source->ready == 0) {
        source_leave(d, source);
    }
}

static bool try_source(struct dispatch *d, struct dispatch_source *source,
                       struct dispatch_grant *grant)
{
    uint32_t most = source->needs.avoid != 0 ? 1 : DISPATCH_GRANT_MAX; /* its first task does */
    uint32_t max = source->ready < most ? source->ready : most;

    grant->worker =
        fleet_take(d->fleet, &source->needs, max, grant->tickets, grant->lends, &grant->count);
    if (grant->worker == NULL) {
        return false;
    }
    grant->source = source;
    grant_made(d, source, grant->count);
    return true;
}

/* What was set aside in one search, and the least that fitted nobody. */
struct aside {
    struct dispatch_source *sources[PASS_OVER_MAX];
    struct dispatch_lane *lanes[PASS_OVER_MAX];
    uint32_t count;
    struct fleet_needs misfit;
};

/* Whoever needs as much as one that fitted nobody fits nobody either. */
static bool is_hopeless(const struct aside *aside, const struct dispatch_source *source)
{
    return aside->count > 0 && source->needs.cpu_millis >= aside->misfit.cpu_millis &&
           source->needs.memory_bytes >= aside->misfit.memory_bytes;
}

static void set_aside(struct level *level, struct aside *aside, struct dispatch_lane *lane,
                      struct dispatch_source *source)
{
    if (aside->count == 0 || (source->needs.cpu_millis <= aside->misfit.cpu_millis &&
                              source->needs.memory_bytes <= aside->misfit.memory_bytes)) {
        aside->misfit = source->needs;
    }
    heap_remove(&lane->sources, &source->node);
    if (heap_first(&lane->sources) == NULL || ++lane->passed_over == PASS_OVER_LANE_MAX) {
        heap_remove(&level->lanes, &lane->node);
    }
    aside->sources[aside->count] = source;
    aside->lanes[aside->count++] = lane;
}

static void put_back(struct level *level, const struct aside *aside)
{
    for (uint32_t i = 0; i < aside->count; i++) {
        struct dispatch_lane *lane = aside->lanes[i];
        /* Cannot fail: the heaps held them a moment ago. */
        bool is_back = heap_insert(&lane->sources, &aside->sources[i]->node) &&
                       (lane->node.place != 0 || heap_insert(&level->lanes, &lane->node));

        assert(is_back);
        lane->passed_over = 0;
    }
}

/* Looks at the heads of the lanes of one level in order of their turn. A head that fits no worker
 * is set aside until the search is over, and with too many of its own the lane. */
static bool try_level(struct dispatch *d, struct level *level, struct dispatch_grant *grant)
{
    struct aside aside;
    bool is_found = false;

    aside.count = 0;
    aside.misfit = (struct fleet_needs){0}; /* the lists may stay as they are: they are long */
    while (!is_found && aside.count < PASS_OVER_MAX) {
        struct heap_node *first = heap_first(&level->lanes);

        if (first == NULL) {
            break;
        }
        struct dispatch_lane *lane = CONTAINER(first, struct dispatch_lane, node);
        struct heap_node *head = heap_first(&lane->sources);
        struct dispatch_source *source = CONTAINER(head, struct dispatch_source, node);

        is_found = !is_hopeless(&aside, source) && try_source(d, source, grant);
        if (!is_found) {
            set_aside(level, &aside, lane, source);
        }
    }
    put_back(level, &aside);
    return is_found;
}

bool dispatch_next(struct dispatch *d, struct dispatch_grant *ret_grant)
{
    uint32_t class_count = fleet_class_count(d->fleet);

    for (uint32_t i = 0; i < class_count; i++) {
        uint32_t class = (d->turn + i) % class_count;
        struct class_queue *queue = d->classes[class];

        if (queue == NULL || queue->ready == 0 || fleet_available(d->fleet, class) == 0) {
            continue;
        }
        for (uint32_t p = DISPATCH_PRIORITIES; p-- > 0;) {
            if (try_level(d, &queue->levels[p], ret_grant)) {
                d->turn = class + 1;
                return true;
            }
        }
    }
    return false;
}

uint64_t dispatch_ready(const struct dispatch *d, uint32_t class)
{
    return d->classes[class] == NULL ? 0 : d->classes[class]->ready;
}
