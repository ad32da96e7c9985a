/* tzif_fuzz: any bytes as a TZif file. Of a zone that is taken periods join without gap or overlap,
 * and a schedule moves on in it. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "schemas/cron/cron.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_period(const struct zone *zone, int64_t at_s)
{
    struct zone_period period = zone_period_at(zone, at_s);

    assert(period.begin_s <= at_s && at_s < period.end_s);
    assert(strlen(period.name) <= 1024);
    assert(period.offset_s <= ZONE_OFFSET_S_MAX && period.offset_s >= -ZONE_OFFSET_S_MAX);
    if (period.begin_s > ZONE_BEGIN_S) {
        assert(zone_period_at(zone, period.begin_s - 1).end_s == period.begin_s);
    }
    if (period.end_s < ZONE_END_S) {
        assert(zone_period_at(zone, period.end_s).begin_s == period.end_s);
    }
}

static void check_schedule(const struct zone *zone, const char *text)
{
    struct cron cron;
    struct cron_error error;
    struct cron_fire fire = {.at_ns = 1774746000 * EXO_SECOND};

    if (cron_parse(span_of(text), &cron, &error) != 0) {
        abort();
    }
    for (int i = 0; i < 20; i++) {
        exo_time before = fire.at_ns;

        if (!cron_next(&cron, zone, before, &fire)) {
            break;
        }
        assert(fire.at_ns > before);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct heap_budget budget = {.limit_bytes = 4 << 20};
    struct arena arena;
    const struct zone *zone = NULL;
    struct exo_error err = {0};

    arena_init(&arena, allocator_heap(&budget), 0);
    if (zone_parse((struct span){data, size}, &arena, &zone, &err) == 0) {
        for (int64_t at_s = -4000000000; at_s < 9000000000; at_s += 86400 * 97) {
            check_period(zone, at_s);
        }
        check_schedule(zone, "30 2 * * *");
        check_schedule(zone, "*/20 1-3 * * *");
    } else {
        assert(zone == NULL && err.text[0] != '\0');
    }
    arena_release(&arena);
    assert(budget.used_bytes == 0);
    return 0;
}
