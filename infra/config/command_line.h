/* command line: words become flags and positional arguments, by a table.
 *
 *   --name value  --name=value  -n value  -nvalue  --switch  --  then only positional arguments
 *
 * Flags and positional arguments may be mixed. Pure: faults and results live in given arenas. */
#ifndef EXO_INFRA_CONFIG_COMMAND_LINE_H
#define EXO_INFRA_CONFIG_COMMAND_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "schemas/vocab/arena.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/fault.h"

struct flag {
    const char *name;    /* without dashes: "input" */
    char letter;         /* of its short form; 0: none */
    const char *value;   /* what it takes, for help: "K=V"; NULL: a switch */
    const char *meaning; /* one line of help */
    bool is_repeated;    /* may be given more than once */
};

/* A flag as it was given, in order. */
struct given_flag {
    const struct flag *flag;
    const char *value; /* "true" for a switch without "=" */
};

struct command_line {
    const struct given_flag *given;
    size_t given_count;
    const char *const *positionals;
    size_t positional_count;
};

/* command_line_parse reads words by a table of flags.
 * flags     borrowed as long as *ret_line is used
 * words     count of them, without the program's and the command's names; borrowed likewise
 * arena     holds the result's arrays
 * faults    gets unknown flags with the nearest known name, missing and surplus values
 * Returns 0, or -1 with faults. */
EXO_CHECKED int command_line_parse(const struct flag *flags, size_t flag_count,
                                   const char *const *words, size_t word_count, struct arena *arena,
                                   struct command_line *ret_line, struct fault_list *faults);

/* command_line_value returns the value of the last flag of that name, or NULL. */
const char *command_line_value(const struct command_line *line, const char *name);

/* command_line_is_set is true when the switch was given and not as --name=false. */
bool command_line_is_set(const struct command_line *line, const char *name);

/* command_line_next walks over the values of a repeated flag: begin with *at 0; NULL at the end. */
const char *command_line_next(const struct command_line *line, const char *name, size_t *at);

#endif /* EXO_INFRA_CONFIG_COMMAND_LINE_H */
