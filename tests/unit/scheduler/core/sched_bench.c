#include "tests/unit/scheduler/core/sched_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    bench_open_small(bench, cluster, 0);
}

void bench_open_small(struct sched_bench *bench, const char *cluster, uint32_t step_tasks)
{
    struct fleet_limits fleet_limits = {0};
    struct sched_limits limits = {.step_tasks = step_tasks};

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
    const struct execution *e = sched_find(bench->sched, &bench->id);

    sched_check(bench->sched);
    if (e != NULL && execution_state_is_terminal((enum execution_state)e->state)) {
        bench->ended = (enum execution_state)e->state;
        (void)snprintf(bench->output, sizeof(bench->output), "%.*s", (int)e->output_bytes,
                       e->output == NULL ? "" : (const char *)e->output);
    }
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

/* page.3.parse.7: the instance, and where the path ends in a number the index (UINT32_MAX: none).
 */
static struct instance *find(struct sched_bench *bench, const char *path, uint32_t *ret_index)
{
    const struct execution *e = sched_find(bench->sched, &bench->id);
    struct instance *found = NULL;
    char copy[128];

    assert_non_null(e);
    (void)snprintf(copy, sizeof(copy), "%s", path);
    *ret_index = UINT32_MAX;
    for (char *part = strtok(copy, "."); part != NULL; part = strtok(NULL, ".")) {
        const struct frame *frame = &e->root;

        if (part[0] >= '0' && part[0] <= '9') {
            *ret_index = (uint32_t)strtoul(part, NULL, 10);
            continue;
        }
        for (uint32_t i = 0; found != NULL && i < e->frame_count; i++) {
            if (e->frames[i]->group == found &&
                e->frames[i]->index == (*ret_index == UINT32_MAX ? 0 : *ret_index)) {
                frame = e->frames[i];
            }
        }
        const struct satellite *satellite =
            cluster_find(e->definition->cluster, frame_group(frame), span_of(part));

        assert_non_null(satellite);
        found = frame_instance(frame, satellite->index);
        *ret_index = UINT32_MAX;
    }
    assert_non_null(found);
    return found;
}

enum task_state bench_task_state(struct sched_bench *bench, const char *path)
{
    uint32_t index;
    const struct instance *instance = find(bench, path, &index);

    return index == UINT32_MAX ? (enum task_state)instance->state : task_state_at(instance, index);
}

enum sched_err bench_finish(struct sched_bench *bench, const char *path, enum wire_outcome outcome,
                            const char *output)
{
    uint32_t index;
    struct instance *instance = find(bench, path, &index);

    index = index == UINT32_MAX ? 0 : index;
    struct sched_event event = {
        .kind = SCHED_REPORT,
        .report = {.worker = span_of("w"),
                   .incarnation = 7,
                   .report = {.kind = REPORT_FINISHED,
                              .task = {bench->id, instance_number(instance), index},
                              .attempt = execution_task(instance, index)->attempt,
                              .outcome = outcome,
                              .exit_status = bench->exit_status,
                              .control = span_of(bench->control == NULL ? "" : bench->control),
                              .output = span_of(output),
                              .heartbeat = 1}}};

    return bench_step(bench, &event);
}

void bench_succeed(struct sched_bench *bench, const char *path, const char *output)
{
    assert_int_equal(bench_finish(bench, path, OUTCOME_SUCCEEDED, output), SCHED_OK);
}

void bench_fail_at(struct sched_bench *bench, const char *path)
{
    assert_int_equal(bench_finish(bench, path, OUTCOME_FAILED, ""), SCHED_OK);
}

enum sched_err bench_command(struct sched_bench *bench, const struct sched_command *command)
{
    struct sched_event event = {.kind = SCHED_COMMAND, .command = *command};

    event.command.id = bench->id;
    return bench_step(bench, &event);
}

void bench_cancel(struct sched_bench *bench)
{
    struct sched_command command = {.kind = COMMAND_CANCEL, .reason = span_of("why")};

    assert_int_equal(bench_command(bench, &command), SCHED_OK);
}

void bench_timer(struct sched_bench *bench)
{
    (void)bench_step(bench, &(struct sched_event){.kind = SCHED_TIMER});
}

void bench_barrier(struct sched_bench *bench)
{
    (void)bench_step(bench,
                     &(struct sched_event){.kind = SCHED_BARRIER, .asked_ns = bench->now_ns});
}

void bench_seal(struct sched_bench *bench)
{
    struct sched_batch batch = sched_batch(bench->sched);

    for (uint32_t i = 0; i < batch.output_count; i++) {
        struct bench_output *kept = &bench->outputs[bench->output_count++];

        assert_true(bench->output_count <= 64);
        kept->number = instance_number(batch.outputs[i].instance);
        kept->output = batch.outputs[i].output;
        kept->output.json = arena_copy(&bench->arena, kept->output.json);
    }
    for (uint32_t i = 0; i < batch.need_count; i++) {
        assert_true(bench->need_count < 16);
        bench->needs[bench->need_count++] = batch.needs[i];
    }
    sched_sealed(bench->sched);
    if (sched_find(bench->sched, &bench->id) != NULL) {
        sched_check(bench->sched);
    }
}

static struct span value_of(struct sched_bench *bench, uint32_t number, uint32_t index)
{
    for (uint32_t i = bench->output_count; i > 0; i--) {
        const struct bench_output *kept = &bench->outputs[i - 1];

        if (kept->number == number && kept->output.index == index &&
            kept->output.outcome == OUTCOME_SUCCEEDED && kept->output.json.bytes > 0) {
            return kept->output.json;
        }
    }
    return span_of("null");
}

static struct span list_of(struct sched_bench *bench, uint32_t number)
{
    const struct instance *instance =
        execution_instance(sched_find(bench->sched, &bench->id), number);
    struct buffer list;

    buffer_init(&list, bench->arena.allocator, 0);
    for (uint32_t i = 0; i < instance->task_count; i++) {
        buffer_text(&list, i == 0 ? "[" : ",");
        buffer_append(&list, value_of(bench, number, i));
    }
    buffer_text(&list, "]");
    struct span copy = arena_copy(&bench->arena, buffer_span(&list));

    buffer_release(&list);
    return copy;
}

void bench_values(struct sched_bench *bench)
{
    bench_seal(bench);
    while (bench->need_count > 0) {
        struct sched_need need = bench->needs[--bench->need_count];
        struct sched_event event = {
            .kind = SCHED_VALUE,
            .value = {.id = need.id,
                      .instance = need.instance,
                      .index = need.index,
                      .json = need.index == UINT32_MAX
                                  ? list_of(bench, need.instance)
                                  : value_of(bench, need.instance, need.index)}};

        (void)bench_step(bench, &event);
        bench_seal(bench);
    }
}
