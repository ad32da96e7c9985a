#include "producer/cli/rest.h"

#include <assert.h>
#include <string.h>

#include "schemas/json/json_read.h"

enum { ANSWER_BYTES_MAX = 64 << 20, JSON_DEPTH = 64 };

static const exo_time answer_ns = 60 * EXO_SECOND;
static const exo_time forever_ns = 365 * 24 * EXO_HOUR;

int rest_open(struct rest *rest, struct cli *cli)
{
    const char *server = cli->call->settings->server;
    size_t bytes = strlen(server);
    struct exo_error err;

    *rest = (struct rest){.cli = cli};
    while (bytes > 0 && server[bytes - 1] == '/') {
        bytes--;
    }
    if (bytes == 0 || bytes >= sizeof(rest->base) ||
        (strncmp(server, "http://", 7) != 0 && strncmp(server, "https://", 8) != 0)) {
        return cli_fail(EXIT_STATUS_CONFIG,
                        "server: \"%s\" is no address; give one such as http://127.0.0.1:8080",
                        server);
    }
    memcpy(rest->base, server, bytes);
    rest->base[bytes] = '\0';
    rest->loop = loop_new(&err);
    if (rest->loop == NULL) {
        return cli_fail_error(&err);
    }
    rest->client = http_client_open(rest->loop, 0, &err);
    if (rest->client == NULL) {
        loop_free(rest->loop);
        return cli_fail_error(&err);
    }
    return 0;
}

void rest_close(struct rest *rest)
{
    http_client_close(rest->client);
    loop_free(rest->loop);
}

int rest_run(const struct command_call *call, int (*command)(struct rest *rest))
{
    struct cli cli;
    struct rest rest;

    cli_init(&cli, call);
    int status = rest_open(&rest, &cli);

    if (status == 0) {
        status = command(&rest);
        rest_close(&rest);
    }
    cli_release(&cli);
    return status;
}

struct http_call *rest_start(struct rest *rest, const struct http_call_options *options,
                             struct exo_error *err)
{
    const char *token = rest->cli->call->settings->token;
    struct http_call_options whole = *options;
    char url[2 * REST_PATH_BYTES];

    (void)snprintf(url, sizeof(url), "%s%s", rest->base, options->url);
    whole.url = url;
    whole.bearer = token[0] == '\0' ? NULL : token;
    whole.response_bytes_max = options->on_data == NULL ? ANSWER_BYTES_MAX : 0;
    return http_call_start(rest->client, &whole, err);
}

/* ---- what went wrong ---- */

static int status_of_http(int status)
{
    switch (status) {
    case 401:
    case 403:
        return CLI_EXIT_DENIED;
    case 404:
    case 410:
        return CLI_EXIT_NOT_FOUND;
    case 409:
    case 412:
        return CLI_EXIT_CONFLICT;
    case 429:
        return CLI_EXIT_LATER;
    case 502:
    case 503:
    case 504:
        return CLI_EXIT_UNAVAILABLE;
    default:
        return status >= 500 ? CLI_EXIT_INTERNAL : CLI_EXIT_DATA;
    }
}

static void tell_faults(const struct value *faults)
{
    for (uint32_t i = 0; faults != NULL && faults->kind == VALUE_LIST && i < faults->count; i++) {
        const struct value *fault = &faults->items[i];
        const char *hint = rest_text(fault, "hint");

        (void)fprintf(stderr, "  %s: %s%s%s\n", rest_text(fault, "path"),
                      rest_text(fault, "detail"), hint[0] == '\0' ? "" : "; ", hint);
    }
}

int rest_tell(struct rest *rest, const struct http_result *result)
{
    struct value problem = {0};
    struct json_error error = {0};

    if (result->status == 0) {
        return cli_fail(CLI_EXIT_UNAVAILABLE,
                        "%s; is the API at %s? `exosphere dev` starts one here, --server or "
                        "EXOSPHERE_SERVER names another",
                        result->err.text, rest->base);
    }
    if (result->status < 400) {
        return result->err.code == EXO_OK ? 0 : cli_fail_error(&result->err);
    }
    bool is_read = json_read(result->body, NULL, &rest->cli->arena, &problem, &error) == JSON_OK;
    const char *detail = is_read ? rest_text(&problem, "detail") : "";

    detail = is_read && detail[0] == '\0' ? rest_text(&problem, "title") : detail;
    (void)cli_fail(0, "%s%s(HTTP %d)", detail, detail[0] == '\0' ? "" : " ", result->status);
    if (is_read) {
        tell_faults(value_get(&problem, span_of("errors")));
    }
    if (result->status == 401) {
        (void)fputs("  give the token in EXOSPHERE_TOKEN, or in a file named by --token-file\n",
                    stderr);
    }
    return status_of_http(result->status);
}

