/* hops_bench: what a queue carries through three hops in a row, with nothing else done.
 *
 *   hops_bench sqlite FILE | kafka BROKERS [seconds]
 *
 *   source --> partition 0 --> partition 1 --> partition 2 --> sink
 *
 * One process, one loop: what is read of a partition is appended to the next. burst: as many under
 * way as the buffer takes; single: one record at a time. Values of 200 bytes. */
#include <stdio.h>
#include <stdlib.h>

#include "infra/log/log.h"

enum { HOPS = 3, VALUE_BYTES = 200, SINGLES = 1000, AHEAD_MAX = 20000 };

struct bench;

struct hop {
    struct bench *bench;
    uint32_t partition;
    struct log_reader *reader;
};

struct bench {
    struct loop *loop;
    struct log *log;
    char topic[TOPIC_NAME_BYTES];
    struct hop hops[HOPS];
    struct loop_timer *timer; /* looks whether every reader knows where it begins */
    uint64_t sent, arrived;
    uint64_t ahead_max;
    exo_time end_ns, sent_ns;
    exo_time times_ns[SINGLES];
    bool is_done;
};

static void die(const char *what, const struct exo_error *err)
{
    (void)fprintf(stderr, "hops_bench: %s: %s\n", what, err == NULL ? "cannot go on" : err->text);
    exit(1);
}

static void wait_for(struct bench *bench, const char *what)
{
    bench->is_done = false;
    if (!loop_run_until(bench->loop, &bench->is_done, 120 * EXO_SECOND)) {
        die(what, NULL);
    }
}

static void on_done(void *argument, int64_t offset, const struct exo_error *err)
{
    (void)argument;
    (void)offset;
    if (err != NULL) {
        die("append", err);
    }
}

static bool append(struct bench *bench, uint32_t partition, struct span value)
{
    struct exo_error err;

    return log_append(bench->log, bench->topic, partition, span_of("key"), value, 0, on_done, bench,
                      &err) == 0;
}

static void on_source(void *argument)
{
    struct bench *bench = argument;
    unsigned char value[VALUE_BYTES] = {0};

    if (clock_monotonic_ns() >= bench->end_ns) {
        bench->is_done = bench->arrived == bench->sent;
    }
    for (size_t i = 0; i < VALUE_BYTES; i++) {
        value[i] = (unsigned char)(bench->sent >> (i % 8) * 8);
    }
    for (int i = 0; i < 2000 && clock_monotonic_ns() < bench->end_ns &&
                    bench->sent < bench->arrived + bench->ahead_max;
         i++) {
        bench->sent_ns = clock_monotonic_ns();
        if (!append(bench, 0, (struct span){value, sizeof(value)})) {
            break; /* the buffer is full: what arrives makes room */
        }
        bench->sent++;
    }
}

static void arrive(struct bench *bench, size_t count)
{
    if (bench->ahead_max == 1 && bench->arrived < SINGLES) {
        bench->times_ns[bench->arrived] = clock_monotonic_ns() - bench->sent_ns;
        if (bench->arrived + 1 == SINGLES) {
            bench->end_ns = 0;
        }
    }
    bench->arrived += count;
    loop_defer(bench->loop, on_source, bench);
}

static size_t on_records(void *argument, const struct log_record *records, size_t count)
{
    struct hop *hop = argument;

    if (hop->partition + 1 == HOPS) {
        arrive(hop->bench, count);
        return count;
    }
    for (size_t i = 0; i < count; i++) {
        if (!append(hop->bench, hop->partition + 1, records[i].value)) {
            die("the buffer is full", NULL); /* AHEAD_MAX records fit */
        }
    }
    return count;
}

static void on_failed(void *argument, const struct exo_error *err)
{
    (void)argument;
    die("read", err);
}

static void on_look(void *argument)
{
    struct bench *bench = argument;

    bench->is_done = true;
    for (uint32_t i = 0; i < HOPS; i++) {
        bench->is_done &= log_reader_position(bench->hops[i].reader) >= 0;
    }
}

static void on_prepared(void *argument, const struct exo_error *err)
{
    struct bench *bench = argument;

    if (err != NULL) {
        die("log_prepare", err);
    }
    bench->is_done = true;
}

static void prepare(struct bench *bench)
{
    static const struct log_reader_callbacks callbacks = {on_records, on_failed};
    const struct log_topic topic = {.name = bench->topic, .partitions = HOPS, .retention_ms = -1};

    (void)snprintf(bench->topic, sizeof(bench->topic), "bench.hops.%lld",
                   (long long)(clock_wall_ns() / 1000));
    log_prepare(bench->log, &topic, 1, on_prepared, bench);
    wait_for(bench, "log_prepare");
    for (uint32_t i = 0; i < HOPS; i++) {
        bench->hops[i] = (struct hop){.bench = bench, .partition = i};
        bench->hops[i].reader =
            log_reader_open(bench->log, bench->topic, i, 0, 0, &callbacks, &bench->hops[i]);
    }
    bench->timer = loop_timer_new(bench->loop, on_look, bench);
    loop_timer_start(bench->timer, 0, EXO_MILLISECOND);
    wait_for(bench, "the readers");
    loop_timer_free(bench->timer);
}

static int compare(const void *a, const void *b)
{
    exo_time x = *(const exo_time *)a;
    exo_time y = *(const exo_time *)b;

    return x < y ? -1 : x > y;
}

/* Runs until length_ns are over (or SINGLES have gone) and all has arrived. */
static exo_time run(struct bench *bench, uint64_t ahead_max, exo_time length_ns)
{
    exo_time begun_ns = clock_monotonic_ns();

    bench->sent = 0;
    bench->arrived = 0;
    bench->ahead_max = ahead_max;
    bench->end_ns = begun_ns + length_ns;
    loop_defer(bench->loop, on_source, bench);
    wait_for(bench, "a run");
    return clock_monotonic_ns() - begun_ns;
}

int main(int argc, char **argv)
{
    static struct bench bench;
    struct exo_error err;

    if (argc < 3) {
        (void)fprintf(stderr, "usage: hops_bench sqlite FILE | kafka BROKERS [seconds]\n");
        return 64;
    }
    const struct log_settings settings = {.backend = argv[1],
                                          .brokers = argv[2],
                                          .path = argv[2],
                                          .replication = 1,
                                          .buffer_bytes_max = 64 << 20};
    exo_time length_ns = (argc > 3 ? strtol(argv[3], NULL, 10) : 3) * EXO_SECOND;

    bench.loop = loop_new(&err);
    if (bench.loop == NULL || (bench.log = log_open(bench.loop, &settings, &err)) == NULL) {
        die("open", &err);
    }
    prepare(&bench);
    (void)run(&bench, 1, 60 * EXO_SECOND);
    qsort(bench.times_ns, SINGLES, sizeof(exo_time), compare);
    exo_time p50_ns = bench.times_ns[SINGLES / 2];
    exo_time p99_ns = bench.times_ns[SINGLES * 99 / 100];
    (void)printf("three hops, single   p50 %8.3f ms  p99 %8.3f ms\n", (double)p50_ns / 1e6,
                 (double)p99_ns / 1e6);
    exo_time took_ns = run(&bench, AHEAD_MAX, length_ns);

    (void)printf("three hops, burst    %9.0f records/s\n",
                 (double)bench.arrived / ((double)took_ns / 1e9));
    for (uint32_t i = 0; i < HOPS; i++) {
        log_reader_close(bench.hops[i].reader);
    }
    log_close(bench.log);
    loop_free(bench.loop);
    return 0;
}
