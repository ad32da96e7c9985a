/* yaml_fuzz: any bytes into yaml_read and text_read; what they take must be a value of JSON. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "infra/yaml/yaml_read.h"
#include "schemas/json/json_read.h"
#include "schemas/json/json_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_value(struct arena *arena, const struct value *value)
{
    struct buffer buffer;
    struct json_error error;
    struct value back;

    buffer_init(&buffer, arena->allocator, 0);
    json_write(&buffer, value);
    assert(!buffer.is_failed);
    if (json_read(buffer_span(&buffer), NULL, arena, &back, &error) != JSON_OK) {
        abort();
    }
    assert(value_equal(value, &back));
    buffer_release(&buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct yaml_limits limits = {.nodes_max = 2000};
    struct heap_budget budget = {.limit_bytes = 64 << 20};
    struct fault_list faults;
    struct arena arena;
    struct value value;
    struct span text = {data, size};

    arena_init(&arena, allocator_heap(&budget), 0);
    for (int i = 0; i < 2; i++) {
        fault_list_init(&faults, &arena, 10);
        int result = i == 0 ? yaml_read(text, &limits, &arena, &value, &faults)
                            : text_read(text, &limits, &arena, &value, &faults);

        assert((result == 0) == (faults.error_count == 0));
        if (result == 0) {
            check_value(&arena, &value);
        }
        for (const struct fault *fault = faults.first; fault != NULL; fault = fault->next) {
            assert(fault->column <= size + 1 && fault->line <= size + 1);
        }
    }
    arena_release(&arena);
    assert(budget.used_bytes == 0);
    return 0;
}
