#include "schemas/cluster/batch.h"

#include <assert.h>
#include <stdio.h>

#include "schemas/cluster/canonical.h"
#include "schemas/expression/value_template.h"
#include "schemas/vocab/limits.h"

#define AT(member) offsetof(struct satellite_batch, member)

/* clang-format off */
const struct field batch_fields[] = {
    {.name = "size",     .in = FIELD_IN_ALL, .read = field_read_uint, .offset = AT(size), .min = 1, .max = LIMIT_BATCH_SIZE},
    {.name = "interval", .in = FIELD_IN_ALL, .read = field_read_duration, .offset = AT(interval_ns), .min = EXO_MILLISECOND},
    {.name = "key",      .in = FIELD_IN_ALL, .read = field_read_value, .offset = AT(key_source)},
};
/* clang-format on */
const size_t batch_field_count = sizeof(batch_fields) / sizeof(batch_fields[0]);

void batch_read(struct field_reader *r, const struct field *field, const struct value *value,
                const struct value_place *place, void *target)
{
    struct satellite_batch *out = (void *)((char *)target + field->offset);
    struct satellite_batch batch = {.size = 0};
    uint32_t errors = r->faults->error_count;

    if (!field_read_map(r, batch_fields, batch_field_count, FIELD_IN_ALL, value, place, &batch)) {
        return;
    }
    if (batch.key_source != NULL) {
        const struct value_place inner = {.up = place, .key = span_of("key")};

        (void)field_is_kind(r, batch.key_source, &inner, VALUE_STRING); /* its fault is told */
    }
    if (r->faults->error_count == errors && (batch.size == 0 || batch.interval_ns == 0)) {
        field_fault(r, value, place, "write batch: {size: 32, interval: 5s}",
                    "a batch needs `size` and `interval`");
    }
    if (r->faults->error_count == errors) {
        *out = batch;
    }
}

static void refuse(struct field_reader *r, const struct satellite_notes *notes, const char *field,
                   const char *text, const char *hint)
{
    const struct value_place place = {.up = &notes->place, .key = span_of(field)};
    const struct value *at = value_get(notes->source, place.key);

    field_fault(r, at == NULL ? notes->source : at, &place, hint, "%s", text);
}

void batch_check(struct field_reader *r, const struct satellite *satellite,
                 const struct satellite_notes *notes)
{
    const struct satellite_work *work = &satellite->work;

    if (satellite->batch.size == 0) {
        return;
    }
    if (satellite->claim == CLAIM_STRICT) {
        refuse(r, notes, "claim", "`claim: strict` cannot be kept in a batch: it runs for many",
               "remove one of the two");
    }
    if (work->cache.ttl_ns > 0) {
        refuse(r, notes, "cache", "`cache` knows single inputs, and a batch has many",
               "remove one of the two");
    }
    if (work->output == OUTPUT_NONE) {
        refuse(r, notes, "output", "a batch gives a list of results, so it must have an output",
               "remove `output: none`");
    }
    if (work->output_schema != NULL) {
        refuse(r, notes, "output_schema",
               "the output of a batch is a list of results, which is checked already",
               "remove one of the two, or check in a satellite after this one");
    }
    if (work->command != NULL && value_has_expressions(work->command)) {
        refuse(r, notes, "command", "a batch runs for many tasks: its command is the same for all",
               "hand over in `input` what varies");
    }
    if (work->env != NULL && value_has_expressions(work->env)) {
        refuse(r, notes, "env", "a batch runs for many tasks: its env is the same for all",
               "hand over in `input` what varies");
    }
}

void batch_canonical(struct json_writer *writer, const struct satellite_batch *batch)
{
    if (batch->size == 0) {
        return;
    }
    json_key(writer, "batch");
    json_begin_map(writer);
    json_key(writer, "size");
    json_put_uint(writer, batch->size);
    canonical_put_duration(writer, "interval", batch->interval_ns);
    if (batch->key_source != NULL) {
        json_key(writer, "key");
        json_put_value(writer, batch->key_source);
    }
    json_end_map(writer);
}

void batch_satellite(const struct satellite *satellite, struct buffer *buffer)
{
    static const struct value whole_input = {
        .kind = VALUE_STRING, .count = sizeof("${{ input }}") - 1, .text = "${{ input }}"};
    struct json_writer writer = {.buffer = buffer};
    struct satellite_work work = satellite->work;
    struct satellite_retries retries = satellite->retries;
    struct satellite_timeouts timeouts = {.heartbeat_ns = satellite->timeouts.heartbeat_ns};

    work.input = &whole_input;
    retries.limit = 0; /* tries belong to the tasks in it */
    retries.budget_ns = 0;
    json_begin_map(&writer);
    json_key(&writer, "name");
    json_put_text(&writer, BATCH_NAME);
    canonical_put_work(&writer, &work);
    json_key(&writer, "class");
    json_put_string(&writer, satellite->class);
    canonical_put_timeouts(&writer, &timeouts);
    canonical_put_retries(&writer, &retries);
    json_end_map(&writer);
}

/* {"type": "array", ... of count {"output": ...} or {"error": "..."}}. That it is one of the two is
 * looked at again where the results are told: the schemas we understand have no `oneOf`. */
static void put_schema(struct buffer *buffer, uint32_t count)
{
    char text[256];

    (void)snprintf(text, sizeof(text),
                   "\"output_schema\":{\"type\":\"array\",\"minItems\":%u,\"maxItems\":%u,"
                   "\"items\":{\"type\":\"object\",\"properties\":{\"output\":{},"
                   "\"error\":{\"type\":\"string\"}},\"additionalProperties\":false}}}",
                   (unsigned)count, (unsigned)count);
    buffer_text(buffer, text);
}

void batch_cluster(struct span project, struct span satellite, uint32_t count, uint32_t priority,
                   struct buffer *buffer)
{
    char text[64];

    assert(satellite.bytes > 2);
    buffer_text(buffer, "{\"exosphere\":\"v1\",\"cluster\":{\"name\":\"");
    buffer_append(buffer, project);
    (void)snprintf(text, sizeof(text), "/" BATCH_NAME "\",\"priority\":%u,\"satellites\":[",
                   (unsigned)priority);
    buffer_text(buffer, text);
    buffer_append(buffer, (struct span){satellite.data, satellite.bytes - 1});
    buffer_text(buffer, ",");
    put_schema(buffer, count);
    buffer_text(buffer, "],\"output\":\"${{ satellites." BATCH_NAME ".output }}\"}}");
}
