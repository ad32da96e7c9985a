#include "schemas/expression/macro.h"

#include "schemas/expression/operators.h"

const char *macro_name(enum node_macro macro)
{
    static const char *const names[] = {
        [MACRO_ALL] = "all()", [MACRO_EXISTS] = "exists()", [MACRO_EXISTS_ONE] = "exists_one()",
        [MACRO_MAP] = "map()", [MACRO_FILTER] = "filter()",
    };

    return names[macro];
}

/* One run over a range. */
struct walk {
    struct evaluation *e;
    const struct node *node;
    struct value range; /* list or map */
    struct local local;
};

/* The next item becomes the variable. */
static enum expression_err step(struct walk *walk, uint32_t i)
{
    walk->local.value =
        walk->range.kind == VALUE_LIST ? walk->range.items[i] : walk->range.members[i].key;
    return evaluation_placed(walk->e, walk->node, evaluation_charge(walk->e, 1));
}

/* What the condition says of the item. */
static enum expression_err choose(struct walk *walk, bool *ret)
{
    struct value value;
    enum expression_err err = evaluation_value(walk->e, walk->node->second, &value);

    if (err == EXPRESSION_OK && value.kind != VALUE_BOOL) {
        err = evaluation_placed(
            walk->e, walk->node->second,
            operators_fail_type(walk->e, macro_name(walk->node->macro), &value, NULL));
    }
    if (err == EXPRESSION_OK) {
        *ret = value.boolean;
    }
    return err;
}

/* all() is a chain of &&, exists() of ||: the item that decides wins over an error on another; and
 * what is only pending may still decide, so it goes before an error. */
static enum expression_err quantify(struct walk *walk, bool *ret)
{
    bool decides = walk->node->macro == MACRO_EXISTS;
    struct expression_error kept;
    enum expression_err first = EXPRESSION_OK;

    for (uint32_t i = 0; i < walk->range.count; i++) {
        bool is_true = false;
        enum expression_err err = step(walk, i);

        if (err == EXPRESSION_OK) {
            err = choose(walk, &is_true);
        }
        if (evaluation_is_fatal(err)) {
            return err;
        }
        if (err == EXPRESSION_OK && is_true == decides) {
            *ret = decides;
            return EXPRESSION_OK;
        }
        if (err != EXPRESSION_OK && (first == EXPRESSION_OK || (first != EXPRESSION_EPENDING &&
                                                                err == EXPRESSION_EPENDING))) {
            first = err;
            kept = *walk->e->error;
        }
    }
    if (first != EXPRESSION_OK) {
        *walk->e->error = kept;
    }
    *ret = !decides;
    return first;
}

/* Unlike exists(), any error is one. */
static enum expression_err count_to_one(struct walk *walk, bool *ret)
{
    uint32_t nr = 0;
    enum expression_err err = EXPRESSION_OK;

    for (uint32_t i = 0; i < walk->range.count && err == EXPRESSION_OK; i++) {
        bool is_true = false;

        err = step(walk, i);
        if (err == EXPRESSION_OK) {
            err = choose(walk, &is_true);
        }
        nr += is_true;
    }
    *ret = nr == 1;
    return err;
}

/* The list that map() or filter() makes. */
static enum expression_err gather(struct walk *walk, struct value *ret)
{
    struct evaluation *e = walk->e;
    const struct node *chosen = walk->node->third == NULL ? walk->node->second : walk->node->third;
    bool has_choice = walk->node->macro == MACRO_FILTER || walk->node->third != NULL;
    void *memory;
    uint32_t nr = 0;
    enum expression_err err = evaluation_placed(
        e, walk->node, evaluation_make(e, walk->range.count * sizeof(struct value), &memory));
    struct value *items = memory;

    for (uint32_t i = 0; i < walk->range.count && err == EXPRESSION_OK; i++) {
        bool is_chosen = true;

        err = step(walk, i);
        if (err == EXPRESSION_OK && has_choice) {
            err = choose(walk, &is_chosen);
        }
        if (err != EXPRESSION_OK || !is_chosen) {
            continue;
        }
        if (walk->node->macro == MACRO_FILTER) {
            items[nr++] = walk->local.value;
        } else {
            err = evaluation_value(e, chosen, &items[nr++]);
        }
    }
    if (err == EXPRESSION_OK) {
        *ret = (struct value){.kind = VALUE_LIST, .count = nr, .items = items};
    }
    return err;
}

enum expression_err macro_eval(struct evaluation *e, const struct node *node,
                               struct expression_object *ret_object)
{
    struct walk walk = {.e = e, .node = node, .local = {.outer = e->locals}};
    struct value result = value_null();
    bool is_true = false;
    enum expression_err err = evaluation_value(e, node->first, &walk.range);

    if (err != EXPRESSION_OK) {
        return err;
    }
    if (walk.range.kind != VALUE_LIST && walk.range.kind != VALUE_MAP) {
        return evaluation_placed(
            e, node, operators_fail_type(e, macro_name(node->macro), &walk.range, NULL));
    }
    e->locals = &walk.local;
    switch (node->macro) {
    case MACRO_ALL:
    case MACRO_EXISTS:
        err = quantify(&walk, &is_true);
        result = value_bool(is_true);
        break;
    case MACRO_EXISTS_ONE:
        err = count_to_one(&walk, &is_true);
        result = value_bool(is_true);
        break;
    case MACRO_MAP:
    case MACRO_FILTER:
        err = gather(&walk, &result);
        break;
    }
    e->locals = walk.local.outer;
    *ret_object = expression_object_value(result);
    return err;
}
