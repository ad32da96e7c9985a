#include "schemas/cluster/uses.h"

#include "schemas/cluster/fault_text.h"
#include "schemas/cluster/field.h"
#include "schemas/cluster/stored_satellite.h"
#include "schemas/cluster/uses_cluster.h"
#include "schemas/cluster/uses_input.h"
#include "schemas/expression/template_inset.h"
#include "schemas/json/json_read.h"

enum { STORED_BYTES_MAX = 16 << 20 };

static const struct value_place cluster_place = {.key = {"cluster", 7}};

/* What is still to be written out: `uses` of a good form, no `image` or no `satellites`. */
static bool is_wanted(const struct value *satellite, struct version_reference *ret_reference)
{
    const struct value *uses = value_get(satellite, span_of("uses"));

    if (uses == NULL || uses->kind != VALUE_STRING ||
        version_uses_parse(value_text(uses), ret_reference) != NULL) {
        return false;
    }
    return value_get(satellite, span_of(ret_reference->kind == VERSION_CLUSTER ? "satellites"
                                                                               : "image")) == NULL;
}

static struct uses_entry *find(const struct uses_set *set, const struct version_reference *wanted)
{
    for (uint32_t i = 0; i < set->count; i++) {
        const struct version_reference *known = &set->entries[i].reference;

        if (known->kind == wanted->kind && known->number == wanted->number &&
            span_equal(known->name, wanted->name) && span_equal(known->project, wanted->project)) {
            return &set->entries[i];
        }
    }
    return NULL;
}

/* ---- collecting ---- */

struct collecting {
    struct field_reader r;
    struct uses_set set;
    uint32_t capacity;
    bool is_full;
};

static bool has_room(struct collecting *c)
{
    uint32_t capacity = c->capacity == 0 ? 8 : c->capacity * 2;

    if (c->set.count < c->capacity) {
        return true;
    }
    struct uses_entry *moved = field_alloc(&c->r, capacity, sizeof(*moved));

    if (moved == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < c->set.count; i++) {
        moved[i] = c->set.entries[i];
    }
    c->set.entries = moved;
    c->capacity = capacity;
    return true;
}

static void collect_one(struct collecting *c, const struct value *satellite,
                        const struct value_place *place)
{
    const struct value_place inner = {.up = place, .key = span_of("uses")};
    struct version_reference reference;

    if (!is_wanted(satellite, &reference) || find(&c->set, &reference) != NULL || c->is_full) {
        return;
    }
    const struct value *at = value_get(satellite, inner.key);

    if (c->set.count == USES_MAX) {
        c->is_full = true;
        field_fault(&c->r, at, &inner, "split it into several clusters",
                    "the cluster uses more than %u different stored definitions",
                    (unsigned)USES_MAX);
    } else if (has_room(c)) {
        struct fault_text path = {.used = 0};

        fault_text_add_place(&path, &inner);
        c->set.entries[c->set.count++] = (struct uses_entry){
            .reference = reference, .at = at, .path = field_copy(&c->r, span_of(path.bytes)).data};
    }
}

/* Groups hold satellites of their own; the depth of values is bounded where they are read. */
static void collect_list(struct collecting *c, const struct value *owner,
                         const struct value_place *up)
{
    const struct value *list = value_get(owner, span_of("satellites"));
    const struct value_place place = {.up = up, .key = span_of("satellites")};

    for (uint32_t i = 0; list != NULL && list->kind == VALUE_LIST && i < list->count; i++) {
        const struct value_place item = {.up = &place, .index = i};

        collect_one(c, &list->items[i], &item);
        collect_list(c, &list->items[i], &item);
    }
}

static int end(struct field_reader *r, const struct value *at, uint32_t errors)
{
    if (r->is_out_of_memory) {
        field_fault(r, at, &cluster_place, "make it smaller",
                    "the cluster needs more memory than it may take");
    }
    return r->faults->error_count == errors ? 0 : -1;
}

int uses_collect(const struct value *cluster, struct arena *arena, struct uses_set *ret_set,
                 struct fault_list *faults)
{
    struct collecting c = {.r = {.arena = arena, .faults = faults}};
    uint32_t errors = faults->error_count;

    collect_list(&c, cluster, &cluster_place);
    *ret_set = c.set;
    return end(&c.r, cluster, errors);
}

/* ---- writing out ---- */

struct inlining {
    struct field_reader r;
    const struct uses_set *set;
    struct stored_satellite *parsed; /* of each entry that is a satellite */
    struct value *clusters;          /* of each that is a cluster: what stands under `cluster` */
    bool *is_parsed;
    struct uses_room room;
};

/* One satellite that is written out. */
struct use {
    struct inlining *in;
    const struct value *own;
    const struct value *uses;              /* the value */
    const struct value_place *place;       /* of the satellite */
    const struct stored_satellite *stored; /* of a satellite */
    struct span text;                      /* the reference with its version */
    struct value arguments;
    struct value_member *members; /* of the result */
    uint32_t count;
};

