#include "schemas/cluster/field.h"

#include <assert.h>
#include <string.h>

#include "schemas/cluster/fault_text.h"
#include "schemas/vocab/quantity.h"
#include "schemas/vocab/time.h"

enum { FIELDS_MAX = 40 };

const char *field_kind_words(enum value_kind kind)
{
    static const char *const words[VALUE_KIND_NR] = {
        "null",   "a bool", "an int",      "a double",   "a string",
        "a list", "a map",  "a timestamp", "a duration", "a type"};

    assert(kind < VALUE_KIND_NR);
    return words[kind];
}

static void add_fault(struct field_reader *r, uint32_t line, uint32_t column,
                      const struct value_place *place, const char *text, const char *hint)
{
    struct fault_text path = {.used = 0};

    fault_text_add_place(&path, place);
    fault_add(r->faults,
              &(struct fault){
                  .line = line, .column = column, .path = path.bytes, .text = text, .hint = hint});
}

void field_fault(struct field_reader *r, const struct value *at, const struct value_place *place,
                 const char *hint, const char *format, ...)
{
    struct fault_text text = {.used = 0};
    va_list arguments;

    va_start(arguments, format);
    fault_text_add_list(&text, format, arguments);
    va_end(arguments);
    add_fault(r, at->line, at->column, place, text.bytes, hint);
}

void field_fault_at(struct field_reader *r, uint32_t line, uint32_t column,
                    const struct value_place *place, const char *hint, const char *format, ...)
{
    struct fault_text text = {.used = 0};
    va_list arguments;

    va_start(arguments, format);
    fault_text_add_list(&text, format, arguments);
    va_end(arguments);
    add_fault(r, line, column, place, text.bytes, hint);
}

struct span field_place_name(const struct value_place *place)
{
    while (place != NULL && place->key.data == NULL) {
        place = place->up;
    }
    return place == NULL ? span_of("file") : place->key;
}

static const char *wrong_kind_hint(enum value_kind wanted, enum value_kind found)
{
    if (found == VALUE_NULL) {
        return "give it a value, or remove the field";
    }
    if (wanted == VALUE_STRING && found < VALUE_STRING) {
        return "put it in quotes";
    }
    if (wanted == VALUE_LIST && found < VALUE_LIST) {
        return "put it in brackets: [...]";
    }
    return "";
}

bool field_is_kind(struct field_reader *r, const struct value *value,
                   const struct value_place *place, enum value_kind kind)
{
    if (value->kind == kind) {
        return true;
    }
    if (place == NULL && value->kind == VALUE_NULL) {
        field_fault(r, value, place, "write its fields, each as NAME: VALUE", "the text is empty");
        return false;
    }
    bool is_item = place != NULL && place->key.data == NULL;

    field_fault(r, value, place, wrong_kind_hint(kind, value->kind), "%s%q must be %s, not %s",
                is_item ? "an item of " : "", field_place_name(place), field_kind_words(kind),
                field_kind_words(value->kind));
    return false;
}

void *field_alloc(struct field_reader *r, size_t count, size_t bytes)
{
    void *block = count > SIZE_MAX / 2 / bytes ? NULL : arena_alloc(r->arena, count * bytes);

    if (block == NULL) {
        r->is_out_of_memory = true;
    }
    return block;
}

struct span field_copy(struct field_reader *r, struct span source)
{
    struct span copy = arena_copy(r->arena, source);

    if (copy.data == NULL) {
        r->is_out_of_memory = true;
    }
    return copy;
}

const char *field_nearest(struct field_reader *r, struct span word, const char *const *names,
                          size_t count)
{
    if (count > r->nearest_left) {
        return NULL;
    }
    r->nearest_left -= (uint32_t)count;
    return nearest_name(word, names, count);
}

static const struct field *find_field(const struct field *fields, size_t count, unsigned in,
                                      struct span name)
{
    for (size_t i = 0; i < count; i++) {
        if ((fields[i].in & in) != 0 && span_is(name, fields[i].name)) {
            return &fields[i];
        }
    }
    return NULL;
}

