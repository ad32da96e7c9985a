#include "schemas/cluster/stored_satellite.h"

#include <assert.h>
#include <string.h>

#include "schemas/cluster/fault_text.h"
#include "schemas/cluster/file_head.h"
#include "schemas/cluster/satellite_fields.h"
#include "schemas/json/json_read.h"
#include "schemas/json/json_write.h"

/* A satellite alone is checked as the cluster of it, so that one set of rules serves both. */

static const struct value_place satellite_place = {.key = {"satellite", 9}};
static const char *const head_names[] = {"name", "title", "labels", "inputs"};
enum { HEAD_NAMES = sizeof(head_names) / sizeof(head_names[0]), STORED_BYTES_MAX = 16 << 20 };

static const struct field file_rows[] = {FILE_HEAD_ROWS("satellite")};

struct reading {
    struct field_reader r;
    const struct stored_satellite_source *source;
};

static bool is_head(struct span name)
{
    for (size_t i = 0; i < HEAD_NAMES; i++) {
        if (span_is(name, head_names[i])) {
            return true;
        }
    }
    return false;
}

/* A field that says when a satellite runs, or where it comes from, or is of another kind. */
static bool is_of_graph(struct span name)
{
    bool is_known = false;

    for (size_t i = 0; i < satellite_field_count; i++) {
        if (!span_is(name, satellite_fields[i].name)) {
            continue;
        }
        if ((satellite_fields[i].in & (FIELD_IN_WORK | FIELD_IN_DEFAULTS)) != 0) {
            return false;
        }
        is_known = true;
    }
    return is_known;
}

/* What stands under `satellite:`, or NULL with faults. */
static const struct value *find_inner(struct reading *reading)
{
    const struct value *root = reading->source->root;
    struct field_reader *r = &reading->r;
    const struct value *inner =
        reading->source->is_inner ? root : file_head_read(r, file_rows, root);

    return inner != NULL && field_is_kind(r, inner, &satellite_place, VALUE_MAP) ? inner : NULL;
}

static struct value map_of(struct value_member *members, uint32_t count, const struct value *at)
{
    return (struct value){.kind = VALUE_MAP,
                          .count = count,
                          .line = at->line,
                          .column = at->column,
                          .members = members};
}

/* The cluster of the satellite alone; NULL without memory. */
static const struct value *make_cluster(struct reading *reading, const struct value *inner)
{
    struct field_reader *r = &reading->r;
    struct value_member *head = field_alloc(r, inner->count + 1, sizeof(*head));
    struct value_member *body = field_alloc(r, inner->count + 1, sizeof(*body));
    struct value *list = field_alloc(r, 1, sizeof(*list));
    struct value *cluster = field_alloc(r, 1, sizeof(*cluster));
    uint32_t heads = 0;
    uint32_t bodies = 0;

    if (r->is_out_of_memory) {
        return NULL;
    }
    body[bodies++] =
        (struct value_member){value_string(span_of("name")), value_string(span_of("satellite"))};
    for (uint32_t i = 0; i < inner->count; i++) {
        const struct value_member *member = &inner->members[i];
        struct span name = value_text(&member->key);
        const struct value_place place = {.up = &satellite_place, .key = name};

        if (is_head(name)) {
            head[heads++] = *member;
        } else if (is_of_graph(name)) {
            field_fault(r, &member->key, &place, "write it in the satellites that use this one",
                        "%q does not belong to a stored satellite", name);
        } else {
            body[bodies++] = *member;
        }
    }
    *list = map_of(body, bodies, inner);
    head[heads++] = (struct value_member){value_string(span_of("satellites")),
                                          {.kind = VALUE_LIST,
                                           .count = 1,
                                           .line = inner->line,
                                           .column = inner->column,
                                           .items = list}};
    *cluster = map_of(head, heads, inner);
    return cluster;
}

static bool begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* The faults of the cluster, told of the satellite. */
static void move_faults(const struct fault_list *from, struct fault_list *to)
{
    static const char of_body[] = "cluster.satellites[0]";
    static const char of_head[] = "cluster";

    for (const struct fault *fault = from->first; fault != NULL; fault = fault->next) {
        const char *rest = begins_with(fault->path, of_body)   ? fault->path + strlen(of_body)
                           : begins_with(fault->path, of_head) ? fault->path + strlen(of_head)
                                                               : fault->path;
        struct fault_text path = {.used = 0};
        struct fault moved = *fault;

        fault_text_add(&path, "%s%s", rest == fault->path ? "" : "satellite", rest);
        moved.path = path.bytes;
        if (begins_with(fault->hint, "known here:") && rest != fault->path) {
            moved.hint = "remove it; docs/cluster-file.md lists what a stored satellite takes";
        }
        fault_add(to, &moved);
    }
    if (from->error_count > 0 && from->kept_count == 0) {
        fault_add(to, &(struct fault){.path = "satellite",
                                      .text = "the satellite needs more memory than it may take",
                                      .hint = "make it smaller"});
    }
}

