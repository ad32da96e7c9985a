/* schedule_state_message: a schedule's state as a part of another message; for this folder's
 * sources only.
 *
 * Pure. */
#ifndef EXO_WIRE_SCHEDULE_STATE_MESSAGE_H
#define EXO_WIRE_SCHEDULE_STATE_MESSAGE_H

#include "exo/v1/schedule.pb-c.h"
#include "schemas/wire/schedule_state.h"

/* schedule_state_fill fills an initialised message from scratch; false without memory. */
EXO_CHECKED bool schedule_state_fill(const struct wire_schedule_state *state, struct arena *scratch,
                                     Exo__V1__ScheduleState *message);

/* schedule_state_read reads one, as wire_schedule_state_unpack. */
EXO_CHECKED enum wire_result schedule_state_read(const Exo__V1__ScheduleState *message,
                                                 struct arena *arena,
                                                 struct wire_schedule_state *ret_state);

#endif /* EXO_WIRE_SCHEDULE_STATE_MESSAGE_H */
