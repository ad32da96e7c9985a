/* logs: what satellites printed. */
#include <stdlib.h>
#include <string.h>

#include "producer/cli/commands.h"
#include "producer/cli/log_lines.h"
#include "producer/cli/rest.h"

static const exo_time forever_ns = 365 * 24 * EXO_HOUR;
static const exo_time again_ns = EXO_SECOND;

/* One log on its way to stdout. */
struct flow {
    struct rest *rest;
    struct log_lines *lines; /* NULL: as it comes */
    bool is_done;
    int status;
};

static void came(void *argument, struct span bytes)
{
    struct flow *flow = argument;

    if (flow->lines != NULL) {
        log_lines_add(flow->lines, bytes);
    } else {
        (void)fwrite(bytes.data, 1, bytes.bytes, stdout);
    }
    (void)fflush(stdout);
}

static void ended(void *argument, const struct http_result *result)
{
    struct flow *flow = argument;

    flow->status = rest_tell(flow->rest, result);
    flow->is_done = true;
}

static int stream(struct flow *flow, const char *execution, const char *task, const char *attempt,
                  bool is_followed)
{
    struct rest *rest = flow->rest;
    struct rest_path path;
    struct exo_error err;

    rest_path_begin(&path, "/v1/executions/");
    rest_path_word(&path, execution);
    rest_path_add(&path, "/tasks/");
    rest_path_word(&path, task);
    rest_path_add(&path, "/attempts/");
    rest_path_word(&path, attempt);
    rest_path_add(&path, "/logs");
    rest_path_query(&path, "follow", is_followed ? "true" : NULL);
    const struct http_call_options options = {
        .url = path.text,
        .timeout_ns = EXO_TIME_NEVER,
        .on_data = came,
        .on_done = ended,
        .argument = flow,
    };

    if (rest_start(rest, &options, &err) == NULL) {
        return cli_fail_error(&err);
    }
    (void)loop_run_until(rest->loop, &flow->is_done, forever_ns);
    return flow->status;
}

/* Which tasks are meant. */
struct meant {
    const char *execution;
    const char *field; /* of the query: "satellite", "run"; NULL: those of the top level */
    const char *path;
    bool has_heading; /* even for one alone */
};

static int read_tasks(struct rest *rest, const struct meant *meant, const char *cursor,
                      const struct value **ret_tasks, struct value *ret_answer)
{
    struct rest_path path;

    rest_path_begin(&path, "/v1/executions/");
    rest_path_word(&path, meant->execution);
    rest_path_add(&path, "/tasks");
    if (meant->field != NULL) {
        rest_path_query(&path, meant->field, meant->path);
    }
    rest_path_query(&path, "limit", "1000");
    rest_path_query(&path, "cursor", cursor);
    int status = rest_ask(rest, &(struct rest_request){.path = path.text}, ret_answer);

    *ret_tasks = value_get(ret_answer, span_of("tasks"));
    if (status == 0 && (*ret_tasks == NULL || (*ret_tasks)->kind != VALUE_LIST)) {
        status = cli_fail(CLI_EXIT_INTERNAL, "the API at %s answered with no tasks", rest->base);
    }
    return status;
}

static int show_task(struct rest *rest, const char *execution, const struct value *task,
                     bool has_heading, bool is_followed)
{
    const char *attempt = command_line_value(rest->cli->call->line, "attempt");
    const char *path = rest_text(task, "task");
    struct flow flow = {.rest = rest};
    struct log_lines lines;
    char last[32];

    if (rest_number(task, "attempt") == 0) {
        return 0; /* it has not begun: there is nothing to show */
    }
    if (attempt == NULL) {
        (void)snprintf(last, sizeof(last), "%lld", (long long)rest_number(task, "attempt"));
        attempt = last;
    }
    if (cli_is_table(rest->cli)) {
        if (has_heading) {
            (void)printf("==> %s, attempt %s <==\n", path, attempt);
            (void)fflush(stdout);
        }
        return stream(&flow, execution, path, attempt, is_followed);
    }
    log_lines_begin(&lines, rest->cli, path, rest_text(task, "satellite"),
                    strtoll(attempt, NULL, 10));
    flow.lines = &lines;
    int status = stream(&flow, execution, path, attempt, is_followed);

    log_lines_end(&lines);
    return status;
}

