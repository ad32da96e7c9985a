#include "schemas/expression/evaluation.h"

#include <assert.h>

#include "schemas/expression/access.h"
#include "schemas/expression/functions.h"
#include "schemas/expression/lexer.h"
#include "schemas/expression/macro.h"
#include "schemas/expression/operators.h"
#include "schemas/expression/result.h"
#include "schemas/vocab/limits.h"

void evaluation_begin(struct evaluation *e, const struct expression_scope *scope,
                      const struct expression_limits *limits, struct arena *arena,
                      struct expression_error *error)
{
    const struct expression_limits none = {0};

    limits = limits == NULL ? &none : limits;
    uint64_t cost_max = limits->cost_max == 0 ? EXPRESSION_COST_MAX : limits->cost_max;
    uint64_t output_bytes_max =
        limits->output_bytes_max == 0 ? EXPRESSION_OUTPUT_MAX : limits->output_bytes_max;

    error->line = 0;
    error->column = 0;
    error->offset_column = 0;
    *e = (struct evaluation){
        .scope = scope,
        .arena = arena,
        .error = error,
        .cost_max = cost_max,
        .cost_left = cost_max,
        .output_bytes_max = output_bytes_max,
        .output_bytes_left = output_bytes_max,
        .result_bytes_left = output_bytes_max,
        .value_depth_max =
            limits->value_depth_max == 0 ? LIMIT_JSON_DEPTH : limits->value_depth_max,
    };
}

void evaluation_end(struct evaluation *e)
{
    patterns_release(&e->patterns);
}

enum expression_err evaluation_fail_limit(struct evaluation *e, const char *text, uint64_t limit,
                                          const char *unit)
{
    enum expression_err code =
        expression_error_set(e->error, EXPRESSION_ELIMIT, text, " than the limit of ");

    expression_error_add_int(e->error, (int64_t)limit);
    expression_error_add(e->error, span_of(unit));
    return code;
}

enum expression_err evaluation_charge(struct evaluation *e, uint64_t cost)
{
    if (cost > e->cost_left) {
        e->cost_left = 0;
        return evaluation_fail_limit(e, "the expression costs more", e->cost_max,
                                     "; let a satellite do what takes so long");
    }
    e->cost_left -= cost;
    return EXPRESSION_OK;
}

