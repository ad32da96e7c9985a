/* sim_scale: a large fleet without faults, counted: the real schedulers and the real cores of
 * workers over the models of log, store, cache and time.
 *
 *   join (all workers heard) -> rest (heartbeats alone) -> work (so many tasks) -> counts
 *
 * Ends with 1 where a count is not what docs/scale.md builds on. Cpu times are printed and decide
 * nothing: they hold the models' share too. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/core/fleet.h"
#include "scheduler/scheduler.h"
#include "scheduler/shard.h"
#include "schemas/vocab/ids.h"
#include "schemas/wire/job.h"
#include "schemas/wire/topics.h"
#include "tests/sim/broker.h"
#include "tests/sim/cache_sim.h"
#include "tests/sim/database.h"
#include "tests/sim/scale_watch.h"
#include "tests/sim/scale_worker.h"
#include "tests/sim/sim.h"
#include "tests/sim/sim_scheduler.h"

enum {
    ITEMS_MAX = 1000, /* of one execution's map */
    PROJECTS = 4,
    REST_S = 3,
    WITHIN_S = 600, /* virtual, for each part */
    SLOTS = 4,
    PREFETCH = 1,
    TICKETS = SLOTS + PREFETCH, /* of a worker */
    RUN_MS = 100,
};

struct settings {
    uint32_t workers, schedulers, shards;
    uint64_t tasks;
    uint64_t seed;
};

/* Of the cpu this program used, by whom. */
struct share {
    uint64_t scheduler_ns, rest_ns;
};

static struct {
    struct settings of;
    struct sim_scheduler *schedulers;
    struct log *log; /* of who submits */
    uint32_t executions;
    uint64_t ready_most, outbox_most, behind_most, memory_most;
    struct share cpu;
} scale;

/* ---- what is submitted ---- */

static void job_text(uint32_t number, struct buffer *text)
{
    char head[320];

    (void)snprintf(head, sizeof(head),
                   "exosphere: v1\ncluster:\n  name: p%u/c\n  defaults: {image: \"oci:x\", grace: "
                   "1s, resources: {cpu: 100m, memory: 16Mi}}\n  satellites:\n    - {name: s, "
                   "command: [x], for_each: \"${{ input.items }}\"}\n",
                   number % PROJECTS);
    buffer_text(text, head);
}

static void input_text(uint32_t items, struct buffer *text)
{
    buffer_text(text, "{\"items\":[0");
    for (uint32_t i = 1; i < items; i++) {
        buffer_text(text, ",1");
    }
    buffer_text(text, "]}");
}

/* One execution on a shard of our choice, as placement.h does it: ids are drawn until one is. */
static void submit(uint32_t number, uint32_t items)
{
    struct heap_budget budget = {0};
    struct arena arena;
    struct buffer cluster, input, record;
    struct execution_id id;
    struct exo_error err;
    char text[EXECUTION_ID_TEXT_BYTES + 1];

    do {
        uint8_t random[10];

        for (size_t i = 0; i < sizeof(random); i++) {
            random[i] = (uint8_t)dice_roll(&sim.net);
        }
        id = execution_id_from_time((SIM_EPOCH_NS + sim.now_ns) / EXO_MILLISECOND, random);
    } while (execution_shard(&id, scale.of.shards) != number % scale.of.shards);
    arena_init(&arena, allocator_heap(&budget), 0);
    buffer_init(&cluster, allocator_heap(&budget), 0);
    buffer_init(&input, allocator_heap(&budget), 0);
    buffer_init(&record, allocator_heap(&budget), 0);
    job_text(number, &cluster);
    input_text(items, &input);
    execution_id_format(&id, text);
    const struct wire_job job = {.execution_id = span_of(text),
                                 .cluster = buffer_span(&cluster),
                                 .input = buffer_span(&input),
                                 .submitted_ms = (SIM_EPOCH_NS + sim.now_ns) / EXO_MILLISECOND};

    wire_job_pack(&job, &arena, &record);
    if (log_append(scale.log, TOPIC_JOBS, number % scale.of.shards, (struct span){NULL, 0},
                   buffer_span(&record), 0, NULL, NULL, &err) != 0) {
        sim_fail("a Job does not leave: %s", err.text);
    }
    buffer_release(&cluster);
    buffer_release(&input);
    buffer_release(&record);
    arena_release(&arena);
}

static void submit_all(void)
{
    uint64_t left = scale.of.tasks;

    scale.executions = 0;
    while (left > 0) {
        uint32_t items = left > ITEMS_MAX ? ITEMS_MAX : (uint32_t)left;

        submit(scale.executions++, items);
        left -= items;
    }
}

/* ---- time ---- */

