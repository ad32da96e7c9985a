/* job: one message on exo.jobs (schemas/proto/exo/v1/job.proto).
 *
 * Pure. Spans of an unpacked message live in the arena. */
#ifndef EXO_WIRE_JOB_H
#define EXO_WIRE_JOB_H

#include <stdint.h>

#include "schemas/wire/codec.h"

struct wire_pair {
    struct span key;
    struct span value;
};

struct wire_instance;

/* A satellite whose result a rerun takes over. */
struct wire_kept {
    struct span satellite;
    const struct wire_instance *instance; /* schemas/wire/state.h */
};

/* The end of 2199, in ms since 1970: later no execution starts. */
#define WIRE_JOB_START_MS_MAX INT64_C(7258118399999)

struct wire_job {
    struct span execution_id; /* 36 characters, or empty */
    struct span project;
    struct span cluster; /* JSON or YAML */
    struct span input;   /* JSON, or empty */
    const struct wire_pair *labels;
    uint32_t label_count;
    int64_t submitted_ms;
    int64_t start_at_ms; /* since 1970; 0: at once */
    struct span traceparent;
    struct span rerun_of;   /* 36 characters; empty: no rerun */
    struct span rerun_from; /* name of a satellite; empty: what failed */
    const struct wire_kept *kept;
    uint32_t kept_count;
};

/* wire_job_pack appends the message; a failed append shows in buffer->is_failed. scratch is used
 * during the call. */
void wire_job_pack(const struct wire_job *job, struct arena *scratch, struct buffer *buffer);

/* wire_job_unpack reads one message; *ret_job is untouched on error. */
EXO_CHECKED enum wire_result wire_job_unpack(struct span bytes, struct arena *arena,
                                             struct wire_job *ret_job);

#endif /* EXO_WIRE_JOB_H */
