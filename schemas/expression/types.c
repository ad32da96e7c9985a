#include "schemas/expression/types.h"

#include <assert.h>
#include <string.h>

#include "schemas/expression/conversions.h"
#include "schemas/expression/functions.h"
#include "schemas/expression/lexer.h"
#include "schemas/expression/macro.h"
#include "schemas/expression/operators.h"
#include "schemas/expression/references.h"
#include "schemas/expression/string_functions.h"

#define ANY KIND_ANY
#define NUMBERS (KIND(VALUE_INT) | KIND(VALUE_DOUBLE))
#define SIZED (KIND(VALUE_STRING) | KIND(VALUE_LIST) | KIND(VALUE_MAP))
#define HOLDERS (KIND(VALUE_LIST) | KIND(VALUE_MAP))
#define BOOL KIND(VALUE_BOOL)

enum { TYPE_TEXT_BYTES = 96 };

/* The type of a macro's variable. */
struct typed {
    const struct typed *outer;
    struct expression_type type;
};

struct checking {
    const struct expression_typing *typing;
    struct expression_error *error;
    const struct typed *variables;
};

static enum expression_err check(struct checking *c, const struct node *node,
                                 struct expression_type *ret);

void expression_type_text(struct expression_type type, char *ret_text, size_t bytes)
{
    struct expression_error text; /* for its bounded text */

    (void)expression_error_set(&text, EXPRESSION_ETYPE, type.kinds == ANY ? "any value" : "", "");
    for (int kind = 0; kind < VALUE_KIND_NR && type.kinds != ANY; kind++) {
        if ((type.kinds & KIND(kind)) == 0) {
            continue;
        }
        expression_error_add(&text, span_of(text.text[0] == '\0' ? "" : " or "));
        expression_error_add(&text, span_of(value_kind_name((enum value_kind)kind)));
    }
    size_t length = strlen(text.text);

    length = length < bytes ? length : bytes - 1;
    memcpy(ret_text, text.text, length);
    ret_text[length] = '\0';
}

/* "+ does not go with int and string", in the words of an evaluation. */
static enum expression_err fail(struct checking *c, const struct node *node, const char *what,
                                struct expression_type left, const struct expression_type *right)
{
    char text[TYPE_TEXT_BYTES];

    (void)expression_error_set(c->error, EXPRESSION_ETYPE, what,
                               right == NULL ? " does not take " : " does not go with ");
    expression_type_text(left, text, sizeof(text));
    expression_error_add(c->error, span_of(text));
    if (right != NULL) {
        expression_type_text(*right, text, sizeof(text));
        expression_error_add(c->error, span_of(" and "));
        expression_error_add(c->error, span_of(text));
    }
    return expression_error_at(c->error, node->place);
}

static struct expression_type type_of_kinds(unsigned kinds)
{
    return (struct expression_type){kinds, ANY};
}

/* A node whose value must be one of these kinds. */
static enum expression_err check_kinds(struct checking *c, const struct node *node, unsigned wanted,
                                       const char *what)
{
    struct expression_type type;
    enum expression_err err = check(c, node, &type);

    if (err == EXPRESSION_OK && (type.kinds & wanted) == 0) {
        err = fail(c, node, what, type, NULL);
    }
    return err;
}

/* The type behind .name or ["name"] (is_member), or behind [index]. */
static enum expression_err step(struct checking *c, const struct node *node, bool is_member,
                                struct expression_type *type)
{
    unsigned wanted = is_member ? KIND(VALUE_MAP) : HOLDERS;
    char text[TYPE_TEXT_BYTES];

    if ((type->kinds & wanted) == 0) {
        expression_type_text(*type, text, sizeof(text));
        (void)expression_error_set(c->error, EXPRESSION_ETYPE, text,
                                   is_member ? " has no member" : " has no items");
        if (node->kind == NODE_MEMBER) {
            expression_error_add(c->error, span_of(" "));
            expression_error_add(c->error, node->name);
        }
        return expression_error_at(c->error, node->place);
    }
    *type = type_of_kinds(type->items);
    return EXPRESSION_OK;
}

