#include "infra/cache/redis_link.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const exo_time connect_ns = 3 * EXO_SECOND;
static const exo_time backoff_first_ns = 50 * EXO_MILLISECOND;
static const exo_time backoff_max_ns = 3 * EXO_SECOND;

enum link_state { LINK_DOWN, LINK_RESOLVING, LINK_CONNECTING, LINK_LOGIN, LINK_UP };

/* A name on its way to an address; outlives its link. */
struct resolving {
    struct redis_link *link; /* NULL: freed meanwhile */
    char host[REDIS_HOST_BYTES];
    char address[INET6_ADDRSTRLEN];
    int error; /* of getaddrinfo */
};

struct redis_link {
    struct loop *loop;
    const struct redis_url *url;
    struct redis_link_owner owner;
    void *argument;
    enum link_state state;
    redisAsyncContext *context;
    struct loop_watch *watch;
    unsigned ready;
    struct loop_timer *timer; /* the next try, or the limit of this one */
    exo_time backoff_ns;
    struct resolving *resolving;
    bool was_up; /* until `down` has been called */
};

static void say(struct redis_link *link, const char *what, const char *why)
{
    char text[512];

    (void)snprintf(text, sizeof(text), "Redis at %s:%u: %s%s%s", link->url->host, link->url->port,
                   what, *why == '\0' ? "" : ": ", why);
    link->owner.notice(link->argument, text);
}

/* ---- the loop under hiredis ---- */

static void on_ready(void *argument, unsigned ready)
{
    struct redis_link *link = argument;

    if ((ready & LOOP_READABLE) != 0 && link->context != NULL) {
        redisAsyncHandleRead(link->context);
    }
    /* Reading may have ended the connection. */
    if ((ready & LOOP_WRITABLE) != 0 && link->context != NULL) {
        redisAsyncHandleWrite(link->context);
    }
}

static void set_ready(struct redis_link *link, unsigned ready)
{
    if (link->watch != NULL && link->ready != ready) {
        link->ready = ready;
        loop_watch_set(link->watch, ready);
    }
}

static void add_read(void *data)
{
    struct redis_link *link = data;

    set_ready(link, link->ready | LOOP_READABLE);
}

static void del_read(void *data)
{
    struct redis_link *link = data;

    set_ready(link, link->ready & ~(unsigned)LOOP_READABLE);
}

static void add_write(void *data)
{
    struct redis_link *link = data;

    set_ready(link, link->ready | LOOP_WRITABLE);
}

static void del_write(void *data)
{
    struct redis_link *link = data;

    set_ready(link, link->ready & ~(unsigned)LOOP_WRITABLE);
}

static void unwatch(struct redis_link *link)
{
    loop_watch_free(link->watch);
    link->watch = NULL;
    link->ready = 0;
}

/* hiredis lets go of the fd. Where we dropped the context first, its watch is gone already. */
static void cleanup(void *data)
{
    unwatch(data);
}

/* ---- ends ---- */

static void try_later(struct redis_link *link)
{
    bool was_up = link->state == LINK_UP || link->was_up;

    link->state = LINK_DOWN;
    link->was_up = false;
    link->context = NULL;
    loop_timer_start(link->timer, link->backoff_ns, 0);
    link->backoff_ns =
        link->backoff_ns * 2 > backoff_max_ns ? backoff_max_ns : link->backoff_ns * 2;
    if (was_up) {
        link->owner.down(link->argument);
    }
}

static void drop(struct redis_link *link)
{
    redisAsyncContext *context = link->context;

    if (context != NULL) {
        /* Replies in it must not find a link that is up. */
        link->was_up = link->state == LINK_UP;
        link->state = LINK_DOWN;
        link->context = NULL;
        context->data = NULL;
        unwatch(link);
        context->ev.addRead = NULL;
        context->ev.delRead = NULL;
        context->ev.addWrite = NULL;
        context->ev.delWrite = NULL;
        context->ev.cleanup = NULL;
        redisAsyncFree(context);
    }
}

void redis_link_drop(struct redis_link *link, const char *why)
{
    say(link, "gave the connection up", why);
    drop(link);
    try_later(link);
}

static void on_disconnect(const redisAsyncContext *context, int status)
{
    struct redis_link *link = context->data;

    (void)status;
    if (link != NULL && link->context == context) {
        say(link, "lost the connection", context->errstr == NULL ? "" : context->errstr);
        try_later(link);
    }
}

/* ---- login ---- */

static void be_up(struct redis_link *link)
{
    loop_timer_stop(link->timer);
    link->backoff_ns = backoff_first_ns;
    link->state = LINK_UP;
    link->owner.up(link->argument);
}

/* The last reply of the login, and each that is an error. */
static void on_login(redisAsyncContext *context, void *data, void *is_last)
{
    struct redis_link *link = context->data;
    const redisReply *reply = data;

    if (link == NULL || link->context != context || reply == NULL || link->state != LINK_LOGIN) {
        return;
    }
    if (reply->type == REDIS_REPLY_ERROR) {
        /* Its first word alone (WRONGPASS, NOAUTH, ERR): the rest may repeat what was sent. */
        char why[32];

        (void)snprintf(why, sizeof(why), "login refused, %.*s", (int)strcspn(reply->str, " "),
                       reply->str);
        redis_link_drop(link, why);
    } else if (is_last != NULL) {
        be_up(link);
    }
}

