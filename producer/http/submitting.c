#include "producer/http/submitting.h"

#include <stdio.h>

#include "producer/http/reading.h"

enum { BACKLOG_LATER_S = 5 };

static const exo_time append_limit_ns = 10 * EXO_SECOND;

bool submitting_is_possible(struct exchange *x, size_t bytes)
{
    struct api *api = x->api;

    if (api->shard_count == 0 || !api->is_prepared || !log_is_up(api->log)) {
        char detail[API_WAITS_BYTES + 64];

        (void)snprintf(detail, sizeof(detail), "nothing can be submitted now: it waits for %s",
                       api_waits_for(api));
        exchange_later(x, 503, 1, detail);
        return false;
    }
    api->backlog_is_wanted = true;
    if (backlog_is_over(&api->backlog)) {
        exchange_later(x, 429, BACKLOG_LATER_S,
                       "too many jobs wait for a scheduler (backlog_max); send it again later");
        return false;
    }
    if (!admission_take(&api->admission, bytes)) {
        exchange_later(x, 429, 1,
                       "too many submissions wait for the log (flight_bytes_max); send it again");
        return false;
    }
    x->admitted_bytes = bytes;
    return true;
}

bool submitting_key(struct exchange *x, const char **key)
{
    const char *header;

    if (!exchange_idempotency_key(x, &header)) {
        return false;
    }
    if (header != NULL && *key != NULL && strcmp(header, *key) != 0) {
        exchange_problem(x, 400,
                         "the header Idempotency-Key and idempotency_key say different things; "
                         "give one of them");
        return false;
    }
    if (header != NULL) {
        *key = exchange_copy(x, span_of(header)).data;
    }
    return true;
}

void submitting_drop(struct submitting *s)
{
    if (s->is_held) {
        s->is_held = false;
        book_drop(s->submission.entry);
    }
}

static void on_appended(void *argument, int64_t offset, const struct exo_error *err)
{
    struct submitting *s = argument;

    (void)offset;
    if (!exchange_back(s->x)) {
        return;
    }
    if (err == NULL) {
        s->x->api->counts.submitted++;
        s->done(s, 202, NULL);
        return;
    }
    char detail[640];

    (void)snprintf(detail, sizeof(detail), "%s: %s",
                   err->code == EXO_EUNKNOWN
                       ? "it may or may not have been submitted; with an idempotency_key it can "
                         "safely be sent again"
                       : "it has not been submitted",
                   err->text);
    s->done(s, 503, detail);
}

/* Of everything but id and time, so that the same submission has the same digest; also where it
 * names what has a newer version by now. */
static struct digest submission_digest(struct api *api, const struct submission *submission)
{
    struct wire_job job = submit_job(submission);

    if (submission->wanted != NULL) {
        job.cluster = submission->written;
    }
    arena_reset(&api->scratch);
    buffer_reset(&api->packed);
    wire_job_pack(&job, &api->scratch, &api->packed);
    return sha256_of(buffer_span(&api->packed));
}

static void append(struct submitting *s)
{
    struct api *api = s->x->api;
    struct wire_job job = submit_job(&s->submission);
    char id[EXECUTION_ID_TEXT_BYTES + 1];
    struct exo_error err;

    execution_id_format(&s->id, id);
    job.execution_id = (struct span){id, EXECUTION_ID_TEXT_BYTES};
    job.submitted_ms = clock_wall_ns() / EXO_MILLISECOND;
    const char *trace = http_request_header(s->x->request, "traceparent");

    if (trace != NULL && strlen(trace) <= 64) {
        job.traceparent = span_of(trace);
    }
    arena_reset(&api->scratch);
    buffer_reset(&api->packed);
    wire_job_pack(&job, &api->scratch, &api->packed);
    submitting_drop(s);
    if (s->placed != NULL) {
        s->placed(s);
    }
    if (api->packed.is_failed) {
        s->done(s, 503, "no memory for the submission now; send it again");
        return;
    }
    (void)exchange_wait(s->x);
    if (log_append(api->log, TOPIC_JOBS, execution_shard(&s->id, api->shard_count),
                   job.execution_id, buffer_span(&api->packed), append_limit_ns, on_appended, s,
                   &err) != 0) {
        if (exchange_back(s->x)) {
            s->done(s, err.is_retryable ? 429 : 413, err.text);
        }
    }
}

static void on_key(void *argument, const struct execution_id *id, const struct digest *body,
                   const struct exo_error *err)
{
    struct submitting *s = argument;

    if (!exchange_back(s->x)) {
        return;
    }
    if (err != NULL) {
        char detail[640];

        submitting_drop(s);
        (void)snprintf(detail, sizeof(detail), "it has not been submitted: %s", err->text);
        s->done(s, 503, detail);
        return;
    }
    if (memcmp(body->bytes, s->body.bytes, DIGEST_BYTES) != 0) {
        submitting_drop(s);
        s->done(s, 409,
                "the idempotency_key was used for another submission; use a new one, or send the "
                "same again, `input` and `labels` in the same order");
        return;
    }
    s->id = *id;
    append(s);
}

static struct execution_id new_id(struct submitting *s)
{
    struct api *api = s->x->api;
    struct execution_id id = execution_id_new(clock_wall_ns() / EXO_MILLISECOND);
    uint32_t shard =
        placement_next(&api->placement, api->shard_count,
                       placement_weight(s->submission.entry->cluster), loop_now_ns(api->loop));

    /* Where it cannot be settled it is where it is. */
    (void)execution_id_settle(&id, shard, api->shard_count);
    return id;
}

void submitting_begin(struct submitting *s)
{
    struct api *api = s->x->api;

    s->id = new_id(s);
    if (s->submission.idempotency_key == NULL) {
        append(s);
        return;
    }
    s->body = submission_digest(api, &s->submission);
    s->is_held = true;
    book_hold(s->submission.entry);
    struct span project =
        exchange_copy(s->x, s->submission.entry->cluster->project); /* with a NUL */

    store_key_put(api->store, project.data, s->submission.idempotency_key, &s->id, &s->body, on_key,
                  (exchange_wait(s->x), s));
}
