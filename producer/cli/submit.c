/* submit: an execution is started; its id is printed. */
#include "producer/cli/commands.h"
#include "producer/cli/submission.h"

static int submit(struct rest *rest)
{
    const char *id = "";
    struct value accepted = {0};
    int status = submission_send(rest, &id, &accepted);

    if (status == 0 && cli_is_table(rest->cli)) {
        (void)puts(id);
    } else if (status == 0) {
        cli_show(rest->cli, &accepted);
    }
    return status;
}

static int run(const struct command_call *call)
{
    return rest_run(call, submit);
}

static const struct flag flags[] = {SUBMISSION_FLAGS};

const struct command command_submit = {
    .name = "submit",
    .arguments = "FILE|NAME",
    .summary = "start an execution of a cluster file and print its id",
    .details = "NAME: a stored cluster, PROJECT/NAME or PROJECT/NAME@VERSION.\n"
               "The file is checked here first, then by the API. - is standard input.\n"
               "Exit status: " CLI_EXIT_HELP_REQUEST "\n",
    .role = ROLE_CLIENT,
    .flags = flags,
    .flag_count = sizeof(flags) / sizeof(flags[0]),
    .positionals_least = 1,
    .positionals_most = 1,
    .run = run,
};
