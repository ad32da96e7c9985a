#include "schemas/cluster/cluster_input.h"

#include <assert.h>

#include "schemas/cluster/fault_text.h"
#include "schemas/cluster/input_pattern.h"
#include "schemas/cluster/name_rule.h"
#include "schemas/regex/regex.h"

enum { INPUTS_MAX = 1000, DESCRIPTION_BYTES_MAX = 1024, NEAREST_BUDGET = 20000 };

/* clang-format off */
const char *const input_type_words[] = {"any", "int", "number", "string", "bool", "list", "map", NULL};
static const char *const with_article[] = {"any value", "an int", "a number", "a string", "a bool", "a list", "a map"};
/* clang-format on */

/* Any characters: a pattern may hold control characters as they are. */
static void read_pattern(struct field_reader *r, const struct field *field,
                         const struct value *value, const struct value_place *place, void *target)
{
    struct span *out = (void *)((char *)target + field->offset);

    if (!field_is_kind(r, value, place, VALUE_STRING)) {
        return;
    }
    if (value->count < field->min || value->count > field->max) {
        field_fault(r, value, place, "", "%q must have 1 to %u bytes", span_of(field->name),
                    (unsigned)field->max);
        return;
    }
    *out = field_copy(r, value_text(value));
}

#define AT(member) offsetof(struct cluster_input, member)

/* clang-format off */
const struct field input_fields[] = {
    {.name = "type",        .in = FIELD_IN_ALL, .read = field_read_word, .offset = AT(type), .words = input_type_words},
    {.name = "required",    .in = FIELD_IN_ALL, .read = field_read_bool, .offset = AT(is_required)},
    {.name = "default",     .in = FIELD_IN_ALL, .read = field_read_value, .offset = AT(fallback)},
    {.name = "enum",        .in = FIELD_IN_ALL, .read = field_read_value, .offset = AT(choices)},
    {.name = "pattern",     .in = FIELD_IN_ALL, .read = read_pattern, .offset = AT(pattern), .min = 1, .max = REGEX_PATTERN_BYTES_MAX},
    {.name = "minimum",     .in = FIELD_IN_ALL, .read = field_read_value, .offset = AT(minimum)},
    {.name = "maximum",     .in = FIELD_IN_ALL, .read = field_read_value, .offset = AT(maximum)},
    {.name = "description", .in = FIELD_IN_ALL, .read = field_read_text, .offset = AT(description), .max = DESCRIPTION_BYTES_MAX},
};
/* clang-format on */
const size_t input_field_count = sizeof(input_fields) / sizeof(input_fields[0]);

static bool is_number(const struct value *v)
{
    return v->kind == VALUE_INT || v->kind == VALUE_DOUBLE;
}

static bool is_of_type(const struct value *v, enum input_type type)
{
    switch (type) {
    case INPUT_ANY:
        return true;
    case INPUT_INT:
        return v->kind == VALUE_INT;
    case INPUT_NUMBER:
        return is_number(v);
    case INPUT_STRING:
        return v->kind == VALUE_STRING;
    case INPUT_BOOL:
        return v->kind == VALUE_BOOL;
    case INPUT_LIST:
        return v->kind == VALUE_LIST;
    case INPUT_MAP:
        return v->kind == VALUE_MAP;
    case INPUT_TYPE_NR:
        break;
    }
    assert(false);
    return false;
}

/* True when a < b; two ints are compared as ints. */
static bool is_less(const struct value *a, const struct value *b)
{
    if (a->kind == VALUE_INT && b->kind == VALUE_INT) {
        return a->integer < b->integer;
    }
    double x = a->kind == VALUE_INT ? (double)a->integer : a->number;
    double y = b->kind == VALUE_INT ? (double)b->integer : b->number;

    return x < y;
}

static bool is_choice(const struct value *choices, const struct value *v)
{
    for (uint32_t i = 0; i < choices->count; i++) {
        if (value_equal(&choices->items[i], v)) {
            return true;
        }
    }
    return false;
}

/* The value against type, enum and bounds of a declaration. */
static void check_value(struct field_reader *r, const struct cluster_input *input,
                        const struct value *v, const struct value_place *place)
{
    if (!is_of_type(v, input->type)) {
        const char *hint = "";

        if (input->type == INPUT_STRING && v->kind < VALUE_STRING && v->kind > VALUE_NULL) {
            hint = "put it in quotes";
        } else if (v->kind == VALUE_STRING && input->type < INPUT_LIST) {
            hint = "take it out of the quotes";
        }
        field_fault(r, v, place, hint, "%q must be %s, not %s", field_place_name(place),
                    with_article[input->type], field_kind_words(v->kind));
        return;
    }
    if (input->choices != NULL && !is_choice(input->choices, v)) {
        field_fault(r, v, place, "", "%q is not one of the values its `enum` lists: %v",
                    field_place_name(place), input->choices);
    }
    if (input->pattern.bytes > 0 && v->kind == VALUE_STRING &&
        !input_pattern_fits(r, input->pattern, value_text(v))) {
        field_fault(r, v, place, "", "%q does not match its `pattern` %q", field_place_name(place),
                    input->pattern);
    }
    if (input->minimum != NULL && is_number(v) && is_less(v, input->minimum)) {
        field_fault(r, v, place, "", "%q is below its `minimum` of %v", field_place_name(place),
                    input->minimum);
    }
    if (input->maximum != NULL && is_number(v) && is_less(input->maximum, v)) {
        field_fault(r, v, place, "", "%q is above its `maximum` of %v", field_place_name(place),
                    input->maximum);
    }
}

