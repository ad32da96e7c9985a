/* sim: runs worlds, on all cores, and says what was reached.
 *
 *   parent --seeds--> child processes, one a core --counts, or a failing seed--> parent */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/sim/shrink.h"
#include "tests/sim/world.h"

enum {
    CHILDREN_MAX = 64,
    KEPT_MAX = 256,
    FAILURES_SHOWN = 40,
};

struct options {
    struct world_settings world;
    uint64_t count;
    bool has_seed;
    bool is_repeated; /* each world runs twice and must be the same */
    bool is_first;    /* stops at the first world that fails */
    bool is_compared; /* each world runs with restarts too and must end alike */
    bool is_shrunk;   /* one world that fails is made smaller */
    const char *faults;
    long children;
};

static void usage(void)
{
    (void)printf("sim [--seed N] [--count N] [--faults a,b,c | none] [--twice] [--trace] "
                 "[--first] [--jobs N]\n    [--restart | --restarted] [--shrink] [--leave-out "
                 "BITS]\n\nfaults:\n");
    for (int i = 0; i < FAULT_NR; i++) {
        (void)printf("  %-18s %s\n", fault_name((enum sim_fault)i), fault_text((enum sim_fault)i));
    }
}

static bool faults_read(struct options *options, const char *list)
{
    char copy[1024];

    options->faults = list;
    options->world.is_chosen = true;
    (void)snprintf(copy, sizeof(copy), "%s", list);
    for (char *name = strtok(copy, ","); name != NULL; name = strtok(NULL, ",")) {
        enum sim_fault fault = fault_find(name);

        if (strcmp(name, "none") == 0) {
            continue;
        }
        if (fault == FAULT_NR) {
            (void)fprintf(stderr, "no fault is called %s; --help lists them\n", name);
            return false;
        }
        options->world.is_enabled[fault] = true;
    }
    return true;
}