enum expression_err evaluation_put(struct evaluation *e, uint64_t bytes)
{
    if (bytes > e->output_bytes_left) {
        e->output_bytes_left = 0;
        return evaluation_fail_limit(e, "the expression makes more output", e->output_bytes_max,
                                     " bytes; let a satellite make what is so large");
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

enum expression_err evaluation_load_object(struct evaluation *e,
                                           const struct expression_object *object,
                                           struct value *ret_value)
{
    if (object->type == NULL) {
        *ret_value = object->value;
        return EXPRESSION_OK;
    }
    return object->type->load(object, e->arena, ret_value, e->error);
}

enum expression_err evaluation_placed(struct evaluation *e, const struct node *node,
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
    return evaluation_placed(e, expression->root, evaluation_load_object(e, object, ret_value));
}

enum expression_err evaluation_fail(struct evaluation *e, enum expression_err code,
                                    const char *text, struct span name)
{
    (void)expression_error_set(e->error, code, text, "");
    expression_error_add(e->error, name);
    return code;
}

enum expression_err evaluation_value(struct evaluation *e, const struct node *node,
                                     struct value *ret)
{
    struct expression_object object = {0};
    enum expression_err err = evaluation_object(e, node, &object);

    if (err != EXPRESSION_OK || object.type == NULL) {
        *ret = object.value;
        return err;
    }
    uint32_t slot = node->number % EVALUATION_MEMO;

    err = evaluation_placed(e, node, evaluation_load_object(e, &object, ret));
    if (err == EXPRESSION_OK && e->memo[slot].node == node) {
        e->memo[slot].object = expression_object_value(*ret);
    }
    return err;
}

/* One operand of && or ||. Errors other than limits may be absorbed by the other operand. */
static enum expression_err eval_operand(struct evaluation *e, const struct node *node,
                                        const char *op, bool *ret)
{
    struct value value;
    enum expression_err err = evaluation_value(e, node, &value);

    if (err != EXPRESSION_OK) {
        return err;
    }
    if (value.kind != VALUE_BOOL) {
        return evaluation_placed(e, node, operators_fail_type(e, op, &value, NULL));
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

    if (evaluation_is_fatal(left_err)) {
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
    if (evaluation_is_fatal(right_err) || left_err == EXPRESSION_OK) {
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
    return evaluation_object(e, is_true ? node->second : node->third, ret);
}

static enum expression_err eval_list(struct evaluation *e, const struct node *node,
                                     struct expression_object *ret)
{
    void *memory;
    uint32_t nr = 0;
    enum expression_err err =
        evaluation_placed(e, node, evaluation_make(e, node->count * sizeof(struct value), &memory));

    if (err != EXPRESSION_OK) {
        return err;
    }
    struct value *items = memory;

    for (const struct node *item = node->first; item != NULL; item = item->next) {
        err = evaluation_value(e, item, &items[nr++]);
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
        return evaluation_fail(e, EXPRESSION_ETYPE,
                               "a key stands twice in this map: ", value_text(key));
    }
    return evaluation_charge(e, nr / 4);
}

static enum expression_err eval_map(struct evaluation *e, const struct node *node,
                                    struct expression_object *ret)
{
    void *memory;
    uint32_t nr = 0;
    enum expression_err err = evaluation_placed(
        e, node, evaluation_make(e, node->count * sizeof(struct value_member), &memory));

    if (err != EXPRESSION_OK) {
        return err;
    }
    struct value_member *members = memory;

    for (const struct node *key = node->first; key != NULL; key = key->next->next) {
        err = evaluation_value(e, key, &members[nr].key);
        if (err == EXPRESSION_OK) {
            err = evaluation_placed(e, key, check_key(e, members, nr));
        }
        if (err == EXPRESSION_OK) {
            err = evaluation_value(e, key->next, &members[nr].value);
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
    enum expression_err err = evaluation_value(e, node->first, &left);

    if (err == EXPRESSION_OK) {
        err = evaluation_value(e, node->second, &right);
    }
    if (err != EXPRESSION_OK) {
        return err;
    }
    err = evaluation_placed(e, node, operators_apply(e, node->op, &left, &right, &result));
    *ret = expression_object_value(err == EXPRESSION_OK ? result : value_null());
    return err;
}

static enum expression_err eval_unary(struct evaluation *e, const struct node *node,
                                      struct expression_object *ret)
{
    struct value value;
    struct value result = value_null();
    enum expression_err err = evaluation_value(e, node->first, &value);

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
    return evaluation_placed(e, node, err);
}

static const struct local *local_at(const struct evaluation *e, uint32_t outward)
{
    const struct local *local = e->locals;

    for (; outward > 0; outward--) {
        assert(local != NULL);
        local = local->outer;
    }
    return local;
}

static enum expression_err eval_call(struct evaluation *e, const struct node *node,
                                     struct expression_object *ret)
{
    struct value arguments[FUNCTION_ARGUMENTS_MAX];
    struct value result = value_null();
    uint32_t nr = 0;
    enum expression_err err = EXPRESSION_OK;

    for (const struct node *argument = node->first; argument != NULL && err == EXPRESSION_OK;
         argument = argument->next) {
        err = evaluation_value(e, argument, &arguments[nr++]);
    }
    if (err != EXPRESSION_OK) {
        return err;
    }
    err = functions_apply(e, node->function, arguments, nr, &result);
    *ret = expression_object_value(result);
    return evaluation_placed(e, node, err);
}

static enum expression_err compute(struct evaluation *e, const struct node *node,
                                   struct expression_object *ret)
{
    switch (node->kind) {
    case NODE_LITERAL:
        *ret = expression_object_value(node->literal);
        return EXPRESSION_OK;
    case NODE_NAME:
        return access_name(e, node, ret);
    case NODE_MEMBER:
        return access_member(e, node, ret);
    case NODE_INDEX:
        return access_index(e, node, ret);
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
        return access_size(e, node, ret);
    case NODE_HAS:
        return access_has(e, node, ret);
    case NODE_LOCAL:
        *ret = expression_object_value(local_at(e, node->count)->value);
        return EXPRESSION_OK;
    case NODE_MACRO:
        return macro_eval(e, node, ret);
    case NODE_CALL:
        return eval_call(e, node, ret);
    }
    assert(false);
    return EXPRESSION_ESYNTAX;
}

/* Inside macros a static node is computed once; the cost is the same each time the memo has it, as
 * which of them it has depends on the expression alone. */
static enum expression_err recall(struct evaluation *e, const struct node *node,
                                  struct expression_object *ret)
{
    uint32_t slot = node->number % EVALUATION_MEMO;

    if (e->memo[slot].node == node) {
        *ret = e->memo[slot].object;
        return EXPRESSION_OK;
    }
    enum expression_err err = compute(e, node, ret);

    if (err == EXPRESSION_OK) {
        e->memo[slot].node = node;
        e->memo[slot].object = *ret;
    }
    return err;
}

enum expression_err evaluation_object(struct evaluation *e, const struct node *node,
                                      struct expression_object *ret)
{
    enum expression_err err = evaluation_placed(e, node, evaluation_charge(e, 1));

    if (err != EXPRESSION_OK) {
        return err;
    }
    return e->locals != NULL && node->is_static ? recall(e, node, ret) : compute(e, node, ret);
}

enum expression_err evaluation_run(struct evaluation *e, const struct expression *expression,
                                   struct expression_object *ret_object)
{
    return evaluation_object(e, expression->root, ret_object);
}

enum expression_err evaluation_check(struct evaluation *e, const struct expression *expression,
                                     struct expression_object *object)
{
    /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): set where a run was OK */
    bool is_time = object->value.kind == VALUE_TIMESTAMP || object->value.kind == VALUE_DURATION ||
                   object->value.kind == VALUE_TYPE;

    if (object->type != NULL || (!expression->makes_new && !is_time)) {
        return EXPRESSION_OK;
    }
    return evaluation_placed(e, expression->root,
                             result_finish(e, &object->value, e->value_depth_max));
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
    evaluation_end(&e);
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
    evaluation_end(&e);
    return err;
}