/* A bound that cannot be used is dropped after its fault, so that no check trips over it. */
static void check_bound(struct field_reader *r, const struct cluster_input *input,
                        const struct value **bound, const struct value_place *up, const char *name)
{
    const struct value_place place = {.up = up, .key = span_of(name)};

    if (*bound == NULL) {
        return;
    }
    if (!is_number(*bound)) {
        field_fault(r, *bound, &place, "", "%q must be a number, not %s", place.key,
                    field_kind_words((*bound)->kind));
        *bound = NULL;
    } else if (input->type != INPUT_INT && input->type != INPUT_NUMBER) {
        field_fault(r, *bound, &place, "write type: int or type: number, or remove it",
                    "%q bounds only ints and numbers", place.key);
        *bound = NULL;
    }
}

/* As a bound: one that cannot be used is dropped. */
static void check_pattern(struct cluster_draft *draft, struct cluster_input *input,
                          const struct value *source, const struct value_place *up)
{
    const struct value_place place = {.up = up, .key = span_of("pattern")};

    if (input->pattern.bytes > 0 && !draft->is_stored &&
        !input_pattern_check(&draft->reader, input, value_get(source, place.key), &place,
                             &draft->pattern_cost_left)) {
        input->pattern = (struct span){NULL, 0};
    }
}

static void check_choices(struct field_reader *r, struct cluster_input *input,
                          const struct value_place *up)
{
    const struct value_place place = {.up = up, .key = span_of("enum")};
    const struct cluster_input plain = {.type = input->type, .pattern = input->pattern};

    if (input->choices == NULL) {
        return;
    }
    if (!field_is_kind(r, input->choices, &place, VALUE_LIST)) {
        input->choices = NULL;
        return;
    }
    if (input->choices->count == 0) {
        field_fault(r, input->choices, &place, "list the good values, or remove it",
                    "`enum` is empty, so that no value would do");
    }
    for (uint32_t i = 0; i < input->choices->count; i++) {
        const struct value_place item = {.up = &place, .index = i};

        check_value(r, &plain, &input->choices->items[i], &item);
    }
}

static void check_fallback(struct field_reader *r, const struct cluster_input *input,
                           const struct value *source, const struct value_place *up)
{
    const struct value_place place = {.up = up, .key = span_of("default")};

    if (input->fallback == NULL) {
        return;
    }
    if (input->is_required) {
        field_fault(r, value_get(source, span_of("required")), up, "remove one of the two",
                    "an input with a `default` is never missing, so `required` says nothing");
    }
    check_value(r, input, input->fallback, &place);
}

static void read_declaration(struct cluster_draft *draft, const struct value_member *member,
                             const struct value_place *place, struct cluster_input *input)
{
    struct field_reader *r = &draft->reader;

    name_check(r, NAME_INPUT, value_text(&member->key), &member->key, place); /* a fault */
    input->name = field_copy(r, value_text(&member->key));
    if (!field_read_map(r, input_fields, input_field_count, FIELD_IN_ALL, &member->value, place,
                        input)) {
        return;
    }
    check_bound(r, input, &input->minimum, place, "minimum");
    check_bound(r, input, &input->maximum, place, "maximum");
    if (input->minimum != NULL && input->maximum != NULL &&
        is_less(input->maximum, input->minimum)) {
        field_fault(r, input->maximum, place, "swap them", "`maximum` is below `minimum`");
    }
    check_pattern(draft, input, &member->value, place);
    check_choices(r, input, place);
    check_fallback(r, input, &member->value, place);
}

void cluster_input_read(struct cluster_draft *draft, const struct value *source,
                        const struct value_place *place, struct input_declaration *ret)
{
    struct field_reader *r = &draft->reader;

    if (source == NULL || !field_is_kind(r, source, place, VALUE_MAP)) {
        return;
    }
    if (source->count > INPUTS_MAX) {
        field_fault(r, source, place, "gather them in one input of type map",
                    "%u inputs are declared, more than the limit of %u", source->count,
                    (unsigned)INPUTS_MAX);
        return;
    }
    struct cluster_input *inputs = field_alloc(r, source->count, sizeof(*inputs));

    for (uint32_t i = 0; inputs != NULL && i < source->count; i++) {
        const struct value_place item = {.up = place, .key = value_text(&source->members[i].key)};

        read_declaration(draft, &source->members[i], &item, &inputs[i]);
    }
    if (inputs != NULL) {
        *ret = (struct input_declaration){true, source->count, inputs};
    }
}

