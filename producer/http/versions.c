/* versions: clusters and satellites put under a name, and taken away.
 *
 *   body -> definition -> uses looked up, written out -> canonical text -> store -> the row
 */
#include "infra/crypto/crypto.h"
#include "infra/yaml/yaml_read.h"
#include "producer/http/handlers.h"
#include "producer/http/resolving.h"
#include "producer/http/versioning.h"
#include "schemas/json/json_read.h"

struct putting {
    struct definition_name name;
    struct definition_body body;
    struct fault_list faults;
    const struct value *inner;
    struct uses_set uses;
    bool has_header; /* expected comes from If-Match or If-None-Match: 412 where it fails */
    bool is_new;
};

static void send_faults(struct exchange *x, struct putting *putting)
{
    exchange_faults(x, 422, "the definition has faults", &putting->faults);
}

/* ---- what is expected ---- */

/* False when the exchange is answered. */
static bool expected_read(struct exchange *x, int64_t *expected, bool *ret_has_header)
{
    const char *match = http_request_header(x->request, "If-Match");
    const char *none = http_request_header(x->request, "If-None-Match");
    int64_t found = -1;

    *ret_has_header = match != NULL || none != NULL;
    if ((match != NULL && !etag_parse(span_of(match), &found)) ||
        (none != NULL && (strcmp(none, "*") != 0 || match != NULL))) {
        exchange_problem(x, 400,
                         "If-Match takes one version in quotes, such as \"3\", or *; If-None-Match "
                         "takes * only; one of the two");
        return false;
    }
    found = none != NULL ? STORE_VERSION_NONE : found;
    if (*ret_has_header && *expected >= 0 && *expected != found) {
        exchange_problem(x, 400, "the header and expected_version say different things");
        return false;
    }
    *expected = *ret_has_header ? found : *expected;
    return true;
}

static void refuse(struct exchange *x, bool has_header, const struct exo_error *err)
{
    if (err->code == EXO_ECONFLICT && has_header) {
        exchange_problem(x, 412, "%s", err->text);
    } else if (err->code == EXO_ECONFLICT || err->code == EXO_ENOTFOUND) {
        exchange_problem(x, problem_status(err->code), "%s", err->text);
    } else {
        exchange_error(x, "the store", err);
    }
}

/* ---- put ---- */

static void on_row(void *argument, const struct store_version *versions, uint32_t count,
                   const struct exo_error *err)
{
    struct exchange *x = argument;

    if (!exchange_back(x)) {
        return;
    }
    const struct putting *putting = x->state;

    if (err != NULL || count == 0) {
        struct exo_error missing;

        (void)exo_error_set(&missing, EXO_EUNAVAILABLE, "it has been put, but cannot be read now");
        exchange_error(x, "the store", err == NULL ? &missing : err);
        return;
    }
    versioning_send(x, putting->is_new ? 201 : 200, putting->name.kind, &versions[0]);
}

static void on_put(void *argument, uint32_t number, bool is_new, const struct exo_error *err)
{
    struct exchange *x = argument;

    text_versions_forget(&x->api->text_versions, loop_now_ns(x->api->loop));
    if (!exchange_back(x)) {
        return;
    }
    struct putting *putting = x->state;

    if (err != NULL) {
        refuse(x, putting->has_header, err);
        return;
    }
    putting->is_new = is_new;
    const struct store_version_query query = {.reading = STORE_VERSION_ONE,
                                              .kind = putting->name.kind,
                                              .project = putting->name.project,
                                              .name = putting->name.name,
                                              .number = number};

    store_version_read(x->api->store, &query, on_row, exchange_wait(x));
}

static void store_it(struct exchange *x, struct putting *putting)
{
    struct span text =
        definition_check(&putting->name, putting->inner, &x->parsing, &putting->faults);

    if (putting->faults.error_count > 0) {
        send_faults(x, putting);
        return;
    }
    const struct store_version_put put = {
        .kind = putting->name.kind,
        .project = putting->name.project,
        .name = putting->name.name,
        .digest = sha256_of(text),
        .text = text,
        .actor = putting->body.actor.data,
        .message = putting->body.message.data,
        .expected = putting->body.expected,
    };

    text_versions_forget(&x->api->text_versions, loop_now_ns(x->api->loop));
    store_version_put(x->api->store, &put, on_put, exchange_wait(x));
}

