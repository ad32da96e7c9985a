/* progress_fuzz: any bytes as progress.json; what goes on is JSON of a bounded size that reads back
 * as itself. */
#include <assert.h>
#include <stdint.h>

#include "schemas/vocab/limits.h"
#include "workers/progress.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct heap_budget budget = {.limit_bytes = 1 << 20};
    struct buffer json, again;

    buffer_init(&json, allocator_heap(&budget), 0);
    buffer_init(&again, allocator_heap(&budget), 0);
    if (progress_read((struct span){data, size}, &json)) {
        assert(json.bytes > 2);
        assert(json.bytes <= LIMIT_PROGRESS_BYTES);
        if (progress_read(buffer_span(&json), &again)) {
            assert(span_equal(buffer_span(&json), buffer_span(&again)));
        } else {
            assert(false);
        }
    } else {
        assert(json.bytes == 0);
    }
    buffer_release(&json);
    buffer_release(&again);
    assert(budget.used_bytes == 0);
    return 0;
}
