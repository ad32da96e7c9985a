/* cluster_fuzz: any bytes as a cluster file. Either there are faults, or the cluster has a
 * canonical text that is read as the same cluster, and each satellite one that is read as the same
 * work. */
#include <assert.h>
#include <stdlib.h>

#include "infra/yaml/yaml_read.h"
#include "schemas/cluster/cluster.h"
#include "schemas/json/json_read.h"
#include "schemas/vocab/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
    struct arena arena;
    struct fault_list faults;
    struct buffer text;
    struct buffer again;
};

static void check_faults(const struct fault_list *faults)
{
    uint32_t kept = 0;

    for (const struct fault *fault = faults->first; fault != NULL; fault = fault->next) {
        assert(fault->path != NULL);
        assert(fault->text != NULL && *fault->text != '\0');
        assert(fault->hint != NULL);
        kept++;
    }
    assert(kept == faults->kept_count);
}

/* Satellites stand scope by scope, and a group before what it holds. */
static void check_scopes(const struct cluster *cluster)
{
    uint32_t next = cluster->root_count;

    for (uint32_t i = 0; i < cluster->satellite_count; i++) {
        const struct satellite *satellite = &cluster->satellites[i];

        assert(satellite->index == i);
        assert(cluster_find_seen(cluster, satellite->group, satellite->name) == satellite);
        assert((satellite->group == SATELLITE_NONE) == (i < cluster->root_count));
        assert((satellite->kind == SATELLITE_GROUP) == (satellite->inner_count > 0));
        assert((satellite->kind == SATELLITE_GROUP) == (satellite->output != NULL));
        for (uint32_t j = 0; j < satellite->inner_count; j++, next++) {
            assert(satellite->inner_first + j == next);
            assert(cluster->satellites[next].group == i);
            assert(cluster->satellites[next].level == satellite->level + 1);
        }
    }
    assert(next == cluster->satellite_count);
}

static void check_graph(const struct cluster *cluster)
{
    uint32_t edges = 0;
    uint32_t place[LIMIT_SATELLITES];

    for (uint32_t i = 0; i < cluster->satellite_count; i++) {
        place[cluster->order[i]] = i;
    }

    for (uint32_t i = 0; i < cluster->satellite_count; i++) {
        const struct satellite *satellite = &cluster->satellites[cluster->order[i]];

        edges += satellite->parent_count - satellite->child_count;
        assert(cluster_find(cluster, satellite->group, satellite->name) == satellite);
        assert(satellite->group == SATELLITE_NONE || place[satellite->group] < i);
        for (uint32_t j = 0; j < satellite->parent_count; j++) {
            const struct satellite *parent = &cluster->satellites[satellite->parents[j]];

            assert(parent->group == satellite->group);
            assert(parent->depth < satellite->depth);
            assert(place[parent->index] < i);
        }
    }
    assert(edges == 0);
}

static struct value read_back(struct run *run, const struct buffer *text)
{
    struct json_error error;
    struct value value = value_null();
    enum json_err err = json_read(buffer_span(text), NULL, &run->arena, &value, &error);

    assert(err == JSON_OK);
    return value;
}

static void check_satellite(struct run *run, const struct satellite_work *work)
{
    struct satellite_work parsed;

    buffer_reset(&run->text);
    satellite_canonical(work, &run->text);
    assert(!run->text.is_failed);
    struct value *source = arena_alloc(&run->arena, sizeof(*source));

    assert(source != NULL);
    *source = read_back(run, &run->text);
    int result = satellite_parse(source, &run->arena, &parsed, &run->faults);

    assert(result == 0);
    buffer_reset(&run->again);
    satellite_canonical(&parsed, &run->again);
    assert(span_equal(buffer_span(&run->text), buffer_span(&run->again)));
}

static void check_cluster(struct run *run, const struct cluster *cluster)
{
    const struct cluster *parsed = NULL;
    struct value source;

    check_scopes(cluster);
    check_graph(cluster);
    cluster_describe_graph(cluster, &run->text);
    for (uint32_t i = 0; i < cluster->satellite_count && i < 50; i++) {
        if (cluster->satellites[i].kind == SATELLITE_CONTAINER) {
            check_satellite(run, &cluster->satellites[i].work);
        }
    }
    buffer_reset(&run->text);
    cluster_canonical(cluster, &run->text);
    assert(!run->text.is_failed);
    source = read_back(run, &run->text);
    int result = cluster_parse(&(struct cluster_source){.root = &source, .is_stored = true},
                               &run->arena, &parsed, &run->faults);

    assert(result == 0);
    buffer_reset(&run->again);
    cluster_canonical(parsed, &run->again);
    assert(span_equal(buffer_span(&run->text), buffer_span(&run->again)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct heap_budget budget = {.limit_bytes = (size_t)256 << 20};
    struct run run = {0};
    const struct cluster *cluster = NULL;
    struct value root;
    struct value input = value_null();

    arena_init(&run.arena, allocator_heap(&budget), 0);
    buffer_init(&run.text, allocator_heap(&budget), 0);
    buffer_init(&run.again, allocator_heap(&budget), 0);
    fault_list_init(&run.faults, &run.arena, 0);
    if (text_read((struct span){data, size}, NULL, &run.arena, &root, &run.faults) == 0) {
        struct cluster_source source = {.root = &root, .default_project = "p"};
        int result = cluster_parse(&source, &run.arena, &cluster, &run.faults);

        assert((result == 0) == (run.faults.error_count == 0));
        if (result == 0) {
            check_cluster(&run, cluster);
            (void)cluster_input_check(cluster, NULL, &run.arena, &input, &run.faults);
        }
    }
    check_faults(&run.faults);
    buffer_release(&run.again);
    buffer_release(&run.text);
    arena_release(&run.arena);
    assert(budget.used_bytes == 0);
    return 0;
}
