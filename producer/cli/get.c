/* get: one execution, or one of its tasks with its attempts, as it is now. */
#include <string.h>

#include "producer/cli/commands.h"
#include "producer/cli/progress.h"
#include "producer/cli/rest.h"
#include "producer/cli/text_table.h"

enum { VERSION_TEXT_BYTES = 160 };

static void line(const char *name, const char *text)
{
    if (text[0] != '\0') {
        (void)printf("%-10s %s\n", name, text);
    }
}

static void number_text(char text[32], int64_t number)
{
    (void)snprintf(text, 32, "%lld", (long long)number);
}

static void print_labels(const struct value *labels)
{
    if (labels != NULL && labels->kind == VALUE_MAP && labels->count > 0) {
        (void)printf("%-10s", "labels");
        for (uint32_t i = 0; i < labels->count; i++) {
            const struct value *text = &labels->members[i].value;

            (void)printf(" %.*s=%.*s", SPAN_ARG(value_text(&labels->members[i].key)),
                         text->kind == VALUE_STRING ? (int)text->count : 0,
                         text->kind == VALUE_STRING ? text->text : "");
        }
        (void)putchar('\n');
    }
}

static void print_satellites(struct cli *cli, const struct value *satellites)
{
    static const char *const headings[] = {"SATELLITE", "STATE", "TASKS",    "DONE",
                                           "USES",      "ERROR", "PROGRESS", NULL};
    struct text_table table;

    text_table_init(&table, &cli->arena, headings);
    for (uint32_t i = 0; i < satellites->count; i++) {
        const struct value *satellite = &satellites->items[i];
        const struct value *counts = value_get(satellite, span_of("counts"));
        const struct value *is_map = value_get(satellite, span_of("is_map"));
        bool has_tasks = is_map != NULL && is_map->kind == VALUE_BOOL && is_map->boolean;
        char tasks[32];
        char done[32];
        char state[32];
        bool is_kept = rest_text(satellite, "kept_from")[0] != '\0';
        char said[PROGRESS_SAID_BYTES];
        const char *words[] = {
            rest_text(satellite, "name"),
            state,
            has_tasks ? tasks : "-",
            has_tasks ? done : "-",
            rest_text(satellite, "uses")[0] == '\0' ? "-" : rest_text(satellite, "uses"),
            rest_text(satellite, "error"),
            said};

        (void)snprintf(state, sizeof(state), "%.20s%s", rest_text(satellite, "state"),
                       is_kept ? ", kept" : "");
        progress_said(value_get(satellite, span_of("progress")), said);
        number_text(tasks, rest_number(satellite, "tasks"));
        number_text(done, rest_number(counts, "SUCCEEDED"));
        text_table_add(&table, words);
    }
    (void)putchar('\n');
    text_table_print(&table, stdout);
}

/* What stands in the runs of groups that are under way. */
static void print_inside(struct cli *cli, const struct value *inside, bool is_cut)
{
    static const char *const headings[] = {"INSIDE",    "RUNS",     "TASKS", "RUNNING",
                                           "SUCCEEDED", "PROGRESS", NULL};
    struct text_table table;

    text_table_init(&table, &cli->arena, headings);
    for (uint32_t i = 0; i < inside->count; i++) {
        const struct value *satellite = &inside->items[i];
        const struct value *counts = value_get(satellite, span_of("counts"));
        char numbers[4][32];
        char said[PROGRESS_SAID_BYTES];
        const char *words[] = {rest_text(satellite, "satellite"),
                               numbers[0],
                               numbers[1],
                               numbers[2],
                               numbers[3],
                               said};

        number_text(numbers[0], rest_number(satellite, "runs"));
        number_text(numbers[1], rest_number(satellite, "tasks"));
        number_text(numbers[2], rest_number(counts, "RUNNING"));
        number_text(numbers[3], rest_number(counts, "SUCCEEDED"));
        progress_said(value_get(satellite, span_of("progress")), said);
        text_table_add(&table, words);
    }
    (void)putchar('\n');
    text_table_print(&table, stdout);
    if (is_cut) {
        (void)puts("(the first 64 runs that are under way)");
    }
}

static void print_cluster(const struct value *execution)
{
    int64_t version = rest_number(execution, "cluster_version");
    char text[VERSION_TEXT_BYTES];

    (void)snprintf(text, sizeof(text), "%s@%lld", rest_text(execution, "cluster"),
                   (long long)version);
    line("cluster", version > 0 ? text : rest_text(execution, "cluster"));
}

