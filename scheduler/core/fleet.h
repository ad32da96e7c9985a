/* fleet: the workers as one scheduler process sees them: their tickets lent to it, their resources,
 * and who has fallen silent.
 *
 *   exo.fleet --heartbeats, loans, ticks--> fleet --fleet_take--> (worker, tickets) for dispatch
 *                                             |
 *                                             +--> suspicions: SILENT, REPLACED, ABSENT, LEFT
 *
 * Tickets (docs/architecture.md): (ticket, lend) names one right to send one Task. For each ticket
 * the highest lend number that was spent or lost is kept, so that any message may come late, twice
 * or never. Each life of a worker numbers its loans for itself, and more than one may speak under
 * one name: what one has lent is kept while another counts. Silence is counted in our own ticks
 * read back from the log (protocol.md 5).
 *
 * Pure. */
#ifndef EXO_SCHEDULER_FLEET_H
#define EXO_SCHEDULER_FLEET_H

#include <stdbool.h>
#include <stdint.h>

#include "scheduler/core/table.h"
#include "schemas/vocab/arena.h"
#include "schemas/wire/fleet.h"

enum {
    FLEET_NAME_BYTES = 64,
    FLEET_CLASSES_MAX = 64,       /* known to a process */
    FLEET_WORKER_CLASSES_MAX = 8, /* served by one worker */
    FLEET_WINDOW_MAX = 8192,      /* tickets of one worker */
    FLEET_LIVES_PAST = 4,         /* of one worker that are remembered beside the one that counts */
    FLEET_SILENT_TICKS = 15,      /* L of protocol.md 5 */
};

struct fleet_limits {
    uint32_t workers_max;  /* 0: 10,000 */
    uint32_t silent_ticks; /* 0: FLEET_SILENT_TICKS */
};

struct fleet_ticket {
    uint64_t lend; /* highest seen, in either hand */
    bool is_available;
    bool has_left;       /* that loan is an attempt's that was loaded: it is not restored */
    uint32_t cpu_millis; /* what it was last spent on takes; given back with it */
    uint64_t memory_bytes;
};

/* What one life of a worker has said of itself that no other can unsay. */
struct fleet_life {
    uint64_t incarnation;
    uint64_t heartbeat; /* number of the last one that counted; 0: none yet */
    uint32_t tasks_partition;
    uint32_t window;
    uint32_t available;           /* tickets ready to spend */
    struct fleet_ticket *tickets; /* window of them */
    uint32_t *stack;              /* the available ones, newest last */
};

/* Read-only to others. */
struct fleet_worker {
    char name[FLEET_NAME_BYTES];
    struct fleet_life life;                   /* the one that counts */
    struct fleet_life past[FLEET_LIVES_PAST]; /* others; incarnation 0: none */
    uint32_t fleet_partition;
    uint32_t classes[FLEET_WORKER_CLASSES_MAX];
    uint32_t class_count;
    uint32_t slots;
    bool is_draining;
    bool is_gone;    /* silent, left or not heard yet: gets no work */
    bool is_watched; /* gone, but its silence is counted: it holds attempts of a loaded shard */
    uint32_t silent_ticks;
    int64_t cpu_free, memory_free; /* as last told, less what was spent since */
    uint64_t cpu_millis, memory_bytes;
    int64_t position;
    uint32_t index; /* in the fleet's list */
    /* Among those that take work and have a ticket; whose turn is next, first. */
    struct fleet_worker *ready_previous, *ready_next;
    bool is_ready;
};

struct fleet; /* opaque */

/* fleet_new gives an empty fleet; NULL without memory. process: our own name, copied. */
struct fleet *fleet_new(struct allocator allocator, struct span process,
                        const struct fleet_limits *limits);
void fleet_free(struct fleet *fleet);

/* fleet_class numbers a class by name from 0. Where FLEET_CLASSES_MAX are known, one that nobody
 * holds and no worker serves gives its number up (cost then O(workers)).
 * Returns UINT32_MAX when there is none such. The number stands until the next call of this or of
 * fleet_heartbeat, unless it is held. */
uint32_t fleet_class(struct fleet *fleet, struct span name);

/* fleet_class_hold keeps a number as it is until as many fleet_class_drop; UINT32_MAX: nothing. */
void fleet_class_hold(struct fleet *fleet, uint32_t class);
void fleet_class_drop(struct fleet *fleet, uint32_t class);

/* fleet_class_name gives the name of a number below fleet_class_count. */
struct span fleet_class_name(const struct fleet *fleet, uint32_t class);
uint32_t fleet_class_count(const struct fleet *fleet);

