#include "schemas/cluster/graph.h"

#include <assert.h>
#include <string.h>

#include "schemas/cluster/failure_rules.h"
#include "schemas/cluster/fault_text.h"
#include "schemas/cluster/finals.h"
#include "schemas/cluster/group.h"
#include "schemas/vocab/limits.h"

enum { CYCLE_NAMES_MAX = 12 };

static int compare_names(struct span a, struct span b)
{
    size_t common = a.bytes < b.bytes ? a.bytes : b.bytes;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);

    if (order != 0) {
        return order;
    }
    return a.bytes < b.bytes ? -1 : a.bytes > b.bytes;
}

static int compare_satellites(const struct satellite *a, const struct satellite *b)
{
    if (a->group != b->group) {
        return a->group < b->group ? -1 : 1;
    }
    return compare_names(a->name, b->name);
}

/* Merges the sorted runs begin..middle and middle..end of from into to; equal names keep their
 * order, so that of two the first in the file stands first. */
static void merge_runs(const struct satellite *satellites, const uint32_t *from, uint32_t *to,
                       uint32_t begin, uint32_t middle, uint32_t end)
{
    uint32_t left = begin;
    uint32_t right = middle;

    for (uint32_t at = begin; at < end; at++) {
        bool is_left = left < middle &&
                       (right >= end ||
                        compare_satellites(&satellites[from[left]], &satellites[from[right]]) <= 0);

        to[at] = is_left ? from[left++] : from[right++];
    }
}

static void sort_by_name(struct cluster_draft *draft)
{
    uint32_t count = draft->cluster.satellite_count;
    uint32_t *from = field_alloc(&draft->reader, count, sizeof(*from));
    uint32_t *to = field_alloc(&draft->reader, count, sizeof(*to));

    if (from == NULL || to == NULL) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        from[i] = i;
    }
    for (uint32_t run = 1; run < count; run *= 2) {
        for (uint32_t begin = 0; begin < count; begin += 2 * run) {
            uint32_t middle = begin + run < count ? begin + run : count;
            uint32_t end = begin + 2 * run < count ? begin + 2 * run : count;

            merge_runs(draft->satellites, from, to, begin, middle, end);
        }
        uint32_t *other = from;

        from = to;
        to = other;
    }
    draft->cluster.by_name = from;
}

static void fault_duplicates(struct cluster_draft *draft)
{
    const struct cluster *cluster = &draft->cluster;
    uint32_t first = cluster->by_name[0];

    for (uint32_t i = 1; i < cluster->satellite_count; i++) {
        uint32_t second = cluster->by_name[i];
        struct span name = draft->satellites[second].name;

        if (name.bytes == 0 || !span_equal(name, draft->satellites[first].name) ||
            draft->satellites[first].group != draft->satellites[second].group) {
            first = second;
            continue;
        }
        const struct value_place place = {.up = &draft->notes[second].place,
                                          .key = span_of("name")};

        field_fault(&draft->reader, draft->notes[second].name, &place,
                    "give each satellite a name of its own",
                    "the name %q stands twice, first in line %u", name,
                    draft->notes[first].name->line);
    }
}

