#include "infra/http/client.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schemas/vocab/arena.h"
#include "schemas/vocab/buffer.h"
#include "schemas/vocab/limits.h"

enum { CONNECTIONS_MAX = 64, EASY_KEPT = 16, HOST_TEXT_BYTES = 128 };

/* One socket of libcurl's. */
struct client_socket {
    struct http_client *client;
    struct loop_watch *watch;
    curl_socket_t fd;
};

struct http_call {
    struct http_client *client;
    struct http_call *next; /* of the client's calls */
    struct http_call *previous;
    struct http_call *next_waiting; /* of those not yet given to libcurl */
    CURL *easy;
    struct curl_slist *headers;
    unsigned char *body;        /* libcurl reads it while sending */
    struct http_body_file file; /* instead of body */
    uint64_t file_at;           /* what libcurl reads next */
    struct buffer response;
    size_t response_bytes; /* also of what on_data took */
    size_t response_bytes_max;
    void (*on_data)(void *argument, struct span bytes);
    void (*on_done)(void *argument, const struct http_result *result);
    void *argument;
    bool is_added; /* to the multi handle */
    bool is_cancelled;
    bool is_too_large;
    char host[HOST_TEXT_BYTES]; /* for errors */
    char curl_error[CURL_ERROR_SIZE];
};

struct http_client {
    struct loop *loop;
    CURLM *multi;
    struct loop_timer *timer;
    struct http_call *calls;
    struct http_call *waiting; /* started inside a callback of libcurl's */
    CURL *kept[EASY_KEPT];     /* to be used again */
    size_t kept_count;
    struct heap_budget memory;
    bool is_inside; /* libcurl is running: it takes no new calls now */
    bool has_cancelled;
};

/* Only no memory makes these calls fail. */
static void must(bool is_done)
{
    if (!is_done) {
        (void)fputs("exosphere: http client: out of memory\n", stderr);
        abort();
    }
}

static void call_free(struct http_call *call)
{
    struct http_client *client = call->client;

    if (call->is_added) {
        must(curl_multi_remove_handle(client->multi, call->easy) == CURLM_OK);
    }
    if (call->previous != NULL) {
        call->previous->next = call->next;
    } else {
        client->calls = call->next;
    }
    if (call->next != NULL) {
        call->next->previous = call->previous;
    }
    if (client->kept_count < EASY_KEPT) {
        curl_easy_reset(call->easy);
        client->kept[client->kept_count++] = call->easy;
    } else {
        curl_easy_cleanup(call->easy);
    }
    for (struct curl_slist *header = call->headers; header != NULL; header = header->next) {
        explicit_bzero(header->data, strlen(header->data)); /* one may be a token */
    }
    curl_slist_free_all(call->headers);
    buffer_release(&call->response);
    free(call->body);
    free(call);
}

static enum exo_error_code code_of(CURLcode result)
{
    switch ((int)result) { /* only those whose meaning differs */
    case CURLE_URL_MALFORMAT:
        return EXO_EINVALID;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        return EXO_EDENIED;
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
        return EXO_EUNKNOWN;
    default:
        return EXO_EUNAVAILABLE;
    }
}

static void set_error(const struct http_call *call, CURLcode code, struct exo_error *err)
{
    if (call->is_too_large) {
        (void)exo_error_set(err, EXO_ELIMIT, "the answer of %s is above the limit of %zu bytes",
                            call->host, call->response_bytes_max);
        return;
    }
    const char *reason = call->curl_error[0] != '\0' ? call->curl_error : curl_easy_strerror(code);

    (void)exo_error_set(err, code_of(code), "no answer from %s: %s", call->host, reason);
    err->library_code = (int)code;
}

static void call_done(struct http_call *call, CURLcode code)
{
    struct http_result result = {.body = buffer_span(&call->response), .call = call};
    char *content_type = NULL;
    long status = 0;

    (void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status); /* known names */
    (void)curl_easy_getinfo(call->easy, CURLINFO_CONTENT_TYPE, &content_type);
    result.content_type = content_type == NULL ? "" : content_type;
    if (code == CURLE_OK && !call->is_too_large) {
        result.status = (int)status;
    } else {
        result.body = (struct span){NULL, 0};
        set_error(call, code, &result.err);
    }
    call->on_done(call->argument, &result);
    call_free(call);
}

