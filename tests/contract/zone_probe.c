/* zone_probe: what our reader makes of the machine's time zones, for zone_test.py to compare.
 *
 * Reads lines "ZONE SECONDS"; writes "OFFSET NAME BEGIN END" for each, the period around it. */
#include <inttypes.h>
#include <stdio.h>

#include "infra/zoneinfo/zoneinfo.h"

int main(void)
{
    struct heap_budget budget = {0};
    struct arena arena;
    char name[100];
    char before[100] = "";
    const struct zone *zone = NULL;
    struct exo_error err;
    int64_t unix_s;

    arena_init(&arena, allocator_heap(&budget), 0);
    while (scanf("%99s %" SCNd64, name, &unix_s) == 2) {
        if (strcmp(name, before) != 0) {
            if (zoneinfo_read(span_of(name), &arena, &zone, &err) != 0) {
                (void)fprintf(stderr, "%s\n", err.text);
                return 1;
            }
            (void)snprintf(before, sizeof(before), "%s", name);
        }
        struct zone_period period = zone_period_at(zone, unix_s);

        (void)printf("%d %s %" PRId64 " %" PRId64 "\n", period.offset_s, period.name,
                     period.begin_s, period.end_s);
    }
    arena_release(&arena);
    return 0;
}