static enum expression_err check_step(struct checking *c, const struct node *node,
                                      struct expression_type *type)
{
    struct expression_type index = {KIND(VALUE_STRING), ANY};

    if (node->kind == NODE_INDEX) {
        enum expression_err err = check(c, node->second, &index);

        if (err != EXPRESSION_OK) {
            return err;
        }
        if ((index.kinds & (NUMBERS | KIND(VALUE_STRING))) == 0) {
            return fail(c, node, "an index", index, NULL);
        }
    }
    return step(c, node, (index.kinds & NUMBERS) == 0, type);
}

static enum expression_err check_chain(struct checking *c, const struct node *node,
                                       struct expression_type *ret)
{
    const struct node *chain[EXPRESSION_DEPTH_MAX];
    struct expression_step steps[REFERENCE_STEPS_MAX];
    struct expression_reference reference = {.steps = steps};
    const struct node *root;
    uint32_t nr = reference_chain(node, chain, &root);
    uint32_t at = 0;
    enum expression_err err = EXPRESSION_OK;

    if (root->kind == NODE_NAME) {
        reference_fill(root, chain, nr, steps, &reference);
        *ret = reference.is_type ? type_of_kinds(ANY)
                                 : c->typing->type(c->typing->context, &reference, &at);
    } else {
        err = check(c, root, ret);
    }
    for (; at < nr && err == EXPRESSION_OK; at++) {
        err = check_step(c, chain[at], ret);
    }
    return err;
}

/* The kinds that an operator of arithmetic gives for two kinds; 0: it takes them not. */
static unsigned arithmetic(enum node_op op, enum value_kind a, enum value_kind b)
{
    bool is_sum = op == OP_ADD || op == OP_SUBTRACT;

    if (a == b && (a == VALUE_INT || (a == VALUE_DOUBLE && op != OP_REMAINDER) ||
                   (op == OP_ADD && (a == VALUE_STRING || a == VALUE_LIST)) ||
                   (is_sum && a == VALUE_DURATION))) {
        return KIND(a);
    }
    if (is_sum && a == VALUE_TIMESTAMP && b == VALUE_DURATION) {
        return KIND(VALUE_TIMESTAMP);
    }
    if (op == OP_ADD && a == VALUE_DURATION && b == VALUE_TIMESTAMP) {
        return KIND(VALUE_TIMESTAMP);
    }
    return op == OP_SUBTRACT && a == VALUE_TIMESTAMP && b == VALUE_TIMESTAMP ? KIND(VALUE_DURATION)
                                                                             : 0;
}

static unsigned order(enum value_kind a, enum value_kind b)
{
    bool is_ordered =
        a == VALUE_BOOL || a == VALUE_STRING || a == VALUE_TIMESTAMP || a == VALUE_DURATION;

    return (KIND(a) & NUMBERS) != 0 && (KIND(b) & NUMBERS) != 0 ? BOOL
           : a == b && is_ordered                               ? BOOL
                                                                : 0;
}

static unsigned result_of(enum node_op op, enum value_kind a, enum value_kind b)
{
    switch (op) {
    case OP_ADD:
    case OP_SUBTRACT:
    case OP_MULTIPLY:
    case OP_DIVIDE:
    case OP_REMAINDER:
        return arithmetic(op, a, b);
    case OP_EQUAL:
    case OP_NOT_EQUAL:
        return BOOL;
    case OP_LESS:
    case OP_LESS_EQUAL:
    case OP_GREATER:
    case OP_GREATER_EQUAL:
        return order(a, b);
    case OP_IN:
        break;
    }
    return (KIND(b) & HOLDERS) != 0 ? BOOL : 0;
}

static enum expression_err check_binary(struct checking *c, const struct node *node,
                                        struct expression_type *ret)
{
    struct expression_type left;
    struct expression_type right;
    unsigned kinds = 0;
    enum expression_err err = check(c, node->first, &left);