static void add_waiting(struct http_client *client)
{
    while (client->waiting != NULL) {
        struct http_call *call = client->waiting;

        client->waiting = call->next_waiting;
        call->next_waiting = NULL;
        if (call->is_cancelled) {
            call_free(call);
            continue;
        }
        call->is_added = true;
        must(curl_multi_add_handle(client->multi, call->easy) == CURLM_OK);
    }
}

static void free_cancelled(struct http_client *client)
{
    struct http_call *next = NULL;

    for (struct http_call *call = client->calls; call != NULL; call = next) {
        next = call->next;
        if (call->is_cancelled && call->is_added) {
            call_free(call);
        }
    }
    client->has_cancelled = false;
}

static void finish_done(struct http_client *client)
{
    CURLMsg *message;
    int left = 0;

    while ((message = curl_multi_info_read(client->multi, &left)) != NULL) {
        struct http_call *call = NULL;
        CURLcode code = message->data.result;

        if (message->msg == CURLMSG_DONE) {
            (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call);
            call_done(call, code);
        }
    }
}

static void act(struct http_client *client, curl_socket_t fd, int events)
{
    int running = 0;

    client->is_inside = true;
    /* What goes wrong with a transfer is told by its message. */
    (void)curl_multi_socket_action(client->multi, fd, events, &running);
    client->is_inside = false;
    if (client->has_cancelled) {
        free_cancelled(client);
    }
    finish_done(client);
    add_waiting(client);
}

static void on_socket_ready(void *argument, unsigned ready)
{
    struct client_socket *socket = argument;
    int events = ((ready & LOOP_READABLE) != 0 ? CURL_CSELECT_IN : 0) |
                 ((ready & LOOP_WRITABLE) != 0 ? CURL_CSELECT_OUT : 0);

    act(socket->client, socket->fd, events);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *argument, void *socket_argument)
{
    struct http_client *client = argument;
    struct client_socket *socket = socket_argument;
    unsigned ready = ((what & CURL_POLL_IN) != 0 ? LOOP_READABLE : 0U) |
                     ((what & CURL_POLL_OUT) != 0 ? LOOP_WRITABLE : 0U);

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (socket != NULL) {
            (void)curl_multi_assign(client->multi, fd, NULL); /* it knows this socket */
            loop_watch_free(socket->watch);
            free(socket);
        }
        return 0;
    }
    if (socket != NULL) {
        loop_watch_set(socket->watch, ready);
        return 0;
    }
    socket = calloc(1, sizeof(*socket));
    must(socket != NULL);
    socket->client = client;
    socket->fd = fd;
    socket->watch = loop_watch_new(client->loop, fd, ready, on_socket_ready, socket);
    must(curl_multi_assign(client->multi, fd, socket) == CURLM_OK);
    return 0;
}

static int on_timer_wanted(CURLM *multi, long timeout_ms, void *argument)
{
    struct http_client *client = argument;

    (void)multi;
    if (timeout_ms < 0) {
        loop_timer_stop(client->timer);
    } else {
        loop_timer_start(client->timer, timeout_ms * EXO_MILLISECOND, 0);
    }
    return 0;
}

static void on_timer(void *argument)
{
    act(argument, CURL_SOCKET_TIMEOUT, 0);
}

struct http_client *http_client_open(struct loop *loop, unsigned connections_max,
                                     struct exo_error *err)
{
    struct http_client *client = calloc(1, sizeof(*client));
    long limit = connections_max == 0 ? CONNECTIONS_MAX : (long)connections_max;

