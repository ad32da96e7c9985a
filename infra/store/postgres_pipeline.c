#include "infra/store/postgres_connection.h"

#include <string.h>

#define QUEUE_LIMIT_NS (2 * EXO_SECOND)
#define TICK_NS (100 * EXO_MILLISECOND)

/* ---- lists ---- */

static void push(struct link_request **first, struct link_request **last,
                 struct link_request *request)
{
    request->next = NULL;
    if (*last == NULL) {
        *first = request;
    } else {
        (*last)->next = request;
    }
    *last = request;
}

static struct link_request *pop(struct link_request **first, struct link_request **last)
{
    struct link_request *request = *first;

    *first = request->next;
    if (*first == NULL) {
        *last = NULL;
    }
    return request;
}

static void end(struct link_request *request, enum link_outcome outcome)
{
    request->end(request, outcome, &request->failure);
}

static void note_failure(struct link_request *request, const PGresult *result)
{
    if (!request->is_failed) { /* the first tells the cause */
        request->is_failed = true;
        failure_read(result, &request->failure);
    }
}

void link_flush(struct postgres_link *link)
{
    if (link->conn == NULL || link->watch == NULL) {
        return;
    }
    int left = PQflush(link->conn);

    if (left < 0) {
        link->is_broken = true;
    }
    loop_watch_set(link->watch, LOOP_READABLE | (left == 0 ? 0u : (unsigned)LOOP_WRITABLE));
}

/* ---- one request through the pipeline ---- */

struct postgres_params *link_params(struct postgres_link *link)
{
    params_begin(&link->params);
    return &link->params;
}

void link_send(struct postgres_link *link, enum postgres_statement statement,
               const struct postgres_params *params)
{
    static const int binary[PARAMS_MAX] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                                           1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    const char *values[PARAMS_MAX];
    int sent;

    if (params->bytes.is_failed) {
        link->is_broken = true; /* out of memory: nothing half-sent may be committed */
        link_trouble_set(link, "no memory for a request", "the batch is too large");
        return;
    }
    for (int i = 0; i < params->count; i++) {
        values[i] = params->lengths[i] < 0 ? NULL : (char *)params->bytes.data + params->starts[i];
        if (params->lengths[i] == 0) {
            values[i] = "";
        }
    }
    if (postgres_sql[statement].name == NULL) {
        sent = PQsendQueryParams(link->conn, postgres_sql[statement].text, params->count, NULL,
                                 values, params->lengths, binary, 1);
    } else {
        sent = PQsendQueryPrepared(link->conn, postgres_sql[statement].name, params->count, values,
                                   params->lengths, binary, 1);
    }
    link->is_broken = link->is_broken || sent == 0;
}

/* Prepares what the request needs and the connection does not know yet, each up to its own sync, so
 * that one that fails takes nothing with it. */
static void prepare(struct postgres_link *link, struct link_request *request)
{
    request->preparing_count = 0;
    request->prepared_count = 0;
    for (uint32_t i = 0; i < request->statement_count; i++) {
        uint8_t id = request->statements[i];

        if (postgres_sql[id].name == NULL || link->prepared[id] != PREPARED_NOT) {
            continue;
        }
        if (PQsendPrepare(link->conn, postgres_sql[id].name, postgres_sql[id].text, 0, NULL) == 0 ||
            PQpipelineSync(link->conn) == 0) {
            link->is_broken = true;
            return;
        }
        link->prepared[id] = PREPARED_SENT;
        request->preparing[request->preparing_count++] = id;
    }
}

void link_send_one(struct postgres_link *link, struct link_request *request)
{
    push(&link->sent_first, &link->sent_last, request);
    link->sent_count++;
    request->due_ns = link->settings.answer_ns == 0
                          ? EXO_TIME_NEVER
                          : loop_now_ns(link->loop) + link->settings.answer_ns;
    if (link->settings.is_plain) {
        link->is_broken = link->is_broken || PQsendQuery(link->conn, request->script) == 0;
        return;
    }
    prepare(link, request);
    if (!link->is_broken) {
        request->send(request, link);
    }
    /* Without its sync a half-sent request is never run to its end. */
    link->is_broken = link->is_broken || PQpipelineSync(link->conn) == 0;
}

void link_pump(struct postgres_link *link)
{
    if (link->state != LINK_UP || link->is_broken) {
        return;
    }
    while (link->queue_first != NULL && link->sent_count < link->settings.depth &&
           !link->is_broken) {
        link->queue_count--;
        link_send_one(link, pop(&link->queue_first, &link->queue_last));
    }
    link_flush(link);
    if (link->is_broken) {
        loop_timer_start(link->retry, 0, 0); /* on_retry loses it, outside this call */
    }
}