static void put_members(struct json_writer *w, const struct value *map,
                        bool (*is_left_out)(struct span))
{
    for (uint32_t i = 0; i < map->count; i++) {
        if (!is_left_out(value_text(&map->members[i].key))) {
            json_key_span(w, value_text(&map->members[i].key));
            json_put_value(w, &map->members[i].value);
        }
    }
}

static bool is_no_head(struct span name)
{
    return !is_head(name);
}

static bool is_of_step(struct span name)
{
    return span_is(name, "name") || span_is(name, "needs");
}

/* Reads a text of our own making into the arena. */
static bool read_own(struct field_reader *r, struct span text, struct value *ret_value)
{
    const struct json_limits limits = {.text_bytes_max = STORED_BYTES_MAX};
    struct json_error error;

    if (json_read(text, &limits, r->arena, ret_value, &error) != JSON_OK) {
        r->is_out_of_memory = true; /* nothing else can be wrong with it */
        return false;
    }
    return true;
}

static void write_canonical(struct field_reader *r, const struct cluster *cluster,
                            struct buffer *text)
{
    struct value root = value_null();

    cluster_canonical(cluster, text);
    if (text->is_failed || !read_own(r, buffer_span(text), &root)) {
        r->is_out_of_memory = true;
        return;
    }
    const struct value *whole = value_get(&root, span_of("cluster"));
    const struct value *steps = value_get(whole, span_of("satellites"));
    struct json_writer w = {.buffer = text};

    buffer_reset(text);
    json_begin_map(&w);
    json_key(&w, "exosphere");
    json_put_text(&w, "v1");
    json_key(&w, "satellite");
    json_begin_map(&w);
    put_members(&w, whole, is_no_head);
    put_members(&w, &steps->items[0], is_of_step);
    json_end_map(&w);
    json_end_map(&w);
}

/* The canonical text, and its members as values. */
static void finish(struct field_reader *r, struct stored_satellite *ret)
{
    struct value root = value_null();
    struct buffer text;

    buffer_init(&text, r->arena->allocator, 0);
    write_canonical(r, ret->cluster, &text);
    r->is_out_of_memory = r->is_out_of_memory || text.is_failed;
    ret->canonical = field_copy(r, buffer_span(&text));
    buffer_release(&text);
    if (r->is_out_of_memory || !read_own(r, ret->canonical, &root)) {
        return;
    }
    const struct value *all = value_get(&root, span_of("satellite"));
    struct value_member *members = field_alloc(r, all->count + 1, sizeof(*members));
    struct value *body = field_alloc(r, 1, sizeof(*body));
    uint32_t count = 0;

    for (uint32_t i = 0; members != NULL && i < all->count; i++) {
        if (!is_head(value_text(&all->members[i].key))) {
            members[count++] = all->members[i];
        }
    }
    if (body != NULL) {
        *body = map_of(members, count, all);
    }
    ret->body = body;
}

int stored_satellite_parse(const struct stored_satellite_source *source, struct arena *arena,
                           struct stored_satellite *ret, struct fault_list *faults)
{
    struct reading reading = {.r = {.arena = arena, .faults = faults, .nearest_left = 1000},
                              .source = source};
    struct stored_satellite made = {0};
    struct fault_list inner_faults;
    uint32_t errors = faults->error_count;
    const struct value *inner = find_inner(&reading);
    const struct value *root = inner == NULL ? NULL : make_cluster(&reading, inner);
    struct cluster_source as_cluster = {
        .root = root, .default_project = source->default_project, .is_inner = true};

    if (root != NULL && value_get(inner, span_of("name")) == NULL) {
        const struct value_place place = {.up = &satellite_place, .key = span_of("name")};

        field_fault(&reading.r, inner, &place, "write name: PROJECT/NAME",
                    "the satellite has no name");
    } else if (root != NULL) {
        fault_list_init(&inner_faults, arena, faults->limit);
        bool is_good = cluster_parse(&as_cluster, arena, &made.cluster, &inner_faults) == 0;

        move_faults(&inner_faults, faults);
        if (is_good && faults->error_count == errors) {
            finish(&reading.r, &made);
        }
    }
    if (reading.r.is_out_of_memory) {
        field_fault(&reading.r, source->root, &satellite_place, "make it smaller",
                    "the satellite needs more memory than it may take");
    }
    if (faults->error_count != errors) {
        return -1;
    }
    *ret = made;
    return 0;
}
