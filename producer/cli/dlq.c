/* dlq list, dlq show, dlq replay: records that could not be taken, with the reason. */
#include <string.h>

#include "producer/cli/commands.h"
#include "producer/cli/rest.h"
#include "producer/cli/text_table.h"

static void print(struct cli *cli, const struct value *letters)
{
    static const char *const headings[] = {"ID",       "AT",     "TOPIC", "OFFSET",
                                           "REPLAYED", "REASON", NULL};
    struct text_table table;

    text_table_init(&table, &cli->arena, headings);
    for (uint32_t i = 0; letters != NULL && i < letters->count; i++) {
        const struct value *letter = &letters->items[i];
        const struct value *is_replayed = value_get(letter, span_of("is_replayed"));
        char id[32], topic[160], offset[32];
        bool is_sent =
            is_replayed != NULL && is_replayed->kind == VALUE_BOOL && is_replayed->boolean;
        const char *words[] = {id,     rest_text(letter, "at"), topic,
                               offset, is_sent ? "yes" : "no",  rest_text(letter, "reason")};

        (void)snprintf(id, sizeof(id), "%lld", (long long)rest_number(letter, "id"));
        (void)snprintf(topic, sizeof(topic), "%.100s/%lld", rest_text(letter, "topic"),
                       (long long)rest_number(letter, "partition"));
        (void)snprintf(offset, sizeof(offset), "%lld", (long long)rest_number(letter, "offset"));
        text_table_add(&table, words);
    }
    text_table_print(&table, stdout);
}

static int list(struct rest *rest)
{
    const struct command_line *line = rest->cli->call->line;
    struct rest_path path;
    struct value answer = {0};

    rest_path_begin(&path, "/v1/dead-letters");
    rest_path_query(&path, "limit", command_line_value(line, "limit"));
    rest_path_query(&path, "cursor", command_line_value(line, "cursor"));
    int status = rest_ask(rest, &(struct rest_request){.path = path.text}, &answer);

    if (status != 0) {
        return status;
    }
    if (!cli_is_table(rest->cli)) {
        cli_show(rest->cli, &answer);
        return EXIT_STATUS_DONE;
    }
    print(rest->cli, value_get(&answer, span_of("dead_letters")));
    if (rest_text(&answer, "next_cursor")[0] != '\0') {
        (void)fprintf(stderr, "there are more: --cursor %s\n", rest_text(&answer, "next_cursor"));
    }
    return EXIT_STATUS_DONE;
}

static int run_list(const struct command_call *call)
{
    return rest_run(call, list);
}

static int ask_letter(struct rest *rest, const char *method, const char *rest_of_path)
{
    struct rest_path path;
    struct value answer = {0};

    rest_path_begin(&path, "/v1/dead-letters/");
    rest_path_word(&path, rest->cli->call->line->positionals[0]);
    rest_path_add(&path, rest_of_path);
    int status =
        rest_ask(rest, &(struct rest_request){.method = method, .path = path.text}, &answer);

    if (status == 0) {
        cli_show(rest->cli, &answer);
    }
    return status;
}

static int show(struct rest *rest)
{
    return ask_letter(rest, "GET", "");
}

static int run_show(const struct command_call *call)
{
    return rest_run(call, show);
}

static int replay(struct rest *rest)
{
    bool is_again = command_line_is_set(rest->cli->call->line, "again");

    return ask_letter(rest, "POST", is_again ? "/replay?again=true" : "/replay");
}

static int run_replay(const struct command_call *call)
{
    return rest_run(call, replay);
}

static const struct flag list_flags[] = {
    {"limit", 'n', "N", "how many, 1 to 1000", false},
    {"cursor", 0, "CURSOR", "go on behind the page before", false},
};

static const struct flag replay_flags[] = {
    {"again", 0, NULL, "also one that was sent again before", false},
};

const struct command command_dlq_list = {
    .name = "dlq list",
    .arguments = "",
    .summary = "list dead letters: records that could not be taken",
    .details = "Exit status: " CLI_EXIT_HELP_REQUEST "\n",
    .role = ROLE_CLIENT,
    .flags = list_flags,
    .flag_count = sizeof(list_flags) / sizeof(list_flags[0]),
    .run = run_list,
};

const struct command command_dlq_show = {
    .name = "dlq show",
    .arguments = "ID",
    .summary = "show a dead letter: why, what became of it, its bytes",
    .details = "Exit status: " CLI_EXIT_HELP_REQUEST "\n",
    .role = ROLE_CLIENT,
    .positionals_least = 1,
    .positionals_most = 1,
    .run = run_show,
};

const struct command command_dlq_replay = {
    .name = "dlq replay",
    .arguments = "ID",
    .summary = "send a dead letter again to where it came from",
    .details = "Exit status: " CLI_EXIT_HELP_REQUEST "\n",
    .role = ROLE_CLIENT,
    .flags = replay_flags,
    .flag_count = sizeof(replay_flags) / sizeof(replay_flags[0]),
    .positionals_least = 1,
    .positionals_most = 1,
    .run = run_replay,
};
