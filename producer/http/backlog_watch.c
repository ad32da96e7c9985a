/* backlog_watch: looks once a second how far schedulers are behind, while somebody submits.
 *
 *   store_places, against the ends of the look before --> backlog; then the ends again */
#include <stdlib.h>
#include <string.h>

#include "producer/http/api_state.h"

/* Who waits for the end of one shard's jobs. */
struct end_ask {
    struct api *api;
    uint32_t shard;
};

static void on_end(void *argument, int64_t end, const struct exo_error *err)
{
    struct end_ask *ask = argument;
    struct api *api = ask->api;
    uint32_t shard = ask->shard;

    free(ask);
    if (!api_callback_back(api)) {
        return;
    }
    api->backlog_asked--;
    if (err == NULL) {
        api->backlog_ends[shard] = end; /* else the older one: too few rather than too many */
    }
}

static void ask_ends(struct api *api)
{
    for (uint32_t i = 0; i < api->shard_count; i++) {
        struct end_ask *ask = malloc(sizeof(*ask));

        if (ask == NULL) {
            abort();
        }
        *ask = (struct end_ask){api, i};
        api->backlog_asked++;
        api->asked++;
        log_end(api->log, TOPIC_JOBS, i, on_end, ask);
    }
}

static void on_places(void *argument, const struct store_place *places, uint32_t count,
                      const struct exo_error *err)
{
    struct api *api = argument;

    if (!api_callback_back(api)) {
        return;
    }
    api->backlog_asked--;
    if (err != NULL || count != api->shard_count) {
        return; /* asked again with the next look */
    }
    int64_t *consumed = calloc(count, sizeof(*consumed));

    if (consumed == NULL) {
        abort();
    }
    for (uint32_t i = 0; i < count; i++) {
        consumed[places[i].shard < count ? places[i].shard : i] = places[i].offsets[0];
    }
    backlog_measure(&api->backlog, api->backlog_ends, consumed, count);
    free(consumed);
    ask_ends(api);
}

static void look(void *argument)
{
    struct api *api = argument;
    bool is_wanted = api->backlog_is_wanted || backlog_is_over(&api->backlog);

    if (!is_wanted || api->backlog_asked > 0 || api->shard_count == 0 || !api->is_prepared) {
        return;
    }
    api->backlog_is_wanted = false;
    if (api->backlog_ends == NULL) {
        api->backlog_ends = calloc(api->shard_count, sizeof(*api->backlog_ends));
        if (api->backlog_ends == NULL) {
            abort();
        }
    }
    api->backlog_asked++;
    api->asked++;
    store_places(api->store, on_places, api);
}

void backlog_watch_open(struct api *api)
{
    if (api->backlog.most == 0) {
        return;
    }
    api->backlog_timer = loop_timer_new(api->loop, look, api);
    loop_timer_start(api->backlog_timer, api->backlog_look_ns, api->backlog_look_ns);
}

void backlog_watch_close(struct api *api)
{
    loop_timer_free(api->backlog_timer);
    api->backlog_timer = NULL;
}
