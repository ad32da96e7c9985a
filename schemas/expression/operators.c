#include "schemas/expression/operators.h"

#include <assert.h>
#include <string.h>

#include "schemas/expression/times.h"

const char *operators_text(enum node_op op)
{
    static const char *const texts[] = {
        [OP_ADD] = "+",         [OP_SUBTRACT] = "-", [OP_MULTIPLY] = "*",       [OP_DIVIDE] = "/",
        [OP_REMAINDER] = "%",   [OP_EQUAL] = "==",   [OP_NOT_EQUAL] = "!=",     [OP_LESS] = "<",
        [OP_LESS_EQUAL] = "<=", [OP_GREATER] = ">",  [OP_GREATER_EQUAL] = ">=", [OP_IN] = "in",
    };

    return texts[op];
}

enum expression_err operators_fail_type(struct evaluation *e, const char *op,
                                        const struct value *left, const struct value *right)
{
    enum expression_err code = expression_error_set(
        e->error, EXPRESSION_ETYPE, op, right == NULL ? " does not take " : " does not go with ");

    expression_error_add(e->error, span_of(value_kind_name(left->kind)));
    if (right != NULL) {
        expression_error_add(e->error, span_of(" and "));
        expression_error_add(e->error, span_of(value_kind_name(right->kind)));
    }
    return code;
}

static bool is_number(const struct value *v)
{
    return v->kind == VALUE_INT || v->kind == VALUE_DOUBLE;
}

static double as_double(const struct value *v)
{
    return v->kind == VALUE_INT ? (double)v->integer : v->number;
}

/* The order of two values where there is one. */
enum order { ORDER_LESS = -1, ORDER_EQUAL = 0, ORDER_GREATER = 1, ORDER_NONE };

static enum order order_of(int difference)
{
    return difference < 0 ? ORDER_LESS : difference > 0 ? ORDER_GREATER : ORDER_EQUAL;
}

static enum order order_numbers(const struct value *a, const struct value *b)
{
    if (a->kind == VALUE_INT && b->kind == VALUE_INT) {
        return order_of((a->integer > b->integer) - (a->integer < b->integer));
    }
    double x = as_double(a);
    double y = as_double(b);

    return x < y ? ORDER_LESS : x > y ? ORDER_GREATER : x == y ? ORDER_EQUAL : ORDER_NONE;
}

static enum order order_strings(const struct value *a, const struct value *b)
{
    uint32_t shorter = a->count < b->count ? a->count : b->count;
    int difference = shorter == 0 ? 0 : memcmp(a->text, b->text, shorter);

    return difference != 0 ? order_of(difference)
                           : order_of((a->count > b->count) - (a->count < b->count));
}

static bool is_time(const struct value *v)
{
    return v->kind == VALUE_TIMESTAMP || v->kind == VALUE_DURATION;
}

/* Of one kind; a duration has no count. */
static enum order order_times(const struct value *a, const struct value *b)
{
    return a->integer != b->integer
               ? order_of((a->integer > b->integer) - (a->integer < b->integer))
               : order_of((a->count > b->count) - (a->count < b->count));
}

static enum expression_err charge_bytes(struct evaluation *e, uint64_t bytes)
{
    return evaluation_charge(e, bytes / EVALUATION_COST_BYTES);
}

static enum expression_err equal(struct evaluation *e, const struct value *a, const struct value *b,
                                 bool *ret);

static enum expression_err equal_lists(struct evaluation *e, const struct value *a,
                                       const struct value *b, bool *ret)
{
    enum expression_err err = EXPRESSION_OK;

    *ret = a->count == b->count;
    for (uint32_t i = 0; i < a->count && *ret && err == EXPRESSION_OK; i++) {
        err = equal(e, &a->items[i], &b->items[i], ret);
    }
    return err;
}

/* Looks up a key; the cost is that of the members it passes. */
static enum expression_err find(struct evaluation *e, const struct value *map, struct span key,
                                const struct value **ret)
{
    *ret = value_get(map, key);
    return evaluation_charge(e, 1 + map->count / 4);
}

static enum expression_err equal_maps(struct evaluation *e, const struct value *a,
                                      const struct value *b, bool *ret)
{
    enum expression_err err = EXPRESSION_OK;

    *ret = a->count == b->count;
    for (uint32_t i = 0; i < a->count && *ret && err == EXPRESSION_OK; i++) {
        const struct value *other;

        err = find(e, b, value_text(&a->members[i].key), &other);
        if (err == EXPRESSION_OK && other == NULL) {
            *ret = false;
        } else if (err == EXPRESSION_OK) {
            err = equal(e, &a->members[i].value, other, ret);
        }
    }
    return err;
}

