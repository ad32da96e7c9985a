/* projects: the settings of projects put, shown, listed, taken back.
 *
 *   body --project_parse--> canonical text --store_version_put--> the row
 *
 * They are stored as clusters are: each put another version. Schedulers hear of it within seconds.
 */
#include <stdio.h>

#include "infra/crypto/crypto.h"
#include "infra/store/project_gather.h"
#include "producer/core/version_view.h"
#include "producer/http/handlers.h"
#include "schemas/json/json_read.h"

/* ---- the answer ---- */

static void put_one(struct json_writer *w, const char *project, uint32_t version,
                    struct span settings)
{
    json_begin_map(w);
    json_key(w, "project");
    json_put_text(w, project);
    json_key(w, "version");
    json_put_uint(w, version);
    json_key(w, "settings");
    json_put_raw(w, settings);
    json_end_map(w);
}

static void send(struct exchange *x, const struct store_version *version)
{
    struct json_writer w = exchange_json(x);
    char etag[16];
    const struct http_header header = {"ETag", etag};

    (void)snprintf(etag, sizeof(etag), "\"%u\"", version->number);
    put_one(&w, version->project, version->number, version->text);
    exchange_send(x, 200, NULL, &header, 1);
}

/* ---- the path ---- */

/* The project of the path, a C string; NULL when the exchange is answered. */
static const char *project_of(struct exchange *x)
{
    if (!version_name_is_good(route_parameter(x, 0))) {
        exchange_problem(x, 400,
                         "a project has a-z, 0-9, _ and -, begins with a letter and has at most 63 "
                         "bytes");
        return NULL;
    }
    return exchange_copy(x, route_parameter(x, 0)).data;
}

static bool expected_read(struct exchange *x, int64_t *ret_expected)
{
    const char *match = http_request_header(x->request, "If-Match");

    *ret_expected = STORE_VERSION_ANY;
    if (match != NULL && !etag_parse(span_of(match), ret_expected)) {
        exchange_problem(x, 400, "If-Match takes one version in quotes, such as \"3\", or *");
        return false;
    }
    return true;
}

static void refuse(struct exchange *x, const struct exo_error *err)
{
    if (err->code == EXO_ECONFLICT) {
        exchange_problem(x, 412, "%s", err->text);
    } else if (err->code == EXO_ENOTFOUND) {
        exchange_problem(x, 404,
                         "nothing is said of this project; what is not bounded needs no "
                         "settings");
    } else {
        exchange_error(x, "the store", err);
    }
}

/* ---- show ---- */

static void on_one(void *argument, const struct store_version *versions, uint32_t count,
                   const struct exo_error *err)
{
    struct exchange *x = argument;

    if (!exchange_back(x)) {
        return;
    }
    if (err != NULL) {
        exchange_error(x, "the store", err);
    } else if (count == 0 || versions[0].is_deleted) {
        exchange_problem(x, 404,
                         "nothing is said of this project; what is not bounded needs no "
                         "settings");
    } else {
        send(x, &versions[0]);
    }
}

static void show(struct exchange *x, const char *project)
{
    const struct store_version_query query = {.reading = STORE_VERSION_ONE,
                                              .kind = VERSION_PROJECT,
                                              .project = project,
                                              .name = PROJECT_SETTINGS_NAME};

    store_version_read(x->api->store, &query, on_one, exchange_wait(x));
}

void project_get(struct exchange *x)
{
    const char *project = project_of(x);

    if (project != NULL) {
        show(x, project);
    }
}

/* ---- put ---- */

struct putting {
    const char *project; /* in the exchange's arena */
};

static void on_put(void *argument, uint32_t number, bool is_new, const struct exo_error *err)
{
    struct exchange *x = argument;

    (void)number;
    (void)is_new;
    if (!exchange_back(x)) {
        return;
    }
    if (err != NULL) {
        refuse(x, err);
        return;
    }
    const struct putting *putting = x->state;

    show(x, putting->project);
}

/* The canonical text of the body, in the exchange's arena; empty when the exchange is answered. */
static struct span text_of(struct exchange *x)
{
    struct value *root = exchange_alloc(x, sizeof(*root));
    const struct span nothing = {NULL, 0};
    struct project_settings settings;
    struct json_error error;
    struct fault_list faults;

    fault_list_init(&faults, &x->parsing, 0);
    if (json_read(http_body(x->request), NULL, &x->parsing, root, &error) != JSON_OK) {
        exchange_problem(x, 400, "the body is no JSON that can be taken: line %u column %u: %s",
                         error.line, error.column, error.text);
        return nothing;
    }
    if (project_parse(root, &x->parsing, &settings, &faults) != 0) {
        exchange_faults(x, 422, "the settings have faults", &faults);
        return nothing;
    }
    buffer_reset(&x->text);
    project_canonical(&settings, &x->text);
    return exchange_copy(x, buffer_span(&x->text));
}

void project_put(struct exchange *x)
{
    const char *project = project_of(x);
    int64_t expected;

    if (project == NULL || !expected_read(x, &expected)) {
        return;
    }
    struct span text = text_of(x);

    if (text.bytes == 0) {
        return;
    }
    struct putting *putting = exchange_alloc(x, sizeof(*putting));

    putting->project = project;
    x->state = putting;
    const struct store_version_put put = {
        .kind = VERSION_PROJECT,
        .project = project,
        .name = PROJECT_SETTINGS_NAME,
        .digest = sha256_of(text),
        .text = text,
        .actor = "",
        .message = "",
        .expected = expected,
    };

    store_version_put(x->api->store, &put, on_put, exchange_wait(x));
}

/* ---- delete ---- */

static void on_deleted(void *argument, const struct exo_error *err)
{
    struct exchange *x = argument;

    if (!exchange_back(x)) {
        return;
    }
    if (err != NULL) {
        refuse(x, err);
        return;
    }
    buffer_reset(&x->text);
    exchange_send(x, 204, "", NULL, 0);
}

void project_delete(struct exchange *x)
{
    const char *project = project_of(x);
    int64_t expected;

    if (project == NULL || !expected_read(x, &expected)) {
        return;
    }
    const struct store_version_put name = {.kind = VERSION_PROJECT,
                                           .project = project,
                                           .name = PROJECT_SETTINGS_NAME,
                                           .expected = expected};

    store_version_delete(x->api->store, &name, on_deleted, exchange_wait(x));
}

/* ---- list ---- */

static void on_projects(void *argument, const struct project_found *found, uint32_t count,
                        const struct exo_error *err)
{
    struct exchange *x = argument;

    if (!exchange_back_with(x, err)) {
        return;
    }
    struct json_writer w = exchange_json(x);
    struct buffer text;

    buffer_init(&text, allocator_heap(&x->budget), 0);
    json_begin_map(&w);
    json_key(&w, "projects");
    json_begin_list(&w);
    for (uint32_t i = 0; i < count; i++) {
        buffer_reset(&text);
        project_canonical(&found[i].settings, &text);
        json_begin_map(&w);
        json_key(&w, "project");
        json_put_text(&w, found[i].name);
        json_key(&w, "settings");
        json_put_raw(&w, buffer_span(&text));
        json_end_map(&w);
    }
    json_end_list(&w);
    json_end_map(&w);
    buffer_release(&text);
    exchange_send(x, 200, NULL, NULL, 0);
}

void projects_list(struct exchange *x)
{
    project_gather(x->api->store, on_projects, exchange_wait(x));
}
