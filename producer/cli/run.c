/* run: an execution is started and watched until it has ended; its output is printed. */
#include "producer/cli/commands.h"
#include "producer/cli/follow.h"
#include "producer/cli/submission.h"

static int submit_and_watch(struct rest *rest)
{
    bool is_quiet = command_line_is_set(rest->cli->call->line, "quiet");
    const char *id = "";
    struct value answer = {0};
    int status = submission_send(rest, &id, &answer);

    if (status != 0) {
        return status;
    }
    if (!is_quiet) {
        (void)fprintf(stderr, "execution %s\n", id);
    }
    status = follow_execution(rest, id, is_quiet, &answer);
    return status != 0 ? status : outcome_show(rest, &answer);
}

static int run(const struct command_call *call)
{
    return rest_run(call, submit_and_watch);
}

static const struct flag flags[] = {
    {"quiet", 'q', NULL, "show no progress", false},
    SUBMISSION_FLAGS,
};

const struct command command_run = {
    .name = "run",
    .arguments = "FILE|NAME",
    .summary = "start an execution, show how it goes, print its output",
    .details = "NAME: a stored cluster, PROJECT/NAME or PROJECT/NAME@VERSION.\n"
               "Progress goes to standard error, the output as JSON to standard output. Ctrl-C\n"
               "stops watching; the execution goes on.\n"
               "Exit status: 0 succeeded, 1 failed, 3 cancelled, 4 timed out, 130 "
               "Ctrl-C,\n" CLI_EXIT_HELP_REQUEST "\n",
    .role = ROLE_CLIENT,
    .flags = flags,
    .flag_count = sizeof(flags) / sizeof(flags[0]),
    .positionals_least = 1,
    .positionals_most = 1,
    .run = run,
};
