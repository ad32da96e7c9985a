/* redis: the cache on a Redis server, through two connections.
 *
 *   put  --EVALSHA (newer? SET PX, PUBLISH)--> commands --> in flight --reply or limit--> done()
 *     without a view --PUBLISH--------------->   its reply counts who heard it: heard.c
 *   get  --GET------------------------------->                        --reply or 250 ms> done()
 *   watch --> redis_events.c
 *
 * A view is stored as 32 hexadecimal digits of its version, then its bytes. What is not answered in
 * time is given up, and until all of it has been answered nothing more is sent: a Redis that
 * hangs costs each put one refusal, never a wait.
 */
#include <stdio.h>
#include <stdlib.h>

#include "infra/cache/driver.h"
#include "infra/cache/heard.h"
#include "infra/cache/redis_events.h"
#include "infra/cache/redis_link.h"

enum {
    VERSION_BYTES = 32, /* hexadecimal digits before a view */
    OUTSTANDING_BYTES_MAX = 8 << 20,
};
static const exo_time put_limit_default_ns = 5 * EXO_MILLISECOND;
static const exo_time get_limit_ns = 250 * EXO_MILLISECOND;
static const exo_time silence_limit_ns = 10 * EXO_SECOND; /* then the connection is made anew */

static const char put_script[] =
    "if redis.call('GETRANGE', KEYS[1], 0, 31) > string.sub(ARGV[1], 1, 32) then return 0 end "
    "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) "
    "if #ARGV[4] > 0 then redis.call('PUBLISH', ARGV[3], ARGV[4]) end "
    "return 1";

enum call_kind { CALL_PUT, CALL_GET };

/* One put or get until its reply; also a refusal that waits for its turn. */
struct redis_call {
    struct redis_call *next;
    struct redis_call *previous;
    struct cache_redis *redis;
    enum call_kind kind;
    bool is_broadcast;      /* a put without a view */
    struct execution_id id; /* of a put */
    cache_put_done *put_done;
    cache_get_done *get_done;
    void *argument;
    exo_time deadline_ns;
    size_t bytes;
    bool is_answered; /* its done has been called; the reply is still to come */
};

struct call_list {
    struct redis_call *first;
    struct redis_call *last;
};

struct cache_redis {
    struct cache cache; /* first */
    struct loop *loop;
    struct redis_url url;
    char ttl_ms[16];
    exo_time put_limit_ns;
    void (*notice)(void *argument, const char *text);
    void *notice_argument;
    bool is_closing;
    struct redis_link *commands;
    struct redis_events *events;
    struct loop_timer *check; /* of what is in flight */
    struct loop_wake *turn;   /* refusals, and what `check` found late */
    bool is_check_due;
    struct call_list in_flight;
    struct call_list refused;
    struct heard heard;
    size_t outstanding_bytes;
    bool is_behind;
    exo_time last_reply_ns;
    char script[41]; /* its SHA-1; "" until loaded */
};

/* ---- calls ---- */

static void list_add(struct call_list *list, struct redis_call *call)
{
    call->next = NULL;
    call->previous = list->last;
    *(list->last != NULL ? &list->last->next : &list->first) = call;
    list->last = call;
}

static void list_remove(struct call_list *list, struct redis_call *call)
{
    *(call->previous != NULL ? &call->previous->next : &list->first) = call->next;
    *(call->next != NULL ? &call->next->previous : &list->last) = call->previous;
}

static void answer_put(struct redis_call *call, bool is_taken)
{
    if (!call->is_answered && call->put_done != NULL && !call->redis->is_closing) {
        call->is_answered = true;
        call->put_done(call->argument, is_taken);
    }
    call->is_answered = true;
}

static void answer_get(struct redis_call *call, struct span view, struct cache_version version)
{
    if (!call->is_answered && !call->redis->is_closing) {
        call->is_answered = true;
        call->get_done(call->argument, view, version);
    }
    call->is_answered = true;
}

static void give_up(struct redis_call *call)
{
    if (call->kind == CALL_PUT) {
        answer_put(call, false);
    } else {
        answer_get(call, (struct span){NULL, 0}, (struct cache_version){0});
    }
}

static struct redis_call *call_new(struct cache_redis *redis, enum call_kind kind, void *argument)
{
    struct redis_call *call = calloc(1, sizeof(*call));

