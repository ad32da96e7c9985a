/* waiting: ?wait=30s: the answer is the execution once it has ended.
 *
 *   watch it -> submit it -> its last event -> read the row -> answer
 *
 * A new execution is watched before its Job goes to the log: there is nothing to read until its
 * last event. Events may be lost with the cache, so the row is read now and then too: soon at
 * first, since most executions that somebody waits for are short. */
#include "producer/http/reading.h"
#include "producer/http/submitting.h"
#include "schemas/wire/event.h"

static const exo_time look_first_ns = 50 * EXO_MILLISECOND;
static const exo_time look_most_ns = EXO_SECOND;

struct waiting {
    struct exchange *x;
    struct execution_id id;
    exo_time until_ns;
    struct cache_watch *watch;
    exo_time look_ns; /* until the next look without an event */
    bool has_begun;
    bool is_reading;
    bool is_due; /* an event came while it read, or before it began */
};

static void look(struct waiting *waiting);

/* An API that is told to stop answers with what is known: the client may ask another. */
static bool is_over(const struct waiting *waiting)
{
    const struct api *api = waiting->x->api;

    return api->is_leaving || loop_now_ns(api->loop) >= waiting->until_ns;
}

void waiting_close(struct waiting *waiting)
{
    cache_watch_close(waiting->watch);
}

static void cleanup(struct exchange *x)
{
    waiting_close(x->state);
}

static void still_running(struct waiting *waiting, struct read_execution *execution)
{
    struct exchange *x = waiting->x;

    if (!is_over(waiting)) {
        if (waiting->is_due) {
            look(waiting);
        }
        return;
    }
    if (execution != NULL) {
        reading_send(x, 202, execution);
        return;
    }
    struct json_writer w = exchange_json(x);

    view_put_accepted(&w, &waiting->id, "QUEUED");
    exchange_send(x, 202, NULL, NULL, 0);
}

static void on_row(void *argument, const struct store_execution *row, struct span definition,
                   const struct exo_error *err)
{
    struct waiting *waiting = argument;
    struct exchange *x = waiting->x;

    if (!exchange_back(x)) {
        return;
    }
    waiting->is_reading = false;
    bool is_last = is_over(waiting);

    if (err != NULL || row == NULL || (!row->is_terminal && !is_last)) {
        still_running(waiting, NULL); /* a store that is away may be back before the time is up */
        return;
    }
    struct read_execution *execution = reading_unpack(x, row, definition);

    if (execution == NULL) {
        return;
    }
    if (row->is_terminal) {
        reading_send(x, 200, execution);
    } else {
        still_running(waiting, execution);
    }
}

static void look(struct waiting *waiting)
{
    waiting->is_due = waiting->is_reading;
    if (!waiting->is_reading) {
        waiting->is_reading = true;
        (void)exchange_wait(waiting->x);
        store_execution_get(waiting->x->api->store, &waiting->id, on_row, waiting);
    }
}

static void on_time(void *argument)
{
    struct waiting *waiting = argument;
    struct exchange *x = waiting->x;

    if (!exchange_back(x)) {
        return;
    }
    exo_time left_ns = waiting->until_ns - loop_now_ns(x->api->loop);

    /* The look at the time's end answers in any case. */
    waiting->look_ns = waiting->look_ns < look_most_ns / 2 ? 2 * waiting->look_ns : look_most_ns;
    exchange_delay(x, left_ns > 0 && left_ns < waiting->look_ns ? left_ns : waiting->look_ns,
                   on_time, waiting);
    look(waiting);
}

static bool has_ended(struct span event)
{
    struct heap_budget budget = {.limit_bytes = 16 << 20};
    struct arena arena;
    struct wire_change_batch batch;
    enum execution_state state;
    bool is_ended = false;

    arena_init(&arena, allocator_heap(&budget), 0);
    if (wire_change_batch_unpack(event, &arena, &batch) == WIRE_OK) {
        for (uint32_t i = 0; i < batch.change_count; i++) {
            is_ended =
                is_ended || (execution_state_parse(batch.changes[i].execution_state, &state) &&
                             execution_state_is_terminal(state));
        }
    } else {
        is_ended = true; /* a newer program's: look */
    }
    arena_release(&arena);
    return is_ended;
}

static void on_event(void *argument, struct span event, bool is_gap)
{
    struct waiting *waiting = argument;

    if (waiting->has_begun && (is_gap || has_ended(event))) {
        look(waiting);
    } else if (!is_gap && has_ended(event)) {
        waiting->is_due = true;
    }
}

struct waiting *waiting_open(struct exchange *x, const struct execution_id *id)
{
    struct waiting *waiting = exchange_alloc(x, sizeof(*waiting));

    waiting->x = x;
    waiting->id = *id;
    waiting->watch = cache_watch_open(x->api->cache, id, on_event, waiting);
    return waiting;
}

void waiting_begin(struct waiting *waiting, exo_time limit_ns, bool is_new)
{
    struct exchange *x = waiting->x;

    waiting->until_ns = loop_now_ns(x->api->loop) + limit_ns;
    waiting->look_ns = look_first_ns;
    waiting->has_begun = true;
    x->state = waiting;
    x->cleanup = cleanup;
    exchange_delay(x, limit_ns < look_first_ns ? limit_ns : look_first_ns, on_time, waiting);
    if (!is_new || waiting->is_due) {
        look(waiting);
    }
}
