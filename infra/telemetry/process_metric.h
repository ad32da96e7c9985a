/* process metric: what the kernel says about this process.
 *
 * Touches /proc/self. */
#ifndef EXO_INFRA_TELEMETRY_PROCESS_METRIC_H
#define EXO_INFRA_TELEMETRY_PROCESS_METRIC_H

#include <stdint.h>

#include "schemas/vocab/buffer.h"

/* What a process uses; a value that cannot be read is 0. */
struct process_usage {
    int64_t resident_bytes;
    double cpu_seconds; /* user and system */
    int64_t open_fds;
    int64_t max_fds;
    double start_seconds; /* since 1970 */
    int64_t threads;
};

/* process_usage_read reads them all now. */
struct process_usage process_usage_read(void);

/* process_metrics_write appends them under the names that Prometheus clients share
 * (process_resident_memory_bytes ...) and exosphere_info with the version. */
void process_metrics_write(struct buffer *buffer);

#endif /* EXO_INFRA_TELEMETRY_PROCESS_METRIC_H */
