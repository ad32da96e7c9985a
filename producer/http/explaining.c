/* explaining: why an execution, or one satellite or task of it, has not ended.
 *
 *   row + the first live runs of groups + the key it waits for + what gathers for batches
 *       + view of the fleet --explain_put--> sentences */
#include "infra/crypto/batch_id.h"
#include "infra/crypto/key_id.h"
#include "producer/core/explain.h"
#include "producer/http/handlers.h"
#include "producer/http/task_reading.h"
#include "schemas/cluster/batch.h"
#include "schemas/wire/gather.h"

struct explaining {
    const struct read_execution *execution;
    const struct read_place *place; /* of one satellite or task; NULL: the whole */
    const struct view_task *task;   /* of a map; NULL: all of the satellite */
    struct wire_run *runs;
    uint32_t run_count;
    bool has_more_runs;
    struct explain_batch batches[EXPLAIN_BATCHES_MAX];
    uint32_t batch_count;
    uint32_t batch_read;              /* so many have been read */
    const struct wire_key_state *key; /* that it waits for; NULL: none, or not known */
    struct digest row;                /* of what is read */
};

static void answer(struct exchange *x, const struct explaining *explaining);

static struct explain_facts facts_of(struct exchange *x, const struct view_execution *view,
                                     const struct explaining *explaining)
{
    return (struct explain_facts){
        .execution = view,
        .batches = explaining->batches,
        .batch_count = explaining->batch_count,
        .key = explaining->key,
        .fleet = &x->api->fleet,
        .loop_now_ns = loop_now_ns(x->api->loop),
        .now_ms = clock_wall_ns() / EXO_MILLISECOND,
    };
}

/* ---- what gathers ---- */

static void batches_read(struct exchange *x, struct explaining *explaining);

static void on_batch(void *argument, const struct store_spanning *rows, uint32_t count,
                     const struct exo_error *err)
{
    struct exchange *x = argument;

    if (!exchange_back_with(x, err)) {
        return;
    }
    struct explaining *explaining = x->state;
    struct explain_batch *batch = &explaining->batches[explaining->batch_read++];
    struct wire_gather_row row;

    /* Without a row it has just started, or the ask is on its way. */
    if (count > 0 && digest_equal(&rows[0].id, &explaining->row) &&
        wire_gather_row_unpack(rows[0].body, &x->arena, &row) == WIRE_OK) {
        batch->gathered = row.ask.member_count;
        batch->due_ns = row.due_ns;
    }
    batches_read(x, explaining);
}

/* The next of them; the answer behind the last. */
static void batches_read(struct exchange *x, struct explaining *explaining)
{
    if (explaining->batch_read == explaining->batch_count || x->api->shard_count == 0) {
        answer(x, explaining);
        return;
    }
    const struct explain_batch *batch = &explaining->batches[explaining->batch_read];
    struct buffer text;

    buffer_init(&text, x->arena.allocator, 0);
    batch_satellite(batch->satellite, &text);
    const struct execution_id id =
        batch_id_of(&(struct batch_identity){.project = explaining->execution->cluster->project,
                                             .satellite = buffer_span(&text),
                                             .size = batch->satellite->batch.size,
                                             .interval_ns = batch->satellite->batch.interval_ns,
                                             .key = batch->key});

    buffer_release(&text);
    explaining->row = wire_gather_row_id(&id, 0);
    const struct store_spanning_query query = {
        .shard = execution_shard(&id, x->api->shard_count),
        .kind = STORE_SPANNING_BATCH,
        .from = explaining->row,
        .limit = 1,
    };

    x->state = explaining;
    store_spanning_read(x->api->store, &query, on_batch, exchange_wait(x));
}

/* ---- the key it waits for ---- */

static void on_key(void *argument, const struct store_spanning *rows, uint32_t count,
                   const struct exo_error *err)
{
    struct exchange *x = argument;

    if (!exchange_back_with(x, err)) {
        return;
    }
    struct explaining *explaining = x->state;
    struct wire_key_state *state = exchange_alloc(x, sizeof(*state));

    /* Without a row its ask is on its way. */
    if (count > 0 && digest_equal(&rows[0].id, &explaining->row) &&
        wire_key_state_unpack(rows[0].body, &x->arena, state) == WIRE_OK) {
        explaining->key = state;
    }
    batches_read(x, explaining);
}

