#include "schemas/expression/result.h"

#include <float.h>

#include "schemas/vocab/instant.h"

static enum expression_err charge_bytes(struct evaluation *e, uint64_t bytes)
{
    if (bytes > e->result_bytes_left) {
        e->result_bytes_left = 0;
        return evaluation_fail_limit(e, "the result is larger", e->output_bytes_max,
                                     " bytes; let a satellite make what is so large");
    }
    e->result_bytes_left -= bytes;
    return EXPRESSION_OK;
}

static bool is_json(enum value_kind kind)
{
    return kind != VALUE_TIMESTAMP && kind != VALUE_DURATION && kind != VALUE_TYPE;
}

static enum expression_err check(struct evaluation *e, const struct value *value,
                                 uint32_t depth_left, bool *ret_is_json)
{
    bool has_items = value->kind == VALUE_LIST || value->kind == VALUE_MAP;
    enum expression_err err = evaluation_charge(e, 1);

    if (err == EXPRESSION_OK) {
        err = charge_bytes(e, value->kind == VALUE_STRING ? value->count : EVALUATION_ITEM_BYTES);
    }
    if (err != EXPRESSION_OK) {
        return err;
    }
    if (value->kind == VALUE_DOUBLE && !(value->number >= -DBL_MAX && value->number <= DBL_MAX)) {
        return expression_error_set(e->error, EXPRESSION_EARITHMETIC,
                                    "the result is infinite or no number, which JSON cannot hold",
                                    "");
    }
    *ret_is_json &= is_json(value->kind);
    if (has_items && depth_left == 0) {
        return evaluation_fail_limit(e, "the result is nested deeper", e->value_depth_max, "");
    }
    for (uint32_t i = 0; has_items && i < value->count && err == EXPRESSION_OK; i++) {
        const struct value *part =
            value->kind == VALUE_LIST ? &value->items[i] : &value->members[i].value;

        err = check(e, part, depth_left - 1, ret_is_json);
        if (err == EXPRESSION_OK && value->kind == VALUE_MAP) {
            err = charge_bytes(e, value->members[i].key.count);
        }
    }
    return err;
}

static enum expression_err make_text(struct evaluation *e, const struct value *value,
                                     struct value *ret)
{
    char time[INSTANT_TEXT_BYTES];
    struct span text = {NULL, 0};

    if (value->kind == VALUE_TYPE) {
        text = span_of(value_type_name((enum value_kind)value->integer));
    } else if (value->kind == VALUE_TIMESTAMP) {
        instant_format(value->integer, value->count, time);
        text = span_of(time);
    } else {
        instant_format_duration(value->integer, time);
        text = span_of(time);
    }
    void *copy = NULL;
    enum expression_err err = evaluation_make(e, text.bytes, &copy);

    if (err == EXPRESSION_OK) {
        memcpy(copy, text.data, text.bytes);
        *ret = value_string((struct span){copy, text.bytes});
    }
    return err;
}

static enum expression_err make_json(struct evaluation *e, const struct value *value,
                                     struct value *ret);

static enum expression_err make_list(struct evaluation *e, const struct value *value,
                                     struct value *ret)
{
    void *memory = NULL;
    enum expression_err err = evaluation_make(e, value->count * sizeof(struct value), &memory);
    struct value *items = memory;

    for (uint32_t i = 0; i < value->count && err == EXPRESSION_OK; i++) {
        err = make_json(e, &value->items[i], &items[i]);
    }
    *ret = (struct value){.kind = VALUE_LIST, .count = value->count, .items = items};
    return err;
}

static enum expression_err make_map(struct evaluation *e, const struct value *value,
                                    struct value *ret)
{
    void *memory = NULL;
    enum expression_err err =
        evaluation_make(e, value->count * sizeof(struct value_member), &memory);
    struct value_member *members = memory;

    for (uint32_t i = 0; i < value->count && err == EXPRESSION_OK; i++) {
        members[i].key = value->members[i].key;
        err = make_json(e, &value->members[i].value, &members[i].value);
    }
    *ret = (struct value){.kind = VALUE_MAP, .count = value->count, .members = members};
    return err;
}

static enum expression_err make_json(struct evaluation *e, const struct value *value,
                                     struct value *ret)
{
    if (!is_json(value->kind)) {
        return make_text(e, value, ret);
    }
    if (value->kind == VALUE_LIST) {
        return make_list(e, value, ret);
    }
    if (value->kind == VALUE_MAP) {
        return make_map(e, value, ret);
    }
    *ret = *value;
    return EXPRESSION_OK;
}

enum expression_err result_finish(struct evaluation *e, struct value *value, uint32_t depth_left)
{
    bool all_json = true;
    struct value made;
    enum expression_err err = check(e, value, depth_left, &all_json);

    if (err != EXPRESSION_OK || all_json) {
        return err;
    }
    err = make_json(e, value, &made);
    if (err == EXPRESSION_OK) {
        *value = made;
    }
    return err;
}
