#include "schemas/cluster/cluster.h"

#include <assert.h>
#include <string.h>

#include "schemas/cluster/batch.h"
#include "schemas/cluster/closed.h"
#include "schemas/cluster/cluster_draft.h"
#include "schemas/cluster/cluster_fields.h"
#include "schemas/cluster/cluster_input.h"
#include "schemas/cluster/fault_text.h"
#include "schemas/cluster/file_head.h"
#include "schemas/cluster/graph.h"
#include "schemas/cluster/group.h"
#include "schemas/cluster/name_rule.h"
#include "schemas/cluster/plain.h"
#include "schemas/cluster/satellite_policy.h"
#include "schemas/cluster/templates.h"
#include "schemas/cluster/version_reference.h"
#include "schemas/vocab/limits.h"

enum {
    TITLE_BYTES_MAX = 256,
    NEAREST_BUDGET = 20000, /* comparisons of names in all */
    NODE_BYTES = 16,        /* what a value counts beside its text */
};

/* clang-format off */
const struct field file_fields[] = {FILE_HEAD_ROWS("cluster")};
const size_t file_field_count = sizeof(file_fields) / sizeof(file_fields[0]);

#define AT(member) offsetof(struct cluster_draft, member)

const struct field cluster_fields[] = {
    {.name = "name",       .in = FIELD_IN_ALL, .read = field_read_value, .offset = AT(name)},
    {.name = "title",      .in = FIELD_IN_ALL, .read = field_read_text, .offset = AT(cluster.title), .max = TITLE_BYTES_MAX},
    {.name = "labels",     .in = FIELD_IN_ALL, .read = field_read_value, .offset = AT(labels)},
    {.name = "sla",        .in = FIELD_IN_ALL, .read = field_read_duration, .offset = AT(cluster.sla_ns), .min = 1},
    {.name = "timeout",    .in = FIELD_IN_ALL, .read = field_read_duration, .offset = AT(cluster.timeout_ns), .min = 1},
    {.name = "priority",   .in = FIELD_IN_ALL, .read = field_read_uint, .offset = AT(cluster.priority), .max = CLUSTER_PRIORITY_MAX},
    {.name = "concurrency", .in = FIELD_IN_ALL, .read = key_read_concurrency, .offset = AT(cluster.concurrency)},
    {.name = "rate",       .in = FIELD_IN_ALL, .read = key_read_rate, .offset = AT(cluster.rate)},
    {.name = "inputs",     .in = FIELD_IN_ALL, .read = field_read_value, .offset = AT(inputs)},
    {.name = "defaults",   .in = FIELD_IN_ALL, .read = field_read_value, .offset = AT(defaults)},
    {.name = "satellites", .in = FIELD_IN_ALL, .read = field_read_value, .offset = AT(satellites_source)},
    {.name = "output",     .in = FIELD_IN_ALL, .read = field_read_value, .offset = AT(cluster.output_source)},
};
/* clang-format on */
const size_t cluster_field_count = sizeof(cluster_fields) / sizeof(cluster_fields[0]);

static const struct value_place cluster_place = {.key = {"cluster", 7}};
static const struct value_place list_place = {.up = &cluster_place, .key = {"satellites", 10}};

void *draft_scratch(struct cluster_draft *draft, size_t count, size_t bytes)
{
    void *block = arena_alloc(draft->scratch, count * bytes);

    if (block == NULL) {
        draft->reader.is_out_of_memory = true;
    }
    return block;
}

/* How long the value is written out, each anchor in every place it is used; stops above limit. */
static uint64_t expanded_bytes(const struct value *v, uint64_t limit)
{
    uint64_t bytes = NODE_BYTES + (v->kind == VALUE_STRING ? v->count : 0);

    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count && bytes <= limit; i++) {
        bytes += expanded_bytes(&v->items[i], limit - bytes);
    }
    for (uint32_t i = 0; v->kind == VALUE_MAP && i < v->count && bytes <= limit; i++) {
        bytes += v->members[i].key.count;
        if (bytes <= limit) {
            bytes += expanded_bytes(&v->members[i].value, limit - bytes);
        }
    }
    return bytes;
}

static bool check_expanded(struct cluster_draft *draft, const struct value *root)
{
    const uint64_t limit = CLUSTER_EXPANDED_BYTES_MAX;

    if (expanded_bytes(root, limit) <= limit) {
        return true;
    }
    field_fault(&draft->reader, root, &cluster_place, "use fewer anchors and shorter texts",
                "the cluster with every anchor written out is larger than the limit of %u bytes",
                (unsigned)limit);
    return false;
}

