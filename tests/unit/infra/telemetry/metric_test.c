/* metric: the text for Prometheus, bucket by bucket. */
#include "infra/telemetry/metric.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct heap_budget budget;
static struct buffer text;

static const char *write_all(void)
{
    buffer_reset(&text);
    metrics_write(&text);
    buffer_append(&text, (struct span){"", 1});
    assert_false(text.is_failed);
    return (const char *)text.data;
}

static int setup(void **state)
{
    (void)state;
    buffer_init(&text, allocator_heap(&budget), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buffer_release(&text);
    return 0;
}

static void test_counters_and_gauges(void **state)
{
    (void)state;
    metric_add(METRIC_HTTP_REQUESTS_2XX, 2);
    metric_add(METRIC_HTTP_REQUESTS_2XX, 1);
    metric_set(METRIC_HTTP_STREAMS, 7);
    const char *all = write_all();
    const char *head = strstr(all, "# TYPE exosphere_http_requests_total counter\n");

    assert_non_null(head);
    assert_null(strstr(head + 10, "# TYPE exosphere_http_requests_total"));
    assert_non_null(strstr(all, "\nexosphere_http_requests_total{class=\"2xx\"} 3\n"));
    assert_non_null(strstr(all, "\nexosphere_http_requests_total{class=\"5xx\"} 0\n"));
    assert_non_null(strstr(all, "\nexosphere_http_streams 7\n"));
}

static void test_histogram(void **state)
{
    (void)state;
    static const int64_t values[] = {-1, 0, 250000, 250001, 500000, 500001, INT64_MAX};

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        histogram_record(HISTOGRAM_HTTP_SECONDS, values[i]);
    }
    const char *all = write_all();

    assert_non_null(strstr(all, "\nexosphere_http_request_seconds_bucket{le=\"0.00025\"} 3\n"));
    assert_non_null(strstr(all, "\nexosphere_http_request_seconds_bucket{le=\"0.0005\"} 5\n"));
    assert_non_null(strstr(all, "\nexosphere_http_request_seconds_bucket{le=\"0.001\"} 6\n"));
    assert_non_null(strstr(all, "\nexosphere_http_request_seconds_bucket{le=\"+Inf\"} 7\n"));
    assert_non_null(strstr(all, "\nexosphere_http_request_seconds_count 7\n"));
    assert_non_null(strstr(all, "\nexosphere_http_request_seconds_sum 9"));
}

static void collect(void *argument, struct buffer *buffer)
{
    struct buffer label;

    buffer_init(&label, allocator_heap(&budget), 0);
    metric_label_append(&label, "class", span_of("a\"b\\c\nd"));
    buffer_append(&label, (struct span){"", 1});
    metric_write_head(buffer, "exosphere_test", "gauge", "a test");
    metric_write_sample(buffer, "exosphere_test", (const char *)label.data, *(double *)argument);
    buffer_release(&label);
}

static void test_collectors(void **state)
{
    (void)state;
    double value = 1.5;

    metric_collector_add(collect, &value);
    assert_non_null(strstr(write_all(), "# HELP exosphere_test a test\n"
                                        "# TYPE exosphere_test gauge\n"
                                        "exosphere_test{class=\"a\\\"b\\\\c\\nd\"} 1.5\n"));
    metric_collector_remove(&value);
    assert_null(strstr(write_all(), "exosphere_test"));
}

/* The value after a name at the start of a line. */
static double value_of(const char *all, const char *name)
{
    const char *found = strstr(all, name);

    assert_non_null(found);
    return strtod(found + strlen(name), NULL);
}

static void test_process(void **state)
{
    (void)state;
    const char *all = write_all();

    assert_true(value_of(all, "\nprocess_resident_memory_bytes ") > 100000);
    assert_true(value_of(all, "\nprocess_open_fds ") >= 3);
    assert_true(value_of(all, "\nprocess_max_fds ") >= 3);
    assert_true(value_of(all, "\nprocess_threads ") >= 1);
    assert_true(value_of(all, "\nprocess_start_time_seconds ") > 1.6e9);
    assert_true(value_of(all, "\nprocess_cpu_seconds_total ") >= 0);
    assert_non_null(strstr(all, "\nexosphere_info{version=\"" EXO_VERSION "\"} 1\n"));
}

static void check_row(void *argument, const struct metric_row *row)
{
    int *count = argument;

    (*count)++;
    assert_memory_equal(row->name, "exosphere_", 10);
    assert_true(strlen(row->help) > 0);
    assert_true(strlen(row->unit) > 0);
    bool is_total = strcmp(row->name + strlen(row->name) - 6, "_total") == 0;

    assert_int_equal(is_total, strcmp(row->type, "counter") == 0);
}

static void test_rows(void **state)
{
    (void)state;
    int count = 0;

    metric_row_each(check_row, &count);
    assert_int_equal(count, METRIC_NR + HISTOGRAM_NR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counters_and_gauges),
        cmocka_unit_test(test_histogram),
        cmocka_unit_test(test_collectors),
        cmocka_unit_test(test_process),
        cmocka_unit_test(test_rows),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
