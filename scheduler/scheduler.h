/* scheduler: what the parts of one scheduler process share; for this folder's sources only.
 *
 *   leases.c   which shards are ours          fleet_link.c  exo.fleet: heartbeats, ticks, doubts
 *   shard.c    the life of one shard          committer.c   batches of all shards, one transaction
 *   intake.c   records -> events              values.c      what expressions wait for
 *   caution.c  after crashes and refusals, one input at a time
 *   command.c  what people ask for
 *   relay.c    after the commit: tasks, events, peers, dead letters
 *   janitor.c  what is old goes; projects.c  how long, and how much, project by project
 *
 * One loop, one thread. */
#ifndef EXO_SCHEDULER_SCHEDULER_H
#define EXO_SCHEDULER_SCHEDULER_H

#include "infra/cache/cache.h"
#include "infra/crypto/attempt_token.h"
#include "infra/log/log.h"
#include "infra/loop/loop.h"
#include "infra/store/imprint.h"
#include "infra/store/store.h"
#include "scheduler/core/dispatch.h"
#include "scheduler/core/fleet.h"
#include "scheduler/core/held_grant.h"
#include "scheduler/core/ownership.h"
#include "scheduler/core/sched.h"
#include "scheduler/definitions.h"
#include "scheduler/role.h"
#include "scheduler/sealed.h"

struct shard;
struct committer;
struct fleet_link;
struct leases;
struct janitor;
struct projects;
struct event_gathering;

struct scheduler {
    struct loop *loop;
    struct log *log;
    struct store *store;
    struct cache *cache;
    struct scheduler_settings settings;
    char process[FLEET_NAME_BYTES]; /* new at each start */
    uint8_t secret[ATTEMPT_SECRET_BYTES];
    uint32_t shard_count;
    struct heap_budget budget;
    struct allocator allocator;
    struct fleet *fleet;
    struct dispatch *dispatch;
    struct definitions *definitions;
    struct imprint_packer *imprints;
    struct shard **shards; /* by number; NULL: not ours */
    struct committer *committer;
    struct fleet_link *fleet_link;
    struct leases *leases;
    struct janitor *janitor;
    struct projects *projects; /* NULL: nothing is known of any */
    struct event_gathering *gathering;
    struct scheduler_counts counts;
    bool is_full_said;        /* that some shard is full */
    bool is_lease_failing;    /* the last round could not renew them */
    struct exo_error trouble; /* what the store answered; EXO_OK since it has committed */
    bool is_closing;
    uint32_t careful_count; /* shards whose caution is not NONE */
    struct shard *marked;   /* whose marker stands or is on its way: no other shard steps */
    struct shard *held_for; /* whose marker the grant that is held waits for; NULL: none is held */
    struct held_grant held;
};

/* scheduler_wake asks for a turn of the committer: something was stepped or became due. */
void scheduler_wake(struct scheduler *scheduler);

/* scheduler_say writes a line of the operator's log. */
void scheduler_say(const struct scheduler *scheduler, const char *event, const char *format, ...)
    EXO_PRINTF(3, 4);

/* scheduler_troubled keeps, for scheduler_waits_for, why the store does not do what was asked. */
void scheduler_troubled(struct scheduler *scheduler, const struct exo_error *err);

/* scheduler_room_tell says once that shards are full, and that none is any more. */
void scheduler_room_tell(struct scheduler *scheduler);

/* ---- leases.c ---- */
struct leases *leases_open(struct scheduler *scheduler);
void leases_close(struct leases *leases);
/* leases_hurry asks for the next round at once: the fleet is warm, so shards may be taken. */
void leases_hurry(struct leases *leases);
/* leases_leave gives all shards up and calls back when the store knows. */
void leases_leave(struct leases *leases, void (*done)(void *argument), void *argument);

/* ---- janitor.c ---- */
struct janitor *janitor_open(struct scheduler *scheduler);
void janitor_close(struct janitor *janitor);

/* ---- fleet_link.c ---- */
struct fleet_link *fleet_link_open(struct scheduler *scheduler);
void fleet_link_close(struct fleet_link *link);
/* fleet_link_is_warm is true once heartbeats of a whole tick have been read. */
bool fleet_link_is_warm(const struct fleet_link *link);

/* ---- events.c ---- */
/* Public events of all shards on their way to the log. To be closed behind the shards. */
struct event_gathering *event_gathering_open(struct scheduler *scheduler);
void event_gathering_close(struct event_gathering *gathering);

/* ---- committer.c ---- */
struct committer *committer_open(struct scheduler *scheduler);
void committer_close(struct committer *committer);
void committer_wake(struct committer *committer);

#endif /* EXO_SCHEDULER_SCHEDULER_H */
