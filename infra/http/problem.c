#include "infra/http/problem.h"

#include <assert.h>
#include <microhttpd.h>

#include "schemas/json/json_write.h"

int problem_status(enum exo_error_code code)
{
    switch (code) {
    case EXO_EINVALID:
        return 400;
    case EXO_ENOTFOUND:
        return 404;
    case EXO_ECONFLICT:
        return 409;
    case EXO_EDENIED:
        return 403;
    case EXO_ELIMIT:
        return 413;
    case EXO_EUNAVAILABLE:
    case EXO_EFENCED:
    case EXO_EUNKNOWN:
        return 503;
    case EXO_OK:
    case EXO_EIO:
    case EXO_EINTERNAL:
        break;
    }
    return 500;
}

static void put_member(struct json_writer *writer, const char *key, const char *text)
{
    if (text != NULL && text[0] != '\0') {
        json_key(writer, key);
        json_put_text(writer, text);
    }
}

static void put_fault(struct json_writer *writer, const struct fault *fault)
{
    json_begin_map(writer);
    json_key(writer, "path");
    json_put_text(writer, fault->path);
    if (fault->line != 0) {
        json_key(writer, "line");
        json_put_uint(writer, fault->line);
        json_key(writer, "column");
        json_put_uint(writer, fault->column);
    }
    json_key(writer, "detail");
    json_put_text(writer, fault->text);
    put_member(writer, "hint", fault->hint);
    json_end_map(writer);
}

static void put_faults(struct json_writer *writer, const struct fault_list *faults,
                       bool are_warnings)
{
    bool is_open = false;

    for (const struct fault *fault = faults->first; fault != NULL; fault = fault->next) {
        if (fault->is_warning != are_warnings) {
            continue;
        }
        if (!is_open) {
            json_key(writer, are_warnings ? "warnings" : "errors");
            json_begin_list(writer);
            is_open = true;
        }
        put_fault(writer, fault);
    }
    if (is_open) {
        json_end_list(writer);
    }
}

void problem_write(struct buffer *buffer, const struct problem *problem)
{
    struct json_writer writer = {.buffer = buffer};

    json_begin_map(&writer);
    put_member(&writer, "type", problem->type == NULL ? "about:blank" : problem->type);
    put_member(&writer, "title",
               problem->title == NULL ? MHD_get_reason_phrase_for((unsigned)problem->status)
                                      : problem->title);
    json_key(&writer, "status");
    json_put_int(&writer, problem->status);
    put_member(&writer, "detail", problem->detail);
    put_member(&writer, "instance", problem->instance);
    if (problem->faults != NULL) {
        put_faults(&writer, problem->faults, false);
        put_faults(&writer, problem->faults, true);
        if (problem->faults->error_count > problem->faults->kept_count) {
            json_key(&writer, "error_count"); /* more than are listed */
            json_put_uint(&writer, problem->faults->error_count);
        }
    }
    json_end_map(&writer);
    buffer_text(buffer, "\n");
}

void problem_respond(struct http_request *request, const struct problem *problem,
                     const struct http_header *headers, size_t header_count)
{
    struct heap_budget budget = {.limit_bytes = 0};
    struct buffer text;

    buffer_init(&text, allocator_heap(&budget), 0);
    problem_write(&text, problem);
    assert(!text.is_failed); /* only memory bounds it */
    struct http_answer answer = {.status = problem->status,
                                 .content_type = PROBLEM_CONTENT_TYPE,
                                 .body = buffer_span(&text),
                                 .headers = headers,
                                 .header_count = header_count};

    http_respond(request, &answer);
    buffer_release(&text);
}

void problem_respond_error(struct http_request *request, const struct exo_error *err)
{
    static const struct http_header later[] = {{"Retry-After", "1"}};
    struct problem problem = {.status = problem_status(err->code), .detail = err->text};

    problem_respond(request, &problem, later, err->is_retryable ? 1 : 0);
}