    if (client == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        (void)exo_error_set(err, EXO_EIO, "cannot start the HTTP client: no memory");
        free(client);
        return NULL;
    }
    client->loop = loop;
    client->multi = curl_multi_init();
    must(client->multi != NULL);
    client->timer = loop_timer_new(loop, on_timer, client);
    must(curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK);
    must(curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client) == CURLM_OK);
    must(curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_timer_wanted) == CURLM_OK);
    must(curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client) == CURLM_OK);
    must(curl_multi_setopt(client->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, limit) == CURLM_OK);
    must(curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, limit) == CURLM_OK);
    return client;
}

void http_client_close(struct http_client *client)
{
    if (client == NULL) {
        return;
    }
    assert(!client->is_inside);
    while (client->calls != NULL) {
        call_free(client->calls);
    }
    while (client->kept_count > 0) {
        curl_easy_cleanup(client->kept[--client->kept_count]);
    }
    must(curl_multi_cleanup(client->multi) == CURLM_OK);
    loop_timer_free(client->timer);
    free(client);
    curl_global_cleanup();
}

/* Takes a piece of the answer's body; anything but its size ends the transfer. */
/* NOLINTNEXTLINE(readability-non-const-parameter): libcurl's type */
static size_t on_body(char *data, size_t size, size_t count, void *argument)
{
    struct http_call *call = argument;
    struct span bytes = {data, size * count};
    long status = 0;

    if (call->is_cancelled) {
        return 0;
    }
    (void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status); /* a known name */
    call->response_bytes += bytes.bytes;
    if (call->response_bytes_max != 0 && call->response_bytes > call->response_bytes_max) {
        call->is_too_large = true;
        return 0;
    }
    if (call->on_data != NULL && status < 300) {
        call->on_data(call->argument, bytes);
        return call->is_cancelled ? 0 : bytes.bytes;
    }
    buffer_append(&call->response, bytes);
    call->is_too_large = call->response.is_failed;
    return call->is_too_large ? 0 : bytes.bytes;
}

static void append_line(struct http_call *call, const char *line)
{
    struct curl_slist *headers = curl_slist_append(call->headers, line);

    must(headers != NULL);
    call->headers = headers;
}

static bool add_header(struct http_call *call, const char *name, const char *value)
{
    size_t bytes = strlen(name) + strlen(value) + 3;
    char *line = malloc(bytes);

    must(line != NULL);
    /* A line break would let a value speak as another header. */
    bool is_good = strpbrk(name, "\r\n:") == NULL && strpbrk(value, "\r\n") == NULL;

    if (is_good) {
        /* curl reads "name;" as a header without a value. */
        (void)snprintf(line, bytes, value[0] == '\0' ? "%s;%s" : "%s: %s", name, value);
        append_line(call, line);
    }
    explicit_bzero(line, bytes);
    free(line);
    return is_good;
}

static int add_headers(struct http_call *call, const struct http_call_options *options,
                       struct exo_error *err)
{
    for (size_t i = 0; i < options->header_count; i++) {
        if (!add_header(call, options->headers[i].name, options->headers[i].value)) {
            return exo_error_set(err, EXO_EINVALID, "the header %.40s holds a line break",
                                 options->headers[i].name);
        }
    }
    char *bearer = NULL;

    if (options->bearer != NULL) {
        must(asprintf(&bearer, "Bearer %s", options->bearer) >= 0);
        bool is_good = add_header(call, "Authorization", bearer);

        explicit_bzero(bearer, strlen(bearer));
        free(bearer);
        if (!is_good) {
            return exo_error_set(err, EXO_EINVALID,
                                 "the token holds a line break; check the file it comes from");
        }
    }
    /* Only what is large waits for "100 Continue", to hear a refusal before it is sent; and a body
     * is no form unless its sender says so. */
    append_line(call, options->body_file != NULL ? "Expect: 100-continue" : "Expect:");
    for (size_t i = 0; i < options->header_count; i++) {
        if (strcasecmp(options->headers[i].name, "Content-Type") == 0) {
            return 0;
        }
    }
    append_line(call, "Content-Type:");
    return 0;
}

/* Names the other side for errors, without what may be secret in the URL. */
static int set_host(struct http_call *call, const struct http_call_options *options,
                    struct exo_error *err)
{
    CURLU *url = curl_url();
    char *host = NULL;
    char *port = NULL;
    char *scheme = NULL;
    int result = -1;

