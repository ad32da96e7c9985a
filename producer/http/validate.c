/* validate: POST /v1/validate: a cluster checked and its graph shown, nothing started.
 *
 *   body -> cluster -> the satellites it uses looked up and written out -> checked -> answer */
#include "infra/yaml/yaml_read.h"
#include "producer/core/definition_body.h"
#include "producer/core/view.h"
#include "producer/http/handlers.h"
#include "producer/http/resolving.h"
#include "schemas/cluster/fault_text.h"
#include "schemas/json/json_read.h"

static void put_faults(struct json_writer *w, const struct fault_list *faults, bool are_warnings)
{
    json_key(w, are_warnings ? "warnings" : "errors");
    json_begin_list(w);
    for (const struct fault *fault = faults->first; fault != NULL; fault = fault->next) {
        if (fault->is_warning != are_warnings) {
            continue;
        }
        json_begin_map(w);
        json_key(w, "path");
        json_put_text(w, fault->path);
        json_key(w, "line");
        json_put_uint(w, fault->line);
        json_key(w, "column");
        json_put_uint(w, fault->column);
        json_key(w, "detail");
        json_put_text(w, fault->text);
        json_key(w, "hint");
        json_put_text(w, fault->hint == NULL ? "" : fault->hint);
        json_end_map(w);
    }
    json_end_list(w);
}

/* Where it stands: the path of the group, null at the top level. */
static void put_group(struct json_writer *w, const struct cluster *cluster, uint32_t group,
                      struct buffer *path)
{
    json_key(w, "group");
    if (group == SATELLITE_NONE) {
        json_put_null(w);
        return;
    }
    buffer_reset(path);
    cluster_add_path(cluster, group, path);
    json_put_string(w, buffer_span(path));
}

static void put_satellite(struct json_writer *w, const struct cluster *cluster,
                          const struct satellite *satellite, struct buffer *path)
{
    json_begin_map(w);
    json_key(w, "name");
    json_put_string(w, satellite->name);
    put_group(w, cluster, satellite->group, path);
    json_key(w, "kind");
    json_put_text(w, satellite_kind_name(satellite->kind));
    json_key(w, "needs");
    json_begin_list(w);
    for (uint32_t i = 0; i < satellite->parent_count; i++) {
        json_put_string(w, cluster->satellites[satellite->parents[i]].name);
    }
    json_end_list(w);
    json_key(w, "depth");
    json_put_uint(w, satellite->depth);
    json_key(w, "is_map");
    json_put_bool(w, satellite->for_each != NULL);
    json_key(w, "join");
    json_put_text(w, satellite_join_name(satellite->join));
    json_key(w, "is_final");
    json_put_bool(w, satellite->is_final);
    json_key(w, "class");
    json_put_string(w, satellite->class);
    view_put_text(w, "uses", satellite->uses);
    json_end_map(w);
}

static void put_graph(struct exchange *x, struct json_writer *w, const struct cluster *cluster)
{
    struct buffer text;

    buffer_init(&text, allocator_heap(&x->budget), 0);
    cluster_describe_graph(cluster, &text);
    json_key(w, "project");
    json_put_string(w, cluster->project);
    json_key(w, "name");
    json_put_string(w, cluster->name);
    json_key(w, "graph");
    json_put_string(w, buffer_span(&text));
    buffer_reset(&text);
    cluster_canonical(cluster, &text);
    json_key(w, "definition");
    json_put_raw(w, buffer_span(&text));
    json_key(w, "satellites");
    json_begin_list(w);
    for (uint32_t i = 0; i < cluster->satellite_count; i++) {
        put_satellite(w, cluster, &cluster->satellites[i], &text);
    }
    json_end_list(w);
    buffer_release(&text);
}

static void answer(struct exchange *x, const struct cluster *cluster,
                   const struct fault_list *faults)
{
    struct json_writer w = exchange_json(x);

    json_begin_map(&w);
    json_key(&w, "is_valid");
    json_put_bool(&w, cluster != NULL && faults->error_count == 0);
    put_faults(&w, faults, false);
    put_faults(&w, faults, true);
    if (faults->error_count > faults->kept_count) {
        json_key(&w, "error_count");
        json_put_uint(&w, faults->error_count);
    }
    if (cluster != NULL) {
        put_graph(x, &w, cluster);
    }
    json_end_map(&w);
    exchange_send(x, 200, NULL, NULL, 0);
}

struct validating {
    struct value root; /* what was sent */
    const char *project;
    bool is_file;
    struct uses_set uses;
    struct fault_list faults;
};

