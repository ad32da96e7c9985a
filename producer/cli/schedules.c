/* schedule put, list, show, delete, pause, resume, trigger, backfill: schedules over REST. */
#include <stdlib.h>
#include <string.h>

#include "producer/cli/commands.h"
#include "producer/cli/rest.h"
#include "producer/cli/schedule_cluster.h"
#include "producer/cli/schedule_file.h"
#include "producer/cli/text_table.h"
#include "schemas/cluster/uses.h"
#include "schemas/json/json_write.h"

enum { NAME_TEXT_BYTES = 160, NUMBER_TEXT_BYTES = 24 };

/* ---- paths ---- */

static void path_of(struct rest_path *path, struct span project, struct span name)
{
    char text[NAME_TEXT_BYTES];

    (void)snprintf(text, sizeof(text), "/v1/schedules/%.*s/%.*s", SPAN_ARG(project),
                   SPAN_ARG(name));
    rest_path_begin(path, text);
}

/* PROJECT/NAME, or NAME with a project that is said. */
static int named_path(struct rest *rest, struct rest_path *path)
{
    const struct command_call *call = rest->cli->call;
    const char *word = call->line->positionals[0];
    struct span project = settings_is_said(call->set, "project") ? span_of(call->settings->project)
                                                                 : (struct span){NULL, 0};
    struct version_reference reference;
    const char *wrong =
        version_reference_parse(VERSION_CLUSTER, span_of(word), project, &reference);

    if (wrong != NULL || reference.number > 0) {
        return cli_fail(CLI_EXIT_DATA, "%s: %s", word,
                        wrong == NULL ? "a schedule is named without a version" : wrong);
    }
    path_of(path, reference.project, reference.name);
    return 0;
}

/* ---- what is printed ---- */

static const struct value *items_of(const struct value *map, const char *key)
{
    static const struct value none = {.kind = VALUE_LIST};
    const struct value *found = value_get(map, span_of(key));

    return found == NULL || found->kind != VALUE_LIST ? &none : found;
}

static void name_of(const struct value *schedule, char ret_text[NAME_TEXT_BYTES])
{
    (void)snprintf(ret_text, NAME_TEXT_BYTES, "%s/%s", rest_text(schedule, "project"),
                   rest_text(schedule, "name"));
}

static const char *first_next(const struct value *schedule)
{
    const struct value *next = items_of(schedule, "next");

    return next->count == 0 ? "" : next->items[0].text;
}

static void print_line(const struct value *schedule)
{
    char name[NAME_TEXT_BYTES];

    name_of(schedule, name);
    (void)printf("%s %s\n", name, rest_text(schedule, "state"));
}

static void print_fires(struct cli *cli, const struct value *schedule)
{
    static const char *const headings[] = {"TIME", "REASON", "EXECUTION", "ENDED", "STATE", NULL};
    const struct value *fires = items_of(schedule, "fires");
    struct text_table table;

    text_table_init(&table, &cli->arena, headings);
    for (uint32_t i = 0; i < fires->count; i++) {
        const struct value *ended = value_get(&fires->items[i], span_of("has_ended"));
        const char *words[] = {
            rest_text(&fires->items[i], "time"), rest_text(&fires->items[i], "reason"),
            rest_text(&fires->items[i], "execution"),
            ended != NULL && ended->kind == VALUE_BOOL && ended->boolean ? "yes" : "no",
            rest_text(&fires->items[i], "state")};

        text_table_add(&table, words);
    }
    text_table_print(&table, stdout);
}

static void print_left_out(struct cli *cli, const struct value *schedule)
{
    static const char *const headings[] = {"LEFT OUT", "UNTIL", "REASON", NULL};
    const struct value *times = items_of(schedule, "left_out");
    struct text_table table;

    if (times->count == 0) {
        return;
    }
    text_table_init(&table, &cli->arena, headings);
    for (uint32_t i = 0; i < times->count; i++) {
        const struct value *one = &times->items[i];
        const char *words[] = {rest_text(one, "time"), rest_text(one, "until"),
                               rest_text(one, "reason")};

        text_table_add(&table, words);
    }
    (void)putchar('\n');
    text_table_print(&table, stdout);
}

