/* cancel: an execution is stopped, or a part of it. */
#include "producer/cli/commands.h"
#include "producer/cli/control.h"
#include "schemas/json/json_write.h"

static int cancel(struct rest *rest)
{
    struct cli *cli = rest->cli;
    const struct command_line *line = cli->call->line;
    const char *reason = command_line_value(line, "reason");
    struct buffer body;

    buffer_init(&body, cli->allocator, 0);
    if (reason != NULL) {
        struct json_writer writer = {.buffer = &body};

        json_begin_map(&writer);
        json_key(&writer, "reason");
        json_put_text(&writer, reason);
        json_end_map(&writer);
    }
    const struct control_request request = {.execution = line->positionals[0],
                                            .task = command_line_value(line, "task"),
                                            .word = "/cancel",
                                            .body = buffer_span(&body)};
    int status = control_send(rest, &request);

    buffer_release(&body);
    return status;
}

static int run(const struct command_call *call)
{
    return rest_run(call, cancel);
}

static const struct flag flags[] = {
    {"reason", 'r', "TEXT", "why; shown as the error", false},
    {"task", 't', "TASK", "only this satellite or task, such as count, count.17, page.3.parse",
     false},
};

const struct command command_cancel = {
    .name = "cancel",
    .arguments = "EXECUTION",
    .summary = "stop an execution, or a part of it",
    .details = "What runs gets SIGTERM, and SIGKILL after its `grace`; what waits never starts.\n"
               "What is `final` runs all the same, until --task ends it too.\n"
               "Exit status: " CLI_EXIT_HELP_REQUEST "\n",
    .role = ROLE_CLIENT,
    .flags = flags,
    .flag_count = sizeof(flags) / sizeof(flags[0]),
    .positionals_least = 1,
    .positionals_most = 1,
    .run = run,
};