static void login(struct redis_link *link)
{
    const struct redis_url *url = link->url;
    char db[8];
    const char *words[3] = {"AUTH", url->user, url->password};
    const char *select[2] = {"SELECT", db};

    link->state = LINK_LOGIN;
    (void)snprintf(db, sizeof(db), "%u", url->db);
    /* A failed send shows as a disconnect. */
    if (url->password[0] != '\0' && url->user[0] != '\0') {
        (void)redisAsyncCommandArgv(link->context, on_login, NULL, 3, words, NULL);
    } else if (url->password[0] != '\0') {
        words[1] = url->password;
        (void)redisAsyncCommandArgv(link->context, on_login, NULL, 2, words, NULL);
    }
    (void)redisAsyncCommandArgv(link->context, on_login, link, 2, select, NULL);
}

/* ---- connecting ---- */

static void on_connect(const redisAsyncContext *context, int status)
{
    struct redis_link *link = context->data;

    if (link == NULL || link->context != context) {
        return;
    }
    if (status != REDIS_OK) {
        say(link, "cannot connect", context->errstr == NULL ? "" : context->errstr);
        try_later(link); /* hiredis frees the context */
        return;
    }
    int on = 1;

    (void)setsockopt(context->c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    login(link);
}

static void connect_to(struct redis_link *link, const char *address)
{
    redisAsyncContext *context = redisAsyncConnect(address, link->url->port);

    if (context == NULL || context->err != 0) {
        say(link, "cannot connect", context == NULL ? "no memory" : context->errstr);
        if (context != NULL) {
            redisAsyncFree(context);
        }
        try_later(link);
        return;
    }
    link->state = LINK_CONNECTING;
    link->context = context;
    context->data = link;
    link->watch = loop_watch_new(link->loop, context->c.fd, 0, on_ready, link);
    link->ready = 0;
    context->ev.data = link;
    context->ev.addRead = add_read;
    context->ev.delRead = del_read;
    context->ev.addWrite = add_write;
    context->ev.delWrite = del_write;
    context->ev.cleanup = cleanup;
    loop_timer_start(link->timer, connect_ns, 0);
    (void)redisAsyncSetConnectCallback(context, on_connect); /* fails when set twice only */
    (void)redisAsyncSetDisconnectCallback(context, on_disconnect);
}

static void resolve(void *argument)
{
    struct resolving *resolving = argument;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *found = NULL;

    resolving->error = getaddrinfo(resolving->host, NULL, &hints, &found);
    if (resolving->error == 0) {
        resolving->error = getnameinfo(found->ai_addr, found->ai_addrlen, resolving->address,
                                       sizeof(resolving->address), NULL, 0, NI_NUMERICHOST);
        freeaddrinfo(found);
    }
}

static void on_resolved(void *argument)
{
    struct resolving *resolving = argument;
    struct redis_link *link = resolving->link;

    if (link != NULL) {
        link->resolving = NULL;
        if (resolving->error != 0) {
            say(link, "cannot find the host", gai_strerror(resolving->error));
            try_later(link);
        } else {
            connect_to(link, resolving->address);
        }
    }
    free(resolving);
}

static bool is_numeric(const char *host)
{
    unsigned char address[16];

    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

static void start(struct redis_link *link)
{
    if (is_numeric(link->url->host)) {
        connect_to(link, link->url->host);
        return;
    }
    struct resolving *resolving = calloc(1, sizeof(*resolving));

    if (resolving == NULL) {
        abort();
    }
    resolving->link = link;
    memcpy(resolving->host, link->url->host, sizeof(resolving->host));
    link->resolving = resolving;
    link->state = LINK_RESOLVING;
    loop_work(link->loop, resolve, on_resolved, resolving);
}

static void on_timer(void *argument)
{
    struct redis_link *link = argument;

    if (link->state == LINK_DOWN) {
        start(link);
    } else if (link->state == LINK_CONNECTING || link->state == LINK_LOGIN) {
        redis_link_drop(link, "no answer in time");
    }
}

/* ---- the interface ---- */

struct redis_link *redis_link_new(struct loop *loop, const struct redis_url *url,
                                  const struct redis_link_owner *owner, void *argument)
{
    struct redis_link *link = calloc(1, sizeof(*link));

    if (link == NULL) {
        abort();
    }
    link->loop = loop;
    link->url = url;
    link->owner = *owner;
    link->argument = argument;
    link->backoff_ns = backoff_first_ns;
    link->timer = loop_timer_new(loop, on_timer, link);
    loop_timer_start(link->timer, 0, 0);
    return link;
}

void redis_link_free(struct redis_link *link)
{
    if (link->resolving != NULL) {
        link->resolving->link = NULL;
    }
    drop(link);
    loop_timer_free(link->timer);
    free(link);
}

bool redis_link_is_up(const struct redis_link *link)
{
    return link->state == LINK_UP;
}

bool redis_link_send(struct redis_link *link, redisCallbackFn *reply, void *argument, int count,
                     const char **words, const size_t *word_bytes)
{
    return link->state == LINK_UP && redisAsyncCommandArgv(link->context, reply, argument, count,
                                                           words, word_bytes) == REDIS_OK;
}
