#include "producer/http/reading.h"

#include <stdio.h>

#include "infra/store/store_versions.h"
#include "schemas/vocab/ids.h"

static const exo_time barrier_ns = 2 * EXO_SECOND;
static const exo_time first_poll_ns = 3 * EXO_MILLISECOND;
static const exo_time most_poll_ns = 50 * EXO_MILLISECOND;

/* Of one read; in the exchange's arena. */
struct reading {
    struct exchange *x;
    struct execution_id id;
    reading_done *done;
    bool is_second; /* what is not there now is not there */
    int64_t end;    /* of exo.jobs when it was not found */
    exo_time give_up_ns;
    exo_time poll_ns;
};

bool reading_body(struct arena *arena, const struct store_execution *row, struct wire_body *ret)
{
    return wire_body_unpack(row->body, arena, ret) == WIRE_OK;
}

static bool row_copy(struct arena *arena, const struct store_execution *row,
                     struct store_execution *ret)
{
    const char **texts[] = {&ret->project, &ret->cluster, &ret->state};
    struct span *spans[] = {&ret->labels,     &ret->input, &ret->output,
                            &ret->output_ref, &ret->error, &ret->body};
    bool is_whole = true;

    *ret = *row;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        *texts[i] = arena_copy(arena, span_of(*texts[i])).data;
        is_whole = is_whole && *texts[i] != NULL;
    }
    for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
        *spans[i] = arena_copy(arena, *spans[i]);
        is_whole = is_whole && spans[i]->data != NULL;
    }
    return is_whole;
}

struct read_execution *reading_unpack_in(struct exchange *x, struct arena *arena,
                                         const struct store_execution *row, struct span definition)
{
    struct read_execution *e = arena_alloc(arena, sizeof(*e));
    struct fault_list faults;
    const struct book_text text = {.text = definition, .is_stored = true};

    if (e == NULL || !row_copy(arena, row, &e->row) || !reading_body(arena, &e->row, &e->body)) {
        return NULL;
    }
    fault_list_init(&faults, arena, 1);
    struct book_entry *entry = book_get(&x->api->book, &text, &faults);

    if (entry == NULL || e->body.instance_count != entry->cluster->root_count) {
        return NULL;
    }
    if (x->held != NULL) {
        book_drop(x->held);
    }
    x->held = entry;
    book_hold(entry);
    e->cluster = entry->cluster;
    return e;
}

struct read_execution *reading_unpack(struct exchange *x, const struct store_execution *row,
                                      struct span definition)
{
    struct read_execution *e = reading_unpack_in(x, &x->arena, row, definition);

    if (e == NULL) {
        exchange_problem(x, 500,
                         "what the store holds of this execution cannot be read by this version");
    }
    return e;
}

uint32_t reading_runs(struct exchange *x, const struct store_run *rows, uint32_t count,
                      uint32_t most, struct wire_run *ret_runs)
{
    uint32_t good = 0;

    for (uint32_t i = 0; i < count && i < most; i++) {
        struct span body = exchange_copy(x, rows[i].body);

        good += wire_run_unpack(body, &x->arena, &ret_runs[good]) == WIRE_OK ? 1 : 0;
    }
    return good;
}

struct view_execution reading_view(const struct read_execution *e)
{
    return (struct view_execution){
        .id = e->row.id,
        .project = e->row.project,
        .cluster_name = e->row.cluster,
        .state = e->row.state,
        .submitted_ns = e->row.submitted_ns,
        .started_ns = e->row.started_ns,
        .ended_ns = e->row.ended_ns,
        .deadline_ns = e->row.deadline_ns,
        .priority = e->body.has_priority ? (int32_t)e->body.priority : e->row.priority,
        .labels = e->row.labels,
        .input = e->row.input,
        .output = e->row.output,
        .error = e->row.error,
        .is_whole = true,
        .cluster = e->cluster,
        .body = &e->body,
        .inside = e->inside,
    };
}

struct read_home reading_home(const struct execution_id *own, uint32_t number,
                              const struct wire_instance *row)
{
    bool is_elsewhere = row->has_origin && row->is_map;

    return is_elsewhere ? (struct read_home){row->origin, row->origin_number}
                        : (struct read_home){*own, number};
}

/* An execution on its way out. */
struct sending {
    struct exchange *x;
    int status;
    const struct read_execution *execution;
    exo_time asked_ns;
};

static void send(struct exchange *x, int status, const struct read_execution *execution,
                 uint32_t version)
{
    struct view_execution view = reading_view(execution);
    struct json_writer w = exchange_json(x);

    view.has_cluster_version = true;
    view.cluster_version = version;
    view_put_execution(&w, &view);
    exchange_send(x, status, NULL, NULL, 0);
}

static void on_version(void *argument, const struct store_version *versions, uint32_t count,
                       const struct exo_error *err)
{
    struct sending *sending = argument;
    struct exchange *x = sending->x;

    if (!exchange_back_with(x, err)) {
        return;
    }
    const struct store_execution *row = &sending->execution->row;
    uint32_t version = count == 0 ? 0 : versions[0].number;

    text_versions_keep(&x->api->text_versions, row->project, row->cluster, &row->definition,
                       version, sending->asked_ns);
    send(x, sending->status, sending->execution, version);
}