static void print_one(struct cli *cli, const struct value *schedule)
{
    const struct value *next = items_of(schedule, "next");
    const struct value *backfill = value_get(schedule, span_of("backfill"));

    print_line(schedule);
    (void)printf(
        "version %lld, %lld running, %lld waiting\n", (long long)rest_number(schedule, "version"),
        (long long)rest_number(schedule, "running"), (long long)rest_number(schedule, "waiting"));
    if (backfill != NULL && backfill->kind == VALUE_MAP) {
        (void)printf("backfill done until %s, to %s\n", rest_text(backfill, "done_until"),
                     rest_text(backfill, "to"));
    }
    for (uint32_t i = 0; i < next->count; i++) {
        (void)printf("next %s\n", next->items[i].text);
    }
    (void)putchar('\n');
    print_fires(cli, schedule);
    print_left_out(cli, schedule);
}

/* Asks and prints a line of the schedule. */
static int ask(struct rest *rest, const struct rest_request *request)
{
    struct value answer = {0};
    int status = rest_ask(rest, request, &answer);

    if (status != 0) {
        return status;
    }
    if (!cli_is_table(rest->cli)) {
        cli_show(rest->cli, &answer);
    } else if (rest_text(&answer, "execution")[0] != '\0') {
        (void)puts(rest_text(&answer, "execution"));
    } else if (rest_text(&answer, "command")[0] != '\0') {
        (void)puts("taken; its shard is behind and will carry it out");
    } else {
        print_line(&answer);
    }
    return 0;
}

/* ---- put ---- */

static int put(struct rest *rest)
{
    struct cli *cli = rest->cli;
    const struct schedule *schedule = NULL;
    struct value root;
    struct rest_path path;
    struct buffer body;
    const char *file = cli->call->line->positionals[0];
    int status = schedule_file_read(cli, file, &root, &schedule);

    if (status != 0) {
        return status;
    }
    path_of(&path, schedule->project, schedule->name);
    buffer_init(&body, cli->allocator, 0);
    json_write(&body, value_get(&root, span_of("schedule")));
    status =
        ask(rest,
            &(struct rest_request){.method = "PUT", .path = path.text, .body = buffer_span(&body)});
    buffer_release(&body);
    if (status == 0) {
        schedule_cluster_warn(rest, file, schedule);
    }
    return status;
}

static int run_put(const struct command_call *call)
{
    return rest_run(call, put);
}

/* ---- list, show, delete ---- */

static int list(struct rest *rest)
{
    static const char *const headings[] = {"SCHEDULE", "STATE", "NEXT", "RUNNING", NULL};
    struct cli *cli = rest->cli;
    const struct command_line *words = cli->call->line;
    struct rest_path path;
    struct value answer = {0};
    struct text_table table;

    rest_path_begin(&path, "/v1/schedules");
    if (settings_is_said(cli->call->set, "project")) {
        rest_path_query(&path, "project", cli->call->settings->project);
    }
    rest_path_query(&path, "limit", command_line_value(words, "limit"));
    rest_path_query(&path, "cursor", command_line_value(words, "cursor"));
    int status = rest_ask(rest, &(struct rest_request){.path = path.text}, &answer);

    if (status != 0) {
        return status;
    }
    if (!cli_is_table(cli)) {
        cli_show(cli, &answer);
        return 0;
    }
    const struct value *schedules = items_of(&answer, "schedules");

    text_table_init(&table, &cli->arena, headings);
    for (uint32_t i = 0; i < schedules->count; i++) {
        const struct value *one = &schedules->items[i];
        char name[NAME_TEXT_BYTES];
        char running[NUMBER_TEXT_BYTES];
        const char *cells[] = {name, rest_text(one, "state"), first_next(one), running};

        name_of(one, name);
        (void)snprintf(running, sizeof(running), "%lld", (long long)rest_number(one, "running"));
        text_table_add(&table, cells);
    }
    text_table_print(&table, stdout);
    if (rest_text(&answer, "next_cursor")[0] != '\0') {
        (void)fprintf(stderr, "there are more: --cursor %s\n", rest_text(&answer, "next_cursor"));
    }
    return 0;
}

