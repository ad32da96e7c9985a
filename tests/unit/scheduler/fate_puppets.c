#include "tests/unit/scheduler/fate_puppets.h"

#include "tests/support/test.h"

struct fate_puppets puppets;

void puppets_open(void)
{
    memset(&puppets, 0, sizeof(puppets));
    puppets.scheduler.allocator = allocator_heap(&puppets.budget);
    puppets.scheduler.shard_count = 4;
    puppets.shard.scheduler = &puppets.scheduler;
    puppets.shard.state = SHARD_RUNNING;
    puppets.shard.epoch = 3;
    arena_init(&puppets.shard.open_arena, puppets.scheduler.allocator, 0);
}

void puppets_close(void)
{
    arena_release(&puppets.shard.open_arena);
}

void puppets_answer(enum fate fate, struct shard *shard)
{
    uint32_t count = puppets.asked_count;

    puppets.asked_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        puppets.asked[i].told(shard, puppets.asked[i].argument, fate, NULL);
    }
}

bool puppets_has_asked(const struct execution_id *id)
{
    bool has_asked = false;

    for (uint32_t i = 0; i < puppets.asked_count; i++) {
        has_asked = has_asked || execution_id_equal(&puppets.asked[i].id, id);
    }
    return has_asked;
}

/* ---- what a shard calls ---- */

void fate_ask(struct shard *of, const struct execution_id *id, fate_told *told, void *argument)
{
    assert_ptr_equal(of, &puppets.shard);
    assert_true(puppets.asked_count < PUPPETS_ASKED_MAX);
    puppets.asked[puppets.asked_count].id = *id;
    puppets.asked[puppets.asked_count].told = told;
    puppets.asked[puppets.asked_count++].argument = argument;
}

exo_time shard_time(struct shard *of)
{
    assert_ptr_equal(of, &puppets.shard);
    return EXO_HOUR;
}

exo_time loop_now_ns(const struct loop *loop)
{
    (void)loop;
    return puppets.now_ns;
}

void scheduler_wake(struct scheduler *of)
{
    assert_ptr_equal(of, &puppets.scheduler);
}

void *sealed_alloc(struct sealed *sealed, size_t bytes)
{
    (void)sealed;
    (void)bytes;
    fail();
    return NULL;
}

struct span sealed_copy(struct sealed *sealed, struct span bytes)
{
    (void)sealed;
    fail();
    return bytes;
}
