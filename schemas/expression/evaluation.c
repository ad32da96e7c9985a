#include "schemas/expression/evaluation.h"

#include <assert.h>

#include "schemas/expression/lexer.h"
#include "schemas/expression/operators.h"
#include "schemas/expression/result.h"
#include "schemas/json/utf8.h"
#include "schemas/vocab/limits.h"

static enum expression_err eval(struct evaluation *e, const struct node *node,
                                struct expression_object *ret);

void evaluation_begin(struct evaluation *e, const struct expression_scope *scope,
                      const struct expression_limits *limits, struct arena *arena,
                      struct expression_error *error)
{
    const struct expression_limits none = {0};

    limits = limits == NULL ? &none : limits;
    error->line = 0;
    error->column = 0;
    error->offset_column = 0;
    *e = (struct evaluation){
        .scope = scope,
        .arena = arena,
        .error = error,
        .cost_left = limits->cost_max == 0 ? EXPRESSION_COST_MAX : limits->cost_max,
        .output_bytes_left =
            limits->output_bytes_max == 0 ? EXPRESSION_OUTPUT_MAX : limits->output_bytes_max,
        .result_bytes_left =
            limits->output_bytes_max == 0 ? EXPRESSION_OUTPUT_MAX : limits->output_bytes_max,
        .value_depth_max =
            limits->value_depth_max == 0 ? LIMIT_JSON_DEPTH : limits->value_depth_max,
    };
}

enum expression_err evaluation_charge(struct evaluation *e, uint64_t cost)
{
    if (cost > e->cost_left) {
        e->cost_left = 0;
        return expression_error_set(e->error, EXPRESSION_ELIMIT,
                                    "the expression costs more than the limit of one evaluation",
                                    "");
    }
    e->cost_left -= cost;
    return EXPRESSION_OK;
}

enum expression_err evaluation_put(struct evaluation *e, uint64_t bytes)
{
    if (bytes > e->output_bytes_left) {
        e->output_bytes_left = 0;
        return expression_error_set(e->error, EXPRESSION_ELIMIT,
                                    "the expression makes more output than the limit of one "
                                    "evaluation",
                                    "");
    }
    e->output_bytes_left -= bytes;
    return evaluation_charge(e, bytes / EVALUATION_COST_BYTES);
}

enum expression_err evaluation_make(struct evaluation *e, size_t bytes, void **ret)
{
    enum expression_err err = evaluation_put(e, bytes);

    if (err != EXPRESSION_OK) {
        return err;
    }
    *ret = arena_alloc(e->arena, bytes);
    return *ret == NULL
               ? expression_error_set(e->error, EXPRESSION_EMEMORY,
                                      "the evaluation needs more memory than it may take", "")
               : EXPRESSION_OK;
}

static enum expression_err load(struct evaluation *e, const struct expression_object *object,
                                struct value *ret_value)
{
    if (object->type == NULL) {
        *ret_value = object->value;
        return EXPRESSION_OK;
    }
    return object->type->load(object, e->arena, ret_value, e->error);
}

/* Errors get their place once, where they arise. */
static enum expression_err placed(struct evaluation *e, const struct node *node,
                                  enum expression_err err)
{
    if (err != EXPRESSION_OK) {
        e->error->code = err;
        (void)expression_error_at(e->error, node->place);
    }
    return err;
}

enum expression_err evaluation_load(struct evaluation *e, const struct expression *expression,
                                    const struct expression_object *object, struct value *ret_value)
{
    return placed(e, expression->root, load(e, object, ret_value));
}

static enum expression_err eval_value(struct evaluation *e, const struct node *node,
                                      struct value *ret)
{
    struct expression_object object;
    enum expression_err err = eval(e, node, &object);

    return err == EXPRESSION_OK ? placed(e, node, load(e, &object, ret)) : err;
}

