/* job_texts: labels and input of a Job, checked and written as the execution will hold them. */
#ifndef EXO_SCHEDULER_JOB_TEXTS_H
#define EXO_SCHEDULER_JOB_TEXTS_H

#include "scheduler/shard.h"

/* Why a job cannot be admitted; text for its dead letter. */
struct refusal {
    char text[REFUSAL_BYTES];
};

/* job_labels_fit checks the labels of a Job; false: refusal says why. */
EXO_CHECKED bool job_labels_fit(const struct wire_job *job, struct refusal *refusal);

/* job_labels_write appends the cluster's labels with the Job's above them, a JSON object. */
void job_labels_write(const struct cluster *cluster, const struct wire_job *job,
                      struct buffer *text);

/* job_input_write checks an input (empty: none) and appends it with its defaults.
 * arena  of what is read
 * False: refusal says why. */
EXO_CHECKED bool job_input_write(struct arena *arena, const struct cluster *cluster,
                                 struct span input, struct buffer *text, struct refusal *refusal);

#endif /* EXO_SCHEDULER_JOB_TEXTS_H */
