#include "tests/sim/sim_worker.h"

#include <assert.h>
#include <stdlib.h>

#include "tests/sim/broker.h"
#include "tests/sim/oracle.h"
#include "tests/sim/sim_life.h"

static void timer_due(void *argument)
{
    struct sim_life *life = argument;
    const struct worker_event event = {.kind = WORKER_ON_TIMER};

    (void)life_event(life, &event);
}

/* Looks whether the readers know where they stand. */
static void poll_due(void *argument)
{
    struct sim_life *life = argument;
    bool is_whole = true;

    for (uint32_t i = 0; i < life->class_count; i++) {
        struct life_class *class = &life->classes[i];
        int64_t position = log_reader_position(class->reader);

        if (position >= 0 && !class->is_opened) {
            const struct worker_event event = {.kind = WORKER_ON_OPENED,
                                               .opened = {class->index, position}};

            class->is_opened = true;
            (void)life_event(life, &event);
            log_reader_resume(class->reader);
        }
        is_whole = is_whole && class->is_opened;
    }
    if (!is_whole && !life->is_over) {
        loop_timer_start(life->poll, 5 * EXO_MILLISECOND, 0);
    }
}

static void reader_failed(void *argument, const struct exo_error *err)
{
    (void)argument;
    sim_fail("a reader of a worker fails: %s", err->text);
}

static void life_open(struct sim_life *life)
{
    static const struct log_reader_callbacks on_tasks = {life_on_tasks, reader_failed};
    static const struct log_reader_callbacks on_fleet = {life_on_fleet, reader_failed};
    static const char *const topics[] = {TOPIC_TASKS_PREFIX "default", TOPIC_TASKS_PREFIX "big"};
    uint32_t partition =
        topic_class_partition(span_of(life->worker->name), life->worker->task_partitions);

    const uint32_t count = life->class_count;

    assert(count <= sizeof(topics) / sizeof(topics[0]));
    for (uint32_t i = 0; i < count; i++) {
        life->classes[i].life = life;
        life->classes[i].index = i;
        life->classes[i].reader = log_reader_open(life->log, topics[i], partition, LOG_END, 0,
                                                  &on_tasks, &life->classes[i]);
    }
    life->fleet = log_reader_open(life->log, TOPIC_FLEET, fleet_partition_of(life), LOG_END, 0,
                                  &on_fleet, life);
    life->timer = loop_timer_new(life->loop, timer_due, life);
    life->poll = loop_timer_new(life->loop, poll_due, life);
    loop_timer_start(life->poll, 5 * EXO_MILLISECOND, 0);
    /* A second life beside the first stands on another machine, with an empty disk. */
    life->next_file = life->next != NULL && !life->next->is_over ? NULL : life->worker->files;
    life_spool_tell(life);
}

/* By its machine's clock, which may have been set back since the last start. */
static uint64_t incarnation_new(const struct sim_worker *worker)
{
    uint64_t wall = (uint64_t)clock_wall_ns();

    if (worker->incarnation != 0 && fault_fires(&sim.faults, FAULT_WORKER_CLOCK)) {
        sim_trace("the clock of worker %s is set back", worker->name);
        return worker->incarnation - (uint64_t)sim_draw(EXO_SECOND, EXO_MINUTE);
    }
    return wall > worker->incarnation ? wall : worker->incarnation + 1;
}

void sim_worker_start(struct sim_worker *worker)
{
    struct sim_life *life = sim_alloc(sizeof(*life));

    worker->incarnation = incarnation_new(worker);
    life->worker = worker;
    life->incarnation = worker->incarnation;
    life->loop = process_new(worker->name);
    life->log = log_new(life->loop);
    life->class_count = worker->serves_big ? 2 : 1;
    struct worker_settings settings = {
        .incarnation = life->incarnation,
        .slots = worker->slots,
        .prefetch = worker->prefetch,
        .class_nr = life->class_count,
        .shard_nr = worker->shard_count,
        .merges_accepted = worker->merges_accepted,
        .spools = worker->spools,
    };

    arena_init(&life->arena, allocator_heap(&life->budget), 0);
    buffer_init(&life->text, allocator_heap(&life->budget), 0);
    life->core = worker_new(&settings, allocator_heap(&life->budget));
    assert(life->core != NULL);
    life->attempts = sim_alloc(worker_slot_nr(life->core) * sizeof(struct sim_attempt *));
    life->told = sim_alloc(worker_slot_nr(life->core) * sizeof(struct sim_file *));
    life->accepted = sim_alloc(worker_slot_nr(life->core) * sizeof(*life->accepted));
    life->marks = sim_alloc(life->class_count * worker->shard_count * sizeof(*life->marks));
    life->next = worker->lives;
    worker->lives = life;
    life_open(life);
}

