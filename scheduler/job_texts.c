#include "scheduler/job_texts.h"

#include <stdio.h>

#include "schemas/json/json_read.h"
#include "schemas/json/json_write.h"
#include "schemas/schedule/schedule.h"
#include "schemas/vocab/limits.h"

void job_labels_write(const struct cluster *cluster, const struct wire_job *job,
                      struct buffer *text)
{
    struct json_writer writer = {.buffer = text};

    json_begin_map(&writer);
    for (uint32_t i = 0; i < cluster->label_count; i++) {
        bool is_overridden = false;

        for (uint32_t k = 0; k < job->label_count; k++) {
            is_overridden = is_overridden || span_equal(job->labels[k].key, cluster->labels[i].key);
        }
        if (!is_overridden) {
            json_key_span(&writer, cluster->labels[i].key);
            json_put_string(&writer, cluster->labels[i].value);
        }
    }
    for (uint32_t k = 0; k < job->label_count; k++) {
        json_key_span(&writer, job->labels[k].key);
        json_put_string(&writer, job->labels[k].value);
    }
    json_end_map(&writer);
}

/* The label that names a schedule holds two names. */
static size_t value_bytes_max(struct span key)
{
    return span_is(key, SCHEDULE_LABEL) ? 2 * LIMIT_NAME_BYTES + 1 : LIMIT_LABEL_BYTES;
}

bool job_labels_fit(const struct wire_job *job, struct refusal *refusal)
{
    if (job->label_count > LIMIT_LABELS) {
        (void)snprintf(refusal->text, sizeof(refusal->text), "labels: at most %d",
                       (int)LIMIT_LABELS);
        return false;
    }
    for (uint32_t i = 0; i < job->label_count; i++) {
        if (job->labels[i].key.bytes == 0 || job->labels[i].key.bytes > LIMIT_LABEL_BYTES ||
            job->labels[i].value.bytes > value_bytes_max(job->labels[i].key)) {
            (void)snprintf(refusal->text, sizeof(refusal->text),
                           "labels[%u]: a key has 1 to %d bytes, a value at most %d", i,
                           (int)LIMIT_LABEL_BYTES, (int)LIMIT_LABEL_BYTES);
            return false;
        }
        for (uint32_t k = 0; k < i; k++) {
            if (span_equal(job->labels[k].key, job->labels[i].key)) {
                (void)snprintf(refusal->text, sizeof(refusal->text),
                               "labels[%u]: the key stands there twice", i);
                return false;
            }
        }
    }
    return true;
}

bool job_input_write(struct arena *arena, const struct cluster *cluster, struct span input,
                     struct buffer *text, struct refusal *refusal)
{
    struct fault_list faults;
    struct value given = {.kind = VALUE_MAP};
    struct value value;
    struct json_error json_error;

    if (input.bytes > LIMIT_INLINE_BYTES) {
        (void)snprintf(refusal->text, sizeof(refusal->text),
                       "input: at most %d bytes; hand larger data over by where it lies",
                       (int)LIMIT_INLINE_BYTES);
        return false;
    }
    if (input.bytes > 0 && json_read(input, NULL, arena, &given, &json_error) != JSON_OK) {
        (void)snprintf(refusal->text, sizeof(refusal->text), "input: line %u column %u: %s",
                       json_error.line, json_error.column, json_error.text);
        return false;
    }
    fault_list_init(&faults, arena, 3);
    if (cluster_input_check(cluster, &given, arena, &value, &faults) != 0) {
        (void)snprintf(refusal->text, sizeof(refusal->text), "%s: %s",
                       faults.first == NULL ? "input" : faults.first->path,
                       faults.first == NULL ? "not valid" : faults.first->text);
        return false;
    }
    json_write(text, &value);
    return !text->is_failed;
}
