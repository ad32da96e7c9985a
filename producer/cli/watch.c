/* watch: an execution is shown until it has ended; its output is printed. */
#include "producer/cli/commands.h"
#include "producer/cli/follow.h"

static int watch(struct rest *rest)
{
    const struct command_line *line = rest->cli->call->line;
    struct value execution = {0};
    int status = follow_execution(rest, line->positionals[0], command_line_is_set(line, "quiet"),
                                  &execution);

    return status != 0 ? status : outcome_show(rest, &execution);
}

static int run(const struct command_call *call)
{
    return rest_run(call, watch);
}

static const struct flag flags[] = {
    {"quiet", 'q', NULL, "show no progress, only how it ends", false},
};

const struct command command_watch = {
    .name = "watch",
    .arguments = "EXECUTION",
    .summary = "show how an execution goes until it has ended",
    .details = "Prints and ends as `exosphere run` does.\n"
               "Exit status: 0 succeeded, 1 failed, 3 cancelled, 4 timed out, 130 "
               "Ctrl-C,\n" CLI_EXIT_HELP_REQUEST "\n",
    .role = ROLE_CLIENT,
    .flags = flags,
    .flag_count = sizeof(flags) / sizeof(flags[0]),
    .positionals_least = 1,
    .positionals_most = 1,
    .run = run,
};
