/* batch: many submissions in one request, a line each, answered line by line in order.
 *
 * Lines are read in slices, a slice a turn of the loop, so that a thousand clusters do not hold up
 * everybody else. */
#include <stdio.h>

#include "producer/http/resolving.h"
#include "producer/http/submitting.h"
#include "schemas/vocab/limits.h"

enum { SLICE_LINES = 50 };

/* A line: what it holds, then its answer. */
struct line {
    struct span text;
    uint32_t number; /* in the body, from 1 */
    struct resolving read;
    struct submitting submitting;
    int status;
    struct span problem; /* JSON, in the arena */
};

struct batch {
    struct line *lines;
    uint32_t count;
    uint32_t next;    /* to be read */
    uint32_t waiting; /* on their way */
};

static void cleanup(struct exchange *x)
{
    struct batch *batch = x->state;

    for (uint32_t i = 0; i < batch->next; i++) {
        submitting_drop(&batch->lines[i].submitting);
    }
}

static void put_line(struct json_writer *w, const struct line *line)
{
    char id[EXECUTION_ID_TEXT_BYTES + 1];

    json_begin_map(w);
    json_key(w, "line");
    json_put_uint(w, line->number);
    json_key(w, "status");
    json_put_int(w, line->status);
    if (line->status == 202) {
        execution_id_format(&line->submitting.id, id);
        json_key(w, "id");
        json_put_text(w, id);
        json_key(w, "state");
        json_put_text(w, "QUEUED");
    } else {
        json_key(w, "problem");
        json_put_raw(w, line->problem);
    }
    json_end_map(w);
}

static void answer_if_done(struct exchange *x)
{
    struct batch *batch = x->state;

    if (batch->next < batch->count || batch->waiting > 0) {
        return;
    }
    buffer_reset(&x->text);
    for (uint32_t i = 0; i < batch->count; i++) {
        struct json_writer w = {.buffer = &x->text};

        put_line(&w, &batch->lines[i]);
        buffer_text(&x->text, "\n");
    }
    exchange_send(x, 200, "application/x-ndjson", NULL, 0);
}

static void line_refuse(struct exchange *x, struct line *line, int status, const char *detail,
                        const struct fault_list *faults)
{
    struct problem problem = {.status = status, .detail = detail, .faults = faults};

    line->status = status;
    buffer_reset(&x->text);
    problem_write(&x->text, &problem);
    /* Without the newline at its end. */
    line->problem = exchange_copy(x, (struct span){x->text.data, x->text.bytes - 1});
}

static void line_done(struct submitting *s, int status, const char *detail)
{
    struct exchange *x = s->x;
    struct batch *batch = x->state;
    struct line *line = &batch->lines[s->line];

    batch->waiting--;
    line->status = status;
    if (status != 202) {
        line_refuse(x, line, status, detail, NULL);
    }
    answer_if_done(x);
}

static void on_read(struct resolving *r, enum submit_result result, const struct exo_error *err)
{
    struct exchange *x = r->x;
    struct batch *batch = x->state;
    uint32_t place =
        (uint32_t)((struct line *)((char *)r - offsetof(struct line, read)) - batch->lines);
    struct line *line = &batch->lines[place];

    if (err == NULL && result == SUBMIT_OK) {
        line->submitting.x = x;
        line->submitting.line = place;
        line->submitting.submission = r->submission;
        line->submitting.done = line_done;
        submitting_begin(&line->submitting);
        return;
    }
    batch->waiting--;
    if (err != NULL) {
        line_refuse(x, line, problem_status(err->code), err->text, NULL);
    } else {
        x->api->counts.refused++;
        line_refuse(x, line, result == SUBMIT_EMALFORMED ? 400 : 422,
                    "the submission of this line has faults", &r->faults);
    }
    answer_if_done(x);
}

static void line_read(struct exchange *x, uint32_t place)
{
    struct batch *batch = x->state;
    struct line *line = &batch->lines[place];

    line->read = (struct resolving){.x = x, .text = line->text, .done = on_read};
    batch->waiting++;
    resolving_begin(&line->read);
}

static void read_slice(void *argument)
{
    struct exchange *x = argument;

    if (!exchange_back(x)) {
        return;
    }
    struct batch *batch = x->state;
    uint32_t end =
        batch->next + SLICE_LINES < batch->count ? batch->next + SLICE_LINES : batch->count;

    /* Held open: the last line may be refused at once, and the answer must come once. */
    batch->waiting++;
    while (batch->next < end) {
        uint32_t place = batch->next++;

        line_read(x, place);
    }
    batch->waiting--;
    if (batch->next < batch->count) {
        loop_defer(x->api->loop, read_slice, exchange_wait(x));
    } else {
        answer_if_done(x);
    }
}

static bool is_blank(struct span text)
{
    const char *c = text.data;

    for (size_t i = 0; i < text.bytes; i++) {
        if (c[i] != ' ' && c[i] != '\t' && c[i] != '\r') {
            return false;
        }
    }
    return true;
}

/* The lines that hold something; false when there are too many. */
static bool split(struct exchange *x, struct batch *batch)
{
    struct span body = http_body(x->request);
    const char *at = body.data;
    const char *end = body.bytes == 0 ? at : at + body.bytes;
    uint32_t number = 0;

    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        struct span text = {at, (size_t)((stop == NULL ? end : stop) - at)};

        number++;
        at = stop == NULL ? end : stop + 1;
        if (is_blank(text)) {
            continue;
        }
        if (batch->count == LIMIT_SUBMIT_LINES) {
            return false;
        }
        batch->lines[batch->count++] = (struct line){.text = text, .number = number};
    }
    return true;
}

void batch_begin(struct exchange *x)
{
    struct batch *batch = exchange_alloc(x, sizeof(*batch));

    if (http_query(x->request, "wait").data != NULL) {
        exchange_problem(x, 400, "wait goes with one submission as application/json only");
        return;
    }
    if (http_request_header(x->request, "Idempotency-Key") != NULL) {
        exchange_problem(x, 400,
                         "Idempotency-Key goes with one submission; give each line an "
                         "idempotency_key");
        return;
    }
    batch->lines = exchange_alloc(x, LIMIT_SUBMIT_LINES * sizeof(*batch->lines));
    if (!split(x, batch)) {
        exchange_problem(x, 413, "the body has more than the limit of %d lines; send several",
                         (int)LIMIT_SUBMIT_LINES);
        return;
    }
    if (batch->count == 0) {
        exchange_problem(x, 400, "the body holds no submission; send one JSON object a line");
        return;
    }
    if (!submitting_is_possible(x, http_body(x->request).bytes)) {
        return;
    }
    x->state = batch;
    x->cleanup = cleanup;
    loop_defer(x->api->loop, read_slice, exchange_wait(x));
}
