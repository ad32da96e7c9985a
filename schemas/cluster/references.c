#include "schemas/cluster/references.h"

#include <assert.h>
#include <string.h>

#include "schemas/cluster/cluster_input.h"
#include "schemas/cluster/fault_text.h"
#include "schemas/cluster/graph.h"
#include "schemas/vocab/limits.h"

/* Three always, an item a level, index and failures. */
enum { KNOWN_NAMES_MAX = LIMIT_GROUP_DEPTH + 7 };

bool gathering_init(struct gathering *g, struct cluster_draft *draft, struct upstream *upstream)
{
    size_t slots = (size_t)draft->cluster.satellite_count * SLOTS_OF_SATELLITE + OTHER_KINDS;

    *g = (struct gathering){
        .draft = draft,
        .upstream = upstream,
        .slots = draft_scratch(draft, slots, sizeof(*g->slots)),
        .list = draft_scratch(draft, slots, sizeof(*g->list)),
        .each_types = draft_scratch(draft, draft->cluster.satellite_count, sizeof(*g->each_types)),
    };
    for (uint32_t i = 0; g->each_types != NULL && i < draft->cluster.satellite_count; i++) {
        g->each_types[i] = expression_type_any();
    }
    return g->slots != NULL && g->list != NULL && g->each_types != NULL;
}

void gathering_begin(struct gathering *g, uint32_t user)
{
    g->user = user;
    g->scope = g->draft->satellites[user].group;
    g->map = SATELLITE_NONE;
    g->is_output = false;
    g->count = 0;
    g->turn++;
}

void gathering_begin_output(struct gathering *g, uint32_t group)
{
    g->user = group;
    g->scope = group;
    g->map = SATELLITE_NONE;
    g->is_output = true;
    g->count = 0;
    g->turn++;
}

/* The group, unless it is closed: then no item around has a name here. */
static uint32_t open_group(const struct gathering *g, uint32_t group)
{
    return group != SATELLITE_NONE && g->draft->satellites[group].is_closed ? SATELLITE_NONE
                                                                            : group;
}

/* The nearest whose item, if it has one, has a name here; the next one after it. */
static uint32_t first_around(const struct gathering *g)
{
    return g->map != SATELLITE_NONE ? g->map : open_group(g, g->scope);
}

static uint32_t next_around(const struct gathering *g, uint32_t at)
{
    return open_group(g, g->draft->satellites[at].group);
}

uint32_t gathering_find_map(const struct gathering *g, const struct span *name)
{
    uint32_t at = first_around(g);

    while (at != SATELLITE_NONE) {
        const struct satellite *satellite = &g->draft->satellites[at];

        if (satellite->item_name.bytes > 0 &&
            (name == NULL || span_equal(*name, satellite->item_name))) {
            break;
        }
        at = next_around(g, at);
    }
    return at;
}

struct input_declaration gathering_inputs(const struct gathering *g)
{
    uint32_t closed = cluster_closed_scope(&g->draft->cluster, g->scope);

    return closed == SATELLITE_NONE ? cluster_inputs(&g->draft->cluster)
                                    : satellite_inputs(&g->draft->satellites[closed]);
}

const struct cluster_reference *gathering_keep(struct gathering *g)
{
    struct cluster_reference *kept =
        field_alloc(&g->draft->reader, g->count, sizeof(struct cluster_reference));

    if (kept != NULL && g->count > 0) {
        memcpy(kept, g->list, g->count * sizeof(*kept));
    }
    return kept;
}

static void fault_reference(struct gathering *g, const struct expression_reference *reference,
                            const char *hint, const char *format, struct span word)
{
    bool is_placed = reference->line > 0;

    field_fault_at(&g->draft->reader, is_placed ? reference->line : g->string->line,
                   is_placed ? reference->column : g->string->column, g->place, hint, format, word);
}

