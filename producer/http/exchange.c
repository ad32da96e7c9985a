/* exchange: one request from its handler to its answer, over any number of callbacks. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "producer/core/command_body.h"
#include "producer/http/api_state.h"
#include "schemas/json/utf8.h"

enum { DETAIL_BYTES = 640, ANSWER_BYTES_KEPT = 64 << 10, ARENA_BYTES_KEPT = 256 << 10 };

static void must_have(const void *made)
{
    if (made == NULL) {
        (void)fputs("exosphere: api: no memory for a request\n", stderr);
        abort();
    }
}

struct exchange *exchange_begin(struct api *api, struct http_request *request)
{
    struct exchange *x = api->idle;

    if (x != NULL) {
        api->idle = x->next;
        api->idle_count--;
    } else {
        x = calloc(1, sizeof(*x));
        must_have(x);
        x->api = api;
        arena_init(&x->arena, allocator_heap(&x->budget), 0);
        arena_init(&x->parsing, allocator_heap(&x->budget), PARSING_BYTES_MAX);
        buffer_init(&x->text, allocator_heap(&x->budget), 0);
    }
    x->request = request;
    x->is_inside = true;
    x->previous = NULL;
    x->next = api->open;
    if (api->open != NULL) {
        api->open->previous = x;
    }
    api->open = x;
    api->open_count++;
    return x;
}

static void exchange_free(struct exchange *x)
{
    arena_release(&x->arena);
    arena_release(&x->parsing);
    buffer_release(&x->text);
    free(x);
}

/* Keeps a small block for the next request. */
static void arena_forget(struct arena *arena)
{
    arena_reset(arena);
    if (arena->used_bytes > ARENA_BYTES_KEPT) {
        arena_release(arena);
    }
}

/* Nobody waits for it and it waits for nobody. */
static void recycle(struct exchange *x)
{
    struct api *api = x->api;

    *(x->previous != NULL ? &x->previous->next : &api->open) = x->next;
    if (x->next != NULL) {
        x->next->previous = x->previous;
    }
    api->open_count--;
    if (api->idle_count == EXCHANGES_KEPT || api->is_closed) {
        exchange_free(x);
    } else {
        arena_forget(&x->arena);
        arena_forget(&x->parsing);
        if (x->text.capacity_bytes > ANSWER_BYTES_KEPT) {
            buffer_release(&x->text);
        }
        buffer_reset(&x->text);
        x->state = NULL;
        x->cleanup = NULL;
        x->on_drained = NULL;
        x->is_stream = false;
        x->next = api->idle;
        api->idle = x;
        api->idle_count++;
    }
    api_free_if_done(api);
}

/* The request has its answer, or nobody to give it to. */
static void finish(struct exchange *x)
{
    assert(x->request == NULL);
    if (x->cleanup != NULL) {
        void (*cleanup)(struct exchange *) = x->cleanup;

        x->cleanup = NULL;
        cleanup(x);
    }
    if (x->held != NULL) {
        book_drop(x->held);
        x->held = NULL;
    }
    if (x->admitted_bytes > 0) {
        admission_give(&x->api->admission, x->admitted_bytes);
        x->admitted_bytes = 0;
    }
    if (x->pending == 0 && !x->is_inside) {
        recycle(x);
    }
}

void exchange_end_handler(struct exchange *x)
{
    x->is_inside = false;
    if (x->request == NULL && x->pending == 0) {
        recycle(x);
    }
}

struct exchange *exchange_wait(struct exchange *x)
{
    x->pending++;
    return x;
}

bool exchange_back(struct exchange *x)
{
    assert(x->pending > 0);
    x->pending--;
    if (x->request != NULL) {
        return true;
    }
    if (x->pending == 0 && !x->is_inside) {
        recycle(x);
    }
    return false;
}

bool exchange_back_with(struct exchange *x, const struct exo_error *err)
{
    if (!exchange_back(x)) {
        return false;
    }
    if (err != NULL) {
        exchange_error(x, "the store", err);
    }
    return err == NULL;
}

static void delay_free(struct api *api, struct exchange_delay *delay)
{
    *(delay->previous != NULL ? &delay->previous->next : &api->delays) = delay->next;
    if (delay->next != NULL) {
        delay->next->previous = delay->previous;
    }
    loop_timer_free(delay->timer);
    free(delay);
}

static void on_delay(void *argument)
{
    struct exchange_delay *delay = argument;
    void (*call)(void *) = delay->call;
    void *its = delay->argument;

    delay_free(delay->x->api, delay);
    call(its);
}

void exchange_delay(struct exchange *x, exo_time delay_ns, void (*call)(void *argument),
                    void *argument)
{
    struct api *api = x->api;
    struct exchange_delay *delay = calloc(1, sizeof(*delay));

    must_have(delay);
    *delay = (struct exchange_delay){
        .next = api->delays, .x = exchange_wait(x), .call = call, .argument = argument};
    if (api->delays != NULL) {
        api->delays->previous = delay;
    }
    api->delays = delay;
    delay->timer = loop_timer_new(api->loop, on_delay, delay);
    loop_timer_start(delay->timer, delay_ns, 0);
}

