/* schedule_fuzz: any bytes as a schedule file. What is taken has a canonical text that is taken and
 * stays the same; what is refused has faults. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "infra/yaml/yaml_read.h"
#include "schemas/schedule/schedule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct schedule *parse(const struct value *root, bool is_stored, struct arena *arena,
                                    struct fault_list *faults)
{
    const struct schedule_source source = {.root = root, .is_stored = is_stored};
    const struct schedule *schedule = NULL;
    uint32_t errors = faults->error_count;
    int result = schedule_parse(&source, arena, &schedule, faults);

    assert((result == 0) == (schedule != NULL));
    assert((result == 0) == (faults->error_count == errors));
    return schedule;
}

static void check_canonical(const struct schedule *schedule, struct arena *arena,
                            struct fault_list *faults)
{
    struct buffer texts[2];
    struct value root;

    buffer_init(&texts[0], arena->allocator, 0);
    buffer_init(&texts[1], arena->allocator, 0);
    schedule_canonical(schedule, &texts[0]);
    if (text_read(buffer_span(&texts[0]), &(struct yaml_limits){.text_bytes_max = 16 << 20}, arena,
                  &root, faults) != 0) {
        abort();
    }
    const struct schedule *again = parse(&root, true, arena, faults);

    assert(again != NULL);
    schedule_canonical(again, &texts[1]);
    assert(!texts[0].is_failed && !texts[1].is_failed);
    assert(span_equal(buffer_span(&texts[0]), buffer_span(&texts[1])));
    buffer_release(&texts[0]);
    buffer_release(&texts[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct heap_budget budget = {.limit_bytes = 256 << 20};
    struct arena arena;
    struct fault_list faults;
    struct value root;

    arena_init(&arena, allocator_heap(&budget), 0);
    fault_list_init(&faults, &arena, 0);
    if (text_read((struct span){data, size}, NULL, &arena, &root, &faults) == 0) {
        const struct schedule *schedule = parse(&root, false, &arena, &faults);

        if (schedule != NULL) {
            check_canonical(schedule, &arena, &faults);
        }
    }
    arena_release(&arena);
    assert(budget.used_bytes == 0);
    return 0;
}