static void fault_use(struct use *use, const char *text)
{
    const struct value_place place = {.up = use->place, .key = span_of("uses")};

    field_fault(&use->in->r, use->uses, &place, "", "%s: %s", (const char *)use->text.data, text);
}

/* What `input` stands for in a field of the stored satellite. */
enum inset {
    INSET_NONE,  /* nothing: no templates there */
    INSET_TEXT,  /* a text */
    INSET_VALUE, /* any value */
};

static enum inset inset_of(struct span name)
{
    if (span_is(name, "command") || span_is(name, "env")) {
        return INSET_TEXT;
    }
    return span_is(name, "input") ? INSET_VALUE : INSET_NONE;
}

static struct value copy_value(struct use *use, const struct value *v, enum inset inset);

/* Text of the store has its place where it is used. */
static struct value at_use(const struct use *use, struct value v)
{
    v.line = use->uses->line;
    v.column = use->uses->column;
    return v;
}

static struct value copy_text(struct use *use, const struct value *v, enum inset inset)
{
    struct arena *arena = use->in->r.arena;
    struct span text = value_text(v);
    struct expression_error error;
    struct value made = *v;
    enum expression_err err = inset == INSET_TEXT
                                  ? template_inset_text(text, &use->arguments, arena, &made, &error)
                                  : template_inset(text, &use->arguments, arena, &made, &error);

    switch (err) {
    case EXPRESSION_OK:
        return made.line == 0 || made.text == v->text ? at_use(use, made) : made;
    case EXPRESSION_EMEMORY:
        use->in->r.is_out_of_memory = true;
        return *v;
    case EXPRESSION_ESYNTAX:
    case EXPRESSION_EUNSUPPORTED:
    case EXPRESSION_ENAME:
    case EXPRESSION_ETYPE:
    case EXPRESSION_EMISSING:
    case EXPRESSION_EARITHMETIC:
    case EXPRESSION_EVALUE:
    case EXPRESSION_EPENDING:
    case EXPRESSION_EFAILED:
    case EXPRESSION_ELIMIT:
        break;
    }
    fault_use(use, error.text);
    return *v;
}

static struct value copy_list(struct use *use, const struct value *v, enum inset inset)
{
    struct value *items = field_alloc(&use->in->r, v->count + 1, sizeof(*items));
    struct value made = at_use(use, *v);

    for (uint32_t i = 0; items != NULL && i < v->count; i++) {
        items[i] = copy_value(use, &v->items[i], inset);
    }
    made.items = items;
    made.count = items == NULL ? 0 : v->count;
    return made;
}

static struct value copy_map(struct use *use, const struct value *v, enum inset inset)
{
    struct value_member *members = field_alloc(&use->in->r, v->count + 1, sizeof(*members));
    struct value made = at_use(use, *v);

    for (uint32_t i = 0; members != NULL && i < v->count; i++) {
        members[i].key = at_use(use, v->members[i].key);
        members[i].value = copy_value(use, &v->members[i].value, inset);
    }
    made.members = members;
    made.count = members == NULL ? 0 : v->count;
    return made;
}

static struct value copy_value(struct use *use, const struct value *v, enum inset inset)
{
    switch (v->kind) {
    case VALUE_LIST:
        return copy_list(use, v, inset);
    case VALUE_MAP:
        return copy_map(use, v, inset);
    case VALUE_STRING:
        return inset != INSET_NONE ? copy_text(use, v, inset) : at_use(use, *v);
    case VALUE_NULL:
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_DOUBLE:
    case VALUE_TIMESTAMP:
    case VALUE_DURATION:
    case VALUE_TYPE:
    case VALUE_KIND_NR:
        break;
    }
    return at_use(use, *v);
}

/* Members of both maps; where both have one, that of a. */
static struct value merge(struct use *use, const struct value *a, const struct value *b)
{
    struct value_member *members =
        field_alloc(&use->in->r, (size_t)a->count + b->count + 1, sizeof(*members));
    struct value made = *a;
    uint32_t count = 0;

    for (uint32_t i = 0; members != NULL && i < b->count; i++) {
        if (value_get(a, value_text(&b->members[i].key)) == NULL) {
            members[count++] = b->members[i];
        }
    }
    for (uint32_t i = 0; members != NULL && i < a->count; i++) {
        members[count++] = a->members[i];
    }
    made.members = members;
    made.count = count;
    return made;
}

static bool is_merged(struct span name)
{
    return span_is(name, "env") || span_is(name, "resources") || span_is(name, "retries") ||
           span_is(name, "timeouts");
}

static void put(struct use *use, struct value key, struct value value)
{
    use->members[use->count++] = (struct value_member){key, value};
}