    if (err == EXPRESSION_OK) {
        err = check(c, node->second, &right);
    }
    if (err != EXPRESSION_OK) {
        return err;
    }
    for (unsigned a = 0; a < VALUE_KIND_NR; a++) {
        for (unsigned b = 0; b < VALUE_KIND_NR; b++) {
            if ((left.kinds & KIND(a)) != 0 && (right.kinds & KIND(b)) != 0) {
                kinds |= result_of(node->op, (enum value_kind)a, (enum value_kind)b);
            }
        }
    }
    if (kinds == 0) {
        return fail(c, node, operators_text(node->op), left, &right);
    }
    *ret = (struct expression_type){kinds, left.items | right.items};
    return EXPRESSION_OK;
}

/* A number stays what it is. */
static enum expression_err check_negate(struct checking *c, const struct node *node,
                                        struct expression_type *ret)
{
    struct expression_type type;
    enum expression_err err = check(c, node->first, &type);

    if (err == EXPRESSION_OK && (type.kinds & NUMBERS) == 0) {
        err = fail(c, node->first, "-", type, NULL);
    }
    *ret = type_of_kinds(type.kinds & NUMBERS);
    return err;
}

static enum expression_err check_logic(struct checking *c, const struct node *node,
                                       struct expression_type *ret)
{
    const char *op = node->kind == NODE_OR ? "||" : "&&";
    enum expression_err err = check_kinds(c, node->first, BOOL, op);

    *ret = type_of_kinds(BOOL);
    return err == EXPRESSION_OK ? check_kinds(c, node->second, BOOL, op) : err;
}

static enum expression_err check_conditional(struct checking *c, const struct node *node,
                                             struct expression_type *ret)
{
    struct expression_type other;
    enum expression_err err = check_kinds(c, node->first, BOOL, "?:");

    if (err == EXPRESSION_OK) {
        err = check(c, node->second, ret);
    }
    if (err == EXPRESSION_OK) {
        err = check(c, node->third, &other);
    }
    if (err == EXPRESSION_OK) {
        ret->kinds |= other.kinds;
        ret->items |= other.items;
    }
    return err;
}

/* The items of a list, or keys and values in turn. */
static enum expression_err check_items(struct checking *c, const struct node *node,
                                       struct expression_type *ret)
{
    bool is_map = node->kind == NODE_MAP;
    bool is_key = is_map;
    unsigned items = 0;
    enum expression_err err = EXPRESSION_OK;

    for (const struct node *item = node->first; item != NULL && err == EXPRESSION_OK;
         item = item->next) {
        struct expression_type type;

        if (is_key) {
            err = check_kinds(c, item, KIND(VALUE_STRING), "the key of a map");
        } else {
            err = check(c, item, &type);
            items |= err == EXPRESSION_OK ? type.kinds : 0;
        }
        is_key = is_map && !is_key;
    }
    *ret =
        (struct expression_type){KIND(is_map ? VALUE_MAP : VALUE_LIST), items == 0 ? ANY : items};
    return err;
}

static enum expression_err check_call(struct checking *c, const struct node *node,
                                      struct expression_type *ret)
{
    const struct function *function = node->function;
    struct expression_type type;
    uint32_t nr = 0;
    struct expression_error what; /* for its bounded text */

    (void)expression_error_set(&what, EXPRESSION_ETYPE, function->name, "()");
    *ret = type_of_kinds(function->gives);
    if (function->apply == string_split) {
        ret->items = KIND(VALUE_STRING);
    }
    for (const struct node *argument = node->first; argument != NULL; argument = argument->next) {
        enum expression_err err = check(c, argument, &type);

        if (err == EXPRESSION_OK && (type.kinds & function->takes[nr++]) == 0) {
            err = fail(c, argument, what.text, type, NULL);
        }
        if (err != EXPRESSION_OK) {
            return err;
        }
        if (function->apply == convert_dyn) {
            *ret = type_of_kinds(ANY);
        }
    }
    return EXPRESSION_OK;
}

