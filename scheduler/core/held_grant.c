#include "scheduler/core/held_grant.h"

#include <string.h>

void held_grant_keep(struct held_grant *held)
{
    held->incarnation = held->grant.worker->life.incarnation;
    memcpy(held->worker, held->grant.worker->name, sizeof(held->worker));
}

/* Without the tickets of attempts that were loaded meanwhile: their commits had been in doubt. */
static void trim(struct held_grant *held, const struct fleet *fleet)
{
    struct dispatch_grant *grant = &held->grant;
    uint32_t kept = 0;

    for (uint32_t i = 0; i < grant->count; i++) {
        if (!fleet_ticket_has_left(fleet, span_of(held->worker), held->incarnation,
                                   grant->tickets[i], grant->lends[i])) {
            grant->tickets[kept] = grant->tickets[i];
            grant->lends[kept++] = grant->lends[i];
        }
    }
    grant->count = kept;
}

struct sched_grant held_grant_spend(struct held_grant *held, const struct fleet *fleet,
                                    struct span process)
{
    trim(held, fleet);
    return (struct sched_grant){.source = held->grant.source,
                                .worker = span_of(held->worker),
                                .incarnation = held->incarnation,
                                .process = process,
                                .count = held->grant.count,
                                .tickets = held->grant.tickets,
                                .lends = held->grant.lends};
}

void held_grant_restore(const struct held_grant *held, struct fleet *fleet)
{
    for (uint32_t i = 0; i < held->grant.count; i++) {
        fleet_ticket_restored(fleet, span_of(held->worker), held->incarnation,
                              held->grant.tickets[i], held->grant.lends[i]);
    }
}
