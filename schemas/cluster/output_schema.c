#include "schemas/cluster/output_schema.h"

#include <assert.h>

#include "schemas/cluster/fault_text.h"
#include "schemas/cluster/field.h"
#include "schemas/json/utf8.h"

enum { DEPTH_MAX = 32, NEAREST_BUDGET = 2000 };

/* One check or application; a keyword's function sees all of it. */
struct run {
    struct field_reader reader;
    uint32_t depth;
};

struct keyword {
    const char *name;
    /* Is the schema's keyword one we can apply? NULL: every value is. */
    void (*check)(struct run *run, const struct value *keyword, const struct value_place *place);
    /* Does v fit? NULL: the keyword only describes. */
    void (*apply)(struct run *run, const struct value *schema, const struct value *keyword,
                  const struct value *v, const struct value_place *place);
};

static void check_schema(struct run *run, const struct value *schema,
                         const struct value_place *place);
static void apply_schema(struct run *run, const struct value *schema, const struct value *v,
                         const struct value_place *place);

static const char *const type_names[] = {"null",  "boolean", "integer", "number", "string",
                                         "array", "object",  "string",  "string", "string"};
enum { TYPE_NR = sizeof(type_names) / sizeof(type_names[0]) };

static bool is_number(const struct value *v)
{
    return v->kind == VALUE_INT || v->kind == VALUE_DOUBLE;
}

/* 1.0 is an integer in JSON Schema. */
static bool is_whole(const struct value *v)
{
    return v->kind == VALUE_INT || (v->kind == VALUE_DOUBLE && v->number >= -0x1p63 &&
                                    v->number < 0x1p63 && (double)(int64_t)v->number == v->number);
}

static bool is_type(const struct value *v, struct span name)
{
    if (span_is(name, "integer")) {
        return is_whole(v);
    }
    if (span_is(name, "number")) {
        return is_number(v);
    }
    static const char *const of_kind[VALUE_KIND_NR] = {"null",   "boolean", "integer", "number",
                                                       "string", "array",   "object",  "string",
                                                       "string", "string"};

    return span_is(name, of_kind[v->kind]);
}

static void check_type_name(struct run *run, const struct value *name,
                            const struct value_place *place)
{
    for (size_t i = 0; name->kind == VALUE_STRING && i < TYPE_NR; i++) {
        if (span_is(value_text(name), type_names[i])) {
            return;
        }
    }
    field_fault(&run->reader, name, place,
                "write null, boolean, integer, number, string, array or object",
                "`type` names no type of JSON");
}

static void check_type(struct run *run, const struct value *keyword,
                       const struct value_place *place)
{
    if (keyword->kind != VALUE_LIST) {
        check_type_name(run, keyword, place);
        return;
    }
    for (uint32_t i = 0; i < keyword->count; i++) {
        const struct value_place item = {.up = place, .index = i};

        check_type_name(run, &keyword->items[i], &item);
    }
}

static void apply_type(struct run *run, const struct value *schema, const struct value *keyword,
                       const struct value *v, const struct value_place *place)
{
    struct fault_text text = {.used = 0};
    const struct value *names = keyword->kind == VALUE_LIST ? keyword->items : keyword;
    uint32_t count = keyword->kind == VALUE_LIST ? keyword->count : 1;

    (void)schema;
    for (uint32_t i = 0; i < count; i++) {
        if (is_type(v, value_text(&names[i]))) {
            return;
        }
        fault_text_add(&text, "%s%q", i == 0 ? "" : " or ", value_text(&names[i]));
    }
    field_fault(&run->reader, v, place, "", "it must be %s, not %s", text.bytes,
                field_kind_words(v->kind));
}

static void check_list(struct run *run, const struct value *keyword,
                       const struct value_place *place)
{
    field_is_kind(&run->reader, keyword, place, VALUE_LIST); /* the fault is all */
}

static void apply_enum(struct run *run, const struct value *schema, const struct value *keyword,
                       const struct value *v, const struct value_place *place)
{
    (void)schema;
    for (uint32_t i = 0; i < keyword->count; i++) {
        if (value_equal(&keyword->items[i], v)) {
            return;
        }
    }
    field_fault(&run->reader, v, place, "", "it is none of the values that `enum` lists: %v",
                keyword);
}

static void apply_const(struct run *run, const struct value *schema, const struct value *keyword,
                        const struct value *v, const struct value_place *place)
{
    (void)schema;
    if (!value_equal(keyword, v)) {
        field_fault(&run->reader, v, place, "", "it is not the value that `const` gives");
    }
}

static void check_required(struct run *run, const struct value *keyword,
                           const struct value_place *place)
{
    if (!field_is_kind(&run->reader, keyword, place, VALUE_LIST)) {
        return;
    }
    for (uint32_t i = 0; i < keyword->count; i++) {
        const struct value_place item = {.up = place, .index = i};

        field_is_kind(&run->reader, &keyword->items[i], &item, VALUE_STRING);
    }
}

