/* metric: counters, gauges and histograms, and their text for Prometheus.
 *
 *   metric_add(METRIC_X, 1) ---plain increment---> table ---\
 *   histogram_record(HISTOGRAM_X, ns) -----------> table ----> metrics_write -> GET /metrics
 *   collectors (labels known while running) ----------------/
 *
 * Counted on the loop's thread only. metrics_write also reads /proc/self. */
#ifndef EXO_INFRA_TELEMETRY_METRIC_H
#define EXO_INFRA_TELEMETRY_METRIC_H

#include <stdint.h>

#include "schemas/vocab/buffer.h"

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum { HISTOGRAM_BUCKETS = 24 };

enum metric {
#define COUNTER(constant, name, labels, unit, help) METRIC_##constant,
#define GAUGE(constant, name, labels, unit, help) METRIC_##constant,
#define HISTOGRAM(constant, name, labels, base, unit, help)
#include "infra/telemetry/metric_table.h"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
    METRIC_NR,
};

enum histogram {
#define COUNTER(constant, name, labels, unit, help)
#define GAUGE(constant, name, labels, unit, help)
#define HISTOGRAM(constant, name, labels, base, unit, help) HISTOGRAM_##constant,
#include "infra/telemetry/metric_table.h"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
    HISTOGRAM_NR,
};

/* One row of the table, for reference pages. */
struct metric_row {
    const char *name;
    const char *type; /* counter, gauge, histogram */
    const char *labels;
    const char *unit;
    const char *help;
};

extern int64_t metric_values[METRIC_NR];

/* metric_add counts; a gauge may also go down. */
static inline void metric_add(enum metric metric, int64_t n)
{
    metric_values[metric] += n;
}

/* metric_set sets a gauge. */
static inline void metric_set(enum metric metric, int64_t value)
{
    metric_values[metric] = value;
}

/* histogram_record adds one observation: nanoseconds where the unit is seconds, else the unit. */
void histogram_record(enum histogram histogram, int64_t value);

/* metric_collector_add lets call write further samples at each metrics_write; at most 16.
 * call      uses metric_write_head and metric_write_sample
 * argument  kept until metric_collector_remove */
void metric_collector_add(void (*call)(void *argument, struct buffer *buffer), void *argument);

/* metric_collector_remove forgets the collectors with this argument. */
void metric_collector_remove(const void *argument);

/* metric_write_head begins a metric of a collector: its name, type and help, borrowed. */
void metric_write_head(struct buffer *buffer, const char *name, const char *type, const char *help);

/* metric_write_sample writes one value. labels: as in the table, or "". */
void metric_write_sample(struct buffer *buffer, const char *name, const char *labels, double value);

/* metric_label_append appends NAME="VALUE" with what Prometheus wants escaped. */
void metric_label_append(struct buffer *buffer, const char *name, struct span value);

/* metrics_write appends everything; the caller checks buffer->is_failed. */
void metrics_write(struct buffer *buffer);

/* metric_row_each calls for each row of the table, in order. */
void metric_row_each(void (*call)(void *argument, const struct metric_row *row), void *argument);

#endif /* EXO_INFRA_TELEMETRY_METRIC_H */
