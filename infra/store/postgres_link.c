#include "infra/store/postgres_link.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "infra/store/postgres_connection.h"
#include "infra/store/postgres_lookup.h"

#define CONNECT_LIMIT_NS (5 * EXO_SECOND)
#define BACKOFF_FIRST_NS (50 * EXO_MILLISECOND)
#define BACKOFF_LIMIT_NS (5 * EXO_SECOND)

/* ---- errors ---- */

void link_trouble_set(struct postgres_link *link, const char *what, const char *why)
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

void link_lose(struct postgres_link *link, const char *why)
{
    exo_time wait_ns = link->backoff_ns;

    link_trouble_set(link,
                     link->state == LINK_UP ? "the connection to Postgres was lost"
                                            : "cannot connect to Postgres",
                     why);
    disconnect(link);
    link->state = LINK_WAITING;
    link->backoff_ns = wait_ns == 0                     ? BACKOFF_FIRST_NS
                       : wait_ns * 2 > BACKOFF_LIMIT_NS ? BACKOFF_LIMIT_NS
                                                        : wait_ns * 2;
    loop_timer_start(link->retry, wait_ns, 0);
    link_end_sent(link);
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
        link_lose(link, PQerrorMessage(link->conn));
        return;
    }
    link->state = LINK_SETTING;
    link->watch = loop_watch_new(link->loop, PQsocket(link->conn), LOOP_READABLE, on_socket, link);
    link->setup.is_failed = false;
    link->setup.script = link->settings.setup;
    link_send_one(link, &link->setup);
    link_flush(link);
    if (link->is_broken) {
        link_lose(link, PQerrorMessage(link->conn));
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
        link_trouble_set(link, "Postgres refuses our settings", failure->text);
        link->is_broken = true; /* on_socket loses it */
    }
    if (outcome != LINK_DONE) {
        return;
    }
    link->state = LINK_UP;
    link->connection++;
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
        link_lose(link, PQerrorMessage(link->conn));
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
        link_flush(link);
    }
    if ((ready & LOOP_READABLE) != 0 && !link->is_broken) {
        link_read_answers(link);
    }
    if (link->conn != NULL && link->is_broken) {
        link_lose(link,
                  link->trouble.text[0] != '\0' ? link->trouble.text : PQerrorMessage(link->conn));
    }
}

/* The url comes first: what stands behind it wins.
 * hosts, addresses  as looked up; NULL: as the url has them */
static void connect_start(struct postgres_link *link, const char *hosts, const char *addresses)
{
    const char *keywords[] = {"dbname",
                              "application_name",
                              "tcp_user_timeout",
                              "keepalives_idle",
                              "keepalives_interval",
                              "client_encoding",
                              hosts == NULL ? NULL : "host",
                              "hostaddr",
                              NULL};
    const char *values[] = {link->url, link->application, "3000", "2", "1", "UTF8",
                            hosts,     addresses,         NULL};

    link->state = LINK_CONNECTING;
    link->conn = PQconnectStartParams(keywords, values, 1);
    if (link->conn == NULL || PQstatus(link->conn) == CONNECTION_BAD) {
        link_lose(link, link->conn == NULL ? "no memory" : PQerrorMessage(link->conn));
        return;
    }
    (void)PQsetNoticeReceiver(link->conn, drop_notice, NULL);
    loop_timer_start(link->retry, CONNECT_LIMIT_NS, 0);
    watch_poll(link, PGRES_POLLING_WRITING);
}

static void on_lookup(void *argument, const char *hosts, const char *addresses, const char *why)
{
    struct postgres_link *link = argument;

    link->lookup = NULL;
    if (hosts == NULL) {
        link_lose(link, why);
    } else {
        connect_start(link, hosts, addresses);
    }
}

static void connect_begin(struct postgres_link *link)
{
    if (link->host == NULL) {
        connect_start(link, NULL, NULL);
        return;
    }
    link->state = LINK_LOOKUP;
    link->lookup = postgres_lookup_begin(link->loop, link->host, on_lookup, link);
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
        link_lose(link, "no answer");
        break;
    case LINK_LOOKUP: /* ends by itself */
        break;
    case LINK_UP:
        if (link->is_broken) {
            link_lose(link, PQerrorMessage(link->conn));
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
        link_lose(link, "no answer in time");
    }
    if (link->state != LINK_UP) {
        link_end_queued(link, now_ns);
    }
    if (link->queue_first == NULL && link->sent_first == NULL) {
        loop_timer_stop(link->tick);
    }
}

/* The host name that has to be looked up, as a copy; NULL: none. */
static char *host_of(const PQconninfoOption *options)
{
    const char *host = NULL;

    for (const PQconninfoOption *option = options; option->keyword != NULL; option++) {
        if (strcmp(option->keyword, "host") == 0) {
            host = option->val;
        } else if (strcmp(option->keyword, "hostaddr") == 0 && option->val != NULL) {
            return NULL;
        }
    }
    return host != NULL && lookup_is_needed(host) ? strdup(host) : NULL;
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
    struct postgres_link *link = calloc(1, sizeof(*link));

    if (link == NULL || (link->url = strdup(settings->url)) == NULL ||
        (link->application = strdup(settings->application)) == NULL) {
        abort(); /* made at start only, like the small objects of the loop */
    }
    link->host = host_of(options);
    PQconninfoFree(options);
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
        link_trouble_set(link, "the store is being closed", "");
    }
    postgres_lookup_forget(link->lookup);
    if (link->conn != NULL) {
        disconnect(link);
    }
    link->state = LINK_WAITING;
    link_end_sent(link);
    link_end_queued(link, EXO_TIME_NEVER);
    loop_timer_free(link->retry);
    loop_timer_free(link->tick);
    buffer_release(&link->params.bytes);
    free(link->host);
    free(link->application);
    free(link->url);
    free(link);
}

bool postgres_link_is_up(const struct postgres_link *link)
{
    return link->state == LINK_UP;
}

uint64_t postgres_link_connection(const struct postgres_link *link)
{
    return link->connection;
}

uint32_t postgres_link_load(const struct postgres_link *link)
{
    return link->queue_count + link->sent_count;
}

const char *postgres_link_trouble(const struct postgres_link *link)
{
    return link->trouble.text;
}
