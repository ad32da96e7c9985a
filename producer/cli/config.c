/* config: every setting with its meaning, or what a role would run with and why. */
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
        settings_print(&set, stdout);
        status = EXIT_STATUS_DONE;
    } else {
        command_faults_print(&cli->faults, stderr);
    }
    settings_release(&set);
    return status;
}

static int run(const struct command_call *call)
{
    const char *name = call->line->positional_count == 0 ? NULL : call->line->positionals[0];
    int status = EXIT_STATUS_USAGE;
    struct cli cli;

    if (name == NULL) {
        settings_reference_print(ROLE_ANY, stdout);
        return EXIT_STATUS_DONE;
    }
    cli_init(&cli, call);
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
        if (strcmp(roles[i].name, name) == 0) {
            status = print_values(&cli, roles[i].role);
            cli_release(&cli);
            return status;
        }
    }
    cli_release(&cli);
    return cli_fail(status, "no role `%s`; give api, scheduler, worker, dev, client or admin",
                    name);
}

static const struct flag flags[] = {
    {"file", 0, "FILE", "the settings' YAML file; also EXOSPHERE_CONFIG", false},
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