static enum expression_err fail_name(struct evaluation *e, enum expression_err code,
                                     const char *text, struct span name)
{
    (void)expression_error_set(e->error, code, text, "");
    expression_error_add(e->error, name);
    return code;
}

static enum expression_err member_of_value(struct evaluation *e, const struct value *holder,
                                           struct span name, struct expression_object *ret)
{
    if (holder->kind != VALUE_MAP) {
        (void)fail_name(e, EXPRESSION_ETYPE, value_kind_name(holder->kind),
                        span_of(" has no member "));
        expression_error_add(e->error, name);
        return EXPRESSION_ETYPE;
    }
    const struct value *found = value_get(holder, name);
    enum expression_err err = evaluation_charge(e, holder->count / EVALUATION_COST_BYTES);

    if (err != EXPRESSION_OK) {
        return err;
    }
    if (found == NULL) {
        return fail_name(e, EXPRESSION_EMISSING, "no such key: ", name);
    }
    *ret = expression_object_value(*found);
    return EXPRESSION_OK;
}

static enum expression_err take_member(struct evaluation *e, const struct expression_object *holder,
                                       struct span name, struct expression_object *ret)
{
    struct value value;

    if (holder->type != NULL && holder->type->member != NULL) {
        return holder->type->member(holder, name, ret, e->error);
    }
    enum expression_err err = load(e, holder, &value);

    return err == EXPRESSION_OK ? member_of_value(e, &value, name, ret) : err;
}

static enum expression_err item_of_value(struct evaluation *e, const struct value *list,
                                         int64_t index, struct expression_object *ret)
{
    if (list->kind == VALUE_MAP) {
        (void)expression_error_set(e->error, EXPRESSION_EMISSING, "no such key: ", "");
        expression_error_add_int(e->error, index);
        expression_error_add(e->error, span_of(", as the keys of a map are strings"));
        return EXPRESSION_EMISSING;
    }
    if (list->kind != VALUE_LIST) {
        return expression_error_set(e->error, EXPRESSION_ETYPE, value_kind_name(list->kind),
                                    " has no items");
    }
    if (index < 0 || index >= list->count) {
        (void)expression_error_set(e->error, EXPRESSION_EMISSING, "index ", "");
        expression_error_add_int(e->error, index);
        expression_error_add(e->error, span_of(" is outside the list of "));
        expression_error_add_int(e->error, list->count);
        return EXPRESSION_EMISSING;
    }
    *ret = expression_object_value(list->items[index]);
    return EXPRESSION_OK;
}

static enum expression_err take_item(struct evaluation *e, const struct expression_object *holder,
                                     int64_t index, struct expression_object *ret)
{
    struct value value;

    if (holder->type != NULL && holder->type->index != NULL) {
        return holder->type->index(holder, index, ret, e->error);
    }
    enum expression_err err = load(e, holder, &value);

    return err == EXPRESSION_OK ? item_of_value(e, &value, index, ret) : err;
}

static enum expression_err eval_index(struct evaluation *e, const struct node *node,
                                      struct expression_object *ret)
{
    struct expression_object holder;
    struct value index;
    enum expression_err err = eval(e, node->first, &holder);

    if (err == EXPRESSION_OK) {
        err = eval_value(e, node->second, &index);
    }
    if (err != EXPRESSION_OK) {
        return err;
    }
    if (index.kind == VALUE_STRING) {
        return placed(e, node, take_member(e, &holder, value_text(&index), ret));
    }
    /* As in CEL, a double without a fraction is an index too. */
    if (index.kind == VALUE_DOUBLE && index.number >= -0x1p53 && index.number <= 0x1p53 &&
        (double)(int64_t)index.number == index.number) {
        index = value_int((int64_t)index.number);
    }
    if (index.kind != VALUE_INT) {
        (void)expression_error_set(e->error, EXPRESSION_ETYPE, value_kind_name(index.kind),
                                   " is no index: an int takes an item, a string a member");
        return placed(e, node, EXPRESSION_ETYPE);
    }
    return placed(e, node, take_item(e, &holder, index.integer, ret));
}

