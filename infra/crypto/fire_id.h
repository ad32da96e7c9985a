/* fire id: the ids of schedules and of what they start.
 *
 *   "project/name" --> id of the schedule --+
 *                                           +--> UUIDv5 --> id of the execution
 *   nominal time, "2026-03-29T01:00:00Z" ---+
 *
 * The same schedule and time always give the same id, so that a time starts one execution whatever
 * is repeated: by a scheduler that is replaced, by a relay, by a backfill over what has run. Anyone
 * can compute it: uuidgen --sha1 -n SCHEDULE_ID -N 2026-03-29T01:00:00Z.
 *
 * Touches nothing. */
#ifndef EXO_INFRA_FIRE_ID_H
#define EXO_INFRA_FIRE_ID_H

#include "schemas/vocab/ids.h"
#include "schemas/vocab/span.h"
#include "schemas/vocab/time.h"

/* schedule_id_of gives the id of a schedule.
 * project, name  borrowed, not empty, at most LIMIT_NAME_BYTES each */
struct execution_id schedule_id_of(struct span project, struct span name);

/* fire_id_of gives the id of the execution for a nominal time: whole seconds since 1970. */
struct execution_id fire_id_of(const struct execution_id *schedule_id, exo_time nominal_ns);

#endif /* EXO_INFRA_FIRE_ID_H */