/* The key it has asked for, if any; then what gathers. */
static void key_read(struct exchange *x, struct explaining *explaining)
{
    const struct read_execution *execution = explaining->execution;
    const struct wire_gate *gate =
        execution->row.is_terminal ? NULL : explain_key_asked(&execution->body);

    if (gate == NULL || x->api->shard_count == 0) {
        batches_read(x, explaining);
        return;
    }
    explaining->row = key_id_of(gate->kind, execution->cluster->project, gate->text);
    const struct store_spanning_query query = {
        .shard = key_shard_of(&explaining->row, x->api->shard_count),
        .kind = STORE_SPANNING_KEY,
        .from = explaining->row,
        .limit = 1,
    };

    x->state = explaining;
    store_spanning_read(x->api->store, &query, on_key, exchange_wait(x));
}

/* ---- the execution ---- */

static void send_whole(struct exchange *x, const struct explaining *explaining)
{
    struct view_execution view = reading_view(explaining->execution);
    struct explain_facts facts = facts_of(x, &view, explaining);

    facts.runs = explaining->runs;
    facts.run_count = explaining->run_count;
    facts.has_more_runs = explaining->has_more_runs;
    struct json_writer w = exchange_json(x);

    explain_put(&w, &facts);
    exchange_send(x, 200, NULL, NULL, 0);
}

static void on_runs(void *argument, const struct store_run *rows, uint32_t count,
                    const struct exo_error *err)
{
    struct exchange *x = argument;

    if (!exchange_back_with(x, err)) {
        return;
    }
    struct explaining *explaining = x->state;
    const struct read_execution *execution = explaining->execution;
    struct run_scope *scopes = exchange_alloc(x, (EXPLAIN_RUNS_MAX + 1) * sizeof(*scopes));

    explaining->runs = exchange_alloc(x, EXPLAIN_RUNS_MAX * sizeof(*explaining->runs));
    explaining->run_count = reading_runs(x, rows, count, EXPLAIN_RUNS_MAX, explaining->runs);
    explaining->has_more_runs = count > EXPLAIN_RUNS_MAX;
    uint32_t scope_count = run_scopes(execution->cluster, &execution->body, explaining->runs,
                                      explaining->run_count, scopes);

    explaining->batch_count =
        explain_batches(execution->cluster, scopes, scope_count, explaining->batches);
    key_read(x, explaining);
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

static void send_target(struct exchange *x, const struct explaining *explaining)
{
    const struct read_place *place = explaining->place;
    struct view_execution view = reading_view(place->execution);
    struct explain_facts facts = facts_of(x, &view, explaining);
    const struct explain_target target = {
        .path = http_query(x->request, "task"),
        .satellite = place->path.satellite,
        .instances = place->frame.instances,
        .instance_count = place->frame.instance_count,
        .first = place->frame.first,
        .task = explaining->task,
    };
    struct json_writer w = exchange_json(x);

    explain_put_target(&w, &facts, &target);
    exchange_send(x, 200, NULL, NULL, 0);
}

static void answer(struct exchange *x, const struct explaining *explaining)
{
    if (explaining->place != NULL) {
        send_target(x, explaining);
    } else {
        send_whole(x, explaining);
    }
}

static void target_explain(struct exchange *x, const struct read_place *place,
                           const struct view_task *task)
{
    struct explaining *explaining = exchange_alloc(x, sizeof(*explaining));
    const struct wire_lease *lease = task == NULL ? NULL : task->lease;

    explaining->execution = place->execution;
    explaining->place = place;
    explaining->task = task;
    if (task == NULL || (lease != NULL && task->state == TASK_DISPATCHED)) {
        explaining->batch_count = explain_batch_of(place->path.satellite, place->instance, lease,
                                                   &explaining->batches[0]);
    }
    key_read(x, explaining);
}

static void on_task(struct exchange *x, const struct task_read *task)
{
    target_explain(x, task->place, &task->view);
}

static void on_place(struct exchange *x, const struct read_place *place)
{
    if (place->path.has_index) {
        task_reading_at(x, place, false, on_task); /* its error stands with its attempts */
    } else {
        target_explain(x, place, NULL);
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
