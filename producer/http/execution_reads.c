/* execution_reads: show, list, cancel, explain executions. */
#include <stdio.h>

#include "producer/core/explain.h"
#include "producer/core/listing.h"
#include "producer/http/handlers.h"
#include "producer/http/reading.h"
#include "schemas/json/json_read.h"
#include "schemas/wire/status.h"

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

/* ---- cancel ---- */

enum { REASON_BYTES_MAX = 500 };

struct cancelling {
    struct execution_id id;
    struct span reason;
};

static void on_cancel_sent(void *argument, int64_t offset, const struct exo_error *err)
{
    struct exchange *x = argument;

    (void)offset;
    if (!exchange_back(x)) {
        return;
    }
    if (err != NULL) {
        exchange_error(x, "the log", err);
        return;
    }
    const struct cancelling *cancelling = x->state;
    struct json_writer w = exchange_json(x);

    view_put_accepted(&w, &cancelling->id, "CANCELLING");
    exchange_send(x, 202, NULL, NULL, 0);
}

static void cancel_send(struct exchange *x, const struct cancelling *cancelling)
{
    struct api *api = x->api;
    char key[EXECUTION_ID_TEXT_BYTES + 1];
    struct wire_command command = {.kind = COMMAND_CANCEL,
                                   .execution = cancelling->id,
                                   .reason = cancelling->reason,
                                   .actor = span_of("api")};
    struct wire_status status = {.commands = &command, .command_count = 1};
    struct exo_error err;

    execution_id_format(&cancelling->id, key);
    arena_reset(&api->scratch);
    buffer_reset(&api->packed);
    wire_status_pack(&status, &api->scratch, &api->packed);
    (void)exchange_wait(x);
    if (log_append(api->log, TOPIC_STATUS, execution_shard(&cancelling->id, api->shard_count),
                   span_of(key), buffer_span(&api->packed), 10 * EXO_SECOND, on_cancel_sent, x,
                   &err) != 0 &&
        exchange_back(x)) {
        exchange_error(x, "the log", &err);
    }
}

static void on_cancel_read(struct exchange *x, const struct read_execution *execution)
{
    const struct cancelling *cancelling = x->state;

    if (execution->row.is_terminal && strcmp(execution->row.state, "CANCELLED") == 0) {
        reading_send(x, 200, execution); /* as was asked */
    } else if (execution->row.is_terminal) {
        exchange_problem(x, 409, "the execution has already ended: %s", execution->row.state);
    } else if (!x->api->is_prepared || x->api->shard_count == 0) {
        exchange_later(x, 503, 1, api_waits_for(x->api));
    } else {
        cancel_send(x, cancelling);
    }
}

/* {"reason": "..."}, or nothing at all. */
static bool reason_read(struct exchange *x, struct cancelling *cancelling)
{
    struct span body = http_body(x->request);
    struct json_error error;
    struct value value;

    cancelling->reason = span_of("cancelled by request");
    if (body.bytes == 0) {
        return true;
    }
    if (json_read(body, NULL, &x->arena, &value, &error) != JSON_OK) {
        exchange_problem(x, 400, "the body is no JSON that can be taken: line %u column %u: %s",
                         error.line, error.column, error.text);
        return false;
    }
    const struct value *reason = value_get(&value, span_of("reason"));

    if (value.kind != VALUE_MAP || (value.count > 0 && reason == NULL) || value.count > 1 ||
        (reason != NULL && (reason->kind != VALUE_STRING || reason->count > REASON_BYTES_MAX))) {
        exchange_problem(x, 422,
                         "the body may hold a reason only, a string of at most %d bytes: "
                         "{\"reason\": \"wrong input\"}",
                         (int)REASON_BYTES_MAX);
        return false;
    }
    if (reason != NULL && reason->count > 0) {
        cancelling->reason = value_text(reason);
    }
    return true;
}

void execution_cancel(struct exchange *x)
{
    struct cancelling *cancelling = exchange_alloc(x, sizeof(*cancelling));

    x->state = cancelling;
    if (!execution_id_parse(route_parameter(x, 0), &cancelling->id)) {
        reading_begin(x, on_cancel_read); /* says so */
    } else if (reason_read(x, cancelling)) {
        reading_begin(x, on_cancel_read);
    }
}
