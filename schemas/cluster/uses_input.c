#include "schemas/cluster/uses_input.h"

#include "schemas/cluster/cluster_input.h"
#include "schemas/cluster/fault_text.h"
#include "schemas/expression/template.h"

static bool has_expressions(const struct value *v)
{
    if (v->kind == VALUE_STRING) {
        return template_has_expressions(value_text(v));
    }
    for (uint32_t i = 0; (v->kind == VALUE_LIST || v->kind == VALUE_MAP) && i < v->count; i++) {
        if (has_expressions(v->kind == VALUE_LIST ? &v->items[i] : &v->members[i].value)) {
            return true;
        }
    }
    return false;
}

/* The value of a declared input that only a run can tell. */
static const struct value *find_later(const struct value *own, struct span name)
{
    const struct value *given = own == NULL ? NULL : value_get(own, name);

    return given != NULL && has_expressions(given) ? given : NULL;
}

static void move_faults(struct field_reader *r, const struct uses_target *target,
                        const struct fault_list *from, const struct value *step,
                        const struct value_place *place)
{
    struct fault_text hint = {.used = 0};

    fault_text_add(&hint, "see the `inputs` of the %s", target->words);
    for (const struct fault *fault = from->first; fault != NULL; fault = fault->next) {
        struct fault_text path = {.used = 0};
        struct fault moved = *fault;

        fault_text_add_place(&path, place);
        fault_text_add(&path, ".%s", fault->path);
        moved.path = path.bytes;
        moved.hint = hint.bytes;
        moved.line = fault->line == 0 ? step->line : fault->line;
        moved.column = fault->line == 0 ? step->column : fault->column;
        fault_add(r->faults, &moved);
    }
}

static bool check_names(struct field_reader *r, const struct uses_target *target,
                        const struct value *own, const struct value_place *up)
{
    const struct input_declaration *declared = &target->declared;
    uint32_t errors = r->faults->error_count;

    for (uint32_t i = 0; own != NULL && i < own->count; i++) {
        const struct value *key = &own->members[i].key;
        const struct value_place place = {.up = up, .key = value_text(key)};
        struct fault_text hint = {.used = 0};

        if (input_find(declared, place.key) != NULL) {
            continue;
        }
        for (uint32_t k = 0; k < declared->count; k++) {
            fault_text_add(&hint, "%s %s", k == 0 ? "it has:" : ",", declared->inputs[k].name.data);
        }
        field_fault(r, key, &place, hint.used == 0 ? "it has none" : hint.bytes,
                    "the %s has no input %q", target->words, place.key);
    }
    return r->faults->error_count == errors;
}

/* What can be checked now, apart from what a run tells. */
static bool check_now(struct field_reader *r, const struct input_declaration *declared,
                      const struct value *own, struct fault_list *faults, struct value *ret_checked)
{
    struct input_declaration now = *declared;
    struct cluster_input *inputs = field_alloc(r, (size_t)declared->count + 1, sizeof(*inputs));
    struct value given = {.kind = VALUE_MAP};
    struct value_member *members =
        field_alloc(r, own == NULL ? 1 : own->count + 1, sizeof(*members));

    if (inputs == NULL || members == NULL) {
        return false;
    }
    now.count = 0;
    for (uint32_t i = 0; i < declared->count; i++) {
        if (find_later(own, declared->inputs[i].name) == NULL) {
            inputs[now.count++] = declared->inputs[i];
        }
    }
    for (uint32_t i = 0; own != NULL && i < own->count; i++) {
        struct span name = value_text(&own->members[i].key);

        if (find_later(own, name) == NULL && input_find(declared, name) != NULL) {
            members[given.count++] = own->members[i];
        }
    }
    now.inputs = inputs;
    given.members = members;
    given.line = own == NULL ? 0 : own->line;
    given.column = own == NULL ? 0 : own->column;
    return input_check(&now, &given, r->arena, ret_checked, faults) == 0;
}

bool uses_arguments(struct field_reader *r, const struct uses_target *target,
                    const struct value *own, const struct value *step,
                    const struct value_place *place, struct value *ret_map)
{
    const struct value_place inner = {.up = place, .key = span_of("input")};
    const struct input_declaration *declared = &target->declared;
    struct value map = {.kind = VALUE_MAP};
    struct fault_list faults;
    struct value checked;

    if (!declared->is_declared) {
        *ret_map = own != NULL && own->kind == VALUE_MAP ? *own : map;
        return true;
    }
    if (own != NULL && !field_is_kind(r, own, &inner, VALUE_MAP)) {
        return false;
    }
    fault_list_init(&faults, r->arena, r->faults->limit);
    bool are_known = check_names(r, target, own, &inner);

    if (!check_now(r, declared, own, &faults, &checked)) {
        move_faults(r, target, &faults, step, place);
        return false;
    }
    if (!are_known) {
        return false;
    }
    struct value_member *members = field_alloc(r, (size_t)declared->count + 1, sizeof(*members));

    for (uint32_t i = 0; members != NULL && i < declared->count; i++) {
        struct span name = declared->inputs[i].name;
        const struct value *later = find_later(own, name);
        const struct value *now = value_get(&checked, name);

        members[i].key = value_string(name);
        members[i].value = later != NULL ? *later : now != NULL ? *now : value_null();
    }
    map.members = members;
    map.count = members == NULL ? 0 : declared->count;
    *ret_map = map;
    return members != NULL;
}
