/* task_path: the names of tasks: count.17 of a map, merge of a single one.
 *
 * Pure. */
#ifndef EXO_PRODUCER_TASK_PATH_H
#define EXO_PRODUCER_TASK_PATH_H

#include "schemas/cluster/cluster.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/span.h"

enum { TASK_PATH_BYTES = 96 };

/* task_path_format writes the path and a NUL; a longer name is cut. */
void task_path_format(struct span satellite, bool has_index, uint32_t index,
                      char ret_text[TASK_PATH_BYTES]);

/* task_path_parse reads a path.
 * *ret_satellite  the satellite it names
 * *ret_index      0 without one; a map's path has an index, no other has
 * Returns false, leaving the outputs as they were, for a path that names no task of the cluster
 * whatever its maps turn out to hold. */
EXO_CHECKED bool task_path_parse(const struct cluster *cluster, struct span text,
                                 const struct satellite **ret_satellite, uint32_t *ret_index);

/* task_number_format writes a number's digits, at most 10, without a NUL. Returns how many. */
size_t task_number_format(uint32_t number, char *ret_digits);

/* task_number_parse reads 1 to 10 digits up to UINT32_MAX without a leading zero.
 * Returns false, leaving *ret as it was, for any other text. */
EXO_CHECKED bool task_number_parse(struct span text, uint32_t *ret);

#endif /* EXO_PRODUCER_TASK_PATH_H */
