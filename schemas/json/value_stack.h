/* value_stack: where the parts of a value wait until their list or map is complete.
 *
 *   [ 1 , { "a" : 2 , "b" : 3 } ]          stack while b's 3 is read:  1  a 2  b
 *                                                                        ^frame of the map
 *   at } the map's keys and values move into the arena, and the map takes their place
 *
 * Keys lie between their values, which is the layout of struct value_member. For readers of texts.
 * Pure: memory comes from the allocator only. */
#ifndef EXO_JSON_VALUE_STACK_H
#define EXO_JSON_VALUE_STACK_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/vocab/arena.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/value.h"

enum { VALUE_STACK_LOCAL = 64 };

struct value_stack {
    struct allocator allocator; /* for what does not fit local */
    struct value *values;
    uint32_t count;
    uint32_t capacity;
    struct value local[VALUE_STACK_LOCAL];
};

/* value_stack_init makes an empty stack; allocates nothing. The stack must not be moved. */
void value_stack_init(struct value_stack *stack, struct allocator allocator);

/* value_stack_release frees what the stack took; the values it gave live on in their arena. */
void value_stack_release(struct value_stack *stack);

/* value_stack_push puts a value on top. Returns false when there is no memory. */
EXO_CHECKED bool value_stack_push(struct value_stack *stack, struct value value);

/* value_stack_close makes a list or map of everything from a place to the top, and puts it there.
 *
 * arena      borrowed; the items move there
 * begin      count of the stack when the list or map was opened
 * holder     its kind (VALUE_LIST or VALUE_MAP) and position; count is filled in
 * ret_twice  out; the first key of the map that an earlier member has too, or NULL; it lives in
 *            the arena. The map is made nevertheless
 *
 * Returns false when there is no memory. */
EXO_CHECKED bool value_stack_close(struct value_stack *stack, struct arena *arena, uint32_t begin,
                                   struct value holder, const struct value **ret_twice);

#endif /* EXO_JSON_VALUE_STACK_H */
