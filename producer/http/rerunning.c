/* rerunning: POST /v1/executions/{id}/rerun: a new execution of what an old one ran, which keeps
 * what ended well (ADR 0018).
 *
 *   old row --rerun_body_read--> submission without a cluster --submitting--> exo.jobs */
#include <stdio.h>

#include "producer/core/rerun_body.h"
#include "producer/core/view.h"
#include "producer/http/handlers.h"
#include "producer/http/reading.h"
#include "producer/http/submitting.h"

struct rerunning {
    struct submitting one;
    const struct read_execution *old;
    struct rerun_body body;
    uint32_t next; /* satellite whose outputs are looked for */
};

static void cleanup(struct exchange *x)
{
    struct rerunning *rerunning = x->state;

    submitting_drop(&rerunning->one);
}

static void posted(struct submitting *s, int status, const char *detail)
{
    struct exchange *x = s->x;

    if (status == 429 || status == 503) {
        exchange_later(x, status, 1, detail);
    } else if (status != 202) {
        exchange_problem(x, status, "%s", detail);
    } else {
        struct json_writer w = exchange_json(x);
        char location[64] = "/v1/executions/";
        struct http_header header = {"Location", location};

        execution_id_format(&s->id, location + strlen(location));
        view_put_accepted(&w, &s->id, "QUEUED");
        exchange_send(x, 202, NULL, &header, 1);
    }
}

static void submit(struct exchange *x)
{
    struct rerunning *rerunning = x->state;
    char *id = exchange_alloc(x, EXECUTION_ID_TEXT_BYTES + 1);

    execution_id_format(&rerunning->old->row.id, id);
    rerunning->one.x = x;
    rerunning->one.done = posted;
    rerunning->one.submission = (struct submission){
        .entry = x->held,
        .input = rerunning->body.input,
        .idempotency_key = rerunning->body.idempotency_key,
        .start_at_ms = rerunning->body.start_at_ms,
        .rerun_of = {id, EXECUTION_ID_TEXT_BYTES},
        .rerun_from = rerunning->body.from,
    };
    x->cleanup = cleanup;
    submitting_begin(&rerunning->one);
}

static void look(struct exchange *x);

static void on_segments(void *argument, const struct store_segment *segments, uint32_t count,
                        const struct exo_error *err)
{
    struct exchange *x = argument;

    (void)segments;
    if (!exchange_back(x)) {
        return;
    }
    struct rerunning *rerunning = x->state;

    if (err != NULL) {
        exchange_error(x, "the store", err);
    } else if (count == 0) {
        exchange_problem(x, 409,
                         "the outputs of `%.*s` have been deleted with the execution that ran it "
                         "(retention_executions); begin there, or run the whole cluster again",
                         SPAN_ARG(rerunning->old->cluster->satellites[rerunning->next].name));
    } else {
        rerunning->next++;
        look(x);
    }
}

/* Maps that the old execution itself has kept of another one may be gone: the scheduler would find
 * out, but nobody would hear of it. */
static void look(struct exchange *x)
{
    struct rerunning *rerunning = x->state;
    const struct wire_body *body = &rerunning->old->body;

    for (; rerunning->next < body->instance_count; rerunning->next++) {
        const struct wire_instance *instance = &body->instances[rerunning->next];

        if (!rerunning->body.again[rerunning->next] && instance->has_origin && instance->is_map &&
            instance->task_count > 0 && instance->state == TASK_SUCCEEDED) {
            store_segment_get(x->api->store, &instance->origin, instance->origin_number, 0, 0, 1,
                              on_segments, exchange_wait(x));
            return;
        }
    }
    submit(x);
}

static void on_old(struct exchange *x, const struct read_execution *old)
{
    struct rerunning *rerunning = x->state;
    const struct rerun_old what = {old->cluster, &old->body,
                                   strcmp(old->row.state, "SUCCEEDED") == 0};
    struct fault_list faults;

    if (!old->row.is_terminal) {
        exchange_problem(x, 409, "the execution has not ended: it is %s; cancel it first, or wait",
                         old->row.state);
        return;
    }
    fault_list_init(&faults, &x->arena, 0);
    enum submit_result result =
        rerun_body_read(http_body(x->request), &what, &x->arena, &rerunning->body, &faults);

    if (result != SUBMIT_OK) {
        x->api->counts.refused++;
        exchange_faults(x, result == SUBMIT_EMALFORMED ? 400 : 422,
                        result == SUBMIT_EMALFORMED ? "the body is no JSON that can be taken"
                                                    : "the rerun has faults",
                        &faults);
        return;
    }
    if (submitting_key(x, &rerunning->body.idempotency_key) &&
        submitting_is_possible(x, http_body(x->request).bytes)) {
        rerunning->old = old;
        look(x);
    }
}

void execution_rerun(struct exchange *x)
{
    x->state = exchange_alloc(x, sizeof(struct rerunning));
    reading_begin(x, on_old);
}
