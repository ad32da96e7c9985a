#include "schemas/expression/scope.h"

static enum expression_err lookup_member(void *context, struct span name,
                                         struct expression_object *ret_object,
                                         struct expression_error *ret_error)
{
    const struct value *const *map = context;
    const struct value *found = value_get(*map, name);

    if (found == NULL) {
        return expression_error_set(ret_error, EXPRESSION_ENAME, "", "");
    }
    *ret_object = expression_object_value(*found);
    return EXPRESSION_OK;
}

struct expression_scope expression_scope_of_map(const struct value **map)
{
    return (struct expression_scope){.lookup = lookup_member, .context = map};
}