static enum expression_err equal(struct evaluation *e, const struct value *a, const struct value *b,
                                 bool *ret)
{
    enum expression_err err = evaluation_charge(e, 1);

    if (err != EXPRESSION_OK) {
        return err;
    }
    if (is_number(a) && is_number(b)) {
        *ret = order_numbers(a, b) == ORDER_EQUAL;
        return EXPRESSION_OK;
    }
    if (a->kind != b->kind) {
        *ret = false;
        return EXPRESSION_OK;
    }
    switch (a->kind) {
    case VALUE_NULL:
        *ret = true;
        return EXPRESSION_OK;
    case VALUE_BOOL:
        *ret = a->boolean == b->boolean;
        return EXPRESSION_OK;
    case VALUE_STRING:
        *ret = span_equal(value_text(a), value_text(b));
        return charge_bytes(e, a->count);
    case VALUE_LIST:
        return equal_lists(e, a, b, ret);
    case VALUE_MAP:
        return equal_maps(e, a, b, ret);
    case VALUE_TIMESTAMP:
        *ret = a->integer == b->integer && a->count == b->count;
        return EXPRESSION_OK;
    case VALUE_DURATION:
    case VALUE_TYPE:
        *ret = a->integer == b->integer;
        return EXPRESSION_OK;
    case VALUE_INT:
    case VALUE_DOUBLE:
    case VALUE_KIND_NR:
        break;
    }
    assert(false);
    return EXPRESSION_ETYPE;
}

static enum expression_err compare(struct evaluation *e, enum node_op op, const struct value *a,
                                   const struct value *b, bool *ret)
{
    enum order order;

    if (is_number(a) && is_number(b)) {
        order = order_numbers(a, b);
    } else if (a->kind == VALUE_STRING && b->kind == VALUE_STRING) {
        order = order_strings(a, b);
    } else if (a->kind == VALUE_BOOL && b->kind == VALUE_BOOL) {
        order = order_of(a->boolean - b->boolean);
    } else if (is_time(a) && a->kind == b->kind) {
        order = order_times(a, b);
    } else {
        return operators_fail_type(e, operators_text(op), a, b);
    }
    *ret = (op == OP_LESS && order == ORDER_LESS) || (op == OP_GREATER && order == ORDER_GREATER) ||
           (op == OP_LESS_EQUAL && (order == ORDER_LESS || order == ORDER_EQUAL)) ||
           (op == OP_GREATER_EQUAL && (order == ORDER_GREATER || order == ORDER_EQUAL));
    return a->kind == VALUE_STRING ? charge_bytes(e, a->count) : EXPRESSION_OK;
}

/* An item of a list, or a key of a map. */
static enum expression_err contains(struct evaluation *e, const struct value *item,
                                    const struct value *holder, bool *ret)
{
    enum expression_err err = EXPRESSION_OK;

    *ret = false;
    if (holder->kind == VALUE_LIST) {
        for (uint32_t i = 0; i < holder->count && !*ret && err == EXPRESSION_OK; i++) {
            err = equal(e, item, &holder->items[i], ret);
        }
        return err;
    }
    if (holder->kind != VALUE_MAP) {
        return operators_fail_type(e, "in", item, holder);
    }
    if (item->kind == VALUE_STRING) {
        const struct value *found;

        err = find(e, holder, value_text(item), &found);
        *ret = found != NULL;
    }
    return err;
}

static enum expression_err fail_arithmetic(struct evaluation *e, const char *text, enum node_op op)
{
    return expression_error_set(e->error, EXPRESSION_EARITHMETIC, text, operators_text(op));
}

static enum expression_err compute_ints(struct evaluation *e, enum node_op op, int64_t a, int64_t b,
                                        struct value *ret)
{
    int64_t result = 0;
    bool is_overflow = false;

    if ((op == OP_DIVIDE || op == OP_REMAINDER) && b == 0) {
        return fail_arithmetic(e, "division by zero: ", op);
    }
    switch (op) {
    case OP_ADD:
        is_overflow = __builtin_add_overflow(a, b, &result);
        break;
    case OP_SUBTRACT:
        is_overflow = __builtin_sub_overflow(a, b, &result);
        break;
    case OP_MULTIPLY:
        is_overflow = __builtin_mul_overflow(a, b, &result);
        break;
    case OP_DIVIDE:
    case OP_REMAINDER:
        is_overflow = a == INT64_MIN && b == -1;
        if (!is_overflow) {
            result = op == OP_DIVIDE ? a / b : a % b;
        }
        break;
    case OP_EQUAL:
    case OP_NOT_EQUAL:
    case OP_LESS:
    case OP_LESS_EQUAL:
    case OP_GREATER:
    case OP_GREATER_EQUAL:
    case OP_IN:
        assert(false);
    }
    if (is_overflow) {
        return fail_arithmetic(e, "the result does not fit an int: ", op);
    }
    *ret = value_int(result);
    return EXPRESSION_OK;
}