static void apply_required(struct run *run, const struct value *schema, const struct value *keyword,
                           const struct value *v, const struct value_place *place)
{
    (void)schema;
    for (uint32_t i = 0; v->kind == VALUE_MAP && i < keyword->count; i++) {
        if (value_get(v, value_text(&keyword->items[i])) == NULL) {
            field_fault(&run->reader, v, place, "", "the member %q is missing",
                        value_text(&keyword->items[i]));
        }
    }
}

static void check_properties(struct run *run, const struct value *keyword,
                             const struct value_place *place)
{
    if (!field_is_kind(&run->reader, keyword, place, VALUE_MAP)) {
        return;
    }
    for (uint32_t i = 0; i < keyword->count; i++) {
        const struct value_place inner = {.up = place, .key = value_text(&keyword->members[i].key)};

        check_schema(run, &keyword->members[i].value, &inner);
    }
}

static void apply_properties(struct run *run, const struct value *schema,
                             const struct value *keyword, const struct value *v,
                             const struct value_place *place)
{
    (void)schema;
    for (uint32_t i = 0; v->kind == VALUE_MAP && i < keyword->count; i++) {
        struct span key = value_text(&keyword->members[i].key);
        const struct value *member = value_get(v, key);
        const struct value_place inner = {.up = place, .key = key};

        if (member != NULL) {
            apply_schema(run, &keyword->members[i].value, member, &inner);
        }
    }
}

static void check_additional(struct run *run, const struct value *keyword,
                             const struct value_place *place)
{
    if (keyword->kind != VALUE_BOOL) {
        field_fault(&run->reader, keyword, place, "write true or false",
                    "`additionalProperties` with a schema is not supported");
    }
}

static void apply_additional(struct run *run, const struct value *schema,
                             const struct value *keyword, const struct value *v,
                             const struct value_place *place)
{
    const struct value *known = value_get(schema, span_of("properties"));

    for (uint32_t i = 0; !keyword->boolean && v->kind == VALUE_MAP && i < v->count; i++) {
        struct span key = value_text(&v->members[i].key);

        if (known == NULL || value_get(known, key) == NULL) {
            field_fault(&run->reader, &v->members[i].key, place, "",
                        "the member %q is not among the `properties`", key);
        }
    }
}

static void check_items(struct run *run, const struct value *keyword,
                        const struct value_place *place)
{
    check_schema(run, keyword, place);
}

static void apply_items(struct run *run, const struct value *schema, const struct value *keyword,
                        const struct value *v, const struct value_place *place)
{
    (void)schema;
    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++) {
        const struct value_place inner = {.up = place, .index = i};

        apply_schema(run, keyword, &v->items[i], &inner);
    }
}

static void check_number(struct run *run, const struct value *keyword,
                         const struct value_place *place)
{
    if (!is_number(keyword)) {
        field_fault(&run->reader, keyword, place, "", "%q must be a number, not %s",
                    field_place_name(place), field_kind_words(keyword->kind));
    }
}

static double number_of(const struct value *v)
{
    return v->kind == VALUE_INT ? (double)v->integer : v->number;
}

static void apply_minimum(struct run *run, const struct value *schema, const struct value *keyword,
                          const struct value *v, const struct value_place *place)
{
    (void)schema;
    if (is_number(v) && number_of(v) < number_of(keyword)) {
        field_fault(&run->reader, v, place, "", "it is below its `minimum` of %v", keyword);
    }
}

static void apply_maximum(struct run *run, const struct value *schema, const struct value *keyword,
                          const struct value *v, const struct value_place *place)
{
    (void)schema;
    if (is_number(v) && number_of(v) > number_of(keyword)) {
        field_fault(&run->reader, v, place, "", "it is above its `maximum` of %v", keyword);
    }
}

static void check_count(struct run *run, const struct value *keyword,
                        const struct value_place *place)
{
    if (!is_whole(keyword) || number_of(keyword) < 0) {
        field_fault(&run->reader, keyword, place, "", "%q must be a whole number from 0 up",
                    field_place_name(place));
    }
}

/* Characters of a string or items of a list against one bound. */
static void apply_count(struct run *run, const struct value *keyword, const struct value *v,
                        const struct value_place *place, enum value_kind kind, bool is_most)
{
    if (v->kind != kind) {
        return;
    }
    double count = (double)(kind == VALUE_STRING ? utf8_count(value_text(v)) : v->count);

    if (is_most ? count > number_of(keyword) : count < number_of(keyword)) {
        field_fault(&run->reader, v, place, "", "it has too %s %s", is_most ? "many" : "few",
                    kind == VALUE_STRING ? "characters" : "items");
    }
}

static void apply_min_length(struct run *run, const struct value *schema,
                             const struct value *keyword, const struct value *v,
                             const struct value_place *place)
{
    (void)schema;
    apply_count(run, keyword, v, place, VALUE_STRING, false);
}

static void apply_max_length(struct run *run, const struct value *schema,
                             const struct value *keyword, const struct value *v,
                             const struct value_place *place)
{
    (void)schema;
    apply_count(run, keyword, v, place, VALUE_STRING, true);
}