/* What stands under `cluster:`, or the root where there is no such thing. */
static const struct value *inner_of(const struct validating *v)
{
    const struct value *inner = v->is_file ? value_get(&v->root, span_of("cluster")) : &v->root;

    return inner == NULL ? &v->root : inner;
}

/* The root with another cluster in it. */
static struct value with_inner(struct exchange *x, const struct validating *v,
                               const struct value *inner)
{
    struct value made = v->root;

    if (!v->is_file || v->root.kind != VALUE_MAP) {
        return *inner;
    }
    struct value_member *members = exchange_alloc(x, made.count * sizeof(*members));

    for (uint32_t i = 0; i < made.count; i++) {
        members[i] = made.members[i];
        if (span_is(value_text(&members[i].key), "cluster")) {
            members[i].value = *inner;
        }
    }
    made.members = members;
    return made;
}

static void check(struct exchange *x, struct validating *v, bool allows_uses)
{
    struct cluster_source source = {.root = &v->root,
                                    .default_project = v->project,
                                    .is_inner = !v->is_file,
                                    .allows_uses = allows_uses};
    const struct cluster *cluster = NULL;
    bool is_good = cluster_parse(&source, &x->parsing, &cluster, &v->faults) == 0;

    answer(x, is_good && v->faults.error_count == 0 ? cluster : NULL, &v->faults);
}

static void on_looked_up(void *argument, const struct exo_error *err)
{
    struct exchange *x = argument;
    struct validating *v = x->state;
    struct value *inner = exchange_alloc(x, sizeof(*inner));

    if (err != NULL) {
        exchange_error(x, "the store", err);
    } else if (uses_inline(inner_of(v), &v->uses, &x->parsing, inner, &v->faults) != 0) {
        check(x, v, true); /* what else is wrong */
    } else {
        v->root = with_inner(x, v, inner);
        check(x, v, false);
    }
}

static void begin(struct exchange *x, struct validating *v)
{
    if (uses_collect(inner_of(v), &x->parsing, &v->uses, &v->faults) == 0 && v->uses.count > 0) {
        uses_look_up(x, &v->uses, on_looked_up, x);
    } else {
        check(x, v, false);
    }
}

/* A misspelt member is refused: what it was to change would silently not count. */
static bool members_known(struct exchange *x, const struct value *body)
{
    for (uint32_t i = 0; body->kind == VALUE_MAP && i < body->count; i++) {
        struct span key = value_text(&body->members[i].key);
        struct fault_text text = {.used = 0};

        if (!span_is(key, "cluster") && !span_is(key, "project") && !span_is(key, "exosphere")) {
            fault_text_add(&text, "unknown field %q; known here: exosphere, cluster, project", key);
            exchange_problem(x, 422, "%s", text.bytes);
            return false;
        }
    }
    return true;
}

void validate_post(struct exchange *x)
{
    struct json_limits limits = {.text_bytes_max = http_body(x->request).bytes + 1};
    struct validating *v = exchange_alloc(x, sizeof(*v));
    struct value *body = exchange_alloc(x, sizeof(*body));
    struct json_error error;

    x->state = v;
    fault_list_init(&v->faults, &x->parsing, 0);
    if (json_read(http_body(x->request), &limits, &x->parsing, body, &error) != JSON_OK) {
        exchange_problem(x, 400, "the body is no JSON that can be taken: line %u column %u: %s",
                         error.line, error.column, error.text);
        return;
    }
    if (!members_known(x, body)) {
        return;
    }
    const struct value *cluster = value_get(body, span_of("cluster"));
    const struct value *project = value_get(body, span_of("project"));

    if (cluster == NULL || (cluster->kind != VALUE_STRING && cluster->kind != VALUE_MAP) ||
        (project != NULL && project->kind != VALUE_STRING && project->kind != VALUE_NULL)) {
        exchange_problem(x, 422,
                         "send {\"cluster\": ...}: a cluster file as one string, or the cluster as "
                         "an object; and its project, a string, where its name holds none");
        return;
    }
    if (project != NULL && project->kind == VALUE_STRING && project->count > 0) {
        v->project = exchange_copy(x, value_text(project)).data;
    }
    v->is_file = cluster->kind == VALUE_STRING;
    v->root = *cluster;
    if (v->is_file &&
        text_read(value_text(cluster), NULL, &x->parsing, &v->root, &v->faults) != 0) {
        answer(x, NULL, &v->faults);
        return;
    }
    begin(x, v);
}
