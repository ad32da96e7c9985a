/* outputs: what a satellite gave back, for people: a map's as a list, streamed; of a group what its
 * runs gave. */
#include "producer/http/handlers.h"
#include "producer/http/list_flow.h"
#include "producer/http/place_reading.h"

static void on_place(struct exchange *x, const struct read_place *place)
{
    const struct wire_instance *instance = place->instance;
    const struct list_source source = {place->frame.home, place->number, instance};
    struct span path = place->path.of_satellite;
    enum task_state state = (enum task_state)(instance->state % TASK_STATE_NR);

    if (place->path.has_index) {
        exchange_problem(x, 404,
                         "`%.*s.%u` is a task: its output stands in /tasks/%.*s.%u; this is for "
                         "whole satellites",
                         SPAN_ARG(path), place->path.index, SPAN_ARG(path), place->path.index);
    } else if (!task_state_is_terminal(state)) {
        exchange_problem(x, 409,
                         "the satellite `%.*s` is %s; its output is there when it has ended",
                         SPAN_ARG(path), task_state_name(state));
    } else if (instance->is_map && instance->task_count > 0) {
        list_flow_begin(x, &source);
    } else if (state == TASK_SUCCEEDED && !instance->is_map) {
        output_send(x, &source, 0);
    } else {
        buffer_reset(&x->text);
        buffer_text(&x->text, instance->is_map && state == TASK_SUCCEEDED ? "[]" : "null");
        exchange_send(x, 200, NULL, NULL, 0);
    }
}

void output_get(struct exchange *x)
{
    place_reading_begin(x, route_parameter(x, 1), on_place);
}
