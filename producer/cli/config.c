/* config: every setting with its meaning, or what a role would run with and why. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "producer/cli/cli.h"
#include "producer/cli/commands.h"

static const struct {
    const char *name;
    enum role role;
} roles[] = {
    {"api", ROLE_API}, {"scheduler", ROLE_SCHEDULER}, {"worker", ROLE_WORKER},
    {"dev", ROLE_DEV}, {"client", ROLE_CLIENT},       {"admin", ROLE_ADMIN},
};

enum { FIELDS_MAX = 5 };

/* A list of maps, as far as they are filled; the names of fields are static. */
struct listing {
    struct value *items;
    uint32_t count;
};

static void listing_begin(struct cli *cli, struct listing *ret)
{
    *ret = (struct listing){arena_alloc(&cli->arena, SETTING_NR * sizeof(struct value)), 0};
    if (ret->items == NULL) {
        abort();
    }
}

/* Names and texts in turn, NULL at their end. */
static void listing_add(struct cli *cli, struct listing *listing, const char *const *texts)
{
    struct value_member *members = arena_alloc(&cli->arena, FIELDS_MAX * sizeof(*members));
    uint32_t count = 0;

    if (members == NULL) {
        abort();
    }
    for (; texts[0] != NULL; texts += 2) {
        members[count++] =
            (struct value_member){value_string(span_of(texts[0])), value_string(span_of(texts[1]))};
    }
    listing->items[listing->count++] =
        (struct value){.kind = VALUE_MAP, .count = count, .members = members};
}

static void listing_show(struct cli *cli, const struct listing *listing)
{
    const struct value_member member = {
        value_string(span_of("settings")),
        {.kind = VALUE_LIST, .count = listing->count, .items = listing->items}};
    const struct value all = {.kind = VALUE_MAP, .count = 1, .members = &member};

    cli_show(cli, &all);
}

static void show_values(struct cli *cli, const struct settings_set *set)
{
    struct listing listing;

    listing_begin(cli, &listing);
    for (int i = 0; i < SETTING_NR; i++) {
        const struct setting_row *row = setting_row(i);

        if ((row->roles & set->values.role) != 0) {
            listing_add(cli, &listing,
                        (const char *const[]){"name", row->name, "value", settings_shown(set, i),
                                              "from", set->said[i].place, NULL});
        }
    }
    listing_show(cli, &listing);
}

static void show_reference(struct cli *cli)
{
    struct listing listing;

    listing_begin(cli, &listing);
    for (int i = 0; i < SETTING_NR; i++) {
        const struct setting_row *row = setting_row(i);
        const char *dev = row->dev_default_text;

        listing_add(cli, &listing,
                    (const char *const[]){"name", row->name, "unit", row->unit, "default",
                                          row->default_text, "default_of_dev",
                                          dev == NULL ? row->default_text : dev, "meaning",
                                          row->meaning, NULL});
    }
    listing_show(cli, &listing);
}

static int print_values(struct cli *cli, enum role role)
{
    struct settings_set set = {0};
    const char *const *variables = NULL;

    memcpy(&variables, &environ, sizeof(variables)); /* only more const */
    struct settings_sources sources = {.role = role,
                                       .environment = variables,
                                       .config_flag = command_line_value(cli->call->line, "file")};
    int status = EXIT_STATUS_CONFIG;

    if (settings_load(&set, &sources, &cli->faults) == 0) {
        if (cli_is_table(cli)) {
            settings_print(&set, stdout);
        } else {
            show_values(cli, &set);
        }
        status = EXIT_STATUS_DONE;
    } else {
        command_faults_print(&cli->faults, stderr);
    }
    settings_release(&set);
    return status;
}

static int print_of_role(struct cli *cli, const char *name)
{
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
        if (strcmp(roles[i].name, name) == 0) {
            return print_values(cli, roles[i].role);
        }
    }
    return cli_fail(EXIT_STATUS_USAGE,
                    "no role `%s`; give api, scheduler, worker, dev, client or admin", name);
}

static int run(const struct command_call *call)
{
    const char *name = call->line->positional_count == 0 ? NULL : call->line->positionals[0];
    struct cli cli;

    cli_init(&cli, call);
    int status = cli_form_check(&cli);

    if (status == 0 && name != NULL) {
        status = print_of_role(&cli, name);
    } else if (status == 0 && cli_is_table(&cli)) {
        settings_reference_print(ROLE_ANY, stdout);
    } else if (status == 0) {
        show_reference(&cli);
    }
    cli_release(&cli);
    return status;
}

static const struct flag flags[] = {
    {"file", 0, "FILE", "the settings' YAML file; also EXOSPHERE_CONFIG", false},
    CLI_FORM_FLAG,
};

const struct command command_config = {
    .name = "config",
    .arguments = "[ROLE]",
    .summary = "list all settings, or those a role would run with",
    .details = "Without ROLE: every setting, its default and its meaning. With ROLE (api,\n"
               "scheduler, worker, dev, client, admin): each value and where it comes from;\n"
               "secrets are hidden. `exosphere COMMAND --print-config` does the same for flags.\n",
    .flags = flags,
    .flag_count = sizeof(flags) / sizeof(flags[0]),
    .positionals_most = 1,
    .run = run,
};
