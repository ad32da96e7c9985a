#include "workers/attempt_api.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "infra/crypto/crypto.h"
#include "infra/http/client.h"
#include "schemas/json/json_read.h"
#include "schemas/vocab/arena.h"

enum {
    DETAIL_BYTES = 320,
    PROBLEM_BYTES_MAX = 16 << 10,
    URL_BYTES = 1024,
    TOKEN_BYTES = 2048,
    CONNECTIONS_MAX = 32
};

static const exo_time wait_first_ns = 100 * EXO_MILLISECOND;
static const exo_time wait_most_ns = 5 * EXO_SECOND;

struct attempt_api {
    struct loop *loop;
    struct http_client *client;
    char url[URL_BYTES / 2];
    struct attempt_call *calls; /* open; doubly linked */
};

struct attempt_call {
    struct attempt_api *api;
    struct attempt_call *next, *previous;
    struct http_call *http; /* NULL while it waits for the next try */
    struct loop_timer *timer;
    struct attempt_call_events events;
    struct span body;           /* PUT */
    struct http_body_file file; /* PUT, instead of body; bytes 0: none */
    bool is_put;
    size_t bytes_max;
    size_t bytes; /* of this try */
    exo_time give_up_ns;
    exo_time wait_ns; /* before the next try */
    char url[URL_BYTES];
    char token[TOKEN_BYTES];
};

struct attempt_api *attempt_api_open(struct loop *loop, const char *url, struct exo_error *err)
{
    struct attempt_api *api = calloc(1, sizeof(*api));
    size_t bytes = strlen(url);

    while (bytes > 0 && url[bytes - 1] == '/') {
        bytes--;
    }
    if (api == NULL || bytes == 0 || bytes >= sizeof(api->url)) {
        free(api);
        (void)exo_error_set(err, EXO_EINVALID, "--api-url is empty or too long");
        return NULL;
    }
    memcpy(api->url, url, bytes);
    api->loop = loop;
    api->client = http_client_open(loop, CONNECTIONS_MAX, err);
    if (api->client == NULL) {
        free(api);
        return NULL;
    }
    return api;
}

static void call_free(struct attempt_call *call)
{
    if (call->previous != NULL) {
        call->previous->next = call->next;
    } else {
        call->api->calls = call->next;
    }
    if (call->next != NULL) {
        call->next->previous = call->previous;
    }
    loop_timer_free(call->timer);
    explicit_bzero(call->token, sizeof(call->token));
    free(call);
}

void attempt_call_cancel(struct attempt_call *call)
{
    if (call != NULL) {
        http_call_cancel(call->http);
        call_free(call);
    }
}

void attempt_api_close(struct attempt_api *api)
{
    if (api == NULL) {
        return;
    }
    for (struct attempt_call *call = api->calls; call != NULL;) {
        struct attempt_call *next = call->next;

        attempt_call_cancel(call);
        call = next;
    }
    http_client_close(api->client);
    free(api);
}

static void call_end(struct attempt_call *call, const struct exo_error *err)
{
    struct attempt_call_events events = call->events;

    call_free(call);
    events.on_done(events.argument, err);
}

static void on_data(void *argument, struct span bytes)
{
    struct attempt_call *call = argument;

    call->bytes += bytes.bytes;
    if (call->events.on_data != NULL) {
        call->events.on_data(call->events.argument, bytes);
    }
}

/* What a problem says in words; "" where the answer is none. */
static void detail_read(struct span body, char ret_detail[DETAIL_BYTES])
{
    struct heap_budget budget = {0};
    struct arena arena;
    const struct json_limits limits = {.text_bytes_max = PROBLEM_BYTES_MAX};
    struct json_error error;
    struct value value;

    ret_detail[0] = '\0';
    arena_init(&arena, allocator_heap(&budget), (size_t)4 * PROBLEM_BYTES_MAX);
    if (body.bytes > 0 && json_read(body, &limits, &arena, &value, &error) == JSON_OK) {
        const struct value *detail = value_get(&value, span_of("detail"));

        if (detail != NULL && detail->kind == VALUE_STRING) {
            (void)snprintf(ret_detail, DETAIL_BYTES, "%.*s", (int)detail->count, detail->text);
        }
    }
    arena_release(&arena);
}