static bool check_defaults_size(struct cluster_draft *draft, uint32_t count)
{
    const uint64_t limit = CLUSTER_EXPANDED_BYTES_MAX;
    const struct value_place place = {.up = &cluster_place, .key = span_of("defaults")};

    if (draft->defaults == NULL || expanded_bytes(draft->defaults, limit) * count <= limit) {
        return true;
    }
    field_fault(&draft->reader, draft->defaults, &place,
                "write long values only in the satellites that use them",
                "`defaults` in each of %u satellites is larger than the limit of %u bytes", count,
                (unsigned)limit);
    return false;
}

static void check_project(struct cluster_draft *draft, const char *given, struct span project,
                          const struct value_place *place)
{
    struct field_reader *r = &draft->reader;

    if (project.data == NULL && given == NULL) {
        field_fault(r, draft->name, place, "write name: PROJECT/NAME, or give --project PROJECT",
                    "the cluster belongs to no project");
        return;
    }
    if (project.data != NULL && given != NULL && !span_is(project, given)) {
        field_fault(r, draft->name, place, "use one of the two",
                    "the file names the project %q, but %q is given", project, span_of(given));
        return;
    }
    project = project.data == NULL ? span_of(given) : project;
    if (name_check(r, NAME_PLAIN, project, draft->name, place)) {
        draft->cluster.project = field_copy(r, project);
    }
}

static void check_name(struct cluster_draft *draft, const char *default_project,
                       const struct value *source)
{
    struct field_reader *r = &draft->reader;
    const struct value_place place = {.up = &cluster_place, .key = span_of("name")};
    struct span project;
    struct span name;

    if (draft->name == NULL) {
        field_fault(r, source, &place, "write name: PROJECT/NAME", "the cluster has no name");
        return;
    }
    if (!field_is_kind(r, draft->name, &place, VALUE_STRING)) {
        return;
    }
    name_split(value_text(draft->name), &project, &name);
    if (name_check(r, NAME_PLAIN, name, draft->name, &place)) {
        draft->cluster.name = field_copy(r, name);
    }
    check_project(draft, default_project, project, &place);
}

static void check_labels(struct cluster_draft *draft)
{
    const struct value_place place = {.up = &cluster_place, .key = span_of("labels")};

    if (draft->labels != NULL &&
        labels_read(draft->labels, &place, draft->reader.arena, &draft->cluster.labels,
                    &draft->cluster.label_count, draft->reader.faults) != 0) {
        draft->cluster.label_count = 0; /* the faults are told */
    }
    plain_warn(&draft->reader, draft->labels, &place,
               "give labels that vary with each submission: --label K=V, or `labels` of its body");
}

static void fault_without_map(struct cluster_draft *draft, const struct value *at,
                              const struct value_place *step, const char *field)
{
    const struct value_place place = {.up = step, .key = span_of(field)};

    if (at != NULL) {
        field_fault(&draft->reader, at, &place, "add `for_each`, or remove it",
                    "%q says nothing without `for_each`", place.key);
    }
}

/* A satellite with `uses` either has been written out, and then names its version and an image of
 * its own, or it is still to be. */
static void check_uses(struct cluster_draft *draft, const struct satellite *satellite,
                       const struct satellite_notes *notes)
{
    const struct value *source = notes->source;
    const struct value_place *place = &notes->place;
    const struct value *image = value_get(source, span_of("image"));
    const struct value_place uses_place = {.up = place, .key = span_of("uses")};
    const struct value_place image_place = {.up = place, .key = span_of("image")};
    const struct value *uses = value_get(source, uses_place.key);
    struct version_reference reference = {.number = 0};

    if (satellite->is_closed || satellite->uses.bytes == 0 ||
        version_uses_parse(satellite->uses, &reference) != NULL) {
        return;
    }
    if (image == NULL && !draft->allows_uses) {
        field_fault(&draft->reader, uses, &uses_place, "send the cluster through the API",
                    "%q was not looked up in the store", satellite->uses);
    }
    if (image != NULL && reference.number == 0) {
        field_fault(&draft->reader, image, &image_place,
                    "remove it; or name the version, where it has been written out already",
                    "%q stands beside `uses`", image_place.key);
    }
}

