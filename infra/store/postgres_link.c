#include "infra/store/postgres_link.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_LIMIT_NS (5 * EXO_SECOND)
#define BACKOFF_FIRST_NS (50 * EXO_MILLISECOND)
#define BACKOFF_LIMIT_NS (5 * EXO_SECOND)
#define QUEUE_LIMIT_NS (2 * EXO_SECOND)
#define TICK_NS (100 * EXO_MILLISECOND)

enum link_state { LINK_WAITING, LINK_CONNECTING, LINK_SETTING, LINK_UP };
enum prepared { PREPARED_NOT, PREPARED_SENT, PREPARED_DONE };

struct postgres_link {
    struct loop *loop;
    struct postgres_link_settings settings;
    char *url;
    char *application;
    enum link_state state;
    PGconn *conn;
    struct loop_watch *watch;
    struct loop_timer *retry; /* WAITING: to connect again; CONNECTING, SETTING: to give up */
    struct loop_timer *tick;  /* while there are requests: to see those that wait too long */
    exo_time backoff_ns;      /* before the next attempt */
    bool is_broken;           /* a send failed: lose the connection when back in the loop */
    struct link_request *queue_first, *queue_last;
    struct link_request *sent_first, *sent_last;
    uint32_t queue_count, sent_count;
    struct link_request setup, rollback; /* the link's own requests */
    uint8_t prepared[SQL_STATEMENT_NR];  /* enum prepared */
    struct heap_budget budget;
    struct postgres_params params;
    struct exo_error trouble;
};

static void connect_begin(struct postgres_link *link);
static void lose(struct postgres_link *link, const char *why);
static void pump(struct postgres_link *link);

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

/* ---- errors ---- */

static void note_failure(struct link_request *request, const PGresult *result)
{
    if (!request->is_failed) { /* the first tells the cause */
        request->is_failed = true;
        failure_read(result, &request->failure);
    }
}

static void set_trouble(struct postgres_link *link, const char *what, const char *why)
{
    char line[400];

    failure_line(line, sizeof(line), why);
    (void)exo_error_set(&link->trouble, EXO_EUNAVAILABLE, "%s (for %s): %s", what,
                        link->settings.purpose, line);
}

/* ---- the socket ---- */

static void on_socket(void *argument, unsigned ready);

static void watch_free(struct postgres_link *link)
{
    if (link->watch != NULL) {
        loop_watch_free(link->watch);
        link->watch = NULL;
    }
}