static uint32_t slot_of(const struct gathering *g, enum reference_kind kind, uint32_t satellite)
{
    uint32_t others = g->draft->cluster.satellite_count * SLOTS_OF_SATELLITE;

    switch (kind) {
    case REFERENCE_OUTPUT:
        return satellite * SLOTS_OF_SATELLITE;
    case REFERENCE_STATE:
        return satellite * SLOTS_OF_SATELLITE + 1;
    case REFERENCE_ERROR:
        return satellite * SLOTS_OF_SATELLITE + 2;
    case REFERENCE_ITEM:
        return satellite * SLOTS_OF_SATELLITE + 3;
    case REFERENCE_INPUT:
        return others;
    case REFERENCE_EXECUTION:
        return others + 1;
    case REFERENCE_INDEX: /* only that of the nearest map has the name */
        return others + 2;
    case REFERENCE_FAILURES:
        return others + 3;
    case REFERENCE_NR:
        break;
    }
    assert(false);
    return 0;
}

/* satellites.NAME.PART, in the arena; empty when there is no memory. */
static struct span satellite_path(struct gathering *g, uint32_t satellite, const char *part)
{
    struct fault_text path = {.used = 0};

    fault_text_add(&path, "satellites.%s.%s", g->draft->names[satellite], part);
    return field_copy(&g->draft->reader, (struct span){path.bytes, path.used});
}

/* steps: how many steps of the reference its kind takes up. part: after the satellite's name, NULL:
 * the path is the name itself. */
static void gather(struct gathering *g, const struct expression_reference *reference,
                   enum reference_kind kind, uint32_t satellite, uint32_t steps, const char *part)
{
    if (!g->is_gathered) {
        return;
    }
    struct slot *slot = &g->slots[slot_of(g, kind, satellite)];
    bool is_whole = g->is_alone && reference->step_count == steps;

    if (slot->turn != g->turn) {
        *slot = (struct slot){.turn = g->turn, .at = g->count++};
        g->list[slot->at] = (struct cluster_reference){
            .kind = kind,
            .satellite = satellite,
            .path = part == NULL ? field_copy(&g->draft->reader, reference->root)
                                 : satellite_path(g, satellite, part),
        };
    }
    g->list[slot->at].is_whole |= is_whole;
    g->list[slot->at].is_read |= !is_whole;
}

static bool has_step(const struct expression_reference *reference, uint32_t at)
{
    return reference->step_count > at && reference->steps[at].name.data != NULL;
}

static void check_input(struct gathering *g, const struct expression_reference *reference)
{
    const struct input_declaration declared = gathering_inputs(g);
    struct fault_text hint = {.used = 0};

    gather(g, reference, REFERENCE_INPUT, UINT32_MAX, 0, NULL);
    if (!declared.is_declared || !has_step(reference, 0) ||
        input_find(&declared, reference->steps[0].name) != NULL) {
        return;
    }
    const char *nearest = NULL;
    size_t known = 0;
    const char **names = draft_scratch(g->draft, declared.count, sizeof(*names));

    for (uint32_t i = 0; names != NULL && i < declared.count; i++) {
        names[known++] = declared.inputs[i].name.data;
    }
    nearest = field_nearest(&g->draft->reader, reference->steps[0].name, names, known);
    if (nearest != NULL) {
        fault_text_add(&hint, "did you mean `input.%s`?", nearest);
    } else {
        fault_text_add(&hint, "declare it under `inputs`");
    }
    fault_reference(g, reference, hint.bytes, "no input is declared as %q",
                    reference->steps[0].name);
}

static void fault_unknown_satellite(struct gathering *g,
                                    const struct expression_reference *reference)
{
    struct cluster_draft *draft = g->draft;
    struct span name = reference->steps[0].name;
    uint32_t hidden = graph_find_hidden(draft, g->scope, name);
    struct fault_text hint = {.used = 0};

    if (hidden != UINT32_MAX) {
        fault_text_add(&hint,
                       hidden == g->user && !g->is_output
                           ? "refer to what runs before the group %s"
                           : "write satellites.%s.output, and hand on what is needed in the "
                             "`output` of that group",
                       draft->names[hidden]);
        fault_reference(g, reference, hint.bytes,
                        "%q stands inside of a group and is not seen from here", name);
        return;
    }
    const char *nearest = graph_nearest(draft, g->scope, name);

    if (nearest != NULL) {
        fault_text_add(&hint, "did you mean `%s`?", nearest);
    } else {
        fault_text_add(&hint, "name a satellite of this cluster");
    }
    fault_reference(g, reference, hint.bytes, "no satellite is named %q", name);
}

