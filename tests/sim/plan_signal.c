/* plan_signal: what satellites wait for that run nothing, and what a signal holds. */
#include <stdio.h>

#include "tests/sim/plan.h"

static void put(struct buffer *text, const char *format, uint32_t number)
{
    char piece[64];

    (void)snprintf(piece, sizeof(piece), format, number);
    buffer_text(text, piece);
}

void plan_wait_text(const struct plan_satellite *s, struct buffer *text)
{
    buffer_text(text,
                s->wait == WAIT_NEVER ? ", wait: {signal: never" : ", wait: {signal: " PLAN_SIGNAL);
    put(text, s->wait_ms > 0 ? ", timeout: %ums}}\n" : "}}\n", s->wait_ms);
}

/* The first that waits stands for all. */
void plan_signal_payload(const struct plan_execution *e, uint32_t number, struct buffer *text)
{
    uint32_t satellite = 0;

    while (satellite + 1 < e->satellite_count && e->satellites[satellite].wait == WAIT_NONE) {
        satellite++;
    }
    put(text, "{\"n\":%u,\"list\":[", plan_single_n(e, satellite));
    for (uint32_t i = 0; i < e->satellites[satellite].list_count; i++) {
        put(text, i == 0 ? "%u" : ",%u", plan_list_item(e, satellite, i));
    }
    put(text, number < PLAN_SIGNALS ? "],\"by\":%u}" : "],\"by\":BY}", number);
}
