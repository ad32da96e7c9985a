#include "infra/cache/redis_events.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static const exo_time pulse_ns = 3 * EXO_SECOND;
static const exo_time silence_limit_ns = 10 * EXO_SECOND; /* then the connection is made anew */

enum channel_state { CHANNEL_NONE, CHANNEL_ASKED, CHANNEL_ON, CHANNEL_LEAVING };

/* The subscription of one execution. */
struct channel {
    struct id_entry entry; /* first: found through cache_redis.channels */
    enum channel_state state;
    bool is_wanted;
};

struct redis_events {
    struct cache *cache;
    struct redis_link *link;
    struct redis_link *commands;
    void (*notice)(void *argument, const char *text);
    void *notice_argument;
    struct id_table channels;
    char pulse_channel[REDIS_NAME_BYTES];
    struct loop_timer *pulse;
    exo_time last_event_ns;
};

void redis_name(char name[REDIS_NAME_BYTES], const char *prefix, const struct execution_id *id)
{
    char text[EXECUTION_ID_TEXT_BYTES + 1];

    execution_id_format(id, text);
    (void)snprintf(name, REDIS_NAME_BYTES, "exo:%s:%s", prefix, text);
}

static void on_event(redisAsyncContext *context, void *data, void *argument);

static bool send_channel(struct redis_events *events, const char *verb, const char *channel)
{
    const char *words[] = {verb, channel};

    return redis_link_send(events->link, on_event, events, 2, words, NULL);
}

/* Moves a subscription towards what is wanted; frees one that is neither wanted nor there. */
static void steer(struct redis_events *events, struct channel *channel)
{
    char name[REDIS_NAME_BYTES];
    bool is_up = redis_link_is_up(events->link);

    redis_name(name, "event", &channel->entry.id);
    if (channel->is_wanted && channel->state == CHANNEL_NONE && is_up) {
        if (send_channel(events, "SUBSCRIBE", name)) {
            channel->state = CHANNEL_ASKED;
        }
    } else if (!channel->is_wanted && channel->state == CHANNEL_ON && is_up) {
        if (send_channel(events, "UNSUBSCRIBE", name)) {
            channel->state = CHANNEL_LEAVING;
        }
    } else if (!channel->is_wanted && channel->state == CHANNEL_NONE) {
        id_table_remove(&events->channels, &channel->entry);
        free(channel);
    }
}

void redis_events_subscribe(struct redis_events *events, const struct execution_id *id)
{
    struct channel *channel = (struct channel *)id_table_find(&events->channels, id);

    if (channel == NULL) {
        channel = calloc(1, sizeof(*channel));
        if (channel == NULL) {
            abort();
        }
        channel->entry.id = *id;
        id_table_add(&events->channels, &channel->entry);
    }
    channel->is_wanted = true;
    steer(events, channel);
}

void redis_events_unsubscribe(struct redis_events *events, const struct execution_id *id)
{
    struct channel *channel = (struct channel *)id_table_find(&events->channels, id);

    assert(channel != NULL);
    channel->is_wanted = false;
    steer(events, channel);
}

/* "exo:event:ID" */
static bool id_of_channel(const redisReply *name, struct execution_id *ret_id)
{
    static const char prefix[] = "exo:event:";
    const size_t prefix_bytes = sizeof(prefix) - 1;

    return name->type == REDIS_REPLY_STRING &&
           (size_t)name->len == prefix_bytes + EXECUTION_ID_TEXT_BYTES &&
           memcmp(name->str, prefix, prefix_bytes) == 0 &&
           execution_id_parse((struct span){name->str + prefix_bytes, EXECUTION_ID_TEXT_BYTES},
                              ret_id);
}

