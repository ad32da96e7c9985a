#include "workers/progress.h"

#include "schemas/json/json_read.h"
#include "schemas/json/json_write.h"
#include "schemas/json/utf8.h"
#include "schemas/vocab/limits.h"

enum { MEMORY_BYTES = 256 << 10 };

static bool is_percent(const struct value *value)
{
    return value != NULL &&
           ((value->kind == VALUE_INT && value->integer >= 0 && value->integer <= 100) ||
            (value->kind == VALUE_DOUBLE && value->number >= 0 && value->number <= 100));
}

/* U+0000 to U+001F, U+007F to U+009F: a terminal may obey them. */
static bool is_control(const unsigned char *character, size_t bytes)
{
    return bytes == 1 ? character[0] < ' ' || character[0] == 0x7f
                      : bytes == 2 && character[0] == 0xc2 && character[1] < 0xa0;
}

/* What people read on one line: no control characters, and so that its JSON is no longer than
 * twice the text. */
static struct span message_cut(const struct value *value, char text[PROGRESS_MESSAGE_BYTES])
{
    const unsigned char *from = (const unsigned char *)value->text;
    size_t bytes = 0;

    for (size_t i = 0; i < value->count;) {
        size_t character = utf8_sequence(from + i, value->count - i);

        if (character == 0 || bytes + character > PROGRESS_MESSAGE_BYTES) {
            break;
        }
        memcpy(text + bytes, from + i, character);
        if (is_control(from + i, character)) {
            text[bytes] = ' ';
            bytes++;
        } else {
            bytes += character;
        }
        i += character;
    }
    return (struct span){text, bytes};
}

static bool progress_write(const struct value *value, struct buffer *json)
{
    const struct value *percent = value_get(value, span_of("percent"));
    const struct value *message = value_get(value, span_of("message"));
    bool has_percent = is_percent(percent);
    bool has_message = message != NULL && message->kind == VALUE_STRING && message->count > 0;
    char text[PROGRESS_MESSAGE_BYTES];
    struct json_writer w = {.buffer = json};

    if (!has_percent && !has_message) {
        return false;
    }
    buffer_reset(json);
    json_begin_map(&w);
    if (has_percent) {
        json_key(&w, "percent");
        json_put_value(&w, percent);
    }
    if (has_message) {
        json_key(&w, "message");
        json_put_string(&w, message_cut(message, text));
    }
    json_end_map(&w);
    return !json->is_failed;
}

bool progress_read(struct span text, struct buffer *json)
{
    static const struct json_limits limits = {.borrows_text = true};
    struct heap_budget budget = {.limit_bytes = MEMORY_BYTES};
    struct arena arena;
    struct value value;
    struct json_error error;

    arena_init(&arena, allocator_heap(&budget), 0);
    bool says = json_read(text, &limits, &arena, &value, &error) == JSON_OK &&
                value.kind == VALUE_MAP && progress_write(&value, json);

    arena_release(&arena);
    return says;
}
