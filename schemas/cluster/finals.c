#include "schemas/cluster/finals.h"

/* Satellites first .. end - 1, which stand in one scope. */
struct scope {
    uint32_t first;
    uint32_t end;
};

static uint32_t count_finals(const struct cluster_draft *draft, const struct scope *scope,
                             uint32_t *ret_first)
{
    uint32_t count = 0;

    for (uint32_t i = scope->end; i-- > scope->first;) {
        if (draft->satellites[i].is_final) {
            *ret_first = i;
            count++;
        }
    }
    return count;
}

static bool check_count(struct cluster_draft *draft, const struct scope *scope, uint32_t count,
                        uint32_t first)
{
    const struct satellite_notes *notes = &draft->notes[first];
    const struct value_place place = {.up = &notes->place, .key = span_of("final")};

    if (count == scope->end - scope->first) {
        field_fault(&draft->reader, notes->final, &place, "remove it",
                    "every satellite is final, so none is left that they could come after");
        return false;
    }
    if (count > FINALS_MAX) {
        field_fault(&draft->reader, notes->final, &place,
                    "let one final satellite do several things, or use `for_each`",
                    "the cluster has %u final satellites, more than the limit of %u",
                    (unsigned)count, (unsigned)FINALS_MAX);
        return false;
    }
    return true;
}

static void refuse_order(struct cluster_draft *draft, const struct satellite_notes *notes,
                         const struct value *given, const char *field)
{
    const struct value_place place = {.up = &notes->place, .key = span_of(field)};

    if (given != NULL) {
        field_fault(&draft->reader, given, &place, "remove it",
                    "%q says nothing of a final satellite: it comes after all others, however "
                    "they end",
                    place.key);
    }
}

static void resolve_scope(struct cluster_draft *draft, const struct scope *scope)
{
    uint32_t first = 0;
    uint32_t finals = count_finals(draft, scope, &first);
    uint32_t count = 0;

    if (finals == 0 || !check_count(draft, scope, finals, first)) {
        return;
    }
    uint32_t *parents =
        field_alloc(&draft->reader, scope->end - scope->first - finals, sizeof(*parents));

    for (uint32_t i = scope->first; parents != NULL && i < scope->end; i++) {
        if (!draft->satellites[i].is_final) {
            parents[count++] = i;
        }
    }
    for (uint32_t i = first; i < scope->end; i++) {
        struct satellite *satellite = &draft->satellites[i];

        if (satellite->is_final) {
            refuse_order(draft, &draft->notes[i], draft->notes[i].needs, "needs");
            refuse_order(draft, &draft->notes[i], draft->notes[i].join, "join");
            satellite->join = JOIN_ALL_DONE;
            satellite->parents = parents;
            satellite->parent_count = count;
        }
    }
}

void finals_resolve(struct cluster_draft *draft)
{
    resolve_scope(draft, &(struct scope){0, draft->cluster.root_count});
    for (uint32_t i = 0; i < draft->cluster.satellite_count; i++) {
        const struct satellite *group = &draft->satellites[i];

        if (group->is_closed && group->inner_count > 0) {
            resolve_scope(draft, &(struct scope){group->inner_first,
                                                 group->inner_first + group->inner_count});
        }
    }
}