static enum expression_err eval_member(struct evaluation *e, const struct node *node,
                                       struct expression_object *ret)
{
    struct expression_object holder;
    enum expression_err err = eval(e, node->first, &holder);

    return err == EXPRESSION_OK ? placed(e, node, take_member(e, &holder, node->name, ret)) : err;
}

static enum expression_err eval_has(struct evaluation *e, const struct node *node,
                                    struct expression_object *ret)
{
    const struct node *member = node->first;
    struct expression_object holder;
    struct expression_object found;
    enum expression_err err = eval(e, member->first, &holder);

    if (err != EXPRESSION_OK) {
        return err;
    }
    err = take_member(e, &holder, member->name, &found);
    if (err != EXPRESSION_OK && err != EXPRESSION_EMISSING) {
        return placed(e, member, err);
    }
    *ret = expression_object_value(value_bool(err == EXPRESSION_OK));
    return EXPRESSION_OK;
}

static enum expression_err size_of_value(struct evaluation *e, const struct value *value,
                                         int64_t *ret)
{
    switch (value->kind) {
    case VALUE_STRING:
        *ret = (int64_t)utf8_count(value_text(value));
        return evaluation_charge(e, value->count / EVALUATION_COST_BYTES);
    case VALUE_LIST:
    case VALUE_MAP:
        *ret = value->count;
        return EXPRESSION_OK;
    case VALUE_NULL:
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_DOUBLE:
    case VALUE_KIND_NR:
        break;
    }
    return operators_fail_type(e, "size()", value, NULL);
}

static enum expression_err eval_size(struct evaluation *e, const struct node *node,
                                     struct expression_object *ret)
{
    struct expression_object object;
    struct value value;
    int64_t size = 0;
    enum expression_err err = eval(e, node->first, &object);

    if (err != EXPRESSION_OK) {
        return err;
    }
    if (object.type != NULL && object.type->size != NULL) {
        err = object.type->size(&object, &size, e->error);
    } else {
        err = load(e, &object, &value);
        err = err == EXPRESSION_OK ? size_of_value(e, &value, &size) : err;
    }
    *ret = expression_object_value(value_int(size));
    return placed(e, node, err);
}

static bool is_fatal(enum expression_err err)
{
    return err == EXPRESSION_ELIMIT || err == EXPRESSION_EMEMORY;
}

/* One operand of && or ||. Errors other than limits may be absorbed by the other operand. */
static enum expression_err eval_operand(struct evaluation *e, const struct node *node,
                                        const char *op, bool *ret)
{
    struct value value;
    enum expression_err err = eval_value(e, node, &value);

    if (err != EXPRESSION_OK) {
        return err;
    }
    if (value.kind != VALUE_BOOL) {
        return placed(e, node, operators_fail_type(e, op, &value, NULL));
    }
    *ret = value.boolean;
    return EXPRESSION_OK;
}

/* The deciding operand, false for && and true for ||, wins on either side over an error. */
static enum expression_err eval_logic(struct evaluation *e, const struct node *node,
                                      struct expression_object *ret)
{
    bool decides = node->kind == NODE_OR;
    const char *op = node->kind == NODE_OR ? "||" : "&&";
    bool left = false;
    bool right = false;
    enum expression_err left_err = eval_operand(e, node->first, op, &left);

    if (is_fatal(left_err)) {
        return left_err;
    }
    if (left_err == EXPRESSION_OK && left == decides) {
        *ret = expression_object_value(value_bool(decides));
        return EXPRESSION_OK;
    }
    struct expression_error left_error = *e->error;
    enum expression_err right_err = eval_operand(e, node->second, op, &right);

