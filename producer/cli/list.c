/* list: executions, newest first. */
#include <string.h>

#include "producer/cli/commands.h"
#include "producer/cli/rest.h"
#include "producer/cli/text_table.h"

static void print(struct cli *cli, const struct value *executions)
{
    static const char *const headings[] = {"ID", "STATE", "CLUSTER", "SUBMITTED", "ENDED", NULL};
    struct text_table table;

    text_table_init(&table, &cli->arena, headings);
    for (uint32_t i = 0; executions != NULL && i < executions->count; i++) {
        const struct value *execution = &executions->items[i];
        const char *words[] = {rest_text(execution, "id"), rest_text(execution, "state"),
                               rest_text(execution, "cluster"),
                               rest_text(execution, "submitted_at"),
                               rest_text(execution, "ended_at")};

        text_table_add(&table, words);
    }
    text_table_print(&table, stdout);
}

static int list(struct rest *rest)
{
    const struct command_call *call = rest->cli->call;
    const char *limit = command_line_value(call->line, "limit");
    struct rest_path path;
    struct value answer = {0};

    rest_path_begin(&path, "/v1/executions");
    rest_path_query(&path, "limit", limit == NULL ? "20" : limit);
    rest_path_query(&path, "state", command_line_value(call->line, "state"));
    rest_path_query(&path, "cluster", command_line_value(call->line, "cluster"));
    rest_path_query(&path, "label", command_line_value(call->line, "label"));
    rest_path_query(&path, "submitted_after", command_line_value(call->line, "since"));
    rest_path_query(&path, "submitted_before", command_line_value(call->line, "until"));
    rest_path_query(&path, "cursor", command_line_value(call->line, "cursor"));
    if (settings_is_said(call->set, "project")) {
        rest_path_query(&path, "project", call->settings->project);
    }
    int status = rest_ask(rest, &(struct rest_request){.path = path.text}, &answer);

    if (status != 0) {
        return status;
    }
    if (!cli_is_table(rest->cli)) {
        cli_show(rest->cli, &answer);
        return EXIT_STATUS_DONE;
    }
    print(rest->cli, value_get(&answer, span_of("executions")));
    if (rest_text(&answer, "next_cursor")[0] != '\0') {
        (void)fprintf(stderr, "there are more: --cursor %s\n", rest_text(&answer, "next_cursor"));
    }
    return EXIT_STATUS_DONE;
}

static int run(const struct command_call *call)
{
    return rest_run(call, list);
}

static const struct flag flags[] = {
    {"state", 0, "STATE", "only these, such as RUNNING", false},
    {"cluster", 0, "PROJECT/NAME", "only of this cluster", false},
    {"label", 'l', "K=V", "only with this label", false},
    {"since", 0, "TIME", "only submitted after it, such as 2026-11-28T09:00:00Z", false},
    {"until", 0, "TIME", "only submitted before it", false},
    {"limit", 'n', "N", "how many, 1 to 1000; 20 unless said otherwise", false},
    {"cursor", 0, "CURSOR", "go on behind the page before", false},
};

const struct command command_list = {
    .name = "list",
    .arguments = "",
    .summary = "list executions, newest first",
    .details = "Exit status: " CLI_EXIT_HELP_REQUEST "\n",
    .role = ROLE_CLIENT,
    .flags = flags,
    .flag_count = sizeof(flags) / sizeof(flags[0]),
    .run = run,
};
