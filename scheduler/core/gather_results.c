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

/* False: memory is missing. */
static bool output_copy(const struct value *output, struct arena *arena, struct gather_result *ret)
{
    struct buffer text;

    buffer_init(&text, arena->allocator, LIMIT_INLINE_BYTES);
    json_write(&text, output);
    struct span copy = arena_copy(arena, buffer_span(&text));
    bool is_good = copy.data != NULL && (text.is_too_long || !text.is_failed);

    *ret = text.is_too_long ? failed("BATCH_OUTPUT: the `output` of its result is above 64 KiB")
                            : (struct gather_result){.outcome = OUTCOME_SUCCEEDED, .output = copy};
    buffer_release(&text);
    return is_good;
}

static bool result_of(const struct value *value, struct arena *arena, struct gather_result *ret)
{
    const struct value *output = value_get(value, span_of("output"));
    const struct value *error = value_get(value, span_of("error"));

    if ((output == NULL) == (error == NULL)) {
        *ret = failed("BATCH_OUTPUT: its result must have either `output` or `error`");
    } else if (output != NULL) {
        return output_copy(output, arena, ret);
    } else if (error->kind != VALUE_STRING || error->count == 0) {
        *ret = failed("BATCH_OUTPUT: the `error` of its result must be a text");
    } else {
        *ret = (struct gather_result){.outcome = OUTCOME_FAILED,
                                      .error = shortened(value_text(error))};
    }
    return true;
}

bool gather_results_read(struct span text, uint32_t count, struct arena *arena,
                         struct gather_result *ret_results, const char **ret_wrong)
{
    struct json_error error;
    struct value list;
    enum json_err read =
        text.bytes == 0 ? JSON_ESYNTAX : json_read(text, NULL, arena, &list, &error);

    *ret_wrong = NULL;
    if (read != JSON_OK || list.kind != VALUE_LIST) {
        *ret_wrong = "BATCH_OUTPUT: its output is no list of results";
        return read != JSON_EMEMORY;
    }
    if (list.count != count) {
        *ret_wrong = "BATCH_OUTPUT: its output has not as many results as it had items";
        return true;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (list.items[i].kind != VALUE_MAP) {
            ret_results[i] = failed("BATCH_OUTPUT: its result is no object");
        } else if (!result_of(&list.items[i], arena, &ret_results[i])) {
            return false;
        }
    }
    return true;
}