    must(url != NULL);
    if (curl_url_set(url, CURLUPART_URL, options->url, 0) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
        (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0)) {
        result = 0;
    }
    if (result == 0 && options->unix_path != NULL) {
        (void)snprintf(call->host, sizeof(call->host), "%s", options->unix_path);
    } else if (result == 0) {
        (void)snprintf(call->host, sizeof(call->host), "%s:%s", host, port);
    } else {
        (void)exo_error_set(err, EXO_EINVALID,
                            "not a URL; write it as http://127.0.0.1:8080 or https://host/path");
    }
    if (options->unix_path != NULL ||
        (host != NULL && (strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
                          strcmp(host, "[::1]") == 0))) {
        must(curl_easy_setopt(call->easy, CURLOPT_PROXY, "") == CURLE_OK);
    }
    curl_free(host);
    curl_free(port);
    curl_free(scheme);
    curl_url_cleanup(url);
    return result;
}

static long timeout_ms(exo_time ns, exo_time default_ns)
{
    if (ns == EXO_TIME_NEVER) {
        return 0; /* curl's "none" */
    }
    exo_time chosen_ns = ns == 0 ? default_ns : ns;

    return (long)((chosen_ns + EXO_MILLISECOND - 1) / EXO_MILLISECOND);
}

static size_t on_file_read(char *room, size_t size, size_t count, void *argument)
{
    struct http_call *call = argument;
    uint64_t left = call->file.bytes - call->file_at;
    size_t wanted = size * count < left ? size * count : (size_t)left;
    ssize_t got = pread(call->file.fd, room, wanted, (off_t)call->file_at);

    if (got < 0 || (got == 0 && wanted > 0)) {
        return CURL_READFUNC_ABORT; /* the file is shorter than was said, or its disk failed */
    }
    call->file_at += (uint64_t)got;
    return (size_t)got;
}

/* A connection that was closed before it took the body is made anew. */
static int on_file_seek(void *argument, curl_off_t offset, int origin)
{
    struct http_call *call = argument;

    if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > call->file.bytes) {
        return CURL_SEEKFUNC_CANTSEEK;
    }
    call->file_at = (uint64_t)offset;
    return CURL_SEEKFUNC_OK;
}

static void set_body_file(struct http_call *call, const char *method)
{
    CURL *easy = call->easy;

    must(curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L) == CURLE_OK);
    must(curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)call->file.bytes) ==
         CURLE_OK);
    must(curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_file_read) == CURLE_OK);
    must(curl_easy_setopt(easy, CURLOPT_READDATA, call) == CURLE_OK);
    must(curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_file_seek) == CURLE_OK);
    must(curl_easy_setopt(easy, CURLOPT_SEEKDATA, call) == CURLE_OK);
    must(curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method) == CURLE_OK);
}

static void set_signer(struct http_call *call, const struct http_signer *signer)
{
    char scope[256];

    (void)snprintf(scope, sizeof(scope), "aws:amz:%s:%s", signer->region, signer->service);
    must(curl_easy_setopt(call->easy, CURLOPT_AWS_SIGV4, scope) == CURLE_OK);
    must(curl_easy_setopt(call->easy, CURLOPT_USERNAME, signer->access_key) == CURLE_OK);
    must(curl_easy_setopt(call->easy, CURLOPT_PASSWORD, signer->secret_key) == CURLE_OK);
}

static void set_body(struct http_call *call, const struct http_call_options *options)
{
    const char *method = options->method == NULL ? "GET" : options->method;
    bool is_read = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    CURL *easy = call->easy;

    if (strcmp(method, "HEAD") == 0) {
        must(curl_easy_setopt(easy, CURLOPT_NOBODY, 1L) == CURLE_OK);
    }
    if (options->body_file != NULL) {
        call->file = *options->body_file;
        set_body_file(call, method);
        return;
    }
    if (options->body.bytes > 0) {
        call->body = malloc(options->body.bytes);
        must(call->body != NULL);
        memcpy(call->body, options->body.data, options->body.bytes);
    }
    if (options->body.bytes > 0 || !is_read) {
        curl_off_t bytes = (curl_off_t)options->body.bytes;
        const void *body = call->body == NULL ? (const void *)"" : call->body;

        must(curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, bytes) == CURLE_OK);
        must(curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body) == CURLE_OK);
        must(curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method) == CURLE_OK);
    }
}

