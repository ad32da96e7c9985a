/* log_lines: what an attempt printed, one value a line, for programs that read it.
 *
 *   bytes as they come --log_lines_add--> {"task", "satellite", "attempt", "line", "text"} ...
 *
 * A line ends with its newline, which is not part of `text`; the last one also without. Bytes that
 * are no UTF-8 become U+FFFD. Touches stdout. */
#ifndef EXO_PRODUCER_CLI_LOG_LINES_H
#define EXO_PRODUCER_CLI_LOG_LINES_H

#include "producer/cli/cli.h"

struct log_lines {
    const struct cli *cli;
    const char *task, *satellite;
    int64_t attempt;
    int64_t shown;       /* lines */
    struct buffer begun; /* a line whose end has not come */
};

/* log_lines_begin begins the log of an attempt, at its line 1.
 * cli              kept
 * task, satellite  C strings, kept */
void log_lines_begin(struct log_lines *lines, const struct cli *cli, const char *task,
                     const char *satellite, int64_t attempt);

/* log_lines_add shows each line that bytes end, and keeps what is left: at most a whole log
 * (LIMIT_LOG_BYTES). */
void log_lines_add(struct log_lines *lines, struct span bytes);

/* log_lines_end shows what stands after the last newline, and frees. */
void log_lines_end(struct log_lines *lines);

#endif /* EXO_PRODUCER_CLI_LOG_LINES_H */