void exchange_delays_end(struct api *api)
{
    while (api->delays != NULL) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what is freed has left the list */
        struct exchange *x = api->delays->x;

        delay_free(api, api->delays);
        if (exchange_back(x)) {
            continue; /* nothing is done with it: the API closes */
        }
    }
}

void exchange_abandon(struct exchange *x)
{
    if (x->request != NULL) {
        x->request = NULL;
        finish(x);
    }
}

void *exchange_alloc(struct exchange *x, size_t bytes)
{
    void *block = arena_alloc(&x->arena, bytes);

    must_have(block);
    return block;
}

struct span exchange_copy(struct exchange *x, struct span source)
{
    struct span copy = arena_copy(&x->arena, source);

    must_have(copy.data);
    return copy;
}

bool exchange_idempotency_key(struct exchange *x, const char **ret_key)
{
    const char *key = http_request_header(x->request, "Idempotency-Key");

    *ret_key = key;
    if (key != NULL &&
        (key[0] == '\0' || strlen(key) > COMMAND_ID_BYTES_MAX || !utf8_is_valid(span_of(key)))) {
        exchange_problem(x, 400, "Idempotency-Key: it is a text of 1 to %d bytes, in UTF-8",
                         (int)COMMAND_ID_BYTES_MAX);
        return false;
    }
    return true;
}

struct json_writer exchange_json(struct exchange *x)
{
    buffer_reset(&x->text);
    return (struct json_writer){.buffer = &x->text};
}

void exchange_send(struct exchange *x, int status, const char *content_type,
                   const struct http_header *headers, size_t header_count)
{
    if (content_type == NULL) {
        buffer_text(&x->text, "\n");
        content_type = "application/json";
    }
    if (content_type[0] == '\0') {
        content_type = NULL;
    }
    assert(!x->text.is_failed); /* only memory bounds it */
    struct http_answer answer = {
        .status = status,
        .content_type = content_type,
        .body = buffer_span(&x->text),
        .headers = headers,
        .header_count = header_count,
    };

    http_respond(x->request, &answer);
    x->request = NULL;
    finish(x);
}

static void send_problem(struct exchange *x, const struct problem *problem,
                         const struct http_header *headers, size_t header_count)
{
    buffer_reset(&x->text);
    problem_write(&x->text, problem);
    x->api->counts.throttled += problem->status == 429;
    x->api->counts.unavailable += problem->status == 503;
    exchange_send(x, problem->status, PROBLEM_CONTENT_TYPE, headers, header_count);
}

void exchange_problem(struct exchange *x, int status, const char *format, ...)
{
    char detail[DETAIL_BYTES];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(detail, sizeof(detail), format, arguments);
    va_end(arguments);
    struct problem problem = {.status = status, .detail = detail};

    send_problem(x, &problem, NULL, 0);
}

void exchange_faults(struct exchange *x, int status, const char *detail,
                     const struct fault_list *faults)
{
    struct problem problem = {.status = status, .detail = detail, .faults = faults};

    send_problem(x, &problem, NULL, 0);
}

void exchange_later(struct exchange *x, int status, unsigned seconds, const char *detail)
{
    char number[16];
    struct http_header header = {"Retry-After", number};
    struct problem problem = {.status = status, .detail = detail};

    (void)snprintf(number, sizeof(number), "%u", seconds);
    send_problem(x, &problem, &header, 1);
}

void exchange_error(struct exchange *x, const char *what, const struct exo_error *err)
{
    int status = problem_status(err->code);
    char detail[DETAIL_BYTES];

    (void)snprintf(detail, sizeof(detail), "%s: %s", what, err->text);
    if (status == 503 || err->is_retryable) {
        exchange_later(x, err->code == EXO_ELIMIT ? 429 : 503, 1, detail);
    } else {
        exchange_problem(x, status, "%s", detail);
    }
}

static void on_gone(void *argument)
{
    exchange_abandon(argument);
}

static void on_drained(void *argument)
{
    struct exchange *x = argument;

    if (x->request != NULL && x->on_drained != NULL) {
        x->on_drained(x);
    }
}

void exchange_stream(struct exchange *x, const char *content_type,
                     void (*drained)(struct exchange *x))
{
    static const struct http_header headers[] = {{"Cache-Control", "no-store"},
                                                 {"X-Accel-Buffering", "no"}};
    struct http_answer head = {.status = 200,
                               .content_type = content_type,
                               .headers = headers,
                               .header_count = sizeof(headers) / sizeof(headers[0])};
    struct http_stream_options options = {
        .on_gone = on_gone, .on_drained = on_drained, .argument = x};

    x->is_stream = true;
    x->on_drained = drained;
    http_stream_begin(x->request, &head, &options);
}

void exchange_stream_end(struct exchange *x)
{
    http_stream_end(x->request);
    x->request = NULL;
    finish(x);
}

void exchange_stream_break(struct exchange *x)
{
    /* on_gone follows, on a later turn. */
    http_stream_break(x->request);
}