/* The satellite a reference names, or UINT32_MAX after a fault. */
static uint32_t check_target(struct gathering *g, const struct expression_reference *reference)
{
    if (!has_step(reference, 0)) {
        fault_reference(g, reference, "write satellites.NAME.output",
                        "%q must be followed by the name of a satellite", reference->root);
        return UINT32_MAX;
    }
    uint32_t target = graph_find_seen(&g->draft->cluster, g->scope, reference->steps[0].name);

    if (target == UINT32_MAX) {
        fault_unknown_satellite(g, reference);
    }
    return target;
}

static bool is_parent(const struct satellite *user, uint32_t target)
{
    for (uint32_t i = 0; i < user->parent_count; i++) {
        if (user->parents[i] == target) {
            return true;
        }
    }
    return false;
}

/* Satellites with tens of thousands of references to as many parents are left to the sweep. */
static bool is_parent_soon(const struct satellite *user, uint32_t target)
{
    return user->parent_count <= 16 && is_parent(user, target);
}

/* What is referred to must run before the user, or before the group around the user that stands
 * beside it. */
static void check_order(struct gathering *g, const struct expression_reference *reference,
                        uint32_t target)
{
    struct cluster_draft *draft = g->draft;
    uint32_t scope = draft->satellites[target].group;
    bool is_placed = reference->line > 0;
    uint32_t user = g->user;

    if (g->is_output && scope == g->scope) {
        return;
    }
    user = graph_around(&draft->cluster, user, scope);
    if (target == user && (user != g->user || g->is_output)) {
        fault_reference(g, reference,
                        "refer to what runs before the group, or to what stands in it",
                        "%q is the group around it, which ends later", reference->steps[0].name);
    } else if (target == user) {
        fault_reference(g, reference, "refer to a satellite that runs before it",
                        "%q cannot refer to itself", reference->steps[0].name);
    } else if (draft->satellites[target].is_final) {
        fault_reference(g, reference, "refer to satellites that are not final",
                        "%q is final and runs before no other", reference->steps[0].name);
    } else if (!is_parent_soon(&draft->satellites[user], target)) {
        upstream_ask(g->upstream,
                     &(struct upstream_question){
                         .user = user,
                         .target = target,
                         .line = is_placed ? reference->line : g->string->line,
                         .column = is_placed ? reference->column : g->string->column},
                     g->place);
    }
}

static void check_satellite(struct gathering *g, const struct expression_reference *reference)
{
    static const char *const parts[] = {"output", "state", "error"};
    static const enum reference_kind kinds[] = {REFERENCE_OUTPUT, REFERENCE_STATE, REFERENCE_ERROR};
    uint32_t target = check_target(g, reference);
    struct fault_text hint = {.used = 0};
    size_t part = 0;

    if (target == UINT32_MAX) {
        return;
    }
    struct span name = reference->steps[0].name;

    while (part < 3 &&
           !(has_step(reference, 1) && span_is(reference->steps[1].name, parts[part]))) {
        part++;
    }
    if (part == 3) {
        fault_text_add(&hint, "write satellites.%s.output, .state or .error",
                       g->draft->names[target]);
        fault_reference(g, reference, hint.bytes,
                        "of a satellite expressions know output, state "
                        "and error: say which of %q is meant",
                        name);
        return;
    }
    gather(g, reference, kinds[part], target, 2, parts[part]);
    if (g->draft->is_acyclic) {
        check_order(g, reference, target);
    }
}

static void check_execution(struct gathering *g, const struct expression_reference *reference)
{
    static const char *const parts[] = {"id", "time", "labels"};

    gather(g, reference, REFERENCE_EXECUTION, UINT32_MAX, UINT32_MAX, NULL);
    for (size_t i = 0; has_step(reference, 0) && i < 3; i++) {
        if (span_is(reference->steps[0].name, parts[i])) {
            return;
        }
    }
    fault_reference(g, reference, "write execution.id, execution.time or execution.labels",
                    "of the %q expressions know id, time and labels", reference->root);
}

