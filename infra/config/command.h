/* command: the commands of the program as one table, and what all of them share.
 *
 *   exosphere NAME words... --> find the row --> flags, settings --> --help, --print-config,
 *                                                                    --check-config --> row.run
 *
 * Touches stdout, stderr and the files of settings. */
#ifndef EXO_INFRA_CONFIG_COMMAND_H
#define EXO_INFRA_CONFIG_COMMAND_H

#include <stdio.h>

#include "infra/config/command_line.h"
#include "infra/config/settings.h"

/* Exit statuses that all commands share; others stand in a command's help. */
enum exit_status {
    EXIT_STATUS_DONE = 0,
    EXIT_STATUS_FAILED = 1,  /* the thing itself failed; told on stderr */
    EXIT_STATUS_USAGE = 2,   /* wrong flags or arguments */
    EXIT_STATUS_CONFIG = 78, /* wrong settings, or a store newer than the program */
};

/* What a command is given. All borrowed until run returns. */
struct command_call {
    const struct command *command;
    const struct settings *settings;
    struct settings_set *set;               /* where each setting came from; for settings_reload */
    const struct settings_sources *sources; /* likewise */
    const struct command_line *line;
};

/* One row of the table. */
struct command {
    const char *name;      /* "submit", or "dlq list" */
    const char *arguments; /* positional ones, for help: "FILE [NAME]"; "" for none */
    const char *summary;   /* one line, no full stop */
    const char *details;   /* further lines of help, each with its line break; NULL: none */
    enum role role;        /* whose settings it takes; 0: none */
    const struct flag *flags;
    size_t flag_count;
    size_t positionals_least;
    size_t positionals_most;
    int (*run)(const struct command_call *call); /* returns the exit status */
};

/* command_main runs the program: finds the command in words 1.., parses and runs it.
 * environment  "NAME=value", NULL-terminated
 * Returns the exit status. */
int command_main(const struct command *commands, size_t count, int argc, char *const *argv,
                 char *const *environment);

/* command_help_print writes the help of one command. */
void command_help_print(const struct command *command, FILE *out);

/* command_list_print writes the names and summaries of all. */
void command_list_print(const struct command *commands, size_t count, FILE *out);

/* command_faults_print writes faults for a person, one a line: "PLACE:LINE:COLUMN: text; hint". */
void command_faults_print(const struct fault_list *faults, FILE *out);

#endif /* EXO_INFRA_CONFIG_COMMAND_H */