uint32_t graph_find(const struct cluster *cluster, uint32_t group, struct span name)
{
    const struct satellite wanted = {.group = group, .name = name};
    uint32_t low = 0;
    uint32_t high = cluster->satellite_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        uint32_t index = cluster->by_name[middle];
        int order = compare_satellites(&wanted, &cluster->satellites[index]);

        if (order == 0 && name.bytes > 0) {
            return index;
        }
        if (order > 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return UINT32_MAX;
}

uint32_t graph_find_seen(const struct cluster *cluster, uint32_t group, struct span name)
{
    for (;;) {
        uint32_t found = graph_find(cluster, group, name);

        if (found != UINT32_MAX || group == SATELLITE_NONE ||
            cluster->satellites[group].is_closed) {
            return found;
        }
        group = cluster->satellites[group].group;
    }
}

uint32_t graph_around(const struct cluster *cluster, uint32_t index, uint32_t group)
{
    while (index != UINT32_MAX && cluster->satellites[index].group != group) {
        index = cluster->satellites[index].group;
    }
    return index;
}

uint32_t graph_find_hidden(struct cluster_draft *draft, uint32_t group, struct span name)
{
    const struct cluster *cluster = &draft->cluster;
    uint32_t found = cluster->root_count;

    if (found == cluster->satellite_count ||
        cluster->satellite_count > draft->reader.nearest_left) {
        return UINT32_MAX;
    }
    draft->reader.nearest_left -= cluster->satellite_count;
    while (found < cluster->satellite_count && !span_equal(cluster->satellites[found].name, name)) {
        found++;
    }
    if (found == cluster->satellite_count) {
        return UINT32_MAX;
    }
    for (;;) {
        uint32_t seen = graph_around(cluster, found, group);

        if (seen != UINT32_MAX || group == SATELLITE_NONE || cluster->satellites[group].is_closed) {
            return seen;
        }
        group = cluster->satellites[group].group;
    }
}

uint32_t graph_scope(const struct cluster *cluster, uint32_t group, uint32_t *ret_first)
{
    if (group == SATELLITE_NONE) {
        *ret_first = 0;
        return cluster->root_count;
    }
    *ret_first = cluster->satellites[group].inner_first;
    return cluster->satellites[group].inner_count;
}

bool graph_is_last(const struct cluster *cluster, const struct satellite *satellite)
{
    for (uint32_t i = 0; i < satellite->child_count; i++) {
        if (!cluster->satellites[satellite->children[i]].is_final) {
            return false;
        }
    }
    return !satellite->is_final;
}

const char *graph_nearest(struct cluster_draft *draft, uint32_t group, struct span name)
{
    for (;;) {
        uint32_t first;
        uint32_t count = graph_scope(&draft->cluster, group, &first);
        const char *nearest = field_nearest(&draft->reader, name, draft->names + first, count);

        if (nearest != NULL || group == SATELLITE_NONE || draft->satellites[group].is_closed) {
            return nearest;
        }
        group = draft->satellites[group].group;
    }
}

/* A name in needs that no satellite of the same scope has. */
static void fault_need(struct cluster_draft *draft, uint32_t user, const struct value *item,
                       const struct value_place *place)
{
    struct span name = value_text(item);
    uint32_t group = draft->satellites[user].group;
    uint32_t outer = graph_find_seen(&draft->cluster, group, name);
    struct fault_text hint = {.used = 0};

    if (outer != UINT32_MAX) {
        uint32_t around = graph_around(&draft->cluster, user, draft->satellites[outer].group);

        if (around == outer) {
            field_fault(&draft->reader, item, place, "remove it; `needs: []` begins with the group",
                        "%q is the group the satellite stands in", name);
            return;
        }
        fault_text_add(&hint, "add it to the needs of %s: what stands in a group waits with it",
                       draft->names[around]);
        field_fault(&draft->reader, item, place, hint.bytes, "%q stands outside of the group",
                    name);
        return;
    }
    uint32_t hidden = graph_find_hidden(draft, group, name);

    if (hidden != UINT32_MAX) {
        field_fault(&draft->reader, item, place,
                    hidden == user ? "remove it: what stands in a group begins after it"
                                   : "name the group in `needs`",
                    "%q stands inside of the group %q", name, draft->satellites[hidden].name);
        return;
    }
    const char *nearest = graph_nearest(draft, group, name);

    if (nearest != NULL) {
        fault_text_add(&hint, "did you mean `%s`?", nearest);
    } else {
        fault_text_add(&hint, group == SATELLITE_NONE ? "name a satellite of this cluster"
                                                      : "name a satellite of this group");
    }
    field_fault(&draft->reader, item, place, hint.bytes, "no satellite is named %q", name);
}

/* The satellite that one item of needs names, or UINT32_MAX after a fault. */
static uint32_t read_need(struct cluster_draft *draft, uint32_t user, const struct value *item,
                          const struct value_place *place)
{
    if (!field_is_kind(&draft->reader, item, place, VALUE_STRING)) {
        return UINT32_MAX;
    }
    uint32_t found = graph_find(&draft->cluster, draft->satellites[user].group, value_text(item));

    if (found == UINT32_MAX) {
        fault_need(draft, user, item, place);
    } else if (draft->satellites[found].is_final) {
        field_fault(&draft->reader, item, place, "remove it, or make this satellite final too",
                    "%q is final, so nothing can come after it", value_text(item));
        return UINT32_MAX;
    }
    return found;
}

/* seen[j] == index + 1: satellite j is already a parent of the satellite index. */
static void read_needs(struct cluster_draft *draft, uint32_t index, uint32_t *seen)
{
    struct satellite *satellite = &draft->satellites[index];
    const struct value *needs = draft->notes[index].needs;
    const struct value_place place = {.up = &draft->notes[index].place, .key = span_of("needs")};

    if (!field_is_kind(&draft->reader, needs, &place, VALUE_LIST)) {
        return;
    }
    uint32_t *parents = field_alloc(&draft->reader, needs->count, sizeof(*parents));

    for (uint32_t i = 0; parents != NULL && i < needs->count; i++) {
        const struct value_place item = {.up = &place, .index = i};
        uint32_t parent = read_need(draft, index, &needs->items[i], &item);

        if (parent == UINT32_MAX) {
            continue;
        }
        if (seen[parent] == index + 1) {
            field_fault(&draft->reader, &needs->items[i], &item, "name it once",
                        "`needs` names %q twice", value_text(&needs->items[i]));
            continue;
        }
        seen[parent] = index + 1;
        parents[satellite->parent_count++] = parent;
    }
    satellite->parents = parents;
}

/* The satellite before it in the file, and in its scope, that is not final. */
static void read_previous(struct cluster_draft *draft, uint32_t index)
{
    uint32_t first;
    uint32_t previous = index;

    (void)graph_scope(&draft->cluster, draft->satellites[index].group, &first);
    while (previous > first && draft->satellites[previous - 1].is_final) {
        previous--;
    }
    uint32_t *parents = previous == first ? NULL : field_alloc(&draft->reader, 1, sizeof(*parents));

    if (parents != NULL) {
        parents[0] = previous - 1;
        draft->satellites[index].parents = parents;
        draft->satellites[index].parent_count = 1;
    }
}

static void read_parents(struct cluster_draft *draft)
{
    uint32_t *seen = draft_scratch(draft, draft->cluster.satellite_count, sizeof(*seen));

    for (uint32_t i = 0; seen != NULL && i < draft->cluster.satellite_count; i++) {
        if (draft->satellites[i].is_final) {
            continue;
        }
        if (draft->notes[i].needs != NULL) {
            read_needs(draft, i, seen);
        } else {
            read_previous(draft, i);
        }
        failure_check_join(draft, i);
    }
    finals_resolve(draft);
}

/* Visits satellites in file order, so that each list of children is in file order too. */
static void link_children(struct cluster_draft *draft)
{
    uint32_t count = draft->cluster.satellite_count;
    size_t edges = 0;

    for (uint32_t i = 0; i < count; i++) {
        const struct satellite *child = &draft->satellites[i];

        edges += child->parent_count;
        for (uint32_t j = 0; j < child->parent_count; j++) {
            draft->satellites[child->parents[j]].child_count++;
        }
    }
    uint32_t *children = field_alloc(&draft->reader, edges, sizeof(*children));
    uint32_t **ends = draft_scratch(draft, count, sizeof(*ends));

    if (children == NULL || ends == NULL) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        draft->satellites[i].children = children;
        ends[i] = children;
        children += draft->satellites[i].child_count;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct satellite *child = &draft->satellites[i];

        for (uint32_t j = 0; j < child->parent_count; j++) {
            *ends[child->parents[j]]++ = i;
        }
    }
}

