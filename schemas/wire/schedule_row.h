/* schedule row: one schedule as the store keeps it and the API reads it
 * (schemas/proto/exo/v1/schedule.proto).
 *
 * Pure. Spans and arrays of an unpacked row live in the arena. */
#ifndef EXO_WIRE_SCHEDULE_ROW_H
#define EXO_WIRE_SCHEDULE_ROW_H

#include "schemas/vocab/ids.h"
#include "schemas/wire/schedule_state.h"

enum {
    WIRE_SCHEDULE_FIRES_MAX = 20,
    WIRE_SCHEDULE_LEFT_OUT_MAX = 20,
    WIRE_SCHEDULE_ANSWERS_MAX = 16,
};

struct wire_schedule_fire {
    exo_time nominal_ns;
    exo_time at_ns;
    uint32_t reason; /* enum schedule_reason */
    bool is_ended;
    uint32_t state; /* enum execution_state in which it ended; 0: not known, or it never began */
};

/* Times in a row that were due and not started. */
struct wire_schedule_left_out {
    exo_time nominal_ns; /* the first */
    exo_time until_ns;   /* the last */
    exo_time at_ns;
    uint32_t reason; /* enum schedule_reason */
};

enum wire_schedule_verdict {
    SCHEDULE_VERDICT_DONE = 1,
    SCHEDULE_VERDICT_CREATED,
    SCHEDULE_VERDICT_NOTHING,    /* it was so already */
    SCHEDULE_VERDICT_INVALID,    /* such as a backfill of the future */
    SCHEDULE_VERDICT_CONFLICT,   /* something else is under way */
    SCHEDULE_VERDICT_NUMBER,     /* another number stands */
    SCHEDULE_VERDICT_UNREADABLE, /* its definition or zone cannot be read there */
    SCHEDULE_VERDICT_NR,
};

struct wire_schedule_answer {
    struct span id; /* of the command */
    enum wire_schedule_verdict verdict;
    exo_time nominal_ns; /* trigger */
};

struct wire_schedule_row {
    struct span project, name;
    struct span definition; /* canonical text */
    uint64_t number;        /* of the definition */
    exo_time changed_ns;    /* when it was put */
    struct wire_schedule_state state;
    const struct wire_schedule_fire *fires;        /* the newest last */
    uint32_t fire_count;                           /* at most WIRE_SCHEDULE_FIRES_MAX */
    const struct wire_schedule_left_out *left_out; /* the newest last */
    uint32_t left_out_count;                       /* at most WIRE_SCHEDULE_LEFT_OUT_MAX */
    const struct wire_schedule_answer *answers;
    uint32_t answer_count; /* at most WIRE_SCHEDULE_ANSWERS_MAX */
};

/* wire_schedule_row_pack appends a row; a failed append shows in buffer->is_failed. scratch is used
 * during the call. */
void wire_schedule_row_pack(const struct wire_schedule_row *row, struct arena *scratch,
                            struct buffer *buffer);

/* wire_schedule_row_unpack reads one; *ret_row is untouched on error. EMALFORMED for what the
 * comments above exclude, and without a state. */
EXO_CHECKED enum wire_result wire_schedule_row_unpack(struct span bytes, struct arena *arena,
                                                      struct wire_schedule_row *ret_row);

/* wire_schedule_row_id is the id of a schedule's row in the store. */
struct digest wire_schedule_row_id(const struct execution_id *schedule);

#endif /* EXO_WIRE_SCHEDULE_ROW_H */
