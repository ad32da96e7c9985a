/* contract_scope: what the expressions of one attempt see.
 *
 *   input, satellites.NAME.output|state|error   from the Spec's contexts
 *   ITEM, index                                  from the Task, where the satellite is a map
 *   execution.id|time|labels                     from the Spec
 *
 * A context kept by reference (blob, list) is a lazy object: passed on whole it becomes a hole in
 * the input; looked into it is wanted first: the caller fetches it and evaluates again.
 *
 * Pure: memory comes from the given arena. */
#ifndef EXO_WORKERS_CONTRACT_SCOPE_H
#define EXO_WORKERS_CONTRACT_SCOPE_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/expression/scope.h"
#include "schemas/vocab/arena.h"
#include "schemas/vocab/checked.h"
#include "schemas/wire/task.h"

enum { CONTRACT_WANTS_MAX = 64 /* values fetched to be looked into, of one attempt */ };

/* Index of a want that is not one item of a list. */
#define CONTRACT_WHOLE UINT32_MAX

/* A value by reference that an expression looks into. */
struct contract_want {
    const struct wire_context *context; /* BLOB or LIST */
    uint32_t index;                     /* of a list's item, or CONTRACT_WHOLE */
    bool is_fetched;
    bool is_failed;
    struct value value; /* once fetched */
    const char *error;  /* once failed: a sentence, in the arena */
};

struct contract_scope {
    const struct wire_spec *spec; /* kept */
    struct arena *arena;          /* kept; values and wants live there */
    uint32_t index;
    bool has_item;
    struct value item;
    struct contract_want wants[CONTRACT_WANTS_MAX];
    uint32_t want_count;
};

/* contract_scope_init prepares the scope of one attempt.
 *
 * spec   kept; its contexts must live as long as the scope
 * index  of the task
 * item   its JSON, kept; empty where it is no map
 * arena  kept
 *
 * Returns 0, or -1 when the item is no JSON or the arena is full. */
EXO_CHECKED int contract_scope_init(struct contract_scope *scope, const struct wire_spec *spec,
                                    uint32_t index, struct span item, struct arena *arena);

/* contract_scope_names gives the names for an evaluation; valid as long as the scope. */
struct expression_scope contract_scope_names(struct contract_scope *scope);

/* contract_scope_fetched answers a want with the JSON that was fetched (kept),
 * contract_scope_failed with the reason (a C string, copied). A text that is no JSON is a failure.
 */
void contract_scope_fetched(struct contract_scope *scope, struct contract_want *found,
                            struct span json);
void contract_scope_failed(struct contract_scope *scope, struct contract_want *found,
                           const char *reason);

/* contract_scope_context gives the context behind a lazy object and the item of its list it stands
 * for (CONTRACT_WHOLE: all of it). */
const struct wire_context *contract_scope_context(const struct expression_object *object,
                                                  uint32_t *ret_index);

#endif /* EXO_WORKERS_CONTRACT_SCOPE_H */
