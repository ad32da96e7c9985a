/* log_bench: what one log carries from append to reader, and how long one record takes.
 *
 *   log_bench sqlite FILE | kafka BROKERS [seconds]
 *
 * burst: appended as fast as the buffer allows and read at the same time, in 1 and in 16
 * partitions; backlog: read what is there; single: one record at a time, from append to its done
 * and to its reader; end: log_end, one at a time and 64 at once. Values of 200 bytes, 64 of them
 * noise. */
#include <stdio.h>
#include <stdlib.h>

#include "infra/log/log.h"

enum {
    PARTITIONS = 16,
    VALUE_BYTES = 200,
    SINGLES = 2000,
    ENDS = 500,
    OPENINGS = 20,
    AHEAD_MAX = 100000
};

struct bench {
    struct loop *loop;
    struct log *log;
    char durable[TOPIC_NAME_BYTES];
    char fleeting[TOPIC_NAME_BYTES];
    const char *topic;
    uint32_t partitions;
    uint64_t appended;
    uint64_t done;
    uint64_t read;
    uint64_t wanted;
    bool is_appending;
    exo_time end_ns;
    exo_time begun_ns;
    exo_time acks_ns[SINGLES];
    exo_time reads_ns[SINGLES];
    unsigned singles_acked;
    unsigned singles_read;
    unsigned ends;
    unsigned ends_open;
    bool is_done;
};

static void die(const char *what, const struct exo_error *err)
{
    (void)fprintf(stderr, "log_bench: %s: %s\n", what, err == NULL ? "took too long" : err->text);
    exit(1);
}

static void wait_for(struct bench *bench, const char *what)
{
    if (!loop_run_until(bench->loop, &bench->is_done, 60 * EXO_SECOND)) {
        (void)fprintf(stderr, "log_bench: appended %llu, done %llu, read %llu of %llu\n",
                      (unsigned long long)bench->appended, (unsigned long long)bench->done,
                      (unsigned long long)bench->read, (unsigned long long)bench->wanted);
        die(what, NULL);
    }
}

static int compare(const void *a, const void *b)
{
    exo_time x = *(const exo_time *)a;
    exo_time y = *(const exo_time *)b;

    return x < y ? -1 : x > y;
}

static void print_times(const char *name, exo_time *times_ns, size_t count)
{
    qsort(times_ns, count, sizeof(*times_ns), compare);
    exo_time p50_ns = times_ns[count / 2];
    exo_time p99_ns = times_ns[count * 99 / 100];

    (void)printf("%-34s p50 %8.3f ms  p99 %8.3f ms\n", name, (double)p50_ns / 1e6,
                 (double)p99_ns / 1e6);
}

/* ---- burst ---- */

static void on_done(void *argument, int64_t offset, const struct exo_error *err)
{
    struct bench *bench = argument;

    (void)offset;
    if (err != NULL) {
        die("append", err);
    }
    bench->done++;
    bench->is_done =
        !bench->is_appending && bench->read >= bench->wanted && bench->done >= bench->appended;
}

static size_t on_records(void *argument, const struct log_record *records, size_t count)
{
    struct bench *bench = argument;

    (void)records;
    bench->read += count;
    bench->is_done =
        !bench->is_appending && bench->read >= bench->wanted && bench->done >= bench->appended;
    return count;
}

static void on_failed(void *argument, const struct exo_error *err)
{
    (void)argument;
    die("read", err);
}

static void fill(unsigned char value[VALUE_BYTES])
{
    static uint64_t x = UINT64_C(88172645463325252);

    memset(value, 'x', VALUE_BYTES);
    for (size_t i = 0; i < 64; i += 8) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        memcpy(value + i, &x, 8);
    }
}

/* As a scheduler does: a batch a turn, while not too much is under way. */
static void on_append(void *argument)
{
    struct bench *bench = argument;
    unsigned char value[VALUE_BYTES];
    struct exo_error err;

    for (int i = 0; i < 2000 && bench->appended < bench->read + AHEAD_MAX; i++) {
        fill(value);
        if (log_append(bench->log, bench->topic, (uint32_t)(bench->appended % bench->partitions),
                       span_of("key"), (struct span){value, sizeof(value)}, 0, on_done, bench,
                       &err) != 0) {
            break; /* the buffer is full: on the next turn */
        }
        bench->appended++;
    }
    if (clock_monotonic_ns() < bench->end_ns) {
        loop_defer(bench->loop, on_append, bench);
    } else {
        bench->is_appending = false;
        bench->wanted = bench->appended;
        bench->is_done = bench->read >= bench->wanted && bench->done >= bench->appended;
    }
}

static const struct log_reader_callbacks callbacks = {on_records, on_failed};

