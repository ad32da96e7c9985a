#include "producer/cli/cluster_file.h"

#include <assert.h>
#include <string.h>

#include "infra/yaml/yaml_read.h"
#include "schemas/json/json_read.h"
#include "schemas/vocab/limits.h"

enum { INPUTS_MAX = 1000 };

static void *take(struct cli *cli, size_t bytes)
{
    void *block = arena_alloc(&cli->arena, bytes);

    assert(block != NULL); /* no bound but memory */
    return block;
}

static bool holds_project(const struct value *root)
{
    const struct value *cluster = value_get(root, span_of("cluster"));
    const struct value *name = value_get(cluster == NULL ? root : cluster, span_of("name"));

    return name != NULL && name->kind == VALUE_STRING &&
           memchr(name->text, '/', name->count) != NULL;
}

int cluster_file_parse(struct cli *cli, struct cluster_file *file)
{
    /* Without a word of the person's the file's own project counts. */
    const char *project =
        settings_is_said(cli->call->set, "project") ? cli->call->settings->project : NULL;
    struct value *root = take(cli, sizeof(*root));

    *root = file->root;
    if (project == NULL && !holds_project(root)) {
        project = cli->call->settings->project;
    }
    struct cluster_source source = {.root = root, .default_project = project, .allows_uses = true};

    return cluster_parse(&source, &cli->arena, &file->cluster, &cli->faults) == 0 ? 0
                                                                                  : CLI_EXIT_DATA;
}

int cluster_file_load(struct cli *cli, const char *path, struct cluster_file *ret_file)
{
    struct cluster_file file = {.path = path};
    struct span text = {0};
    int status = cli_read_file(cli, path, LIMIT_CLUSTER_BYTES, &text);

    if (status != 0) {
        return status;
    }
    if (text_read(text, NULL, &cli->arena, &file.root, &cli->faults) != 0) {
        return CLI_EXIT_DATA;
    }
    status = cluster_file_parse(cli, &file);
    if (status == 0) {
        *ret_file = file;
    }
    return status;
}

static struct value full_name(struct cli *cli, const struct cluster *cluster)
{
    size_t bytes = cluster->project.bytes + 1 + cluster->name.bytes;
    char *text = take(cli, bytes);

    memcpy(text, cluster->project.data, cluster->project.bytes);
    text[cluster->project.bytes] = '/';
    memcpy(text + cluster->project.bytes + 1, cluster->name.data, cluster->name.bytes);
    return value_string((struct span){text, bytes});
}

struct value cluster_file_request(struct cli *cli, const struct cluster_file *file)
{
    const struct value *cluster = value_get(&file->root, span_of("cluster"));

    assert(cluster != NULL && cluster->kind == VALUE_MAP); /* cluster_parse has passed it */
    struct value_member *members = take(cli, cluster->count * sizeof(*members));
    struct value request = *cluster;

    memcpy(members, cluster->members, cluster->count * sizeof(*members));
    request.members = members;
    for (uint32_t i = 0; i < cluster->count; i++) {
        if (span_is(value_text(&members[i].key), "name")) {
            members[i].value = full_name(cli, file->cluster);
        }
    }
    return request;
}

/* Inputs while they are gathered. */
struct gathering {
    struct value_member *members;
    uint32_t count;
};

/* A fault names the input: its line and column would be taken for those of the cluster file. */
static void put(struct gathering *gathering, struct value key, struct value value)
{
    key.line = key.column = 0;
    value.line = value.column = 0;
    for (uint32_t i = 0; i < gathering->count; i++) {
        if (span_equal(value_text(&gathering->members[i].key), value_text(&key))) {
            gathering->members[i].value = value;
            return;
        }
    }
    if (gathering->count < INPUTS_MAX) {
        gathering->members[gathering->count++] = (struct value_member){key, value};
    }
}

static int put_file(struct cli *cli, struct gathering *gathering, const char *path)
{
    struct value map = {0};
    int status = cli_read_value(cli, path, &map);

    if (status != 0) {
        return status;
    }
    if (map.kind != VALUE_MAP) {
        return cli_fail(CLI_EXIT_DATA, "%s holds a %s; an input is a map of names and values", path,
                        value_kind_name(map.kind));
    }
    if (map.count > INPUTS_MAX) {
        return cli_fail(CLI_EXIT_DATA, "%s holds %u names; %d is the limit", path, map.count,
                        INPUTS_MAX);
    }
    for (uint32_t i = 0; i < map.count; i++) {
        put(gathering, map.members[i].key, map.members[i].value);
    }
    return 0;
}

static bool is_declared_string(const struct cluster *cluster, struct span name)
{
    for (uint32_t i = 0; cluster != NULL && i < cluster->input_count; i++) {
        if (span_equal(cluster->inputs[i].name, name)) {
            return cluster->inputs[i].type == INPUT_STRING;
        }
    }
    return false;
}

static void put_word(struct cli *cli, struct gathering *gathering, const struct cluster *cluster,
                     const char *word, const char *equals)
{
    struct span name = {word, (size_t)(equals - word)};
    struct json_error error = {0};
    struct value value = {0};

    if (is_declared_string(cluster, name) ||
        json_read(span_of(equals + 1), NULL, &cli->arena, &value, &error) != JSON_OK) {
        value = value_string(span_of(equals + 1));
    }
    put(gathering, value_string(name), value);
}

int cluster_file_input(struct cli *cli, const struct cluster *cluster, struct value *ret_input)
{
    struct gathering gathering = {take(cli, INPUTS_MAX * sizeof(struct value_member)), 0};
    const char *word = NULL;
    size_t at = 0;

    while ((word = command_line_next(cli->call->line, "input", &at)) != NULL) {
        const char *equals = strchr(word, '=');

        if (word[0] == '@') {
            int status = put_file(cli, &gathering, word + 1);

            if (status != 0) {
                return status;
            }
        } else if (equals == NULL || equals == word) {
            return cli_fail(EXIT_STATUS_USAGE, "--input %s: give NAME=VALUE, or @FILE", word);
        } else {
            put_word(cli, &gathering, cluster, word, equals);
        }
    }
    *ret_input =
        (struct value){.kind = VALUE_MAP, .count = gathering.count, .members = gathering.members};
    return 0;
}
