/* version: which program this is. */
#include "producer/cli/cli.h"
#include "producer/cli/commands.h"

static int run(const struct command_call *call)
{
    const struct value_member member = {value_string(span_of("version")),
                                        value_string(span_of(EXO_VERSION))};
    const struct value version = {.kind = VALUE_MAP, .count = 1, .members = &member};
    struct cli cli;

    cli_init(&cli, call);
    int status = cli_form_check(&cli);

    if (status == 0 && cli_is_table(&cli)) {
        (void)puts("exosphere " EXO_VERSION);
    } else if (status == 0) {
        cli_show(&cli, &version);
    }
    cli_release(&cli);
    return status;
}

static const struct flag flags[] = {CLI_FORM_FLAG};

const struct command command_version = {
    .name = "version",
    .arguments = "",
    .summary = "print the version of this program",
    .flags = flags,
    .flag_count = sizeof(flags) / sizeof(flags[0]),
    .run = run,
};