/* Kahn's algorithm; the queue is the order itself. */
struct sort {
    struct cluster_draft *draft;
    uint32_t *order;   /* count placed, of them head taken out */
    uint32_t *waiting; /* parents, and its group, not yet taken out; UINT32_MAX: placed */
    uint32_t *path;    /* of find_cycle */
    uint32_t *step;    /* of find_cycle: place in path + 1 */
    uint32_t count;
    uint32_t head;
    uint32_t lowest; /* every satellite below it is placed */
};

static void place(struct sort *sort, uint32_t index)
{
    sort->waiting[index] = UINT32_MAX;
    sort->order[sort->count++] = index;
}

static void release(struct sort *sort, uint32_t index)
{
    if (sort->waiting[index] != UINT32_MAX && --sort->waiting[index] == 0) {
        place(sort, index);
    }
}

static void take_out(struct sort *sort, uint32_t index)
{
    const struct satellite *parent = &sort->draft->satellites[index];

    for (uint32_t i = 0; i < parent->child_count; i++) {
        uint32_t child = parent->children[i];

        if (sort->draft->satellites[child].depth <= parent->depth) {
            sort->draft->satellites[child].depth = parent->depth + 1;
        }
        release(sort, child);
    }
    for (uint32_t i = 0; i < parent->inner_count; i++) {
        release(sort, parent->inner_first + i);
    }
}

