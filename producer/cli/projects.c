/* project put, show, list, delete: what a project may use, and how long it is kept, over REST. */
#include <stdlib.h>

#include "producer/cli/commands.h"
#include "producer/cli/rest.h"
#include "producer/cli/text_table.h"
#include "schemas/json/json_write.h"

static void path_of(struct rest *rest, struct rest_path *path)
{
    rest_path_begin(path, "/v1/projects/");
    rest_path_word(path, rest->cli->call->line->positionals[0]);
}

/* The text of one setting; "" where it is not bounded. number: where it is one. */
static const char *setting(const struct value *project, const char *group, const char *name,
                           char number[24])
{
    const struct value *settings = value_get(project, span_of("settings"));
    const struct value *map = settings == NULL ? NULL : value_get(settings, span_of(group));
    const struct value *found = map == NULL ? NULL : value_get(map, span_of(name));

    if (found == NULL || found->kind == VALUE_STRING) {
        return found == NULL ? "" : rest_text(map, name);
    }
    (void)snprintf(number, 24, "%lld", (long long)rest_number(map, name));
    return number;
}

static void print_row(struct text_table *table, const struct value *project)
{
    char numbers[2][24];
    const char *words[] = {rest_text(project, "project"),
                           setting(project, "retention", "executions", numbers[0]),
                           setting(project, "quotas", "running_executions", numbers[1]),
                           setting(project, "quotas", "on_limit", numbers[0])};

    text_table_add(table, words);
}

static const char *const headings[] = {"PROJECT", "KEEPS", "RUNNING", "BEYOND", NULL};

/* Asks and prints one project. */
static int ask(struct rest *rest, const struct rest_request *request)
{
    struct value answer = {0};
    struct text_table table;
    int status = rest_ask(rest, request, &answer);

    if (status != 0) {
        return status;
    }
    if (!cli_is_table(rest->cli)) {
        cli_show(rest->cli, &answer);
        return 0;
    }
    text_table_init(&table, &rest->cli->arena, headings);
    print_row(&table, &answer);
    text_table_print(&table, stdout);
    return 0;
}

/* Reads --running; 0: none is given. */
static int running_read(const struct command_line *words, long *ret_running)
{
    const char *text = command_line_value(words, "running");
    char *end = NULL;

    *ret_running = text == NULL ? 0 : strtol(text, &end, 10);
    if (text != NULL && (end == text || *end != '\0' || *ret_running < 1)) {
        return cli_fail(EXIT_STATUS_USAGE, "--running %s: give a number of executions, from 1 on",
                        text);
    }
    return 0;
}

static void settings_write(const struct command_line *words, long running, struct buffer *body)
{
    const char *keep = command_line_value(words, "keep");
    bool rejects = command_line_is_set(words, "reject");
    struct json_writer w = {.buffer = body};

    json_begin_map(&w);
    if (keep != NULL) {
        json_key(&w, "retention");
        json_begin_map(&w);
        json_key(&w, "executions");
        json_put_text(&w, keep);
        json_end_map(&w);
    }
    if (running > 0 || rejects) {
        json_key(&w, "quotas");
        json_begin_map(&w);
        if (running > 0) {
            json_key(&w, "running_executions");
            json_put_int(&w, running);
        }
        if (rejects) {
            json_key(&w, "on_limit");
            json_put_text(&w, "reject");
        }
        json_end_map(&w);
    }
    json_end_map(&w);
}

static int put(struct rest *rest)
{
    struct rest_path path;
    struct buffer body;
    long running = 0;
    int status = running_read(rest->cli->call->line, &running);

    if (status != 0) {
        return status;
    }
    path_of(rest, &path);
    buffer_init(&body, rest->cli->allocator, 0);
    settings_write(rest->cli->call->line, running, &body);
    status =
        ask(rest,
            &(struct rest_request){.method = "PUT", .path = path.text, .body = buffer_span(&body)});
    buffer_release(&body);
    return status;
}

static int show(struct rest *rest)
{
    struct rest_path path;

    path_of(rest, &path);
    return ask(rest, &(struct rest_request){.path = path.text});
}

static int drop(struct rest *rest)
{
    struct rest_path path;
    struct value answer = {0};

    path_of(rest, &path);
    return rest_ask(rest, &(struct rest_request){.method = "DELETE", .path = path.text}, &answer);
}

static int list(struct rest *rest)
{
    struct value answer = {0};
    struct text_table table;
    int status = rest_ask(rest, &(struct rest_request){.path = "/v1/projects"}, &answer);

    if (status != 0 || !cli_is_table(rest->cli)) {
        if (status == 0) {
            cli_show(rest->cli, &answer);
        }
        return status;
    }
    const struct value *projects = value_get(&answer, span_of("projects"));

    text_table_init(&table, &rest->cli->arena, headings);
    for (uint32_t i = 0; projects != NULL && projects->kind == VALUE_LIST && i < projects->count;
         i++) {
        print_row(&table, &projects->items[i]);
    }
    text_table_print(&table, stdout);
    return 0;
}

static int run_put(const struct command_call *call)
{
    return rest_run(call, put);
}

static int run_show(const struct command_call *call)
{
    return rest_run(call, show);
}

static int run_delete(const struct command_call *call)
{
    return rest_run(call, drop);
}

static int run_list(const struct command_call *call)
{
    return rest_run(call, list);
}

static const struct flag put_flags[] = {
    {"keep", 0, "DURATION", "how long ended executions are kept, at least 1m; 0s: for ever", false},
    {"running", 0, "N", "how many executions may run at once; others wait", false},
    {"reject", 0, NULL, "beyond --running they fail at once, where they would wait", false},
};

#define EXIT_HELP "Exit status: " CLI_EXIT_HELP_REQUEST "\n"
#define ROW(args, least, most, function)                                                           \
    .arguments = (args), .role = ROLE_CLIENT, .positionals_least = (least),                        \
    .positionals_most = (most), .run = (function)

/* clang-format off */
const struct command command_project_put = {
    .name = "project put", .summary = "say how long a project is kept and how much of it may run at once",
    .details = "What no flag says is not bounded, and kept as the scheduler's settings say: each put replaces all.\n"
               "For example:\n"
               "  exosphere project put research --keep 2160h --running 20\n"
               "Schedulers heed it within 5 seconds, for executions that come from then on.\n" EXIT_HELP,
    .flags = put_flags, .flag_count = sizeof(put_flags) / sizeof(put_flags[0]), ROW("PROJECT", 1, 1, run_put)};
const struct command command_project_show = {
    .name = "project show", .summary = "show what was said of a project",
    .details = EXIT_HELP, ROW("PROJECT", 1, 1, run_show)};
const struct command command_project_list = {
    .name = "project list", .summary = "list the projects of which something was said",
    .details = EXIT_HELP, ROW("", 0, 0, run_list)};
const struct command command_project_delete = {
    .name = "project delete", .summary = "take back what was said of a project",
    .details = "Nothing of the project itself is deleted.\n" EXIT_HELP, ROW("PROJECT", 1, 1, run_delete)};
/* clang-format on */