static void flush(struct postgres_link *link)
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
    static const int BINARY[PARAMS_MAX] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                                           1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    const char *values[PARAMS_MAX];
    int sent;

    if (params->bytes.is_failed) {
        link->is_broken = true; /* out of memory: nothing half-sent may be committed */
        set_trouble(link, "no memory for a request", "the batch is too large");
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
                                 values, params->lengths, BINARY, 1);
    } else {
        sent = PQsendQueryPrepared(link->conn, postgres_sql[statement].name, params->count, values,
                                   params->lengths, BINARY, 1);
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

static void send_one(struct postgres_link *link, struct link_request *request)
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

static void pump(struct postgres_link *link)
{
    if (link->state != LINK_UP || link->is_broken) {
        return;
    }
    while (link->queue_first != NULL && link->sent_count < link->settings.depth &&
           !link->is_broken) {
        link->queue_count--;
        send_one(link, pop(&link->queue_first, &link->queue_last));
    }
    flush(link);
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
        send_one(link, &link->rollback);
        flush(link);
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

static void read_answers(struct postgres_link *link)
{
    uint32_t nulls = 0;

    if (PQconsumeInput(link->conn) == 0) {
        lose(link, PQerrorMessage(link->conn));
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
        lose(link, PQerrorMessage(link->conn));
        return;
    }
    pump(link);
}

/* ---- the life of the connection ---- */

/* A notice tells a person something; nobody reads them here. */
static void drop_notice(void *argument, const PGresult *result)
{
    (void)argument;
    (void)result;
}

static void disconnect(struct postgres_link *link)
{
    watch_free(link);
    PQfinish(link->conn);
    link->conn = NULL;
    link->is_broken = false;
    memset(link->prepared, PREPARED_NOT, sizeof(link->prepared));
}

static void end_sent(struct postgres_link *link)
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

static void lose(struct postgres_link *link, const char *why)
{
    exo_time wait_ns = link->backoff_ns;

    set_trouble(link,
                link->state == LINK_UP ? "the connection to Postgres was lost"
                                       : "cannot connect to Postgres",
                why);
    disconnect(link);
    link->state = LINK_WAITING;
    link->backoff_ns = wait_ns == 0                     ? BACKOFF_FIRST_NS
                       : wait_ns * 2 > BACKOFF_LIMIT_NS ? BACKOFF_LIMIT_NS
                                                        : wait_ns * 2;
    loop_timer_start(link->retry, wait_ns, 0);
    end_sent(link);
}

static void watch_poll(struct postgres_link *link, PostgresPollingStatusType poll)
{
    unsigned ready =
        poll == PGRES_POLLING_READING ? (unsigned)LOOP_READABLE : (unsigned)LOOP_WRITABLE;

    link->watch = loop_watch_new(link->loop, PQsocket(link->conn), ready, on_socket, link);
}

static void setting_begin(struct postgres_link *link)
{
    if (PQsetnonblocking(link->conn, 1) != 0 ||
        (!link->settings.is_plain && PQenterPipelineMode(link->conn) == 0)) {
        lose(link, PQerrorMessage(link->conn));
        return;
    }
    link->state = LINK_SETTING;
    link->watch = loop_watch_new(link->loop, PQsocket(link->conn), LOOP_READABLE, on_socket, link);
    link->setup.is_failed = false;
    link->setup.script = link->settings.setup;
    send_one(link, &link->setup);
    flush(link);
    if (link->is_broken) {
        lose(link, PQerrorMessage(link->conn));
    }
}

static void setup_send(struct link_request *request, struct postgres_link *link)
{
    link->is_broken =
        PQsendQueryParams(link->conn, request->script, 0, NULL, NULL, NULL, NULL, 1) == 0;
}

static struct postgres_link *link_of_setup(struct link_request *request)
{
    return (struct postgres_link *)((char *)request - offsetof(struct postgres_link, setup));
}

static void setup_end(struct link_request *request, enum link_outcome outcome,
                      const struct link_failure *failure)
{
    struct postgres_link *link = link_of_setup(request);

    if (outcome == LINK_ERROR) {
        set_trouble(link, "Postgres refuses our settings", failure->text);
        link->is_broken = true; /* on_socket loses it */
    }
    if (outcome != LINK_DONE) {
        return;
    }
    link->state = LINK_UP;
    link->backoff_ns = 0;
    link->trouble.text[0] = '\0';
    loop_timer_stop(link->retry);
}

static void rollback_send(struct link_request *request, struct postgres_link *link)
{
    link->is_broken =
        PQsendQueryParams(link->conn, request->script, 0, NULL, NULL, NULL, NULL, 1) == 0;
}

static void rollback_end(struct link_request *request, enum link_outcome outcome,
                         const struct link_failure *failure)
{
    (void)request; /* a rollback that fails loses the connection, which rolls back */
    (void)outcome;
    (void)failure;
}

static void connect_poll(struct postgres_link *link)
{
    /* libpq may close the socket and open another under the same number. */
    watch_free(link);
    PostgresPollingStatusType poll = PQconnectPoll(link->conn);

    switch (poll) {
    case PGRES_POLLING_OK:
        setting_begin(link);
        break;
    case PGRES_POLLING_FAILED:
        lose(link, PQerrorMessage(link->conn));
        break;
    case PGRES_POLLING_READING:
    case PGRES_POLLING_WRITING:
    case PGRES_POLLING_ACTIVE:
    default:
        watch_poll(link, poll);
        break;
    }
}

static void on_socket(void *argument, unsigned ready)
{
    struct postgres_link *link = argument;

    if (link->state == LINK_CONNECTING) {
        connect_poll(link);
        return;
    }
    if ((ready & LOOP_WRITABLE) != 0) {
        flush(link);
    }
    if ((ready & LOOP_READABLE) != 0 && !link->is_broken) {
        read_answers(link);
    }
    if (link->conn != NULL && link->is_broken) {
        lose(link, link->trouble.text[0] != '\0' ? link->trouble.text : PQerrorMessage(link->conn));
    }
}

/* The url comes first: what stands behind it wins, but for the options, which are added up. */
static void connect_begin(struct postgres_link *link)
{
    const char *const keywords[] = {
        "dbname",          "application_name",    "fallback_application_name", "tcp_user_timeout",
        "keepalives_idle", "keepalives_interval", "client_encoding",           NULL};
    const char *const values[] = {
        link->url, link->application, "exosphere", "3000", "2", "1", "UTF8", NULL};

    link->state = LINK_CONNECTING;
    link->conn = PQconnectStartParams(keywords, values, 1);
    if (link->conn == NULL || PQstatus(link->conn) == CONNECTION_BAD) {
        lose(link, link->conn == NULL ? "no memory" : PQerrorMessage(link->conn));
        return;
    }
    (void)PQsetNoticeReceiver(link->conn, drop_notice, NULL);
    loop_timer_start(link->retry, CONNECT_LIMIT_NS, 0);
    watch_poll(link, PGRES_POLLING_WRITING);
}

static void on_retry(void *argument)
{
    struct postgres_link *link = argument;

    switch (link->state) {
    case LINK_WAITING:
        connect_begin(link);
        break;
    case LINK_CONNECTING:
    case LINK_SETTING:
        lose(link, "no answer");
        break;
    case LINK_UP:
        if (link->is_broken) {
            lose(link, PQerrorMessage(link->conn));
        }
        break;
    }
}

/* Ends requests that waited too long in the queue, loses a connection that does not answer. */
static void on_tick(void *argument)
{
    struct postgres_link *link = argument;
    exo_time now_ns = loop_now_ns(link->loop);

    if (link->state == LINK_UP && link->sent_first != NULL && link->sent_first->due_ns <= now_ns) {
        lose(link, "no answer in time");
    }
    while (link->queue_first != NULL && link->queue_first->due_ns <= now_ns &&
           link->state != LINK_UP) {
        struct link_request *request = pop(&link->queue_first, &link->queue_last);

        link->queue_count--;
        failure_line(request->failure.text, sizeof(request->failure.text), link->trouble.text);
        end(request, LINK_UNSENT);
    }
    if (link->queue_first == NULL && link->sent_first == NULL) {
        loop_timer_stop(link->tick);
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
    pump(link);
}

struct postgres_link *postgres_link_new(struct loop *loop,
                                        const struct postgres_link_settings *settings,
                                        struct exo_error *err)
{
    char *fault = NULL;
    PQconninfoOption *options = PQconninfoParse(settings->url, &fault);

    if (options == NULL) {
        PQfreemem(fault); /* it may quote the url, and with it a password */
        (void)exo_error_set(err, EXO_EINVALID,
                            "the Postgres url cannot be read: write it as "
                            "postgresql://user@host:port/database");
        return NULL;
    }
    PQconninfoFree(options);
    struct postgres_link *link = calloc(1, sizeof(*link));

    if (link == NULL || (link->url = strdup(settings->url)) == NULL ||
        (link->application = strdup(settings->application)) == NULL) {
        abort(); /* made at start only, like the small objects of the loop */
    }
    link->loop = loop;
    link->settings = *settings;
    link->retry = loop_timer_new(loop, on_retry, link);
    link->tick = loop_timer_new(loop, on_tick, link);
    link->setup.send = setup_send;
    link->setup.end = setup_end;
    link->rollback.script = "ROLLBACK";
    link->rollback.send = rollback_send;
    link->rollback.end = rollback_end;
    buffer_init(&link->params.bytes, allocator_heap(&link->budget), (size_t)1 << 30);
    (void)exo_error_set(&link->trouble, EXO_EUNAVAILABLE, "not connected yet (for %s)",
                        settings->purpose);
    link->state = LINK_WAITING;
    loop_timer_start(link->retry, 0, 0);
    return link;
}

void postgres_link_free(struct postgres_link *link)
{
    if (link == NULL) {
        return;
    }
    if (link->state == LINK_UP) {
        set_trouble(link, "the store is being closed", "");
    }
    if (link->conn != NULL) {
        disconnect(link);
    }
    link->state = LINK_WAITING;
    end_sent(link);
    while (link->queue_first != NULL) {
        struct link_request *request = pop(&link->queue_first, &link->queue_last);

        failure_line(request->failure.text, sizeof(request->failure.text), link->trouble.text);
        end(request, LINK_UNSENT);
    }
    loop_timer_free(link->retry);
    loop_timer_free(link->tick);
    buffer_release(&link->params.bytes);
    free(link->application);
    free(link->url);
    free(link);
}

bool postgres_link_is_up(const struct postgres_link *link)
{
    return link->state == LINK_UP;
}

uint32_t postgres_link_load(const struct postgres_link *link)
{
    return link->queue_count + link->sent_count;
}

const char *postgres_link_trouble(const struct postgres_link *link)
{
    return link->trouble.text;
}
