/* imprint_fuzz: rows out of a journal that may be anything. The first byte: 0, the rest is an
 * imprint; else the rest is what stands in its frame. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "infra/store/rebuild.h"
#include "infra/zstd/zstd_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void rebuild_from(struct span imprint)
{
    const struct rebuild_base base = {0};
    struct rebuild *rebuild = rebuild_new(&base, NULL);
    struct exo_error err;

    (void)rebuild_slice(rebuild, imprint, &err); /* any answer will do, as with the next */
    (void)rebuild_next(rebuild, imprint, &err);
    rebuild_free(rebuild);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct heap_budget budget = {0};
    struct buffer packed;

    if (bytes == 0) {
        return 0;
    }
    if (data[0] == 0) {
        rebuild_from((struct span){data + 1, bytes - 1});
        return 0;
    }
    buffer_init(&packed, allocator_heap(&budget), 0);
    buffer_append(&packed, (struct span){"\1", 1});
    if (zstd_compress((struct span){data + 1, bytes - 1}, &packed, NULL) != 0) {
        abort();
    }
    rebuild_from(buffer_span(&packed));
    buffer_release(&packed);
    return 0;
}
