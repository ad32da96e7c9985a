/* seal_tasks: a Task that is sent with its kill stands in one record with it, wherever records end;
 * it goes where its worker reads, also before that has spoken to a new owner, and spends the ticket
 * of the process that granted it. */
#include <stdio.h>
#include <string.h>

#include "scheduler/sealed.h"
#include "schemas/wire/task.h"
#include "tests/support/test.h"
#include "tests/unit/scheduler/core/sched_bench.h"

/* Each spec carries the input: ten of them are more than one record. */
#define SATELLITE(name) "    - {name: " name ", needs: [], command: [x, \"${{ input.text }}\"]}\n"
#define CLUSTER                                                                                    \
    "exosphere: v1\n"                                                                              \
    "cluster:\n"                                                                                   \
    "  name: story\n"                                                                              \
    "  defaults: {image: \"oci:x\"}\n"                                                             \
    "  satellites:\n" SATELLITE("a") SATELLITE("b") SATELLITE("c") SATELLITE("d") SATELLITE("e")   \
        SATELLITE("f") SATELLITE("g") SATELLITE("h") SATELLITE("i") SATELLITE("j")

enum { TASKS = 10, TEXT_BYTES = 60 << 10 };

static void open(struct sched_bench *bench)
{
    static char input[TEXT_BYTES + 32];
    int at = snprintf(input, sizeof(input), "{\"text\":\"");

    memset(input + at, 'x', TEXT_BYTES);
    (void)snprintf(input + at + TEXT_BYTES, 3, "\"}");
    bench_open(bench, CLUSTER);
    bench_submit(bench, input);
    assert_int_equal(bench_grant(bench), TASKS);
    bench_seal(bench);
    for (uint32_t i = 0; i < TASKS; i++) {
        sched_task_sent(bench->sched, &(struct task_id){bench->id, i, 0}, 1, TASK_UNSENT);
    }
}

/* Every second one was granted by another process. */
static void lend_apart(struct sched_bench *bench)
{
    for (uint32_t i = 1; i < TASKS; i += 2) {
        struct instance *instance = execution_instance(sched_find(bench->sched, &bench->id), i);

        memcpy(execution_task(instance, 0)->lease->process, "them", sizeof("them"));
    }
}

static bool is_killed(const struct wire_task_record *record, const struct wire_task *task)
{
    for (uint32_t i = 0; i < record->kill_count; i++) {
        if (record->kills[i].task.instance == record->specs[task->spec].instance) {
            return true;
        }
    }
    return false;
}

static void test_a_task_and_its_kill_are_one_record(void **state)
{
    static const uint8_t secret[64];
    struct sched_bench bench;
    struct sealed sealed = {0};
    struct fleet_limits limits = {0};
    uint32_t seen = 0;

    (void)state;
    open(&bench);
    lend_apart(&bench);
    bench_cancel(&bench);
    assert_int_equal(sched_resend(bench.sched), SCHED_OK);
    struct sched_batch batch = sched_batch(bench.sched);
    struct seal_facts facts = {.epoch = 3,
                               .secret = secret,
                               .fleet = fleet_new(bench.arena.allocator, span_of("new"), &limits)};

    assert_non_null(facts.fleet);
    /* w said 0 when it lent its tickets, and nobody would guess that. */
    assert_int_not_equal(topic_class_partition(span_of("w"), TOPIC_TASKS_PARTITIONS), 0);

    arena_init(&sealed.arena, bench.arena.allocator, 0);
    seal_tasks(&sealed, &batch, &facts);
    assert_true(sealed.task_count > 1);
    for (uint32_t i = 0; i < sealed.task_count; i++) {
        struct wire_task_record record;

        assert_int_equal(sealed.tasks[i].partition, 0);
        assert_int_equal(wire_task_record_unpack(sealed.tasks[i].value, &bench.arena, &record),
                         WIRE_OK);
        for (uint32_t k = 0; k < record.task_count; k++, seen++) {
            uint32_t number = record.specs[record.tasks[k].spec].instance;

            assert_true(is_killed(&record, &record.tasks[k]));
            assert_true(span_is(record.process, number % 2 == 0 ? "us" : "them"));
        }
    }
    assert_int_equal(seen, TASKS);
    arena_release(&sealed.arena);
    fleet_free((struct fleet *)(uintptr_t)facts.fleet);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_task_and_its_kill_are_one_record),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
