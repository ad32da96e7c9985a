#include "tests/unit/scheduler/core/sched_bench.h"

#include "infra/yaml/yaml_read.h"
#include "schemas/cluster/cluster.h"
#include "tests/support/test.h"

enum { WINDOW = 16 };

static void cluster_read(struct sched_bench *bench, const char *text)
{
    struct fault_list faults;
    struct value *root = arena_alloc(&bench->arena, sizeof(*root));
    struct span *works;

    assert_non_null(root);
    fault_list_init(&faults, &bench->arena, 3);
    if (text_read(span_of(text), NULL, &bench->arena, root, &faults) != 0) {
        fail_msg("%s", faults.first->text);
    }
    struct cluster_source source = {.root = root, .default_project = "test"};

    if (cluster_parse(&source, &bench->arena, &bench->definition.cluster, &faults) != 0) {
        fail_msg("%s: %s", faults.first->path, faults.first->text);
    }
    works = arena_alloc(&bench->arena, bench->definition.cluster->satellite_count * sizeof(*works));
    assert_non_null(works);
    bench->definition.works = works;
    bench->definition.text = span_of(text);
}

static void worker_lend(struct sched_bench *bench)
{
    uint32_t tickets[WINDOW];
    uint64_t lends[WINDOW];
    struct span class = span_of("default");
    struct fleet_suspicion suspicion;
    struct wire_loan loan = {.worker = span_of("w"),
                             .incarnation = 7,
                             .process = span_of("us"),
                             .tickets = tickets,
                             .lends = lends,
                             .count = WINDOW};
    struct wire_heartbeat heartbeat = {.worker = span_of("w"),
                                       .incarnation = 7,
                                       .number = 1,
                                       .classes = &class,
                                       .class_count = 1,
                                       .window = WINDOW,
                                       .loans = &loan,
                                       .loan_count = 1};

    for (uint32_t i = 0; i < WINDOW; i++) {
        tickets[i] = i;
        lends[i] = 1;
    }
    assert_true(fleet_heartbeat(bench->fleet, &heartbeat, 0, &suspicion));
}

void bench_open(struct sched_bench *bench, const char *cluster)
{
    struct fleet_limits fleet_limits = {0};
    struct sched_limits limits = {0};

    *bench = (struct sched_bench){.now_ns = EXO_SECOND, .id = {{1, 2, 3}}};
    struct allocator allocator = allocator_heap(&bench->budget);

    arena_init(&bench->arena, allocator, 0);
    cluster_read(bench, cluster);
    bench->fleet = fleet_new(allocator, span_of("us"), &fleet_limits);
    assert_non_null(bench->fleet);
    bench->dispatch = dispatch_new(allocator, bench->fleet);
    assert_non_null(bench->dispatch);
    bench->sched = sched_new(allocator, bench->dispatch, bench->fleet, 0, 1, &limits);
    assert_non_null(bench->sched);
    worker_lend(bench);
}

void bench_close(struct sched_bench *bench)
{
    sched_free(bench->sched);
    dispatch_free(bench->dispatch);
    fleet_free(bench->fleet);
    assert_int_equal(bench->definition.uses, 0);
    arena_release(&bench->arena);
    assert_int_equal(bench->budget.used_bytes, 0);
}

enum sched_err bench_step(struct sched_bench *bench, const struct sched_event *event)
{
    enum sched_err result = sched_step(bench->sched, event, bench->now_ns);

    sched_check(bench->sched);
    return result;
}

void bench_submit(struct sched_bench *bench, const char *input)
{
    struct sched_event event = {.kind = SCHED_SUBMIT,
                                .submit = {.id = bench->id,
                                           .definition = &bench->definition,
                                           .input = span_of(input),
                                           .labels = span_of("{}"),
                                           .submitted_ns = bench->now_ns}};

    assert_int_equal(bench_step(bench, &event), SCHED_OK);
}

uint32_t bench_grant(struct sched_bench *bench)
{
    struct dispatch_grant grant;
    uint32_t count = 0;

    while (dispatch_next(bench->dispatch, &grant)) {
        struct sched_event event = {.kind = SCHED_GRANT,
                                    .grant = {.source = grant.source,
                                              .worker = span_of("w"),
                                              .incarnation = 7,
                                              .process = span_of("us"),
                                              .count = grant.count,
                                              .tickets = grant.tickets,
                                              .lends = grant.lends}};

        assert_int_equal(bench_step(bench, &event), SCHED_OK);
        count += grant.count;
    }
    return count;
}

enum sched_err bench_report(struct sched_bench *bench, uint32_t satellite, uint32_t index,
                            enum wire_report_kind kind, enum wire_outcome outcome)
{
    const struct execution *e = sched_find(bench->sched, &bench->id);
    struct instance *instance = e == NULL ? NULL : execution_instance(e, satellite);
    struct task *task = instance == NULL ? NULL : execution_task(instance, index);
    struct sched_event event = {
        .kind = SCHED_REPORT,
        .report = {.worker = span_of("w"),
                   .incarnation = 7,
                   .report = {.kind = kind,
                              .task = {bench->id, satellite, index},
                              .attempt = task == NULL ? 1 : task->attempt,
                              .outcome = outcome,
                              .output = outcome == OUTCOME_SUCCEEDED ? span_of("1")
                                                                     : (struct span){NULL, 0},
                              .heartbeat = 1}}};

    return bench_step(bench, &event);
}

enum task_state bench_state(struct sched_bench *bench, uint32_t satellite)
{
    const struct execution *e = sched_find(bench->sched, &bench->id);

    assert_non_null(e);
    return (enum task_state)execution_instance(e, satellite)->state;
}
