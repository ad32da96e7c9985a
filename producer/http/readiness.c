/* readiness: what the API waits for at its start: the store's schema, the log's topics.
 *
 * Asked again every second until both are there; /readyz then follows the connections. */
#include <stdio.h>
#include <stdlib.h>

#include "producer/http/api_state.h"

static const exo_time again_ns = EXO_SECOND;

bool api_callback_back(struct api *api)
{
    api->asked--;
    if (api->is_closed) {
        api_free_if_done(api);
        return false;
    }
    return true;
}

static void on_topics(void *argument, const struct exo_error *err)
{
    struct api *api = argument;

    if (!api_callback_back(api)) {
        return;
    }
    api->is_asking = false;
    api->is_prepared = err == NULL;
    (void)snprintf(api->topics_error, sizeof(api->topics_error), "%.200s",
                   err == NULL ? "" : err->text);
    loop_timer_start(api->ready_timer, api->is_prepared ? 0 : again_ns, 0);
}

static void ask_topics(struct api *api)
{
    topics_fixed(api->shard_count, api->topics);
    api->asked++;
    log_prepare(api->log, api->topics, TOPIC_FIXED_NR, on_topics, api);
}

static void schema_take(struct api *api, const struct store_schema *schema)
{
    if (schema->version != schema->wanted) {
        (void)snprintf(api->schema_error, sizeof(api->schema_error),
                       schema->version > schema->wanted
                           ? "a newer program: the store's schema has version %u, this one knows %u"
                           : "`exosphere migrate`: the store's schema has version %u, wanted is %u",
                       schema->version, schema->wanted);
        return;
    }
    if (api->shard_count != 0 && api->shard_count != schema->shard_count) {
        (void)snprintf(api->schema_error, sizeof(api->schema_error),
                       "the setting shards to be %u, as installed in the store (it is %u)",
                       schema->shard_count, api->shard_count);
        return;
    }
    if (!api->has_secret) {
        memcpy(api->secret, schema->secret, sizeof(api->secret));
        api->has_secret = true;
    }
    api->shard_count = schema->shard_count;
    api->is_schema_known = true;
    api->schema_error[0] = '\0';
}

static void on_schema(void *argument, const struct store_schema *schema,
                      const struct exo_error *err)
{
    struct api *api = argument;

    if (!api_callback_back(api)) {
        return;
    }
    if (err != NULL) {
        (void)snprintf(api->schema_error, sizeof(api->schema_error), "the store: %.200s",
                       err->text);
    } else {
        schema_take(api, schema);
    }
    api->is_asking = false;
    loop_timer_start(api->ready_timer, api->is_schema_known ? 0 : again_ns, 0);
}

static void on_time(void *argument)
{
    struct api *api = argument;

    if (api->is_asking) {
        return;
    }
    if (!api->is_schema_known) {
        api->is_asking = true;
        api->asked++;
        store_schema(api->store, on_schema, api);
    } else if (!api->is_prepared) {
        api->is_asking = true;
        ask_topics(api);
    } else {
        fleet_watch_open(api);
    }
}

void readiness_open(struct api *api)
{
    api->topics = calloc(TOPIC_FIXED_NR, sizeof(*api->topics));
    if (api->topics == NULL) {
        abort();
    }
    api->ready_timer = loop_timer_new(api->loop, on_time, api);
    loop_timer_start(api->ready_timer, 0, 0);
}

void readiness_close(struct api *api)
{
    loop_timer_free(api->ready_timer);
    api->ready_timer = NULL;
}

bool api_is_ready(const struct api *api)
{
    return api_waits_for(api)[0] == '\0';
}

const char *api_waits_for(const struct api *api)
{
    if (api->is_leaving) {
        return "its end: it has been told to stop";
    }
    if (!api->is_schema_known) {
        return api->schema_error[0] == '\0' ? "the store" : api->schema_error;
    }
    if (!store_is_up(api->store)) {
        return "the store, which does not answer";
    }
    if (!api->is_prepared) {
        return api->topics_error[0] == '\0' ? "the log's topics" : api->topics_error;
    }
    if (!log_is_up(api->log)) {
        return "the log, which does not answer";
    }
    return "";
}