static void read_all(struct bench *bench, struct log_reader **readers, int64_t offset)
{
    for (uint32_t i = 0; i < bench->partitions; i++) {
        readers[i] = log_reader_open(bench->log, bench->topic, i, offset, 0, &callbacks, bench);
    }
}

static void close_all(struct bench *bench, struct log_reader **readers)
{
    for (uint32_t i = 0; i < bench->partitions; i++) {
        log_reader_close(readers[i]);
    }
}

struct settling {
    struct log_reader **readers;
    uint32_t count;
    bool is_done;
};

static void on_look(void *argument)
{
    struct settling *settling = argument;

    settling->is_done = true;
    for (uint32_t i = 0; i < settling->count; i++) {
        settling->is_done &= log_reader_position(settling->readers[i]) >= 0;
    }
}

/* Until every reader knows the end it begins at. */
static void settle(struct bench *bench, struct log_reader **readers, uint32_t count)
{
    struct settling settling = {readers, count, false};
    struct loop_timer *timer = loop_timer_new(bench->loop, on_look, &settling);

    loop_timer_start(timer, 0, EXO_MILLISECOND);
    if (!loop_run_until(bench->loop, &settling.is_done, 60 * EXO_SECOND)) {
        die("waiting for the ends", NULL);
    }
    loop_timer_free(timer);
}

static void burst(struct bench *bench, const char *name, uint32_t partitions, exo_time length_ns)
{
    struct log_reader *readers[PARTITIONS];

    bench->partitions = partitions;
    read_all(bench, readers, LOG_END);
    settle(bench, readers, partitions);
    bench->appended = 0;
    bench->done = 0;
    bench->read = 0;
    bench->is_appending = true;
    bench->is_done = false;
    exo_time begun_ns = clock_monotonic_ns();

    bench->end_ns = begun_ns + length_ns;
    loop_defer(bench->loop, on_append, bench);
    wait_for(bench, name);
    (void)printf("%-34s %9.0f records/s\n", name,
                 (double)bench->read / ((double)(clock_monotonic_ns() - begun_ns) / 1e9));
    close_all(bench, readers);
}

static void backlog(struct bench *bench, const char *name, uint64_t count)
{
    struct log_reader *readers[PARTITIONS];

    bench->read = 0;
    bench->wanted = count;
    bench->done = bench->appended;
    bench->is_appending = false;
    bench->is_done = false;
    exo_time begun_ns = clock_monotonic_ns();

    read_all(bench, readers, 0);
    wait_for(bench, name);
    (void)printf("%-34s %9.0f records/s\n", name,
                 (double)bench->read / ((double)(clock_monotonic_ns() - begun_ns) / 1e9));
    close_all(bench, readers);
}

/* ---- singles ---- */

static void single(void *argument);

static void single_step(struct bench *bench)
{
    if (bench->singles_acked == bench->singles_read) {
        if (bench->singles_read == SINGLES) {
            bench->is_done = true;
        } else {
            loop_defer(bench->loop, single, bench);
        }
    }
}

static void on_single_done(void *argument, int64_t offset, const struct exo_error *err)
{
    struct bench *bench = argument;

    (void)offset;
    if (err != NULL) {
        die("append", err);
    }
    bench->acks_ns[bench->singles_acked++] = clock_monotonic_ns() - bench->begun_ns;
    single_step(bench);
}

static size_t on_single_record(void *argument, const struct log_record *records, size_t count)
{
    struct bench *bench = argument;

    (void)records;
    bench->reads_ns[bench->singles_read++] = clock_monotonic_ns() - bench->begun_ns;
    single_step(bench);
    return count;
}

static void single(void *argument)
{
    struct bench *bench = argument;
    unsigned char value[VALUE_BYTES];
    struct exo_error err;

    fill(value);
    bench->begun_ns = clock_monotonic_ns();
    if (log_append(bench->log, bench->topic, 0, span_of("key"), (struct span){value, sizeof(value)},
                   0, on_single_done, bench, &err) != 0) {
        die("append", &err);
    }
}

static void singles(struct bench *bench, const char *name)
{
    static const struct log_reader_callbacks single_callbacks = {on_single_record, on_failed};
    char line[64];
    struct log_reader *reader =
        log_reader_open(bench->log, bench->topic, 0, LOG_END, 0, &single_callbacks, bench);

    settle(bench, &reader, 1);
    bench->singles_acked = 0;
    bench->singles_read = 0;
    bench->is_done = false;
    loop_defer(bench->loop, single, bench);
    wait_for(bench, name);
    (void)snprintf(line, sizeof(line), "%s: append to done", name);
    print_times(line, bench->acks_ns, SINGLES);
    (void)snprintf(line, sizeof(line), "%s: append to reader", name);
    print_times(line, bench->reads_ns, SINGLES);
    log_reader_close(reader);
}

