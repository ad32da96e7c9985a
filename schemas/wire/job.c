#include "schemas/wire/job.h"

#include "schemas/wire/job_message.h"
#include "schemas/wire/message.h"

void job_fill(const struct wire_job *job, struct arena *scratch, Exo__V1__Job *message)
{
    message->version = WIRE_VERSION;
    message->execution_id = message_string(scratch, job->execution_id);
    message->project = message_string(scratch, job->project);
    message->cluster = message_bytes(job->cluster);
    message->input = message_bytes(job->input);
    message->labels = message_array(scratch, &exo__v1__label__descriptor, job->label_count);
    message->n_labels = message->labels == NULL ? 0 : job->label_count;
    for (size_t i = 0; i < message->n_labels; i++) {
        message->labels[i]->key = message_string(scratch, job->labels[i].key);
        message->labels[i]->value = message_string(scratch, job->labels[i].value);
    }
    message->submitted_ms = job->submitted_ms;
    message->traceparent = message_string(scratch, job->traceparent);
}

void wire_job_pack(const struct wire_job *job, struct arena *scratch, struct buffer *buffer)
{
    Exo__V1__Job message;

    exo__v1__job__init(&message);

    job_fill(job, scratch, &message);
    message_pack(&message.base, buffer);
}

enum wire_result job_read(const Exo__V1__Job *message, struct arena *arena,
                          struct wire_job *ret_job)
{
    if (message->version != WIRE_VERSION) {
        return WIRE_EVERSION;
    }
    struct wire_pair *labels = arena_alloc(arena, message->n_labels * sizeof(*labels));

    if (labels == NULL) {
        return WIRE_EMEMORY;
    }
    for (size_t i = 0; i < message->n_labels; i++) {
        labels[i].key = span_of(message->labels[i]->key);
        labels[i].value = span_of(message->labels[i]->value);
    }
    *ret_job = (struct wire_job){
        .execution_id = span_of(message->execution_id),
        .project = span_of(message->project),
        .cluster = message_span(message->cluster),
        .input = message_span(message->input),
        .labels = labels,
        .label_count = (uint32_t)message->n_labels,
        .submitted_ms = message->submitted_ms,
        .traceparent = span_of(message->traceparent),
    };
    return WIRE_OK;
}

enum wire_result wire_job_unpack(struct span bytes, struct arena *arena, struct wire_job *ret_job)
{
    ProtobufCMessage *message;
    enum wire_result result = message_unpack(&exo__v1__job__descriptor, bytes, arena, &message);

    return result != WIRE_OK ? result : job_read((const Exo__V1__Job *)message, arena, ret_job);
}
