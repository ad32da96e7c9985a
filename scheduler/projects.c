#include "scheduler/projects.h"

#include <stdlib.h>
#include <string.h>

#include "infra/store/project_gather.h"
#include "scheduler/scheduler.h"

struct projects {
    struct scheduler *scheduler;
    struct loop_timer *timer;
    struct retention_rules given; /* by the scheduler's settings */
    struct project_found *found;  /* by name */
    uint32_t count;
    struct retention_project *kept; /* of those found that say how long, and those given */
    bool is_known, is_asking, is_closing;
};

static void projects_free(struct projects *p)
{
    free(p->found);
    free(p->kept);
    free(p);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct retention_project *)a)->name,
                  ((const struct retention_project *)b)->name);
}

void projects_order(struct retention_project *projects, uint32_t count)
{
    if (count > 0) {
        qsort(projects, count, sizeof(*projects), by_name);
    }
}

/* What a project says itself goes before what the scheduler's settings say of it. */
static void rules_make(struct projects *p)
{
    struct retention_rules *rules = &p->scheduler->settings.retention;
    uint32_t count = 0;

    for (uint32_t i = 0; i < p->count; i++) {
        if (p->found[i].settings.has_kept) {
            p->kept[count++] =
                (struct retention_project){p->found[i].name, p->found[i].settings.kept_ns};
        }
    }
    for (uint32_t i = 0; i < p->given.project_count; i++) {
        const struct retention_project *given = &p->given.projects[i];
        const struct project_settings *found =
            project_find(p->found, p->count, span_of(given->name));

        if (found == NULL || !found->has_kept) {
            p->kept[count++] = *given;
        }
    }
    projects_order(p->kept, count);
    rules->projects = p->kept;
    rules->project_count = count;
}

static void on_found(void *argument, const struct project_found *found, uint32_t count,
                     const struct exo_error *err)
{
    struct projects *p = argument;

    p->is_asking = false;
    if (p->is_closing) {
        projects_free(p);
        return;
    }
    if (err == NULL) {
        free(p->found);
        free(p->kept);
        p->found = calloc(count + 1u, sizeof(*p->found));
        p->kept = calloc(count + p->given.project_count + 1u, sizeof(*p->kept));
        if (p->found == NULL || p->kept == NULL) {
            abort();
        }
        if (count > 0) {
            memcpy(p->found, found, count * sizeof(*found));
        }
        p->count = count;
        p->is_known = true;
        rules_make(p);
    }
    loop_timer_start(p->timer, PROJECTS_LOOK_S * EXO_SECOND, 0);
}

static void look(void *argument)
{
    struct projects *p = argument;

    p->is_asking = true;
    project_gather(p->scheduler->store, on_found, p);
}

struct projects *projects_open(struct scheduler *scheduler)
{
    if (!scheduler->settings.reads_projects) {
        return NULL;
    }
    struct projects *p = calloc(1, sizeof(*p));

    if (p == NULL) {
        abort();
    }
    p->scheduler = scheduler;
    p->given = scheduler->settings.retention;
    p->timer = loop_timer_new(scheduler->loop, look, p);
    loop_timer_start(p->timer, 0, 0);
    return p;
}

void projects_close(struct projects *p)
{
    if (p == NULL) {
        return;
    }
    p->scheduler->settings.retention = p->given;
    loop_timer_free(p->timer);
    p->timer = NULL;
    p->is_closing = true;
    if (!p->is_asking) {
        projects_free(p);
    }
}

bool projects_are_known(const struct projects *p)
{
    return p == NULL || p->is_known;
}

struct project_settings projects_of(const struct projects *p, struct span project)
{
    const struct project_settings *settings =
        p == NULL ? NULL : project_find(p->found, p->count, project);

    return settings == NULL ? (struct project_settings){.running_max = 0} : *settings;
}
