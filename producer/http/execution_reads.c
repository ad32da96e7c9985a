/* execution_reads: show, list, explain executions. */
#include "producer/core/explain.h"
#include "producer/core/listing.h"
#include "producer/http/handlers.h"
#include "producer/http/reading.h"

static void on_read(struct exchange *x, const struct read_execution *execution)
{
    reading_send(x, 200, execution);
}

void execution_get(struct exchange *x)
{
    reading_begin(x, on_read);
}

struct explaining {
    const struct read_execution *execution;
};

/* The runs it has, unpacked; one that cannot be read is left out. */
static uint32_t runs_unpack(struct exchange *x, const struct store_run *rows, uint32_t count,
                            struct wire_run *runs)
{
    uint32_t good = 0;

    for (uint32_t i = 0; i < count && i < EXPLAIN_RUNS_MAX; i++) {
        struct span body = exchange_copy(x, rows[i].body);

        good += wire_run_unpack(body, &x->arena, &runs[good]) == WIRE_OK ? 1 : 0;
    }
    return good;
}

static void on_explain_runs(void *argument, const struct store_run *rows, uint32_t count,
                            const struct exo_error *err)
{
    struct exchange *x = argument;

    if (!exchange_back(x)) {
        return;
    }
    if (err != NULL) {
        exchange_error(x, "the store", err);
        return;
    }
    const struct explaining *explaining = x->state;
    struct view_execution view = reading_view(explaining->execution);
    struct wire_run *runs = exchange_alloc(x, EXPLAIN_RUNS_MAX * sizeof(*runs));
    struct explain_facts facts = {
        .execution = &view,
        .runs = runs,
        .run_count = runs_unpack(x, rows, count, runs),
        .has_more_runs = count > EXPLAIN_RUNS_MAX,
        .fleet = &x->api->fleet,
        .loop_now_ns = loop_now_ns(x->api->loop),
        .now_ms = clock_wall_ns() / EXO_MILLISECOND,
    };
    struct json_writer w = exchange_json(x);

    explain_put(&w, &facts);
    exchange_send(x, 200, NULL, NULL, 0);
}

static void on_explain(struct exchange *x, const struct read_execution *execution)
{
    struct explaining *explaining = exchange_alloc(x, sizeof(*explaining));

    explaining->execution = execution;
    x->state = explaining;
    store_run_live(x->api->store, &execution->row.id, 0, EXPLAIN_RUNS_MAX + 1, on_explain_runs,
                   exchange_wait(x));
}

void execution_explain(struct exchange *x)
{
    reading_begin(x, on_explain);
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

    if (!exchange_back(x)) {
        return;
    }
    if (err != NULL) {
        exchange_error(x, "the store", err);
        return;
    }
    const struct query_walk *walk = x->state;
    struct json_writer w = exchange_json(x);
    char cursor[LISTING_CURSOR_BYTES];

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
    json_key(&w, "next_cursor");
    if (count > 0 && count == walk->listing.limit) {
        listing_cursor(&rows[count - 1].id, rows[count - 1].submitted_ns, cursor);
        json_put_text(&w, cursor);
    } else {
        json_put_null(&w);
    }
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
