/* job_message: a Job inside other messages; for this folder's sources only. Pure. */
#ifndef EXO_WIRE_JOB_MESSAGE_H
#define EXO_WIRE_JOB_MESSAGE_H

#include "exo/v1/job.pb-c.h"
#include "schemas/wire/job.h"

/* job_fill writes a job into an initialised message, borrowing its spans. */
void job_fill(const struct wire_job *job, struct arena *scratch, Exo__V1__Job *message);

/* job_read makes the struct from a message; WIRE_EVERSION, WIRE_EMEMORY. */
EXO_CHECKED enum wire_result job_read(const Exo__V1__Job *message, struct arena *arena,
                                      struct wire_job *ret_job);

#endif /* EXO_WIRE_JOB_MESSAGE_H */