const struct cluster_input *input_find(const struct input_declaration *declaration,
                                       struct span name)
{
    for (uint32_t i = 0; i < declaration->count; i++) {
        if (span_equal(declaration->inputs[i].name, name)) {
            return &declaration->inputs[i];
        }
    }
    return NULL;
}

struct input_declaration cluster_inputs(const struct cluster *cluster)
{
    return (struct input_declaration){cluster->has_inputs, cluster->input_count, cluster->inputs};
}

struct input_declaration satellite_inputs(const struct satellite *satellite)
{
    return (struct input_declaration){satellite->has_inputs, satellite->input_count,
                                      satellite->inputs};
}

static void check_undeclared(struct field_reader *r, const struct input_declaration *declaration,
                             const struct value *given, const struct value_place *root)
{
    const char *names[INPUTS_MAX];

    for (uint32_t i = 0; i < declaration->count; i++) {
        names[i] = declaration->inputs[i].name.data;
    }
    for (uint32_t i = 0; i < given->count; i++) {
        const struct value *key = &given->members[i].key;
        const struct value_place place = {.up = root, .key = value_text(key)};
        struct fault_text hint = {.used = 0};

        if (input_find(declaration, value_text(key)) != NULL) {
            continue;
        }
        const char *nearest = field_nearest(r, value_text(key), names, declaration->count);

        if (nearest != NULL) {
            fault_text_add(&hint, "did you mean `%s`?", nearest);
        } else {
            fault_text_add(&hint, "remove it, or declare it under `inputs` of the cluster");
        }
        field_fault(r, key, &place, hint.bytes, "the cluster declares no input %q",
                    value_text(key));
    }
}

/* The value an input gets: what is given, the default, or null. */
static struct value resolve(struct field_reader *r, const struct cluster_input *input,
                            const struct value *given, const struct value_place *root)
{
    const struct value_place place = {.up = root, .key = input->name};
    const struct value *found = value_get(given, input->name);
    bool is_null = found != NULL && found->kind == VALUE_NULL;

    if (found == NULL && input->is_required) {
        struct fault_text hint = {.used = 0};

        fault_text_add(&hint, "give it with --input %s=VALUE or in `input` of the request",
                       input->name.data);
        field_fault(r, given, &place, hint.bytes, "the input %q is missing", input->name);
        return value_null();
    }
    if (found == NULL && input->fallback == NULL) {
        return value_null();
    }
    if (found == NULL) {
        found = input->fallback;
    } else if (is_null && input->is_required && input->type == INPUT_ANY) {
        field_fault(r, found, &place, "give it a value", "%q is required and must not be null",
                    input->name);
    } else if (!is_null || input->is_required || input->fallback != NULL) {
        check_value(r, input, found, &place);
    }
    struct value resolved = *found;

    if (input->type == INPUT_NUMBER && resolved.kind == VALUE_INT) {
        resolved.kind = VALUE_DOUBLE;
        resolved.number = (double)found->integer;
    }
    return resolved;
}

int cluster_input_check(const struct cluster *cluster, const struct value *input,
                        struct arena *arena, struct value *ret_input, struct fault_list *faults)
{
    const struct input_declaration declaration = cluster_inputs(cluster);

    return input_check(&declaration, input, arena, ret_input, faults);
}

int input_check(const struct input_declaration *declaration, const struct value *input,
                struct arena *arena, struct value *ret_input, struct fault_list *faults)
{
    static const struct value empty = {.kind = VALUE_MAP};
    struct field_reader r = {.arena = arena, .faults = faults, .nearest_left = NEAREST_BUDGET};
    const struct value_place root = {.key = span_of("input")};
    const struct value *given = input == NULL ? &empty : input;
    uint32_t errors = faults->error_count;

    if (!field_is_kind(&r, given, &root, VALUE_MAP)) {
        return -1;
    }
    if (!declaration->is_declared) {
        *ret_input = *given;
        return 0;
    }
    check_undeclared(&r, declaration, given, &root);
    struct value_member *members = field_alloc(&r, declaration->count, sizeof(*members));

    for (uint32_t i = 0; members != NULL && i < declaration->count; i++) {
        members[i].key = value_string(declaration->inputs[i].name);
        members[i].value = resolve(&r, &declaration->inputs[i], given, &root);
    }
    if (r.is_out_of_memory) {
        field_fault(&r, given, &root, "give less at once",
                    "the input needs more memory than it may take");
    }
    if (faults->error_count != errors) {
        return -1;
    }
    *ret_input = *given;
    ret_input->count = declaration->count;
    ret_input->members = members;
    return 0;
}

const char *input_type_name(enum input_type type)
{
    assert(type < INPUT_TYPE_NR);
    return input_type_words[type];
}
