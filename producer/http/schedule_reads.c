/* schedule_reads: schedules, shown and listed: the rows that their shards commit. */
#include <stdio.h>

#include "infra/crypto/fire_id.h"
#include "infra/zoneinfo/zoneinfo.h"
#include "producer/core/listing.h"
#include "producer/core/schedule_view.h"
#include "producer/core/view.h"
#include "producer/http/handlers.h"
#include "producer/http/schedules.h"
#include "schemas/cluster/uses.h"
#include "schemas/json/json_read.h"

bool schedule_name_read(struct exchange *x, struct schedule_name *ret)
{
    if (!version_name_is_good(route_parameter(x, 0)) ||
        !version_name_is_good(route_parameter(x, 1))) {
        exchange_problem(x, 400,
                         "a project and a name have a-z, 0-9, _ and -, begin with a letter and "
                         "have at most 63 bytes");
        return false;
    }
    ret->project = exchange_copy(x, route_parameter(x, 0));
    ret->name = exchange_copy(x, route_parameter(x, 1));
    ret->id = schedule_id_of(ret->project, ret->name);
    return true;
}

/* ---- one ---- */

/* A read on its way. */
struct schedule_read {
    struct exchange *x;
    struct digest id;
    void (*called)(struct exchange *x, const struct wire_schedule_row *row);
};

static const struct wire_schedule_row *unpack(struct exchange *x, const struct store_spanning *from)
{
    struct wire_schedule_row *row = exchange_alloc(x, sizeof(*row));

    return wire_schedule_row_unpack(exchange_copy(x, from->body), &x->arena, row) == WIRE_OK ? row
                                                                                             : NULL;
}

static void on_row(void *argument, const struct store_spanning *rows, uint32_t count,
                   const struct exo_error *err)
{
    struct schedule_read *read = argument;
    struct exchange *x = read->x;

    if (!exchange_back_with(x, err)) {
        return;
    }
    if (count == 0 || memcmp(rows[0].id.bytes, read->id.bytes, DIGEST_BYTES) != 0) {
        read->called(x, NULL);
        return;
    }
    const struct wire_schedule_row *row = unpack(x, &rows[0]);

    if (row == NULL) {
        exchange_problem(x, 500, "what the store holds of it cannot be read by this version");
        return;
    }
    read->called(x, row);
}

void schedule_read_row(struct exchange *x, const struct schedule_name *name,
                       void (*called)(struct exchange *x, const struct wire_schedule_row *row))
{
    struct schedule_read *read = exchange_alloc(x, sizeof(*read));

    if (x->api->shard_count == 0) {
        exchange_later(x, 503, 1, api_waits_for(x->api));
        return;
    }
    *read = (struct schedule_read){x, wire_schedule_row_id(&name->id), called};
    const struct store_spanning_query query = {
        .shard = execution_shard(&name->id, x->api->shard_count),
        .kind = STORE_SPANNING_SCHEDULE,
        .from = read->id,
        .limit = 1,
    };

    (void)exchange_wait(x);
    store_spanning_read(x->api->store, &query, on_row, read);
}

/* What of a row has to be read first; NULL where that cannot be here. */
static const struct schedule *definition_of(struct exchange *x, const struct wire_schedule_row *row,
                                            const struct zone **ret_zone)
{
    struct value *root = exchange_alloc(x, sizeof(*root));
    const struct schedule *definition = NULL;
    struct json_error error;
    struct fault_list faults;
    struct exo_error err;
    const struct schedule_source source = {.root = root, .is_stored = true};

    fault_list_init(&faults, &x->parsing, 1);
    if (json_read(row->definition, NULL, &x->parsing, root, &error) != JSON_OK ||
        schedule_parse(&source, &x->parsing, &definition, &faults) != 0 ||
        zoneinfo_read(definition->tz, &x->parsing, ret_zone, &err) != 0) {
        return NULL;
    }
    return definition;
}

void schedule_put_row(struct exchange *x, struct json_writer *w,
                      const struct wire_schedule_row *row, bool is_whole)
{
    struct execution_id id = schedule_id_of(row->project, row->name);
    struct execution_id *fires = exchange_alloc(x, row->fire_count * sizeof(*fires) + 1);
    struct schedule_view view = {
        .row = row, .fires = fires, .now_ns = clock_wall_ns(), .is_whole = is_whole};

    for (uint32_t i = 0; i < row->fire_count; i++) {
        fires[i] = fire_id_of(&id, row->fires[i].nominal_ns);
    }
    view.definition = definition_of(x, row, &view.zone);
    schedule_view_put(w, &view);
}

