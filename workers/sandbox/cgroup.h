/* cgroup: where the machine keeps the limits of containers, and what it counted.
 *
 *   v1  ROOT/{memory,cpu,pids,...}/exosphere/w-DEV-INODE/ATTEMPT    one tree a controller
 *   v2  ROOT/exosphere/w-DEV-INODE/ATTEMPT                          one tree
 *
 * crun makes an attempt's cgroups and sets the limits; this reads what it used, kills what is left
 * and removes. DEV-INODE are of the worker's runtime directory, so that two workers of one machine
 * never touch each other's. Tested on v1. On v2 tested without controllers (the machines at hand
 * have none to give): start, kill and removal ran there, the limits did not.
 *
 * Touches the cgroup file system. */
#ifndef EXO_WORKERS_CGROUP_H
#define EXO_WORKERS_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/vocab/checked.h"
#include "schemas/vocab/error.h"
#include "schemas/vocab/time.h"

enum { CGROUP_TREES_MAX = 24, CGROUP_TREE_NAME_BYTES = 64, CGROUP_PATH_BYTES = 64 };

/* One mounted hierarchy; v2 has one in all. */
struct cgroup_tree {
    char name[CGROUP_TREE_NAME_BYTES]; /* "memory", "cpu,cpuacct"; "" on v2 */
    int base_fd;                       /* directory of this worker in it */
};

struct cgroup {
    bool is_v2;
    bool limits_swap;                  /* the machine can limit memory and swap together */
    char base[CGROUP_PATH_BYTES];      /* "/exosphere/w-DEV-INODE" */
    const struct cgroup_tree *memory;  /* NULL: no such controller */
    const struct cgroup_tree *cpuacct; /* the same */
    struct cgroup_tree trees[CGROUP_TREES_MAX];
    uint32_t tree_count;
};

/* What the machine counted for one attempt. */
struct cgroup_usage {
    uint64_t cpu_ns;
    uint64_t memory_peak_bytes;
    bool is_oom_killed;
};

/* cgroup_open finds the trees and makes this worker's directory in each. On v2 it switches the
 * controllers on and moves the processes of the root aside when they stand in the way (as in a
 * container with its own root).
 *
 * cgroup      out; release it also after a failure
 * root        "/sys/fs/cgroup"; borrowed
 * dev, inode  of the runtime directory
 * Returns 0, or -1 with *err set. */
EXO_CHECKED int cgroup_open(struct cgroup *cgroup, const char *root, uint64_t dev, uint64_t inode,
                            struct exo_error *err);

/* cgroup_release closes the directories and removes this worker's where they are empty. */
void cgroup_release(struct cgroup *cgroup);

/* cgroup_usage_read reads the counters of an attempt; what cannot be read stays 0. */
void cgroup_usage_read(const struct cgroup *cgroup, const char *id, struct cgroup_usage *ret_usage);

/* cgroup_remove kills what still runs in an attempt's cgroups and removes them; blocks.
 * limit_ns  how long to try
 * Returns 0 (also when there were none), or -1 with *err set. */
EXO_CHECKED int cgroup_remove(const struct cgroup *cgroup, const char *id, exo_time limit_ns,
                              struct exo_error *err);

/* cgroup_each calls back with the id of every attempt that has a cgroup, some perhaps several
 * times. */
void cgroup_each(const struct cgroup *cgroup, void (*call)(void *argument, const char *id),
                 void *argument);

/* cgroup_parse_number finds "KEY NUMBER" at the beginning of a line, as in memory.events.
 * text  NUL-terminated, borrowed
 * Returns the number, or 0 when there is no such line. Pure. */
uint64_t cgroup_parse_number(const char *text, const char *key);

#endif /* EXO_WORKERS_CGROUP_H */