    if (right_err == EXPRESSION_OK && (right == decides || left_err == EXPRESSION_OK)) {
        *ret = expression_object_value(value_bool(right));
        return EXPRESSION_OK;
    }
    if (is_fatal(right_err) || left_err == EXPRESSION_OK) {
        return right_err;
    }
    /* What is only pending may still decide: it goes before an error. */
    if (right_err == EXPRESSION_EPENDING) {
        return right_err;
    }
    *e->error = left_error;
    return left_err;
}

static enum expression_err eval_conditional(struct evaluation *e, const struct node *node,
                                            struct expression_object *ret)
{
    bool is_true = false;
    enum expression_err err = eval_operand(e, node->first, "?:", &is_true);

    if (err != EXPRESSION_OK) {
        return err;
    }
    return eval(e, is_true ? node->second : node->third, ret);
}

static enum expression_err eval_list(struct evaluation *e, const struct node *node,
                                     struct expression_object *ret)
{
    void *memory;
    uint32_t nr = 0;
    enum expression_err err =
        placed(e, node, evaluation_make(e, node->count * sizeof(struct value), &memory));

    if (err != EXPRESSION_OK) {
        return err;
    }
    struct value *items = memory;

    for (const struct node *item = node->first; item != NULL; item = item->next) {
        err = eval_value(e, item, &items[nr++]);
        if (err != EXPRESSION_OK) {
            return err;
        }
    }
    *ret = expression_object_value(
        (struct value){.kind = VALUE_LIST, .count = node->count, .items = items});
    return EXPRESSION_OK;
}

static enum expression_err check_key(struct evaluation *e, const struct value_member *members,
                                     uint32_t nr)
{
    const struct value *key = &members[nr].key;
    const struct value earlier = {.kind = VALUE_MAP, .count = nr, .members = members};

    if (key->kind != VALUE_STRING) {
        return expression_error_set(e->error, EXPRESSION_ETYPE,
                                    "the keys of a map must be strings, not ",
                                    value_kind_name(key->kind));
    }
    if (value_get(&earlier, value_text(key)) != NULL) {
        return fail_name(e, EXPRESSION_ETYPE, "a key stands twice in this map: ", value_text(key));
    }
    return evaluation_charge(e, nr / 4);
}

static enum expression_err eval_map(struct evaluation *e, const struct node *node,
                                    struct expression_object *ret)
{
    void *memory;
    uint32_t nr = 0;
    enum expression_err err =
        placed(e, node, evaluation_make(e, node->count * sizeof(struct value_member), &memory));

    if (err != EXPRESSION_OK) {
        return err;
    }
    struct value_member *members = memory;

    for (const struct node *key = node->first; key != NULL; key = key->next->next) {
        err = eval_value(e, key, &members[nr].key);
        if (err == EXPRESSION_OK) {
            err = placed(e, key, check_key(e, members, nr));
        }
        if (err == EXPRESSION_OK) {
            err = eval_value(e, key->next, &members[nr].value);
        }
        if (err != EXPRESSION_OK) {
            return err;
        }
        nr++;
    }
    *ret = expression_object_value(
        (struct value){.kind = VALUE_MAP, .count = node->count, .members = members});
    return EXPRESSION_OK;
}

static enum expression_err eval_binary(struct evaluation *e, const struct node *node,
                                       struct expression_object *ret)
{
    struct value left;
    struct value right;
    struct value result;
    enum expression_err err = eval_value(e, node->first, &left);

    if (err == EXPRESSION_OK) {
        err = eval_value(e, node->second, &right);
    }
    if (err != EXPRESSION_OK) {
        return err;
    }
    err = placed(e, node, operators_apply(e, node->op, &left, &right, &result));
    *ret = expression_object_value(err == EXPRESSION_OK ? result : value_null());
    return err;
}

static enum expression_err eval_unary(struct evaluation *e, const struct node *node,
                                      struct expression_object *ret)
{
    struct value value;
    struct value result = value_null();
    enum expression_err err = eval_value(e, node->first, &value);