/* A field of other satellites in a group or a wait. */
static void fault_out_of_place(struct field_reader *r, const struct field *field, unsigned in,
                               const struct value *key, const struct value_place *place)
{
    bool is_of_maps = (field->in & FIELD_IN_GROUP) != 0;
    const char *hint = in == FIELD_IN_GROUP     ? "write it in the satellites of the group"
                       : in == FIELD_IN_CLUSTER ? "write it in the satellites of the cluster that "
                                                  "is used, and store that again"
                       : is_of_maps             ? "put the wait into a group that has it"
                                                : "remove it: a wait runs no container";

    if (field->refusal != NULL && field->read != field_refuse) {
        hint = field->refusal;
    }
    field_fault(r, key, place, hint, "%q has no place %s", value_text(key),
                in == FIELD_IN_GROUP     ? "in a group"
                : in == FIELD_IN_CLUSTER ? "beside `uses: cluster/...`"
                                         : "in a wait");
}

static void fault_unknown(struct field_reader *r, const struct field *fields, size_t count,
                          unsigned in, const struct value *key, const struct value_place *place)
{
    const unsigned kinds = FIELD_IN_SATELLITE | FIELD_IN_GROUP | FIELD_IN_WAIT | FIELD_IN_CLUSTER;
    bool is_other_kind = (in & (FIELD_IN_GROUP | FIELD_IN_WAIT | FIELD_IN_CLUSTER)) != 0;
    const struct field *other =
        find_field(fields, count, is_other_kind ? kinds : FIELD_IN_SATELLITE, value_text(key));
    struct fault_text hint = {.used = 0};
    const char *names[FIELDS_MAX];
    const char *close[FIELDS_MAX];
    size_t known = 0;
    size_t wide = 0;

    if (other != NULL && is_other_kind) {
        fault_out_of_place(r, other, in, key, place);
        return;
    }
    assert(count <= FIELDS_MAX);
    for (size_t i = 0; i < count; i++) {
        if ((fields[i].in & in) != 0) {
            names[known++] = fields[i].name;
        }
        if ((fields[i].in & ((in & kinds) != 0 ? in | kinds : in)) != 0) {
            close[wide++] = fields[i].name;
        }
    }
    const char *nearest = field_nearest(r, value_text(key), close, wide);

    if (other != NULL) {
        fault_text_add(&hint, "write it in each satellite");
    } else if (nearest != NULL) {
        fault_text_add(&hint, "did you mean `%s`?", nearest);
    } else {
        fault_text_add(&hint, "known here:");
        for (size_t i = 0; i < known; i++) {
            fault_text_add(&hint, "%s %s", i == 0 ? "" : ",", names[i]);
        }
    }
    field_fault(r, key, place, hint.bytes, "unknown field %q", value_text(key));
}

bool field_read_map(struct field_reader *r, const struct field *fields, size_t count, unsigned in,
                    const struct value *value, const struct value_place *place, void *target)
{
    if (!field_is_kind(r, value, place, VALUE_MAP)) {
        return false;
    }
    for (uint32_t i = 0; i < value->count; i++) {
        const struct value_member *member = &value->members[i];
        const struct value_place inner = {.up = place, .key = value_text(&member->key)};
        const struct field *field = find_field(fields, count, in, inner.key);

        if (field == NULL) {
            fault_unknown(r, fields, count, in, &member->key, &inner);
        } else {
            field->read(r, field, field->read == field_refuse ? &member->key : &member->value,
                        &inner, target);
        }
    }
    return true;
}

static void *at_offset(void *target, const struct field *field)
{
    return (char *)target + field->offset;
}

