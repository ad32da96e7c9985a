#include "producer/core/due_text.h"

#include "schemas/vocab/quantity.h"
#include "schemas/vocab/timestamp.h"

void due_text_add(struct fault_text *text, exo_time due_ns, int64_t now_ms)
{
    char time[TIMESTAMP_TEXT_BYTES];
    char duration[DURATION_TEXT_BYTES];
    int64_t due_ms = due_ns / EXO_MILLISECOND;

    timestamp_format(due_ms, time);
    duration_format(due_ms > now_ms ? (due_ms - now_ms) * EXO_MILLISECOND : 0, duration);
    fault_text_add(text, "%s, in %s", time, duration);
}
