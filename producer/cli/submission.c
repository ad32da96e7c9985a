#include "producer/cli/submission.h"

#include <string.h>

#include "producer/cli/cluster_file.h"
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

static int write_body(struct cli *cli, const struct cluster_file *file, struct buffer *body)
{
    const char *key = command_line_value(cli->call->line, "idempotency-key");
    struct value cluster = cluster_file_request(cli, file);
    struct value input = {0};
    struct value checked = {0};
    struct json_writer writer = {.buffer = body};
    int status = cluster_file_input(cli, file->cluster, &input);

    if (status != 0) {
        return status;
    }
    if (cluster_input_check(file->cluster, &input, &cli->arena, &checked, &cli->faults) != 0) {
        cli_faults_tell(&cli->faults, file->path, stderr);
        return CLI_EXIT_DATA;
    }
    json_begin_map(&writer);
    json_key(&writer, "cluster");
    json_put_value(&writer, &cluster);
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
    const char *path = cli->call->line->positionals[0];
    struct cluster_file file = {0};
    struct buffer body;
    int status = cluster_file_load(cli, path, &file);

    cli_faults_tell(&cli->faults, path, stderr); /* warnings too */
    if (status != 0) {
        return status;
    }
    buffer_init(&body, cli->allocator, 0);
    status = write_body(cli, &file, &body);
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
