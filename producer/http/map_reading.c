#include "producer/http/map_reading.h"

#include "producer/core/task_path.h"
#include "producer/http/handlers.h"
#include "producer/http/place_reading.h"

struct map_reading {
    struct list_source source;
    map_reading_done *done;
};

static void end(struct exchange *x, const struct wire_instance *instance)
{
    struct map_reading *reading = x->state;

    reading->source.instance = instance;
    if (instance->is_map) {
        reading->done(x, &reading->source);
    } else {
        exchange_problem(x, 404, "the execution has no map with this number");
    }
}

/* An attempt lives as long as the runs it stands in, and sees nothing of other runs. */
static void on_run(void *argument, const struct store_run *runs, uint32_t count,
                   const struct exo_error *err)
{
    struct exchange *x = argument;

    if (!exchange_back(x)) {
        return;
    }
    const struct list_source *source = &((struct map_reading *)x->state)->source;
    struct read_frame frame;

    if (err != NULL) {
        exchange_error(x, "the store", err);
    } else if (count > 0 && !read_frame_of_run(&x->arena, &runs[0], NULL, &frame)) {
        exchange_problem(x, 500, "a run in the store cannot be read by this version");
    } else if (count == 0 || source->number < frame.number ||
               source->number - frame.number >= frame.instance_count) {
        exchange_problem(x, 404, "the execution has no map with this number in a run that lives");
    } else {
        end(x, &frame.instances[source->number - frame.number]);
    }
}

static void on_read(struct exchange *x, const struct read_execution *execution)
{
    struct list_source *source = &((struct map_reading *)x->state)->source;

    if (!task_number_parse(route_parameter(x, 1), &source->number)) {
        exchange_problem(x, 404, "the execution has no map with this number");
        return;
    }
    source->execution = execution->row.id;
    if (source->number < execution->body.instance_count) {
        end(x, &execution->body.instances[source->number]);
        return;
    }
    store_run_live(x->api->store, &source->execution, source->number, 1, on_run, exchange_wait(x));
}

void map_reading_begin(struct exchange *x, map_reading_done *done)
{
    struct map_reading *reading = exchange_alloc(x, sizeof(*reading));
    struct execution_id id;
    struct task_id task;

    if (!exchange_attempt(x, &task)) {
        exchange_problem(x, 401, "this door is for attempts, with the token of their Task");
        return;
    }
    if (execution_id_parse(route_parameter(x, 0), &id) &&
        !execution_id_equal(&id, &task.execution)) {
        exchange_problem(x, 403, "the token is of another execution");
        return;
    }
    reading->done = done;
    x->state = reading;
    reading_begin(x, on_read);
}
