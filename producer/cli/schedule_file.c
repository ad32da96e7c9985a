/* schedule validate: every fault of a schedule file at once, and when it would be due. Asks no
 * server. */
#include "producer/cli/schedule_file.h"

#include <string.h>
#include <time.h>

#include "infra/zoneinfo/zoneinfo.h"
#include "producer/cli/commands.h"
#include "schemas/json/json_read.h"
#include "schemas/vocab/timestamp.h"

enum { FIRES_SHOWN = 3 };

static bool is_zone(void *context, struct span name)
{
    struct cli *cli = context;
    const struct zone *zone;
    struct exo_error err;

    return zoneinfo_read(name, &cli->arena, &zone, &err) == 0;
}

static void print_fires(struct cli *cli, const struct schedule *schedule)
{
    const struct zone *zone;
    struct exo_error err;
    struct timespec now;
    struct cron_fire fire;

    (void)clock_gettime(CLOCK_REALTIME, &now); /* that clock is always there */
    fire.at_ns = now.tv_sec * EXO_SECOND;
    fire.at_ns = fire.at_ns < schedule->start_ns ? schedule->start_ns - 1 : fire.at_ns;
    if (zoneinfo_read(schedule->tz, &cli->arena, &zone, &err) != 0) {
        return; /* it has just been read */
    }
    int shown = 0;

    for (; shown < FIRES_SHOWN && cron_next(&schedule->cron, zone, fire.at_ns, &fire) &&
           fire.at_ns < schedule->end_ns;
         shown++) {
        char text[TIMESTAMP_TEXT_BYTES];

        timestamp_format(fire.at_ns / EXO_MILLISECOND, text);
        (void)printf("due %s\n", text);
    }
    if (shown == 0) {
        (void)puts("never due again: it ends before its next time");
    }
}

static int show_canonical(struct cli *cli, const struct schedule *schedule)
{
    struct buffer text;
    struct value value;
    struct json_error error;

    buffer_init(&text, cli->allocator, 0);
    schedule_canonical(schedule, &text);
    bool is_read = json_read(buffer_span(&text), NULL, &cli->arena, &value, &error) == JSON_OK;

    if (is_read) {
        cli_show(cli, &value);
    }
    buffer_release(&text);
    return is_read ? 0 : cli_fail(CLI_EXIT_INTERNAL, "%s", error.text);
}

static bool holds_project(const struct value *root)
{
    const struct value *inner = value_get(root, span_of("schedule"));
    const struct value *name = inner == NULL ? NULL : value_get(inner, span_of("name"));

    return name != NULL && name->kind == VALUE_STRING &&
           memchr(name->text, '/', name->count) != NULL;
}

int schedule_file_read(struct cli *cli, const char *path, struct value *ret_root,
                       const struct schedule **ret_schedule)
{
    int status = cli_read_value(cli, path, ret_root);

    if (status != 0) {
        return status;
    }
    /* Without a word of the person's the file's own project counts. */
    bool is_ours = settings_is_said(cli->call->set, "project") || !holds_project(ret_root);
    const struct schedule_source source = {
        .root = ret_root,
        .default_project = is_ours ? cli->call->settings->project : NULL,
        .is_zone = is_zone,
        .context = cli,
    };
    int result = schedule_parse(&source, &cli->arena, ret_schedule, &cli->faults);

    cli_faults_tell(&cli->faults, path, stderr);
    return result == 0 ? 0 : CLI_EXIT_DATA;
}

static int validate(struct cli *cli)
{
    struct value root;
    const struct schedule *schedule = NULL;
    int status = schedule_file_read(cli, cli->call->line->positionals[0], &root, &schedule);

    if (status != 0) {
        return status;
    }
    if (!cli_is_table(cli)) {
        return show_canonical(cli, schedule);
    }
    (void)printf("%.*s/%.*s is valid\n", SPAN_ARG(schedule->project), SPAN_ARG(schedule->name));
    print_fires(cli, schedule);
    return 0;
}

static int run(const struct command_call *call)
{
    struct cli cli;

    cli_init(&cli, call);
    int status = validate(&cli);

    cli_release(&cli);
    return status;
}

const struct command command_schedule_validate = {
    .name = "schedule validate",
    .arguments = "FILE",
    .summary = "tell every fault of a schedule file, and when it is due next",
    .details =
        "A YAML or JSON file, - for standard input; docs/schedules.md. With -o json or yaml its\n"
        "canonical form. Asks no server. Exit status 65 when the file is wrong, 66 when there\n"
        "is none.\n",
    .role = ROLE_CLIENT,
    .positionals_least = 1,
    .positionals_most = 1,
    .run = run,
};