static bool has_control_character(struct span text)
{
    const unsigned char *bytes = text.data;

    for (size_t i = 0; i < text.bytes; i++) {
        if (bytes[i] < 0x20 || bytes[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

void field_read_text(struct field_reader *r, const struct field *field, const struct value *value,
                     const struct value_place *place, void *target)
{
    struct span *out = at_offset(target, field);

    if (!field_is_kind(r, value, place, VALUE_STRING)) {
        return;
    }
    if (value->count < field->min) {
        field_fault(r, value, place, "give it a value, or remove the field", "%q is empty",
                    span_of(field->name));
    } else if (value->count > field->max) {
        field_fault(r, value, place, "make it shorter",
                    "%q has %u bytes, more than the limit of %u", span_of(field->name),
                    value->count, (unsigned)field->max);
    } else if (has_control_character(value_text(value))) {
        field_fault(r, value, place, "write it on one line without tabs",
                    "%q holds a control character", span_of(field->name));
    } else {
        *out = field_copy(r, value_text(value));
    }
}

void field_read_value(struct field_reader *r, const struct field *field, const struct value *value,
                      const struct value_place *place, void *target)
{
    const struct value **out = at_offset(target, field);

    (void)r; /* takes every value */
    (void)place;
    *out = value;
}

void field_read_duration(struct field_reader *r, const struct field *field,
                         const struct value *value, const struct value_place *place, void *target)
{
    exo_time *out = at_offset(target, field);
    exo_time ns;

    if (value->kind == VALUE_INT || value->kind == VALUE_DOUBLE) {
        field_fault(r, value, place, "write the unit, such as 30s, 10m or 1h30m",
                    "%q is a duration and needs a unit", span_of(field->name));
        return;
    }
    if (!field_is_kind(r, value, place, VALUE_STRING)) {
        return;
    }
    if (duration_is_too_long(value_text(value))) {
        field_fault(r, value, place, "write at most 876000h, or remove the field",
                    "%q is longer than 100 years", value_text(value));
    } else if (!duration_parse(value_text(value), &ns)) {
        field_fault(r, value, place,
                    "write numbers with h, m, s or ms, the largest first, such as 1h30m or 250ms",
                    "%q is not a duration", value_text(value));
    } else if (ns % EXO_MILLISECOND != 0) {
        field_fault(r, value, place, "use whole milliseconds", "%q is finer than a millisecond",
                    value_text(value));
    } else if (ns < field->min) {
        field_fault(r, value, place, "give it some time, or remove the field for none",
                    "%q must be longer than 0", span_of(field->name));
    } else {
        *out = ns;
    }
}

void field_read_uint(struct field_reader *r, const struct field *field, const struct value *value,
                     const struct value_place *place, void *target)
{
    uint32_t *out = at_offset(target, field);

    if (!field_is_kind(r, value, place, VALUE_INT)) {
        return;
    }
    if (value->integer < field->min || value->integer > field->max) {
        field_fault(r, value, place, "", "%q must be between %u and %u", span_of(field->name),
                    (unsigned)field->min, (unsigned)field->max);
        return;
    }
    *out = (uint32_t)value->integer;
}

void field_read_bool(struct field_reader *r, const struct field *field, const struct value *value,
                     const struct value_place *place, void *target)
{
    bool *out = at_offset(target, field);

    if (field_is_kind(r, value, place, VALUE_BOOL)) {
        *out = value->boolean;
    }
}

void field_read_word(struct field_reader *r, const struct field *field, const struct value *value,
                     const struct value_place *place, void *target)
{
    struct fault_text hint = {.used = 0};
    size_t count = 0;

    if (!field_is_kind(r, value, place, VALUE_STRING)) {
        return;
    }
    for (; field->words[count] != NULL; count++) {
        if (span_is(value_text(value), field->words[count])) {
            unsigned found = (unsigned)count;

            memcpy(at_offset(target, field), &found, sizeof(found));
            return;
        }
        fault_text_add(&hint, "%s %s", count == 0 ? "write one of:" : ",", field->words[count]);
    }
    field_fault(r, value, place, hint.bytes, "%q is no value of %q", value_text(value),
                span_of(field->name));
}

void field_refuse(struct field_reader *r, const struct field *field, const struct value *value,
                  const struct value_place *place, void *target)
{
    (void)target; /* nothing is read */
    field_fault(r, value, place, field->refusal, "%q is not supported yet", span_of(field->name));
}