static void on_event(redisAsyncContext *context, void *data, void *argument)
{
    struct redis_events *events = argument;
    const redisReply *reply = data;
    struct execution_id id;

    (void)context;
    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY || reply->elements < 3) {
        return; /* the connection ended, which on_down hears, too */
    }
    events->last_event_ns = clock_monotonic_ns();
    if (!id_of_channel(reply->element[1], &id)) {
        return; /* the pulse */
    }
    const char *kind = reply->element[0]->str;
    struct channel *channel = (struct channel *)id_table_find(&events->channels, &id);

    if (strcmp(kind, "message") == 0 && reply->element[2]->type == REDIS_REPLY_STRING) {
        watches_call(events->cache, &id,
                     (struct span){reply->element[2]->str, (size_t)reply->element[2]->len}, false);
    } else if (channel != NULL && strcmp(kind, "subscribe") == 0) {
        channel->state = CHANNEL_ON;
        if (channel->is_wanted) {
            watches_call(events->cache, &id, (struct span){NULL, 0}, true);
            channel = (struct channel *)id_table_find(&events->channels, &id);
        }
        if (channel != NULL) {
            steer(events, channel);
        }
    } else if (channel != NULL && strcmp(kind, "unsubscribe") == 0) {
        channel->state = CHANNEL_NONE;
        steer(events, channel);
    }
}

static void on_pulse_sent(redisAsyncContext *context, void *data, void *argument)
{
    (void)context;
    (void)data;
    (void)argument;
}

/* Says something to ourselves over the one connection and listens for it on the other. */
static void on_pulse(void *argument)
{
    struct redis_events *events = argument;
    const char *words[] = {"PUBLISH", events->pulse_channel, "pulse"};

    if (redis_link_is_up(events->link) &&
        clock_monotonic_ns() - events->last_event_ns > silence_limit_ns) {
        redis_link_drop(events->link, "nothing heard for 10 s");
        return;
    }
    if (redis_link_is_up(events->commands)) {
        /* Not sent: then the other connection will be silent, which is what this is for. */
        (void)!redis_link_send(events->commands, on_pulse_sent, NULL, 3, words, NULL);
    }
}

static void on_up(void *argument)
{
    struct redis_events *events = argument;
    struct id_entry *entry = id_table_next(&events->channels, NULL);

    events->last_event_ns = clock_monotonic_ns();
    (void)send_channel(events, "SUBSCRIBE", events->pulse_channel); /* an end shows as down */
    while (entry != NULL) {
        struct id_entry *next = id_table_next(&events->channels, entry); /* steer may free it */

        steer(events, (struct channel *)entry);
        entry = next;
    }
}

/* All subscriptions are gone; those still wanted begin again when it is up. */
static void on_down(void *argument)
{
    struct redis_events *events = argument;
    struct id_entry *entry = id_table_next(&events->channels, NULL);

    while (entry != NULL) {
        struct id_entry *next = id_table_next(&events->channels, entry);
        struct channel *channel = (struct channel *)entry;

        channel->state = CHANNEL_NONE;
        steer(events, channel);
        entry = next;
    }
}

static void on_notice(void *argument, const char *text)
{
    struct redis_events *events = argument;

    events->notice(events->notice_argument, text);
}

struct redis_events *redis_events_new(struct loop *loop, const struct redis_url *url,
                                      struct cache *cache, struct redis_link *commands,
                                      void (*notice)(void *argument, const char *text),
                                      void *argument)
{
    static const struct redis_link_owner owner = {on_up, on_down, on_notice};
    struct redis_events *events = calloc(1, sizeof(*events));

    if (events == NULL) {
        abort();
    }
    events->cache = cache;
    events->commands = commands;
    events->notice = notice;
    events->notice_argument = argument;
    id_table_init(&events->channels);
    /* Two of one name would only hear each other's pulses. */
    (void)snprintf(events->pulse_channel, sizeof(events->pulse_channel), "exo:pulse:%llx",
                   (unsigned long long)clock_wall_ns());
    events->pulse = loop_timer_new(loop, on_pulse, events);
    loop_timer_start(events->pulse, pulse_ns, pulse_ns);
    events->link = redis_link_new(loop, url, &owner, events);
    return events;
}

void redis_events_free(struct redis_events *events)
{
    struct id_entry *entry = NULL;

    redis_link_free(events->link);
    while ((entry = id_table_next(&events->channels, NULL)) != NULL) {
        id_table_remove(&events->channels, entry);
        free(entry);
    }
    id_table_release(&events->channels);
    loop_timer_free(events->pulse);
    free(events);
}
