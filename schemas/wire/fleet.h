/* fleet: what travels on exo.fleet (schemas/proto/exo/v1/fleet.proto).
 *
 * Pure. Spans of an unpacked message live in the arena. */
#ifndef EXO_WIRE_FLEET_H
#define EXO_WIRE_FLEET_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/vocab/ids.h"
#include "schemas/wire/codec.h"

struct wire_running {
    struct task_id task;
    uint32_t attempt;
};

/* Tickets of one worker lent to one process; tickets[i] under lend number lends[i]. */
struct wire_loan {
    struct span worker;
    uint64_t incarnation;
    struct span process;
    const uint32_t *tickets;
    const uint64_t *lends;
    uint32_t count;
};

struct wire_heartbeat {
    struct span worker;
    uint64_t incarnation;
    uint64_t number;
    const struct span *classes;
    uint32_t class_count;
    uint32_t partition;
    uint32_t slots;
    uint32_t window;
    bool is_draining;
    bool is_leaving;
    uint64_t cpu_millis, memory_bytes;
    uint64_t cpu_free_millis, memory_free_bytes;
    const struct wire_running *running;
    uint32_t running_count;
    int64_t position;         /* the least of all */
    const int64_t *positions; /* by class, class_count of them; NULL: an older writer's */
    const struct wire_loan *loans;
    uint32_t loan_count;
    struct span version_text;
    int64_t at_ms;
    struct span trouble; /* why it takes no tasks, for people; empty: it does, or is older */
};

struct wire_demand {
    struct span class_name;
    uint64_t ready;
};

struct wire_tick {
    struct span process;
    uint64_t number;
    const struct wire_demand *demands;
    uint32_t demand_count;
    bool is_leaving;
};

enum wire_fleet_kind { FLEET_UNKNOWN, FLEET_HEARTBEAT, FLEET_TICK, FLEET_LOAN };

struct wire_fleet {
    enum wire_fleet_kind kind; /* UNKNOWN: a newer writer's; skip it */
    struct wire_heartbeat heartbeat;
    struct wire_tick tick;
    struct wire_loan loan;
};

/* wire_fleet_pack appends the record; a failed append shows in buffer->is_failed. */
void wire_fleet_pack(const struct wire_fleet *fleet, struct arena *scratch, struct buffer *buffer);

/* wire_fleet_unpack reads one record; *ret_fleet is untouched on error. */
EXO_CHECKED enum wire_result wire_fleet_unpack(struct span bytes, struct arena *arena,
                                               struct wire_fleet *ret_fleet);

#endif /* EXO_WIRE_FLEET_H */
