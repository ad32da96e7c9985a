#include "schemas/cluster/cluster.h"

#include <assert.h>

#include "schemas/cluster/failure_rules.h"
#include "schemas/cluster/fault_text.h"
#include "schemas/cluster/graph.h"
#include "schemas/json/json_write.h"
#include "schemas/vocab/limits.h"
#include "schemas/vocab/quantity.h"

enum { SOURCE_BYTES_MAX = 120, NAMES_MAX = 20 };

static void add_count(struct buffer *buffer, uint32_t count, const char *one, const char *many)
{
    struct fault_text text = {.used = 0};

    fault_text_add(&text, "%u %s", (unsigned)count, count == 1 ? one : many);
    buffer_text(buffer, text.bytes);
}

/* A string as it is, anything else as JSON; on one line, cut where it is long. */
static void add_source(struct buffer *buffer, const struct value *source)
{
    size_t begin = buffer->bytes;

    if (source->kind == VALUE_STRING) {
        buffer_append(buffer, value_text(source));
    } else {
        json_write(buffer, source);
    }
    for (size_t i = begin; i < buffer->bytes; i++) {
        buffer->data[i] = buffer->data[i] < 0x20 ? ' ' : buffer->data[i];
    }
    if (!buffer->is_failed && buffer->bytes - begin > SOURCE_BYTES_MAX) {
        size_t end = begin + SOURCE_BYTES_MAX;

        while ((buffer->data[end] & 0xc0) == 0x80) {
            end--; /* not inside a character */
        }
        buffer->bytes = end;
        buffer_text(buffer, "...");
    }
}

static void add_names(struct buffer *buffer, const struct cluster *cluster,
                      const uint32_t *satellites, uint32_t count)
{
    for (uint32_t i = 0; i < count && i < NAMES_MAX; i++) {
        buffer_text(buffer, i == 0 ? "" : ", ");
        buffer_append(buffer, cluster->satellites[satellites[i]].name);
    }
    if (count > NAMES_MAX) {
        buffer_text(buffer, " and ");
        add_count(buffer, count - NAMES_MAX, "more", "more");
    }
}

static void add_spaces(struct buffer *buffer, size_t count)
{
    while (count-- > 0) {
        buffer_text(buffer, " ");
    }
}

static void add_parents(struct buffer *buffer, const struct cluster *cluster,
                        const struct satellite *satellite)
{
    struct fault_text count = {.used = 0};

    if (satellite->is_final) {
        buffer_text(buffer, "at the end, after all others, however they end");
        return;
    }
    if (satellite->parent_count == 0) {
        buffer_text(buffer, "at once");
        return;
    }
    buffer_text(buffer, "after ");
    add_names(buffer, cluster, satellite->parents, satellite->parent_count);
    switch (satellite->join) {
    case JOIN_ALL_DONE:
        buffer_text(buffer, ", however they end");
        break;
    case JOIN_ANY_SUCCEEDED:
        buffer_text(buffer, ", as soon as one succeeded");
        break;
    case JOIN_AT_LEAST:
        fault_text_add(&count, ", as soon as %u succeeded", (unsigned)satellite->join_count);
        buffer_text(buffer, count.bytes);
        break;
    case JOIN_ANY_FAILED:
        buffer_text(buffer, ", if one of them failed");
        break;
    case JOIN_ALL_SUCCEEDED:
    case JOIN_NR:
        break;
    }
}

static void add_tolerance(struct buffer *buffer, const struct satellite_tolerance *tolerance)
{
    struct fault_text text = {.used = 0};

    if (tolerance->count == 0 && tolerance->permyriad == 0) {
        return;
    }
    fault_text_add(&text, ", of which ");
    if (tolerance->count > 0) {
        fault_text_add(&text, "%u", (unsigned)tolerance->count);
    } else {
        failure_add_percent(&text, tolerance->permyriad);
    }
    fault_text_add(&text, " may fail");
    buffer_text(buffer, text.bytes);
}

static void add_duration(struct buffer *buffer, const char *before, exo_time ns)
{
    char text[DURATION_TEXT_BYTES];

    if (ns > 0) {
        duration_format(ns, text);
        buffer_text(buffer, before);
        buffer_text(buffer, text);
    }
}

static void add_wait(struct buffer *buffer, const struct satellite_wait *wait)
{
    buffer_text(buffer, "; waits");
    add_duration(buffer, " for ", wait->for_ns);
    if (wait->signal.bytes > 0) {
        buffer_text(buffer, " for the signal ");
        buffer_append(buffer, wait->signal);
    }
    if (wait->is_approval) {
        buffer_text(buffer, " for an approval");
    }
    add_duration(buffer, ", at most ", wait->timeout_ns);
}

