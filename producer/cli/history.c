/* history: what an execution went through, or how it stood at a time. */
#include <string.h>

#include "producer/cli/commands.h"
#include "producer/cli/rest.h"
#include "producer/cli/text_table.h"

static void attempt_text(char text[24], const struct value *change)
{
    int64_t attempt = rest_number(change, "attempt");

    text[0] = '\0';
    if (attempt > 0) {
        (void)snprintf(text, 24, "%lld", (long long)attempt);
    }
}

static void change_add(struct text_table *table, const struct value *change)
{
    const char *task = rest_text(change, "task");
    const char *satellite = rest_text(change, "satellite");
    const char *execution = rest_text(change, "execution_state");
    char number[24], attempt[24];
    const char *words[] = {number,
                           rest_text(change, "at"),
                           execution[0] != '\0' ? "(execution)"
                           : task[0] != '\0'    ? task
                                                : satellite,
                           execution[0] != '\0' ? execution : rest_text(change, "state"),
                           attempt,
                           rest_text(change, "worker"),
                           rest_text(change, "error")};

    (void)snprintf(number, sizeof(number), "%lld", (long long)rest_number(change, "number"));
    attempt_text(attempt, change);
    text_table_add(table, words);
}

static void changes_print(struct cli *cli, const struct value *answer)
{
    static const char *const headings[] = {"NUMBER",  "AT",     "WHAT",  "STATE",
                                           "ATTEMPT", "WORKER", "ERROR", NULL};
    const struct value *changes = value_get(answer, span_of("changes"));
    struct text_table table;

    if (changes == NULL || changes->kind != VALUE_LIST || changes->count == 0) {
        return;
    }
    text_table_init(&table, &cli->arena, headings);
    for (uint32_t i = 0; i < changes->count; i++) {
        change_add(&table, &changes->items[i]);
    }
    text_table_print(&table, stdout);
}

static void counts_text(char *text, size_t room, const struct value *counts)
{
    size_t at = 0;

    text[0] = '\0';
    for (uint32_t i = 0; counts != NULL && counts->kind == VALUE_MAP && i < counts->count; i++) {
        const struct value_member *member = &counts->members[i];
        int written =
            snprintf(text + at, room - at, "%s%lld %.*s", at == 0 ? "" : ", ",
                     (long long)member->value.integer, SPAN_ARG(value_text(&member->key)));

        if (written < 0 || (size_t)written >= room - at) {
            return;
        }
        at += (size_t)written;
    }
}

static void satellites_print(struct cli *cli, const struct value *execution)
{
    static const char *const headings[] = {"SATELLITE", "STATE", "TASKS", "ERROR", NULL};
    const struct value *satellites = value_get(execution, span_of("satellites"));
    struct text_table table;

    if (satellites == NULL || satellites->kind != VALUE_LIST || satellites->count == 0) {
        return;
    }
    text_table_init(&table, &cli->arena, headings);
    for (uint32_t i = 0; i < satellites->count; i++) {
        char counts[256];
        const char *words[] = {rest_text(&satellites->items[i], "name"),
                               rest_text(&satellites->items[i], "state"), counts,
                               rest_text(&satellites->items[i], "error")};

        counts_text(counts, sizeof(counts), value_get(&satellites->items[i], span_of("counts")));
        text_table_add(&table, words);
    }
    (void)putchar('\n');
    text_table_print(&table, stdout);
}

static void tasks_print(struct cli *cli, const struct value *answer)
{
    static const char *const headings[] = {"TASK", "STATE", "ATTEMPT", "WORKER", NULL};
    const struct value *tasks = value_get(answer, span_of("tasks"));
    struct text_table table;

    if (tasks == NULL || tasks->kind != VALUE_LIST || tasks->count == 0) {
        return;
    }
    text_table_init(&table, &cli->arena, headings);
    for (uint32_t i = 0; i < tasks->count; i++) {
        char attempt[24];
        const char *words[] = {rest_text(&tasks->items[i], "task"),
                               rest_text(&tasks->items[i], "state"), attempt,
                               rest_text(&tasks->items[i], "worker")};

        attempt_text(attempt, &tasks->items[i]);
        text_table_add(&table, words);
    }
    (void)putchar('\n');
    text_table_print(&table, stdout);
}

/* The first answer says how all stood, those behind it have only more tasks. */
static void past_print(struct cli *cli, const struct value *answer, bool is_first)
{
    const struct value *execution = value_get(answer, span_of("execution"));

    if (execution == NULL) {
        return;
    }
    if (!is_first) {
        tasks_print(cli, answer);
        return;
    }
    (void)printf("at        %s\n", rest_text(answer, "at"));
    (void)printf("state     %s\n", rest_text(execution, "state"));
    if (rest_text(execution, "error")[0] != '\0') {
        (void)printf("error     %s\n", rest_text(execution, "error"));
    }
    satellites_print(cli, execution);
    tasks_print(cli, answer);
}

/* Changes come so many an answer; each answer is shown as it comes. */
static int history(struct rest *rest)
{
    const struct command_line *line = rest->cli->call->line;
    const char *at = command_line_value(line, "at");
    char cursor[32] = "";
    int status;

    do {
        struct rest_path path;
        struct value answer = {0};

        rest_path_begin(&path, "/v1/executions/");
        rest_path_word(&path, line->positionals[0]);
        rest_path_add(&path, "/history");
        rest_path_query(&path, "at", at);
        rest_path_query(&path, "run", command_line_value(line, "run"));
        rest_path_query(&path, "cursor", cursor);
        status = rest_ask(rest, &(struct rest_request){.path = path.text}, &answer);
        if (status != 0) {
            return status;
        }
        if (!cli_is_table(rest->cli)) {
            cli_show(rest->cli, &answer);
        } else if (at != NULL) {
            past_print(rest->cli, &answer, cursor[0] == '\0');
        } else {
            changes_print(rest->cli, &answer);
        }
        (void)snprintf(cursor, sizeof(cursor), "%s", rest_text(&answer, "next_cursor"));
    } while (cursor[0] != '\0');
    return status;
}

static int run(const struct command_call *call)
{
    return rest_run(call, history);
}

static const struct flag flags[] = {
    {"at", 0, "TIME", "how it stood then, such as 2026-11-28T09:00:00Z", false},
    {"run", 0, "RUN", "with --at: the tasks of a run of a group, such as page.3", false},
};

const struct command command_history = {
    .name = "history",
    .arguments = "EXECUTION",
    .summary = "list what an execution went through, or show it as it was at a time",
    .details =
        "Both reach back as far as the journal is kept (docs/operations.md). With -o json or\n"
        "yaml a long list of changes or tasks is several documents.\n"
        "Exit status: " CLI_EXIT_HELP_REQUEST "\n",
    .role = ROLE_CLIENT,
    .flags = flags,
    .flag_count = sizeof(flags) / sizeof(flags[0]),
    .positionals_least = 1,
    .positionals_most = 1,
    .run = run,
};
