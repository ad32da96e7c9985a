/* scope: what the names in an expression stand for.
 *
 *   satellites.count.output[3]
 *       |        |      |    |
 *    lookup   member member index      each gives an object; only an operator that needs the
 *                                      bytes calls load
 *
 * An object is a plain value, or lazy: something the scope knows of but has not at hand, such as
 * a value kept as a blob or the output of a map with a million items. A lazy object answers what
 * it can (its size, one item) without being loaded.
 *
 * Pure; a scope's functions must be pure too where the evaluation runs in a core. They fetch
 * nothing: what is not at hand they note in their own context and answer EXPRESSION_EPENDING; the
 * caller of expression_eval fetches it and evaluates again. */
#ifndef EXO_EXPRESSION_SCOPE_H
#define EXO_EXPRESSION_SCOPE_H

#include <stdint.h>

#include "schemas/expression/expression_error.h"
#include "schemas/vocab/arena.h"
#include "schemas/vocab/span.h"
#include "schemas/vocab/value.h"

struct expression_object_type;

/* A plain value has type NULL. data, a and b belong to the type. Copied freely by the evaluator;
 * valid until expression_eval's result is no longer used. */
struct expression_object {
    const struct expression_object_type *type; /* NULL: plain */
    struct value value;                        /* of a plain one */
    const void *data;                          /* of a lazy one, borrowed from the scope */
    uint64_t a;
    uint64_t b;
};

/* What a lazy object can do. Each function returns EXPRESSION_OK with its output filled, or an
 * error with *ret_error filled (code and text; use expression_error_set). A NULL function means:
 * load the object and ask the value. */
struct expression_object_type {
    /* has and .name; EXPRESSION_EMISSING when there is no such member. name: borrowed. */
    enum expression_err (*member)(const struct expression_object *self, struct span name,
                                  struct expression_object *ret_object,
                                  struct expression_error *ret_error);
    /* [index]; EXPRESSION_EMISSING outside 0 .. size - 1. */
    enum expression_err (*index)(const struct expression_object *self, int64_t index,
                                 struct expression_object *ret_object,
                                 struct expression_error *ret_error);
    /* size(): items, members or code points. */
    enum expression_err (*size)(const struct expression_object *self, int64_t *ret_size,
                                struct expression_error *ret_error);
    /* The whole value, for every other use; never NULL. arena: the evaluation's, borrowed.
     * Answers EXPRESSION_ELIMIT above LIMIT_LIST_LOAD_BYTES, saying so. */
    enum expression_err (*load)(const struct expression_object *self, struct arena *arena,
                                struct value *ret_value, struct expression_error *ret_error);
};

struct expression_scope {
    /* The object of a root name, or EXPRESSION_ENAME (the evaluator words the error). */
    enum expression_err (*lookup)(void *context, struct span name,
                                  struct expression_object *ret_object,
                                  struct expression_error *ret_error);
    void *context; /* kept by the maker of the scope, handed to lookup */
};

/* expression_object_value makes the object of a plain value, whose parts are borrowed. */
static inline struct expression_object expression_object_value(struct value value)
{
    return (struct expression_object){.value = value};
}

/* expression_scope_of_map makes a scope whose root names are the members of a map value. For
 * `exosphere eval` and tests.
 * map  kept, both the pointer and what it points to, until the scope is no longer used */
struct expression_scope expression_scope_of_map(const struct value **map);

#endif /* EXO_EXPRESSION_SCOPE_H */
