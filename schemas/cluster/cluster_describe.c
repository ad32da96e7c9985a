#include "schemas/cluster/cluster.h"

#include "schemas/cluster/fault_text.h"
#include "schemas/json/json_write.h"

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

static void add_satellite(struct buffer *buffer, const struct cluster *cluster,
                          const struct satellite *satellite, size_t width)
{
    buffer_text(buffer, "  ");
    buffer_append(buffer, satellite->name);
    for (size_t i = satellite->name.bytes; i < width + 2; i++) {
        buffer_text(buffer, " ");
    }
    if (satellite->parent_count == 0) {
        buffer_text(buffer, "at once");
    } else {
        buffer_text(buffer, "after ");
        add_names(buffer, cluster, satellite->parents, satellite->parent_count);
    }
    if (satellite->join == JOIN_ALL_DONE) {
        buffer_text(buffer, ", however they end");
    }
    if (satellite->when_source != NULL) {
        buffer_text(buffer, "; when ");
        add_source(buffer, satellite->when_source);
    }
    if (satellite->for_each != NULL) {
        buffer_text(buffer, "; for each ");
        buffer_append(buffer, satellite->item_name);
        buffer_text(buffer, " of ");
        add_source(buffer, satellite->for_each_source);
    }
    if (satellite->max_parallel > 0) {
        buffer_text(buffer, ", at most ");
        add_count(buffer, satellite->max_parallel, "at a time", "at a time");
    }
    buffer_text(buffer, "\n");
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
    for (uint32_t i = 0; i < cluster->satellite_count; i++) {
        if (cluster->satellites[i].child_count == 0) {
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

void cluster_describe_graph(const struct cluster *cluster, struct buffer *buffer)
{
    size_t width = 0;
    uint32_t levels = 0;

    for (uint32_t i = 0; i < cluster->satellite_count; i++) {
        const struct satellite *satellite = &cluster->satellites[i];

        width = satellite->name.bytes > width ? satellite->name.bytes : width;
        levels = satellite->depth + 1 > levels ? satellite->depth + 1 : levels;
    }
    buffer_append(buffer, cluster->project);
    buffer_text(buffer, "/");
    buffer_append(buffer, cluster->name);
    buffer_text(buffer, ": ");
    add_count(buffer, cluster->satellite_count, "satellite", "satellites");
    buffer_text(buffer, ", ");
    add_count(buffer, levels, "level", "levels");
    buffer_text(buffer, "\n");
    for (uint32_t i = 0; i < cluster->satellite_count; i++) {
        add_satellite(buffer, cluster, &cluster->satellites[i], width);
    }
    add_output(buffer, cluster);
}