static void turns_until(exo_time until_ns)
{
    uint64_t before_ns = scale_cpu_ns();

    for (;;) {
        bool is_scheduler = sim.event_count > 0 && sim.events[0].owner != NULL &&
                            strncmp(sim.events[0].owner->name, "scheduler", 9) == 0;

        if (!sim_turn(until_ns)) {
            return;
        }
        uint64_t now_ns = scale_cpu_ns();

        *(is_scheduler ? &scale.cpu.scheduler_ns : &scale.cpu.rest_ns) += now_ns - before_ns;
        before_ns = now_ns;
    }
}

static const struct shard *shard_of(uint32_t scheduler, uint32_t number)
{
    const struct shard *shard = sim_scheduler_role(&scale.schedulers[scheduler])->shards[number];

    return shard != NULL && shard_is_live(shard) ? shard : NULL;
}

static void greater(uint64_t *most, uint64_t value)
{
    *most = value > *most ? value : *most;
}

static void look(void)
{
    for (uint32_t i = 0; i < scale.of.schedulers; i++) {
        struct scheduler_counts counts = scheduler_counts(sim_scheduler_role(&scale.schedulers[i]));

        greater(&scale.ready_most, counts.ready);
        greater(&scale.memory_most, counts.memory_bytes);
        for (uint32_t k = 0; k < scale.of.shards; k++) {
            const struct shard *shard = shard_of(i, k);

            if (shard != NULL) {
                greater(&scale.outbox_most, shard->outbox_count);
                greater(&scale.behind_most, (uint64_t)(broker_partition(TOPIC_STATUS, k)->end -
                                                       shard->inputs[1].cursor.offset));
            }
        }
    }
}

/* Every shard runs, spread evenly, and every scheduler knows every worker. */
static bool is_joined(void)
{
    uint64_t running = 0;
    uint64_t share = (scale.of.shards + scale.of.schedulers - 1) / scale.of.schedulers;

    for (uint32_t i = 0; i < scale.of.schedulers; i++) {
        const struct scheduler *role = sim_scheduler_role(&scale.schedulers[i]);
        struct scheduler_counts counts = scheduler_counts(role);

        if (counts.shards_running > share || fleet_worker_count(role->fleet) < scale.of.workers) {
            return false;
        }
        running += counts.shards_running;
    }
    return running == scale.of.shards;
}

static bool is_done(void)
{
    return scale_counts.ended == scale.executions;
}

static void await(bool (*holds)(void), const char *what)
{
    exo_time limit_ns = sim.now_ns + WITHIN_S * EXO_SECOND;

    while (!holds()) {
        if (sim.now_ns >= limit_ns) {
            sim_fail("not within %d virtual seconds: %s", WITHIN_S, what);
        }
        turns_until(sim.now_ns + 100 * EXO_MILLISECOND);
        look();
    }
}

/* ---- the parts ---- */

struct part {
    exo_time began_ns;
    struct scale_counts counts;
    struct scale_workers workers;
    struct share cpu;
    uint64_t commits;
};

static struct part part_begin(void)
{
    return (struct part){sim.now_ns, scale_counts, scale_workers, scale.cpu, database.commits};
}

static double seconds_since(const struct part *part)
{
    return (double)(sim.now_ns - part->began_ns) / 1e9;
}

static int failures;

static void expect(bool holds, const char *what, double value, double bound)
{
    if (!holds) {
        failures++;
        (void)printf("NOT AS EXPECTED: %s: %.3f, bound %.3f\n", what, value, bound);
    }
}

static void most(const char *what, double value, double bound)
{
    expect(value <= bound, what, value, bound);
}

static void rest_report(const struct part *part)
{
    double s = seconds_since(part);
    double beats = (double)(scale_workers.heartbeats - part->workers.heartbeats) / s;
    double bytes = (double)(scale_workers.heartbeat_bytes - part->workers.heartbeat_bytes) / s;
    double fleet = (double)(scale_counts.topics[SCALE_FLEET].records -
                            part->counts.topics[SCALE_FLEET].records) /
                   s;
    double read = (double)(scale_workers.fleet_read - part->workers.fleet_read) / s;
    double read_bytes =
        (double)(scale_workers.fleet_read_bytes - part->workers.fleet_read_bytes) / s;
    double cpu_ns = (double)(scale.cpu.scheduler_ns - part->cpu.scheduler_ns);

    (void)printf("at rest, %.0f virtual s\n", s);
    (void)printf(
        "  heartbeats              %.0f /s of %.0f bytes; exo.fleet takes %.0f records/s\n", beats,
        bytes / beats, fleet);
    (void)printf("  read by schedulers      %.0f records/s\n", fleet * scale.of.schedulers);
    (void)printf("  read by workers         %.0f records/s, %.1f MB/s: each reads its whole "
                 "partition of %d\n",
                 read, read_bytes / 1e6, TOPIC_FLEET_PARTITIONS);
    (void)printf("  transactions            %.1f /s\n",
                 (double)(database.commits - part->commits) / s);
    (void)printf("  cpu of a scheduler      %.2f ms a virtual second, %.0f ns a heartbeat\n",
                 cpu_ns / s / scale.of.schedulers / 1e6, cpu_ns / s / scale.of.schedulers / beats);
    most("heartbeats a second of a worker", beats / scale.of.workers, 1.1);
    most("records of exo.fleet a worker and second", fleet / scale.of.workers,
         1.1 + 4.4 * scale.of.schedulers / scale.of.workers);
}

