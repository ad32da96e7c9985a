/* start: the worker as a role of a process (`exosphere worker`, `exosphere dev`). */
#ifndef EXO_WORKERS_START_H
#define EXO_WORKERS_START_H

#include "infra/process/process.h"

/* What process_run needs to run it. */
extern const struct process_role worker_process_role;

#endif /* EXO_WORKERS_START_H */
