#include "scheduler/core/gather_results.h"

#include "schemas/json/json_read.h"
#include "schemas/json/json_write.h"
#include "schemas/vocab/limits.h"
#include "schemas/wire/status.h"

enum { ERROR_BYTES_MAX = 4 << 10 };

static struct gather_result failed(const char *why)
{
    return (struct gather_result){.outcome = OUTCOME_FAILED, .error = span_of(why)};
}

/* Cut, not within a character. */
static struct span shortened(struct span text)
{
    const unsigned char *bytes = text.data;
    size_t end = text.bytes;

    if (end > ERROR_BYTES_MAX) {
        end = ERROR_BYTES_MAX;
        while (end > 0 && (bytes[end] & 0xc0) == 0x80) {
            end--;
        }
    }
    return (struct span){bytes, end};
}

static struct gather_result result_of(const struct value *value, struct arena *arena)
{
    const struct value *output = value_get(value, span_of("output"));
    const struct value *error = value_get(value, span_of("error"));
    struct buffer text;

    if ((output == NULL) == (error == NULL)) {
        return failed("BATCH_OUTPUT: its result must have either `output` or `error`");
    }
    if (error != NULL) {
        if (error->kind != VALUE_STRING || error->count == 0) {
            return failed("BATCH_OUTPUT: the `error` of its result must be a text");
        }
        return (struct gather_result){.outcome = OUTCOME_FAILED,
                                      .error = shortened(value_text(error))};
    }
    buffer_init(&text, arena->allocator, LIMIT_INLINE_BYTES);
    json_write(&text, output);
    struct span copy = arena_copy(arena, buffer_span(&text));
    bool is_large = text.is_failed;

    buffer_release(&text);
    return is_large || copy.data == NULL
               ? failed("BATCH_OUTPUT: the `output` of its result is above 64 KiB")
               : (struct gather_result){.outcome = OUTCOME_SUCCEEDED, .output = copy};
}

const char *gather_results_read(struct span text, uint32_t count, struct arena *arena,
                                struct gather_result *ret_results)
{
    struct json_error error;
    struct value list;

    if (text.bytes == 0 || json_read(text, NULL, arena, &list, &error) != JSON_OK ||
        list.kind != VALUE_LIST) {
        return "BATCH_OUTPUT: its output is no list of results";
    }
    if (list.count != count) {
        return "BATCH_OUTPUT: its output has not as many results as it had items";
    }
    for (uint32_t i = 0; i < count; i++) {
        ret_results[i] = list.items[i].kind == VALUE_MAP
                             ? result_of(&list.items[i], arena)
                             : failed("BATCH_OUTPUT: its result is no object");
    }
    return NULL;
}
