/* execution_reads: show and list executions. */
#include "producer/core/inside.h"
#include "producer/core/listing.h"
#include "producer/http/handlers.h"
#include "producer/http/reading.h"

/* What stands in groups is read where there are some that may be under way. */
static void on_runs(void *argument, const struct store_run *rows, uint32_t count,
                    const struct exo_error *err)
{
    struct exchange *x = argument;

    if (!exchange_back_with(x, err)) {
        return;
    }
    struct read_execution *execution = x->state;
    struct inside *inside = exchange_alloc(x, sizeof(*inside));
    struct wire_run *runs = exchange_alloc(x, INSIDE_RUNS_MAX * sizeof(*runs));

    inside->runs = runs;
    inside->run_count = reading_runs(x, rows, count, INSIDE_RUNS_MAX, runs);
    inside->has_more_runs = count > INSIDE_RUNS_MAX;
    execution->inside = inside;
    reading_send(x, 200, execution);
}

static void on_read(struct exchange *x, const struct read_execution *execution)
{
    if (execution->row.is_terminal ||
        execution->cluster->satellite_count == execution->cluster->root_count) {
        reading_send(x, 200, execution);
        return;
    }
    struct read_execution *shown = exchange_alloc(x, sizeof(*shown));

    *shown = *execution;
    x->state = shown;
    store_run_live(x->api->store, &execution->row.id, 0, INSIDE_RUNS_MAX + 1, on_runs,
                   exchange_wait(x));
}

void execution_get(struct exchange *x)
{
    reading_begin(x, on_read);
}

/* ---- list ---- */

struct query_walk {
    struct listing listing;
    struct fault_list faults;
};

static bool on_field(void *argument, const char *name, struct span value)
{
    struct query_walk *walk = argument;

    listing_set(&walk->listing, name, value, &walk->faults);
    return true;
}

static void on_list(void *argument, const struct store_execution *rows, uint32_t count,
                    const struct exo_error *err)
{
    struct exchange *x = argument;

    if (!exchange_back_with(x, err)) {
        return;
    }
    const struct query_walk *walk = x->state;
    struct json_writer w = exchange_json(x);
    char cursor[LISTING_CURSOR_BYTES] = "";

    json_begin_map(&w);
    json_key(&w, "executions");
    json_begin_list(&w);
    for (uint32_t i = 0; i < count; i++) {
        const struct read_execution execution = {.row = rows[i]};
        struct view_execution view = reading_view(&execution);

        view.is_whole = false;
        view_put_execution(&w, &view);
    }
    json_end_list(&w);
    if (count > 0 && count == walk->listing.limit) {
        listing_cursor(&rows[count - 1].id, rows[count - 1].submitted_ns, cursor);
    }
    view_put_text(&w, "next_cursor", span_of(cursor));
    json_end_map(&w);
    exchange_send(x, 200, NULL, NULL, 0);
}

static const char *text_or_null(struct exchange *x, struct span text)
{
    return text.bytes == 0 ? NULL : exchange_copy(x, text).data;
}

void executions_list(struct exchange *x)
{
    struct query_walk *walk = exchange_alloc(x, sizeof(*walk));

    listing_init(&walk->listing);
    fault_list_init(&walk->faults, &x->arena, 0);
    http_query_each(x->request, on_field, walk);
    if (walk->faults.error_count > 0) {
        exchange_faults(x, 400, "the query has faults", &walk->faults);
        return;
    }
    const struct listing *listing = &walk->listing;
    struct store_query query = {
        .project = text_or_null(x, listing->project),
        .state = text_or_null(x, listing->state),
        .cluster = text_or_null(x, listing->cluster),
        .label_key = listing->label_key,
        .label_value = listing->label_value,
        .after_ns = listing->after_ns,
        .before_ns = listing->before_ns,
        .cursor = listing->cursor,
        .cursor_ns = listing->cursor_ns,
        .limit = listing->limit,
    };

    x->state = walk;
    store_execution_list(x->api->store, &query, on_list, exchange_wait(x));
}