/* `failures` is known to what runs because something failed. */
static bool knows_failures(const struct gathering *g)
{
    if (g->is_output) {
        return false;
    }
    const struct satellite *user = &g->draft->satellites[g->user];

    return user->is_final || user->join == JOIN_ANY_FAILED;
}

/* Lists the names an expression knows here; known has room for KNOWN_NAMES_MAX. */
static size_t known_names(const struct gathering *g, const char **known)
{
    static const char *const always[] = {"input", "satellites", "execution"};
    size_t count = 0;

    for (; count < 3; count++) {
        known[count] = always[count];
    }
    for (uint32_t at = first_around(g); at != SATELLITE_NONE; at = next_around(g, at)) {
        if (g->draft->satellites[at].item_name.bytes > 0) {
            known[count++] = g->draft->satellites[at].item_name.data;
        }
    }
    if (count > 3) {
        known[count++] = "index";
    }
    if (knows_failures(g)) {
        known[count++] = "failures";
    }
    return count;
}

static void fault_unknown_name(struct gathering *g, const struct expression_reference *reference)
{
    const char *known[KNOWN_NAMES_MAX];
    size_t count = known_names(g, known);
    struct fault_text hint = {.used = 0};
    uint32_t satellite = graph_find_seen(&g->draft->cluster, g->scope, reference->root);
    const char *nearest = field_nearest(&g->draft->reader, reference->root, known, count);

    if (span_is(reference->root, "secrets")) {
        fault_text_add(&hint, "list the secret under `secrets` and read /exosphere/secrets/NAME in "
                              "the satellite");
    } else if (satellite != UINT32_MAX) {
        fault_text_add(&hint, "write satellites.%s.output", g->draft->names[satellite]);
    } else if (span_is(reference->root, "failures")) {
        fault_text_add(&hint, "failures is known only to a satellite with `join: any_failed` or "
                              "`final: true`");
    } else if (nearest != NULL) {
        fault_text_add(&hint, "did you mean `%s`?", nearest);
    } else if (span_is(reference->root, "item") || span_is(reference->root, "index")) {
        fault_text_add(&hint, "item and index are known only in input, env and command of a "
                              "satellite with `for_each`, and inside a group with it");
    } else {
        for (size_t i = 0; i < count; i++) {
            fault_text_add(&hint, "%s %s", i == 0 ? "known here:" : ",", known[i]);
        }
    }
    fault_reference(g, reference, hint.bytes, "unknown name %q in an expression", reference->root);
}

/* The name of a type, as in type(x) == int; alone in its string or as the name of a satellite it is
 * most likely a slip. */
static bool is_type_name(const struct gathering *g, const struct expression_reference *reference)
{
    return reference->is_type && !g->is_alone &&
           graph_find_seen(&g->draft->cluster, g->scope, reference->root) == UINT32_MAX;
}

static void check_other(struct gathering *g, const struct expression_reference *reference)
{
    uint32_t item = gathering_find_map(g, &reference->root);
    uint32_t nearest = gathering_find_map(g, NULL);

    if (item != SATELLITE_NONE) {
        gather(g, reference, REFERENCE_ITEM, item, 0, NULL);
    } else if (nearest != SATELLITE_NONE && span_is(reference->root, "index")) {
        gather(g, reference, REFERENCE_INDEX, nearest, 0, NULL);
    } else if (knows_failures(g) && span_is(reference->root, "failures")) {
        gather(g, reference, REFERENCE_FAILURES, SATELLITE_NONE, 0, NULL);
    } else if (!is_type_name(g, reference)) {
        fault_unknown_name(g, reference);
    }
}

void gathering_visit(void *context, const struct expression_reference *reference)
{
    struct gathering *g = context;

    if (span_is(reference->root, "input")) {
        check_input(g, reference);
    } else if (g->is_admission && span_is(reference->root, "satellites")) {
        fault_reference(g, reference, "use input, execution.id or execution.labels",
                        "when a key is computed nothing has run: %q has no place here",
                        reference->root);
    } else if (span_is(reference->root, "satellites")) {
        check_satellite(g, reference);
    } else if (span_is(reference->root, "execution")) {
        check_execution(g, reference);
    } else {
        check_other(g, reference);
    }
}
