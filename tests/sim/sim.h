/* sim: one world in one process: a queue of events in virtual time, the processes that live in it
 * and the memory of all of it.
 *
 *   sim_at --> (time, sequence) --sim_turn--> a call, as one process or as the world itself
 *
 * The same seed gives the same events in the same order; their hash is the trace. There is one
 * world at a time, because the ports it stands in for (infra/loop and others) know of none.
 * A process is a struct loop: it stands on a machine of its own with a clock of its own. What a
 * process asked for while it lived finds nobody when it is dead; while it is paused it waits. */
#ifndef EXO_TESTS_SIM_SIM_H
#define EXO_TESTS_SIM_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "infra/loop/loop.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/span.h"
#include "schemas/vocab/time.h"
#include "tests/sim/dice.h"
#include "tests/sim/fault.h"

typedef void sim_call(void *argument);

struct sim_event {
    exo_time at_ns;
    uint64_t sequence;
    struct loop *owner; /* NULL: the world */
    sim_call *call;
    void *argument;
};

struct sim_block;

struct sim {
    uint64_t seed;
    struct dice net;  /* of latencies and what happens in between */
    struct dice luck; /* of faults */
    struct faults faults;
    exo_time now_ns;  /* true time since the world began */
    exo_time heal_ns; /* nothing goes wrong from then on */
    struct loop *current;
    struct sim_event *events; /* a heap */
    uint32_t event_count, event_capacity;
    uint64_t sequence;
    uint64_t turns;
    uint64_t trace;
    bool is_told;      /* the trace is written to stderr */
    bool is_restarted; /* every shard is loaded again after each of its commits */
    uint64_t restarts;
    bool is_resumed; /* a person has moved cursors back */
    struct sim_block *blocks;
    struct loop *processes;
    uint32_t process_count;
};

extern struct sim sim;

/* The wall clock when a world begins. */
#define SIM_EPOCH_NS ((exo_time)1767225600 * EXO_SECOND)

struct loop {
    struct loop *next;
    uint32_t number;
    char name[32];
    int32_t rate_ppm;       /* its clock runs faster by so much */
    exo_time monotonic_ns;  /* its monotonic clock when the world began */
    exo_time wall_error_ns; /* its wall clock is ahead by so much */
    exo_time paused_until_ns;
    bool is_dead;
    exo_time busy_until_ns;
};

/* sim_begin makes an empty world of a seed; sim_end frees it. */
void sim_begin(uint64_t seed, bool is_told);
void sim_end(void);

/* sim_alloc gives zeroed memory that lives as long as the world. */
void *sim_alloc(size_t bytes);

/* sim_copy copies bytes for as long as the world lives. */
struct span sim_copy(struct span source);

/* sim_at calls as owner at a time (or now, when it has passed). */
void sim_at(exo_time at_ns, struct loop *owner, sim_call *call, void *argument);

/* sim_in is sim_at after a random while of min .. max. */
void sim_in(exo_time min_ns, exo_time max_ns, struct loop *owner, sim_call *call, void *argument);

/* sim_turn makes the next event happen. Returns false when there is none before limit_ns; time
 * then stands at limit_ns. */
bool sim_turn(exo_time limit_ns);

/* sim_draw gives a time of min .. max. */
exo_time sim_draw(exo_time min_ns, exo_time max_ns);

/* sim_draw_fault is sim_draw, cut so that it is over when the world heals. */
exo_time sim_draw_fault(exo_time min_ns, exo_time max_ns);

/* sim_trace adds a line to the trace. */
void sim_trace(const char *format, ...) EXO_PRINTF(1, 2);

/* sim_fail says what is wrong and aborts the world. */
_Noreturn void sim_fail(const char *format, ...) EXO_PRINTF(1, 2);

/* sim_hash hashes bytes for the trace. */
uint64_t sim_hash(struct span bytes);

/* process_new starts a machine with one process; process_end is its death: nothing it asked for
 * comes back to it. */
struct loop *process_new(const char *name);
void process_end(struct loop *process);

/* process_local_ns is the process's monotonic clock at a true time. */
exo_time process_local_ns(const struct loop *process, exo_time at_ns);

#endif /* EXO_TESTS_SIM_SIM_H */
