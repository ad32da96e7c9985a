/* progress: how an execution goes, drawn for a terminal or told line by line.
 *
 *   list   SUCCEEDED  ####################
 *   count  RUNNING    #######............. 7/17
 *   train  RUNNING    ########............ 40 % page 4 of 10
 *   merge  WAITING
 *
 * Touches stderr. */
#ifndef EXO_PRODUCER_CLI_PROGRESS_H
#define EXO_PRODUCER_CLI_PROGRESS_H

#include <stdio.h>

#include "schemas/vocab/arena.h"
#include "schemas/vocab/time.h"
#include "schemas/vocab/value.h"

struct progress_satellite;

enum { PROGRESS_SAID_BYTES = 320 };

struct progress {
    FILE *out;
    bool is_terminal; /* drawn again in place; else a line for each change */
    bool is_quiet;    /* shows nothing */
    struct arena *arena;
    exo_time begun_ns;
    unsigned drawn_lines;
    unsigned rows_max; /* of satellites on a terminal */
    char state[24];
    struct progress_satellite *satellites;
    uint32_t satellite_count;
};

/* progress_init begins.
 * out    kept; is_terminal is what isatty says of it
 * arena  kept: what was shown of each satellite lives there */
void progress_init(struct progress *progress, FILE *out, bool is_quiet, struct arena *arena,
                   exo_time now_ns);

/* progress_show shows an execution as the API gives it; borrowed. Time does not go backwards. */
void progress_show(struct progress *progress, const struct value *execution, exo_time now_ns);

/* progress_said writes what a running attempt said of itself, such as "40 % page 4 of 10".
 * said      the member `progress` of a task or satellite, borrowed; NULL or null: nothing
 * ret_text  PROGRESS_SAID_BYTES; "" for nothing */
void progress_said(const struct value *said, char *ret_text);

/* progress_say writes a line of its own, below what is drawn. */
void progress_say(struct progress *progress, const char *text);

#endif /* EXO_PRODUCER_CLI_PROGRESS_H */
