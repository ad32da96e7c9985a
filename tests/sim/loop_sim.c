/* loop_sim: infra/loop over the world's queue, as far as schedulers and workers use it. */
#include <assert.h>

#include "tests/sim/sim.h"

struct loop_timer {
    struct loop *loop;
    void (*call)(void *argument);
    void *argument;
    uint64_t generation; /* of the start that counts */
    exo_time due_local_ns;
    exo_time repeat_ns;
    bool is_active;
    exo_time second; /* the last one it fired in, and how often */
    uint32_t shots;
};

/* A timer that fires so often within a second waits for nothing: its process spins. */
enum { SHOTS_MAX = 10000 };

exo_time loop_now_ns(const struct loop *loop)
{
    return process_local_ns(loop, sim.now_ns);
}

exo_time clock_monotonic_ns(void)
{
    assert(sim.current != NULL);
    return process_local_ns(sim.current, sim.now_ns);
}

exo_time clock_wall_ns(void)
{
    exo_time error_ns = sim.current == NULL ? 0 : sim.current->wall_error_ns;

    return SIM_EPOCH_NS + sim.now_ns + error_ns;
}

void loop_defer(struct loop *loop, void (*call)(void *argument), void *argument)
{
    sim_in(0, 50 * EXO_MICROSECOND, loop, call, argument);
}

/* True time of a local one; never before it. */
static exo_time true_ns(const struct loop *loop, exo_time local_ns)
{
    exo_time left_ns = local_ns - process_local_ns(loop, sim.now_ns);

    if (left_ns <= 0) {
        return sim.now_ns;
    }
    exo_time at_ns = sim.now_ns + left_ns - left_ns * loop->rate_ppm / 1000000;

    while (process_local_ns(loop, at_ns) < local_ns) {
        exo_time lack_ns = local_ns - process_local_ns(loop, at_ns);

        at_ns += lack_ns > 1000 ? lack_ns : 1000;
    }
    return at_ns;
}

struct shot {
    struct loop_timer *timer;
    uint64_t generation;
};

static void timer_arm(struct loop_timer *timer);

static void spin_check(struct loop_timer *timer)
{
    exo_time second = sim.now_ns / EXO_SECOND;

    timer->shots = second == timer->second ? timer->shots + 1 : 1;
    timer->second = second;
    if (timer->shots > SHOTS_MAX) {
        sim_fail("a timer has fired %u times within a second", timer->shots);
    }
}

static void timer_shot(void *argument)
{
    struct shot *shot = argument;
    struct loop_timer *timer = shot->timer;

    if (!timer->is_active || timer->generation != shot->generation) {
        return;
    }
    if (timer->repeat_ns > 0) {
        timer->due_local_ns = loop_now_ns(timer->loop) + timer->repeat_ns;
        timer_arm(timer);
    } else {
        timer->is_active = false;
    }
    spin_check(timer);
    timer->call(timer->argument);
}

static void timer_arm(struct loop_timer *timer)
{
    struct shot *shot = sim_alloc(sizeof(*shot));

    timer->is_active = true;
    timer->generation++;
    *shot = (struct shot){timer, timer->generation};
    sim_at(true_ns(timer->loop, timer->due_local_ns), timer->loop, timer_shot, shot);
}

struct loop_timer *loop_timer_new(struct loop *loop, void (*call)(void *argument), void *argument)
{
    struct loop_timer *timer = sim_alloc(sizeof(*timer));

    timer->loop = loop;
    timer->call = call;
    timer->argument = argument;
    return timer;
}

void loop_timer_start(struct loop_timer *timer, exo_time delay_ns, exo_time repeat_ns)
{
    exo_time rounded_ns = (delay_ns + EXO_MILLISECOND - 1) / EXO_MILLISECOND * EXO_MILLISECOND;

    assert(delay_ns >= 0);
    assert(repeat_ns >= 0);
    timer->due_local_ns = loop_now_ns(timer->loop) + rounded_ns;
    timer->repeat_ns = repeat_ns;
    timer_arm(timer);
}

void loop_timer_stop(struct loop_timer *timer)
{
    timer->is_active = false;
}

bool loop_timer_is_active(const struct loop_timer *timer)
{
    return timer->is_active;
}

void loop_timer_free(struct loop_timer *timer)
{
    if (timer != NULL) {
        timer->is_active = false;
    }
}
