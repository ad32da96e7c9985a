/* definition_body: what a PUT of a cluster or satellite holds, checked up to its canonical text.
 *
 *   {cluster | satellite, message, actor, expected_version} --definition_body_read--> the parts
 *   the definition itself ----------definition_check--------> canonical text, or every fault
 *
 * Pure. */
#ifndef EXO_PRODUCER_DEFINITION_BODY_H
#define EXO_PRODUCER_DEFINITION_BODY_H

#include "schemas/cluster/uses.h"
#include "schemas/vocab/checked.h"

enum { DEFINITION_MESSAGE_BYTES_MAX = 1000, DEFINITION_ACTOR_BYTES_MAX = 200 };

struct definition_body {
    const struct value *definition; /* a map: what stands under `cluster:` or `satellite:`; or a
                                     * string: a file */
    struct span message;            /* bytes 0: none; with a NUL */
    struct span actor;
    int64_t expected; /* the newest version there must be, 0: none; -1: not said */
};

/* definition_body_read takes the members of a body; all faults go to faults.
 * root  borrowed, and by *ret */
void definition_body_read(enum version_kind kind, const struct value *root, struct arena *arena,
                          struct definition_body *ret, struct fault_list *faults);

/* Whose definition it is: the path of the request. */
struct definition_name {
    enum version_kind kind;
    const char *project; /* C strings, good names */
    const char *name;
};

/* definition_inner finds what stands under `cluster:` or `satellite:` of a file that was read, and
 * puts the name of the path in where it has none; faults where the file is no such file.
 * root     borrowed, and by the result
 * is_file  root is a whole file; else what stands under the key already
 * Returns it, in the arena, or NULL with faults. */
const struct value *definition_inner(const struct definition_name *name, const struct value *root,
                                     bool is_file, struct arena *arena, struct fault_list *faults);

/* definition_check gives the canonical text of a definition whose satellites are written out
 * (uses.h), in the arena; empty with faults. */
struct span definition_check(const struct definition_name *name, const struct value *inner,
                             struct arena *arena, struct fault_list *faults);

/* definition_check_form adds the faults that a cluster has beside what could not be written out. */
void definition_check_form(const char *project, const struct value *inner, struct arena *arena,
                           struct fault_list *faults);

#endif /* EXO_PRODUCER_DEFINITION_BODY_H */
