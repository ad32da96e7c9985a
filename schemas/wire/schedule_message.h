/* schedule_message: commands and ends of schedules as parts of a StatusRecord; for this folder's
 * sources only.
 *
 * Pure. */
#ifndef EXO_WIRE_SCHEDULE_MESSAGE_H
#define EXO_WIRE_SCHEDULE_MESSAGE_H

#include "exo/v1/schedule.pb-c.h"
#include "schemas/wire/codec.h"
#include "schemas/wire/schedule_command.h"

/* schedule_command_fill fills an initialised message; its strings lie in scratch. */
void schedule_command_fill(const struct wire_schedule_command *command, struct arena *scratch,
                           Exo__V1__ScheduleCommand *message);

/* schedule_command_read reads one; false when it makes no sense. Spans borrow from the message. */
EXO_CHECKED bool schedule_command_read(const Exo__V1__ScheduleCommand *message,
                                       struct wire_schedule_command *ret_command);

/* schedule_ended_fill fills an initialised message, borrowing; schedule_ended_read reads one. */
void schedule_ended_fill(const struct wire_schedule_ended *ended, Exo__V1__ScheduleEnded *message);
EXO_CHECKED bool schedule_ended_read(const Exo__V1__ScheduleEnded *message,
                                     struct wire_schedule_ended *ret_ended);

#endif /* EXO_WIRE_SCHEDULE_MESSAGE_H */
