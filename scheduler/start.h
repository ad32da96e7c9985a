/* start: the scheduler as a role of a process (`exosphere scheduler`, `exosphere dev`), and the
 * command that concerns it alone. */
#ifndef EXO_SCHEDULER_START_H
#define EXO_SCHEDULER_START_H

#include "infra/process/process.h"

/* What process_run needs to run it. */
extern const struct process_role scheduler_process_role;

/* `exosphere shard resume` (resume_command.c). */
extern const struct command command_shard_resume;
extern const struct command command_restore_point_begin;
extern const struct command command_restore_point_complete;
extern const struct command command_restore_point_list;
extern const struct command command_gc;
extern const struct command command_replay;

#endif /* EXO_SCHEDULER_START_H */
