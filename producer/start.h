/* start: the API as a role of a process (`exosphere api`, `exosphere dev`). */
#ifndef EXO_PRODUCER_START_H
#define EXO_PRODUCER_START_H

#include "infra/process/process.h"

/* What process_run needs to run it. */
extern const struct process_role api_process_role;

#endif /* EXO_PRODUCER_START_H */
