#include "producer/cli/definition_file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "infra/yaml/yaml_read.h"
#include "schemas/cluster/uses.h"
#include "schemas/vocab/limits.h"

static int parse_satellite(struct cli *cli, struct value *root, struct definition_file *file)
{
    bool is_said = settings_is_said(cli->call->set, "project");
    const struct value *name = value_get(value_get(root, span_of("satellite")), span_of("name"));
    bool has_project =
        name != NULL && name->kind == VALUE_STRING && memchr(name->text, '/', name->count) != NULL;
    const struct stored_satellite_source source = {
        .root = root,
        .default_project = is_said || !has_project ? cli->call->settings->project : NULL};

    file->kind = VERSION_SATELLITE;
    return stored_satellite_parse(&source, &cli->arena, &file->satellite, &cli->faults) == 0
               ? 0
               : CLI_EXIT_DATA;
}

int definition_file_load(struct cli *cli, const char *path, struct definition_file *ret_file)
{
    struct definition_file file = {.kind = VERSION_CLUSTER, .cluster.path = path};
    struct value *root = arena_alloc(&cli->arena, sizeof(*root));
    int status = cli_read_file(cli, path, LIMIT_CLUSTER_BYTES, &file.text);

    if (status != 0) {
        return status;
    }
    if (root == NULL || text_read(file.text, NULL, &cli->arena, root, &cli->faults) != 0) {
        return CLI_EXIT_DATA;
    }
    if (value_get(root, span_of("satellite")) != NULL) {
        status = parse_satellite(cli, root, &file);
    } else {
        struct uses_set uses = {.count = 0};

        file.cluster.root = *root;
        status = cluster_file_parse(cli, &file.cluster);
        const struct value *cluster = value_get(root, span_of("cluster"));

        if (status == 0 && uses_collect(cluster, &cli->arena, &uses, &cli->faults) != 0) {
            status = CLI_EXIT_DATA;
        }
        file.uses_stored = uses.count > 0;
    }
    if (status == 0) {
        *ret_file = file;
    }
    return status;
}

struct span definition_file_project(const struct definition_file *file)
{
    return file->kind == VERSION_CLUSTER ? file->cluster.cluster->project
                                         : file->satellite.cluster->project;
}

struct span definition_file_name(const struct definition_file *file)
{
    return file->kind == VERSION_CLUSTER ? file->cluster.cluster->name
                                         : file->satellite.cluster->name;
}

bool definition_word_parse(const struct cli *cli, const char *word, struct version_reference *ret)
{
    const struct span none = {NULL, 0};
    struct span project =
        settings_is_said(cli->call->set, "project") ? span_of(cli->call->settings->project) : none;

    if (access(word, F_OK) == 0 || strcmp(word, "-") == 0) {
        return false;
    }
    return version_reference_parse(VERSION_SATELLITE, span_of(word), none, ret) == NULL ||
           version_reference_parse(VERSION_CLUSTER, span_of(word), project, ret) == NULL;
}

void definition_path(const struct version_reference *reference, struct rest_path *path)
{
    char text[VERSION_REFERENCE_BYTES];
    struct version_reference plain = *reference;
    const char *at = text;

    plain.kind = VERSION_CLUSTER; /* without satellite/ before it */
    plain.number = 0;
    version_reference_format(&plain, text);
    rest_path_begin(path, reference->kind == VERSION_CLUSTER ? "/v1/clusters/" : "/v1/satellites/");
    rest_path_add(path, at); /* names need no encoding */
    if (reference->number > 0) {
        char number[16];

        (void)snprintf(number, sizeof(number), "%u", reference->number);
        rest_path_add(path, "/versions/");
        rest_path_add(path, number);
    }
}

int definition_read(struct rest *rest, const struct version_reference *reference,
                    struct value *ret_answer)
{
    struct rest_path path;

    definition_path(reference, &path);
    return rest_ask(rest, &(struct rest_request){.path = path.text}, ret_answer);
}