static void put_own(struct use *use, const struct value_member *member)
{
    struct span name = value_text(&member->key);
    const struct value *stored = value_get(use->stored->body, name);

    if (span_is(name, "input")) {
        return;
    }
    if (span_is(name, "uses")) {
        put(use, member->key, at_use(use, value_string(use->text)));
    } else if (stored != NULL && is_merged(name) && stored->kind == VALUE_MAP &&
               member->value.kind == VALUE_MAP) {
        struct value copy = copy_value(use, stored, inset_of(name));

        put(use, member->key, merge(use, &member->value, &copy));
    } else {
        put(use, member->key, member->value);
    }
}

/* The stored template over the arguments; without one, the arguments. What is declared cannot be
 * got round. */
static void put_input(struct use *use)
{
    const struct value *stored = value_get(use->stored->body, span_of("input"));
    const struct value *own = value_get(use->own, span_of("input"));
    struct value key = at_use(use, value_string(span_of("input")));

    if (use->stored->cluster->has_inputs) {
        if (stored != NULL) {
            put(use, key, copy_value(use, stored, INSET_VALUE));
        } else if (use->arguments.count > 0) {
            put(use, key, use->arguments);
        }
        return;
    }
    if (stored == NULL || (own != NULL && (own->kind != VALUE_MAP || stored->kind != VALUE_MAP))) {
        if (own != NULL) {
            put(use, key, *own);
        }
        return;
    }
    struct value copy = copy_value(use, stored, INSET_VALUE);

    put(use, key, own == NULL ? copy : merge(use, own, &copy));
}

static void put_stored(struct use *use)
{
    const struct value *body = use->stored->body;

    for (uint32_t i = 0; i < body->count; i++) {
        struct span name = value_text(&body->members[i].key);

        if (!span_is(name, "input") && value_get(use->own, name) == NULL) {
            put(use, at_use(use, body->members[i].key),
                copy_value(use, &body->members[i].value, inset_of(name)));
        }
    }
}

/* The stored satellite of an entry, read once. */
static const struct stored_satellite *stored_of(struct inlining *in, const struct uses_entry *entry)
{
    size_t place = (size_t)(entry - in->set->entries);
    const struct json_limits limits = {.text_bytes_max = STORED_BYTES_MAX};
    struct fault_list faults;
    struct json_error error;
    struct value *root;

    if (in->is_parsed[place]) {
        return &in->parsed[place];
    }
    root = field_alloc(&in->r, 1, sizeof(*root));
    fault_list_init(&faults, in->r.arena, 1);
    const struct stored_satellite_source source = {.root = root};

    in->is_parsed[place] =
        root != NULL && json_read(entry->text, &limits, in->r.arena, root, &error) == JSON_OK &&
        stored_satellite_parse(&source, in->r.arena, &in->parsed[place], &faults) == 0;
    return in->is_parsed[place] ? &in->parsed[place] : NULL;
}

static struct span reference_text(struct inlining *in, const struct uses_entry *entry)
{
    struct version_reference reference = entry->reference;
    char text[VERSION_REFERENCE_BYTES];

    reference.number = entry->number > 0 ? entry->number : reference.number;
    version_uses_format(&reference, text);
    return field_copy(&in->r, span_of(text));
}

/* The stored cluster of an entry, read once. */
static const struct value *cluster_of(struct inlining *in, const struct uses_entry *entry)
{
    size_t place = (size_t)(entry - in->set->entries);
    const struct json_limits limits = {.text_bytes_max = STORED_BYTES_MAX};
    struct json_error error;
    struct value root = value_null();

    if (!in->is_parsed[place] &&
        json_read(entry->text, &limits, in->r.arena, &root, &error) == JSON_OK) {
        const struct value *inner = value_get(&root, span_of("cluster"));

        in->is_parsed[place] = inner != NULL && uses_cluster_is_known(inner);
        in->clusters[place] = in->is_parsed[place] ? *inner : value_null();
    }
    return in->is_parsed[place] ? &in->clusters[place] : NULL;
}

static struct value made_of(const struct use *use)
{
    struct value made = *use->own;

    made.members = use->members;
    made.count = use->count;
    return made;
}

/* A cluster becomes a closed group: own fields, then what the stored one has for a run of it. */
static struct value inline_cluster(struct use *use, const struct uses_entry *entry)
{
    struct inlining *in = use->in;
    const struct value *stored = cluster_of(in, entry);
    const struct uses_cluster cluster = {&in->r,    use->own, use->uses,        use->place,
                                         use->text, stored,   entry->text.bytes};

