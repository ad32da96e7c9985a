/* uses_fuzz: any bytes as the file of a stored satellite or cluster and, behind a line of ---, as a
 * cluster that uses it by any name. One without faults has a canonical text that is read as the
 * same; a cluster that was written out uses nothing more. The first line is a reference too. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "infra/yaml/yaml_read.h"
#include "schemas/cluster/stored_satellite.h"
#include "schemas/cluster/uses.h"
#include "schemas/json/json_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
    struct arena arena;
    struct fault_list faults;
};

static void check_reference(struct span text)
{
    const char *line = text.data;
    const char *end = text.bytes == 0 ? NULL : memchr(line, '\n', text.bytes);
    struct span first = {line, end == NULL ? text.bytes : (size_t)(end - line)};
    char again[VERSION_REFERENCE_BYTES];
    struct version_reference one, two;

    for (int kind = 0; kind < VERSION_KIND_NR; kind++) {
        if (version_reference_parse((enum version_kind)kind, first, (struct span){NULL, 0}, &one) !=
            NULL) {
            continue;
        }
        version_reference_format(&one, again);
        const char *wrong = version_reference_parse((enum version_kind)kind, span_of(again),
                                                    (struct span){NULL, 0}, &two);

        assert(wrong == NULL);
        assert(one.number == two.number);
        assert(span_equal(one.project, two.project) && span_equal(one.name, two.name));
    }
    if (version_uses_parse(first, &one) == NULL) {
        version_uses_format(&one, again);
        const char *wrong = version_uses_parse(span_of(again), &two);

        assert(wrong == NULL);
        assert(one.kind == two.kind && span_equal(one.name, two.name));
    }
}

/* The canonical text; empty where there are faults. */
static struct span check_satellite(struct run *run, struct span text)
{
    struct value *root = arena_alloc(&run->arena, 2 * sizeof(*root));
    struct stored_satellite one, two;
    struct stored_satellite_source source = {.root = root, .default_project = "p"};
    struct json_error error;

    if (root == NULL || text_read(text, NULL, &run->arena, root, &run->faults) != 0 ||
        stored_satellite_parse(&source, &run->arena, &one, &run->faults) != 0) {
        assert(run->faults.error_count > 0);
        return (struct span){NULL, 0};
    }
    enum json_err err = json_read(one.canonical, NULL, &run->arena, &root[1], &error);

    assert(err == JSON_OK);
    source = (struct stored_satellite_source){.root = &root[1]};
    int result = stored_satellite_parse(&source, &run->arena, &two, &run->faults);

    assert(result == 0);
    assert(span_equal(one.canonical, two.canonical));
    return one.canonical;
}

/* The canonical text; empty where there are faults. */
static struct span check_stored_cluster(struct run *run, struct span text)
{
    struct value *root = arena_alloc(&run->arena, sizeof(*root));
    struct cluster_source source = {.root = root, .default_project = "p"};
    const struct cluster *cluster;
    struct buffer canonical;

    if (root == NULL || text_read(text, NULL, &run->arena, root, &run->faults) != 0 ||
        cluster_parse(&source, &run->arena, &cluster, &run->faults) != 0) {
        return (struct span){NULL, 0};
    }
    buffer_init(&canonical, run->arena.allocator, 0);
    cluster_canonical(cluster, &canonical);
    struct span copy = arena_copy(&run->arena, buffer_span(&canonical));

    buffer_release(&canonical);
    return copy;
}

static void check_cluster(struct run *run, struct span text, struct span satellite,
                          struct span stored)
{
    struct value root = value_null();
    struct value made = value_null();
    struct uses_set set;
    struct uses_set left;
    const struct cluster *cluster;

    if (text_read(text, NULL, &run->arena, &root, &run->faults) != 0 ||
        uses_collect(&root, &run->arena, &set, &run->faults) != 0) {
        return;
    }
    for (uint32_t i = 0; i < set.count; i++) {
        set.entries[i].text = set.entries[i].reference.kind == VERSION_CLUSTER ? stored : satellite;
        set.entries[i].number = 1 + i;
        set.entries[i].problem = "there is none";
    }
    if (uses_inline(&root, &set, &run->arena, &made, &run->faults) != 0) {
        return;
    }
    int result = uses_collect(&made, &run->arena, &left, &run->faults);

    assert(result == 0);
    assert(left.count == 0);
    const struct cluster_source source = {.root = &made, .default_project = "p", .is_inner = true};

    result = cluster_parse(&source, &run->arena, &cluster, &run->faults);
    assert(result == 0 || run->faults.error_count > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct heap_budget budget = {.limit_bytes = (size_t)256 << 20};
    struct run run = {0};
    const char *text = (const char *)data;
    const char *mark = size == 0 ? NULL : memmem(text, size, "\n---\n", 5);
    struct span first = {text, mark == NULL ? size : (size_t)(mark - text)};

    arena_init(&run.arena, allocator_heap(&budget), 0);
    fault_list_init(&run.faults, &run.arena, 0);
    check_reference(first);
    struct span satellite = check_satellite(&run, first);

    fault_list_init(&run.faults, &run.arena, 0);
    struct span stored = check_stored_cluster(&run, first);

    if (mark != NULL) {
        fault_list_init(&run.faults, &run.arena, 0);
        check_cluster(&run, (struct span){mark + 5, size - first.bytes - 5}, satellite, stored);
    }
    arena_release(&run.arena);
    assert(budget.used_bytes == 0);
    return 0;
}
