#include "producer/core/start_body.h"

#include "schemas/json/json_read.h"
#include "schemas/json/json_write.h"
#include "schemas/vocab/limits.h"
#include "schemas/vocab/timestamp.h"
#include "schemas/wire/job.h"

static const struct value_place input_place = {.key = {"input", 5}};
static const struct value_place start_place = {.key = {"start_at", 8}};

const struct value *start_body_json(struct field_reader *r, struct span text)
{
    struct json_limits limits = {.text_bytes_max = LIMIT_BODY_BYTES, .borrows_text = true};
    struct json_error error = {.line = 1, .column = 1, .text = "the body needs too much memory"};
    struct value *root = arena_alloc(r->arena, sizeof(*root));

    if (root != NULL && json_read(text, &limits, r->arena, root, &error) == JSON_OK) {
        return root;
    }
    const struct fault fault = {
        .line = error.line, .column = error.column, .path = "", .text = error.text};

    fault_add(r->faults, &fault);
    return NULL;
}

void start_body_input(struct field_reader *r, const struct cluster *cluster,
                      const struct value *given, struct span *ret)
{
    struct value checked;
    struct buffer text;

    if (given != NULL && given->kind == VALUE_NULL) {
        given = NULL;
    }
    if (cluster_input_check(cluster, given, r->arena, &checked, r->faults) != 0 || given == NULL) {
        return;
    }
    buffer_init(&text, r->arena->allocator, 0);
    json_write(&text, given);
    if (text.bytes > LIMIT_INLINE_BYTES) {
        field_fault(r, given, &input_place,
                    "hand larger data over by where it lies, such as a path or a URL",
                    "the input has %u bytes, more than the limit of %u", (unsigned)text.bytes,
                    (unsigned)LIMIT_INLINE_BYTES);
    } else {
        *ret = field_copy(r, buffer_span(&text));
    }
    r->is_out_of_memory = r->is_out_of_memory || text.is_failed;
    buffer_release(&text);
}

void start_body_time(struct field_reader *r, const struct value *given, int64_t *ret_ms)
{
    exo_time at_ns = 0;

    if (given == NULL || given->kind == VALUE_NULL) {
        return;
    }
    if (given->kind != VALUE_STRING || !timestamp_parse(value_text(given), &at_ns) ||
        at_ns < EXO_MILLISECOND || at_ns / EXO_MILLISECOND > WIRE_JOB_START_MS_MAX) {
        field_fault(r, given, &start_place,
                    "write it as RFC 3339 has it, such as 2026-11-28T18:00:00Z",
                    "no time at which an execution can start, from 1970 to 2199");
        return;
    }
    *ret_ms = at_ns / EXO_MILLISECOND;
}
