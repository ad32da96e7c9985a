/* schedule command: what the API asks of a schedule, and what its shard is told of its executions
 * (schemas/proto/exo/v1/schedule.proto). They travel in a StatusRecord (schemas/wire/status.h).
 *
 * Pure. */
#ifndef EXO_WIRE_SCHEDULE_COMMAND_H
#define EXO_WIRE_SCHEDULE_COMMAND_H

#include <stdint.h>

#include "schemas/vocab/ids.h"
#include "schemas/vocab/span.h"
#include "schemas/vocab/time.h"

enum wire_schedule_command_kind {
    SCHEDULE_COMMAND_PUT = 1,
    SCHEDULE_COMMAND_DELETE,
    SCHEDULE_COMMAND_PAUSE,
    SCHEDULE_COMMAND_RESUME,
    SCHEDULE_COMMAND_TRIGGER,
    SCHEDULE_COMMAND_BACKFILL,
    SCHEDULE_COMMAND_BACKFILL_STOP,
    SCHEDULE_COMMAND_NR,
};

enum { SCHEDULE_EXPECTED_ANY = -1 };

struct wire_schedule_command {
    enum wire_schedule_command_kind kind;
    struct span id; /* 1 to 64 bytes */
    struct span project;
    struct span name;
    struct span definition;     /* PUT: canonical text */
    int64_t expected;           /* PUT, DELETE: number that must stand; 0: none; -1: any */
    exo_time from_ns, until_ns; /* BACKFILL: both included */
    uint32_t parallel;          /* BACKFILL */
};

struct wire_schedule_ended {
    struct execution_id schedule;
    exo_time nominal_ns;
    uint32_t state; /* enum execution_state; 0: it never began, or had ended long ago */
};

#endif /* EXO_WIRE_SCHEDULE_COMMAND_H */