enum fleet_suspicion_kind {
    FLEET_NONE,
    FLEET_SILENT,   /* no heartbeat for L ticks: every attempt of the incarnation is in doubt */
    FLEET_REPLACED, /* another incarnation speaks: those it does not list are in doubt */
    FLEET_ABSENT,   /* alive; accepted attempts it does not list are in doubt */
    FLEET_LEFT,     /* said good-bye: every attempt is in doubt */
};

struct fleet_suspicion {
    enum fleet_suspicion_kind kind;
    const struct fleet_worker *worker; /* valid until the next call of a fleet function */
    uint64_t incarnation;              /* the suspected one */
};

/* fleet_heartbeat applies one heartbeat; a repeated or older one changes nothing. What follows for
 * attempts is in *ret_suspicion (ABSENT for every ordinary one: the shard looks whether any of its
 * attempts is concerned).
 * Returns false when the fleet is full: the worker is not known. */
EXO_CHECKED bool fleet_heartbeat(struct fleet *fleet, const struct wire_heartbeat *heartbeat,
                                 uint32_t fleet_partition, struct fleet_suspicion *ret_suspicion);

/* fleet_expect names a worker that holds attempts but may never speak again: from now on its
 * silence counts. Returns false when this incarnation has been replaced: a newer one is known, or
 * an older one has spoken since this one fell silent. */
EXO_CHECKED bool fleet_expect(struct fleet *fleet, struct span worker, uint64_t incarnation,
                              uint32_t fleet_partition);

/* fleet_loan applies tickets lent to any process. */
void fleet_loan(struct fleet *fleet, const struct wire_loan *loan);

/* fleet_tick counts one of our own ticks, read back from a fleet partition: workers there have
 * been silent for one more. Calls silent for each that has now been so for L ticks, once. */
void fleet_tick(struct fleet *fleet, uint32_t fleet_partition,
                void (*silent)(void *context, const struct fleet_suspicion *suspicion),
                void *context);

/* fleet_ticket_returned applies what a FINISHED or REJECTED says of its ticket's next loan. */
void fleet_ticket_returned(struct fleet *fleet, struct span worker, uint64_t incarnation,
                           uint32_t ticket, struct span process, uint64_t lend);

/* fleet_ticket_restored gives back a ticket spent in a batch that was voided; nothing where an
 * attempt was loaded that holds the loan. */
void fleet_ticket_restored(struct fleet *fleet, struct span worker, uint64_t incarnation,
                           uint32_t ticket, uint64_t lend);

/* fleet_ticket_spent notes that an attempt loaded from the store holds a ticket of ours.
 * fleet_ticket_has_left is true from then on, until the worker lends the ticket again: also of one
 * that was taken for another grant while the commit of that attempt was in doubt. */
void fleet_ticket_spent(struct fleet *fleet, struct span worker, uint64_t incarnation,
                        uint32_t ticket, uint64_t lend);
bool fleet_ticket_has_left(const struct fleet *fleet, struct span worker, uint64_t incarnation,
                           uint32_t ticket, uint64_t lend);

/* What one task needs of a worker. */
struct fleet_needs {
    uint32_t class;
    uint32_t cpu_millis;
    uint64_t memory_bytes;
    uint64_t avoid; /* table_hash of a worker's name: of it only where nobody else has room; 0 */
};

/* fleet_take spends up to max tickets of one worker that serves the class and has room; they have
 * their turns. Cost O(workers with tickets that do not serve the class, or have no room).
 * ret_tickets, ret_lends  out, max entries each
 * Gives the worker (valid until the next call), or NULL when none has both; *ret_count then 0. */
const struct fleet_worker *fleet_take(struct fleet *fleet, const struct fleet_needs *needs,
                                      uint32_t max, uint32_t *ret_tickets, uint64_t *ret_lends,
                                      uint32_t *ret_count);

/* fleet_available is how many tickets of a class could be spent now. O(1). */
uint32_t fleet_available(const struct fleet *fleet, uint32_t class);

/* fleet_worker_find gives a worker by name, NULL when not known. */
const struct fleet_worker *fleet_worker_find(const struct fleet *fleet, struct span name);

/* fleet_worker_at gives the worker at a place, 0 .. fleet_worker_count - 1; order changes. */
uint32_t fleet_worker_count(const struct fleet *fleet);
const struct fleet_worker *fleet_worker_at(const struct fleet *fleet, uint32_t place);

#endif /* EXO_SCHEDULER_FLEET_H */