static bool options_read(struct options *options, int argc, char **argv)
{
    *options = (struct options){.count = 1, .children = sysconf(_SC_NPROCESSORS_ONLN)};
    for (int i = 1; i < argc; i++) {
        bool has_value = i + 1 < argc;

        if (strcmp(argv[i], "--seed") == 0 && has_value) {
            options->world.seed = strtoull(argv[++i], NULL, 10);
            options->has_seed = true;
        } else if (strcmp(argv[i], "--count") == 0 && has_value) {
            options->count = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--jobs") == 0 && has_value) {
            options->children = strtol(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--faults") == 0 && has_value) {
            if (!faults_read(options, argv[++i])) {
                return false;
            }
        } else if (strcmp(argv[i], "--twice") == 0) {
            options->is_repeated = true;
        } else if (strcmp(argv[i], "--restart") == 0) {
            options->is_compared = true;
            options->world.is_bounded = true;
        } else if (strcmp(argv[i], "--restarted") == 0) {
            options->world.is_restarted = true;
            options->world.is_bounded = true;
        } else if (strcmp(argv[i], "--shrink") == 0) {
            options->is_shrunk = true;
        } else if (strcmp(argv[i], "--leave-out") == 0 && has_value) {
            options->world.left_out = strtoull(argv[++i], NULL, 16);
        } else if (strcmp(argv[i], "--first") == 0) {
            options->is_first = true;
        } else if (strcmp(argv[i], "--trace") == 0) {
            options->world.is_told = true;
        } else {
            usage();
            return false;
        }
    }
    if (!options->has_seed) {
        struct timespec now;

        (void)clock_gettime(CLOCK_REALTIME, &now);
        options->world.seed =
            ((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000) * 1000;
    }
    return true;
}

/* ---- a child ---- */

/* What it writes before and after each world. */
struct word {
    bool is_end;
    uint64_t seed;
    struct world_counts counts;
};

static void word_write(int fd, const struct word *word)
{
    const char *at = (const char *)word;
    size_t left = sizeof(*word);

    while (left > 0) {
        ssize_t wrote = write(fd, at, left);

        if (wrote <= 0) {
            exit(1);
        }
        at += wrote;
        left -= (size_t)wrote;
    }
}

static void child_run(const struct options *options, uint64_t first, uint64_t step, uint64_t end,
                      int fd)
{
    for (uint64_t seed = first; seed < end; seed += step) {
        struct world_settings settings = options->world;
        struct word word = {.seed = seed};

        word_write(fd, &word);
        world_limit();
        settings.seed = seed;
        world_run(&settings, &word.counts);
        if (options->is_compared) {
            struct world_counts restarted = {0};

            settings.is_restarted = true;
            world_run(&settings, &restarted);
            word.counts.restarts = restarted.restarts;
            if (restarted.outcome != word.counts.outcome) {
                (void)fprintf(stderr,
                              "seed %llu ends in another way when every shard is loaded again "
                              "after each of its %llu commits\n",
                              (unsigned long long)seed, (unsigned long long)restarted.restarts);
                abort();
            }
        }
        if (options->is_repeated) {
            struct world_counts again = {0};

            world_run(&settings, &again);
            if (again.trace != word.counts.trace) {
                (void)fprintf(stderr, "seed %llu gives trace %016llx, then %016llx\n",
                              (unsigned long long)seed, (unsigned long long)word.counts.trace,
                              (unsigned long long)again.trace);
                abort();
            }
        }
        word.is_end = true;
        word_write(fd, &word);
    }
}

/* ---- the parent ---- */

struct child {
    int fd;
    pid_t pid;
    uint64_t seed; /* it works on */
    bool is_running;
};

struct outcome {
    struct world_counts counts;
    uint64_t failed[KEPT_MAX];
    uint32_t failed_count;
};

static void counts_add(struct world_counts *to, const struct world_counts *from)
{
    uint64_t *sums = (uint64_t *)to;
    const uint64_t *parts = (const uint64_t *)from;

    for (size_t i = 0; i < sizeof(*to) / sizeof(uint64_t); i++) {
        sums[i] += parts[i];
    }
}

static void child_start(const struct options *options, struct child *child, uint64_t first,
                        uint64_t end)
{
    int fds[2];

    if (pipe(fds) != 0) {
        abort();
    }
    (void)fflush(stdout);
    child->seed = first;
    child->pid = fork();
    if (child->pid < 0) {
        abort();
    }
    if (child->pid == 0) {
        (void)close(fds[0]);
        child_run(options, first, (uint64_t)options->children, end, fds[1]);
        _exit(0);
    }
    (void)close(fds[1]);
    child->fd = fds[0];
    child->is_running = true;
}

/* Reads one whole word; false at the end of the pipe. */
static bool word_read(int fd, struct word *word)
{
    char *at = (char *)word;
    size_t left = sizeof(*word);

    while (left > 0) {
        ssize_t got = read(fd, at, left);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return false;
        }
        at += got;
        left -= (size_t)got;
    }
    return true;
}

/* A child that has ended badly is followed by one that begins with the next seed. */
static void child_ended(const struct options *options, struct child *child, struct outcome *outcome,
                        uint64_t end)
{
    int status = 0;

    (void)close(child->fd);
    (void)waitpid(child->pid, &status, 0);
    child->is_running = false;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return;
    }
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGPROF) {
        (void)printf("\nseed %llu: not over after %d s of cpu\n", (unsigned long long)child->seed,
                     WORLD_CPU_S);
    }
    (void)printf("FAILED: seed %llu; again: ./tests/sim/run --seed %llu%s%s%s --trace\n",
                 (unsigned long long)child->seed, (unsigned long long)child->seed,
                 options->faults == NULL ? "" : " --faults ",
                 options->faults == NULL ? "" : options->faults,
                 options->is_compared          ? " --restart"
                 : options->world.is_restarted ? " --restarted"
                                               : "");
    if (outcome->failed_count < KEPT_MAX) {
        outcome->failed[outcome->failed_count++] = child->seed;
    }
    uint64_t next = child->seed + (uint64_t)options->children;
    uint32_t most = options->is_first ? 1 : FAILURES_SHOWN;

    if (next < end && outcome->failed_count < most) {
        child_start(options, child, next, end);
    }
}

static void children_stop(const struct options *options, struct child *children)
{
    for (long i = 0; i < options->children; i++) {
        if (children[i].is_running) {
            (void)kill(children[i].pid, SIGKILL);
            (void)waitpid(children[i].pid, NULL, 0);
            (void)close(children[i].fd);
            children[i].is_running = false;
        }
    }
}