/* The type of the variable: the items of a list, or the keys of a map. */
static unsigned variable_of(struct expression_type range)
{
    return ((range.kinds & KIND(VALUE_LIST)) != 0 ? range.items : 0) |
           ((range.kinds & KIND(VALUE_MAP)) != 0 ? KIND(VALUE_STRING) : 0);
}

static enum expression_err check_macro(struct checking *c, const struct node *node,
                                       struct expression_type *ret)
{
    const char *name = macro_name(node->macro);
    const struct node *value = node->third != NULL ? node->third : node->second;
    bool has_choice = node->macro != MACRO_MAP || node->third != NULL;
    struct expression_type type;
    enum expression_err err = check(c, node->first, &type);

    if (err == EXPRESSION_OK && (type.kinds & HOLDERS) == 0) {
        err = fail(c, node, name, type, NULL);
    }
    if (err != EXPRESSION_OK) {
        return err;
    }
    const struct typed variable = {c->variables, type_of_kinds(variable_of(type))};

    c->variables = &variable;
    if (has_choice) {
        err = check_kinds(c, node->second, BOOL, name);
    }
    *ret = type_of_kinds(BOOL);
    if (node->macro == MACRO_FILTER) {
        *ret = (struct expression_type){KIND(VALUE_LIST), variable.type.kinds};
    }
    if (err == EXPRESSION_OK && node->macro == MACRO_MAP) {
        err = check(c, value, &type);
        *ret = (struct expression_type){KIND(VALUE_LIST), type.kinds};
    }
    c->variables = variable.outer;
    return err;
}

static enum expression_err check_local(const struct checking *c, const struct node *node,
                                       struct expression_type *ret)
{
    const struct typed *variable = c->variables;

    for (uint32_t outward = node->count; outward > 0; outward--) {
        assert(variable != NULL);
        variable = variable->outer;
    }
    assert(variable != NULL);
    *ret = variable->type;
    return EXPRESSION_OK;
}

static enum expression_err check(struct checking *c, const struct node *node,
                                 struct expression_type *ret)
{
    *ret = expression_type_any();
    switch (node->kind) {
    case NODE_LITERAL:
        *ret = type_of_kinds(KIND(node->literal.kind));
        return EXPRESSION_OK;
    case NODE_NAME:
    case NODE_MEMBER:
    case NODE_INDEX:
        return check_chain(c, node, ret);
    case NODE_NOT:
        *ret = type_of_kinds(BOOL);
        return check_kinds(c, node->first, BOOL, "!");
    case NODE_NEGATE:
        return check_negate(c, node, ret);
    case NODE_BINARY:
        return check_binary(c, node, ret);
    case NODE_AND:
    case NODE_OR:
        return check_logic(c, node, ret);
    case NODE_CONDITIONAL:
        return check_conditional(c, node, ret);
    case NODE_LIST:
    case NODE_MAP:
        return check_items(c, node, ret);
    case NODE_SIZE:
        *ret = type_of_kinds(KIND(VALUE_INT));
        return check_kinds(c, node->first, SIZED, "size()");
    case NODE_HAS:
        *ret = type_of_kinds(BOOL);
        return check_kinds(c, node->first->first, KIND(VALUE_MAP), "has()");
    case NODE_LOCAL:
        return check_local(c, node, ret);
    case NODE_MACRO:
        return check_macro(c, node, ret);
    case NODE_CALL:
        return check_call(c, node, ret);
    }
    return EXPRESSION_OK;
}

enum expression_err expression_check_types(const struct expression *expression,
                                           const struct expression_typing *typing,
                                           struct expression_type *ret_type,
                                           struct expression_error *ret_error)
{
    struct checking c = {.typing = typing, .error = ret_error};
    struct expression_type type;
    enum expression_err err = check(&c, expression->root, &type);

    if (err == EXPRESSION_OK) {
        *ret_type = type;
    }
    return err;
}

void expression_place(const struct expression *expression, struct expression_error *ret_error)
{
    (void)expression_error_at(ret_error, expression->root->place);
}
