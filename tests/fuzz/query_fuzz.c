/* query_fuzz: any bytes as a path, as the fields of a query and as an entity tag. A cursor that is
 * taken is one that we would have written. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "producer/core/listing.h"
#include "producer/core/path_pattern.h"
#include "producer/core/task_path.h"
#include "producer/core/version_view.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
    struct arena arena;
    struct fault_list faults;
};

static bool is_refused(struct run *run)
{
    bool refused = run->faults.error_count > 0;

    fault_list_init(&run->faults, &run->arena, 0);
    return refused;
}

static void list_executions(struct run *run, const char *name, struct span value)
{
    struct listing listing, again;
    char cursor[LISTING_CURSOR_BYTES];

    listing_init(&listing);
    listing_set(&listing, name, value, &run->faults);
    if (is_refused(run)) {
        return;
    }
    assert(listing.limit >= 1 && listing.limit <= LISTING_LIMIT_MAX);
    assert(listing.after_ns >= 0 && listing.before_ns >= 0 && listing.cursor_ns >= 0);
    if (strcmp(name, "cursor") == 0) {
        listing_cursor(&listing.cursor, listing.cursor_ns, cursor);
        assert(span_is(value, cursor));
        listing_init(&again);
        listing_set(&again, name, span_of(cursor), &run->faults);
        assert(!is_refused(run) && again.cursor_ns == listing.cursor_ns);
    }
}

static void list_tasks(struct run *run, const char *name, struct span value)
{
    struct task_listing listing;
    char cursor[TASK_CURSOR_BYTES];

    task_listing_init(&listing);
    task_listing_set(&listing, name, value, &run->faults);
    if (!is_refused(run) && strcmp(name, "cursor") == 0) {
        task_listing_cursor(listing.instance, listing.index, cursor);
        assert(span_is(value, cursor));
    }
}

static void list_versions(const char *name, struct span value)
{
    struct version_listing listing;

    for (int is_history = 0; is_history < 2; is_history++) {
        version_listing_init(&listing);
        const char *wrong = version_listing_set(&listing, is_history == 1, name, value);

        assert(wrong == NULL ? listing.limit <= LISTING_LIMIT_MAX : wrong[0] != '\0');
    }
}

static void take_tag(struct span value)
{
    int64_t version = -2;

    if (etag_parse(value, &version)) {
        assert(version >= -1 && version <= VERSION_NUMBER_MAX);
    } else {
        assert(version == -2);
    }
}

static void take_path(const char *path)
{
    static const char *const patterns[] = {
        "/v1/executions", "/v1/executions/{id}/tasks/{task}/attempts/{n}/logs",
        "/v1/clusters/{project}/{name}/versions/{version}", "/{a}/{b}/{c}"};
    struct path_parameters parameters;

    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        if (!path_match(patterns[i], path, &parameters)) {
            continue;
        }
        assert(parameters.count <= PATH_PARAMETERS_MAX);
        for (uint32_t j = 0; j < parameters.count; j++) {
            struct span value = parameters.values[j];

            assert(value.bytes > 0 && memchr(value.data, '/', value.bytes) == NULL);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {
        "project",         "cluster", "state", "label", "submitted_after", "submitted_before",
        "submitted_until", "cursor",  "limit", "run",   "satellite",       ""};
    struct heap_budget budget = {0};
    struct run run;

    if (size == 0) {
        return 0;
    }
    const char *name = names[data[0] % (sizeof(names) / sizeof(names[0]))];
    char *text = strndup((const char *)data + 1, size - 1);

    if (text == NULL) {
        return 0;
    }
    const struct span value = {data + 1, size - 1};

    arena_init(&run.arena, allocator_heap(&budget), 0);
    fault_list_init(&run.faults, &run.arena, 0);
    list_executions(&run, name, value);
    list_tasks(&run, name, value);
    list_versions(name, value);
    list_executions(&run, text, value);
    take_tag(value);
    take_path(text);
    arena_release(&run.arena);
    free(text);
    assert(budget.used_bytes == 0);
    return 0;
}