void schedule_send(struct exchange *x, int status, const struct wire_schedule_row *row)
{
    struct json_writer w = exchange_json(x);
    char etag[24];
    const struct http_header header = {"ETag", etag};

    (void)snprintf(etag, sizeof(etag), "\"%llu\"", (unsigned long long)row->number);
    schedule_put_row(x, &w, row, true);
    exchange_send(x, status, NULL, &header, 1);
}

static void on_shown(struct exchange *x, const struct wire_schedule_row *row)
{
    if (row == NULL) {
        exchange_problem(x, 404, "there is no such schedule; GET /v1/schedules lists them");
    } else {
        schedule_send(x, 200, row);
    }
}

void schedule_get(struct exchange *x)
{
    struct schedule_name *name = exchange_alloc(x, sizeof(*name));

    if (schedule_name_read(x, name)) {
        schedule_read_row(x, name, on_shown);
    }
}

/* ---- list ---- */

struct schedule_listing {
    struct span project;
    uint32_t limit;
    struct execution_id cursor;
    bool has_cursor;
    const char *wrong;
};

static bool on_field(void *argument, const char *name, struct span value)
{
    struct schedule_listing *listing = argument;
    struct span field = span_of(name);

    if (span_is(field, "limit")) {
        listing->wrong = limit_parse(value, &listing->limit) ? listing->wrong
                                                             : "limit is a number from 1 to 1000";
    } else if (span_is(field, "cursor")) {
        listing->has_cursor = execution_id_parse(value, &listing->cursor);
        listing->wrong =
            listing->has_cursor ? listing->wrong : "cursor is next_cursor of the page before";
    } else if (span_is(field, "project") && version_name_is_good(value)) {
        listing->project = value;
    } else {
        listing->wrong = "the query has project, cursor and limit only";
    }
    return true;
}

static void put_rows(struct exchange *x, struct json_writer *w, const struct store_spanning *rows,
                     uint32_t count)
{
    const struct schedule_listing *listing = x->state;

    for (uint32_t i = 0; i < count; i++) {
        const struct wire_schedule_row *row = unpack(x, &rows[i]);

        if (row != NULL &&
            (listing->project.bytes == 0 || span_equal(listing->project, row->project))) {
            schedule_put_row(x, w, row, false);
        }
        arena_reset(&x->parsing); /* of one definition at a time */
    }
}

static void on_list(void *argument, const struct store_spanning *rows, uint32_t count,
                    const struct exo_error *err)
{
    struct exchange *x = argument;

    if (!exchange_back_with(x, err)) {
        return;
    }
    const struct schedule_listing *listing = x->state;
    struct json_writer w = exchange_json(x);
    char cursor[EXECUTION_ID_TEXT_BYTES + 1] = "";
    struct execution_id last;

    json_begin_map(&w);
    json_key(&w, "schedules");
    json_begin_list(&w);
    put_rows(x, &w, rows, count);
    json_end_list(&w);
    if (count == listing->limit) {
        memcpy(last.bytes, rows[count - 1].id.bytes, sizeof(last.bytes));
        execution_id_format(&last, cursor);
    }
    view_put_text(&w, "next_cursor", span_of(cursor));
    json_end_map(&w);
    exchange_send(x, 200, NULL, NULL, 0);
}

void schedules_list(struct exchange *x)
{
    struct schedule_listing *listing = exchange_alloc(x, sizeof(*listing));

    listing->limit = LISTING_LIMIT_DEFAULT;
    http_query_each(x->request, on_field, listing);
    if (listing->wrong != NULL) {
        exchange_problem(x, 400, "%s", listing->wrong);
        return;
    }
    listing->project = exchange_copy(x, listing->project);
    x->state = listing;
    struct store_spanning_query query = {
        .shard = STORE_ANY_SHARD, .kind = STORE_SPANNING_SCHEDULE, .limit = listing->limit};

    if (listing->has_cursor) {
        query.from = wire_schedule_row_id(&listing->cursor);
        query.from.bytes[DIGEST_BYTES - 1] = 1; /* behind it: ids of rows end in zeros */
    }
    store_spanning_read(x->api->store, &query, on_list, exchange_wait(x));
}
