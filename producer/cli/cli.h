/* cli: what one client command works with: memory, the faults it found, how it prints.
 *
 *   value --cli_show--> stdout, as JSON or YAML
 *   faults --cli_faults_tell--> stderr, a line each
 *
 * Touches stdout, stderr and files that are named. */
#ifndef EXO_PRODUCER_CLI_H
#define EXO_PRODUCER_CLI_H

#include <stdio.h>

#include "infra/config/command.h"
#include "producer/cli/exit.h"
#include "schemas/vocab/arena.h"
#include "schemas/vocab/buffer.h"
#include "schemas/vocab/error.h"
#include "schemas/vocab/fault.h"
#include "schemas/vocab/value.h"

struct cli {
    const struct command_call *call; /* kept */
    struct heap_budget budget;
    struct allocator allocator;
    struct arena arena;
    struct fault_list faults;
};

/* cli_init begins a command; call is kept. */
void cli_init(struct cli *cli, const struct command_call *call);

/* cli_release frees what it took. */
void cli_release(struct cli *cli);

/* cli_read_file reads a whole file, "-" for standard input.
 * bytes_max  above it the file is refused
 * ret_text   out; in the arena
 * Returns 0, or the exit status with the reason told on stderr. */
EXO_CHECKED int cli_read_file(struct cli *cli, const char *path, size_t bytes_max,
                              struct span *ret_text);

/* cli_read_value reads a file that holds one YAML or JSON value; otherwise as cli_read_file. Tells
 * the faults of the text too. */
EXO_CHECKED int cli_read_value(struct cli *cli, const char *path, struct value *ret_value);

/* cli_is_table is true when people read the output; else it is cli_show's. */
bool cli_is_table(const struct cli *cli);

/* CLI_FORM_FLAG is --output of a command that reads no settings: cli_form_check, then cli_is_table
 * and cli_show heed it. */
#define CLI_FORM_FLAG                                                                              \
    {                                                                                              \
        "output", 'o', "FORM", "form of what is printed: table, json or yaml", false               \
    }

/* cli_form_check returns 0, or the exit status where CLI_FORM_FLAG was given another form. */
EXO_CHECKED int cli_form_check(const struct cli *cli);

/* cli_show prints a value as --output asks: JSON, YAML, or JSON over several lines for people. */
void cli_show(const struct cli *cli, const struct value *value);

/* cli_show_next prints one value of many that come one by one: JSON, a line each, or YAML, a
 * document each. The caller flushes stdout where a reader waits for it. */
void cli_show_next(const struct cli *cli, const struct value *value);

/* cli_faults_tell prints the faults found in a file, "FILE:LINE:COLUMN: PATH: text; hint" each. */
void cli_faults_tell(const struct fault_list *faults, const char *file, FILE *out);

/* cli_fail prints "exosphere: TEXT" on stderr and returns status. */
int cli_fail(int status, const char *format, ...) EXO_PRINTF(2, 3);

/* cli_fail_error is cli_fail with an adapter's error and the status that fits it. */
int cli_fail_error(const struct exo_error *err);

#endif /* EXO_PRODUCER_CLI_H */
