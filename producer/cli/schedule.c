/* schedule next: when an expression of cron would be due. Asks no server. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "infra/zoneinfo/zoneinfo.h"
#include "producer/cli/cli.h"
#include "producer/cli/commands.h"
#include "producer/cli/text_table.h"
#include "schemas/cron/cron.h"
#include "schemas/vocab/calendar.h"
#include "schemas/vocab/timestamp.h"

enum { FIRES_DEFAULT = 10, FIRES_MAX = 10000, LOCAL_BYTES = 64, DAY_S = 86400 };

struct question {
    const char *cron_text;
    const char *zone_name;
    struct cron cron;
    const struct zone *zone;
    exo_time from_ns;
    uint32_t count;
};

/* One fire as it is shown; texts in the arena. */
struct shown_fire {
    const char *time;
    const char *local;
    const char *abbreviation;
    bool is_moved;
};

static int read_count(const struct cli *cli, uint32_t *ret_count)
{
    const char *text = command_line_value(cli->call->line, "count");
    char *end = NULL;

    *ret_count = FIRES_DEFAULT;
    if (text == NULL) {
        return 0;
    }
    errno = 0;
    long count = strtol(text, &end, 10);

    if (errno != 0 || end == text || *end != '\0' || count < 1 || count > FIRES_MAX) {
        return cli_fail(EXIT_STATUS_USAGE, "-n %s: give a number from 1 to %d", text,
                        (int)FIRES_MAX);
    }
    *ret_count = (uint32_t)count;
    return 0;
}

static int read_from(const struct cli *cli, exo_time *ret_ns)
{
    const char *text = command_line_value(cli->call->line, "from");

    if (text == NULL) {
        struct timespec now;

        (void)clock_gettime(CLOCK_REALTIME, &now); /* that clock is always there */
        *ret_ns = now.tv_sec * EXO_SECOND + now.tv_nsec;
        return 0;
    }
    if (!timestamp_parse(span_of(text), ret_ns)) {
        return cli_fail(CLI_EXIT_DATA,
                        "--from %s: write a time such as 2026-03-28T12:00:00Z or "
                        "2026-03-28T13:00:00+01:00, from 1970 on",
                        text);
    }
    return 0;
}

static int read_cron(struct question *question)
{
    const char *text = question->cron_text;
    struct cron_error error;

    if (cron_parse(span_of(text), &question->cron, &error) == 0) {
        return 0;
    }
    (void)cli_fail(CLI_EXIT_DATA, "column %u: %s%s%s", error.column, error.text,
                   error.hint[0] == '\0' ? "" : "; ", error.hint);
    if (strpbrk(text, "\n\t") == NULL) {
        (void)fprintf(stderr, "  %s\n  %*s\n", text, (int)error.column, "^");
    }
    return CLI_EXIT_DATA;
}

static int read_question(struct cli *cli, struct question *question)
{
    const char *zone = command_line_value(cli->call->line, "tz");
    struct exo_error err;
    int status;

    *question = (struct question){.cron_text = cli->call->line->positionals[0],
                                  .zone_name = zone == NULL ? "UTC" : zone};
    if ((status = read_count(cli, &question->count)) != 0 ||
        (status = read_from(cli, &question->from_ns)) != 0 || (status = read_cron(question)) != 0) {
        return status;
    }
    if (zoneinfo_read(span_of(question->zone_name), &cli->arena, &question->zone, &err) != 0) {
        return cli_fail_error(&err);
    }
    return 0;
}

/* Such as 2026-03-29T03:00:00+02:00; with seconds where an old zone's offset has some. */
static void format_local(int64_t unix_s, int32_t offset_s, char ret_text[LOCAL_BYTES])
{
    int64_t local_s = unix_s + offset_s;
    int64_t day = floor_div(local_s, DAY_S);
    int rest = (int)(local_s - day * DAY_S);
    struct date date = date_of_day(day);
    int off = offset_s < 0 ? -offset_s : offset_s;
    int used = snprintf(ret_text, LOCAL_BYTES, "%04d-%02d-%02dT%02d:%02d:%02d%c%02d:%02d",
                        (int)date.year, date.month, date.day, rest / 3600, rest / 60 % 60,
                        rest % 60, offset_s < 0 ? '-' : '+', off / 3600, off / 60 % 60);

    if (off % 60 != 0) {
        (void)snprintf(ret_text + used, LOCAL_BYTES - (size_t)used, ":%02d", off % 60);
    }
}

static bool show_fire(struct cli *cli, const struct zone *zone, const struct cron_fire *fire,
                      struct shown_fire *shown)
{
    int64_t unix_s = fire->at_ns / EXO_SECOND;
    struct zone_period period = zone_period_at(zone, unix_s);
    char local[LOCAL_BYTES];
    char time[TIMESTAMP_TEXT_BYTES];