    if (err != EXPRESSION_OK) {
        return err;
    }
    if (node->kind == NODE_NEGATE) {
        err = operators_negate(e, &value, &result);
    } else if (value.kind != VALUE_BOOL) {
        err = operators_fail_type(e, "!", &value, NULL);
    } else {
        result = value_bool(!value.boolean);
    }
    *ret = expression_object_value(result);
    return placed(e, node, err);
}

static enum expression_err eval_name(struct evaluation *e, const struct node *node,
                                     struct expression_object *ret)
{
    enum expression_err err = e->scope->lookup(e->scope->context, node->name, ret, e->error);

    if (err == EXPRESSION_ENAME) {
        (void)fail_name(e, err, "unknown name: ", node->name);
    }
    return placed(e, node, err);
}

static enum expression_err eval(struct evaluation *e, const struct node *node,
                                struct expression_object *ret)
{
    enum expression_err err = placed(e, node, evaluation_charge(e, 1));

    if (err != EXPRESSION_OK) {
        return err;
    }
    switch (node->kind) {
    case NODE_LITERAL:
        *ret = expression_object_value(node->literal);
        return EXPRESSION_OK;
    case NODE_NAME:
        return eval_name(e, node, ret);
    case NODE_MEMBER:
        return eval_member(e, node, ret);
    case NODE_INDEX:
        return eval_index(e, node, ret);
    case NODE_NOT:
    case NODE_NEGATE:
        return eval_unary(e, node, ret);
    case NODE_BINARY:
        return eval_binary(e, node, ret);
    case NODE_AND:
    case NODE_OR:
        return eval_logic(e, node, ret);
    case NODE_CONDITIONAL:
        return eval_conditional(e, node, ret);
    case NODE_LIST:
        return eval_list(e, node, ret);
    case NODE_MAP:
        return eval_map(e, node, ret);
    case NODE_SIZE:
        return eval_size(e, node, ret);
    case NODE_HAS:
        return eval_has(e, node, ret);
    }
    assert(false);
    return EXPRESSION_ESYNTAX;
}

enum expression_err evaluation_run(struct evaluation *e, const struct expression *expression,
                                   struct expression_object *ret_object)
{
    return eval(e, expression->root, ret_object);
}

enum expression_err evaluation_check(struct evaluation *e, const struct expression *expression,
                                     const struct expression_object *object)
{
    if (!expression->makes_new || object->type != NULL) {
        return EXPRESSION_OK;
    }
    return placed(e, expression->root, result_check(e, &object->value, e->value_depth_max));
}

static enum expression_err run_checked(struct evaluation *e, const struct expression *expression,
                                       struct expression_object *ret_object)
{
    enum expression_err err = evaluation_run(e, expression, ret_object);

    return err == EXPRESSION_OK ? evaluation_check(e, expression, ret_object) : err;
}

enum expression_err
expression_eval_object(const struct expression *expression, const struct expression_scope *scope,
                       const struct expression_limits *limits, struct arena *arena,
                       struct expression_object *ret_object, struct expression_error *ret_error)
{
    struct evaluation e;
    struct expression_object object;

    evaluation_begin(&e, scope, limits, arena, ret_error);
    enum expression_err err = run_checked(&e, expression, &object);

    if (err == EXPRESSION_OK) {
        *ret_object = object;
    }
    return err;
}

enum expression_err expression_eval(const struct expression *expression,
                                    const struct expression_scope *scope,
                                    const struct expression_limits *limits, struct arena *arena,
                                    struct value *ret_value, struct expression_error *ret_error)
{
    struct evaluation e;
    struct expression_object object;
    struct value value;

    evaluation_begin(&e, scope, limits, arena, ret_error);
    enum expression_err err = run_checked(&e, expression, &object);

    if (err == EXPRESSION_OK) {
        err = evaluation_load(&e, expression, &object, &value);
    }
    if (err == EXPRESSION_OK) {
        *ret_value = value;
    }
    return err;
}
