/* file_head: how every file begins: its version, and one thing under its name.
 *
 *   exosphere: v1
 *   cluster: {...}          or satellite, or schedule
 *
 * Pure. */
#ifndef EXO_CLUSTER_FILE_HEAD_H
#define EXO_CLUSTER_FILE_HEAD_H

#include <stddef.h>

#include "schemas/cluster/field.h"

/* What the rows of FILE_HEAD_ROWS are read into. */
struct file_head {
    const struct value *version;
    const struct value *inner; /* what stands under the name */
};

enum { FILE_HEAD_NR = 2 };

/* The rows of a file whose second member is called inner_name, for an array of struct field. */
/* clang-format off */
#define FILE_HEAD_ROWS(inner_name)                                                                \
    {.name = "exosphere", .in = FIELD_IN_ALL, .read = field_read_value, .offset = offsetof(struct file_head, version)}, \
    {.name = (inner_name), .in = FIELD_IN_ALL, .read = field_read_value, .offset = offsetof(struct file_head, inner)}
/* clang-format on */

/* file_head_read takes a whole file apart.
 * rows  FILE_HEAD_NR of FILE_HEAD_ROWS; borrowed
 * root  borrowed, and by the result
 * Returns what stands under the name, also where the version is wrong; or NULL where there is
 * nothing. Faults of r say what is wrong. */
const struct value *file_head_read(struct field_reader *r, const struct field *rows,
                                   const struct value *root);

#endif /* EXO_CLUSTER_FILE_HEAD_H */
