/* explain: why an execution has not ended, a sentence a satellite. */
#include "producer/cli/commands.h"
#include "producer/cli/rest.h"
#include "producer/cli/text_table.h"

static void print(struct cli *cli, const struct value *answer)
{
    static const char *const headings[] = {"SATELLITE", "STATE", "WHY", NULL};
    const struct value *satellites = value_get(answer, span_of("satellites"));
    struct text_table table;

    (void)printf("%s: %s\n", rest_text(answer, "state"), rest_text(answer, "summary"));
    if (satellites == NULL || satellites->kind != VALUE_LIST || satellites->count == 0) {
        return;
    }
    text_table_init(&table, &cli->arena, headings);
    table.cell_bytes = 1000; /* sentences are not cut */
    for (uint32_t i = 0; i < satellites->count; i++) {
        const struct value *satellite = &satellites->items[i];
        const char *words[] = {rest_text(satellite, "satellite"), rest_text(satellite, "state"),
                               rest_text(satellite, "reason")};

        text_table_add(&table, words);
    }
    (void)putchar('\n');
    text_table_print(&table, stdout);
}

static int explain(struct rest *rest)
{
    const struct command_line *line = rest->cli->call->line;
    struct rest_path path;
    struct value answer = {0};

    rest_path_begin(&path, "/v1/executions/");
    rest_path_word(&path, line->positionals[0]);
    rest_path_add(&path, "/explain");
    rest_path_query(&path, "task", line->positional_count == 2 ? line->positionals[1] : NULL);
    int status = rest_ask(rest, &(struct rest_request){.path = path.text}, &answer);

    if (status == 0 && cli_is_table(rest->cli)) {
        print(rest->cli, &answer);
    } else if (status == 0) {
        cli_show(rest->cli, &answer);
    }
    return status;
}

static int run(const struct command_call *call)
{
    return rest_run(call, explain);
}

const struct command command_explain = {
    .name = "explain",
    .arguments = "EXECUTION [TASK]",
    .summary = "say what each satellite that has not ended waits for",
    .details =
        "TASK is a satellite's name, or NAME.INDEX of one with for_each; page.3.parse names\n"
        "what stands in run 3 of the group page.\n"
        "Exit status: " CLI_EXIT_HELP_REQUEST "\n",
    .role = ROLE_CLIENT,
    .positionals_least = 1,
    .positionals_most = 2,
    .run = run,
};
