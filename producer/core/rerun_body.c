#include "producer/core/rerun_body.h"

#include "producer/core/start_body.h"
#include "schemas/cluster/rerun.h"

struct members {
    struct span from;
    const struct value *input;
    struct span key;
    const struct value *start_at;
};

/* clang-format off */
static const struct field fields[] = {
    {.name = "from",            .in = FIELD_IN_ALL, .read = field_read_text,  .offset = offsetof(struct members, from), .min = 1, .max = 63},
    {.name = "input",           .in = FIELD_IN_ALL, .read = field_read_value, .offset = offsetof(struct members, input)},
    {.name = "idempotency_key", .in = FIELD_IN_ALL, .read = field_read_text,  .offset = offsetof(struct members, key), .min = 1, .max = SUBMIT_KEY_BYTES_MAX},
    {.name = "start_at",        .in = FIELD_IN_ALL, .read = field_read_value, .offset = offsetof(struct members, start_at)},
};
/* clang-format on */
static const struct value nothing = {.kind = VALUE_MAP};
enum { FIELDS = sizeof(fields) / sizeof(fields[0]), NEAREST_BUDGET = 1000 };

static const struct value_place from_place = {.key = {"from", 4}};

/* Where it begins and what runs again; NULL with a fault. */
static const bool *read_from(struct field_reader *r, const struct rerun_old *old,
                             const struct value *root, struct members *members)
{
    const struct cluster *cluster = old->cluster;
    const struct satellite *from = cluster_find(cluster, SATELLITE_NONE, members->from);
    enum task_state *states = field_alloc(r, cluster->root_count, sizeof(*states));
    bool *again = field_alloc(r, cluster->root_count, sizeof(*again));

    if (states == NULL || again == NULL) {
        return NULL;
    }
    if (from == NULL && span_is(members->from, "failed")) {
        members->from = (struct span){NULL, 0};
    } else if (from == NULL && members->from.bytes > 0) {
        field_fault(r, root, &from_place,
                    "name one of the top level; a group and a map run again as a whole",
                    "the cluster has no satellite %q there", members->from);
        return NULL;
    }
    for (uint32_t i = 0; i < cluster->root_count; i++) {
        states[i] = (enum task_state)(old->body->instances[i].state % TASK_STATE_NR);
    }
    if (rerun_plan(cluster, states, from == NULL ? SATELLITE_NONE : from->index, again) == 0 &&
        old->is_good) {
        field_fault(r, root, &from_place, "name the satellite to begin with",
                    "nothing of the execution failed");
        return NULL;
    }
    return again;
}

enum submit_result rerun_body_read(struct span text, const struct rerun_old *old,
                                   struct arena *arena, struct rerun_body *ret,
                                   struct fault_list *faults)
{
    struct field_reader r = {.arena = arena, .faults = faults, .nearest_left = NEAREST_BUDGET};
    struct members members = {.input = NULL};
    struct rerun_body body = {.from = {NULL, 0}};
    const struct value *root = text.bytes == 0 ? &nothing : start_body_json(&r, text);

    if (root == NULL) {
        return SUBMIT_EMALFORMED;
    }
    if (field_read_map(&r, fields, FIELDS, FIELD_IN_ALL, root, NULL, &members)) {
        body.again = read_from(&r, old, root, &members);
        if (members.input != NULL && members.input->kind != VALUE_NULL) {
            start_body_input(&r, old->cluster, members.input, &body.input);
        }
        start_body_time(&r, members.start_at, &body.start_at_ms);
    }
    if (r.is_out_of_memory) {
        field_fault(&r, root, NULL, "send less at once",
                    "the body needs more memory than it may take");
    }
    if (faults->error_count > 0) {
        return SUBMIT_EFAULTS;
    }
    body.from = members.from;
    body.idempotency_key = members.key.data;
    *ret = body;
    return SUBMIT_OK;
}