static void finish_map(struct cluster_draft *draft, struct satellite *satellite,
                       const struct satellite_notes *notes)
{
    if (satellite->for_each_source == NULL) {
        fault_without_map(draft, notes->item_name, &notes->place, "as");
        fault_without_map(draft, notes->max_parallel, &notes->place, "max_parallel");
        fault_without_map(draft, notes->tolerate, &notes->place, "tolerate");
        satellite->item_name = (struct span){NULL, 0};
    } else if (satellite->item_name.bytes == 0) {
        /* A name that was refused still names what the expressions mean. */
        bool is_refused = notes->item_name != NULL && notes->item_name->kind == VALUE_STRING &&
                          notes->item_name->count > 0;

        satellite->item_name =
            field_copy(&draft->reader, is_refused ? value_text(notes->item_name) : span_of("item"));
    }
}

/* What must be there, and what goes together. */
static void finish_satellite(struct cluster_draft *draft, struct satellite *satellite,
                             const struct satellite_notes *notes)
{
    const struct value_place name = {.up = &notes->place, .key = span_of("name")};
    const struct value_place image = {.up = &notes->place, .key = span_of("image")};
    const struct value_place final = {.up = &notes->place, .key = span_of("final")};
    const struct value *source = notes->source;

    if (source->kind != VALUE_MAP) {
        return;
    }
    if (value_get(source, name.key) == NULL) {
        field_fault(&draft->reader, source, &name, "add name: NAME", "a satellite without a name");
    }
    if (satellite->kind == SATELLITE_CONTAINER && satellite->work.image.bytes == 0 &&
        value_get(source, image.key) == NULL && value_get(source, span_of("uses")) == NULL) {
        field_fault(&draft->reader, source, &image, "add image: IMAGE here or under `defaults`",
                    "the satellite has no image");
    }
    check_uses(draft, satellite, notes);
    if (satellite->is_closed) {
        closed_finish(draft, satellite, notes);
    }
    if (satellite->is_final && satellite->group != SATELLITE_NONE &&
        !draft->satellites[satellite->group].is_closed) {
        field_fault(&draft->reader, notes->final, &final,
                    "write it at the top level, outside of the group",
                    "a satellite in a group cannot be final");
        satellite->is_final = false;
    }
    finish_map(draft, satellite, notes);
    batch_check(&draft->reader, satellite, notes);
    policy_warn_of_cache(&draft->reader, notes);
}

static void read_satellite(struct cluster_draft *draft, const struct satellite_draft *defaults,
                           uint32_t index)
{
    struct satellite *satellite = &draft->satellites[index];
    struct satellite_notes *notes = &draft->notes[index];
    unsigned in = group_kind(notes->source);
    struct satellite_draft step = *defaults;

    if (in != FIELD_IN_SATELLITE || satellite->closed_by != SATELLITE_NONE) {
        satellite_draft_init(&step); /* `defaults` of the file are not those of a cluster it uses */
    }
    step.satellite.kind = in == FIELD_IN_SATELLITE ? SATELLITE_CONTAINER
                          : in == FIELD_IN_WAIT    ? SATELLITE_WAIT
                                                   : SATELLITE_GROUP;
    step.satellite.is_closed = in == FIELD_IN_CLUSTER;
    step.satellite.closed_by = satellite->closed_by;
    step.satellite.index = index;
    step.satellite.group = satellite->group;
    step.satellite.level = satellite->level;
    step.notes.place = notes->place;
    satellite_read(&draft->reader, in, notes->source, &notes->place, &step);
    finish_satellite(draft, &step.satellite, &step.notes);
    *satellite = step.satellite;
    *notes = step.notes;
    draft->names[index] = satellite->name.bytes == 0 ? "" : satellite->name.data;
}

static void read_satellites(struct cluster_draft *draft, const struct satellite_draft *defaults)
{
    uint32_t next = draft->cluster.root_count;

    for (uint32_t i = 0; i < next; i++) {
        draft->satellites[i].group = SATELLITE_NONE;
        draft->satellites[i].closed_by = SATELLITE_NONE;
        draft->notes[i].source = &draft->satellites_source->items[i];
        draft->notes[i].place = (struct value_place){.up = &list_place, .index = i};
    }
    for (uint32_t i = 0; i < next; i++) {
        read_satellite(draft, defaults, i);
        if (draft->satellites[i].kind == SATELLITE_GROUP && draft->notes[i].inner != NULL) {
            next = group_take_inner(draft, i, next);
        }
    }
    draft->cluster.satellite_count = next; /* without those of groups that were refused */
}