static void add_map(struct buffer *buffer, const struct satellite *satellite)
{
    buffer_text(buffer, "; for each ");
    buffer_append(buffer, satellite->item_name);
    buffer_text(buffer, " of ");
    add_source(buffer, satellite->for_each_source);
    if (satellite->max_parallel > 0) {
        buffer_text(buffer, ", at most ");
        add_count(buffer, satellite->max_parallel, "at a time", "at a time");
    }
    add_tolerance(buffer, &satellite->tolerance);
}

static void add_satellite(struct buffer *buffer, const struct cluster *cluster,
                          const struct satellite *satellite, size_t width)
{
    size_t indent = 2 * ((size_t)satellite->level + 1);

    add_spaces(buffer, indent);
    buffer_append(buffer, satellite->name);
    add_spaces(buffer, width + 2 - indent - satellite->name.bytes);
    add_parents(buffer, cluster, satellite);
    if (satellite->when_source != NULL) {
        buffer_text(buffer, "; when ");
        add_source(buffer, satellite->when_source);
    }
    if (satellite->for_each != NULL) {
        add_map(buffer, satellite);
    }
    if (satellite->is_closed) {
        buffer_text(buffer, "; runs ");
        buffer_append(buffer, satellite->uses);
        add_duration(buffer, ", each run at most ", satellite->work.timeout_ns);
    }
    if (satellite->kind == SATELLITE_WAIT) {
        add_wait(buffer, &satellite->wait);
    }
    if (satellite->is_continued) {
        buffer_text(buffer, "; goes on where it fails");
    }
    if (satellite->output_source != NULL) {
        buffer_text(buffer, "; gives ");
        add_source(buffer, satellite->output_source);
    }
    buffer_text(buffer, "\n");
}

/* Calls itself for what stands in a group, at most LIMIT_GROUP_DEPTH deep. */
static void add_satellites(struct buffer *buffer, const struct cluster *cluster, uint32_t scope,
                           size_t width)
{
    uint32_t first;
    uint32_t count = graph_scope(cluster, scope, &first);

    for (uint32_t i = first; i < first + count; i++) {
        add_satellite(buffer, cluster, &cluster->satellites[i], width);
        if (cluster->satellites[i].kind == SATELLITE_GROUP) {
            add_satellites(buffer, cluster, i, width);
        }
    }
}

static void add_output(struct buffer *buffer, const struct cluster *cluster)
{
    uint32_t listed[NAMES_MAX] = {0};
    uint32_t count = 0;

    buffer_text(buffer, "output: ");
    if (cluster->output_source != NULL) {
        add_source(buffer, cluster->output_source);
        buffer_text(buffer, "\n");
        return;
    }
    for (uint32_t i = 0; i < cluster->root_count; i++) {
        if (graph_is_last(cluster, &cluster->satellites[i])) {
            if (count < NAMES_MAX) {
                listed[count] = i;
            }
            count++;
        }
    }
    buffer_text(buffer, "the outputs of ");
    add_names(buffer, cluster, listed, count < NAMES_MAX ? count : NAMES_MAX);
    if (count > NAMES_MAX) {
        buffer_text(buffer, " and ");
        add_count(buffer, count - NAMES_MAX, "more", "more");
    }
    buffer_text(buffer, ", by name\n");
}

void cluster_add_path(const struct cluster *cluster, uint32_t index, struct buffer *buffer)
{
    uint32_t path[LIMIT_GROUP_DEPTH + 1];
    uint32_t count = 0;

    for (; index != SATELLITE_NONE; index = cluster->satellites[index].group) {
        assert(count <= LIMIT_GROUP_DEPTH);
        path[count++] = index;
    }
    while (count-- > 0) {
        buffer_append(buffer, cluster->satellites[path[count]].name);
        buffer_text(buffer, count > 0 ? "." : "");
    }
}

void cluster_describe_graph(const struct cluster *cluster, struct buffer *buffer)
{
    size_t width = 0;
    uint32_t levels = 0;

    for (uint32_t i = 0; i < cluster->satellite_count; i++) {
        const struct satellite *satellite = &cluster->satellites[i];
        size_t end = 2 * ((size_t)satellite->level + 1) + satellite->name.bytes;

        width = end > width ? end : width;
        if (i < cluster->root_count && satellite->depth + 1 > levels) {
            levels = satellite->depth + 1;
        }
    }
    buffer_append(buffer, cluster->project);
    buffer_text(buffer, "/");
    buffer_append(buffer, cluster->name);
    buffer_text(buffer, ": ");
    add_count(buffer, cluster->satellite_count, "satellite", "satellites");
    buffer_text(buffer, ", ");
    add_count(buffer, levels, "level", "levels");
    buffer_text(buffer, "\n");
    add_satellites(buffer, cluster, SATELLITE_NONE, width);
    add_output(buffer, cluster);
}
