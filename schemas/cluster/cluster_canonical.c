#include "schemas/cluster/canonical.h"

#include "schemas/cluster/batch.h"
#include "schemas/cluster/cluster.h"
#include "schemas/cluster/fault_text.h"
#include "schemas/cluster/graph.h"

static void put_name(struct json_writer *writer, const struct cluster *cluster)
{
    struct fault_text name = {.used = 0};

    fault_text_add(&name, "%s/%s", cluster->project.data, cluster->name.data);
    json_key(writer, "name");
    json_put_text(writer, name.bytes);
}

static void put_head(struct json_writer *writer, const struct cluster *cluster)
{
    put_name(writer, cluster);
    if (cluster->title.bytes > 0) {
        json_key(writer, "title");
        json_put_string(writer, cluster->title);
    }
    if (cluster->label_count > 0) {
        json_key(writer, "labels");
        json_begin_map(writer);
        for (uint32_t i = 0; i < cluster->label_count; i++) {
            json_key_span(writer, cluster->labels[i].key);
            json_put_string(writer, cluster->labels[i].value);
        }
        json_end_map(writer);
    }
    if (cluster->sla_ns > 0) {
        canonical_put_duration(writer, "sla", cluster->sla_ns);
    }
    if (cluster->timeout_ns > 0) {
        canonical_put_duration(writer, "timeout", cluster->timeout_ns);
    }
    if (cluster->priority != CLUSTER_PRIORITY_DEFAULT) {
        json_key(writer, "priority");
        json_put_uint(writer, cluster->priority);
    }
    key_canonical(writer, &cluster->concurrency, false);
    key_canonical(writer, &cluster->rate, true);
}

static void put_optional(struct json_writer *writer, const char *key, const struct value *value)
{
    if (value != NULL) {
        json_key(writer, key);
        json_put_value(writer, value);
    }
}

static void put_inputs(struct json_writer *writer, struct input_declaration declaration)
{
    if (!declaration.is_declared) {
        return;
    }
    json_key(writer, "inputs");
    json_begin_map(writer);
    for (uint32_t i = 0; i < declaration.count; i++) {
        const struct cluster_input *input = &declaration.inputs[i];

        json_key_span(writer, input->name);
        json_begin_map(writer);
        json_key(writer, "type");
        json_put_text(writer, input_type_name(input->type));
        if (input->is_required) {
            json_key(writer, "required");
            json_put_bool(writer, true);
        }
        put_optional(writer, "default", input->fallback);
        put_optional(writer, "enum", input->choices);
        if (input->pattern.bytes > 0) {
            json_key(writer, "pattern");
            json_put_string(writer, input->pattern);
        }
        put_optional(writer, "minimum", input->minimum);
        put_optional(writer, "maximum", input->maximum);
        if (input->description.bytes > 0) {
            json_key(writer, "description");
            json_put_string(writer, input->description);
        }
        json_end_map(writer);
    }
    json_end_map(writer);
}

static void put_place(struct json_writer *writer, const struct cluster *cluster,
                      const struct satellite *satellite)
{
    if (satellite->is_final) {
        json_key(writer, "final");
        json_put_bool(writer, true);
        return;
    }
    json_key(writer, "needs");
    json_begin_list(writer);
    for (uint32_t i = 0; i < satellite->parent_count; i++) {
        json_put_string(writer, cluster->satellites[satellite->parents[i]].name);
    }
    json_end_list(writer);
    canonical_put_join(writer, satellite);
}

static void put_order(struct json_writer *writer, const struct cluster *cluster,
                      const struct satellite *satellite)
{
    put_place(writer, cluster, satellite);
    put_optional(writer, "when", satellite->when_source);
    put_optional(writer, "for_each", satellite->for_each_source);
    if (satellite->for_each != NULL && !span_is(satellite->item_name, "item")) {
        json_key(writer, "as");
        json_put_string(writer, satellite->item_name);
    }
    if (satellite->max_parallel > 0) {
        json_key(writer, "max_parallel");
        json_put_uint(writer, satellite->max_parallel);
    }
    canonical_put_tolerance(writer, &satellite->tolerance);
    if (satellite->is_continued) {
        json_key(writer, "continue_on_error");
        json_put_bool(writer, true);
    }
}

static void put_container(struct json_writer *writer, const struct satellite *satellite)
{
    canonical_put_work(writer, &satellite->work);
    if (!span_is(satellite->class, "default")) {
        json_key(writer, "class");
        json_put_string(writer, satellite->class);
    }
    canonical_put_timeouts(writer, &satellite->timeouts);
    canonical_put_retries(writer, &satellite->retries);
    if (satellite->claim != CLAIM_NORMAL) {
        json_key(writer, "claim");
        json_put_text(writer, satellite_claim_name(satellite->claim));
    }
    batch_canonical(writer, &satellite->batch);
}

/* What a closed group has beside what any group has. */
static void put_closed(struct json_writer *writer, const struct satellite *satellite)
{
    if (satellite->work.timeout_ns > 0) {
        canonical_put_duration(writer, "timeout", satellite->work.timeout_ns);
    }
    if (satellite->work.input->kind != VALUE_MAP || satellite->work.input->count > 0) {
        put_optional(writer, "input", satellite->work.input);
    }
    put_inputs(writer, satellite_inputs(satellite));
}

/* Calls itself for what stands in a group, at most LIMIT_GROUP_DEPTH deep. */
static void put_satellites(struct json_writer *writer, const struct cluster *cluster,
                           uint32_t scope)
{
    uint32_t first;
    uint32_t count = graph_scope(cluster, scope, &first);

    json_key(writer, "satellites");
    json_begin_list(writer);
    for (uint32_t i = first; i < first + count; i++) {
        const struct satellite *satellite = &cluster->satellites[i];

        json_begin_map(writer);
        json_key(writer, "name");
        json_put_string(writer, satellite->name);
        if (satellite->uses.bytes > 0) {
            json_key(writer, "uses");
            json_put_string(writer, satellite->uses);
        }
        put_order(writer, cluster, satellite);
        if (satellite->is_closed) {
            put_closed(writer, satellite);
        }
        if (satellite->kind == SATELLITE_GROUP) {
            put_satellites(writer, cluster, i);
            put_optional(writer, "output", satellite->output_source);
        } else if (satellite->kind == SATELLITE_WAIT) {
            canonical_put_wait(writer, &satellite->wait);
        } else {
            put_container(writer, satellite);
        }
        json_end_map(writer);
    }
    json_end_list(writer);
}

void cluster_canonical(const struct cluster *cluster, struct buffer *buffer)
{
    struct json_writer writer = {.buffer = buffer};

    json_begin_map(&writer);
    json_key(&writer, "exosphere");
    json_put_text(&writer, "v1");
    json_key(&writer, "cluster");
    json_begin_map(&writer);
    put_head(&writer, cluster);
    put_inputs(&writer, cluster_inputs(cluster));
    put_satellites(&writer, cluster, SATELLITE_NONE);
    put_optional(&writer, "output", cluster->output_source);
    json_end_map(&writer);
    json_end_map(&writer);
}