static void children_run(const struct options *options, struct outcome *outcome)
{
    struct child children[CHILDREN_MAX] = {{0}};
    uint64_t end = options->world.seed + options->count;

    for (long i = 0; i < options->children; i++) {
        if ((uint64_t)i < options->count) {
            child_start(options, &children[i], options->world.seed + (uint64_t)i, end);
        }
    }
    for (;;) {
        struct pollfd fds[CHILDREN_MAX];
        nfds_t running = 0;

        for (long i = 0; i < options->children; i++) {
            fds[i] = (struct pollfd){.fd = children[i].is_running ? children[i].fd : -1,
                                     .events = POLLIN};
            running += children[i].is_running;
        }
        if (running == 0) {
            return;
        }
        (void)poll(fds, (nfds_t)options->children, -1);
        for (long i = 0; i < options->children; i++) {
            struct word word;

            if (!children[i].is_running || fds[i].revents == 0) {
                continue;
            }
            if (!word_read(children[i].fd, &word)) {
                child_ended(options, &children[i], outcome, end);
                if (options->is_first && outcome->failed_count > 0) {
                    children_stop(options, children);
                }
            } else if (word.is_end) {
                counts_add(&outcome->counts, &word.counts);
            } else {
                children[i].seed = word.seed;
            }
        }
    }
}

/* ---- the report ---- */

static unsigned long long ull(uint64_t number)
{
    return (unsigned long long)number;
}

static void report_transitions(const struct world_counts *c)
{
    (void)printf("transitions of tasks:\n");
    for (int from = 0; from < TASK_STATE_NR; from++) {
        bool is_any = false;

        for (int to = 0; to < TASK_STATE_NR; to++) {
            if (c->transitions[from][to] == 0) {
                continue;
            }
            (void)printf("%s%s %llu", is_any ? ", " : "", task_state_name((enum task_state)to),
                         ull(c->transitions[from][to]));
            if (!is_any) {
                is_any = true;
            }
        }
        if (is_any) {
            (void)printf("  <- from %s\n", task_state_name((enum task_state)from));
        }
    }
}

static void report(const struct options *options, const struct outcome *outcome)
{
    const struct world_counts *c = &outcome->counts;

    (void)printf("%llu worlds from seed %llu: %llu events in %llu virtual seconds; %llu "
                 "executions (%llu not compared), %llu commits, %llu containers, %llu ends of "
                 "tasks, %llu attempts "
                 "lost, %llu rejected, %llu dead letters, %llu restarts\nfaults fired:\n",
                 ull(c->worlds), ull(options->world.seed), ull(c->turns), ull(c->virtual_ms / 1000),
                 ull(c->executions), ull(c->excused), ull(c->commits), ull(c->containers),
                 ull(c->finishes), ull(c->losses), ull(c->rejections), ull(c->letters),
                 ull(c->restarts));
    for (int i = 0; i < FAULT_NR; i++) {
        (void)printf("  %-18s %8llu%s", fault_name((enum sim_fault)i), ull(c->fired[i]),
                     i % 3 == 2 || i + 1 == FAULT_NR ? "\n" : "");
    }
    report_transitions(c);
    if (c->worlds == 1) {
        (void)printf("trace %016llx\n", ull(c->trace));
    }
    (void)printf("%u failed\n", outcome->failed_count);
}

static int shrink_main(struct options *options)
{
    char text[SHRINK_TEXT_BYTES];
    const char *comma = "";

    if (!shrink(&options->world, text)) {
        (void)printf("seed %llu does not fail\n", ull(options->world.seed));
        return 0;
    }
    (void)printf("%s\nshrunk: --seed %llu --leave-out %llx --faults ", text,
                 ull(options->world.seed), ull(options->world.left_out));
    for (int i = 0; i < FAULT_NR; i++) {
        if (options->world.is_enabled[i]) {
            (void)printf("%s%s", comma, fault_name((enum sim_fault)i));
            comma = ",";
        }
    }
    (void)printf("%s%s\n", comma[0] == '\0' ? "none" : "",
                 options->world.is_restarted ? " --restart" : "");
    return 1;
}

int main(int argc, char **argv)
{
    struct options options;
    static struct outcome outcome;

    if (!options_read(&options, argc, argv)) {
        return 2;
    }
    if (options.children < 1) {
        options.children = 1;
    }
    if (options.children > CHILDREN_MAX) {
        options.children = CHILDREN_MAX;
    }
    (void)printf("seed %llu\n", ull(options.world.seed));
    if (options.is_shrunk) {
        options.world.is_restarted = options.is_compared;
        return shrink_main(&options);
    }
    children_run(&options, &outcome);
    report(&options, &outcome);
    return outcome.failed_count == 0 && outcome.counts.worlds > 0 ? 0 : 1;
}
