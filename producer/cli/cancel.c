/* cancel: an execution is stopped. */
#include "producer/cli/commands.h"
#include "producer/cli/rest.h"
#include "schemas/json/json_write.h"

static int cancel(struct rest *rest)
{
    struct cli *cli = rest->cli;
    const char *id = cli->call->line->positionals[0];
    const char *reason = command_line_value(cli->call->line, "reason");
    struct rest_path path;
    struct buffer body;
    struct value answer = {0};

    rest_path_begin(&path, "/v1/executions/");
    rest_path_word(&path, id);
    rest_path_add(&path, "/cancel");
    buffer_init(&body, cli->allocator, 0);
    if (reason != NULL) {
        struct json_writer writer = {.buffer = &body};

        json_begin_map(&writer);
        json_key(&writer, "reason");
        json_put_text(&writer, reason);
        json_end_map(&writer);
    }
    int status = rest_ask(
        rest,
        &(struct rest_request){.method = "POST", .path = path.text, .body = buffer_span(&body)},
        &answer);

    buffer_release(&body);
    if (status == 0 && cli_is_table(cli)) {
        (void)printf("%s %s\n", rest_text(&answer, "id"), rest_text(&answer, "state"));
    } else if (status == 0) {
        cli_show(cli, &answer);
    }
    return status;
}

static int run(const struct command_call *call)
{
    return rest_run(call, cancel);
}

static const struct flag flags[] = {
    {"reason", 'r', "TEXT", "why; shown as the execution's error", false},
};

const struct command command_cancel = {
    .name = "cancel",
    .arguments = "EXECUTION",
    .summary = "stop an execution",
    .details = "What runs gets SIGTERM, and SIGKILL after its `grace`; what waits never starts.\n"
               "Exit status: " CLI_EXIT_HELP_REQUEST "\n",
    .role = ROLE_CLIENT,
    .flags = flags,
    .flag_count = sizeof(flags) / sizeof(flags[0]),
    .positionals_least = 1,
    .positionals_most = 1,
    .run = run,
};