    if (call == NULL) {
        abort();
    }
    call->redis = redis;
    call->kind = kind;
    call->argument = argument;
    return call;
}

static void refuse(struct cache_redis *redis, struct redis_call *call)
{
    list_add(&redis->refused, call);
    loop_wake_send(redis->turn);
}

static void fly(struct cache_redis *redis, struct redis_call *call, exo_time limit_ns, size_t bytes)
{
    exo_time now_ns = clock_monotonic_ns();

    if (redis->in_flight.first == NULL) {
        redis->last_reply_ns = now_ns; /* silence counts from here */
    }
    call->deadline_ns = now_ns + limit_ns;
    call->bytes = bytes;
    redis->outstanding_bytes += bytes;
    list_add(&redis->in_flight, call);
    if (!loop_timer_is_active(redis->check)) {
        loop_timer_start(redis->check, redis->put_limit_ns, 0);
    }
}

/* Takes a call whose reply has come (or will not) out of flight. */
static void land(struct redis_call *call)
{
    struct cache_redis *redis = call->redis;

    list_remove(&redis->in_flight, call);
    redis->outstanding_bytes -= call->bytes;
    redis->last_reply_ns = clock_monotonic_ns();
    if (redis->in_flight.first == NULL) {
        redis->is_behind = false;
    }
}

static void check_flights(struct cache_redis *redis)
{
    exo_time now_ns = clock_monotonic_ns();
    struct redis_call *call = redis->in_flight.first;

    while (call != NULL) {
        struct redis_call *next = call->next;

        if (call->deadline_ns <= now_ns && !call->is_answered) {
            redis->is_behind = true;
            give_up(call);
        }
        call = next;
    }
    if (redis->in_flight.first == NULL) {
        return;
    }
    if (now_ns - redis->last_reply_ns > silence_limit_ns) {
        redis_link_drop(redis->commands, "no answer for 10 s");
        return;
    }
    loop_timer_start(redis->check, redis->put_limit_ns, 0);
}

/* After a long turn replies may lie unread: they are read before anything counts as late. */
static void on_check(void *argument)
{
    struct cache_redis *redis = argument;

    redis->is_check_due = true;
    loop_wake_send(redis->turn);
}

static void on_turn(void *argument)
{
    struct cache_redis *redis = argument;
    struct redis_call *call = redis->refused.first;

    redis->refused = (struct call_list){NULL, NULL};
    while (call != NULL) {
        struct redis_call *next = call->next;

        give_up(call);
        free(call);
        call = next;
    }
    if (redis->is_check_due) {
        redis->is_check_due = false;
        check_flights(redis);
    }
}

static bool may_send(const struct cache_redis *redis, size_t bytes)
{
    return redis_link_is_up(redis->commands) && redis->script[0] != '\0' && !redis->is_behind &&
           redis->outstanding_bytes + bytes <= OUTSTANDING_BYTES_MAX;
}

/* ---- put ---- */

static void load_script(struct cache_redis *redis);

static void on_put(redisAsyncContext *context, void *data, void *argument)
{
    struct redis_call *call = argument;
    struct cache_redis *redis = call->redis;
    const redisReply *reply = data;
    bool is_taken = reply != NULL && reply->type == REDIS_REPLY_INTEGER;

    (void)context;
    if (is_taken && call->is_broadcast && reply->integer > 0) {
        heard_note(&redis->heard, &call->id, loop_now_ns(redis->loop));
    }
    if (reply != NULL && reply->type == REDIS_REPLY_ERROR &&
        strncmp(reply->str, "NOSCRIPT", 8) == 0 && redis->script[0] != '\0') {
        redis->script[0] = '\0'; /* somebody flushed the scripts */
        load_script(redis);
    }
    land(call);
    answer_put(call, is_taken);
    free(call);
}

/* The version in front of the view, in one block. The caller frees it. */
static char *join(struct cache_version version, struct span view)
{
    char *value = malloc(VERSION_BYTES + 1 + view.bytes);

    if (value == NULL) {
        abort();
    }
    (void)snprintf(value, VERSION_BYTES + 1, "%016llx%016llx", (unsigned long long)version.epoch,
                   (unsigned long long)version.batch);
    if (view.bytes > 0) {
        memcpy(value + VERSION_BYTES, view.data, view.bytes);
    }
    return value;
}

