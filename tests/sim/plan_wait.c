/* plan_wait: what satellites wait for that run nothing, and what they give back. */
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
    static const char *const words[] = {
        [WAIT_SIGNAL] = "signal: " PLAN_SIGNAL, [WAIT_RACE] = "signal: " PLAN_SIGNAL,
        [WAIT_NEVER] = "signal: never",         [WAIT_APPROVED] = "approval: true",
        [WAIT_REJECTED] = "approval: true",
    };

    buffer_text(text, ", wait: {");
    buffer_text(text, words[s->wait]);
    put(text, s->wait_ms > 0 ? ", timeout: %ums}}\n" : "}}\n", s->wait_ms);
}

void plan_wait_output(const struct plan_execution *e, uint32_t satellite, struct buffer *text)
{
    if (e->satellites[satellite].wait == WAIT_APPROVED) {
        buffer_text(text, "{\"approved_by\":\"somebody\",\"comment\":\"\"}");
    } else {
        plan_signal_payload(e, PLAN_SIGNALS, text);
    }
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