void reading_send(struct exchange *x, int status, const struct read_execution *execution)
{
    const struct store_execution *row = &execution->row;
    exo_time now_ns = loop_now_ns(x->api->loop);
    uint32_t version = 0;

    if (text_versions_find(&x->api->text_versions, row->project, row->cluster, &row->definition,
                           now_ns, &version)) {
        send(x, status, execution, version);
        return;
    }
    struct sending *sending = exchange_alloc(x, sizeof(*sending));
    const char *slash = strchr(row->cluster, '/');
    const struct store_version_query query = {
        .reading = STORE_VERSION_OF_TEXT,
        .kind = VERSION_CLUSTER,
        .project = row->project,
        .name = slash == NULL ? row->cluster : slash + 1,
        .digest = row->definition,
    };

    *sending = (struct sending){exchange_wait(x), status, execution, now_ns};
    store_version_read(x->api->store, &query, on_version, sending);
}

static void ask_shard(struct reading *reading);
static void ask_row(struct reading *reading);

static void on_poll(void *argument)
{
    struct reading *reading = argument;

    if (exchange_back(reading->x)) {
        ask_shard(reading);
    }
}

static void give_up(struct reading *reading)
{
    exchange_later(reading->x, 503, 1,
                   "it is not known yet whether this execution exists: its shard is behind; ask "
                   "again");
}

static void on_shard(void *argument, const struct store_shard *shard, const struct exo_error *err)
{
    struct reading *reading = argument;
    struct exchange *x = reading->x;

    if (!exchange_back(x)) {
        return;
    }
    if (err == NULL && shard != NULL && shard->inputs[0].offset >= reading->end) {
        reading->is_second = true;
        ask_row(reading);
        return;
    }
    if (loop_now_ns(x->api->loop) >= reading->give_up_ns) {
        give_up(reading);
        return;
    }
    if (reading->poll_ns < most_poll_ns) {
        reading->poll_ns += reading->poll_ns / 2;
    }
    exchange_delay(x, reading->poll_ns, on_poll, reading);
}

static void ask_shard(struct reading *reading)
{
    struct api *api = reading->x->api;

    (void)exchange_wait(reading->x);
    store_shard_get(api->store, execution_shard(&reading->id, api->shard_count), on_shard, reading);
}

static void on_end(void *argument, int64_t end, const struct exo_error *err)
{
    struct reading *reading = argument;

    if (!exchange_back(reading->x)) {
        return;
    }
    if (err != NULL) { /* a partition this process does not know yet says nothing of the id */
        exchange_later(reading->x, 503, 1,
                       "whether it is there cannot be told now: the log does not "
                       "answer");
        return;
    }
    reading->end = end;
    ask_shard(reading);
}

/* What was deleted has left its id. */
static void on_known(void *argument, const bool *is_known, const struct exo_error *err)
{
    struct exchange *x = argument;

    if (exchange_back_with(x, err)) {
        exchange_problem(x, 404,
                         is_known[0] ? "the execution has been deleted: the time that its project "
                                       "keeps executions was over"
                                     : "there is no execution with this id");
    }
}

static void not_found(struct reading *reading)
{
    struct api *api = reading->x->api;

    if (reading->is_second) {
        store_execution_known(api->store, &reading->id, 1, on_known, exchange_wait(reading->x));
        return;
    }
    if (api->shard_count == 0) {
        exchange_later(reading->x, 503, 1, api_waits_for(api));
        return;
    }
    reading->give_up_ns = loop_now_ns(api->loop) + barrier_ns;
    (void)exchange_wait(reading->x);
    log_end(api->log, TOPIC_JOBS, execution_shard(&reading->id, api->shard_count), on_end, reading);
}

static void on_row(void *argument, const struct store_execution *row, struct span definition,
                   const struct exo_error *err)
{
    struct reading *reading = argument;

    if (!exchange_back(reading->x)) {
        return;
    }
    if (err != NULL && err->code != EXO_ENOTFOUND) {
        exchange_error(reading->x, "the store", err);
        return;
    }
    if (row == NULL) {
        not_found(reading);
        return;
    }
    struct read_execution *execution = reading_unpack(reading->x, row, definition);

    if (execution != NULL) {
        reading->done(reading->x, execution);
    }
}

static void ask_row(struct reading *reading)
{
    (void)exchange_wait(reading->x);
    store_execution_get(reading->x->api->store, &reading->id, on_row, reading);
}

void reading_begin(struct exchange *x, reading_done *done)
{
    struct reading *reading = exchange_alloc(x, sizeof(*reading));

    if (!execution_id_parse(x->parameters.values[0], &reading->id)) {
        exchange_problem(x, 404,
                         "an execution's id has 36 characters, as in "
                         "0193a5c1-7f4e-7b2a-9c3d-2e1f0a9b8c7d");
        return;
    }
    reading->x = x;
    reading->done = done;
    reading->poll_ns = first_poll_ns;
    ask_row(reading);
}
