#include "schemas/json/value_stack.h"

#include <assert.h>
#include <string.h>

#include "schemas/json/key_set.h"

_Static_assert(sizeof(struct value_member) == 2 * sizeof(struct value), "layout of the stack");

void value_stack_init(struct value_stack *stack, struct allocator allocator)
{
    stack->allocator = allocator;
    stack->values = stack->local;
    stack->count = 0;
    stack->capacity = VALUE_STACK_LOCAL;
}

void value_stack_release(struct value_stack *stack)
{
    if (stack->values != stack->local) {
        (void)stack->allocator.resize(stack->allocator.context, stack->values,
                                      stack->capacity * sizeof(struct value), 0);
    }
}

static bool grow(struct value_stack *stack)
{
    bool is_local = stack->values == stack->local;
    size_t old_bytes = is_local ? 0 : stack->capacity * sizeof(struct value);

    if (stack->capacity > UINT32_MAX / 2) {
        return false;
    }
    struct value *moved =
        stack->allocator.resize(stack->allocator.context, is_local ? NULL : stack->values,
                                old_bytes, 2 * (size_t)stack->capacity * sizeof(struct value));

    if (moved == NULL) {
        return false;
    }
    if (is_local) {
        memcpy(moved, stack->local, sizeof(stack->local));
    }
    stack->values = moved;
    stack->capacity *= 2;
    return true;
}

bool value_stack_push(struct value_stack *stack, struct value value)
{
    if (stack->count == stack->capacity && !grow(stack)) {
        return false;
    }
    stack->values[stack->count++] = value;
    return true;
}

bool value_stack_close(struct value_stack *stack, struct arena *arena, uint32_t begin,
                       struct value holder, const struct value **ret_twice)
{
    uint32_t nr = stack->count - begin;
    bool is_map = holder.kind == VALUE_MAP;
    struct value *items = NULL;

    assert(begin <= stack->count);
    *ret_twice = NULL;
    if (nr > 0) {
        items = arena_alloc(arena, nr * sizeof(*items));
        if (items == NULL) {
            return false;
        }
        memcpy(items, stack->values + begin, nr * sizeof(*items));
    }
    holder.count = nr;
    holder.items = items;
    if (is_map) {
        assert(nr % 2 == 0);
        holder.count = nr / 2;
        holder.members = (const struct value_member *)(const void *)items;
        if (!key_set_check(&holder, stack->allocator, ret_twice)) {
            return false;
        }
    }
    stack->count = begin;
    return value_stack_push(stack, holder);
}
