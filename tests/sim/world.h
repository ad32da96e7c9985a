/* world: one world from its seed to its end.
 *
 *   plan --submissions--> broker <--> schedulers (real) <--> database        faults until heal_ns,
 *                           ^                                                then everything must
 *                           +------> workers (real cores)                    come to its end
 */
#ifndef EXO_TESTS_SIM_WORLD_H
#define EXO_TESTS_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/vocab/span.h"
#include "schemas/vocab/states.h"
#include "tests/sim/fault.h"

struct loop;

/* What to run. */
struct world_settings {
    uint64_t seed;
    bool is_told;   /* the trace goes to stderr */
    bool is_chosen; /* the faults below, in place of a random part */
    bool is_enabled[FAULT_NR];
    bool is_restarted; /* every shard is dropped and loaded again after each of its commits */
    bool is_bounded;   /* no large groups: to be as fast with restarts, or the same without them */
    uint64_t left_out; /* executions that are never submitted: bit i is number i */
};

/* What came of it. */
struct world_counts {
    uint64_t worlds, turns, executions, excused, containers, commits, finishes, losses, rejections,
        letters;
    uint64_t virtual_ms;
    uint64_t fired[FAULT_NR];
    uint64_t transitions[TASK_STATE_NR][TASK_STATE_NR];
    uint64_t restarts;
    uint64_t trace;   /* hash */
    uint64_t outcome; /* hash of how all ended whose end does not depend on time */
};

/* world_run runs one world; what is wrong aborts with a line that names the seed. */
void world_run(const struct world_settings *settings, struct world_counts *ret_counts);

struct sched;
struct shard;
struct sim_worker;

/* world_shard gives the shard of a core, NULL where it has none. */
const struct shard *world_shard(const struct sched *sched);

/* world_worker gives the worker of a name, which must be there. */
const struct sim_worker *world_worker(struct span name);

/* world_process_name gives the name of the scheduler process that is this one; NULL: none is. */
const char *world_process_name(const struct loop *process);

/* world_faults says which faults the world of these settings has. */
void world_faults(const struct world_settings *settings, bool ret_enabled[FAULT_NR]);

/* world_limit lets the process die of a signal when its world takes too much cpu. */
enum { WORLD_CPU_S = 120 };
void world_limit(void);

/* world_owner_dies: whoever owns the shard then dies at that time, or stands still until another
 * has taken it. */
void world_owner_dies(uint32_t shard, int64_t at_ns);

/* world_process_died: the process that runs now dies of what it does; another takes its place soon.
 * Gives its scheduler's name, which lives as long as the world. */
const char *world_process_died(struct loop *process);

#endif /* EXO_TESTS_SIM_WORLD_H */