static void apply_min_items(struct run *run, const struct value *schema,
                            const struct value *keyword, const struct value *v,
                            const struct value_place *place)
{
    (void)schema;
    apply_count(run, keyword, v, place, VALUE_LIST, false);
}

static void apply_max_items(struct run *run, const struct value *schema,
                            const struct value *keyword, const struct value *v,
                            const struct value_place *place)
{
    (void)schema;
    apply_count(run, keyword, v, place, VALUE_LIST, true);
}

static const struct keyword keywords[] = {
    {"type", check_type, apply_type},
    {"enum", check_list, apply_enum},
    {"const", NULL, apply_const},
    {"required", check_required, apply_required},
    {"properties", check_properties, apply_properties},
    {"additionalProperties", check_additional, apply_additional},
    {"items", check_items, apply_items},
    {"minimum", check_number, apply_minimum},
    {"maximum", check_number, apply_maximum},
    {"minLength", check_count, apply_min_length},
    {"maxLength", check_count, apply_max_length},
    {"minItems", check_count, apply_min_items},
    {"maxItems", check_count, apply_max_items},
    {"title", NULL, NULL},
    {"description", NULL, NULL},
    {"default", NULL, NULL},
    {"examples", NULL, NULL},
    {"deprecated", NULL, NULL},
    {"$schema", NULL, NULL},
    {"$id", NULL, NULL},
    {"$comment", NULL, NULL},
};
enum { KEYWORD_NR = sizeof(keywords) / sizeof(keywords[0]) };

static const struct keyword *find_keyword(struct span name)
{
    for (size_t i = 0; i < KEYWORD_NR; i++) {
        if (span_is(name, keywords[i].name)) {
            return &keywords[i];
        }
    }
    return NULL;
}

static void fault_keyword(struct run *run, const struct value *key, const struct value_place *place)
{
    struct fault_text hint = {.used = 0};
    const char *names[KEYWORD_NR];

    for (size_t i = 0; i < KEYWORD_NR; i++) {
        names[i] = keywords[i].name;
    }
    const char *nearest = field_nearest(&run->reader, value_text(key), names, KEYWORD_NR);

    if (nearest != NULL) {
        fault_text_add(&hint, "did you mean `%s`?", nearest);
    } else {
        fault_text_add(&hint, "supported: type, enum, const, required, properties, "
                              "additionalProperties, items, minimum, maximum, minLength, "
                              "maxLength, minItems, maxItems");
    }
    field_fault(&run->reader, key, place, hint.bytes,
                "the keyword %q of JSON Schema is not supported", value_text(key));
}

static void check_schema(struct run *run, const struct value *schema,
                         const struct value_place *place)
{
    if (schema->kind == VALUE_BOOL) {
        return;
    }
    if (schema->kind != VALUE_MAP) {
        field_fault(&run->reader, schema, place, "write such as {type: object}",
                    "a schema must be a map, not %s", field_kind_words(schema->kind));
        return;
    }
    if (run->depth == DEPTH_MAX) {
        field_fault(&run->reader, schema, place, "make it flatter",
                    "the schema is nested deeper than %u", (unsigned)DEPTH_MAX);
        return;
    }
    run->depth++;
    for (uint32_t i = 0; i < schema->count; i++) {
        const struct value *key = &schema->members[i].key;
        const struct keyword *keyword = find_keyword(value_text(key));
        const struct value_place inner = {.up = place, .key = value_text(key)};

        if (keyword == NULL) {
            fault_keyword(run, key, &inner);
        } else if (keyword->check != NULL) {
            keyword->check(run, &schema->members[i].value, &inner);
        }
    }
    run->depth--;
}

static void apply_schema(struct run *run, const struct value *schema, const struct value *v,
                         const struct value_place *place)
{
    if (schema->kind == VALUE_BOOL) {
        if (!schema->boolean) {
            field_fault(&run->reader, v, place, "", "nothing may stand here");
        }
        return;
    }
    for (uint32_t i = 0; i < schema->count; i++) {
        const struct keyword *keyword = find_keyword(value_text(&schema->members[i].key));

        if (keyword != NULL && keyword->apply != NULL) {
            keyword->apply(run, schema, &schema->members[i].value, v, place);
        }
    }
}

int output_schema_check(const struct value *schema, const struct value_place *place,
                        struct fault_list *faults)
{
    struct run run = {.reader = {.faults = faults, .nearest_left = NEAREST_BUDGET}};
    uint32_t errors = faults->error_count;

    check_schema(&run, schema, place);
    return faults->error_count == errors ? 0 : -1;
}

int output_schema_apply(const struct value *schema, const struct value *output,
                        struct fault_list *faults)
{
    struct run run = {.reader = {.faults = faults, .nearest_left = NEAREST_BUDGET}};
    const struct value_place root = {.key = span_of("output")};
    uint32_t errors = faults->error_count;

    apply_schema(&run, schema, output, &root);
    return faults->error_count == errors ? 0 : -1;
}