static int set_options(struct http_call *call, const struct http_call_options *options,
                       struct exo_error *err)
{
    CURL *easy = call->easy;
    long whole_ms = timeout_ms(options->timeout_ns, 30 * EXO_SECOND);
    long connect_ms = timeout_ms(options->connect_ns, 5 * EXO_SECOND);

    if (set_host(call, options, err) != 0 || add_headers(call, options, err) != 0) {
        return -1;
    }
    must(curl_easy_setopt(easy, CURLOPT_URL, options->url) == CURLE_OK);
    must(curl_easy_setopt(easy, CURLOPT_PRIVATE, call) == CURLE_OK);
    must(curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK);
    must(curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK);
    must(curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers) == CURLE_OK);
    must(curl_easy_setopt(easy, CURLOPT_USERAGENT, "exosphere/" EXO_VERSION) == CURLE_OK);
    must(curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->curl_error) == CURLE_OK);
    must(curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK);
    must(curl_easy_setopt(easy, CURLOPT_WRITEDATA, call) == CURLE_OK);
    must(curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, whole_ms) == CURLE_OK);
    must(curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connect_ms) == CURLE_OK);
    if (options->unix_path != NULL) {
        must(curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, options->unix_path) == CURLE_OK);
    }
    set_body(call, options);
    if (options->signer != NULL) {
        set_signer(call, options->signer);
    }
    return 0;
}

static struct http_call *call_new(struct http_client *client,
                                  const struct http_call_options *options)
{
    struct http_call *call = calloc(1, sizeof(*call));

    must(call != NULL);
    call->client = client;
    call->on_data = options->on_data;
    call->on_done = options->on_done;
    call->argument = options->argument;
    call->response_bytes_max = options->response_bytes_max;
    if (call->response_bytes_max == 0 && call->on_data == NULL) {
        call->response_bytes_max = LIMIT_BODY_BYTES;
    }
    /* Also the collected text of an error answer to a streaming call has a bound. */
    buffer_init(&call->response, allocator_heap(&client->memory),
                call->response_bytes_max == 0 ? LIMIT_BODY_BYTES : call->response_bytes_max);
    call->easy = client->kept_count > 0 ? client->kept[--client->kept_count] : curl_easy_init();
    must(call->easy != NULL);
    call->next = client->calls;
    if (client->calls != NULL) {
        client->calls->previous = call;
    }
    client->calls = call;
    return call;
}

struct http_call *http_call_start(struct http_client *client,
                                  const struct http_call_options *options, struct exo_error *err)
{
    struct http_call *call = call_new(client, options);

    if (set_options(call, options, err) != 0) {
        call_free(call);
        return NULL;
    }
    call->next_waiting = client->waiting;
    client->waiting = call;
    if (!client->is_inside) {
        add_waiting(client); /* only sets curl's timer: no callback of ours runs */
    }
    return call;
}

static bool is_waiting(const struct http_call *call)
{
    for (const struct http_call *other = call->client->waiting; other != NULL;
         other = other->next_waiting) {
        if (other == call) {
            return true;
        }
    }
    return false;
}

void http_call_cancel(struct http_call *call)
{
    if (call == NULL) {
        return;
    }
    if (call->client->is_inside || is_waiting(call)) {
        call->is_cancelled = true; /* freed when libcurl, or the list, has let go of it */
        call->client->has_cancelled = true;
        return;
    }
    call_free(call);
}

const char *http_result_header(const struct http_result *result, const char *name)
{
    struct curl_header *header = NULL;

    if (curl_easy_header(result->call->easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK) {
        return NULL;
    }
    return header->value;
}
