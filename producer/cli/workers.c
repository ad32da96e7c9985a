/* workers, drain: the fleet as the API hears of it. */
#include <string.h>

#include "producer/cli/commands.h"
#include "producer/cli/rest.h"
#include "producer/cli/text_table.h"

enum { TEXT_BYTES = 512 };

static void classes_text(const struct value *worker, char text[TEXT_BYTES])
{
    const struct value *classes = value_get(worker, span_of("classes"));
    size_t used = 0;

    text[0] = '\0';
    for (uint32_t i = 0; classes != NULL && classes->kind == VALUE_LIST && i < classes->count;
         i++) {
        const struct value *name = &classes->items[i];

        if (name->kind == VALUE_STRING && used + name->count + 2 < TEXT_BYTES) {
            used += (size_t)snprintf(text + used, TEXT_BYTES - used, "%s%s", i == 0 ? "" : ",",
                                     name->text);
        }
    }
}

static void print(struct cli *cli, const struct value *workers)
{
    static const char *const headings[] = {"NAME", "STATE",  "CLASSES", "RUNNING", "SLOTS",
                                           "CPU",  "MEMORY", "VERSION", NULL};
    struct text_table table;

    text_table_init(&table, &cli->arena, headings);
    for (uint32_t i = 0; workers != NULL && i < workers->count; i++) {
        const struct value *worker = &workers->items[i];
        char classes[TEXT_BYTES];
        char running[32], slots[32], cpu[64], memory[64];
        const char *words[] = {rest_text(worker, "name"),
                               rest_text(worker, "state"),
                               classes,
                               running,
                               slots,
                               cpu,
                               memory,
                               rest_text(worker, "version")};

        classes_text(worker, classes);
        (void)snprintf(running, sizeof(running), "%lld",
                       (long long)rest_number(worker, "running_count"));
        (void)snprintf(slots, sizeof(slots), "%lld", (long long)rest_number(worker, "slots"));
        (void)snprintf(cpu, sizeof(cpu), "%.1f of %.1f free",
                       (double)rest_number(worker, "cpu_free_millis") / 1000,
                       (double)rest_number(worker, "cpu_millis") / 1000);
        (void)snprintf(memory, sizeof(memory), "%lld of %lld MiB free",
                       (long long)rest_number(worker, "memory_free_bytes") >> 20,
                       (long long)rest_number(worker, "memory_bytes") >> 20);
        text_table_add(&table, words);
    }
    text_table_print(&table, stdout);
}

/* Too long for a column. */
static void print_troubles(const struct value *workers)
{
    for (uint32_t i = 0; workers != NULL && i < workers->count; i++) {
        const struct value *worker = &workers->items[i];

        if (rest_text(worker, "trouble")[0] != '\0') {
            (void)printf("%s takes no tasks: %s\n", rest_text(worker, "name"),
                         rest_text(worker, "trouble"));
        }
    }
}

static int workers(struct rest *rest)
{
    struct value answer = {0};
    int status = rest_ask(rest, &(struct rest_request){.path = "/v1/workers"}, &answer);

    if (status == 0 && cli_is_table(rest->cli)) {
        print(rest->cli, value_get(&answer, span_of("workers")));
        print_troubles(value_get(&answer, span_of("workers")));
    } else if (status == 0) {
        cli_show(rest->cli, &answer);
    }
    return status;
}

static int run_workers(const struct command_call *call)
{
    return rest_run(call, workers);
}

static int drain(struct rest *rest)
{
    struct rest_path path;
    struct value answer = {0};

    rest_path_begin(&path, "/v1/workers/");
    rest_path_word(&path, rest->cli->call->line->positionals[0]);
    rest_path_add(&path, "/drain");
    int status =
        rest_ask(rest, &(struct rest_request){.method = "POST", .path = path.text}, &answer);

    if (status == 0 && cli_is_table(rest->cli)) {
        (void)printf("%s %s\n", rest_text(&answer, "name"), rest_text(&answer, "state"));
    } else if (status == 0) {
        cli_show(rest->cli, &answer);
    }
    return status;
}

static int run_drain(const struct command_call *call)
{
    return rest_run(call, drain);
}

const struct command command_workers = {
    .name = "workers",
    .arguments = "",
    .summary = "list workers, what they run, what they have free, and why one takes no tasks",
    .details = "Exit status: " CLI_EXIT_HELP_REQUEST "\n",
    .role = ROLE_CLIENT,
    .run = run_workers,
};

const struct command command_drain = {
    .name = "drain",
    .arguments = "WORKER",
    .summary = "let a worker finish what it runs and take no more",
    .details = "Exit status: " CLI_EXIT_HELP_REQUEST "\n",
    .role = ROLE_CLIENT,
    .positionals_least = 1,
    .positionals_most = 1,
    .run = run_drain,
};