static void life_end(struct sim_life *life)
{
    if (life->is_over) {
        return;
    }
    life->is_over = true;
    for (uint32_t i = 0; i < life->class_count; i++) {
        log_reader_close(life->classes[i].reader);
    }
    log_reader_close(life->fleet);
    log_close(life->log);
    process_end(life->loop);
    worker_free(life->core);
    life->core = NULL;
    arena_release(&life->arena);
    buffer_release(&life->text);
    free(life->events);
    life->events = NULL;
}

void sim_worker_crash(struct sim_worker *worker)
{
    if (worker->lives != NULL) {
        life_end(worker->lives);
    }
}

void sim_worker_pause(struct sim_worker *worker, exo_time until_ns)
{
    sim_trace("worker %s is silent until %.3f", worker->name, (double)until_ns / 1e9);
    worker->lives->loop->paused_until_ns = until_ns;
}

void sim_worker_drain(struct sim_worker *worker)
{
    const struct worker_event event = {.kind = WORKER_ON_DRAIN,
                                       .drain = {sim_draw(0, 5 * EXO_SECOND)}};

    if (!worker->lives->is_over && worker->lives->loop->paused_until_ns <= sim.now_ns) {
        sim_trace("worker %s drains", worker->name);
        (void)life_event(worker->lives, &event);
    }
}

/* By the time it is: a life that stood still hears of both at once, in any order. */
static void room_tell(void *argument)
{
    struct sim_life *life = argument;
    const struct worker_event event = {.kind = WORKER_ON_ROOM,
                                       .room.is_full = sim.now_ns < life->full_until_ns};

    (void)life_event(life, &event);
}

void sim_worker_fill(struct sim_worker *worker, exo_time until_ns)
{
    struct sim_life *life = worker->lives;

    sim_trace("worker %s is full until %.3f", worker->name, (double)until_ns / 1e9);
    life->full_until_ns = until_ns > life->full_until_ns ? until_ns : life->full_until_ns;
    sim_at(sim.now_ns, life->loop, room_tell, life);
    sim_at(life->full_until_ns, life->loop, room_tell, life);
}

void sim_worker_break(struct sim_worker *worker, exo_time until_ns)
{
    sim_trace("the machine of worker %s starts nothing until %.3f", worker->name,
              (double)until_ns / 1e9);
    worker->broken_until_ns = until_ns;
}

static bool has_left(const struct sim_life *life)
{
    struct worker_facts facts;

    worker_facts(life->core, &facts);
    return facts.phase == WORKER_LEFT;
}

bool sim_worker_is_up(const struct sim_worker *worker)
{
    return worker->lives != NULL && !worker->lives->is_over && !has_left(worker->lives);
}

bool sim_worker_is_idle(const struct sim_worker *worker)
{
    for (const struct sim_life *life = worker->lives; life != NULL; life = life->next) {
        for (uint32_t i = 0; !life->is_over && i < worker_slot_nr(life->core); i++) {
            if (worker_slot(life->core, i)->state != SLOT_FREE) {
                return false;
            }
        }
    }
    return true;
}

void sim_worker_retire(struct sim_worker *worker)
{
    for (struct sim_life *life = worker->lives->next; life != NULL; life = life->next) {
        life_end(life);
    }
}

void sim_worker_check(const struct sim_worker *worker)
{
    for (const struct sim_life *life = worker->lives; life != NULL; life = life->next) {
        if (!life->is_over) {
            worker_check(life->core);
        }
    }
}

bool sim_worker_holds(const struct sim_worker *worker, uint64_t incarnation,
                      const struct task_id *task, uint32_t attempt)
{
    for (const struct sim_life *life = worker->lives; life != NULL; life = life->next) {
        for (uint32_t i = 0; !life->is_over && i < worker_slot_nr(life->core); i++) {
            const struct slot *slot = worker_slot(life->core, i);

            if (life->incarnation == incarnation && slot_is_listed(slot->state) &&
                slot->attempt == attempt && memcmp(&slot->task, task, sizeof(*task)) == 0) {
                return true;
            }
        }
    }
    return false;
}

bool sim_worker_spooled(const struct sim_worker *worker, const struct task_id *task,
                        uint32_t attempt)
{
    for (const struct sim_file *file = worker->files; file != NULL; file = file->next) {
        if (file->attempt == attempt && memcmp(&file->task, task, sizeof(*task)) == 0) {
            return file->outcome != ATTEMPT_UNKNOWN && file->outcome != ATTEMPT_LOST;
        }
    }
    return false;
}
