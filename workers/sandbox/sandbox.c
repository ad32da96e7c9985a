#include "workers/sandbox/sandbox.h"

#include <assert.h>
#include <string.h>

#include "schemas/vocab/ids.h"
#include "workers/sandbox/sandbox_driver.h"
#include "workers/sandbox/spec_check.h"

static const struct sandbox_driver *const drivers[] = {&sandbox_crun_driver, &sandbox_null_driver};

struct sandbox *sandbox_open(struct loop *loop, const struct sandbox_settings *settings,
                             struct exo_error *err)
{
    assert(settings->runs_max >= 1);

    for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
        if (strcmp(drivers[i]->name, settings->driver) != 0) {
            continue;
        }
        struct sandbox *sandbox = drivers[i]->open(loop, settings, err);

        if (sandbox != NULL) {
            sandbox->driver = drivers[i];
            sandbox->loop = loop;
            sandbox->runs_max = settings->runs_max;
        }
        return sandbox;
    }
    (void)exo_error_set(err, EXO_EINVALID, "no sandbox driver \"%s\": use crun or null",
                        settings->driver);
    return NULL;
}

void sandbox_close(struct sandbox *sandbox)
{
    if (sandbox != NULL) {
        sandbox->driver->close(sandbox);
    }
}

int sandbox_recover(struct sandbox *sandbox,
                    void (*on_leftover)(void *argument, const struct sandbox_leftover *leftover),
                    void *argument, struct exo_error *err)
{
    assert(sandbox->run_count == 0);
    return sandbox->driver->recover(sandbox, on_leftover, argument, err);
}

/* Where the list of runs whose ids have the hash of this one begins. */
static struct sandbox_run **head_of(struct sandbox *sandbox, const char *id)
{
    return &sandbox->by_id[murmur2_32(span_of(id)) % SANDBOX_ID_HEADS];
}

static bool is_running(struct sandbox *sandbox, const char *id)
{
    for (const struct sandbox_run *run = *head_of(sandbox, id); run != NULL;
         run = run->next_by_id) {
        if (strcmp(run->id, id) == 0) {
            return true;
        }
    }
    return false;
}

struct sandbox_run *sandbox_start(struct sandbox *sandbox, const struct sandbox_spec *spec,
                                  const struct sandbox_events *events, struct exo_error *err)
{
    assert(events->on_exit != NULL);

    if (spec_check(spec, err) != 0) {
        return NULL;
    }
    if (sandbox->run_count >= sandbox->runs_max) {
        (void)exo_error_set(err, EXO_ELIMIT, "%u attempts run already, which is the limit",
                            sandbox->runs_max);
        return NULL;
    }
    if (is_running(sandbox, spec->id)) {
        (void)exo_error_set(err, EXO_ECONFLICT, "attempt %s runs already", spec->id);
        return NULL;
    }
    struct sandbox_run *run = sandbox->driver->start(sandbox, spec, err);

    if (run == NULL) {
        return NULL;
    }
    run->sandbox = sandbox;
    run->events = *events;
    memcpy(run->id, spec->id, strlen(spec->id) + 1);
    run->previous = NULL;
    run->next = sandbox->runs;
    if (run->next != NULL) {
        run->next->previous = run;
    }
    sandbox->runs = run;
    struct sandbox_run **head = head_of(sandbox, run->id);

    run->next_by_id = *head;
    *head = run;
    sandbox->run_count++;
    return run;
}

void sandbox_run_end(struct sandbox_run *run, const struct sandbox_result *result)
{
    struct sandbox *sandbox = run->sandbox;

    if (run->previous != NULL) {
        run->previous->next = run->next;
    } else {
        sandbox->runs = run->next;
    }
    if (run->next != NULL) {
        run->next->previous = run->previous;
    }
    struct sandbox_run **link = head_of(sandbox, run->id);

    while (*link != run) {
        link = &(*link)->next_by_id;
    }
    *link = run->next_by_id;
    sandbox->run_count--;
    run->events.on_exit(run->events.argument, result);
}

void sandbox_stop(struct sandbox_run *run, exo_time grace_ns)
{
    run->sandbox->driver->stop(run, grace_ns);
}

bool sandbox_signal(struct sandbox_run *run, int signal)
{
    return run->sandbox->driver->signal(run, signal);
}

uint32_t sandbox_count(const struct sandbox *sandbox)
{
    return sandbox->run_count;
}