static bool is_group(const struct value *task)
{
    return strcmp(rest_text(task, "kind"), "group") == 0;
}

static int show_all(struct rest *rest, const struct meant *meant);

/* A run of a group: what stands in it, if it has begun. */
static int show_run(struct rest *rest, const char *execution, const struct value *task)
{
    const struct meant inside = {execution, "run", rest_text(task, "task"), true};

    return rest_number(task, "attempt") == 0 ? 0 : show_all(rest, &inside);
}

/* Groups nest 8 deep at most. */
static int show_all(struct rest *rest, const struct meant *meant)
{
    const char *cursor = NULL;
    int status = 0;

    do {
        struct value answer = {0};
        const struct value *tasks;

        status = read_tasks(rest, meant, cursor, &tasks, &answer);
        for (uint32_t i = 0; status == 0 && i < tasks->count; i++) {
            const struct value *task = &tasks->items[i];

            status = is_group(task) ? show_run(rest, meant->execution, task)
                                    : show_task(rest, meant->execution, task,
                                                meant->has_heading || tasks->count > 1, false);
        }
        cursor = rest_text(&answer, "next_cursor");
    } while (status == 0 && cursor[0] != '\0');
    return status;
}

static void nothing(void *argument)
{
    bool *is_due = argument;

    *is_due = true;
}

static void pause_for(struct rest *rest, exo_time ns)
{
    bool is_due = false;
    struct loop_timer *timer = loop_timer_new(rest->loop, nothing, &is_due);

    loop_timer_start(timer, ns, 0);
    (void)loop_run_until(rest->loop, &is_due, 2 * ns);
    loop_timer_free(timer);
}

/* Waits until the one task has begun, then follows its log. */
static int follow(struct rest *rest, const struct meant *meant)
{
    for (;;) {
        struct value answer = {0};
        const struct value *tasks;
        int status = read_tasks(rest, meant, NULL, &tasks, &answer);

        if (status != 0) {
            return status;
        }
        if (tasks->count > 1) {
            return cli_fail(EXIT_STATUS_USAGE, "%s has many tasks; follow one of them, such as %s",
                            meant->path, rest_text(&tasks->items[0], "task"));
        }
        if (tasks->count == 1 && is_group(&tasks->items[0])) {
            return cli_fail(EXIT_STATUS_USAGE,
                            "%s is a run of a group; follow what stands in it, such as %s.NAME",
                            meant->path, rest_text(&tasks->items[0], "task"));
        }
        if (tasks->count == 1 && rest_number(&tasks->items[0], "attempt") > 0) {
            return show_task(rest, meant->execution, &tasks->items[0], false, true);
        }
        pause_for(rest, again_ns);
    }
}

static int logs(struct rest *rest)
{
    const struct command_line *line = rest->cli->call->line;
    const char *task = line->positional_count == 2 ? line->positionals[1] : NULL;
    const struct meant meant = {line->positionals[0], task == NULL ? NULL : "satellite", task,
                                task == NULL};

    if (!command_line_is_set(line, "follow")) {
        return show_all(rest, &meant);
    }
    if (task == NULL) {
        return cli_fail(EXIT_STATUS_USAGE, "--follow: say which task, such as %s.0 or %s", "count",
                        "merge");
    }
    return follow(rest, &meant);
}

static int run(const struct command_call *call)
{
    return rest_run(call, logs);
}

static const struct flag flags[] = {
    {"follow", 'f', NULL, "go on until the attempt has ended", false},
    {"attempt", 'a', "N", "of this attempt; else the last one", false},
};

const struct command command_logs = {
    .name = "logs",
    .arguments = "EXECUTION [TASK]",
    .summary = "print what satellites wrote to standard output and error",
    .details =
        "TASK is a satellite's name, or NAME.INDEX of one with for_each; page.3.parse names\n"
        "what stands in run 3 of the group page. Without TASK all are shown, one after the\n"
        "other; of a group or a run of it what stands in it.\n"
        "With --output json each line is one of JSON, with yaml a document: task, satellite,\n"
        "attempt, number of the line, text.\n"
        "Exit status: " CLI_EXIT_HELP_REQUEST "\n",
    .role = ROLE_CLIENT,
    .flags = flags,
    .flag_count = sizeof(flags) / sizeof(flags[0]),
    .positionals_least = 1,
    .positionals_most = 2,
    .run = run,
};
