/* task_path: the names of satellites and tasks: merge, count.17 of a map, page.3.parse of run 3 of
 * a group, page.3.parse.7 of a map in it.
 *
 *   page.3.parse.7 --task_path_parse--> run 3 of page, satellite parse, index 7
 *
 * Pure. */
#ifndef EXO_PRODUCER_TASK_PATH_H
#define EXO_PRODUCER_TASK_PATH_H

#include "schemas/cluster/cluster.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/limits.h"
#include "schemas/vocab/span.h"

enum {
    TASK_NUMBER_BYTES = 10,
    /* A name and an index for each level, and a NUL. */
    TASK_PATH_BYTES = (LIMIT_GROUP_DEPTH + 1) * (LIMIT_NAME_BYTES + TASK_NUMBER_BYTES + 2),
};

/* A run of a group that a path goes through. */
struct task_path_run {
    const struct satellite *group;
    uint32_t index; /* of the run among the group's tasks; 0 where it has no for_each */
};

/* What a path names, as far as the cluster tells: whether the runs are there is not known. */
struct task_path {
    struct task_path_run runs[LIMIT_GROUP_DEPTH]; /* from the outside in */
    uint32_t run_count;
    const struct satellite *satellite;
    bool has_index;           /* one task of a map; never of another satellite */
    uint32_t index;           /* 0 without one */
    struct span of_satellite; /* the text up to the satellite's name: page.3.parse; borrowed */
};

/* task_path_format writes the path of a task and a NUL; a longer name is cut.
 * satellite  the path of its satellite */
void task_path_format(struct span satellite, bool has_index, uint32_t index,
                      char ret_text[TASK_PATH_BYTES]);

/* task_path_parse reads the path of a satellite or of a task. A group's run is named with its index
 * where the group has for_each, without where it has none.
 * text      borrowed as long as *ret_path
 * ret_path  out; untouched on failure
 * Returns false for a path that names nothing in the cluster, whatever its maps turn out to hold.
 */
EXO_CHECKED bool task_path_parse(const struct cluster *cluster, struct span text,
                                 struct task_path *ret_path);

/* task_path_is_task is true when the path names one task: a map with an index, or another. */
bool task_path_is_task(const struct task_path *path);

/* task_number_format writes a number's digits, at most 10, without a NUL. Returns how many. */
size_t task_number_format(uint32_t number, char *ret_digits);

/* task_number_parse reads 1 to 10 digits up to UINT32_MAX without a leading zero.
 * Returns false, leaving *ret as it was, for any other text. */
EXO_CHECKED bool task_number_parse(struct span text, uint32_t *ret);

#endif /* EXO_PRODUCER_TASK_PATH_H */
