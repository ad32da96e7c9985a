/* main: picks the role or the client command from one table; nothing else. */
#include <unistd.h>

#include "producer/cli/commands.h"

/* In the order of `exosphere --help`. */
static const struct command *const rows[] = {
    &command_validate, &command_init, &command_eval, &command_config, &command_version,
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

int main(int argc, char **argv)
{
    struct command table[ROWS];

    for (size_t i = 0; i < ROWS; i++) {
        table[i] = *rows[i];
    }
    return command_main(table, ROWS, argc, argv, environ);
}
