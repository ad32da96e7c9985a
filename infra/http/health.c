#include "infra/http/health.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "infra/http/problem.h"
#include "infra/telemetry/metric.h"

void health_init(struct health *health)
{
    *health = (struct health){.is_ready = false, .reason = "starting"};
}

void health_ready(struct health *health)
{
    *health = (struct health){.is_ready = true, .reason = ""};
}

void health_remark(struct health *health, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(health->reason, sizeof(health->reason), format, args);
    va_end(args);
}

void health_waiting(struct health *health, const char *format, ...)
{
    va_list args;

    health->is_ready = false;
    va_start(args, format);
    (void)vsnprintf(health->reason, sizeof(health->reason), format, args);
    va_end(args);
}

static void answer_metrics(struct http_request *request)
{
    struct heap_budget budget = {.limit_bytes = 0};
    struct buffer text;

    buffer_init(&text, allocator_heap(&budget), 0);
    metrics_write(&text);
    struct http_answer answer = {.status = text.is_failed ? 500 : 200,
                                 .content_type = METRICS_CONTENT_TYPE,
                                 .body = buffer_span(&text)};

    http_respond(request, &answer);
    buffer_release(&text);
}

static void answer_ok(struct http_request *request, const char *remark)
{
    char text[HEALTH_REASON_BYTES + 8];

    (void)snprintf(text, sizeof(text), "ok\n%s%s", remark, remark[0] == '\0' ? "" : "\n");
    struct http_answer answer = {
        .status = 200, .content_type = "text/plain", .body = span_of(text)};

    http_respond(request, &answer);
}

static void answer_not_ready(const struct health *health, struct http_request *request)
{
    static const struct http_header later[] = {{"Retry-After", "1"}};
    struct problem problem = {.status = 503, .title = "Not ready", .detail = health->reason};

    problem_respond(request, &problem, later, 1);
}

bool health_answer(const struct health *health, struct http_request *request)
{
    const char *path = http_path(request);
    const char *method = http_method(request);
    bool is_read = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;

    if (strcmp(path, "/healthz") != 0 && strcmp(path, "/readyz") != 0 &&
        strcmp(path, "/metrics") != 0) {
        return false;
    }
    if (!is_read) {
        static const struct http_header allow[] = {{"Allow", "GET, HEAD"}};
        struct problem problem = {.status = 405, .detail = "this path is only read"};

        problem_respond(request, &problem, allow, 1);
    } else if (strcmp(path, "/metrics") == 0) {
        answer_metrics(request);
    } else if (strcmp(path, "/readyz") == 0 && !health->is_ready) {
        answer_not_ready(health, request);
    } else {
        answer_ok(request, strcmp(path, "/readyz") == 0 ? health->reason : "");
    }
    return true;
}

static void handle(void *argument, struct http_request *request)
{
    struct problem problem = {.status = 404,
                              .detail = "this port has /healthz, /readyz and /metrics only"};

    if (!health_answer(argument, request)) {
        problem_respond(request, &problem, NULL, 0);
    }
}

struct http_server *health_server_open(struct loop *loop, const char *listen, struct health *health,
                                       struct exo_error *err)
{
    struct http_server_options options = {.listen = listen,
                                          .body_bytes_max = 1024,
                                          .connections_max = 64,
                                          .handle = handle,
                                          .argument = health};

    return http_server_open(loop, &options, err);
}