    timestamp_format(unix_s * 1000, time);
    format_local(unix_s, period.offset_s, local);
    *shown = (struct shown_fire){.time = arena_copy(&cli->arena, span_of(time)).data,
                                 .local = arena_copy(&cli->arena, span_of(local)).data,
                                 .abbreviation = period.name,
                                 .is_moved = fire->is_moved};
    return shown->time != NULL && shown->local != NULL;
}

static void print_table(struct cli *cli, const struct shown_fire *fires, uint32_t count)
{
    static const char *const headings[] = {"TIME", "LOCAL", "ZONE", "NOTE", NULL};
    struct text_table table;

    text_table_init(&table, &cli->arena, headings);
    for (uint32_t i = 0; i < count; i++) {
        const char *words[] = {fires[i].time, fires[i].local, fires[i].abbreviation,
                               fires[i].is_moved ? "its time is skipped, due at the change" : ""};

        text_table_add(&table, words);
    }
    text_table_print(&table, stdout);
}

static struct value_member member(const char *key, struct value value)
{
    return (struct value_member){value_string(span_of(key)), value};
}

static struct value text_value(const char *text)
{
    return value_string(span_of(text));
}

static int print_value(struct cli *cli, const struct question *question,
                       const struct shown_fire *fires, uint32_t count)
{
    enum { MEMBERS = 4 };
    struct value *items = arena_alloc(&cli->arena, count * sizeof(*items));
    struct value_member *members = arena_alloc(&cli->arena, count * MEMBERS * sizeof(*members));

    if (items == NULL || members == NULL) {
        return cli_fail(CLI_EXIT_INTERNAL, "no memory");
    }
    for (uint32_t i = 0; i < count; i++) {
        struct value_member *own = members + (size_t)i * MEMBERS;

        own[0] = member("time", text_value(fires[i].time));
        own[1] = member("local", text_value(fires[i].local));
        own[2] = member("zone", text_value(fires[i].abbreviation));
        own[3] = member("moved", value_bool(fires[i].is_moved));
        items[i] = (struct value){.kind = VALUE_MAP, .count = MEMBERS, .members = own};
    }
    const struct value_member whole[] = {
        member("cron", text_value(question->cron_text)),
        member("tz", text_value(question->zone_name)),
        member("fires", (struct value){.kind = VALUE_LIST, .count = count, .items = items}),
    };

    cli_show(cli, &(struct value){.kind = VALUE_MAP, .count = 3, .members = whole});
    return 0;
}

static int next(struct cli *cli)
{
    struct question question;
    int status = read_question(cli, &question);

    if (status != 0) {
        return status;
    }
    struct shown_fire *fires = arena_alloc(&cli->arena, question.count * sizeof(*fires));
    struct cron_fire fire = {.at_ns = question.from_ns};
    uint32_t count = 0;

    while (fires != NULL && count < question.count &&
           cron_next(&question.cron, question.zone, fire.at_ns, &fire)) {
        if (!show_fire(cli, question.zone, &fire, &fires[count++])) {
            fires = NULL;
        }
    }
    if (fires == NULL) {
        return cli_fail(CLI_EXIT_INTERNAL, "no memory");
    }
    if (!cli_is_table(cli)) {
        return print_value(cli, &question, fires, count);
    }
    print_table(cli, fires, count);
    return 0;
}

static int run(const struct command_call *call)
{
    struct cli cli;

    cli_init(&cli, call);
    int status = next(&cli);

    cli_release(&cli);
    return status;
}

static const struct flag flags[] = {
    {"tz", 'z', "ZONE", "time zone such as Europe/Berlin; UTC where none is given", false},
    {"from", 'f', "TIME", "first time after which to look, RFC 3339; now where none is given",
     false},
    {"count", 'n', "N", "how many, 10 where none is given", false},
};

const struct command command_schedule_next = {
    .name = "schedule next",
    .arguments = "CRON",
    .summary = "print when an expression of cron would be due",
    .details =
        "CRON is five fields (minute, hour, day of the month, month, day of the week), or\n"
        "@hourly, @daily, @weekly, @monthly, @yearly; docs/schedules.md. For example:\n"
        "  exosphere schedule next '30 2 * * mon-fri' --tz Europe/Berlin -n 3\n"
        "Asks no server. Exit status 65 when the expression, the zone or the time is wrong,\n"
        "69 where no time zones are installed.\n",
    .role = ROLE_CLIENT,
    .flags = flags,
    .flag_count = sizeof(flags) / sizeof(flags[0]),
    .positionals_least = 1,
    .positionals_most = 1,
    .run = run,
};