/* What an answer means: 0 done, 1 try again, -1 given up with *err. */
static int answer_judge(const struct http_result *result, struct exo_error *err)
{
    if (result->status == 0) {
        *err = result->err;
        return err->code == EXO_ELIMIT || err->code == EXO_EINVALID ? -1 : 1;
    }
    if (result->err.code != EXO_OK) {
        *err = result->err;
        return err->code == EXO_ELIMIT ? -1 : 1;
    }
    if (result->status < 300) {
        return 0;
    }
    if (result->status >= 500 || result->status == 429 || result->status == 408) {
        (void)exo_error_set(err, EXO_EUNAVAILABLE, "the API answered %d", result->status);
        return 1;
    }
    char detail[DETAIL_BYTES];

    detail_read(result->body, detail);
    (void)exo_error_set(err,
                        result->status == 404   ? EXO_ENOTFOUND
                        : result->status == 413 ? EXO_ELIMIT
                                                : EXO_EDENIED,
                        "the API answered %d%s%s", result->status, detail[0] == '\0' ? "" : ": ",
                        detail);
    return -1;
}

static void on_done(void *argument, const struct http_result *result)
{
    struct attempt_call *call = argument;
    struct exo_error err = {.code = EXO_OK};
    int verdict = answer_judge(result, &err);

    call->http = NULL;
    if (verdict > 0 && loop_now_ns(call->api->loop) + call->wait_ns < call->give_up_ns) {
        loop_timer_start(call->timer, call->wait_ns, 0);
        call->wait_ns = call->wait_ns > wait_most_ns / 2 ? wait_most_ns : 2 * call->wait_ns;
        return;
    }
    call_end(call, verdict == 0 ? NULL : &err);
}

static void call_try(void *argument)
{
    struct attempt_call *call = argument;
    struct exo_error err = {.code = EXO_OK};
    exo_time left_ns = call->give_up_ns - loop_now_ns(call->api->loop);
    struct http_call_options options = {
        .method = call->is_put ? "PUT" : "GET",
        .url = call->url,
        .bearer = call->token[0] == '\0' ? NULL : call->token,
        .body = call->body,
        .body_file = call->file.bytes > 0 ? &call->file : NULL,
        .response_bytes_max = call->bytes_max,
        .timeout_ns = left_ns < EXO_SECOND ? EXO_SECOND : left_ns,
        .on_data = call->is_put ? NULL : on_data,
        .on_done = on_done,
        .argument = call,
    };

    call->bytes = 0;
    if (!call->is_put && call->events.on_begin != NULL) {
        call->events.on_begin(call->events.argument);
    }
    call->http = http_call_start(call->api->client, &options, &err);
    if (call->http == NULL) {
        call_end(call, &err);
    }
}

/* A header takes no other bytes; without a token the API says no, which tells enough. */
static void token_write(struct attempt_call *call, struct span token)
{
    const unsigned char *bytes = token.data;
    bool is_text = token.bytes < TOKEN_BYTES;

    for (size_t i = 0; i < token.bytes && is_text; i++) {
        is_text = bytes[i] > ' ' && bytes[i] < 0x7f;
    }
    if (is_text && token.bytes > 0) {
        memcpy(call->token, token.data, token.bytes);
    }
}

static struct attempt_call *call_new(struct attempt_api *api, struct span token,
                                     exo_time patience_ns, const struct attempt_call_events *events)
{
    struct attempt_call *call = calloc(1, sizeof(*call));

    assert(call != NULL); /* bounded by the worker's slots */
    call->api = api;
    call->events = *events;
    call->wait_ns = wait_first_ns;
    call->give_up_ns = loop_now_ns(api->loop) + patience_ns;
    call->next = api->calls;
    if (api->calls != NULL) {
        api->calls->previous = call;
    }
    api->calls = call;
    token_write(call, token);
    call->timer = loop_timer_new(api->loop, call_try, call);
    loop_timer_start(call->timer, 0, 0);
    return call;
}