static bool alloc_satellites(struct cluster_draft *draft, uint32_t count)
{
    draft->satellites = field_alloc(&draft->reader, count, sizeof(*draft->satellites));
    draft->notes = draft_scratch(draft, count, sizeof(*draft->notes));
    draft->names = draft_scratch(draft, count, sizeof(*draft->names));
    draft->cluster.satellites = draft->satellites;
    draft->cluster.satellite_count = count;
    draft->cluster.root_count = draft->satellites_source->count;
    return !draft->reader.is_out_of_memory;
}

static bool check_satellite_list(struct cluster_draft *draft, const struct value *source,
                                 const struct value_place *place, uint32_t count_max)
{
    const struct value *list = draft->satellites_source;
    uint32_t count = group_count(list);

    if (list == NULL) {
        field_fault(&draft->reader, source, place, "add satellites: with at least one",
                    "the cluster has no `satellites`");
        return false;
    }
    if (!field_is_kind(&draft->reader, list, place, VALUE_LIST)) {
        return false;
    }
    if (list->count == 0) {
        field_fault(&draft->reader, list, place, "write at least one",
                    "the cluster has no satellite");
        return false;
    }
    if (count > count_max) {
        field_fault(&draft->reader, list, place, "use `for_each` for many of a kind",
                    "the cluster has %u satellites, more than the limit of %u", (unsigned)count,
                    (unsigned)count_max);
        return false;
    }
    return draft->reader.is_out_of_memory ? false : alloc_satellites(draft, count);
}

static void read_inputs(struct cluster_draft *draft)
{
    const struct value_place place = {.up = &cluster_place, .key = span_of("inputs")};
    struct input_declaration declaration = {.is_declared = false};

    cluster_input_read(draft, draft->inputs, &place, &declaration);
    draft->cluster.has_inputs = declaration.is_declared;
    draft->cluster.input_count = declaration.count;
    draft->cluster.inputs = declaration.inputs;
}

static void parse_inner(struct cluster_draft *draft, const struct cluster_source *source,
                        const struct value *inner)
{
    const struct value_place defaults_place = {.up = &cluster_place, .key = span_of("defaults")};
    bool is_lowered = source->satellites_max != 0 && source->satellites_max < LIMIT_SATELLITES;
    struct satellite_draft defaults;

    draft->cluster.priority = CLUSTER_PRIORITY_DEFAULT;
    if (!field_read_map(&draft->reader, cluster_fields, cluster_field_count, FIELD_IN_ALL, inner,
                        &cluster_place, draft)) {
        return;
    }
    check_name(draft, source->default_project, inner);
    check_labels(draft);
    read_inputs(draft);
    satellite_draft_init(&defaults);
    if (draft->defaults != NULL) {
        satellite_read(&draft->reader, FIELD_IN_DEFAULTS, draft->defaults, &defaults_place,
                       &defaults);
    }
    if (check_satellite_list(draft, inner, &list_place,
                             is_lowered ? source->satellites_max : LIMIT_SATELLITES) &&
        check_defaults_size(draft, draft->cluster.satellite_count)) {
        read_satellites(draft, &defaults);
        graph_resolve(draft);
        if (!draft->reader.is_out_of_memory) {
            templates_compile(draft);
        }
    }
}

static void parse_file(struct cluster_draft *draft, const struct cluster_source *source)
{
    const struct value *inner =
        source->is_inner ? source->root : file_head_read(&draft->reader, file_fields, source->root);

    if (inner != NULL) {
        parse_inner(draft, source, inner);
    }
}

int cluster_parse(const struct cluster_source *source, struct arena *arena,
                  const struct cluster **ret_cluster, struct fault_list *faults)
{
    struct arena scratch;
    struct cluster_draft draft = {
        .reader = {.arena = arena, .faults = faults, .nearest_left = NEAREST_BUDGET},
        .scratch = &scratch,
        .is_stored = source->is_stored,
        .pattern_cost_left = EXPRESSION_PATTERNS_MAX,
        .allows_uses = source->allows_uses,
    };
    struct fault *last = faults->last;
    uint32_t errors = faults->error_count;

    arena_init(&scratch, arena->allocator, 0);
    if (source->is_stored || check_expanded(&draft, source->root)) {
        parse_file(&draft, source);
    }
    struct cluster *cluster = field_alloc(&draft.reader, 1, sizeof(*cluster));

    if (draft.reader.is_out_of_memory) {
        field_fault(&draft.reader, source->root, &cluster_place, "make it smaller",
                    "the cluster needs more memory than it may take");
    }
    arena_release(&scratch);
    fault_list_sort(faults, last);
    if (faults->error_count != errors) {
        return -1;
    }
    assert(cluster != NULL);
    *cluster = draft.cluster;
    *ret_cluster = cluster;
    return 0;
}