static uint32_t waiting_parent(const struct sort *sort, uint32_t index)
{
    const struct satellite *satellite = &sort->draft->satellites[index];

    for (uint32_t i = 0; i < satellite->parent_count; i++) {
        if (sort->waiting[satellite->parents[i]] != UINT32_MAX) {
            return satellite->parents[i];
        }
    }
    if (satellite->group != SATELLITE_NONE && sort->waiting[satellite->group] != UINT32_MAX) {
        return satellite->group;
    }
    assert(false); /* a satellite that is not placed waits for one that is not placed */
    return index;
}

/* Walks from parent to parent until one comes again; path[*ret_begin .. return) is the cycle. */
static uint32_t find_cycle(struct sort *sort, uint32_t start, uint32_t *ret_begin)
{
    uint32_t length = 0;
    uint32_t index = start;

    memset(sort->step, 0, sort->draft->cluster.satellite_count * sizeof(*sort->step));
    while (sort->step[index] == 0) {
        sort->path[length++] = index;
        sort->step[index] = length;
        index = waiting_parent(sort, index);
    }
    *ret_begin = sort->step[index] - 1;
    return length;
}

/* Names the satellites in the order they would run, from the first in the file. */
static void fault_cycle(struct sort *sort, uint32_t begin, uint32_t end)
{
    struct cluster_draft *draft = sort->draft;
    struct fault_text text = {.used = 0};
    uint32_t length = end - begin;
    uint32_t first = begin;

    for (uint32_t i = begin; i < end; i++) {
        first = sort->path[i] < sort->path[first] ? i : first;
    }
    for (uint32_t i = 0; i < length && i < CYCLE_NAMES_MAX; i++) {
        uint32_t at = begin + (first - begin + length - i) % length;

        fault_text_add(&text, "%s -> ", draft->names[sort->path[at]]);
    }
    fault_text_add(&text, "%s%s", length > CYCLE_NAMES_MAX ? "... -> " : "",
                   draft->names[sort->path[first]]);

    uint32_t index = sort->path[first];
    const struct satellite_notes *notes = &draft->notes[index];
    const struct value_place needs = {.up = &notes->place, .key = span_of("needs")};

    field_fault(&draft->reader, notes->needs == NULL ? notes->source : notes->needs, &needs,
                "remove one of these needs; a satellite without `needs` comes after the one "
                "before it in the file, `needs: []` begins at once",
                "the satellites wait for each other in a cycle: %s", text.bytes);
}

/* A cycle is told of, then one of its satellites let go, so that other cycles are found too. */
static void sort_graph(struct sort *sort)
{
    uint32_t total = sort->draft->cluster.satellite_count;
    uint32_t cycles = 0;

    for (uint32_t i = 0; i < total; i++) {
        const struct satellite *satellite = &sort->draft->satellites[i];

        sort->waiting[i] = satellite->parent_count + (satellite->group == SATELLITE_NONE ? 0 : 1);
    }
    for (uint32_t i = 0; i < total; i++) {
        if (sort->waiting[i] == 0) {
            place(sort, i);
        }
    }
    for (;;) {
        while (sort->head < sort->count) {
            take_out(sort, sort->order[sort->head++]);
        }
        if (sort->count == total || cycles == GRAPH_CYCLES_MAX) {
            break;
        }
        while (sort->waiting[sort->lowest] == UINT32_MAX) {
            sort->lowest++;
        }
        uint32_t begin;
        uint32_t end = find_cycle(sort, sort->lowest, &begin);

        fault_cycle(sort, begin, end);
        place(sort, sort->path[begin]);
        cycles++;
    }
    sort->draft->is_acyclic = cycles == 0;
    sort->draft->cluster.order = sort->order;
}

void graph_resolve(struct cluster_draft *draft)
{
    uint32_t count = draft->cluster.satellite_count;
    struct sort sort = {
        .draft = draft,
        .order = field_alloc(&draft->reader, count, sizeof(*sort.order)),
        .waiting = draft_scratch(draft, count, sizeof(*sort.waiting)),
        .path = draft_scratch(draft, count, sizeof(*sort.path)),
        .step = draft_scratch(draft, count, sizeof(*sort.step)),
    };

    sort_by_name(draft);
    if (draft->reader.is_out_of_memory) {
        return;
    }
    fault_duplicates(draft);
    group_check_names(draft);
    read_parents(draft);
    link_children(draft);
    if (!draft->reader.is_out_of_memory) {
        sort_graph(&sort);
    }
}
