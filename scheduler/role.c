#include "scheduler/role.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "infra/crypto/crypto.h"
#include "scheduler/core/ownership.h"
#include "scheduler/projects.h"
#include "scheduler/shard.h"

enum { DEFINITIONS_UNUSED_MAX = 256 };

void scheduler_wake(struct scheduler *scheduler)
{
    committer_wake(scheduler->committer);
}

void scheduler_say(const struct scheduler *scheduler, const char *event, const char *format, ...)
{
    char text[1024];
    va_list args;

    if (scheduler->settings.say == NULL) {
        return;
    }
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    scheduler->settings.say(scheduler->settings.say_context, event, text);
}

static void process_name(char name[FLEET_NAME_BYTES])
{
    char host[32] = "host";
    uint32_t number;

    (void)gethostname(host, sizeof(host) - 1);
    random_fill(&number, sizeof(number));
    (void)snprintf(name, FLEET_NAME_BYTES, "%s-%d-%08x", host, (int)getpid(), number);
}

static void settings_default(struct scheduler_settings *settings)
{
    if (settings->lease_ns == 0) {
        settings->lease_ns = OWNERSHIP_LEASE_NS;
    }
    if (settings->round_ns == 0) {
        settings->round_ns = OWNERSHIP_ROUND_NS;
    }
    if (settings->look_ns == 0) {
        settings->look_ns = 10 * EXO_SECOND;
    }
    if (settings->janitor_ns == 0) {
        settings->janitor_ns = EXO_MINUTE;
    }
    if (settings->tick_ns == 0) {
        settings->tick_ns = EXO_SECOND;
    }
    if (settings->transaction_records == 0) {
        settings->transaction_records = 768;
    }
}

struct scheduler *scheduler_open(struct loop *loop, struct log *log, struct store *store,
                                 struct cache *cache, const struct scheduler_settings *settings,
                                 struct exo_error *err)
{
    if (settings->shard_count == 0) {
        (void)exo_error_set(err, EXO_EINVALID, "the number of shards is not known");
        return NULL;
    }
    struct scheduler *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        abort();
    }
    s->loop = loop;
    s->log = log;
    s->store = store;
    s->cache = cache;
    s->settings = *settings;
    settings_default(&s->settings);
    memcpy(s->secret, settings->secret, sizeof(s->secret));
    s->settings.secret = NULL;
    s->shard_count = settings->shard_count;
    s->budget.limit_bytes = settings->memory_bytes_max;
    s->allocator = allocator_heap(&s->budget);
    process_name(s->process);
    struct fleet_limits limits = {0};

    s->fleet = fleet_new(s->allocator, span_of(s->process), &limits);
    s->dispatch = s->fleet == NULL ? NULL : dispatch_new(s->allocator, s->fleet);
    s->definitions = definitions_new(DEFINITIONS_UNUSED_MAX);
    s->imprints = imprint_packer_new();
    s->shards = calloc(s->shard_count, sizeof(struct shard *));
    if (s->dispatch == NULL || s->shards == NULL) {
        abort();
    }
    s->committer = committer_open(s);
    s->fleet_link = fleet_link_open(s);
    s->leases = leases_open(s);
    s->janitor = janitor_open(s);
    s->projects = projects_open(s);
    s->gathering = event_gathering_open(s);
    return s;
}

bool scheduler_is_ready(const struct scheduler *s)
{
    uint32_t owned = 0;

    for (uint32_t i = 0; i < s->shard_count; i++) {
        if (s->shards[i] == NULL) {
            continue;
        }
        owned++;
        if (s->shards[i]->state != SHARD_RUNNING) {
            return false;
        }
    }
    return owned > 0 && !s->is_lease_failing;
}

void scheduler_troubled(struct scheduler *s, const struct exo_error *err)
{
    s->trouble = *err;
}

const char *scheduler_waits_for(const struct scheduler *s)
{
    return s->trouble.code != EXO_OK ? s->trouble.text : "its shards are not loaded yet";
}

bool scheduler_is_full(const struct scheduler *s)
{
    for (uint32_t i = 0; i < s->shard_count; i++) {
        if (s->shards[i] != NULL && s->shards[i]->is_full) {
            return true;
        }
    }
    return false;
}

void scheduler_room_tell(struct scheduler *s)
{
    bool is_full = scheduler_is_full(s);

    if (is_full && !s->is_full_said) {
        scheduler_say(s, "scheduler.full",
                      "as many live executions as executions_max allows a shard (%llu for all): "
                      "exo.jobs waits there; more schedulers, or a larger bound and more memory",
                      (unsigned long long)s->settings.executions_max);
    } else if (!is_full && s->is_full_said) {
        scheduler_say(s, "scheduler.room", "every shard has room for executions again");
    }
    s->is_full_said = is_full;
}

void scheduler_leave(struct scheduler *s, void (*done)(void *argument), void *argument)
{
    s->is_closing = true;
    leases_leave(s->leases, done, argument);
}

void scheduler_close(struct scheduler *s)
{
    if (s == NULL) {
        return;
    }
    s->is_closing = true;
    for (uint32_t i = 0; i < s->shard_count; i++) {
        if (s->shards[i] != NULL) {
            shard_close(s->shards[i]);
        }
    }
    event_gathering_close(s->gathering);
    projects_close(s->projects);
    s->projects = NULL;
    janitor_close(s->janitor);
    leases_close(s->leases);
    fleet_link_close(s->fleet_link);
    committer_close(s->committer);
}

void scheduler_free(struct scheduler *s)
{
    if (s == NULL) {
        return;
    }
    dispatch_free(s->dispatch);
    fleet_free(s->fleet);
    definitions_free(s->definitions);
    imprint_packer_free(s->imprints);
    free(s->shards);
    free(s);
}

bool scheduler_owns_first(const struct scheduler *s)
{
    return s->shards[0] != NULL && s->shards[0]->state == SHARD_RUNNING;
}

struct scheduler_counts scheduler_counts(const struct scheduler *s)
{
    struct scheduler_counts counts = s->counts;

    for (uint32_t i = 0; i < s->shard_count; i++) {
        const struct shard *shard = s->shards[i];

        if (shard == NULL) {
            continue;
        }
        counts.shards_owned++;
        counts.shards_running += shard->state == SHARD_RUNNING;
        counts.shards_stopped += shard->state == SHARD_STOPPED;
        counts.shards_full += shard->is_full;
        if (shard->sched != NULL) {
            struct sched_counts core = sched_counts(shard->sched);

            counts.executions_live += core.executions;
            counts.leases_live += core.leases;
            counts.stale += core.stale;
            counts.admitted += core.admitted;
            counts.executions_finished += core.finished_executions;
            counts.attempts_finished += core.finished_attempts;
            counts.attempts_lost += core.lost_attempts;
        }
    }
    for (uint32_t i = 0; i < fleet_class_count(s->fleet); i++) {
        counts.ready += dispatch_ready(s->dispatch, i);
    }
    counts.memory_bytes = s->budget.used_bytes;
    return counts;
}
