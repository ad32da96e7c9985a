#include "producer/core/view.h"

#include "producer/core/inside.h"
#include "producer/core/task_path.h"
#include "schemas/vocab/timestamp.h"

enum { LINK_BYTES = TASK_PATH_BYTES + 128 };

void view_put_time(struct json_writer *w, const char *key, int64_t unix_ms)
{
    char text[TIMESTAMP_TEXT_BYTES];

    json_key(w, key);
    if (unix_ms == 0) {
        json_put_null(w);
        return;
    }
    timestamp_format(unix_ms, text);
    json_put_text(w, text);
}

void view_put_text(struct json_writer *w, const char *key, struct span text)
{
    json_key(w, key);
    if (text.bytes == 0) {
        json_put_null(w);
    } else {
        json_put_string(w, text);
    }
}

void view_put_json(struct json_writer *w, const char *key, struct span json, const char *none)
{
    json_key(w, key);
    json_put_raw(w, json.bytes == 0 ? span_of(none) : json);
}

void view_put_id(struct json_writer *w, const char *key, const struct execution_id *id)
{
    char text[EXECUTION_ID_TEXT_BYTES + 1];

    json_key(w, key);
    if (id == NULL) {
        json_put_null(w);
        return;
    }
    execution_id_format(id, text);
    json_put_text(w, text);
}

static void put_number(struct json_writer *w, const char *key, int64_t number)
{
    json_key(w, key);
    json_put_int(w, number);
}

/* A link such as /v1/executions/ID/events. */
static void put_link(struct json_writer *w, const char *key, const char *id, const char *rest)
{
    char link[LINK_BYTES];
    size_t rest_bytes = strlen(rest);

    if (rest_bytes > LINK_BYTES - 64) {
        return;
    }
    memcpy(link, "/v1/executions/", 15);
    memcpy(link + 15, id, EXECUTION_ID_TEXT_BYTES);
    memcpy(link + 15 + EXECUTION_ID_TEXT_BYTES, rest, rest_bytes + 1);
    json_key(w, key);
    json_put_text(w, link);
}

static void put_links(struct json_writer *w, const char *id)
{
    json_key(w, "links");
    json_begin_map(w);
    put_link(w, "self", id, "");
    put_link(w, "tasks", id, "/tasks");
    put_link(w, "events", id, "/events");
    put_link(w, "explain", id, "/explain");
    put_link(w, "cancel", id, "/cancel");
    json_end_map(w);
}

void view_put_links(struct json_writer *w, const struct execution_id *id)
{
    char text[EXECUTION_ID_TEXT_BYTES + 1];

    execution_id_format(id, text);
    put_links(w, text);
}

void view_put_accepted(struct json_writer *w, const struct execution_id *id, const char *state)
{
    char text[EXECUTION_ID_TEXT_BYTES + 1];

    execution_id_format(id, text);
    json_begin_map(w);
    json_key(w, "id");
    json_put_text(w, text);
    json_key(w, "state");
    json_put_text(w, state);
    put_links(w, text);
    json_end_map(w);
}

void view_put_counts(struct json_writer *w, const uint32_t counts[TASK_STATE_NR])
{
    json_key(w, "counts");
    json_begin_map(w);
    for (uint32_t i = 0; i < TASK_STATE_NR; i++) {
        if (counts[i] > 0) {
            put_number(w, task_state_name((enum task_state)i), counts[i]);
        }
    }
    json_end_map(w);
}

struct span view_progress_of(const struct wire_instance *instance)
{
    return !instance->is_map && instance->has_task && instance->state == TASK_RUNNING &&
                   instance->task.lease_count > 0
               ? instance->task.leases[0].progress
               : (struct span){NULL, 0};
}

static void put_satellite(struct json_writer *w, const struct satellite *satellite,
                          const struct wire_instance *instance)
{
    json_begin_map(w);
    json_key(w, "name");
    json_put_string(w, satellite->name);
    json_key(w, "state");
    json_put_text(w, task_state_name((enum task_state)(instance->state % TASK_STATE_NR)));
    json_key(w, "is_map");
    json_put_bool(w, instance->is_map);
    put_number(w, "tasks", instance->task_count);
    view_put_counts(w, instance->counts);
    view_put_time(w, "started_at", instance->started_ms);
    view_put_time(w, "ended_at", instance->ended_ms);
    view_put_text(w, "error", instance->error);
    view_put_json(w, "progress", view_progress_of(instance), "null");
    view_put_text(w, "uses", satellite->uses);
    view_put_id(w, "kept_from", instance->has_origin ? &instance->origin : NULL);
    json_key(w, "kind");
    json_put_text(w, satellite_kind_name(satellite->kind));
    json_end_map(w);
}

