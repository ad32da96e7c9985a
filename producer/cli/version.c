/* version: which program this is. */
#include "producer/cli/cli.h"
#include "producer/cli/commands.h"

static int run(const struct command_call *call)
{
    (void)call; /* takes nothing */
    (void)puts("exosphere " EXO_VERSION);
    return EXIT_STATUS_DONE;
}

const struct command command_version = {
    .name = "version",
    .arguments = "",
    .summary = "print the version of this program",
    .run = run,
};