static double compute_doubles(enum node_op op, double a, double b)
{
    return op == OP_ADD ? a + b : op == OP_SUBTRACT ? a - b : op == OP_MULTIPLY ? a * b : a / b;
}

static enum expression_err join_strings(struct evaluation *e, const struct value *a,
                                        const struct value *b, struct value *ret)
{
    size_t bytes = (size_t)a->count + b->count;
    void *joined;
    enum expression_err err = evaluation_make(e, bytes, &joined);

    if (err != EXPRESSION_OK) {
        return err;
    }
    if (a->count > 0) {
        memcpy(joined, a->text, a->count);
    }
    if (b->count > 0) {
        memcpy((char *)joined + a->count, b->text, b->count);
    }
    *ret = value_string((struct span){joined, bytes});
    return EXPRESSION_OK;
}

static enum expression_err join_lists(struct evaluation *e, const struct value *a,
                                      const struct value *b, struct value *ret)
{
    size_t nr = (size_t)a->count + b->count;
    void *joined;
    enum expression_err err = evaluation_make(e, nr * sizeof(struct value), &joined);

    if (err != EXPRESSION_OK) {
        return err;
    }
    struct value *items = joined;

    if (a->count > 0) {
        memcpy(items, a->items, a->count * sizeof(*items));
    }
    if (b->count > 0) {
        memcpy(items + a->count, b->items, b->count * sizeof(*items));
    }
    *ret = (struct value){.kind = VALUE_LIST, .count = (uint32_t)nr, .items = items};
    return EXPRESSION_OK;
}

static enum expression_err fail_mixed(struct evaluation *e, enum node_op op, const struct value *a,
                                      const struct value *b)
{
    enum expression_err err = operators_fail_type(e, operators_text(op), a, b);

    if (is_number(a) && is_number(b) && a->kind != b->kind) {
        expression_error_add(e->error, span_of(": write a double as 1.0, not 1"));
    }
    return err;
}

static enum expression_err compute(struct evaluation *e, enum node_op op, const struct value *a,
                                   const struct value *b, struct value *ret)
{
    if (is_time(a) && is_time(b) && (op == OP_ADD || op == OP_SUBTRACT)) {
        return times_compute(e, op, a, b, ret);
    }
    if (a->kind != b->kind) {
        return fail_mixed(e, op, a, b);
    }
    if (a->kind == VALUE_INT) {
        return compute_ints(e, op, a->integer, b->integer, ret);
    }
    if (a->kind == VALUE_DOUBLE && op != OP_REMAINDER) {
        *ret = value_double(compute_doubles(op, a->number, b->number));
        return EXPRESSION_OK;
    }
    if (a->kind == VALUE_STRING && op == OP_ADD) {
        return join_strings(e, a, b, ret);
    }
    if (a->kind == VALUE_LIST && op == OP_ADD) {
        return join_lists(e, a, b, ret);
    }
    return operators_fail_type(e, operators_text(op), a, b);
}

enum expression_err operators_apply(struct evaluation *e, enum node_op op, const struct value *left,
                                    const struct value *right, struct value *ret_value)
{
    bool is_true = false;
    enum expression_err err;

    switch (op) {
    case OP_ADD:
    case OP_SUBTRACT:
    case OP_MULTIPLY:
    case OP_DIVIDE:
    case OP_REMAINDER:
        return compute(e, op, left, right, ret_value);
    case OP_EQUAL:
    case OP_NOT_EQUAL:
        err = equal(e, left, right, &is_true);
        is_true = is_true == (op == OP_EQUAL);
        break;
    case OP_LESS:
    case OP_LESS_EQUAL:
    case OP_GREATER:
    case OP_GREATER_EQUAL:
        err = compare(e, op, left, right, &is_true);
        break;
    case OP_IN:
        err = contains(e, left, right, &is_true);
        break;
    default:
        assert(false);
        return EXPRESSION_ETYPE;
    }
    if (err == EXPRESSION_OK) {
        *ret_value = value_bool(is_true);
    }
    return err;
}

enum expression_err operators_negate(struct evaluation *e, const struct value *value,
                                     struct value *ret_value)
{
    if (value->kind == VALUE_DOUBLE) {
        *ret_value = value_double(-value->number);
        return EXPRESSION_OK;
    }
    if (value->kind != VALUE_INT) {
        return operators_fail_type(e, "-", value, NULL);
    }
    if (value->integer == INT64_MIN) {
        return fail_arithmetic(e, "the result does not fit an int: ", OP_SUBTRACT);
    }
    *ret_value = value_int(-value->integer);
    return EXPRESSION_OK;
}
