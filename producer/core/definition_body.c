#include "producer/core/definition_body.h"

#include "schemas/cluster/field.h"
#include "schemas/cluster/stored_satellite.h"
#include "schemas/json/json_write.h"

/* The members of a body. */
struct members {
    const struct value *version;
    const struct value *cluster;
    const struct value *satellite;
    struct span message;
    struct span actor;
    const struct value *expected;
};

/* clang-format off */
static const struct field rows[] = {
    {.name = "exosphere",        .in = FIELD_IN_ALL, .read = field_read_value, .offset = offsetof(struct members, version)},
    {.name = "cluster",          .in = FIELD_IN_ALL, .read = field_read_value, .offset = offsetof(struct members, cluster)},
    {.name = "satellite",        .in = FIELD_IN_ALL, .read = field_read_value, .offset = offsetof(struct members, satellite)},
    {.name = "message",          .in = FIELD_IN_ALL, .read = field_read_text,  .offset = offsetof(struct members, message), .max = DEFINITION_MESSAGE_BYTES_MAX},
    {.name = "actor",            .in = FIELD_IN_ALL, .read = field_read_text,  .offset = offsetof(struct members, actor), .max = DEFINITION_ACTOR_BYTES_MAX},
    {.name = "expected_version", .in = FIELD_IN_ALL, .read = field_read_value, .offset = offsetof(struct members, expected)},
};
/* clang-format on */
enum { ROWS = sizeof(rows) / sizeof(rows[0]), NEAREST_BUDGET = 1000 };

static void check_version(struct field_reader *r, const struct value *version)
{
    const struct value_place place = {.key = span_of("exosphere")};

    if (version != NULL && (version->kind != VALUE_STRING || !span_is(value_text(version), "v1"))) {
        field_fault(r, version, &place, "write \"exosphere\": \"v1\", or leave it out",
                    "only version v1 is known here");
    }
}

static void read_expected(struct field_reader *r, const struct value *expected,
                          struct definition_body *ret)
{
    const struct value_place place = {.key = span_of("expected_version")};

    if (expected == NULL || expected->kind == VALUE_NULL ||
        !field_is_kind(r, expected, &place, VALUE_INT)) {
        return;
    }
    if (expected->integer < 0 || expected->integer > VERSION_NUMBER_MAX) {
        field_fault(r, expected, &place, "0 says that there must be none yet",
                    "%q is a version, or 0", place.key);
        return;
    }
    ret->expected = expected->integer;
}

static void find_definition(struct field_reader *r, enum version_kind kind,
                            const struct value *root, const struct members *members,
                            struct definition_body *ret)
{
    const struct value *wanted = kind == VERSION_CLUSTER ? members->cluster : members->satellite;
    const struct value *other = kind == VERSION_CLUSTER ? members->satellite : members->cluster;
    const struct value_place place = {.key = span_of(version_kind_name(kind))};
    const struct value_place other_place = {
        .key = span_of(
            version_kind_name(kind == VERSION_CLUSTER ? VERSION_SATELLITE : VERSION_CLUSTER))};

    if (other != NULL) {
        field_fault(r, other, &other_place, "send it to the path of its own kind",
                    "%q does not belong here", other_place.key);
    }
    if (wanted == NULL) {
        field_fault(r, root, &place, "send the definition as an object, or a file as one string",
                    "the body has no %q", place.key);
    } else if (wanted->kind != VALUE_MAP && wanted->kind != VALUE_STRING) {
        field_fault(r, wanted, &place, "send the definition as an object, or a file as one string",
                    "%q must be a map or a string, not %s", place.key,
                    field_kind_words(wanted->kind));
    } else {
        ret->definition = wanted;
    }
}

void definition_body_read(enum version_kind kind, const struct value *root, struct arena *arena,
                          struct definition_body *ret, struct fault_list *faults)
{
    struct field_reader r = {.arena = arena, .faults = faults, .nearest_left = NEAREST_BUDGET};
    struct members members = {.message = {"", 0}, .actor = {"", 0}};

    *ret = (struct definition_body){.expected = -1};
    if (!field_read_map(&r, rows, ROWS, FIELD_IN_ALL, root, NULL, &members)) {
        return;
    }
    check_version(&r, members.version);
    read_expected(&r, members.expected, ret);
    find_definition(&r, kind, root, &members, ret);
    ret->message = members.message;
    ret->actor = members.actor;
}

/* ---- the definition ---- */