static void put_whole(struct json_writer *w, const struct view_execution *e)
{
    view_put_json(w, "input", e->input, "{}");
    view_put_json(w, "output", e->output, "null");
    if (e->cluster == NULL || e->body == NULL) {
        return;
    }
    put_number(w, "change", (int64_t)e->body->change);
    view_put_time(w, "start_at", e->body->start_at_ns / EXO_MILLISECOND);
    view_put_id(w, "rerun_of", e->body->is_rerun ? &e->body->rerun_of : NULL);
    json_key(w, "satellites");
    json_begin_list(w);
    for (uint32_t i = 0; i < e->cluster->satellite_count && i < e->body->instance_count; i++) {
        put_satellite(w, &e->cluster->satellites[i], &e->body->instances[i]);
    }
    json_end_list(w);
    if (e->inside != NULL) {
        inside_put(w, e->cluster, e->body, e->inside);
    }
}

static void put_version(struct json_writer *w, uint32_t number)
{
    json_key(w, "cluster_version");
    if (number == 0) {
        json_put_null(w);
    } else {
        json_put_uint(w, number);
    }
}

void view_put_execution(struct json_writer *w, const struct view_execution *e)
{
    char id[EXECUTION_ID_TEXT_BYTES + 1];

    execution_id_format(&e->id, id);
    json_begin_map(w);
    json_key(w, "id");
    json_put_text(w, id);
    json_key(w, "project");
    json_put_text(w, e->project);
    json_key(w, "cluster");
    json_put_text(w, e->cluster_name);
    if (e->has_cluster_version) {
        put_version(w, e->cluster_version);
    }
    json_key(w, "state");
    json_put_text(w, e->state);
    view_put_text(w, "error", e->error);
    view_put_time(w, "submitted_at", e->submitted_ns / EXO_MILLISECOND);
    view_put_time(w, "started_at", e->started_ns / EXO_MILLISECOND);
    view_put_time(w, "ended_at", e->ended_ns / EXO_MILLISECOND);
    view_put_time(w, "deadline_at", e->deadline_ns / EXO_MILLISECOND);
    put_number(w, "priority", e->priority);
    view_put_json(w, "labels", e->labels, "{}");
    if (e->is_whole) {
        put_whole(w, e);
    }
    put_links(w, id);
    json_end_map(w);
}

static void put_task_name(struct json_writer *w, const struct wire_change *change)
{
    char task[TASK_PATH_BYTES];

    task_path_format(change->satellite, change->has_index, change->index, task);
    json_key(w, "satellite");
    json_put_string(w, change->satellite);
    json_key(w, "task");
    json_put_text(w, task);
    if (change->has_index) {
        put_number(w, "index", change->index);
    }
}

void view_put_progress(struct json_writer *w, const struct wire_change *change)
{
    json_begin_map(w);
    view_put_time(w, "at", change->at_ms);
    put_task_name(w, change);
    put_number(w, "attempt", change->attempt);
    view_put_text(w, "worker", change->worker);
    view_put_json(w, "progress", change->progress, "null");
    json_end_map(w);
}

void view_put_change(struct json_writer *w, const struct wire_change *change)
{
    json_begin_map(w);
    put_number(w, "number", (int64_t)change->number);
    view_put_time(w, "at", change->at_ms);
    if (change->execution_state.bytes > 0) {
        json_key(w, "execution_state");
        json_put_string(w, change->execution_state);
    } else {
        put_task_name(w, change);
        json_key(w, "state");
        json_put_string(w, change->state);
        put_number(w, "attempt", change->attempt);
        view_put_text(w, "worker", change->worker);
    }
    view_put_text(w, "error", change->error);
    json_end_map(w);
}

void view_put_task_members(struct json_writer *w, const struct view_task *task)
{
    char path[TASK_PATH_BYTES];
    struct span satellite = task->path.bytes > 0 ? task->path : task->satellite->name;

    task_path_format(satellite, task->is_map, task->index, path);
    json_key(w, "task");
    json_put_text(w, path);
    json_key(w, "satellite");
    json_put_string(w, satellite);
    json_key(w, "kind");
    json_put_text(w, satellite_kind_name(task->satellite->kind));
    json_key(w, "index");
    if (task->is_map) {
        json_put_uint(w, task->index);
    } else {
        json_put_null(w);
    }
    json_key(w, "state");
    json_put_text(w, task_state_name(task->state));
    put_number(w, "attempt", task->attempt);
    put_number(w, "failures", task->failures);
    put_number(w, "losses", task->losses);
    view_put_text(w, "error", task->error);
    bool is_active = task->lease != NULL && task_state_is_active(task->state);

    view_put_text(w, "worker", is_active ? task->lease->worker : (struct span){NULL, 0});
    view_put_time(w, "started_at", is_active ? task->lease->started_ms : 0);
    view_put_id(w, "batch",
                is_active && task->lease->is_gathered ? &task->lease->gathered_in : NULL);
    view_put_json(w, "progress", is_active ? task->lease->progress : (struct span){NULL, 0},
                  "null");
    view_put_time(w, "retry_at",
                  task->lease != NULL && task->state == TASK_BACKOFF
                      ? task->lease->due_ns / EXO_MILLISECOND
                      : 0);
}

