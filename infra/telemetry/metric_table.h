/* metric table: every number that /metrics shows and that code counts itself.
 *
 * A row: COUNTER(CONSTANT, "name", "labels", "unit", "help")    only grows; its name ends in _total
 *        GAUGE(CONSTANT, "name", "labels", "unit", "help")      goes up and down
 *        HISTOGRAM(CONSTANT, "name", "labels", base, "unit", "help")
 * labels  as in Prometheus, such as "kind=\"plain\"", or ""; rows of one name stand together
 * base    the first bucket's upper bound; 24 buckets double from it. Times are recorded in
 *         nanoseconds and shown in seconds (unit "seconds").
 * Names begin with exosphere_. What has labels known only while running is written by a collector
 * (metric.h). Sorted by role, then name. */
/* clang-format off */
COUNTER(HTTP_REQUESTS_2XX, "exosphere_http_requests_total", "class=\"2xx\"", "requests", "answered requests by class of status")
COUNTER(HTTP_REQUESTS_3XX, "exosphere_http_requests_total", "class=\"3xx\"", "requests", "answered requests by class of status")
COUNTER(HTTP_REQUESTS_4XX, "exosphere_http_requests_total", "class=\"4xx\"", "requests", "answered requests by class of status")
COUNTER(HTTP_REQUESTS_5XX, "exosphere_http_requests_total", "class=\"5xx\"", "requests", "answered requests by class of status")
GAUGE(HTTP_CONNECTIONS, "exosphere_http_connections", "", "connections", "open connections of HTTP clients")
GAUGE(HTTP_STREAMS, "exosphere_http_streams", "", "streams", "open event streams and followed logs")
HISTOGRAM(HTTP_SECONDS, "exosphere_http_request_seconds", "", 250000, "seconds", "time from a whole request to its answer, streams apart")
/* clang-format on */