/* least, mean and most of what workers, or shards, did */
static void spread(const char *what, uint64_t (*of)(uint32_t), uint32_t count)
{
    uint64_t sum = 0, low = UINT64_MAX, high = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint64_t value = of(i);

        sum += value;
        low = value < low ? value : low;
        high = value > high ? value : high;
    }
    (void)printf("  %-23s %llu to %llu, mean %.1f\n", what, (unsigned long long)low,
                 (unsigned long long)high, (double)sum / count);
    if (of == scale_worker_ended && scale.of.tasks >= 10ull * SLOTS * scale.of.workers) {
        expect(low > 0, "tasks of the worker with the fewest", (double)low, 1);
    }
}

static void topics_report(const struct part *part)
{
    for (int i = 0; i < SCALE_TOPIC_NR; i++) {
        double records = (double)(scale_counts.topics[i].records - part->counts.topics[i].records);
        double bytes = (double)(scale_counts.topics[i].bytes - part->counts.topics[i].bytes);

        (void)printf("  %-23s %.3f records, %.0f bytes a task\n",
                     scale_topic_name((enum scale_topic)i), records / (double)scale.of.tasks,
                     bytes / (double)scale.of.tasks);
    }
}

static double words(const struct part *part, enum scale_word word)
{
    return (double)(scale_workers.words[word] - part->workers.words[word]);
}

static void work_report(const struct part *part, double rest_cpu_ns)
{
    double s = seconds_since(part);
    double n = (double)scale.of.tasks;
    double status = (double)(scale_counts.topics[SCALE_STATUS].records -
                             part->counts.topics[SCALE_STATUS].records);
    double batches = (double)(scale_counts.batches - part->counts.batches);
    double transactions = (double)(database.commits - part->commits);
    double cpu_ns = (double)(scale.cpu.scheduler_ns - part->cpu.scheduler_ns) - rest_cpu_ns * s;
    double steps = (double)(scale_counts.steps - part->counts.steps);

    (void)printf("%.0f tasks in %u executions: %.1f virtual s\n", n, scale.executions, s);
    topics_report(part);
    (void)printf("  reports                 %.3f accepted, %.3f started, %.3f finished, %.4f "
                 "rejected a task\n",
                 words(part, SCALE_ACCEPTED) / n, words(part, SCALE_STARTED) / n,
                 words(part, SCALE_FINISHED) / n, words(part, SCALE_REJECTED) / n);
    (void)printf("  commits                 %.4f batches of shards, %.4f transactions a task; %.0f "
                 "bytes of journal and imprint\n",
                 batches / n, transactions / n,
                 (double)(scale_counts.journal_bytes - part->counts.journal_bytes) / n);
    (void)printf("  between shards          %.4f records a task; tickets moved between schedulers: "
                 "%.3f a task in %.3f records\n",
                 (double)(scale_counts.peers - part->counts.peers) / n,
                 (double)(scale_workers.loaned - part->workers.loaned) / n,
                 (double)(scale_workers.loans - part->workers.loans) / n);
    (void)printf("  read by workers         %.0f records of Tasks a task, %.0f bytes: each reads "
                 "its whole partition of %d\n",
                 (double)(scale_workers.tasks_read - part->workers.tasks_read) / n,
                 (double)(scale_workers.tasks_read_bytes - part->workers.tasks_read_bytes) / n,
                 TOPIC_TASKS_PARTITIONS);
    (void)printf("  most at once            %llu tasks ready in a scheduler, %llu records of "
                 "exo.status not read, %llu in an outbox\n",
                 (unsigned long long)scale.ready_most, (unsigned long long)scale.behind_most,
                 (unsigned long long)scale.outbox_most);
    (void)printf("  memory of a scheduler   %llu bytes at most\n",
                 (unsigned long long)scale.memory_most);
    (void)printf("  cpu of schedulers       %.1f us a task beside rest; %.2f steps a task of %.2f "
                 "us each\n",
                 cpu_ns / n / 1e3, steps / n,
                 (double)(scale_counts.step_cpu_ns - part->counts.step_cpu_ns) / steps / 1e3);
    spread("tasks of a worker", scale_worker_ended, scale.of.workers);
    expect(words(part, SCALE_FINISHED) == n, "ends of tasks", words(part, SCALE_FINISHED), n);
    /* What waits where is known with the first ticks after all is submitted at once: tickets move
     * then to where it does, from processes that may just have sent a Task. Less than one of each
     * ticket is refused for that (0.2 to 0.6 seen), however many tasks follow. */
    most("Tasks rejected, of each ticket", words(part, SCALE_REJECTED) / scale.of.workers / TICKETS,
         1);
    most("records of exo.status a task", status / n, 3.2);
    most("steps of a shard's core a task", steps / n, 6);
    most("batches of shards a task", batches / n, 2);
}