static int run_list(const struct command_call *call)
{
    return rest_run(call, list);
}

static int show(struct rest *rest)
{
    struct rest_path path;
    struct value answer = {0};
    int status = named_path(rest, &path);

    status =
        status == 0 ? rest_ask(rest, &(struct rest_request){.path = path.text}, &answer) : status;
    if (status == 0 && cli_is_table(rest->cli)) {
        print_one(rest->cli, &answer);
    } else if (status == 0) {
        cli_show(rest->cli, &answer);
    }
    return status;
}

static int run_show(const struct command_call *call)
{
    return rest_run(call, show);
}

static int drop(struct rest *rest)
{
    struct rest_path path;
    struct value answer = {0};
    int status = named_path(rest, &path);

    return status == 0
               ? rest_ask(rest, &(struct rest_request){.method = "DELETE", .path = path.text},
                          &answer)
               : status;
}

static int run_delete(const struct command_call *call)
{
    return rest_run(call, drop);
}

/* ---- pause, resume, trigger, backfill ---- */

/* The last word of the command is that of the path. */
static int act(struct rest *rest)
{
    struct rest_path path;
    int status = named_path(rest, &path);

    rest_path_add(&path, "/");
    rest_path_add(&path, strchr(rest->cli->call->command->name, ' ') + 1);
    const struct rest_request request = {
        .method = "POST",
        .path = path.text,
        .idempotency_key = command_line_value(rest->cli->call->line, "idempotency-key"),
    };

    return status == 0 ? ask(rest, &request) : status;
}

static int run_act(const struct command_call *call)
{
    return rest_run(call, act);
}

/* Reads --parallel; 0: none is given. */
static int parallel_read(const struct command_line *words, long *ret_parallel)
{
    const char *text = command_line_value(words, "parallel");
    char *end = NULL;

    *ret_parallel = text == NULL ? 0 : strtol(text, &end, 10);
    if (text != NULL && (end == text || *end != '\0' || *ret_parallel < 1)) {
        return cli_fail(EXIT_STATUS_USAGE, "--parallel %s: give a number from 1 to 100", text);
    }
    return 0;
}

static void range_write(const struct command_line *words, long parallel, struct buffer *body)
{
    struct json_writer w = {.buffer = body};

    json_begin_map(&w);
    json_key(&w, "from");
    json_put_text(&w, words->positionals[1]);
    json_key(&w, "to");
    json_put_text(&w, words->positionals[2]);
    if (parallel > 0) {
        json_key(&w, "parallel");
        json_put_int(&w, parallel);
    }
    json_end_map(&w);
}

static int backfill(struct rest *rest)
{
    const struct command_line *words = rest->cli->call->line;
    bool is_stop = command_line_is_set(words, "stop");
    long parallel = 0;
    struct rest_path path;
    struct buffer body;
    int status = named_path(rest, &path);

    if (status == 0 && words->positional_count != (is_stop ? 1 : 3)) {
        status = cli_fail(EXIT_STATUS_USAGE, "give FROM and TO, or --stop");
    }
    status = status == 0 ? parallel_read(words, &parallel) : status;
    if (status != 0) {
        return status;
    }
    rest_path_add(&path, "/backfill");
    buffer_init(&body, rest->cli->allocator, 0);
    if (!is_stop) {
        range_write(words, parallel, &body);
    }
    status = ask(rest, &(struct rest_request){.method = is_stop ? "DELETE" : "POST",
                                              .path = path.text,
                                              .body = buffer_span(&body)});
    buffer_release(&body);
    return status;
}

