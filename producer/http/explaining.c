/* explaining: why an execution, or one satellite or task of it, has not ended.
 *
 *   row + the first live runs of groups + view of the fleet --explain_put--> sentences */
#include "producer/core/explain.h"
#include "producer/http/handlers.h"
#include "producer/http/task_reading.h"

struct explaining {
    const struct read_execution *execution;
};

static struct explain_facts facts_of(struct exchange *x, const struct view_execution *view)
{
    return (struct explain_facts){
        .execution = view,
        .fleet = &x->api->fleet,
        .loop_now_ns = loop_now_ns(x->api->loop),
        .now_ms = clock_wall_ns() / EXO_MILLISECOND,
    };
}

/* ---- the execution ---- */

/* The runs it has, unpacked; one that cannot be read is left out. */
static uint32_t runs_unpack(struct exchange *x, const struct store_run *rows, uint32_t count,
                            struct wire_run *runs)
{
    uint32_t good = 0;

    for (uint32_t i = 0; i < count && i < EXPLAIN_RUNS_MAX; i++) {
        struct span body = exchange_copy(x, rows[i].body);

        good += wire_run_unpack(body, &x->arena, &runs[good]) == WIRE_OK ? 1 : 0;
    }
    return good;
}

static void on_runs(void *argument, const struct store_run *rows, uint32_t count,
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
    const struct explaining *explaining = x->state;
    struct view_execution view = reading_view(explaining->execution);
    struct wire_run *runs = exchange_alloc(x, EXPLAIN_RUNS_MAX * sizeof(*runs));
    struct explain_facts facts = facts_of(x, &view);

    facts.runs = runs;
    facts.run_count = runs_unpack(x, rows, count, runs);
    facts.has_more_runs = count > EXPLAIN_RUNS_MAX;
    struct json_writer w = exchange_json(x);

    explain_put(&w, &facts);
    exchange_send(x, 200, NULL, NULL, 0);
}

static void on_execution(struct exchange *x, const struct read_execution *execution)
{
    struct explaining *explaining = exchange_alloc(x, sizeof(*explaining));

    explaining->execution = execution;
    x->state = explaining;
    store_run_live(x->api->store, &execution->row.id, 0, EXPLAIN_RUNS_MAX + 1, on_runs,
                   exchange_wait(x));
}

/* ---- one satellite or task ---- */

static void send_target(struct exchange *x, const struct read_place *place,
                        const struct view_task *task)
{
    struct view_execution view = reading_view(place->execution);
    struct explain_facts facts = facts_of(x, &view);
    const struct explain_target target = {
        .path = http_query(x->request, "task"),
        .satellite = place->path.satellite,
        .instances = place->frame.instances,
        .instance_count = place->frame.instance_count,
        .first = place->frame.first,
        .task = task,
    };
    struct json_writer w = exchange_json(x);

    explain_put_target(&w, &facts, &target);
    exchange_send(x, 200, NULL, NULL, 0);
}

static void on_task(struct exchange *x, const struct task_read *task)
{
    send_target(x, task->place, &task->view);
}

static void on_place(struct exchange *x, const struct read_place *place)
{
    if (place->path.has_index) {
        task_reading_at(x, place, true, on_task);
    } else {
        send_target(x, place, NULL);
    }
}

void execution_explain(struct exchange *x)
{
    struct span task = http_query(x->request, "task");

    if (task.data != NULL) {
        place_reading_begin(x, task, on_place);
    } else {
        reading_begin(x, on_execution);
    }
}