/* ---- opening ---- */

static size_t on_first_record(void *argument, const struct log_record *records, size_t count)
{
    struct bench *bench = argument;

    (void)records;
    if (!bench->is_done) {
        bench->acks_ns[bench->ends++] = clock_monotonic_ns() - bench->begun_ns;
        bench->is_done = true;
    }
    return count;
}

/* From opening a reader to its first record, while a neighbour waits for records that do not come.
 */
static void openings(struct bench *bench, const char *name, uint32_t count)
{
    static const struct log_reader_callbacks first_callbacks = {on_first_record, on_failed};
    struct log_reader *idle =
        log_reader_open(bench->log, bench->topic, 1, LOG_END, 0, &callbacks, bench);

    settle(bench, &idle, 1);
    bench->ends = 0;
    for (uint32_t i = 0; i < count; i++) {
        bench->is_done = false;
        bench->begun_ns = clock_monotonic_ns();
        struct log_reader *reader =
            log_reader_open(bench->log, bench->topic, 0, 0, 0, &first_callbacks, bench);

        wait_for(bench, name);
        log_reader_close(reader);
    }
    log_reader_close(idle);
    print_times(name, bench->acks_ns, count);
}

/* ---- ends ---- */

static void ask_ends(struct bench *bench);

static void on_end(void *argument, int64_t end, const struct exo_error *err)
{
    struct bench *bench = argument;

    (void)end;
    if (err != NULL) {
        die("log_end", err);
    }
    if (--bench->ends_open == 0) {
        bench->acks_ns[bench->ends++] = clock_monotonic_ns() - bench->begun_ns;
        if (bench->ends == ENDS) {
            bench->is_done = true;
        } else {
            ask_ends(bench);
        }
    }
}

static void ask_ends(struct bench *bench)
{
    bench->begun_ns = clock_monotonic_ns();
    bench->ends_open = bench->partitions;
    for (uint32_t i = 0; i < bench->partitions; i++) {
        log_end(bench->log, bench->topic, i, on_end, bench);
    }
}

static void ends(struct bench *bench, const char *name, uint32_t partitions)
{
    bench->partitions = partitions;
    bench->ends = 0;
    bench->is_done = false;
    ask_ends(bench);
    wait_for(bench, name);
    print_times(name, bench->acks_ns, ENDS);
}

/* ---- set-up ---- */

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
    long long now = (long long)(clock_wall_ns() / 1000);

    (void)snprintf(bench->durable, sizeof(bench->durable), "bench.durable.%lld", now);
    (void)snprintf(bench->fleeting, sizeof(bench->fleeting), "bench.volatile.%lld", now);
    const struct log_topic topics[] = {
        {.name = bench->durable, .partitions = PARTITIONS, .retention_ms = -1},
        {.name = bench->fleeting,
         .partitions = PARTITIONS,
         .retention_ms = 3600000,
         .is_volatile = true},
    };

    log_prepare(bench->log, topics, 2, on_prepared, bench);
    wait_for(bench, "log_prepare");
}

int main(int argc, char **argv)
{
    static struct bench bench;
    struct exo_error err;

    if (argc < 3) {
        (void)fprintf(stderr, "usage: log_bench sqlite FILE | kafka BROKERS [seconds]\n");
        return 64;
    }
    exo_time length_ns = (argc > 3 ? strtol(argv[3], NULL, 10) : 3) * EXO_SECOND;
    const struct log_settings settings = {
        .backend = argv[1],
        .brokers = argv[2],
        .path = argv[2],
        .replication = 1,
        .buffer_bytes_max = 64 << 20,
        .properties = getenv("LOG_BENCH_PROPERTIES"), /* to try others, such as linger.ms=5 */
    };

    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    bench.loop = loop_new(&err);
    if (bench.loop == NULL || (bench.log = log_open(bench.loop, &settings, &err)) == NULL) {
        die("open", &err);
    }
    prepare(&bench);
    bench.topic = bench.durable;
    singles(&bench, "single");
    openings(&bench, "reader opened to first record", OPENINGS);
    ends(&bench, "end of 1 partition", 1);
    ends(&bench, "ends of 16 partitions", PARTITIONS);
    burst(&bench, "burst, 1 partition", 1, length_ns);
    burst(&bench, "burst, 16 partitions", PARTITIONS, length_ns);
    backlog(&bench, "backlog, 16 partitions", bench.appended);
    bench.topic = bench.fleeting;
    singles(&bench, "single, volatile");
    burst(&bench, "burst, 16 partitions, volatile", PARTITIONS, length_ns);
    log_close(bench.log);
    loop_free(bench.loop);
    return 0;
}