static bool send_put(struct cache_redis *redis, struct redis_call *call,
                     const struct execution_id *id, struct cache_version version, struct span view,
                     struct span event)
{
    char key[REDIS_NAME_BYTES];
    char channel[REDIS_NAME_BYTES];

    redis_name(key, "view", id);
    redis_name(channel, "event", id);
    const char *event_data = event.bytes == 0 ? "" : event.data;

    if (view.bytes == 0) {
        const char *words[] = {"PUBLISH", channel, event_data};
        const size_t bytes[] = {7, strlen(channel), event.bytes};

        return redis_link_send(redis->commands, on_put, call, 3, words, bytes);
    }
    char *value = join(version, view);
    const char *words[] = {"EVALSHA", redis->script, "1",     key,
                           value,     redis->ttl_ms, channel, event_data};
    const size_t bytes[] = {7,
                            40,
                            1,
                            strlen(key),
                            VERSION_BYTES + view.bytes,
                            strlen(redis->ttl_ms),
                            strlen(channel),
                            event.bytes};
    bool is_sent = redis_link_send(redis->commands, on_put, call, 8, words, bytes);

    free(value);
    return is_sent;
}

static void redis_put(struct cache *cache, const struct execution_id *id,
                      struct cache_version version, struct span view, struct span event,
                      cache_put_done *done, void *argument)
{
    struct cache_redis *redis = (struct cache_redis *)cache;
    struct redis_call *call = call_new(redis, CALL_PUT, argument);
    size_t bytes = view.bytes + event.bytes + 256;

    call->put_done = done;
    call->id = *id;
    call->is_broadcast = view.bytes == 0;
    if (may_send(redis, bytes) && send_put(redis, call, id, version, view, event)) {
        fly(redis, call, redis->put_limit_ns, bytes);
    } else {
        refuse(redis, call);
    }
}

/* What stands as a view goes on being set until it may have expired. */
static bool redis_is_heard(struct cache *cache, const struct execution_id *id)
{
    struct cache_redis *redis = (struct cache_redis *)cache;
    exo_time now_ns = loop_now_ns(redis->loop);
    bool is_heard = heard_has(&redis->heard, id, now_ns);

    if (is_heard) {
        heard_note(&redis->heard, id, now_ns);
    }
    return is_heard;
}

/* ---- get ---- */

static bool read_version(const char *digits, struct cache_version *ret_version)
{
    enum { HALF = VERSION_BYTES / 2 };
    char text[VERSION_BYTES + 1];
    char first[HALF + 1] = {0};

    memcpy(text, digits, VERSION_BYTES);
    text[VERSION_BYTES] = '\0';
    if (strspn(text, "0123456789abcdef") != VERSION_BYTES) {
        return false;
    }
    memcpy(first, text, HALF);
    *ret_version =
        (struct cache_version){strtoull(first, NULL, 16), strtoull(text + HALF, NULL, 16)};
    return true;
}

static void on_get(redisAsyncContext *context, void *data, void *argument)
{
    struct redis_call *call = argument;
    const redisReply *reply = data;
    struct cache_version version = {0};
    struct span view = {NULL, 0};

    (void)context;
    if (reply != NULL && reply->type == REDIS_REPLY_STRING && reply->len >= VERSION_BYTES &&
        read_version(reply->str, &version)) {
        view = (struct span){reply->str + VERSION_BYTES, (size_t)reply->len - VERSION_BYTES};
    }
    land(call);
    answer_get(call, view, version);
    free(call);
}

static void redis_get(struct cache *cache, const struct execution_id *id, cache_get_done *done,
                      void *argument)
{
    struct cache_redis *redis = (struct cache_redis *)cache;
    struct redis_call *call = call_new(redis, CALL_GET, argument);
    char key[REDIS_NAME_BYTES];

    redis_name(key, "view", id);
    const char *words[] = {"GET", key};

    call->get_done = done;
    if (may_send(redis, REDIS_NAME_BYTES) &&
        redis_link_send(redis->commands, on_get, call, 2, words, NULL)) {
        fly(redis, call, redis->put_limit_ns > get_limit_ns ? redis->put_limit_ns : get_limit_ns,
            REDIS_NAME_BYTES);
    } else {
        refuse(redis, call);
    }
}

/* ---- connections ---- */

