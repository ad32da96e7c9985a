/* store_bench: how fast the store commits.
 *
 *   store_bench sqlite FILE | postgres URL   [seconds a measurement]
 *
 * (a) transactions of {fence, 20 KB journal, 500 executions inserted, the 500 before ended}, two in
 * the queue at all times; (b) the smallest commit, one at a time. Prints one line each. The store
 * must be empty: it is installed with 8 shards. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "infra/loop/loop.h"
#include "infra/store/store.h"

enum { ROWS = 500, JOURNAL_BYTES = 20000, BODY_BYTES = 200, QUEUED = 2, TIMES_MAX = 1 << 20 };

/* One transaction in the making: its batch owns its rows until the callback. */
struct turn {
    struct bench *bench;
    struct store_batch batch;
    struct store_execution inserts[ROWS], updates[ROWS];
    exo_time begun_ns;
};

struct bench {
    struct loop *loop;
    struct store *store;
    struct store_shard shard;
    bool is_full; /* rows and journal, or the fence alone */
    bool is_answered, is_over;
    exo_time end_ns;
    uint32_t running;
    uint64_t number, commits;
    struct turn turns[QUEUED];
    exo_time *times_ns; /* of each commit */
};

static unsigned char body[BODY_BYTES], journal[JOURNAL_BYTES];

static void die(const char *what, const struct exo_error *err)
{
    (void)fprintf(stderr, "store_bench: %s: %s\n", what, err->text);
    exit(1);
}

static void ask(struct bench *bench, const char *what)
{
    if (!loop_run_until(bench->loop, &bench->is_answered, 30 * EXO_SECOND)) {
        (void)fprintf(stderr, "store_bench: %s: no answer: %s\n", what,
                      store_last_error(bench->store));
        exit(1);
    }
    bench->is_answered = false;
}

static void on_done(void *argument, const struct exo_error *err)
{
    if (err != NULL) {
        die("migrate", err);
    }
    ((struct bench *)argument)->is_answered = true;
}

static void on_leases(void *argument, const struct store_leases *leases,
                      const struct exo_error *err)
{
    if (err != NULL || leases == NULL) {
        die("lease", err);
    }
    ((struct bench *)argument)->is_answered = true;
}

static void on_shard(void *argument, const struct store_shard *shard, exo_time now_ns,
                     const struct exo_error *err)
{
    struct bench *bench = argument;

    (void)now_ns;
    if (err != NULL) {
        die("take", err);
    }
    bench->shard = *shard;
    bench->shard.extra = (struct span){NULL, 0};
    bench->is_answered = true;
}

static void own_shard(struct bench *bench)
{
    const struct store_lease seen = {.shard = 1};
    const struct store_lease_round round = {.process = "bench", .takes = &seen, .take_count = 1};

    store_migrate(bench->store, 8, on_done, bench);
    ask(bench, "migrate");
    store_lease_round(bench->store, &round, on_leases, bench);
    ask(bench, "lease");
    store_shard_take(bench->store, 1, "bench", on_shard, bench);
    ask(bench, "take");
}

static struct store_execution make_execution(const struct bench *bench, uint64_t number,
                                             bool is_ended)
{
    struct store_execution e = {
        .shard = bench->shard.shard,
        .project = "licences",
        .cluster = "licences/words",
        .state = is_ended ? "SUCCEEDED" : "RUNNING",
        .is_terminal = is_ended,
        .epoch = bench->shard.epoch,
        .batch = bench->shard.batch + 1,
        .submitted_ns = 1700000000000000000 + (exo_time)number,
        .started_ns = 1700000000000000000,
        .ended_ns = is_ended ? 1700000000000000000 : 0,
        .labels = {NULL, 0},
        .input = {"{\"top\":20}", 10},
        .output = {is_ended ? "{\"words\":1}" : NULL, is_ended ? 11 : 0},
        .body = {body, sizeof(body)},
    };
    const uint8_t random[10] = {(uint8_t)(number * 151), (uint8_t)(number * 167),
                                (uint8_t)(number >> 8),  (uint8_t)(number >> 16),
                                (uint8_t)(number >> 24), (uint8_t)number};

    e.id = execution_id_from_time((int64_t)(1700000000000 + number / 50), random);
    return e;
}

static void begin(struct turn *turn);

