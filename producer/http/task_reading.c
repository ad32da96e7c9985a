#include "producer/http/task_reading.h"

struct task_reading {
    struct task_read task;
    task_reading_done *done;
    bool only_state;
    void *state; /* of the exchange, put back when it is done */
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

/* Why a task of a map did not end well stands with its last attempt only. */
static void error_find(struct task_read *task)
{
    const struct wire_output *last = NULL;

    for (uint32_t i = 0; i < task->output_count; i++) {
        if (last == NULL || task->outputs[i]->attempt >= last->attempt) {
            last = task->outputs[i];
        }
    }
    if (last != NULL && task->view.is_map && task_state_is_terminal(task->view.state) &&
        task->view.state != TASK_SUCCEEDED) {
        task->view.error = last->error;
    }
}

static void read_done(struct exchange *x, struct task_reading *reading)
{
    error_find(&reading->task);
    x->state = reading->state;
    reading->done(x, &reading->task);
}

static void on_segments(void *argument, const struct store_segment *segments, uint32_t count,
                        const struct exo_error *err)
{
    struct exchange *x = argument;

    if (!exchange_back_with(x, err)) {
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
    if (task->place->instance->has_result) {
        output_add(x, reading, &task->place->instance->result);
    }
    read_done(x, reading);
}

static void ask_segments(struct exchange *x)
{
    struct task_reading *reading = x->state;
    const struct task_id *id = &reading->task.id;
    const struct read_place *place = reading->task.place;
    struct read_home home = reading_home(&place->frame.home, place->number, place->instance);

    if (reading->only_state) {
        read_done(x, reading);
        return;
    }
    store_segment_get(x->api->store, &home.execution, home.number, 0,
                      place->instance->is_map ? id->index / WIRE_PAGE_TASKS : WIRE_SINGLE_PAGE, 1,
                      on_segments, exchange_wait(x));
}

static void on_page(void *argument, const struct store_page *pages, uint32_t count,
                    const struct exo_error *err)
{
    struct exchange *x = argument;

    if (!exchange_back_with(x, err)) {
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
    view_task_at(task->place->instance, columns, task->id.index % WIRE_PAGE_TASKS, &task->view);
    ask_segments(x);
}

void task_reading_at(struct exchange *x, const struct read_place *place, bool only_state,
                     task_reading_done *done)
{
    struct task_reading *reading = exchange_alloc(x, sizeof(*reading));
    struct task_read *task = &reading->task;
    const struct wire_instance *instance = place->instance;

    reading->done = done;
    reading->only_state = only_state;
    reading->state = x->state;
    x->state = reading;
    task->place = place;
    task->id = (struct task_id){place->execution->row.id, place->number, place->path.index};
    task->view = (struct view_task){.satellite = place->path.satellite,
                                    .path = place->path.of_satellite,
                                    .is_map = instance->is_map,
                                    .index = place->path.index};
    if (instance->is_map) {
        struct read_home home = reading_home(&place->frame.home, place->number, instance);

        store_page_get(x->api->store, &home.execution, home.number,
                       place->path.index / WIRE_PAGE_TASKS, 1, on_page, exchange_wait(x));
        return;
    }
    view_task_at(instance, instance->has_task ? &instance->task : NULL, 0, &task->view);
    ask_segments(x);
}

static void on_place(struct exchange *x, const struct read_place *place)
{
    const struct task_reading *begun = x->state;

    if (task_path_is_task(&place->path)) {
        task_reading_at(x, place, false, begun->done);
        return;
    }
    exchange_problem(x, 404,
                     "`%.*s` is a map: name one of its tasks, such as %.*s.17, or list them with "
                     "/tasks?satellite=%.*s",
                     SPAN_ARG(place->path.of_satellite), SPAN_ARG(place->path.of_satellite),
                     SPAN_ARG(place->path.of_satellite));
}

void task_reading_begin(struct exchange *x, task_reading_done *done)
{
    struct task_reading *reading = exchange_alloc(x, sizeof(*reading));

    reading->done = done;
    x->state = reading;
    place_reading_begin(x, x->parameters.values[1], on_place);
}
