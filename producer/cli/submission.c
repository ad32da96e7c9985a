#include "producer/cli/submission.h"

#include <string.h>

#include "producer/cli/definition_file.h"
#include "schemas/json/json_write.h"

static int put_labels(struct cli *cli, struct json_writer *writer)
{
    const char *word = NULL;
    size_t at = 0;

    json_key(writer, "labels");
    json_begin_map(writer);
    while ((word = command_line_next(cli->call->line, "label", &at)) != NULL) {
        const char *equals = strchr(word, '=');

        if (equals == NULL || equals == word) {
            return cli_fail(EXIT_STATUS_USAGE, "--label %s: give NAME=VALUE", word);
        }
        json_key_span(writer, (struct span){word, (size_t)(equals - word)});
        json_put_text(writer, equals + 1);
    }
    json_end_map(writer);
    return 0;
}

/* What is to be run: a file that was checked here, or the name of a stored cluster. */
struct chosen {
    struct cluster_file file;
    struct version_reference reference;
    bool is_stored;
};

/* A stored cluster is read first, so that its inputs are known here. */
static int choose_stored(struct rest *rest, struct chosen *chosen)
{
    struct cli *cli = rest->cli;
    struct value *answer = arena_alloc(&cli->arena, sizeof(*answer));
    const char *word = cli->call->line->positionals[0];

    if (answer == NULL) {
        return cli_fail(CLI_EXIT_INTERNAL, "no memory");
    }
    if (chosen->reference.kind != VERSION_CLUSTER) {
        return cli_fail(CLI_EXIT_DATA, "%s is a satellite; a cluster that uses it can be run",
                        word);
    }
    int status = definition_read(rest, &chosen->reference, answer);

    if (status != 0) {
        return status;
    }
    struct cluster_source source = {.root = value_get(answer, span_of("definition")),
                                    .is_stored = true};

    if (source.root == NULL ||
        cluster_parse(&source, &cli->arena, &chosen->file.cluster, &cli->faults) != 0) {
        return cli_fail(CLI_EXIT_INTERNAL, "this program cannot read what is stored as %s", word);
    }
    return 0;
}

static int choose(struct rest *rest, struct chosen *ret)
{
    struct cli *cli = rest->cli;
    const char *word = cli->call->line->positionals[0];

    ret->file.path = word;
    ret->is_stored = definition_word_parse(cli, word, &ret->reference);
    if (ret->is_stored) {
        return choose_stored(rest, ret);
    }
    int status = cluster_file_load(cli, word, &ret->file);

    cli_faults_tell(&cli->faults, word, stderr); /* warnings too */
    return status;
}

static void put_cluster(struct cli *cli, const struct chosen *chosen, struct json_writer *writer)
{
    json_key(writer, "cluster");
    if (chosen->is_stored) {
        char text[VERSION_REFERENCE_BYTES];

        version_reference_format(&chosen->reference, text);
        json_put_text(writer, text);
    } else {
        struct value cluster = cluster_file_request(cli, &chosen->file);

        json_put_value(writer, &cluster);
    }
}

static int write_body(struct cli *cli, const struct chosen *chosen, struct buffer *body)
{
    const char *key = command_line_value(cli->call->line, "idempotency-key");
    const struct cluster *cluster = chosen->file.cluster;
    struct value input = {0};
    struct value checked = {0};
    struct json_writer writer = {.buffer = body};
    int status = cluster_file_input(cli, cluster, &input);

    if (status != 0) {
        return status;
    }
    if (cluster_input_check(cluster, &input, &cli->arena, &checked, &cli->faults) != 0) {
        cli_faults_tell(&cli->faults, chosen->file.path, stderr);
        return CLI_EXIT_DATA;
    }
    json_begin_map(&writer);
    put_cluster(cli, chosen, &writer);
    json_key(&writer, "input");
    json_put_value(&writer, &input);
    if (key != NULL) {
        json_key(&writer, "idempotency_key");
        json_put_text(&writer, key);
    }
    status = put_labels(cli, &writer);
    json_end_map(&writer);
    return status;
}

int submission_send(struct rest *rest, const char **ret_id, struct value *ret_accepted)
{
    struct cli *cli = rest->cli;
    struct chosen chosen = {0};
    struct buffer body;
    int status = choose(rest, &chosen);

    if (status != 0) {
        return status;
    }
    buffer_init(&body, cli->allocator, 0);
    status = write_body(cli, &chosen, &body);
    if (status == 0) {
        status =
            rest_ask(rest,
                     &(struct rest_request){
                         .method = "POST", .path = "/v1/executions", .body = buffer_span(&body)},
                     ret_accepted);
    }
    buffer_release(&body);
    *ret_id = rest_text(ret_accepted, "id");
    return status;
}
