#include "schemas/cluster/uses_cluster.h"

#include <string.h>

#include "schemas/cluster/fault_text.h"
#include "schemas/cluster/group.h"
#include "schemas/vocab/limits.h"

enum handling { UNKNOWN, TAKEN, LEFT_OUT, REFUSED };

static enum handling handling_of(struct span name)
{
    static const struct {
        const char *name;
        enum handling handling;
    } fields[] = {
        {"name", LEFT_OUT}, {"title", LEFT_OUT},    {"labels", LEFT_OUT},     {"sla", LEFT_OUT},
        {"timeout", TAKEN}, {"priority", LEFT_OUT}, {"concurrency", REFUSED}, {"rate", REFUSED},
        {"inputs", TAKEN},  {"satellites", TAKEN},  {"output", TAKEN},
    };

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (span_is(name, fields[i].name)) {
            return fields[i].handling;
        }
    }
    return UNKNOWN;
}

bool uses_cluster_is_known(const struct value *stored)
{
    const struct value *satellites = value_get(stored, span_of("satellites"));
    bool is_known = satellites != NULL && satellites->kind == VALUE_LIST;

    for (uint32_t i = 0; is_known && i < stored->count; i++) {
        is_known = handling_of(value_text(&stored->members[i].key)) != UNKNOWN;
    }
    return is_known;
}

bool uses_cluster_takes(struct span name)
{
    return handling_of(name) == TAKEN;
}

void uses_room_init(struct uses_room *room, const struct value *cluster)
{
    uint32_t written = group_count(value_get(cluster, span_of("satellites")));

    *room = (struct uses_room){
        .satellites = written > LIMIT_SATELLITES ? 0 : LIMIT_SATELLITES - written,
        .bytes = CLUSTER_EXPANDED_BYTES_MAX,
    };
}

static void fault(const struct uses_cluster *use, const char *hint, const char *text)
{
    const struct value_place place = {.up = use->place, .key = span_of("uses")};

    field_fault(use->r, use->uses, &place, hint, "%s: %s", (const char *)use->text.data, text);
}

static bool check_bounds(const struct uses_cluster *use)
{
    bool is_good = true;

    for (uint32_t i = 0; i < use->stored->count; i++) {
        struct span name = value_text(&use->stored->members[i].key);
        struct fault_text text = {.used = 0};

        if (handling_of(name) == REFUSED) {
            fault_text_add(&text, "its %q bounds executions and would not be kept here", name);
            fault(use, "store a version without it, or start that cluster by itself", text.bytes);
            is_good = false;
        }
    }
    return is_good;
}

/* Told once: what comes after is too much as well. */
static bool check_room(const struct uses_cluster *use, struct uses_room *room)
{
    uint32_t count = group_count(value_get(use->stored, span_of("satellites")));
    struct fault_text text = {.used = 0};

    if (room->is_full) {
        return false;
    }
    if (count > room->satellites) {
        fault_text_add(&text, "with its %u satellites the cluster has more than the limit of %u",
                       (unsigned)count, (unsigned)LIMIT_SATELLITES);
        fault(use, "use `for_each` for many of a kind", text.bytes);
        room->is_full = true;
    } else if (use->stored_bytes > room->bytes) {
        fault_text_add(&text, "written out, the cluster is larger than the limit of %u bytes",
                       (unsigned)CLUSTER_EXPANDED_BYTES_MAX);
        fault(use, "use `for_each` for many of a kind", text.bytes);
        room->is_full = true;
    }
    room->satellites -= room->is_full ? 0 : count;
    room->bytes -= room->is_full ? 0 : use->stored_bytes;
    return !room->is_full;
}

/* Appends the satellite's name; of the own one it has not been checked yet. */
static void add_name(struct fault_text *path, const struct value *satellite)
{
    const struct value *name = value_get(satellite, span_of("name"));
    char text[LIMIT_NAME_BYTES + 1] = "?";

    if (name != NULL && name->kind == VALUE_STRING && name->count < sizeof(text)) {
        memcpy(text, name->text, name->count);
        text[name->count] = '\0';
    }
    fault_text_add(path, "%s", text);
}

/* Adds the names down to the first group that stands too deep; false: none does. */
static bool find_deep(const struct value *owner, uint32_t level, struct fault_text *path)
{
    const struct value *list = value_get(owner, span_of("satellites"));

    for (uint32_t i = 0; list != NULL && list->kind == VALUE_LIST && i < list->count; i++) {
        const struct value *inner = &list->items[i];
        size_t used = path->used;

        if (value_get(inner, span_of("satellites")) == NULL) {
            continue;
        }
        fault_text_add(path, ".");
        add_name(path, inner);
        if (level >= LIMIT_GROUP_DEPTH || find_deep(inner, level + 1, path)) {
            return true;
        }
        path->used = used;
        path->bytes[used] = '\0';
    }
    return false;
}

/* Groups around the satellite: each level of places is a list and an item. */
static uint32_t level_of(const struct value_place *place)
{
    uint32_t steps = 0;

    for (; place != NULL; place = place->up) {
        steps++;
    }
    return (steps - 3) / 2;
}

static bool check_depth(const struct uses_cluster *use)
{
    uint32_t level = level_of(use->place);
    struct fault_text path = {.used = 0};
    struct fault_text text = {.used = 0};

    add_name(&path, use->own);
    if (level < LIMIT_GROUP_DEPTH && !find_deep(use->stored, level + 1, &path)) {
        return true;
    }
    fault_text_add(&text, "written out, the group %s stands more than %u deep", path.bytes,
                   (unsigned)LIMIT_GROUP_DEPTH);
    fault(use, "use it further out, or store one with fewer groups in one another", text.bytes);
    return false;
}

static uint32_t nesting_of(const struct value *v)
{
    uint32_t deepest = 0;

    for (uint32_t i = 0; (v->kind == VALUE_LIST || v->kind == VALUE_MAP) && i < v->count; i++) {
        uint32_t inner = nesting_of(v->kind == VALUE_LIST ? &v->items[i] : &v->members[i].value);

        deepest = inner > deepest ? inner : deepest;
    }
    return v->kind == VALUE_LIST || v->kind == VALUE_MAP ? deepest + 1 : 0;
}

/* The whole is read again as one text: its values must not be nested deeper than texts may. */
static bool check_nesting(const struct uses_cluster *use)
{
    uint32_t at = 1 + 2 * level_of(use->place) + 2; /* file, cluster and lists around the map */
    struct fault_text text = {.used = 0};

    if (at + nesting_of(use->stored) <= LIMIT_JSON_DEPTH) {
        return true;
    }
    fault_text_add(&text, "written out, its values are nested more than %u deep",
                   (unsigned)LIMIT_JSON_DEPTH);
    fault(use, "use it further out, or store one with flatter values", text.bytes);
    return false;
}

bool uses_cluster_check(const struct uses_cluster *use, struct uses_room *room)
{
    return check_bounds(use) && check_room(use, room) && check_depth(use) && check_nesting(use);
}
