/* executions: POST /v1/executions and its other name /v1/clusters. */
#include <stdio.h>
#include <strings.h>

#include "producer/core/view.h"
#include "producer/http/handlers.h"
#include "producer/http/resolving.h"
#include "producer/http/submitting.h"
#include "schemas/vocab/quantity.h"

#define WAIT_MAX (5 * EXO_MINUTE)

/* What stands before the parameters of a content type. */
static bool is_type(const char *header, const char *type)
{
    size_t bytes = strlen(type);

    return strncasecmp(header, type, bytes) == 0 &&
           (header[bytes] == '\0' || header[bytes] == ';' || header[bytes] == ' ');
}

struct posting {
    struct resolving read;
    struct submitting one;
    exo_time wait_ns;
    struct waiting *waiting; /* NULL: its id is not known yet, or nobody waits */
};

static void cleanup(struct exchange *x)
{
    struct posting *posting = x->state;

    submitting_drop(&posting->one);
    if (posting->waiting != NULL) {
        waiting_close(posting->waiting);
    }
}

static void placed(struct submitting *s)
{
    struct posting *posting = s->x->state;

    if (posting->wait_ns > 0) {
        posting->waiting = waiting_open(s->x, &s->id);
    }
}

static void posted(struct submitting *s, int status, const char *detail)
{
    struct exchange *x = s->x;
    struct posting *posting = x->state;

    if (status == 429 || status == 503) {
        exchange_later(x, status, 1, detail);
    } else if (status != 202) {
        exchange_problem(x, status, "%s", detail);
    } else if (posting->waiting != NULL) {
        /* With a key the id may be that of an execution that has ended long ago. */
        waiting_begin(posting->waiting, posting->wait_ns, s->submission.idempotency_key == NULL);
    } else {
        struct json_writer w = exchange_json(x);
        char location[64] = "/v1/executions/";
        struct http_header header = {"Location", location};

        execution_id_format(&s->id, location + strlen(location));
        view_put_accepted(&w, &s->id, "QUEUED");
        exchange_send(x, 202, NULL, &header, 1);
    }
}

static bool wait_parse(struct exchange *x, exo_time *ret_ns)
{
    struct span text = http_query(x->request, "wait");
    exo_time ns = 0;

    if (text.data != NULL && (!duration_parse(text, &ns) || ns > WAIT_MAX)) {
        exchange_problem(x, 400, "wait: write a duration up to 5m, such as ?wait=30s");
        return false;
    }
    *ret_ns = ns;
    return true;
}

static void on_read(struct resolving *r, enum submit_result result, const struct exo_error *err)
{
    struct exchange *x = r->x;
    struct posting *posting = x->state;

    if (err != NULL) {
        exchange_error(x, "the store", err);
        return;
    }
    if (result != SUBMIT_OK) {
        x->api->counts.refused++;
        exchange_faults(x, result == SUBMIT_EMALFORMED ? 400 : 422,
                        result == SUBMIT_EMALFORMED ? "the body is no JSON that can be taken"
                                                    : "the submission has faults",
                        &r->faults);
        return;
    }
    posting->one.x = x;
    posting->one.submission = r->submission;
    if (!submitting_key(x, &posting->one.submission.idempotency_key)) {
        return;
    }
    posting->one.done = posted;
    posting->one.placed = placed;
    x->cleanup = cleanup;
    submitting_begin(&posting->one);
}

static void post_one(struct exchange *x)
{
    struct posting *posting = exchange_alloc(x, sizeof(*posting));
    struct span body = http_body(x->request);

    x->state = posting;
    if (!wait_parse(x, &posting->wait_ns) || !submitting_is_possible(x, body.bytes)) {
        return;
    }
    posting->read = (struct resolving){.x = x, .text = body, .done = on_read};
    resolving_begin(&posting->read);
}

void executions_post(struct exchange *x)
{
    const char *type = http_request_header(x->request, "Content-Type");

    if (type != NULL && is_type(type, "application/x-ndjson")) {
        batch_begin(x);
    } else if (type == NULL || is_type(type, "application/json") ||
               is_type(type, "application/x-www-form-urlencoded")) {
        post_one(x); /* the last is what curl -d says of any text */
    } else {
        exchange_problem(x, 415,
                         "send application/json, or application/x-ndjson with a submission "
                         "a line");
    }
}
