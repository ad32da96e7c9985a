/* path_pattern: does a request's path fit a route such as /v1/executions/{id}/tasks/{task}.
 *
 * Pure. */
#ifndef EXO_PRODUCER_PATH_PATTERN_H
#define EXO_PRODUCER_PATH_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/vocab/checked.h"
#include "schemas/vocab/span.h"

enum { PATH_PARAMETERS_MAX = 3 };

/* What stood where the pattern has {name}, in order. */
struct path_parameters {
    struct span values[PATH_PARAMETERS_MAX]; /* point into the path */
    uint32_t count;
};

/* path_match is true when each part between slashes is the pattern's, or stands, not empty, where
 * the pattern has a {name}.
 * pattern  at most PATH_PARAMETERS_MAX names (asserted); borrowed
 * path     borrowed, and by *ret as long as it is used
 * ret      out; untouched when they differ */
EXO_CHECKED bool path_match(const char *pattern, const char *path, struct path_parameters *ret);

#endif /* EXO_PRODUCER_PATH_PATTERN_H */