static void on_commit(void *argument, const struct store_result *result)
{
    struct turn *turn = argument;
    struct bench *bench = turn->bench;
    exo_time now_ns = clock_monotonic_ns();

    if (result->verdict != STORE_DONE) {
        die("commit", &result->err);
    }
    if (bench->commits < TIMES_MAX) {
        bench->times_ns[bench->commits] = now_ns - turn->begun_ns;
    }
    bench->commits++;
    if (now_ns < bench->end_ns) {
        begin(turn);
    } else if (--bench->running == 0) {
        bench->is_answered = true;
    }
}

static void begin(struct turn *turn)
{
    struct bench *bench = turn->bench;

    turn->batch = (struct store_batch){
        .shard = bench->shard.shard,
        .epoch = bench->shard.epoch,
        .previous = bench->shard.batch,
        .next = bench->shard.batch + 1,
        .now_ns = clock_wall_ns(),
    };
    if (bench->is_full) {
        uint64_t first = bench->number;

        for (uint32_t i = 0; i < ROWS; i++) {
            turn->inserts[i] = make_execution(bench, first + i, false);
            turn->updates[i] = make_execution(bench, first + i - ROWS, true);
        }
        bench->number += ROWS;
        turn->batch.journal = (struct span){journal, sizeof(journal)};
        turn->batch.inserts = turn->inserts;
        turn->batch.insert_count = ROWS;
        turn->batch.updates = turn->updates;
        turn->batch.update_count = first == 0 ? 0 : ROWS;
    }
    bench->shard.batch++;
    turn->begun_ns = clock_monotonic_ns();
    store_commit(bench->store, &turn->batch, 1, on_commit, turn);
}

static int compare(const void *a, const void *b)
{
    exo_time left = *(const exo_time *)a, right = *(const exo_time *)b;

    return (left > right) - (left < right);
}

static void measure(struct bench *bench, const char *name, bool is_full, uint32_t queued,
                    exo_time length_ns)
{
    exo_time begun_ns = clock_monotonic_ns();

    bench->is_full = is_full;
    bench->commits = 0;
    bench->running = queued;
    bench->end_ns = begun_ns + length_ns;
    for (uint32_t i = 0; i < queued; i++) {
        begin(&bench->turns[i]);
    }
    ask(bench, name);
    double seconds = (double)(clock_monotonic_ns() - begun_ns) / 1e9;
    uint64_t kept = bench->commits < TIMES_MAX ? bench->commits : TIMES_MAX;

    qsort(bench->times_ns, kept, sizeof(exo_time), compare);
    exo_time p50_ns = bench->times_ns[kept / 2];
    exo_time p99_ns = bench->times_ns[kept * 99 / 100];

    (void)printf("%-26s %9.0f transactions/s  %9.0f rows/s  p50 %6.2f ms  p99 %6.2f ms\n", name,
                 (double)bench->commits / seconds,
                 is_full ? (double)bench->commits / seconds * 2 * ROWS : 0, (double)p50_ns / 1e6,
                 (double)p99_ns / 1e6);
}

int main(int argc, char **argv)
{
    static struct bench bench;
    struct exo_error err;

    if (argc < 3) {
        (void)fprintf(stderr, "usage: store_bench sqlite FILE | postgres URL [seconds]\n");
        return 64;
    }
    exo_time length_ns = (argc > 3 ? strtol(argv[3], NULL, 10) : 5) * EXO_SECOND;
    const struct store_settings settings = {
        .backend = argv[1],
        .url = argv[2],
        .path = argv[2],
        .readers = 1,
        .application = "exosphere-bench",
    };

    for (size_t i = 0; i < sizeof(journal); i++) {
        journal[i] = (unsigned char)rand();
        body[i % sizeof(body)] = (unsigned char)rand();
    }
    bench.times_ns = calloc(TIMES_MAX, sizeof(exo_time));
    bench.loop = loop_new(&err);
    if (bench.loop == NULL || bench.times_ns == NULL ||
        (bench.store = store_open(bench.loop, &settings, &err)) == NULL) {
        die("open", &err);
    }
    for (int i = 0; i < QUEUED; i++) {
        bench.turns[i].bench = &bench;
    }
    own_shard(&bench);
    measure(&bench, "500 inserts + 500 updates", true, QUEUED, length_ns);
    measure(&bench, "smallest commit", false, 1, length_ns);
    store_close(bench.store);
    loop_free(bench.loop);
    free(bench.times_ns);
    return 0;
}