void view_put_attempt(struct json_writer *w, const struct execution_id *id, const char *task,
                      const struct wire_output *output)
{
    char text[EXECUTION_ID_TEXT_BYTES + 1];
    char rest[LINK_BYTES];
    struct span parts[] = {span_of("/tasks/"), span_of(task), span_of("/attempts/")};
    size_t at = 0;

    json_begin_map(w);
    put_number(w, "attempt", output->attempt);
    json_key(w, "outcome");
    json_put_text(w, wire_outcome_name(output->outcome));
    put_number(w, "exit_status", output->exit_status);
    view_put_text(w, "error", output->error);
    view_put_text(w, "worker", output->worker);
    view_put_time(w, "started_at", output->started_ms);
    view_put_time(w, "ended_at", output->ended_ms);
    put_number(w, "run_ms", output->run_ms);
    put_number(w, "cpu_ms", output->cpu_ms);
    json_key(w, "memory_bytes_max");
    json_put_uint(w, output->memory_bytes_max);
    json_key(w, "log_bytes");
    json_put_uint(w, output->has_log ? output->log_bytes : 0);
    json_key(w, "output_bytes");
    json_put_uint(w, output->has_ref ? output->ref_bytes : output->json.bytes);
    json_key(w, "cached");
    json_put_bool(w, output->is_cached);
    view_put_id(w, "batch", output->is_gathered ? &output->gathered_in : NULL);
    json_key(w, "artefacts_bytes");
    json_put_uint(w, output->has_artefacts ? output->artefacts_bytes : 0);
    for (size_t i = 0; i < 3; i++) {
        memcpy(rest + at, parts[i].data, parts[i].bytes);
        at += parts[i].bytes;
    }
    at += task_number_format(output->attempt, rest + at);
    memcpy(rest + at, "/logs", 6);
    execution_id_format(id, text);
    put_link(w, "logs", text, rest);
    json_end_map(w);
}

static uint32_t column(const uint32_t *numbers, uint32_t count, uint32_t offset)
{
    return offset < count ? numbers[offset] : 0;
}

/* A task whose turn had not come may have been ended by hand. */
static bool is_ended_at(const struct wire_columns *columns, uint32_t offset)
{
    return task_state_is_terminal(
        (enum task_state)(((const uint8_t *)columns->states.data)[offset] % TASK_STATE_NR));
}

/* Kept of an execution that has been deleted since, or never dispatched: of a map it waits for a
 * ticket, or has ended as one of many. */
static enum task_state state_without_page(const struct wire_instance *instance)
{
    if (!instance->is_map || instance->has_origin || instance->task_count == 0) {
        return (enum task_state)(instance->state % TASK_STATE_NR);
    }
    if (instance->tail_state != TASK_WAITING) {
        return (enum task_state)(instance->tail_state % TASK_STATE_NR);
    }
    return instance->counts[TASK_READY] == 0 ? TASK_CANCELLED : TASK_READY;
}

void view_task_at(const struct wire_instance *instance, const struct wire_columns *columns,
                  uint32_t offset, struct view_task *ret_task)
{
    enum task_state whole = (enum task_state)(instance->state % TASK_STATE_NR);

    ret_task->attempt = ret_task->failures = ret_task->losses = 0;
    ret_task->lease = NULL;
    ret_task->error = !instance->is_map && task_state_is_terminal(whole) && whole != TASK_SUCCEEDED
                          ? instance->error
                          : (struct span){NULL, 0};
    if (columns == NULL || offset >= columns->states.bytes ||
        (instance->is_map && ret_task->index >= instance->next_index &&
         !is_ended_at(columns, offset))) {
        ret_task->state = state_without_page(instance);
        return;
    }
    ret_task->state =
        (enum task_state)(((const uint8_t *)columns->states.data)[offset] % TASK_STATE_NR);
    ret_task->attempt = column(columns->attempts, columns->attempt_count, offset);
    ret_task->failures = column(columns->failures, columns->failure_count, offset);
    ret_task->losses = column(columns->losses, columns->loss_count, offset);
    for (uint32_t i = 0; i < columns->lease_count; i++) {
        if (columns->leases[i].offset == offset) {
            ret_task->lease = &columns->leases[i];
        }
    }
}
