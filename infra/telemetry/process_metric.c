#include "infra/telemetry/process_metric.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "infra/telemetry/log_line.h"
#include "infra/telemetry/metric.h"

/* Reads a small file of /proc; "" where that fails. */
static void read_file(const char *path, char *ret_text, size_t bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, ret_text, bytes - 1);

    ret_text[got < 0 ? 0 : got] = '\0';
    if (fd >= 0) {
        (void)close(fd);
    }
}

static int64_t count_fds(void)
{
    DIR *directory = opendir("/proc/self/fd");
    int64_t count = 0;

    if (directory == NULL) {
        return 0;
    }
    while (readdir(directory) != NULL) { /* NOLINT(concurrency-mt-unsafe): ours alone */
        count++;
    }
    (void)closedir(directory);
    return count - 3; /* ".", ".." and the directory's own */
}

/* Field 22 of /proc/self/stat: clock ticks between the machine's start and the process's. */
static double start_ticks(const char *stat)
{
    const char *at = strrchr(stat, ')'); /* the name before it may hold anything */

    for (int field = 2; at != NULL && field < 22; field++) {
        at = strchr(at + 1, ' ');
    }
    return at == NULL ? 0 : strtod(at, NULL);
}

static double start_seconds(void)
{
    char text[1024];
    struct timespec wall;
    struct timespec boot;

    read_file("/proc/self/stat", text, sizeof(text));
    if (clock_gettime(CLOCK_REALTIME, &wall) != 0 || clock_gettime(CLOCK_BOOTTIME, &boot) != 0) {
        return 0;
    }
    return (double)(wall.tv_sec - boot.tv_sec) + start_ticks(text) / (double)sysconf(_SC_CLK_TCK);
}

static int64_t status_number(const char *status, const char *key)
{
    const char *at = strstr(status, key);

    return at == NULL ? 0 : strtoll(at + strlen(key), NULL, 10);
}

struct process_usage process_usage_read(void)
{
    struct process_usage usage = {.open_fds = count_fds()};
    struct rusage spent;
    struct rlimit files;
    char status[4096];

    read_file("/proc/self/status", status, sizeof(status));
    usage.resident_bytes = status_number(status, "\nVmRSS:") * 1024;
    usage.threads = status_number(status, "\nThreads:");
    usage.start_seconds = start_seconds();
    if (getrusage(RUSAGE_SELF, &spent) == 0) {
        usage.cpu_seconds = (double)(spent.ru_utime.tv_sec + spent.ru_stime.tv_sec) +
                            (double)(spent.ru_utime.tv_usec + spent.ru_stime.tv_usec) / 1e6;
    }
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        usage.max_fds = (int64_t)files.rlim_cur;
    }
    return usage;
}

static void write_one(struct buffer *buffer, const char *name, const char *type, const char *help,
                      double value)
{
    metric_write_head(buffer, name, type, help);
    metric_write_sample(buffer, name, "", value);
}

void process_metrics_write(struct buffer *buffer)
{
    struct process_usage usage = process_usage_read();

    write_one(buffer, "process_resident_memory_bytes", "gauge", "resident memory",
              (double)usage.resident_bytes);
    write_one(buffer, "process_cpu_seconds_total", "counter", "user and system time",
              usage.cpu_seconds);
    write_one(buffer, "process_open_fds", "gauge", "open file descriptors", (double)usage.open_fds);
    write_one(buffer, "process_max_fds", "gauge", "limit on open file descriptors",
              (double)usage.max_fds);
    write_one(buffer, "process_threads", "gauge", "threads", (double)usage.threads);
    write_one(buffer, "process_start_time_seconds", "gauge", "start of the process since 1970",
              usage.start_seconds);
    write_one(buffer, "exosphere_log_lines_dropped_total", "counter",
              "log lines that nobody read in time", (double)log_dropped_count());
    metric_write_head(buffer, "exosphere_info", "gauge", "the version that runs; always 1");
    metric_write_sample(buffer, "exosphere_info", "version=\"" EXO_VERSION "\"", 1);
}
