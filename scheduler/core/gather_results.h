/* gather_results: what the container of a batch gave, as one result for each of its tasks.
 *
 * Pure. */
#ifndef EXO_SCHEDULER_GATHER_RESULTS_H
#define EXO_SCHEDULER_GATHER_RESULTS_H

#include "scheduler/core/gather_book.h"

/* gather_results_read reads [{"output": ...} or {"error": "..."}, ...].
 *
 * text         borrowed
 * count        of the tasks in the batch
 * arena        borrowed; texts of the results live there
 * ret_results  out, count of them; undefined on failure. One that is neither, or above 64 KiB, is a
 *              failure of its task alone
 * ret_wrong    out: NULL, or a static text that says why nothing of it can be used
 *
 * Returns false when memory is missing: then nothing is known of the results. */
EXO_CHECKED bool gather_results_read(struct span text, uint32_t count, struct arena *arena,
                                     struct gather_result *ret_results, const char **ret_wrong);

#endif /* EXO_SCHEDULER_GATHER_RESULTS_H */
