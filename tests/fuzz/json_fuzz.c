/* json_fuzz: any bytes into json_read; what it takes must survive being written and read back. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "schemas/json/json_read.h"
#include "schemas/json/json_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round(struct arena *arena, struct buffer *buffer, const struct value *value,
                        bool is_pretty)
{
    const struct json_limits limits = {.depth_max = JSON_DEPTH_MOST, .borrows_text = true};
    struct buffer again;
    struct json_error error;
    struct value back;

    buffer_reset(buffer);
    if (is_pretty) {
        json_write_pretty(buffer, value);
    } else {
        json_write(buffer, value);
    }
    assert(!buffer->is_failed);
    if (json_read(buffer_span(buffer), &limits, arena, &back, &error) != JSON_OK) {
        abort();
    }
    assert(value_equal(value, &back));
    buffer_init(&again, buffer->allocator, 0);
    if (is_pretty) {
        json_write_pretty(&again, &back);
    } else {
        json_write(&again, &back);
    }
    assert(span_equal(buffer_span(buffer), buffer_span(&again)));
    buffer_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct heap_budget budget = {.limit_bytes = 64 << 20};
    struct json_error error = {0};
    struct arena arena;
    struct buffer buffer;
    struct value value;

    arena_init(&arena, allocator_heap(&budget), 0);
    buffer_init(&buffer, allocator_heap(&budget), 0);
    enum json_err err = json_read((struct span){data, size}, NULL, &arena, &value, &error);

    if (err == JSON_OK) {
        check_round(&arena, &buffer, &value, false);
        check_round(&arena, &buffer, &value, true);
    } else {
        assert(error.line >= 1 && error.column >= 1);
        assert(error.column <= size + 1 && error.text[0] != '\0');
    }
    arena_release(&arena);
    buffer_release(&buffer);
    assert(budget.used_bytes == 0);
    return 0;
}