static void print_execution(struct cli *cli, const struct value *execution)
{
    const struct value *satellites = value_get(execution, span_of("satellites"));
    const struct value *output = value_get(execution, span_of("output"));
    const struct value *inside = value_get(execution, span_of("inside"));

    line("id", rest_text(execution, "id"));
    print_cluster(execution);
    line("state", rest_text(execution, "state"));
    line("rerun of", rest_text(execution, "rerun_of"));
    line("error", rest_text(execution, "error"));
    line("submitted", rest_text(execution, "submitted_at"));
    line("starts", rest_text(execution, "start_at"));
    line("started", rest_text(execution, "started_at"));
    line("ended", rest_text(execution, "ended_at"));
    line("deadline", rest_text(execution, "deadline_at"));
    print_labels(value_get(execution, span_of("labels")));
    if (satellites != NULL && satellites->kind == VALUE_LIST) {
        print_satellites(cli, satellites);
    }
    if (inside != NULL && inside->kind == VALUE_LIST && inside->count > 0) {
        const struct value *is_cut = value_get(execution, span_of("inside_is_cut"));

        print_inside(cli, inside, is_cut != NULL && is_cut->kind == VALUE_BOOL && is_cut->boolean);
    }
    if (output != NULL && output->kind != VALUE_NULL) {
        (void)puts("\noutput");
        cli_show(cli, output);
    }
}

static void print_attempts(struct cli *cli, const struct value *attempts)
{
    static const char *const headings[] = {"ATTEMPT", "OUTCOME", "EXIT",  "RUN_MS",
                                           "WORKER",  "ENDED",   "ERROR", NULL};
    struct text_table table;

    text_table_init(&table, &cli->arena, headings);
    for (uint32_t i = 0; i < attempts->count; i++) {
        const struct value *attempt = &attempts->items[i];
        char number[32];
        char exit_status[32];
        char run_ms[32];
        const char *words[] = {number,
                               rest_text(attempt, "outcome"),
                               exit_status,
                               run_ms,
                               rest_text(attempt, "worker"),
                               rest_text(attempt, "ended_at"),
                               rest_text(attempt, "error")};

        number_text(number, rest_number(attempt, "attempt"));
        number_text(exit_status, rest_number(attempt, "exit_status"));
        number_text(run_ms, rest_number(attempt, "run_ms"));
        text_table_add(&table, words);
    }
    (void)putchar('\n');
    text_table_print(&table, stdout);
}

static void print_task(struct cli *cli, const struct value *task)
{
    char said[PROGRESS_SAID_BYTES];

    const struct value *attempts = value_get(task, span_of("attempts"));
    const struct value *output = value_get(task, span_of("output"));

    line("task", rest_text(task, "task"));
    line("state", rest_text(task, "state"));
    line("error", rest_text(task, "error"));
    line("worker", rest_text(task, "worker"));
    line("batch", rest_text(task, "batch"));
    line("started", rest_text(task, "started_at"));
    line("retry", rest_text(task, "retry_at"));
    progress_said(value_get(task, span_of("progress")), said);
    line("progress", said);
    if (attempts != NULL && attempts->kind == VALUE_LIST && attempts->count > 0) {
        print_attempts(cli, attempts);
    }
    if (output != NULL && output->kind != VALUE_NULL) {
        (void)puts("\noutput");
        cli_show(cli, output);
    }
}

static int get(struct rest *rest)
{
    const struct command_line *words = rest->cli->call->line;
    struct rest_path path;
    struct value answer = {0};

    rest_path_begin(&path, "/v1/executions/");
    rest_path_word(&path, words->positionals[0]);
    if (words->positional_count == 2) {
        rest_path_add(&path, "/tasks/");
        rest_path_word(&path, words->positionals[1]);
    }
    int status = rest_ask(rest, &(struct rest_request){.path = path.text}, &answer);

    if (status != 0) {
        return status;
    }
    if (!cli_is_table(rest->cli)) {
        cli_show(rest->cli, &answer);
    } else if (words->positional_count == 2) {
        print_task(rest->cli, &answer);
    } else {
        print_execution(rest->cli, &answer);
    }
    return EXIT_STATUS_DONE;
}

static int run(const struct command_call *call)
{
    return rest_run(call, get);
}

const struct command command_get = {
    .name = "get",
    .arguments = "EXECUTION [TASK]",
    .summary = "show an execution, or one of its tasks with its attempts",
    .details =
        "TASK is a satellite's name, or NAME.INDEX of one with for_each; page.3 is a run of\n"
        "the group page, page.3.parse stands in it.\n"
        "Exit status: " CLI_EXIT_HELP_REQUEST "\n",
    .role = ROLE_CLIENT,
    .positionals_least = 1,
    .positionals_most = 2,
    .run = run,
};
