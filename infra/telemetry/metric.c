#include "infra/telemetry/metric.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "infra/telemetry/process_metric.h"

enum { COLLECTORS_MAX = 16 };

enum row_kind { ROW_COUNTER, ROW_GAUGE, ROW_HISTOGRAM };

static const struct {
    struct metric_row row;
    enum row_kind kind;
    int index;    /* in metric_values or histograms */
    int64_t base; /* of a histogram */
} rows[] = {
#define COUNTER(constant, name, labels, unit, help)                                                \
    {{name, "counter", labels, unit, help}, ROW_COUNTER, METRIC_##constant, 0},
#define GAUGE(constant, name, labels, unit, help)                                                  \
    {{name, "gauge", labels, unit, help}, ROW_GAUGE, METRIC_##constant, 0},
#define HISTOGRAM(constant, name, labels, base, unit, help)                                        \
    {{name, "histogram", labels, unit, help}, ROW_HISTOGRAM, HISTOGRAM_##constant, base},
#include "infra/telemetry/metric_table.h"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
};

enum { ROW_NR = sizeof(rows) / sizeof(rows[0]) };

static const int64_t bases[HISTOGRAM_NR] = {
#define COUNTER(constant, name, labels, unit, help)
#define GAUGE(constant, name, labels, unit, help)
#define HISTOGRAM(constant, name, labels, base, unit, help) [HISTOGRAM_##constant] = (base),
#include "infra/telemetry/metric_table.h"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
};

int64_t metric_values[METRIC_NR];

static struct {
    uint64_t buckets[HISTOGRAM_BUCKETS + 1]; /* the last: above all bounds */
    double sum;
} histograms[HISTOGRAM_NR];

static struct {
    void (*call)(void *argument, struct buffer *buffer);
    void *argument;
} collectors[COLLECTORS_MAX];

static int collector_count;

void histogram_record(enum histogram histogram, int64_t value)
{
    assert(histogram < HISTOGRAM_NR);
    int64_t base = bases[histogram];
    uint64_t steps = value <= base ? 0 : (uint64_t)((value - 1) / base);
    unsigned bucket = steps == 0 ? 0 : 64U - (unsigned)__builtin_clzll(steps);

    histograms[histogram].buckets[bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS]++;
    histograms[histogram].sum += (double)value;
}

void metric_collector_add(void (*call)(void *argument, struct buffer *buffer), void *argument)
{
    assert(collector_count < COLLECTORS_MAX);
    collectors[collector_count].call = call;
    collectors[collector_count].argument = argument;
    collector_count++;
}

void metric_collector_remove(const void *argument)
{
    int kept = 0;

    for (int i = 0; i < collector_count; i++) {
        if (collectors[i].argument != argument) {
            collectors[kept++] = collectors[i];
        }
    }
    collector_count = kept;
}

void metric_write_head(struct buffer *buffer, const char *name, const char *type, const char *help)
{
    buffer_text(buffer, "# HELP ");
    buffer_text(buffer, name);
    buffer_text(buffer, " ");
    buffer_text(buffer, help);
    buffer_text(buffer, "\n# TYPE ");
    buffer_text(buffer, name);
    buffer_text(buffer, " ");
    buffer_text(buffer, type);
    buffer_text(buffer, "\n");
}

void metric_write_sample(struct buffer *buffer, const char *name, const char *labels, double value)
{
    char text[64];

    buffer_text(buffer, name);
    if (labels[0] != '\0') {
        buffer_text(buffer, "{");
        buffer_text(buffer, labels);
        buffer_text(buffer, "}");
    }
    (void)snprintf(text, sizeof(text), " %.15g\n", value);
    buffer_text(buffer, text);
}

void metric_label_append(struct buffer *buffer, const char *name, struct span value)
{
    const char *text = value.data;

    buffer_text(buffer, name);
    buffer_text(buffer, "=\"");
    for (size_t i = 0; i < value.bytes; i++) {
        if (text[i] == '\n') {
            buffer_text(buffer, "\\n");
            continue;
        }
        if (text[i] == '"' || text[i] == '\\') {
            buffer_text(buffer, "\\");
        }
        buffer_append(buffer, (struct span){text + i, 1});
    }
    buffer_text(buffer, "\"");
}

static void write_bucket(struct buffer *buffer, const struct metric_row *row, const char *bound,
                         double count)
{
    char name[128];
    char labels[192];

    (void)snprintf(name, sizeof(name), "%s_bucket", row->name);
    (void)snprintf(labels, sizeof(labels), "%s%sle=\"%s\"", row->labels,
                   row->labels[0] == '\0' ? "" : ",", bound);
    metric_write_sample(buffer, name, labels, count);
}

static void write_histogram(struct buffer *buffer, const struct metric_row *row, int index,
                            int64_t base)
{
    double scale = strcmp(row->unit, "seconds") == 0 ? 1e-9 : 1;
    double bound = (double)base * scale;
    uint64_t count = 0;
    char text[64];

    for (int i = 0; i < HISTOGRAM_BUCKETS; i++) {
        count += histograms[index].buckets[i];
        (void)snprintf(text, sizeof(text), "%.9g", bound);
        write_bucket(buffer, row, text, (double)count);
        bound *= 2;
    }
    count += histograms[index].buckets[HISTOGRAM_BUCKETS];
    write_bucket(buffer, row, "+Inf", (double)count);
    (void)snprintf(text, sizeof(text), "%s_sum", row->name);
    metric_write_sample(buffer, text, row->labels, histograms[index].sum * scale);
    (void)snprintf(text, sizeof(text), "%s_count", row->name);
    metric_write_sample(buffer, text, row->labels, (double)count);
}

void metrics_write(struct buffer *buffer)
{
    for (int i = 0; i < ROW_NR; i++) {
        const struct metric_row *row = &rows[i].row;

        if (i == 0 || strcmp(rows[i - 1].row.name, row->name) != 0) {
            metric_write_head(buffer, row->name, row->type, row->help);
        }
        if (rows[i].kind == ROW_HISTOGRAM) {
            write_histogram(buffer, row, rows[i].index, rows[i].base);
        } else {
            metric_write_sample(buffer, row->name, row->labels,
                                (double)metric_values[rows[i].index]);
        }
    }
    for (int i = 0; i < collector_count; i++) {
        collectors[i].call(collectors[i].argument, buffer);
    }
    process_metrics_write(buffer);
}

void metric_row_each(void (*call)(void *argument, const struct metric_row *row), void *argument)
{
    for (int i = 0; i < ROW_NR; i++) {
        call(argument, &rows[i].row);
    }
}