/* ---- one request ---- */

struct asking {
    struct rest *rest;
    struct value *value;
    bool is_done;
    int status;
};

static void answered(void *argument, const struct http_result *result)
{
    struct asking *asking = argument;
    struct json_error error = {0};
    const struct json_limits limits = {.depth_max = JSON_DEPTH};

    asking->is_done = true;
    asking->status = rest_tell(asking->rest, result);
    if (asking->status == 0 && result->body.bytes > 0 &&
        json_read(result->body, &limits, &asking->rest->cli->arena, asking->value, &error) !=
            JSON_OK) {
        asking->status = cli_fail(CLI_EXIT_INTERNAL, "the API at %s answered with no JSON: %s",
                                  asking->rest->base, error.text);
    }
}

int rest_ask(struct rest *rest, const struct rest_request *request, struct value *ret_value)
{
    const struct http_header headers[] = {{"Content-Type", "application/json"},
                                          {"Idempotency-Key", request->idempotency_key}};
    struct asking asking = {.rest = rest, .value = ret_value};
    struct http_call_options options = {
        .method = request->method,
        .url = request->path,
        .headers = request->body.bytes > 0 ? headers : headers + 1,
        .header_count =
            (request->body.bytes > 0 ? 1u : 0u) + (request->idempotency_key != NULL ? 1u : 0u),
        .body = request->body,
        .timeout_ns = request->timeout_ns == 0 ? answer_ns : request->timeout_ns,
        .on_done = answered,
        .argument = &asking,
    };
    struct exo_error err;

    *ret_value = value_null();
    if (rest_start(rest, &options, &err) == NULL) {
        return cli_fail_error(&err);
    }
    (void)loop_run_until(rest->loop, &asking.is_done, forever_ns); /* the call has its own limit */
    return asking.status;
}

/* ---- paths ---- */

static void add(struct rest_path *path, struct span text)
{
    path->is_cut = path->is_cut || path->bytes + text.bytes >= sizeof(path->text);
    if (!path->is_cut) {
        memcpy(path->text + path->bytes, text.data, text.bytes);
        path->bytes += text.bytes;
        path->text[path->bytes] = '\0';
    }
}

void rest_path_begin(struct rest_path *path, const char *text)
{
    *path = (struct rest_path){.bytes = 0};
    add(path, span_of(text));
}

void rest_path_add(struct rest_path *path, const char *text)
{
    add(path, span_of(text));
}

void rest_path_word(struct rest_path *path, const char *word)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

    for (const char *at = word; *at != '\0'; at++) {
        char encoded[4];

        if (strchr(plain, *at) != NULL) {
            add(path, (struct span){at, 1});
        } else {
            (void)snprintf(encoded, sizeof(encoded), "%%%02X", (unsigned)(unsigned char)*at);
            add(path, span_of(encoded));
        }
    }
}

void rest_path_query(struct rest_path *path, const char *name, const char *word)
{
    if (word != NULL && word[0] != '\0') {
        rest_path_add(path, strchr(path->text, '?') == NULL ? "?" : "&");
        rest_path_add(path, name);
        rest_path_add(path, "=");
        rest_path_word(path, word);
    }
}

/* ---- members ---- */

const char *rest_text(const struct value *map, const char *key)
{
    const struct value *member = map == NULL ? NULL : value_get(map, span_of(key));

    return member == NULL || member->kind != VALUE_STRING ? "" : member->text;
}

int64_t rest_number(const struct value *map, const char *key)
{
    const struct value *member = map == NULL ? NULL : value_get(map, span_of(key));

    return member == NULL || member->kind != VALUE_INT ? 0 : member->integer;
}
