#include "producer/cli/submission.h"

#include <string.h>

#include "infra/loop/loop.h"
#include "producer/cli/definition_file.h"
#include "schemas/json/json_write.h"
#include "schemas/vocab/quantity.h"
#include "schemas/vocab/timestamp.h"

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

int submission_put_start(struct cli *cli, struct json_writer *writer)
{
    const char *at = command_line_value(cli->call->line, "start-at");
    const char *delay = command_line_value(cli->call->line, "delay");
    char text[TIMESTAMP_TEXT_BYTES];
    exo_time at_ns = 0, delay_ns;

    if (at == NULL && delay == NULL) {
        return 0;
    }
    if (at != NULL && delay != NULL) {
        return cli_fail(EXIT_STATUS_USAGE, "--start-at and --delay say the same: give one of them");
    }
    if (at != NULL && !timestamp_parse(span_of(at), &at_ns)) {
        return cli_fail(EXIT_STATUS_USAGE,
                        "--start-at %s: give a time such as 2026-11-28T18:00:00Z", at);
    }
    if (delay != NULL) {
        if (!duration_parse(span_of(delay), &delay_ns)) {
            return cli_fail(EXIT_STATUS_USAGE, "--delay %s: give a duration such as 10m", delay);
        }
        at_ns = clock_wall_ns() + delay_ns;
    }
    timestamp_format(at_ns / EXO_MILLISECOND, text);
    json_key(writer, "start_at");
    json_put_text(writer, text);
    return 0;
}

static int write_body(struct cli *cli, const struct chosen *chosen, struct buffer *body)
{
    const char *key = command_line_value(cli->call->line, "idempotency-key");
    const struct cluster *cluster = chosen->file.cluster;
    struct value input = {0};
    struct value checked = {0};
    struct json_writer writer = {.buffer = body};

    json_begin_map(&writer);
    int status = submission_put_start(cli, &writer);

    status = status != 0 ? status : cluster_file_input(cli, cluster, &input);
    if (status != 0) {
        return status;
    }
    if (cluster_input_check(cluster, &input, &cli->arena, &checked, &cli->faults) != 0) {
        cli_faults_tell(&cli->faults, chosen->file.path, stderr);
        return CLI_EXIT_DATA;
    }
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