static int run_backfill(const struct command_call *call)
{
    return rest_run(call, backfill);
}

/* ---- the rows ---- */

static const struct flag list_flags[] = {
    {"limit", 'n', "N", "how many, 1 to 1000", false},
    {"cursor", 0, "CURSOR", "go on behind the page before", false},
};
static const struct flag trigger_flags[] = {
    {"idempotency-key", 'k', "KEY", "the same trigger again with the same key starts nothing new",
     false},
};
static const struct flag backfill_flags[] = {
    {"parallel", 0, "N", "how many at once, with overlap: allow; 1 where none is given", false},
    {"stop", 0, NULL, "start no more of the backfill under way; takes no times", false},
};

#define EXIT_HELP "Exit status: " CLI_EXIT_HELP_REQUEST "\n"
#define ROW(args, least, most, function)                                                           \
    .arguments = (args), .role = ROLE_CLIENT, .positionals_least = (least),                        \
    .positionals_most = (most), .run = (function)

/* clang-format off */
const struct command command_schedule_put = {
    .name = "schedule put", .summary = "make a schedule of a file, or change it",
    .details = "docs/schedules.md says what a file holds. A changed rule is due from now on; `paused` counts\n"
               "as the file says it. Warns of a stored cluster that is not there, and of an input that does\n"
               "not fit it.\n" EXIT_HELP,
    ROW("FILE", 1, 1, run_put)};
const struct command command_schedule_list = {
    .name = "schedule list", .summary = "list schedules and when they are due next",
    .details = "Of one project with --project.\n" EXIT_HELP,
    .flags = list_flags, .flag_count = sizeof(list_flags) / sizeof(list_flags[0]), ROW("", 0, 0, run_list)};
const struct command command_schedule_show = {
    .name = "schedule show", .summary = "show a schedule, its next times and what it started last",
    .details = "Also the times that it left out, and why: missed, overlap, full or replaced\n"
               "(docs/schedules.md).\n" EXIT_HELP,
    ROW("PROJECT/NAME", 1, 1, run_show)};
const struct command command_schedule_delete = {
    .name = "schedule delete", .summary = "delete a schedule",
    .details = "What runs goes on.\n" EXIT_HELP, ROW("PROJECT/NAME", 1, 1, run_delete)};
const struct command command_schedule_pause = {
    .name = "schedule pause", .summary = "let a schedule start nothing",
    .details = "What runs goes on; times that pass meanwhile are not made up for.\n" EXIT_HELP,
    ROW("PROJECT/NAME", 1, 1, run_act)};
const struct command command_schedule_resume = {
    .name = "schedule resume", .summary = "let a paused schedule go on from now",
    .details = EXIT_HELP, ROW("PROJECT/NAME", 1, 1, run_act)};
const struct command command_schedule_trigger = {
    .name = "schedule trigger", .summary = "start one execution of a schedule now",
    .details = "Also of a paused one, but none beside another where its overlap does not allow it. Prints the\n"
               "execution's id.\n" EXIT_HELP,
    .flags = trigger_flags, .flag_count = sizeof(trigger_flags) / sizeof(trigger_flags[0]),
    ROW("PROJECT/NAME", 1, 1, run_act)};
const struct command command_schedule_backfill = {
    .name = "schedule backfill", .summary = "run the times of a range in the past",
    .details = "FROM and TO are RFC 3339, both included; the oldest first. For example:\n"
               "  exosphere schedule backfill research/nightly 2026-11-01 2026-11-03T23:59:59Z\n"
               "A time that has been run is not run again.\n" EXIT_HELP,
    .flags = backfill_flags, .flag_count = sizeof(backfill_flags) / sizeof(backfill_flags[0]),
    ROW("PROJECT/NAME [FROM TO]", 1, 3, run_backfill)};
/* clang-format on */
