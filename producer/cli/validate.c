/* validate: every fault of a cluster or satellite file at once, and the graph it describes. Asks no
 * server. */
#include "producer/cli/commands.h"
#include "producer/cli/definition_file.h"
#include "schemas/cluster/uses.h"
#include "schemas/json/json_read.h"
#include "schemas/json/json_write.h"

static void put_faults(struct json_writer *writer, const struct fault_list *faults, bool is_warning)
{
    json_begin_list(writer);
    for (const struct fault *fault = faults->first; fault != NULL; fault = fault->next) {
        if (fault->is_warning == is_warning) {
            json_begin_map(writer);
            json_key(writer, "path");
            json_put_text(writer, fault->path);
            json_key(writer, "line");
            json_put_uint(writer, fault->line);
            json_key(writer, "column");
            json_put_uint(writer, fault->column);
            json_key(writer, "detail");
            json_put_text(writer, fault->text);
            json_key(writer, "hint");
            json_put_text(writer, fault->hint);
            json_end_map(writer);
        }
    }
    json_end_list(writer);
}

/* Where it stands: the path of the group, null at the top level. */
static void put_group(struct json_writer *writer, const struct cluster *cluster, uint32_t group,
                      struct buffer *path)
{
    json_key(writer, "group");
    if (group == SATELLITE_NONE) {
        json_put_null(writer);
        return;
    }
    buffer_reset(path);
    cluster_add_path(cluster, group, path);
    json_put_string(writer, buffer_span(path));
}

static void put_graph(struct json_writer *writer, const struct cluster *cluster,
                      struct buffer *path)
{
    json_begin_list(writer);
    for (uint32_t i = 0; i < cluster->satellite_count; i++) {
        const struct satellite *satellite = &cluster->satellites[cluster->order[i]];

        json_begin_map(writer);
        json_key(writer, "satellite");
        json_put_string(writer, satellite->name);
        put_group(writer, cluster, satellite->group, path);
        json_key(writer, "kind");
        json_put_text(writer, satellite_kind_name(satellite->kind));
        json_key(writer, "after");
        json_begin_list(writer);
        for (uint32_t j = 0; j < satellite->parent_count; j++) {
            json_put_string(writer, cluster->satellites[satellite->parents[j]].name);
        }
        json_end_list(writer);
        json_key(writer, "is_map");
        json_put_bool(writer, satellite->for_each != NULL);
        json_key(writer, "join");
        json_put_text(writer, satellite_join_name(satellite->join));
        json_key(writer, "is_final");
        json_put_bool(writer, satellite->is_final);
        json_end_map(writer);
    }
    json_end_list(writer);
}

/* What was found, for machines. */
static void show_findings(struct cli *cli, const char *path, const struct cluster *cluster)
{
    struct buffer json;
    struct buffer group_path;
    struct value findings = {0};
    struct json_error error = {0};

    buffer_init(&json, cli->allocator, 0);
    buffer_init(&group_path, cli->allocator, 0);
    struct json_writer writer = {.buffer = &json};

    json_begin_map(&writer);
    json_key(&writer, "file");
    json_put_text(&writer, path);
    json_key(&writer, "valid");
    json_put_bool(&writer, cli->faults.error_count == 0);
    json_key(&writer, "errors");
    put_faults(&writer, &cli->faults, false);
    json_key(&writer, "warnings");
    put_faults(&writer, &cli->faults, true);
    if (cluster != NULL) {
        json_key(&writer, "graph");
        put_graph(&writer, cluster, &group_path);
    }
    json_end_map(&writer);
    if (json_read(buffer_span(&json), NULL, &cli->arena, &findings, &error) == JSON_OK) {
        cli_show(cli, &findings);
    }
    buffer_release(&group_path);
    buffer_release(&json);
}

static void print_graph(struct cli *cli, const struct cluster *cluster)
{
    struct buffer text;

    buffer_init(&text, cli->allocator, 0);
    cluster_describe_graph(cluster, &text);
    (void)fwrite(text.data, 1, text.bytes, stdout);
    buffer_release(&text);
}

/* What a file uses and only the store knows. */
static void warn_of_uses(struct cli *cli, const struct definition_file *file)
{
    const struct value *cluster = value_get(&file->cluster.root, span_of("cluster"));
    struct uses_set uses;

    if (!file->uses_stored || uses_collect(cluster, &cli->arena, &uses, &cli->faults) != 0) {
        return;
    }
    for (uint32_t i = 0; i < uses.count; i++) {
        const struct uses_entry *entry = &uses.entries[i];
        const struct fault warning = {
            .is_warning = true,
            .line = entry->at->line,
            .column = entry->at->column,
            .path = entry->path,
            .text = "it was not looked up, nor were the inputs it is given checked",
            .hint = "the API does so when the cluster is submitted or put"};

        fault_add(&cli->faults, &warning);
    }
}

static int check(struct cli *cli, const char *path, struct definition_file *ret_file)
{
    struct value input = {0};
    struct value checked = {0};
    size_t at = 0;
    int status = definition_file_load(cli, path, ret_file);

    if (status == 0) {
        warn_of_uses(cli, ret_file);
    }
    if (status != 0 || ret_file->kind == VERSION_SATELLITE ||
        command_line_next(cli->call->line, "input", &at) == NULL) {
        return status;
    }
    const struct cluster *cluster = ret_file->cluster.cluster;

    status = cluster_file_input(cli, cluster, &input);
    if (status == 0 &&
        cluster_input_check(cluster, &input, &cli->arena, &checked, &cli->faults) != 0) {
        status = CLI_EXIT_DATA;
    }
    return status;
}

/* A satellite alone has no graph. */
static void print_satellite(const struct definition_file *file)
{
    (void)printf("satellite/%.*s/%.*s: %u inputs\n", SPAN_ARG(definition_file_project(file)),
                 SPAN_ARG(definition_file_name(file)), file->satellite.cluster->input_count);
}

static int run(const struct command_call *call)
{
    const char *path = call->line->positionals[0];
    struct definition_file file = {.kind = VERSION_CLUSTER};
    struct cli cli;

    cli_init(&cli, call);
    int status = check(&cli, path, &file);

    if (status == 0 || status == CLI_EXIT_DATA) {
        if (!cli_is_table(&cli)) {
            show_findings(&cli, path, file.cluster.cluster);
        } else {
            cli_faults_tell(&cli.faults, path, stderr);
            if (status == 0 && file.kind == VERSION_SATELLITE) {
                print_satellite(&file);
            } else if (status == 0) {
                print_graph(&cli, file.cluster.cluster);
            }
        }
    }
    cli_release(&cli);
    return status;
}

static const struct flag flags[] = {
    {"input", 'i', "K=V|@FILE", "check this input too: NAME=VALUE, or @FILE", true},
};

const struct command command_validate = {
    .name = "validate",
    .arguments = "FILE",
    .summary = "check a cluster or satellite file and print the graph it describes",
    .details = "FILE is YAML or JSON, - for standard input. Every fault is printed at once:\n"
               "FILE:LINE:COLUMN: where in the cluster: what is wrong; what to do.\n"
               "Asks no server, so what a cluster uses by name is not looked up.\n"
               "Exit status 65 when the file or the input is wrong.\n",
    .role = ROLE_CLIENT,
    .flags = flags,
    .flag_count = sizeof(flags) / sizeof(flags[0]),
    .positionals_least = 1,
    .positionals_most = 1,
    .run = run,
};