static void on_script(redisAsyncContext *context, void *data, void *argument)
{
    struct cache_redis *redis = argument;
    const redisReply *reply = data;

    (void)context;
    if (reply != NULL && reply->type == REDIS_REPLY_STRING && reply->len == 40) {
        memcpy(redis->script, reply->str, sizeof(redis->script));
    } else if (reply != NULL) {
        redis->notice(redis->notice_argument,
                      "Redis does not take scripts (SCRIPT LOAD was refused): views are not "
                      "cached; allow SCRIPT, EVALSHA, GETRANGE, SET and PUBLISH to this user");
    }
}

static void load_script(struct cache_redis *redis)
{
    const char *words[] = {"SCRIPT", "LOAD", put_script};

    /* Not sent: the connection has just ended, and the next one loads it. */
    (void)!redis_link_send(redis->commands, on_script, redis, 3, words, NULL);
}

static void on_commands_up(void *argument)
{
    struct cache_redis *redis = argument;

    redis->script[0] = '\0';
    load_script(redis);
}

static void on_commands_down(void *argument)
{
    struct cache_redis *redis = argument;

    redis->script[0] = '\0';
    redis->is_behind = false;
}

static void on_notice(void *argument, const char *text)
{
    struct cache_redis *redis = argument;

    redis->notice(redis->notice_argument, text);
}

/* ---- life ---- */

static void no_notice(void *argument, const char *text)
{
    (void)argument;
    (void)text;
}

static bool redis_is_up(const struct cache *cache)
{
    return may_send((const struct cache_redis *)cache, 0);
}

static void redis_close(struct cache *cache)
{
    struct cache_redis *redis = (struct cache_redis *)cache;

    redis->is_closing = true;
    redis_link_free(redis->commands); /* lands what is in flight */
    redis_events_free(redis->events);
    while (redis->refused.first != NULL) {
        struct redis_call *call = redis->refused.first;

        redis->refused.first = call->next;
        free(call);
    }
    loop_timer_free(redis->check);
    loop_wake_free(redis->turn);
    heard_release(&redis->heard);
    cache_base_release(cache);
    explicit_bzero(&redis->url, sizeof(redis->url));
    free(redis);
}

static void redis_subscribe(struct cache *cache, const struct execution_id *id)
{
    redis_events_subscribe(((struct cache_redis *)cache)->events, id);
}

static void redis_unsubscribe(struct cache *cache, const struct execution_id *id)
{
    redis_events_unsubscribe(((struct cache_redis *)cache)->events, id);
}

static const struct cache_driver driver = {
    .close = redis_close,
    .put = redis_put,
    .get = redis_get,
    .is_heard = redis_is_heard,
    .subscribe = redis_subscribe,
    .unsubscribe = redis_unsubscribe,
    .is_up = redis_is_up,
};

struct cache *cache_redis_open(struct loop *loop, const struct cache_settings *settings,
                               struct exo_error *err)
{
    static const struct redis_link_owner commands_owner = {on_commands_up, on_commands_down,
                                                           on_notice};
    struct redis_url url;

    if (redis_url_parse(settings->url, &url, err) != 0) {
        return NULL;
    }
    struct cache_redis *redis = calloc(1, sizeof(*redis));

    if (redis == NULL) {
        (void)exo_error_set(err, EXO_EIO, "no memory for a cache");
        return NULL;
    }
    cache_base_init(&redis->cache, &driver);
    heard_init(&redis->heard, settings->view_ttl_ns);
    redis->loop = loop;
    redis->url = url;
    explicit_bzero(&url, sizeof(url));
    redis->put_limit_ns =
        settings->put_limit_ns > 0 ? settings->put_limit_ns : put_limit_default_ns;
    redis->notice = settings->notice != NULL ? settings->notice : no_notice;
    redis->notice_argument = settings->notice_argument;
    (void)snprintf(redis->ttl_ms, sizeof(redis->ttl_ms), "%lld",
                   (long long)((settings->view_ttl_ns + EXO_MILLISECOND - 1) / EXO_MILLISECOND));
    redis->check = loop_timer_new(loop, on_check, redis);
    redis->turn = loop_wake_new(loop, on_turn, redis);
    redis->commands = redis_link_new(loop, &redis->url, &commands_owner, redis);
    redis->events =
        redis_events_new(loop, &redis->url, &redis->cache, redis->commands, on_notice, redis);
    return &redis->cache;
}
