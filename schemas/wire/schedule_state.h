/* schedule state: what a schedule has decided, as the store keeps it
 * (schemas/proto/exo/v1/schedule.proto).
 *
 * Pure. Arrays of an unpacked state live in the arena. */
#ifndef EXO_WIRE_SCHEDULE_STATE_H
#define EXO_WIRE_SCHEDULE_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/vocab/time.h"
#include "schemas/wire/codec.h"

enum { WIRE_SCHEDULE_LIVE_MAX = 100, WIRE_SCHEDULE_WAITING_MAX = 100 };

struct wire_schedule_live {
    exo_time nominal_ns;
    bool is_backfill;
    bool is_cancelled;
};

struct wire_schedule_state {
    exo_time considered_ns;
    bool is_paused;
    const struct wire_schedule_live *live;
    uint32_t live_count; /* at most WIRE_SCHEDULE_LIVE_MAX */
    const exo_time *waiting;
    uint32_t waiting_count; /* at most WIRE_SCHEDULE_WAITING_MAX, ascending */
    bool has_backfill;
    exo_time backfill_after_ns;
    exo_time backfill_until_ns;
    uint32_t backfill_parallel; /* from 1 with a backfill */
};

/* wire_schedule_state_pack appends a state; a failed append shows in buffer->is_failed. scratch is
 * used during the call. */
void wire_schedule_state_pack(const struct wire_schedule_state *state, struct arena *scratch,
                              struct buffer *buffer);

/* wire_schedule_state_unpack reads one; *ret_state is untouched on error. EMALFORMED for what the
 * comments above exclude. */
EXO_CHECKED enum wire_result wire_schedule_state_unpack(struct span bytes, struct arena *arena,
                                                        struct wire_schedule_state *ret_state);

#endif /* EXO_WIRE_SCHEDULE_STATE_H */
