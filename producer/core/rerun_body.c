#include "producer/core/rerun_body.h"

#include "schemas/cluster/field.h"
#include "schemas/cluster/rerun.h"
#include "schemas/json/json_read.h"
#include "schemas/json/json_write.h"
#include "schemas/vocab/limits.h"

struct members {
    struct span from;
    const struct value *input;
    struct span key;
};

/* clang-format off */
static const struct field fields[] = {
    {.name = "from",            .in = FIELD_IN_ALL, .read = field_read_text,  .offset = offsetof(struct members, from), .min = 1, .max = 63},
    {.name = "input",           .in = FIELD_IN_ALL, .read = field_read_value, .offset = offsetof(struct members, input)},
    {.name = "idempotency_key", .in = FIELD_IN_ALL, .read = field_read_text,  .offset = offsetof(struct members, key), .min = 1, .max = SUBMIT_KEY_BYTES_MAX},
};
/* clang-format on */
enum { FIELDS = sizeof(fields) / sizeof(fields[0]), NEAREST_BUDGET = 1000 };

static const struct value_place from_place = {.key = {"from", 4}};
static const struct value_place input_place = {.key = {"input", 5}};

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

static void read_input(struct field_reader *r, const struct rerun_old *old,
                       const struct value *given, struct span *ret)
{
    struct value checked;
    struct buffer text;

    if (given == NULL || given->kind == VALUE_NULL ||
        cluster_input_check(old->cluster, given, r->arena, &checked, r->faults) != 0) {
        return;
    }
    buffer_init(&text, r->arena->allocator, 0);
    json_write(&text, given);
    if (text.bytes > LIMIT_INLINE_BYTES) {
        field_fault(r, given, &input_place,
                    "hand larger data over by where it lies, such as a path or a URL",
                    "the input has %u bytes, more than the limit of %u", (unsigned)text.bytes,
                    (unsigned)LIMIT_INLINE_BYTES);
    } else {
        *ret = field_copy(r, buffer_span(&text));
    }
    r->is_out_of_memory = r->is_out_of_memory || text.is_failed;
    buffer_release(&text);
}

static enum submit_result read_json(struct span text, struct arena *arena, struct value *ret,
                                    struct fault_list *faults)
{
    struct json_limits limits = {.text_bytes_max = LIMIT_BODY_BYTES, .borrows_text = true};
    struct json_error error = {.line = 1, .column = 1, .text = "the body needs too much memory"};

    *ret = (struct value){.kind = VALUE_MAP};
    if (text.bytes == 0 || json_read(text, &limits, arena, ret, &error) == JSON_OK) {
        return SUBMIT_OK;
    }
    const struct fault fault = {
        .line = error.line, .column = error.column, .path = "", .text = error.text};

    fault_add(faults, &fault);
    return SUBMIT_EMALFORMED;
}

enum submit_result rerun_body_read(struct span text, const struct rerun_old *old,
                                   struct arena *arena, struct rerun_body *ret,
                                   struct fault_list *faults)
{
    struct field_reader r = {.arena = arena, .faults = faults, .nearest_left = NEAREST_BUDGET};
    struct value *root = field_alloc(&r, 1, sizeof(*root));
    struct members members = {.input = NULL};
    struct rerun_body body = {.from = {NULL, 0}};

    if (root != NULL && read_json(text, arena, root, faults) != SUBMIT_OK) {
        return SUBMIT_EMALFORMED;
    }
    if (root != NULL && field_read_map(&r, fields, FIELDS, FIELD_IN_ALL, root, NULL, &members)) {
        body.again = read_from(&r, old, root, &members);
        read_input(&r, old, members.input, &body.input);
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
