/* outputs: what a satellite gave back, for people: a map's as a list, streamed. */
#include "producer/http/handlers.h"
#include "producer/http/list_flow.h"

static void on_read(struct exchange *x, const struct read_execution *execution)
{
    struct span name = route_parameter(x, 1);
    const struct satellite *satellite = cluster_find(execution->cluster, SATELLITE_NONE, name);

    if (satellite == NULL) {
        exchange_problem(x, 404, "the cluster has no satellite `%.*s`", SPAN_ARG(name));
        return;
    }
    const struct wire_instance *instance = &execution->body.instances[satellite->index];
    enum task_state state = (enum task_state)(instance->state % TASK_STATE_NR);

    if (!task_state_is_terminal(state)) {
        exchange_problem(x, 409,
                         "the satellite `%.*s` is %s; its output is there when it has ended",
                         SPAN_ARG(name), task_state_name(state));
    } else if (instance->is_map && instance->task_count > 0) {
        list_flow_begin(x, execution, satellite->index);
    } else if (state == TASK_SUCCEEDED && !instance->is_map) {
        output_send(x, execution, satellite->index, 0);
    } else {
        buffer_reset(&x->text);
        buffer_text(&x->text, instance->is_map && state == TASK_SUCCEEDED ? "[]" : "null");
        exchange_send(x, 200, NULL, NULL, 0);
    }
}

void output_get(struct exchange *x)
{
    reading_begin(x, on_read);
}