struct attempt_call *attempt_api_put(struct attempt_api *api, const struct digest *digest,
                                     struct span bytes, struct span token, exo_time patience_ns,
                                     const struct attempt_call_events *events)
{
    struct attempt_call *call = call_new(api, token, patience_ns, events);
    char text[SHA256_TEXT_BYTES + 1];

    digest_format(digest, text);
    call->is_put = true;
    call->body = bytes;
    (void)snprintf(call->url, sizeof(call->url), "%s/internal/blobs/%s", api->url, text);
    return call;
}

struct attempt_call *attempt_api_put_file(struct attempt_api *api, const struct digest *digest,
                                          int fd, uint64_t bytes, struct span token,
                                          exo_time patience_ns,
                                          const struct attempt_call_events *events)
{
    struct attempt_call *call =
        attempt_api_put(api, digest, (struct span){NULL, 0}, token, patience_ns, events);

    call->file = (struct http_body_file){fd, bytes};
    return call;
}

struct attempt_call *attempt_api_get_artefacts(struct attempt_api *api,
                                               const struct execution_id *execution,
                                               uint32_t instance, size_t bytes_max,
                                               struct span token, exo_time patience_ns,
                                               const struct attempt_call_events *events)
{
    struct attempt_call *call = call_new(api, token, patience_ns, events);
    char text[EXECUTION_ID_TEXT_BYTES + 1];

    call->bytes_max = bytes_max;
    execution_id_format(execution, text);
    (void)snprintf(call->url, sizeof(call->url), "%s/internal/lists/%s/%u/artefacts", api->url,
                   text, instance);
    return call;
}

struct attempt_call *attempt_api_result_get(struct attempt_api *api, const struct digest *key,
                                            size_t bytes_max, struct span token,
                                            exo_time patience_ns,
                                            const struct attempt_call_events *events)
{
    struct attempt_call *call = call_new(api, token, patience_ns, events);
    char text[SHA256_TEXT_BYTES + 1];

    call->bytes_max = bytes_max;
    digest_format(key, text);
    (void)snprintf(call->url, sizeof(call->url), "%s/internal/results/%s", api->url, text);
    return call;
}

struct attempt_call *attempt_api_result_put(struct attempt_api *api, const struct digest *key,
                                            exo_time ttl_ns, struct span bytes, struct span token,
                                            exo_time patience_ns,
                                            const struct attempt_call_events *events)
{
    struct attempt_call *call = call_new(api, token, patience_ns, events);
    char text[SHA256_TEXT_BYTES + 1];

    digest_format(key, text);
    call->is_put = true;
    call->body = bytes;
    (void)snprintf(call->url, sizeof(call->url), "%s/internal/results/%s?ttl=%lld", api->url, text,
                   (long long)(ttl_ns / EXO_SECOND));
    return call;
}

struct attempt_call *attempt_api_get(struct attempt_api *api, const struct execution_id *execution,
                                     const struct wire_context *context, uint32_t index,
                                     size_t bytes_max, struct span token, exo_time patience_ns,
                                     const struct attempt_call_events *events)
{
    struct attempt_call *call = call_new(api, token, patience_ns, events);
    char text[SHA256_TEXT_BYTES + 1];

    call->bytes_max = bytes_max;
    if (context->kind == CONTEXT_BLOB) {
        digest_format(&context->digest, text);
        (void)snprintf(call->url, sizeof(call->url), "%s/internal/blobs/%s", api->url, text);
        return call;
    }
    assert(context->kind == CONTEXT_LIST);
    execution_id_format(execution, text);
    int bytes = snprintf(call->url, sizeof(call->url), "%s/internal/lists/%s/%u", api->url, text,
                         context->instance);

    if (index != UINT32_MAX) {
        (void)snprintf(call->url + bytes, sizeof(call->url) - (size_t)bytes, "?index=%u", index);
    }
    return call;
}
