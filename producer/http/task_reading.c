#include "producer/http/task_reading.h"

#include "producer/core/task_path.h"

struct task_reading {
    struct task_read task;
    task_reading_done *done;
    uint32_t outputs_capacity;
};

static void output_add(struct exchange *x, struct task_reading *reading,
                       const struct wire_output *output)
{
    struct task_read *task = &reading->task;

    if (task->output_count == reading->outputs_capacity) {
        uint32_t capacity = reading->outputs_capacity == 0 ? 8 : 2 * reading->outputs_capacity;
        const struct wire_output **moved =
            exchange_alloc(x, capacity * sizeof(const struct wire_output *));

        if (task->output_count > 0) {
            memcpy(moved, task->outputs, task->output_count * sizeof(const struct wire_output *));
        }
        task->outputs = moved;
        reading->outputs_capacity = capacity;
    }
    task->outputs[task->output_count++] = output;
}

static void on_segments(void *argument, const struct store_segment *segments, uint32_t count,
                        const struct exo_error *err)
{
    struct exchange *x = argument;

    if (!exchange_back(x)) {
        return;
    }
    if (err != NULL) {
        exchange_error(x, "the store", err);
        return;
    }
    struct task_reading *reading = x->state;
    struct task_read *task = &reading->task;

    for (uint32_t i = 0; i < count; i++) {
        const struct wire_output *outputs;
        uint32_t output_count;
        struct span body = exchange_copy(x, segments[i].body);

        if (wire_outputs_unpack(body, &x->arena, &outputs, &output_count) != WIRE_OK) {
            exchange_problem(x, 500, "an output in the store cannot be read by this version");
            return;
        }
        for (uint32_t k = 0; k < output_count; k++) {
            if (outputs[k].index == task->id.index) {
                output_add(x, reading, &outputs[k]);
            }
        }
    }
    if (task->instance->has_result) {
        output_add(x, reading, &task->instance->result);
    }
    reading->done(x, task);
}

static void ask_segments(struct exchange *x)
{
    struct task_reading *reading = x->state;
    const struct task_id *id = &reading->task.id;
    uint32_t number;
    struct execution_id home = reading_home(reading->task.execution, id->instance, &number);

    store_segment_get(x->api->store, &home, number, 0,
                      reading->task.instance->is_map ? id->index / WIRE_PAGE_TASKS
                                                     : WIRE_SINGLE_PAGE,
                      1, on_segments, exchange_wait(x));
}

static void on_page(void *argument, const struct store_page *pages, uint32_t count,
                    const struct exo_error *err)
{
    struct exchange *x = argument;

    if (!exchange_back(x)) {
        return;
    }
    if (err != NULL) {
        exchange_error(x, "the store", err);
        return;
    }
    struct task_reading *reading = x->state;
    struct task_read *task = &reading->task;
    struct wire_columns *columns = NULL;

    if (count > 0) {
        columns = exchange_alloc(x, sizeof(*columns));
        if (wire_columns_unpack(exchange_copy(x, pages[0].body), &x->arena, columns) != WIRE_OK) {
            exchange_problem(x, 500, "a page in the store cannot be read by this version");
            return;
        }
    }
    view_task_at(task->instance, columns, task->id.index % WIRE_PAGE_TASKS, &task->view);
    ask_segments(x);
}

static void on_execution(struct exchange *x, const struct read_execution *execution)
{
    struct task_reading *reading = x->state;
    struct task_read *task = &reading->task;
    struct span name = x->parameters.values[1];
    const struct satellite *satellite;
    uint32_t index;

    if (!task_path_parse(execution->cluster, name, &satellite, &index)) {
        exchange_problem(x, 404,
                         "`%.*s` names no task of this cluster; a task of a map is named as "
                         "count.17, others by their satellite",
                         SPAN_ARG(name));
        return;
    }
    const struct wire_instance *instance = &execution->body.instances[satellite->index];

    if (instance->is_map && index >= instance->task_count) {
        exchange_problem(x, 404, "`%.*s`: the map has %u tasks so far", SPAN_ARG(name),
                         instance->task_count);
        return;
    }
    task->execution = execution;
    task->instance = instance;
    task->id = (struct task_id){execution->row.id, satellite->index, index};
    task->view =
        (struct view_task){.satellite = satellite, .is_map = instance->is_map, .index = index};
    if (instance->is_map) {
        uint32_t number;
        struct execution_id home = reading_home(execution, task->id.instance, &number);

        store_page_get(x->api->store, &home, number, index / WIRE_PAGE_TASKS, 1, on_page,
                       exchange_wait(x));
        return;
    }
    view_task_at(instance, instance->has_task ? &instance->task : NULL, 0, &task->view);
    ask_segments(x);
}

void task_reading_begin(struct exchange *x, task_reading_done *done)
{
    struct task_reading *reading = exchange_alloc(x, sizeof(*reading));

    reading->done = done;
    x->state = reading;
    reading_begin(x, on_execution);
}
