#include "schemas/expression/result.h"

#include <float.h>

static enum expression_err charge_bytes(struct evaluation *e, uint64_t bytes)
{
    if (bytes > e->result_bytes_left) {
        e->result_bytes_left = 0;
        return expression_error_set(e->error, EXPRESSION_ELIMIT,
                                    "the result is larger than the output limit of one evaluation",
                                    "");
    }
    e->result_bytes_left -= bytes;
    return EXPRESSION_OK;
}

enum expression_err result_check(struct evaluation *e, const struct value *value,
                                 uint32_t depth_left)
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
    if (has_items && depth_left == 0) {
        return expression_error_set(e->error, EXPRESSION_ELIMIT,
                                    "the result is nested deeper than the limit of values", "");
    }
    for (uint32_t i = 0; has_items && i < value->count && err == EXPRESSION_OK; i++) {
        const struct value *part =
            value->kind == VALUE_LIST ? &value->items[i] : &value->members[i].value;

        err = result_check(e, part, depth_left - 1);
        if (err == EXPRESSION_OK && value->kind == VALUE_MAP) {
            err = charge_bytes(e, value->members[i].key.count);
        }
    }
    return err;
}