/* ---- answers ---- */

/* The request at the head is complete: its last sync has come. */
static void finish_head(struct postgres_link *link)
{
    struct link_request *request = pop(&link->sent_first, &link->sent_last);

    link->sent_count--;
    PGTransactionStatusType status = PQtransactionStatus(link->conn);
    bool is_left =
        status == PQTRANS_INERROR || (status == PQTRANS_INTRANS && !link->settings.is_plain);

    if (is_left && request != &link->rollback && link->sent_count == 0) {
        link->rollback.is_failed = false;
        link_send_one(link, &link->rollback);
        link_flush(link);
    }
    end(request, request->is_failed ? LINK_ERROR : LINK_DONE);
}

static void on_sync(struct postgres_link *link)
{
    struct link_request *request = link->sent_first;

    if (request->prepared_count == request->preparing_count) {
        finish_head(link);
        return;
    }
    uint8_t id = request->preparing[request->prepared_count++];

    if (link->prepared[id] == PREPARED_SENT) {
        link->prepared[id] = PREPARED_DONE;
    }
}

static void on_result(struct postgres_link *link, PGresult *result)
{
    struct link_request *request = link->sent_first;

    switch (PQresultStatus(result)) {
    case PGRES_PIPELINE_SYNC:
        on_sync(link);
        break;
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
        if (request->prepared_count == request->preparing_count) {
            if (request->result != NULL) {
                request->result(request, request->step, result);
            }
            request->step++;
        }
        break;
    case PGRES_PIPELINE_ABORTED:
        break; /* an earlier statement of the same request said why */
    case PGRES_EMPTY_QUERY:
    case PGRES_COPY_OUT:
    case PGRES_COPY_IN:
    case PGRES_COPY_BOTH:
    case PGRES_SINGLE_TUPLE:
    case PGRES_NONFATAL_ERROR:
    case PGRES_BAD_RESPONSE:
    case PGRES_FATAL_ERROR:
    default:
        note_failure(request, result);
        if (request->prepared_count < request->preparing_count) {
            link->prepared[request->preparing[request->prepared_count]] = PREPARED_NOT;
            request->is_unprepared = true;
        }
        break;
    }
    PQclear(result);
}

void link_read_answers(struct postgres_link *link)
{
    uint32_t nulls = 0;

    if (PQconsumeInput(link->conn) == 0) {
        link_lose(link, PQerrorMessage(link->conn));
        return;
    }
    while (link->sent_first != NULL && nulls < 2 && !link->is_broken && PQisBusy(link->conn) == 0) {
        PGresult *result = PQgetResult(link->conn);

        if (result != NULL) {
            nulls = 0;
            on_result(link, result);
        } else if (link->settings.is_plain) {
            finish_head(link);
        } else {
            nulls++; /* one ends a statement; two: nothing more is there */
        }
    }
    if (PQstatus(link->conn) == CONNECTION_BAD) {
        link_lose(link, PQerrorMessage(link->conn));
        return;
    }
    link_pump(link);
}

void link_end_sent(struct postgres_link *link)
{
    while (link->sent_first != NULL) {
        struct link_request *request = pop(&link->sent_first, &link->sent_last);

        link->sent_count--;
        if (!request->is_failed) {
            failure_line(request->failure.text, sizeof(request->failure.text), link->trouble.text);
        }
        /* An error that is not fatal was this request's own, and complete. */
        bool is_told = request->is_failed && !request->is_unprepared && !request->failure.is_fatal;

        end(request, is_told ? LINK_ERROR : LINK_LOST);
    }
}

void link_end_queued(struct postgres_link *link, exo_time now_ns)
{
    while (link->queue_first != NULL && link->queue_first->due_ns <= now_ns) {
        struct link_request *request = pop(&link->queue_first, &link->queue_last);

        link->queue_count--;
        failure_line(request->failure.text, sizeof(request->failure.text), link->trouble.text);
        end(request, LINK_UNSENT);
    }
}

void postgres_link_ask(struct postgres_link *link, struct link_request *request)
{
    request->step = 0;
    request->is_failed = false;
    request->is_unprepared = false;
    request->failure = (struct link_failure){.sqlstate = ""};
    request->preparing_count = 0;
    request->prepared_count = 0;
    request->due_ns = loop_now_ns(link->loop) + QUEUE_LIMIT_NS;
    push(&link->queue_first, &link->queue_last, request);
    link->queue_count++;
    if (!loop_timer_is_active(link->tick)) {
        loop_timer_start(link->tick, TICK_NS, TICK_NS);
    }
    link_pump(link);
}
