#include "schemas/wire/job.h"

#include "schemas/wire/job_message.h"
#include "schemas/wire/message.h"
#include "schemas/wire/state_message.h"

static void kept_fill(const struct wire_job *job, struct arena *scratch, Exo__V1__Job *message)
{
    message->kept = message_array(scratch, &exo__v1__kept_satellite__descriptor, job->kept_count);
    message->n_kept = message->kept == NULL ? 0 : job->kept_count;
    for (size_t i = 0; i < message->n_kept; i++) {
        Exo__V1__Instance **instance = message_array(scratch, &exo__v1__instance__descriptor, 1);

        message->kept[i]->satellite = message_string(scratch, job->kept[i].satellite);
        if (instance != NULL) {
            instance_fill(job->kept[i].instance, scratch, instance[0]);
            message->kept[i]->instance = instance[0];
        }
    }
}

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
    message->start_at_ms = job->start_at_ms;
    message->traceparent = message_string(scratch, job->traceparent);
    message->rerun_of = message_string(scratch, job->rerun_of);
    message->rerun_from = message_string(scratch, job->rerun_from);
    kept_fill(job, scratch, message);
}

void wire_job_pack(const struct wire_job *job, struct arena *scratch, struct buffer *buffer)
{
    Exo__V1__Job message;

    exo__v1__job__init(&message);

    job_fill(job, scratch, &message);
    message_pack(&message.base, buffer);
}

static enum wire_result kept_read(const Exo__V1__Job *message, struct arena *arena,
                                  const struct wire_kept **ret)
{
    struct wire_kept *kept = arena_alloc(arena, message->n_kept * sizeof(*kept));
    struct wire_instance *instances = arena_alloc(arena, message->n_kept * sizeof(*instances));

    if (kept == NULL || instances == NULL) {
        return WIRE_EMEMORY;
    }
    for (size_t i = 0; i < message->n_kept; i++) {
        if (message->kept[i]->instance == NULL) {
            return WIRE_EMALFORMED;
        }
        enum wire_result result = instance_read(message->kept[i]->instance, arena, &instances[i]);

        if (result != WIRE_OK) {
            return result;
        }
        kept[i] = (struct wire_kept){span_of(message->kept[i]->satellite), &instances[i]};
    }
    *ret = kept;
    return WIRE_OK;
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
    const struct wire_kept *kept = NULL;
    enum wire_result result = kept_read(message, arena, &kept);

    if (result != WIRE_OK) {
        return result;
    }
    *ret_job = (struct wire_job){
        .execution_id = span_of(message->execution_id),
        .project = span_of(message->project),
        .cluster = message_span(message->cluster),
        .input = message_span(message->input),
        .labels = labels,
        .label_count = (uint32_t)message->n_labels,
        .submitted_ms = message->submitted_ms,
        .start_at_ms = message->start_at_ms,
        .traceparent = span_of(message->traceparent),
        .rerun_of = span_of(message->rerun_of),
        .rerun_from = span_of(message->rerun_from),
        .kept = kept,
        .kept_count = (uint32_t)message->n_kept,
    };
    return WIRE_OK;
}

enum wire_result wire_job_unpack(struct span bytes, struct arena *arena, struct wire_job *ret_job)
{
    ProtobufCMessage *message;
    enum wire_result result = message_unpack(&exo__v1__job__descriptor, bytes, arena, &message);

    return result != WIRE_OK ? result : job_read((const Exo__V1__Job *)message, arena, ret_job);
}
