/* version_reads: stored clusters and satellites, shown and listed. */
#include <stdio.h>

#include "producer/core/view.h"
#include "producer/http/handlers.h"
#include "producer/http/versioning.h"

bool versioning_name(struct exchange *x, struct definition_name *ret)
{
    enum version_kind kind =
        strncmp(x->route->pattern, "/v1/satellites", 14) == 0 ? VERSION_SATELLITE : VERSION_CLUSTER;

    if (x->parameters.count >= 2 && (!version_name_is_good(route_parameter(x, 0)) ||
                                     !version_name_is_good(route_parameter(x, 1)))) {
        exchange_problem(x, 400,
                         "a project and a name have a-z, 0-9, _ and -, begin with a letter and "
                         "have at most 63 bytes");
        return false;
    }
    *ret = (struct definition_name){.kind = kind, .project = "", .name = ""};
    if (x->parameters.count >= 2) {
        ret->project = exchange_copy(x, route_parameter(x, 0)).data;
        ret->name = exchange_copy(x, route_parameter(x, 1)).data;
    }
    return true;
}

struct version_view versioning_view(enum version_kind kind, const struct store_version *row)
{
    return (struct version_view){
        .kind = kind,
        .project = row->project,
        .name = row->name,
        .number = row->number,
        .newest = row->newest,
        .is_deleted = row->is_deleted,
        .digest = row->digest,
        .created_ns = row->created_ns,
        .actor = row->actor,
        .message = row->message,
        .text = row->text,
    };
}

void versioning_send(struct exchange *x, int status, enum version_kind kind,
                     const struct store_version *row)
{
    struct version_view view = versioning_view(kind, row);
    struct json_writer w = exchange_json(x);
    char etag[16];
    char location[2 * LIMIT_NAME_BYTES + 64];
    struct http_header headers[] = {{"ETag", etag}, {"Location", location}};

    (void)snprintf(etag, sizeof(etag), "\"%u\"", row->number);
    (void)snprintf(location, sizeof(location), "/v1/%ss/%s/%s/versions/%u", version_kind_name(kind),
                   row->project, row->name, row->number);
    version_view_put(&w, &view);
    exchange_send(x, status, NULL, headers, status == 201 ? 2 : 1);
}

/* ---- one ---- */

struct showing {
    struct definition_name name;
    uint32_t number;
    bool is_by_number;
};

static void on_one(void *argument, const struct store_version *versions, uint32_t count,
                   const struct exo_error *err)
{
    struct exchange *x = argument;

    if (!exchange_back(x)) {
        return;
    }
    const struct showing *showing = x->state;
    const char *kind = version_kind_name(showing->name.kind);

    if (err != NULL) {
        exchange_error(x, "the store", err);
    } else if (count == 0 && showing->number > 0) {
        exchange_problem(x, 404, "the %s %s/%s has no version %u", kind, showing->name.project,
                         showing->name.name, showing->number);
    } else if (count == 0) {
        exchange_problem(x, 404, "there is no %s %s/%s", kind, showing->name.project,
                         showing->name.name);
    } else if (versions[0].is_deleted && !showing->is_by_number) {
        exchange_problem(x, 404,
                         "the %s %s/%s was deleted; its versions are still under "
                         "/v1/%ss/%s/%s/versions",
                         kind, showing->name.project, showing->name.name, kind,
                         showing->name.project, showing->name.name);
    } else {
        versioning_send(x, 200, showing->name.kind, &versions[0]);
    }
}

static void show(struct exchange *x, uint32_t number, bool is_by_number)
{
    struct showing *showing = exchange_alloc(x, sizeof(*showing));

    if (!versioning_name(x, &showing->name)) {
        return;
    }
    showing->number = number;
    showing->is_by_number = is_by_number;
    x->state = showing;
    const struct store_version_query query = {.reading = STORE_VERSION_ONE,
                                              .kind = showing->name.kind,
                                              .project = showing->name.project,
                                              .name = showing->name.name,
                                              .number = number};

    store_version_read(x->api->store, &query, on_one, exchange_wait(x));
}

void definition_get(struct exchange *x)
{
    show(x, 0, false);
}

void version_get(struct exchange *x)
{
    uint32_t number;

    if (!version_number_parse(route_parameter(x, 2), &number)) {
        exchange_problem(x, 404, "a version is a whole number from 1 on, or latest");
        return;
    }
    show(x, number, number > 0);
}

/* ---- lists ---- */

struct listing_walk {
    struct version_listing listing;
    struct definition_name name;
    const char *wrong;
    bool is_history;
};

static bool on_field(void *argument, const char *name, struct span value)
{
    struct listing_walk *walk = argument;

    walk->wrong = version_listing_set(&walk->listing, walk->is_history, name, value);
    return walk->wrong == NULL;
}

static void put_cursor(struct json_writer *w, const struct listing_walk *walk,
                       const struct store_version *last)
{
    char text[2 * LIMIT_NAME_BYTES + 2] = "";

    if (last != NULL && walk->is_history) {
        (void)snprintf(text, sizeof(text), "%u", last->number);
    } else if (last != NULL) {
        (void)snprintf(text, sizeof(text), "%s/%s", last->project, last->name);
    }
    view_put_text(w, "next_cursor", span_of(text));
}

static void on_list(void *argument, const struct store_version *versions, uint32_t count,
                    const struct exo_error *err)
{
    struct exchange *x = argument;

    if (!exchange_back_with(x, err)) {
        return;
    }
    const struct listing_walk *walk = x->state;

    if (count == 0 && walk->is_history && walk->listing.before > VERSION_NUMBER_MAX) {
        exchange_problem(x, 404, "there is no %s %s/%s", version_kind_name(walk->name.kind),
                         walk->name.project, walk->name.name);
        return;
    }
    struct json_writer w = exchange_json(x);

    json_begin_map(&w);
    json_key(&w, walk->is_history                     ? "versions"
                 : walk->name.kind == VERSION_CLUSTER ? "clusters"
                                                      : "satellites");
    json_begin_list(&w);
    for (uint32_t i = 0; i < count; i++) {
        struct version_view view = versioning_view(walk->name.kind, &versions[i]);

        version_view_put(&w, &view);
    }
    json_end_list(&w);
    put_cursor(&w, walk, count == walk->listing.limit ? &versions[count - 1] : NULL);
    json_end_map(&w);
    exchange_send(x, 200, NULL, NULL, 0);
}

static void list(struct exchange *x, bool is_history)
{
    struct listing_walk *walk = exchange_alloc(x, sizeof(*walk));
    struct version_listing *listing = &walk->listing;

    version_listing_init(listing);
    walk->is_history = is_history;
    http_query_each(x->request, on_field, walk);
    if (walk->wrong != NULL) {
        exchange_problem(x, 400, "%s", walk->wrong);
        return;
    }
    if (!versioning_name(x, &walk->name)) {
        return;
    }
    x->state = walk;
    const struct store_version_query query = {
        .reading = is_history ? STORE_VERSION_HISTORY : STORE_VERSION_LIST,
        .kind = walk->name.kind,
        .project = is_history ? walk->name.project : exchange_copy(x, listing->project).data,
        .name = is_history ? walk->name.name : exchange_copy(x, listing->after_name).data,
        .after_project = exchange_copy(x, listing->after_project).data,
        .number = listing->before,
        .limit = listing->limit,
    };

    store_version_read(x->api->store, &query, on_list, exchange_wait(x));
}

void definitions_list(struct exchange *x)
{
    list(x, false);
}

void versions_list(struct exchange *x)
{
    list(x, true);
}
