/* schedule_file: a schedule file as commands take it.
 *
 * Reads files, tells faults on stderr. */
#ifndef EXO_PRODUCER_CLI_SCHEDULE_FILE_H
#define EXO_PRODUCER_CLI_SCHEDULE_FILE_H

#include "producer/cli/cli.h"
#include "schemas/schedule/schedule.h"

/* schedule_file_read reads and checks the file of a path, - for standard input.
 * ret_root  out; the whole file, in cli's arena; the schedule shares its parts
 * Returns 0, or the exit status, told on stderr. */
EXO_CHECKED int schedule_file_read(struct cli *cli, const char *path, struct value *ret_root,
                                   const struct schedule **ret_schedule);

#endif /* EXO_PRODUCER_CLI_SCHEDULE_FILE_H */