    if (stored == NULL) {
        fault_use(use, "this program cannot read that version; name another one");
        return *use->own;
    }
    use->members =
        field_alloc(&in->r, (size_t)use->own->count + stored->count, sizeof(*use->members));
    if (use->members == NULL || !uses_cluster_check(&cluster, &in->room)) {
        return *use->own;
    }
    for (uint32_t i = 0; i < use->own->count; i++) {
        const struct value_member *member = &use->own->members[i];

        put(use, member->key,
            span_is(value_text(&member->key), "uses") ? at_use(use, value_string(use->text))
                                                      : member->value);
    }
    for (uint32_t i = 0; i < stored->count; i++) {
        const struct value_member *member = &stored->members[i];
        struct span name = value_text(&member->key);

        if (uses_cluster_takes(name) && value_get(use->own, name) == NULL) {
            put(use, at_use(use, member->key), copy_value(use, &member->value, INSET_NONE));
        }
    }
    return made_of(use);
}

static struct value inline_stored_satellite(struct use *use, const struct uses_entry *entry)
{
    struct inlining *in = use->in;
    const struct value *own = use->own;

    use->stored = stored_of(in, entry);
    if (use->stored == NULL) {
        fault_use(use, "this program cannot read that version; name another one");
        return *own;
    }
    const struct uses_target target = {cluster_inputs(use->stored->cluster), "stored satellite"};

    use->members = field_alloc(&in->r, (size_t)own->count + use->stored->body->count + 2,
                               sizeof(*use->members));
    if (use->members == NULL || !uses_arguments(&in->r, &target, value_get(own, span_of("input")),
                                                own, use->place, &use->arguments)) {
        return *own;
    }
    for (uint32_t i = 0; i < own->count; i++) {
        put_own(use, &own->members[i]);
    }
    put_stored(use);
    put_input(use);
    return made_of(use);
}

static struct value inline_one(struct inlining *in, const struct value *own,
                               const struct version_reference *reference,
                               const struct value_place *place)
{
    const struct uses_entry *entry = find(in->set, reference);
    struct use use = {.in = in, .own = own, .place = place};

    if (entry == NULL) {
        return *own; /* of a set of another cluster: cluster_parse refuses what is left */
    }
    use.uses = value_get(own, span_of("uses"));
    use.text = reference_text(in, entry);
    if (in->r.is_out_of_memory) {
        return *own;
    }
    if (entry->text.data == NULL) {
        fault_use(&use, entry->problem == NULL ? "it was not looked up" : entry->problem);
        return *own;
    }
    return reference->kind == VERSION_CLUSTER ? inline_cluster(&use, entry)
                                              : inline_stored_satellite(&use, entry);
}

static struct value inline_list(struct inlining *in, const struct value *owner,
                                const struct value_place *up);

static struct value inline_satellite(struct inlining *in, const struct value *satellite,
                                     const struct value_place *place)
{
    struct version_reference reference;

    if (is_wanted(satellite, &reference)) {
        return inline_one(in, satellite, &reference, place);
    }
    return inline_list(in, satellite, place);
}

/* The owner (a cluster or a group) with its satellites written out. */
static struct value inline_list(struct inlining *in, const struct value *owner,
                                const struct value_place *up)
{
    const struct value_place place = {.up = up, .key = span_of("satellites")};
    const struct value *list = value_get(owner, place.key);

    if (list == NULL || list->kind != VALUE_LIST) {
        return *owner;
    }
    struct value *items = field_alloc(&in->r, list->count + 1, sizeof(*items));
    struct value_member *members = field_alloc(&in->r, owner->count, sizeof(*members));
    struct value made = *owner;

    if (items == NULL || members == NULL) {
        return made;
    }
    for (uint32_t i = 0; i < list->count; i++) {
        const struct value_place item = {.up = &place, .index = i};

        items[i] = inline_satellite(in, &list->items[i], &item);
    }
    for (uint32_t i = 0; i < owner->count; i++) {
        members[i] = owner->members[i];
        if (&owner->members[i].value == list) {
            members[i].value.items = items;
        }
    }
    made.members = members;
    return made;
}

int uses_inline(const struct value *cluster, const struct uses_set *set, struct arena *arena,
                struct value *ret_cluster, struct fault_list *faults)
{
    struct inlining in = {.r = {.arena = arena, .faults = faults}, .set = set};
    uint32_t errors = faults->error_count;
    struct value made = *cluster;

    if (set->count > 0) {
        in.parsed = field_alloc(&in.r, set->count, sizeof(*in.parsed));
        in.clusters = field_alloc(&in.r, set->count, sizeof(*in.clusters));
        in.is_parsed = field_alloc(&in.r, set->count, sizeof(*in.is_parsed));
        uses_room_init(&in.room, cluster);
        if (!in.r.is_out_of_memory) {
            made = inline_list(&in, cluster, &cluster_place);
        }
    }
    if (end(&in.r, cluster, errors) != 0) {
        return -1;
    }
    *ret_cluster = made;
    return 0;
}
