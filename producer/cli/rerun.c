/* rerun: what failed of an execution runs again, or all from a satellite on. */
#include "producer/cli/cluster_file.h"
#include "producer/cli/commands.h"
#include "producer/cli/submission.h"

/* The old input with the given ones in their places. */
static int input_edit(struct rest *rest, const char *id, struct value *given)
{
    struct cli *cli = rest->cli;
    struct value *old = arena_alloc(&cli->arena, sizeof(*old));
    struct rest_path path;

    rest_path_begin(&path, "/v1/executions/");
    rest_path_word(&path, id);
    if (old == NULL) {
        return cli_fail(CLI_EXIT_INTERNAL, "no memory");
    }
    int status = rest_ask(rest, &(struct rest_request){.method = "GET", .path = path.text}, old);
    const struct value *input = status == 0 ? value_get(old, span_of("input")) : NULL;

    if (status != 0 || input == NULL || input->kind != VALUE_MAP) {
        return status;
    }
    struct value_member *members =
        arena_alloc(&cli->arena, (input->count + given->count) * sizeof(*members));
    uint32_t count = 0;

    if (members == NULL) {
        return cli_fail(CLI_EXIT_INTERNAL, "no memory");
    }
    for (uint32_t i = 0; i < input->count; i++) {
        if (value_get(given, value_text(&input->members[i].key)) == NULL) {
            members[count++] = input->members[i];
        }
    }
    for (uint32_t i = 0; i < given->count; i++) {
        members[count++] = given->members[i];
    }
    *given = (struct value){.kind = VALUE_MAP, .count = count, .members = members};
    return 0;
}

static int body_write(struct rest *rest, const char *id, struct buffer *body)
{
    struct cli *cli = rest->cli;
    const char *from = command_line_value(cli->call->line, "from");
    const char *key = command_line_value(cli->call->line, "idempotency-key");
    struct json_writer writer = {.buffer = body};
    struct value input = {0};

    json_begin_map(&writer);
    int status = submission_put_start(cli, &writer);

    if (from != NULL) {
        json_key(&writer, "from");
        json_put_text(&writer, from);
    }
    if (status == 0 && command_line_value(cli->call->line, "input") != NULL) {
        status = cluster_file_input(cli, NULL, &input);
        status = status == 0 ? input_edit(rest, id, &input) : status;
        json_key(&writer, "input");
        json_put_value(&writer, &input);
    }
    if (key != NULL) {
        json_key(&writer, "idempotency_key");
        json_put_text(&writer, key);
    }
    json_end_map(&writer);
    return status;
}

static int rerun(struct rest *rest)
{
    struct cli *cli = rest->cli;
    const char *id = cli->call->line->positionals[0];
    struct rest_path path;
    struct buffer body;
    struct value answer = {0};

    rest_path_begin(&path, "/v1/executions/");
    rest_path_word(&path, id);
    rest_path_add(&path, "/rerun");
    buffer_init(&body, cli->allocator, 0);
    int status = body_write(rest, id, &body);

    if (status == 0) {
        status = rest_ask(
            rest,
            &(struct rest_request){.method = "POST", .path = path.text, .body = buffer_span(&body)},
            &answer);
    }
    buffer_release(&body);
    if (status == 0 && cli_is_table(cli)) {
        (void)puts(rest_text(&answer, "id"));
    } else if (status == 0) {
        cli_show(cli, &answer);
    }
    return status;
}

static int run(const struct command_call *call)
{
    return rest_run(call, rerun);
}

static const struct flag flags[] = {
    {"from", 'f', "SATELLITE", "runs again with all that runs after it; else what failed", false},
    {"input", 'i', "K=V|@FILE", "an input to change: NAME=VALUE, or @FILE with a map", true},
    START_FLAGS,
    {"idempotency-key", 'k', "KEY", "the same rerun again with the same key starts nothing new",
     false},
};

const struct command command_rerun = {
    .name = "rerun",
    .arguments = "EXECUTION",
    .summary = "run what failed of an execution again and print the new one's id",
    .details = "The old execution must have ended. What ended well is kept with its output, as it\n"
               "is, also when an input is changed; inputs that are not named stay as they were.\n"
               "Exit status: " CLI_EXIT_HELP_REQUEST "\n",
    .role = ROLE_CLIENT,
    .flags = flags,
    .flag_count = sizeof(flags) / sizeof(flags[0]),
    .positionals_least = 1,
    .positionals_most = 1,
    .run = run,
};
