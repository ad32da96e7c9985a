#include "infra/crypto/fire_id.h"

#include <stdio.h>

#include "infra/crypto/crypto.h"
#include "schemas/vocab/limits.h"
#include "schemas/vocab/timestamp.h"

/* Our own name space for ids of schedules: UUIDv5 of "schedules.exosphere" for DNS names. */
static const struct execution_id schedules_name_space = {{0x63, 0xc7, 0x7d, 0x45, 0x5d, 0x82, 0x5f,
                                                          0x1a, 0x9b, 0xc9, 0xab, 0x37, 0xf8, 0x44,
                                                          0x86, 0x88}};

struct execution_id schedule_id_of(struct span project, struct span name)
{
    char text[2 * LIMIT_NAME_BYTES + 2];

    (void)snprintf(text, sizeof(text), "%.*s/%.*s", SPAN_ARG(project), SPAN_ARG(name));
    return execution_id_from_name(&schedules_name_space, span_of(text));
}

struct execution_id fire_id_of(const struct execution_id *schedule_id, exo_time nominal_ns)
{
    char text[TIMESTAMP_TEXT_BYTES];
    const size_t seconds_bytes = sizeof("2026-03-29T01:00:00") - 1;

    timestamp_format(nominal_ns / EXO_MILLISECOND, text);
    text[seconds_bytes] = 'Z'; /* without .000 */
    return execution_id_from_name(schedule_id, (struct span){text, seconds_bytes + 1});
}
