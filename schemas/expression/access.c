#include "schemas/expression/access.h"

#include "schemas/expression/conversions.h"
#include "schemas/expression/operators.h"
#include "schemas/json/utf8.h"

static enum expression_err member_of_value(struct evaluation *e, const struct value *holder,
                                           struct span name, struct expression_object *ret)
{
    if (holder->kind != VALUE_MAP) {
        (void)evaluation_fail(e, EXPRESSION_ETYPE, value_kind_name(holder->kind),
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
        return evaluation_fail(e, EXPRESSION_EMISSING, "no such key: ", name);
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
    enum expression_err err = evaluation_load_object(e, holder, &value);

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
    enum expression_err err = evaluation_load_object(e, holder, &value);

    return err == EXPRESSION_OK ? item_of_value(e, &value, index, ret) : err;
}

enum expression_err access_index(struct evaluation *e, const struct node *node,
                                 struct expression_object *ret)
{
    struct expression_object holder;
    struct value index;
    enum expression_err err = evaluation_object(e, node->first, &holder);

    if (err == EXPRESSION_OK) {
        err = evaluation_value(e, node->second, &index);
    }
    if (err != EXPRESSION_OK) {
        return err;
    }
    if (index.kind == VALUE_STRING) {
        return evaluation_placed(e, node, take_member(e, &holder, value_text(&index), ret));
    }
    /* As in CEL, a double without a fraction is an index too. */
    if (index.kind == VALUE_DOUBLE && index.number >= -0x1p53 && index.number <= 0x1p53 &&
        (double)(int64_t)index.number == index.number) {
        index = value_int((int64_t)index.number);
    }
    if (index.kind != VALUE_INT) {
        (void)expression_error_set(e->error, EXPRESSION_ETYPE, value_kind_name(index.kind),
                                   " is no index: an int takes an item, a string a member");
        return evaluation_placed(e, node, EXPRESSION_ETYPE);
    }
    return evaluation_placed(e, node, take_item(e, &holder, index.integer, ret));
}

enum expression_err access_member(struct evaluation *e, const struct node *node,
                                  struct expression_object *ret)
{
    struct expression_object holder;
    enum expression_err err = evaluation_object(e, node->first, &holder);

    return err == EXPRESSION_OK
               ? evaluation_placed(e, node, take_member(e, &holder, node->name, ret))
               : err;
}

enum expression_err access_has(struct evaluation *e, const struct node *node,
                               struct expression_object *ret)
{
    const struct node *member = node->first;
    struct expression_object holder;
    struct expression_object found;
    enum expression_err err = evaluation_object(e, member->first, &holder);

    if (err != EXPRESSION_OK) {
        return err;
    }
    err = take_member(e, &holder, member->name, &found);
    if (err != EXPRESSION_OK && err != EXPRESSION_EMISSING) {
        return evaluation_placed(e, member, err);
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
    case VALUE_TIMESTAMP:
    case VALUE_DURATION:
    case VALUE_TYPE:
    case VALUE_KIND_NR:
        break;
    }
    return operators_fail_type(e, "size()", value, NULL);
}

enum expression_err access_size(struct evaluation *e, const struct node *node,
                                struct expression_object *ret)
{
    struct expression_object object;
    struct value value;
    int64_t size = 0;
    enum expression_err err = evaluation_object(e, node->first, &object);

    if (err != EXPRESSION_OK) {
        return err;
    }
    if (object.type != NULL && object.type->size != NULL) {
        err = object.type->size(&object, &size, e->error);
    } else {
        err = evaluation_load_object(e, &object, &value);
        err = err == EXPRESSION_OK ? size_of_value(e, &value, &size) : err;
    }
    *ret = expression_object_value(value_int(size));
    return evaluation_placed(e, node, err);
}

enum expression_err access_name(struct evaluation *e, const struct node *node,
                                struct expression_object *ret)
{
    struct value type;
    enum expression_err err = e->scope->lookup(e->scope->context, node->name, ret, e->error);

    if (err == EXPRESSION_ENAME && conversions_type(node->name, &type)) {
        *ret = expression_object_value(type);
        return EXPRESSION_OK;
    }
    if (err == EXPRESSION_ENAME) {
        (void)evaluation_fail(e, err, "unknown name: ", node->name);
    }
    return evaluation_placed(e, node, err);
}
