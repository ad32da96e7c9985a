#include "producer/http/blob_upload.h"

#include "infra/crypto/crypto.h"
#include "schemas/vocab/limits.h"

struct blob_upload {
    struct exchange *x;
    struct blob_put *put; /* NULL: has ended */
    bool is_whole;        /* the body is here */
    bool has_failed;
    struct exo_error err;
};

bool blob_upload_is_due(const struct http_request *request)
{
    uint64_t bytes = http_body_announced(request);

    return bytes > BLOB_STORE_BYTES_MAX && bytes != UINT64_MAX;
}

static void cleanup(struct exchange *x)
{
    struct blob_upload *upload = x->state;

    blob_put_cancel(upload->put);
    upload->put = NULL;
}

static void answer(struct blob_upload *upload)
{
    struct exchange *x = upload->x;

    if (!upload->has_failed) {
        buffer_reset(&x->text);
        exchange_send(x, 204, "", NULL, 0);
    } else if (upload->err.code == EXO_EINVALID) {
        exchange_problem(x, 400, "%s", upload->err.text);
    } else if (upload->err.code == EXO_ELIMIT) {
        exchange_problem(x, 413, "%s", upload->err.text);
    } else {
        exchange_error(x, "the blobs", &upload->err);
    }
}

static void on_done(void *argument, const struct exo_error *err)
{
    struct blob_upload *upload = argument;

    upload->put = NULL;
    upload->has_failed = err != NULL;
    if (err != NULL) {
        upload->err = *err;
    }
    if (upload->is_whole) {
        answer(upload);
    } else {
        http_body_resume(upload->x->request);
    }
}

static void on_room(void *argument)
{
    struct blob_upload *upload = argument;

    if (!upload->is_whole) {
        http_body_resume(upload->x->request);
    }
}

static bool on_bytes(void *argument, struct span bytes)
{
    struct blob_upload *upload = argument;

    return upload->put == NULL || blob_put_write(upload->put, bytes);
}

static void on_gone(void *argument)
{
    struct blob_upload *upload = argument;

    exchange_abandon(upload->x);
}

static void refuse(struct http_request *request, int status, const char *detail)
{
    struct problem problem = {.status = status, .detail = detail};

    problem_respond(request, &problem, NULL, 0);
}

void blob_upload_admit(struct api *api, struct http_request *request, struct span name)
{
    struct digest digest;
    uint64_t bytes = http_body_announced(request);

    if (!digest_parse(name, &digest)) {
        refuse(request, 404, "a blob is named by the 64 hexadecimal digits of its SHA-256");
        return;
    }
    if (bytes > LIMIT_ARTEFACT_BYTES) {
        refuse(request, 413, "a blob may have 1 GiB");
        return;
    }
    if (!blobs_has_objects(api->blobs)) {
        refuse(
            request, 413,
            "a blob above 8 MiB needs an object store: set s3_endpoint and s3_bucket of the API");
        return;
    }
    struct exchange *x = exchange_begin(api, request);
    struct blob_upload *upload = exchange_alloc(x, sizeof(*upload));
    const struct blob_put_events events = {on_room, on_done, upload};
    const struct http_body_sink sink = {on_bytes, on_gone, upload};

    upload->x = x;
    x->state = upload;
    x->cleanup = cleanup;
    http_body_bytes_max_set(request, LIMIT_ARTEFACT_BYTES);
    http_body_stream(request, &sink);
    http_request_set_context(request, upload);
    upload->put = blob_put_begin(api->blobs, &digest, bytes, &events);
    exchange_end_handler(x);
}

void blob_upload_handle(void *context)
{
    struct blob_upload *upload = context;
    struct exchange *x = upload->x;

    x->is_inside = true;
    upload->is_whole = true;
    if (upload->put == NULL) {
        answer(upload);
    } else {
        blob_put_end(upload->put);
    }
    exchange_end_handler(x);
}
