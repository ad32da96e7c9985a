/* exit: the statuses that client commands end with (docs/cli.md), beside those that all commands
 * share. Those from 64 on are the ones of sysexits.h.
 *
 * Pure. */
#ifndef EXO_PRODUCER_CLI_EXIT_H
#define EXO_PRODUCER_CLI_EXIT_H

#include "infra/config/command.h" /* enum exit_status: 0 done, 1 failed, 2 usage, 78 settings */

enum cli_exit {
    CLI_EXIT_CANCELLED = 3,    /* the execution was cancelled */
    CLI_EXIT_TIMED_OUT = 4,    /* the execution ran into its timeout */
    CLI_EXIT_DATA = 65,        /* a file, expression or request that is wrong */
    CLI_EXIT_NOT_FOUND = 66,   /* no such file, execution, worker or letter */
    CLI_EXIT_UNAVAILABLE = 69, /* the API or a service cannot be reached or is not ready */
    CLI_EXIT_INTERNAL = 70,    /* a fault of ours */
    CLI_EXIT_CONFLICT = 73,    /* it exists already, or its state forbids this */
    CLI_EXIT_IO = 74,          /* a file could not be read or written */
    CLI_EXIT_LATER = 75,       /* a limit is reached; try again later */
    CLI_EXIT_DENIED = 77,      /* not authenticated or not allowed */
};

/* For the details of a command's help. */
#define CLI_EXIT_HELP_REQUEST                                                                      \
    "65 refused as wrong, 66 not found, 69 API not reachable, 73 conflict, 75 try later,\n"        \
    "77 not allowed."

#endif /* EXO_PRODUCER_CLI_EXIT_H */
