/* migrate: the store's schema is made or brought up to date; nothing else is needed for it. */
#include "infra/process/backends.h"
#include "producer/cli/cli.h"
#include "producer/cli/commands.h"
#include "schemas/vocab/quantity.h"

struct migration {
    bool is_done;
    bool is_failed;
    struct exo_error err;
};

static void done(void *argument, const struct exo_error *err)
{
    struct migration *migration = argument;

    migration->is_done = true;
    migration->is_failed = err != NULL;
    migration->err = err == NULL ? (struct exo_error){0} : *err;
}

static int migrate(struct loop *loop, const struct command_call *call, exo_time wait_ns)
{
    const struct backends_options options = {
        .set = call->set, .wanted = BACKEND_STORE, .client_id = "exosphere-migrate"};
    struct migration migration = {0};
    struct backends *backends = backends_open(loop, &options, &migration.err);
    int status = 0;

    if (backends == NULL) {
        return migration.err.code == EXO_EINVALID
                   ? cli_fail(EXIT_STATUS_CONFIG, "%s", migration.err.text)
                   : cli_fail_error(&migration.err);
    }
    backends_migrate(backends, done, &migration);
    if (!loop_run_until(loop, &migration.is_done, wait_ns)) {
        status = cli_fail(CLI_EXIT_UNAVAILABLE, "%s; --wait gives it longer",
                          backends_missing(backends)[0] == '\0' ? "the store does not answer"
                                                                : backends_missing(backends));
    } else if (migration.is_failed) {
        status = migration.err.code == EXO_ECONFLICT
                     ? cli_fail(EXIT_STATUS_CONFIG, "%s", migration.err.text)
                     : cli_fail_error(&migration.err);
    } else {
        const struct store_schema *schema = backends_schema(backends);

        (void)printf("the store's schema is version %u, with %u shards\n", schema->version,
                     schema->shard_count);
    }
    backends_close(backends);
    backends_free(backends);
    return status;
}

static int run(const struct command_call *call)
{
    const char *wait = command_line_value(call->line, "wait");
    exo_time wait_ns = EXO_MINUTE;
    struct exo_error err;

    if (wait != NULL && !duration_parse(span_of(wait), &wait_ns)) {
        return cli_fail(EXIT_STATUS_USAGE, "--wait %s: give a duration such as 30s", wait);
    }
    struct loop *loop = loop_new(&err);

    if (loop == NULL) {
        return cli_fail_error(&err);
    }
    int status = migrate(loop, call, wait_ns);

    loop_free(loop);
    return status;
}

static const struct flag flags[] = {
    {"wait", 'w', "DURATION", "how long to wait for the store; 1m unless said otherwise", false},
};

const struct command command_migrate = {
    .name = "migrate",
    .arguments = "",
    .summary = "make the store's schema or bring it up to date",
    .details = "Any number may run at once: one does it. Roles do the same at their start. A\n"
               "schema that is newer than this program is taken as it is where it says that this\n"
               "program may work with it, else refused with 78.\n"
               "Exit status: 69 the store does not answer.\n",
    .role = ROLE_ADMIN,
    .flags = flags,
    .flag_count = sizeof(flags) / sizeof(flags[0]),
    .run = run,
};