static const struct value *with_name(struct field_reader *r, const struct definition_name *name,
                                     const struct value *inner)
{
    struct buffer text;

    if (inner->kind != VALUE_MAP || value_get(inner, span_of("name")) != NULL) {
        return inner;
    }
    buffer_init(&text, r->arena->allocator, 0);
    buffer_text(&text, name->project);
    buffer_text(&text, "/");
    buffer_text(&text, name->name);
    struct value_member *members = field_alloc(r, (size_t)inner->count + 1, sizeof(*members));
    struct value *made = field_alloc(r, 1, sizeof(*made));
    struct span full = field_copy(r, buffer_span(&text));

    buffer_release(&text);
    if (r->is_out_of_memory) {
        return NULL;
    }
    members[0] = (struct value_member){value_string(span_of("name")), value_string(full)};
    for (uint32_t i = 0; i < inner->count; i++) {
        members[i + 1] = inner->members[i];
    }
    *made = *inner;
    made->members = members;
    made->count = inner->count + 1;
    return made;
}

const struct value *definition_inner(const struct definition_name *name, const struct value *root,
                                     bool is_file, struct arena *arena, struct fault_list *faults)
{
    struct field_reader r = {.arena = arena, .faults = faults, .nearest_left = NEAREST_BUDGET};
    struct members members = {.message = {"", 0}};
    struct definition_body found = {0};
    uint32_t errors = faults->error_count;

    if (!is_file) {
        return with_name(&r, name, root);
    }
    if (!field_read_map(&r, rows, 3, FIELD_IN_ALL, root, NULL, &members)) {
        return NULL;
    }
    if (members.version == NULL) {
        const struct value_place place = {.key = span_of("exosphere")};

        field_fault(&r, root, &place, "begin the file with exosphere: v1", "%q is missing",
                    place.key);
    }
    check_version(&r, members.version);
    find_definition(&r, name->kind, root, &members, &found);
    const struct value_place place = {.key = span_of(version_kind_name(name->kind))};

    /* A file within a file is none. */
    if (found.definition == NULL || !field_is_kind(&r, found.definition, &place, VALUE_MAP) ||
        faults->error_count != errors) {
        return NULL;
    }
    return with_name(&r, name, found.definition);
}

static void check_name(struct field_reader *r, const struct definition_name *name,
                       const struct value *inner, struct span found)
{
    const struct value_place up = {.key = span_of(version_kind_name(name->kind))};
    const struct value_place place = {.up = &up, .key = span_of("name")};

    if (!span_is(found, name->name)) {
        field_fault(r, value_get(inner, place.key), &place, "use one of the two",
                    "the definition is named %q, but the path says %q", found, span_of(name->name));
    }
}

static struct span check_cluster(struct field_reader *r, const struct definition_name *name,
                                 const struct value *inner)
{
    const struct cluster_source source = {
        .root = inner, .default_project = name->project, .is_inner = true};
    const struct cluster *cluster;
    struct buffer text;

    if (cluster_parse(&source, r->arena, &cluster, r->faults) != 0) {
        return (struct span){NULL, 0};
    }
    check_name(r, name, inner, cluster->name);
    buffer_init(&text, r->arena->allocator, 0);
    cluster_canonical(cluster, &text);
    struct span canonical = field_copy(r, buffer_span(&text));

    r->is_out_of_memory = r->is_out_of_memory || text.is_failed;
    buffer_release(&text);
    return canonical;
}

static struct span check_satellite(struct field_reader *r, const struct definition_name *name,
                                   const struct value *inner)
{
    const struct stored_satellite_source source = {
        .root = inner, .default_project = name->project, .is_inner = true};
    struct stored_satellite satellite;

    if (stored_satellite_parse(&source, r->arena, &satellite, r->faults) != 0) {
        return (struct span){NULL, 0};
    }
    check_name(r, name, inner, satellite.cluster->name);
    return satellite.canonical;
}

struct span definition_check(const struct definition_name *name, const struct value *inner,
                             struct arena *arena, struct fault_list *faults)
{
    struct field_reader r = {.arena = arena, .faults = faults, .nearest_left = NEAREST_BUDGET};
    uint32_t errors = faults->error_count;
    struct span canonical = name->kind == VERSION_CLUSTER ? check_cluster(&r, name, inner)
                                                          : check_satellite(&r, name, inner);

    if (canonical.bytes > LIMIT_CLUSTER_BYTES) {
        field_fault(&r, inner, NULL, "split it into several clusters",
                    "the definition has %u bytes when written out, more than the limit of %u",
                    (unsigned)canonical.bytes, (unsigned)LIMIT_CLUSTER_BYTES);
    }
    if (r.is_out_of_memory) {
        field_fault(&r, inner, NULL, "make it smaller",
                    "the definition needs more memory than it may take");
    }
    return faults->error_count == errors ? canonical : (struct span){NULL, 0};
}

void definition_check_form(const char *project, const struct value *inner, struct arena *arena,
                           struct fault_list *faults)
{
    const struct cluster_source source = {
        .root = inner, .default_project = project, .is_inner = true, .allows_uses = true};
    const struct cluster *cluster;

    if (cluster_parse(&source, arena, &cluster, faults) == 0) {
        return; /* nothing else is wrong */
    }
}