static void on_looked_up(void *argument, const struct exo_error *err)
{
    struct exchange *x = argument;
    struct putting *putting = x->state;
    struct value *inner = exchange_alloc(x, sizeof(*inner));

    if (err != NULL) {
        exchange_error(x, "the store", err);
        return;
    }
    if (uses_inline(putting->inner, &putting->uses, &x->parsing, inner, &putting->faults) != 0) {
        definition_check_form(putting->name.project, putting->inner, &x->parsing, &putting->faults);
        send_faults(x, putting);
        return;
    }
    putting->inner = inner;
    store_it(x, putting);
}

/* The definition as a value, of an object or of a file's text. */
static const struct value *read_inner(struct exchange *x, struct putting *putting)
{
    const struct value *given = putting->body.definition;
    struct value *file = exchange_alloc(x, sizeof(*file));
    bool is_file = given->kind == VALUE_STRING;

    if (is_file && text_read(value_text(given), NULL, &x->parsing, file, &putting->faults) != 0) {
        return NULL;
    }
    return definition_inner(&putting->name, is_file ? file : given, is_file, &x->parsing,
                            &putting->faults);
}

/* The limit of a file holds for an object too. */
static bool fits(struct exchange *x, const struct value *definition)
{
    if (http_body(x->request).bytes <= LIMIT_CLUSTER_BYTES || definition == NULL ||
        definition->kind != VALUE_MAP) {
        return true; /* a text's is counted where it is read */
    }
    buffer_reset(&x->text);
    json_write(&x->text, definition);
    if (x->text.bytes <= LIMIT_CLUSTER_BYTES) {
        return true;
    }
    exchange_problem(x, 413, "the definition has %zu bytes, more than the limit of %d",
                     x->text.bytes, (int)LIMIT_CLUSTER_BYTES);
    return false;
}

void definition_put(struct exchange *x)
{
    struct putting *putting = exchange_alloc(x, sizeof(*putting));
    struct json_limits limits = {.text_bytes_max = LIMIT_BODY_BYTES};
    struct value *root = exchange_alloc(x, sizeof(*root));
    struct json_error error;

    x->state = putting;
    fault_list_init(&putting->faults, &x->parsing, 0);
    if (!versioning_name(x, &putting->name)) {
        return;
    }
    if (json_read(http_body(x->request), &limits, &x->parsing, root, &error) != JSON_OK) {
        exchange_problem(x, 400, "the body is no JSON that can be taken: line %u column %u: %s",
                         error.line, error.column, error.text);
        return;
    }
    definition_body_read(putting->name.kind, root, &x->parsing, &putting->body, &putting->faults);
    if (!expected_read(x, &putting->body.expected, &putting->has_header) ||
        !fits(x, putting->body.definition)) {
        return;
    }
    putting->inner = putting->body.definition == NULL ? NULL : read_inner(x, putting);
    if (putting->inner == NULL ||
        uses_collect(putting->inner, &x->parsing, &putting->uses, &putting->faults) != 0) {
        send_faults(x, putting);
    } else if (putting->uses.count > 0 && putting->name.kind == VERSION_CLUSTER) {
        uses_look_up(x, &putting->uses, on_looked_up, x);
    } else {
        store_it(x, putting);
    }
}

/* ---- delete ---- */

struct deleting {
    struct definition_name name;
    bool has_header;
};

static void on_deleted(void *argument, const struct exo_error *err)
{
    struct exchange *x = argument;

    text_versions_forget(&x->api->text_versions, loop_now_ns(x->api->loop));
    if (!exchange_back(x)) {
        return;
    }
    const struct deleting *deleting = x->state;

    if (err != NULL) {
        refuse(x, deleting->has_header, err);
        return;
    }
    buffer_reset(&x->text);
    exchange_send(x, 204, "", NULL, 0);
}

void definition_delete(struct exchange *x)
{
    struct deleting *deleting = exchange_alloc(x, sizeof(*deleting));
    int64_t expected = STORE_VERSION_ANY;

    x->state = deleting;
    if (!versioning_name(x, &deleting->name) ||
        !expected_read(x, &expected, &deleting->has_header)) {
        return;
    }
    const struct store_version_put name = {.kind = deleting->name.kind,
                                           .project = deleting->name.project,
                                           .name = deleting->name.name,
                                           .expected = expected};

    text_versions_forget(&x->api->text_versions, loop_now_ns(x->api->loop));
    store_version_delete(x->api->store, &name, on_deleted, exchange_wait(x));
}
