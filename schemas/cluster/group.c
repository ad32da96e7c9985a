#include "schemas/cluster/group.h"

#include "schemas/cluster/graph.h"
#include "schemas/cluster/version_reference.h"
#include "schemas/vocab/limits.h"

static uint32_t count_list(const struct value *list, uint32_t level)
{
    uint32_t count = 0;

    if (list == NULL || list->kind != VALUE_LIST || level > LIMIT_GROUP_DEPTH) {
        return 0;
    }
    for (uint32_t i = 0; i < list->count; i++) {
        count += 1 + count_list(value_get(&list->items[i], span_of("satellites")), level + 1);
    }
    return count;
}

uint32_t group_count(const struct value *list)
{
    return count_list(list, 0);
}

unsigned group_kind(const struct value *source)
{
    const struct value *uses = value_get(source, span_of("uses"));

    if (uses != NULL && uses->kind == VALUE_STRING &&
        version_uses_kind(value_text(uses)) == VERSION_CLUSTER) {
        return FIELD_IN_CLUSTER;
    }
    if (value_get(source, span_of("satellites")) != NULL) {
        return FIELD_IN_GROUP;
    }
    return value_get(source, span_of("wait")) != NULL ? FIELD_IN_WAIT : FIELD_IN_SATELLITE;
}

static bool check_list(struct cluster_draft *draft, uint32_t group)
{
    const struct value *list = draft->notes[group].inner;
    const struct value_place *place = &draft->notes[group].inner_place;

    if (!field_is_kind(&draft->reader, list, place, VALUE_LIST)) {
        return false;
    }
    if (list->count == 0) {
        field_fault(&draft->reader, list, place, "write at least one, or give it an image",
                    "the group has no satellite");
        return false;
    }
    if (draft->satellites[group].level >= LIMIT_GROUP_DEPTH) {
        field_fault(&draft->reader, list, place, "write some of them one group further out",
                    "groups stand more than %u deep in one another", (unsigned)LIMIT_GROUP_DEPTH);
        return false;
    }
    return true;
}

uint32_t group_take_inner(struct cluster_draft *draft, uint32_t group, uint32_t next)
{
    struct satellite *satellite = &draft->satellites[group];
    struct satellite_notes *notes = &draft->notes[group];

    notes->inner_place = (struct value_place){.up = &notes->place, .key = span_of("satellites")};
    if (!check_list(draft, group)) {
        return next;
    }
    satellite->inner_first = next;
    satellite->inner_count = notes->inner->count;
    for (uint32_t i = 0; i < satellite->inner_count; i++, next++) {
        draft->satellites[next].group = group;
        draft->satellites[next].level = satellite->level + 1;
        draft->satellites[next].closed_by = cluster_closed_scope(&draft->cluster, group);
        draft->notes[next].source = &notes->inner->items[i];
        draft->notes[next].place = (struct value_place){.up = &notes->inner_place, .index = i};
    }
    return next;
}

static void check_name(struct cluster_draft *draft, uint32_t index)
{
    const struct satellite *satellite = &draft->satellites[index];
    const struct satellite_notes *notes = &draft->notes[index];
    const struct value_place place = {.up = &notes->place, .key = span_of("name")};
    const struct satellite *group = &draft->satellites[satellite->group];
    uint32_t hidden = group->is_closed
                          ? UINT32_MAX
                          : graph_find_seen(&draft->cluster, group->group, satellite->name);

    if (hidden != UINT32_MAX) {
        field_fault(&draft->reader, notes->name, &place, "choose another name",
                    "the name %q hides the satellite around the group, in line %u", satellite->name,
                    draft->notes[hidden].name->line);
    }
}

static void check_item_name(struct cluster_draft *draft, uint32_t index)
{
    const struct satellite *satellite = &draft->satellites[index];
    const struct satellite_notes *notes = &draft->notes[index];
    bool is_given = notes->item_name != NULL;
    const struct value_place place = {.up = &notes->place,
                                      .key = span_of(is_given ? "as" : "for_each")};

    for (uint32_t up = satellite->group; up != SATELLITE_NONE; up = draft->satellites[up].group) {
        const struct satellite *group = &draft->satellites[up];

        if (group->is_closed) {
            return; /* what it is called outside is not known here */
        }
        if (group->item_name.bytes > 0 && span_equal(group->item_name, satellite->item_name)) {
            field_fault(&draft->reader, is_given ? notes->item_name : satellite->for_each_source,
                        &place, is_given ? "choose another name" : "name the item with `as`",
                        "the item %q hides that of the group %q", satellite->item_name,
                        group->name.bytes > 0 ? group->name : span_of("around it"));
            return;
        }
    }
}

void group_check_names(struct cluster_draft *draft)
{
    for (uint32_t i = draft->cluster.root_count; i < draft->cluster.satellite_count; i++) {
        if (draft->satellites[i].name.bytes > 0) {
            check_name(draft, i);
        }
        if (draft->satellites[i].item_name.bytes > 0) {
            check_item_name(draft, i);
        }
    }
}