static void world_begin(void)
{
    sim_begin(scale.of.seed, false);
    sim.faults.is_over = true;
    broker_begin(scale.of.shards);
    database_begin(scale.of.shards);
    cache_begin();
    scale.schedulers = sim_alloc(scale.of.schedulers * sizeof(*scale.schedulers));
    for (uint32_t i = 0; i < scale.of.schedulers; i++) {
        scale.schedulers[i] = (struct sim_scheduler){
            .number = i, .shard_count = scale.of.shards, .executions_max = 1000000};
        sim_scheduler_start(&scale.schedulers[i]);
    }
    scale.log = log_new(process_new("outside"));
    scale_workers_begin(scale.of.workers, SLOTS, PREFETCH, RUN_MS, scale.of.shards);
}

static void memory_report(const char *when)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < scale.of.schedulers; i++) {
        sum += scheduler_counts(sim_scheduler_role(&scale.schedulers[i])).memory_bytes;
    }
    (void)printf("  memory of a scheduler   %.0f bytes %s\n", (double)sum / scale.of.schedulers,
                 when);
}

static int scale_run(void)
{
    (void)printf("%u workers of %d slots, %u schedulers, %u shards, seed %llu\n", scale.of.workers,
                 SLOTS, scale.of.schedulers, scale.of.shards, (unsigned long long)scale.of.seed);
    world_begin();
    memory_report("before a worker is known");
    await(is_joined, "every scheduler knows every worker and has its share of the shards");
    (void)printf("joined after %.1f virtual s\n", (double)sim.now_ns / 1e9);
    turns_until(sim.now_ns + 2 * EXO_SECOND);
    struct part rest = part_begin();

    turns_until(sim.now_ns + REST_S * EXO_SECOND);
    double rest_cpu_ns = (double)(scale.cpu.scheduler_ns - rest.cpu.scheduler_ns) / REST_S;

    rest_report(&rest);
    memory_report("at rest");
    scale.memory_most = 0;
    struct part work = part_begin();

    submit_all();
    await(is_done, "every execution has succeeded");
    work_report(&work, rest_cpu_ns);
    for (uint32_t i = 0; i < scale.of.schedulers; i++) {
        sim_scheduler_check(&scale.schedulers[i]);
    }
    for (uint32_t i = 0; i < scale.of.schedulers; i++) {
        sim_scheduler_crash(&scale.schedulers[i]);
    }
    scale_workers_end();
    broker_end();
    sim_end();
    (void)printf("%s\n", failures == 0 ? "as expected" : "not as expected");
    return failures == 0 ? 0 : 1;
}

static int usage(void)
{
    (void)fprintf(stderr, "sim_scale [--workers N] [--schedulers N] [--shards N] [--tasks N] "
                          "[--seed N]\n  1 to 10000 workers, 1 to 64 shards and schedulers\n");
    return 2;
}

int main(int argc, char **argv)
{
    uint64_t values[] = {10000, 16, 64, 200000, 1};
    static const char *const names[] = {"--workers", "--schedulers", "--shards", "--tasks",
                                        "--seed"};

    for (int i = 1; i < argc; i += 2) {
        size_t which = 0;

        while (which < 5 && strcmp(argv[i], names[which]) != 0) {
            which++;
        }
        if (which == 5 || i + 1 == argc) {
            return usage();
        }
        values[which] = strtoull(argv[i + 1], NULL, 10);
    }
    if (values[0] < 1 || values[0] > 10000 || values[1] < 1 || values[1] > 64 || values[2] < 1 ||
        values[2] > DATABASE_SHARDS_MAX || values[3] < 1) {
        return usage();
    }
    scale.of = (struct settings){.workers = (uint32_t)values[0],
                                 .schedulers = (uint32_t)values[1],
                                 .shards = (uint32_t)values[2],
                                 .tasks = values[3],
                                 .seed = values[4]};
    return scale_run();
}
