/* rules_order: the queue of a scheduler process, kept a second time as a plain list: who is granted
 * had the highest priority of its class, its project had had the least, and within the project
 * nothing was more urgent or older. In a world every task fits every worker of its class. */
#include <stdlib.h>

#include "scheduler/core/dispatch.h"
#include "tests/sim/rules_state.h"
#include "tests/sim/sim.h"

struct project {
    struct project *next;
    const struct dispatch *dispatch;
    uint32_t class, priority;
    struct span name;
    uint64_t pass;
    uint32_t sources;
};

struct source {
    struct source *next;
    const struct dispatch_source *of; /* NULL: a free place */
    struct project *project;
    uint32_t ready;
    exo_time deadline_ns;
    uint64_t age;
};

enum { BUCKETS = 256 };

struct queue {
    struct queue *next;
    const struct dispatch *dispatch;
    struct fleet *fleet;
    uint64_t passes[FLEET_CLASSES_MAX][DISPATCH_PRIORITIES];
    struct project *projects;
    struct source *sources[BUCKETS]; /* by where they stand */
};

static struct queue *queues;

struct dispatch *__real_dispatch_new(struct allocator allocator, struct fleet *fleet);
struct dispatch *__wrap_dispatch_new(struct allocator allocator, struct fleet *fleet);
bool __real_dispatch_set(struct dispatch *d, struct dispatch_source *source, struct span project,
                         uint32_t ready);
bool __wrap_dispatch_set(struct dispatch *d, struct dispatch_source *source, struct span project,
                         uint32_t ready);
bool __real_dispatch_next(struct dispatch *d, struct dispatch_grant *ret_grant);
bool __wrap_dispatch_next(struct dispatch *d, struct dispatch_grant *ret_grant);

void rules_order_begin(void)
{
    queues = NULL;
}

/* Another queue may have stood at the same address before: the newest counts. */
struct dispatch *__wrap_dispatch_new(struct allocator allocator, struct fleet *fleet)
{
    struct queue *queue = sim_alloc(sizeof(*queue));

    queue->dispatch = __real_dispatch_new(allocator, fleet);
    queue->fleet = fleet;
    queue->next = queues;
    queues = queue;
    return (struct dispatch *)(uintptr_t)queue->dispatch;
}

static struct queue *queue_of(const struct dispatch *d)
{
    struct queue *queue = queues;

    while (queue->dispatch != d) {
        queue = queue->next;
    }
    return queue;
}

static struct project *project_get(struct queue *queue, const struct dispatch_source *source,
                                   struct span name)
{
    struct project *p = queue->projects;

    while (p != NULL && (p->class != source->needs.class || p->priority != source->priority ||
                         !span_equal(p->name, name))) {
        p = p->next;
    }
    if (p == NULL) {
        p = sim_alloc(sizeof(*p));
        *p = (struct project){.next = queue->projects,
                              .class = source->needs.class,
                              .priority = source->priority,
                              .name = sim_copy(name)};
        queue->projects = p;
    }
    return p;
}

static struct source **bucket_of(struct queue *queue, const struct dispatch_source *of)
{
    return &queue->sources[(uintptr_t)of / sizeof(void *) % BUCKETS];
}

static struct source *source_find(struct queue *queue, const struct dispatch_source *of)
{
    struct source *s = *bucket_of(queue, of);

    while (s != NULL && s->of != of) {
        s = s->next;
    }
    return s;
}

/* Calls for each that is queued. */
static void sources_each(const struct queue *queue,
                         void (*call)(const struct queue *queue, const struct source *s,
                                      const void *context),
                         const void *context)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        for (const struct source *s = queue->sources[i]; s != NULL; s = s->next) {
            if (s->of != NULL) {
                call(queue, s, context);
            }
        }
    }
}

static void source_drop(struct source *s)
{
    s->project->sources--;
    s->of = NULL;
    s->ready = 0;
}

static void source_enter(struct queue *queue, const struct dispatch_source *of, struct span project)
{
    struct source **bucket = bucket_of(queue, of);
    struct source *s = *bucket;

    while (s != NULL && s->of != NULL) {
        s = s->next;
    }
    if (s == NULL) {
        s = sim_alloc(sizeof(*s));
        s->next = *bucket;
        *bucket = s;
    }
    s->of = of;
    s->project = project_get(queue, of, project);
    s->deadline_ns = of->deadline_ns;
    s->age = of->age;
    uint64_t pass = queue->passes[of->needs.class][of->priority];

    if (s->project->sources++ == 0 && s->project->pass < pass) {
        s->project->pass = pass; /* who was asleep has saved nothing up */
    }
}

bool __wrap_dispatch_set(struct dispatch *d, struct dispatch_source *source, struct span project,
                         uint32_t ready)
{
    struct queue *queue = queue_of(d);
    struct source *s = source_find(queue, source);

    if (!__real_dispatch_set(d, source, project, ready)) {
        return false;
    }
    if (s == NULL && ready > 0) {
        source_enter(queue, source, project);
        s = source_find(queue, source);
    }
    if (s != NULL) {
        s->ready = ready;
        if (ready == 0) {
            source_drop(s);
        }
    }
    return true;
}

static bool is_behind(const struct source *other, const struct source *granted)
{
    const struct project *a = other->project;
    const struct project *b = granted->project;

    if (a->priority != b->priority) {
        return a->priority < b->priority;
    }
    if (a != b) {
        return a->pass >= b->pass;
    }
    return other->deadline_ns != granted->deadline_ns ? other->deadline_ns > granted->deadline_ns
                                                      : other->age >= granted->age;
}

static void turn_check(const struct queue *queue, const struct source *s, const void *context)
{
    const struct source *granted = context;
    const struct project *p = granted->project;

    (void)queue;
    if (s->project->class == p->class && !is_behind(s, granted)) {
        sim_fail("a task of project %.*s, priority %u, is granted before its turn: project %.*s, "
                 "priority %u waits",
                 SPAN_ARG(p->name), p->priority, SPAN_ARG(s->project->name), s->project->priority);
    }
}

static void grant_check(struct queue *queue, const struct dispatch_grant *grant)
{
    struct source *granted = source_find(queue, grant->source);

    if (granted == NULL || granted->ready < grant->count) {
        sim_fail("%u tasks are granted, and so many were not ready", grant->count);
    }
    struct project *p = granted->project;

    sources_each(queue, turn_check, granted);
    queue->passes[p->class][p->priority] = p->pass;
    p->pass += grant->count;
    granted->ready -= grant->count;
    if (granted->ready == 0) {
        source_drop(granted);
    }
}

static void meet_check(const struct queue *queue, const struct source *s, const void *context)
{
    (void)context;
    if (fleet_available(queue->fleet, s->project->class) > 0) {
        sim_fail("a ready task of class %u and an idle ticket do not meet", s->project->class);
    }
}

bool __wrap_dispatch_next(struct dispatch *d, struct dispatch_grant *ret_grant)
{
    struct queue *queue = queue_of(d);

    if (__real_dispatch_next(d, ret_grant)) {
        grant_check(queue, ret_grant);
        return true;
    }
    sources_each(queue, meet_check, NULL);
    return false;
}
