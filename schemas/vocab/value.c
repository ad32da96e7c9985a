#include "schemas/vocab/value.h"

#include <assert.h>

const struct value *value_get(const struct value *v, struct span key)
{
    if (v->kind != VALUE_MAP) {
        return NULL;
    }
    for (uint32_t i = 0; i < v->count; i++) {
        if (span_equal(value_text(&v->members[i].key), key)) {
            return &v->members[i].value;
        }
    }
    return NULL;
}

static bool is_number(const struct value *v)
{
    return v->kind == VALUE_INT || v->kind == VALUE_DOUBLE;
}

/* Exact: an int that no double can hold equals no double. */
static bool numbers_equal(const struct value *a, const struct value *b)
{
    if (a->kind == b->kind) {
        return a->kind == VALUE_INT ? a->integer == b->integer : a->number == b->number;
    }
    double number = a->kind == VALUE_DOUBLE ? a->number : b->number;
    int64_t integer = a->kind == VALUE_INT ? a->integer : b->integer;

    return number >= -0x1p63 && number < 0x1p63 && (double)(int64_t)number == number &&
           (int64_t)number == integer;
}

static bool maps_equal(const struct value *a, const struct value *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (uint32_t i = 0; i < a->count; i++) {
        const struct value *other = value_get(b, value_text(&a->members[i].key));

        if (other == NULL || !value_equal(&a->members[i].value, other)) {
            return false;
        }
    }
    return true;
}

bool value_equal(const struct value *a, const struct value *b)
{
    if (is_number(a) && is_number(b)) {
        return numbers_equal(a, b);
    }
    if (a->kind != b->kind) {
        return false;
    }
    switch (a->kind) {
    case VALUE_NULL:
        return true;
    case VALUE_BOOL:
        return a->boolean == b->boolean;
    case VALUE_STRING:
        return span_equal(value_text(a), value_text(b));
    case VALUE_LIST:
        if (a->count != b->count) {
            return false;
        }
        for (uint32_t i = 0; i < a->count; i++) {
            if (!value_equal(&a->items[i], &b->items[i])) {
                return false;
            }
        }
        return true;
    case VALUE_MAP:
        return maps_equal(a, b);
    case VALUE_TIMESTAMP:
        return a->integer == b->integer && a->count == b->count;
    case VALUE_DURATION:
    case VALUE_TYPE:
        return a->integer == b->integer;
    case VALUE_INT:
    case VALUE_DOUBLE:
    case VALUE_KIND_NR:
        break;
    }
    assert(false);
    return false;
}

const char *value_kind_name(enum value_kind kind)
{
    static const char *const names[VALUE_KIND_NR] = {
        "null", "bool", "int", "double", "string", "list", "map", "timestamp", "duration", "type"};

    assert(kind < VALUE_KIND_NR);
    return names[kind];
}

const char *value_type_name(enum value_kind kind)
{
    return kind == VALUE_NULL        ? "null_type"
           : kind == VALUE_TIMESTAMP ? "google.protobuf.Timestamp"
           : kind == VALUE_DURATION  ? "google.protobuf.Duration"
                                     : value_kind_name(kind);
}
