#include "tests/sim/sim.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { BLOCK_BYTES = 1 << 18, LINE_BYTES = 512 };

struct sim_block {
    struct sim_block *next;
    size_t used, bytes;
    _Alignas(16) unsigned char data[];
};

struct sim sim;

void sim_begin(uint64_t seed, bool is_told)
{
    sim = (struct sim){
        .seed = seed,
        .net = dice_new(seed, 1),
        .luck = dice_new(seed, 2),
        .trace = 0xcbf29ce484222325u,
        .is_told = is_told,
    };
    sim.faults.dice = &sim.luck;
    sim.faults.boost = 1;
}

void sim_end(void)
{
    while (sim.blocks != NULL) {
        struct sim_block *next = sim.blocks->next;

        free(sim.blocks);
        sim.blocks = next;
    }
    free(sim.events);
    sim.events = NULL;
    sim.event_count = 0;
}

void *sim_alloc(size_t bytes)
{
    size_t rounded = (bytes + 15) & ~(size_t)15;

    if (sim.blocks == NULL || sim.blocks->bytes - sim.blocks->used < rounded) {
        size_t size = rounded > BLOCK_BYTES ? rounded : BLOCK_BYTES;
        struct sim_block *block = calloc(1, sizeof(*block) + size);

        assert(block != NULL);
        block->bytes = size;
        block->next = sim.blocks;
        sim.blocks = block;
    }
    void *at = sim.blocks->data + sim.blocks->used;

    sim.blocks->used += rounded;
    return at;
}

struct span sim_copy(struct span source)
{
    unsigned char *copy = sim_alloc(source.bytes + 1);

    if (source.bytes > 0) {
        memcpy(copy, source.data, source.bytes);
    }
    return (struct span){copy, source.bytes};
}

/* ---- the queue ---- */

static bool is_before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->sequence < b->sequence;
}

static void event_push(struct sim_event event)
{
    if (sim.event_count == sim.event_capacity) {
        sim.event_capacity = sim.event_capacity == 0 ? 1024 : 2 * sim.event_capacity;
        sim.events = realloc(sim.events, sim.event_capacity * sizeof(*sim.events));
        assert(sim.events != NULL);
    }
    uint32_t place = sim.event_count++;

    while (place > 0 && is_before(&event, &sim.events[(place - 1) / 2])) {
        sim.events[place] = sim.events[(place - 1) / 2];
        place = (place - 1) / 2;
    }
    sim.events[place] = event;
}

static struct sim_event event_pop(void)
{
    struct sim_event first = sim.events[0];
    struct sim_event last = sim.events[--sim.event_count];
    uint32_t place = 0;

    for (;;) {
        uint32_t child = 2 * place + 1;

        if (child >= sim.event_count) {
            break;
        }
        if (child + 1 < sim.event_count && is_before(&sim.events[child + 1], &sim.events[child])) {
            child++;
        }
        if (!is_before(&sim.events[child], &last)) {
            break;
        }
        sim.events[place] = sim.events[child];
        place = child;
    }
    sim.events[place] = last;
    return first;
}

void sim_at(exo_time at_ns, struct loop *owner, sim_call *call, void *argument)
{
    event_push((struct sim_event){
        .at_ns = at_ns > sim.now_ns ? at_ns : sim.now_ns,
        .sequence = sim.sequence++,
        .owner = owner,
        .call = call,
        .argument = argument,
    });
}

exo_time sim_draw(exo_time min_ns, exo_time max_ns)
{
    return dice_between(&sim.net, min_ns, max_ns);
}

exo_time sim_draw_fault(exo_time min_ns, exo_time max_ns)
{
    exo_time drawn = dice_between(&sim.luck, min_ns, max_ns);
    exo_time left = sim.heal_ns > sim.now_ns ? sim.heal_ns - sim.now_ns : 0;

    return drawn < left ? drawn : left;
}

void sim_in(exo_time min_ns, exo_time max_ns, struct loop *owner, sim_call *call, void *argument)
{
    sim_at(sim.now_ns + sim_draw(min_ns, max_ns), owner, call, argument);
}

bool sim_turn(exo_time limit_ns)
{
    while (sim.event_count > 0 && sim.events[0].at_ns <= limit_ns) {
        struct sim_event event = event_pop();

        sim.now_ns = event.at_ns;
        if (event.owner != NULL && event.owner->is_dead) {
            continue;
        }
        if (event.owner != NULL && event.owner->paused_until_ns > sim.now_ns) {
            event.at_ns = event.owner->paused_until_ns;
            event.sequence = sim.sequence++;
            event_push(event);
            continue;
        }
        sim.current = event.owner;
        sim.turns++;
        event.call(event.argument);
        sim.current = NULL;
        return true;
    }
    sim.now_ns = limit_ns;
    return false;
}

/* ---- the trace ---- */

uint64_t sim_hash(struct span bytes)
{
    const unsigned char *at = bytes.data;
    uint64_t hash = 0xcbf29ce484222325u;

    for (size_t i = 0; i < bytes.bytes; i++) {
        hash = (hash ^ at[i]) * 0x100000001b3u;
    }
    return hash;
}

void sim_trace(const char *format, ...)
{
    char line[LINE_BYTES];
    va_list args;

    va_start(args, format);
    int bytes = vsnprintf(line, sizeof(line), format, args);

    va_end(args);
    if (bytes >= LINE_BYTES) {
        bytes = LINE_BYTES - 1;
    }
    sim.trace = mix(sim.trace, sim_hash((struct span){line, (size_t)bytes}), (uint64_t)sim.now_ns);
    if (sim.is_told) {
        (void)fprintf(stderr, "%11.6f %-12s %s\n", (double)sim.now_ns / 1e9,
                      sim.current == NULL ? "-" : sim.current->name, line);
    }
}

void sim_fail(const char *format, ...)
{
    va_list args;

    (void)fflush(stdout);
    (void)fprintf(stderr, "\nseed %llu at %.6f s (%s): ", (unsigned long long)sim.seed,
                  (double)sim.now_ns / 1e9, sim.current == NULL ? "world" : sim.current->name);
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fprintf(stderr, "\n");
    abort();
}

/* ---- processes ---- */

struct loop *process_new(const char *name)
{
    struct loop *process = sim_alloc(sizeof(*process));

    process->number = sim.process_count++;
    (void)snprintf(process->name, sizeof(process->name), "%s", name);
    process->monotonic_ns = (exo_time)dice_below(&sim.net, 1000000) * EXO_SECOND;
    if (fault_fires(&sim.faults, FAULT_CLOCK_RATE)) {
        process->rate_ppm = (int32_t)dice_between(&sim.luck, -50000, 50000);
        process->wall_error_ns = dice_between(&sim.luck, -2 * EXO_SECOND, 2 * EXO_SECOND);
    }
    process->next = sim.processes;
    sim.processes = process;
    sim_trace("process %s begins", name);
    return process;
}

void process_end(struct loop *process)
{
    sim_trace("process %s ends", process->name);
    process->is_dead = true;
}

exo_time process_local_ns(const struct loop *process, exo_time at_ns)
{
    return process->monotonic_ns + at_ns + at_ns * process->rate_ppm / 1000000;
}
