/* control: what people ask of an execution while it runs: cancel, pause, resume, signals,
 * approvals, tries and results by hand, another priority.
 *
 *   body, {task} --> command --command_fit, by the view--> 200 as it is | 409 | Command on
 * exo.status (202: the scheduler judges again) */
#include <stdio.h>

#include "infra/crypto/crypto.h"
#include "producer/core/command_body.h"
#include "producer/core/command_fit.h"
#include "producer/core/output_page.h"
#include "producer/http/handlers.h"
#include "producer/http/task_reading.h"
#include "schemas/cluster/output_schema.h"
#include "schemas/json/json_read.h"

enum { LOCATION_BYTES = TASK_PATH_BYTES + 64 };

static const exo_time append_limit_ns = 10 * EXO_SECOND;

/* One command on its way; in the exchange's arena. */
struct controlling {
    struct execution_id id;
    struct command_body body;
    struct wire_command command;
    const char *state; /* of the execution, as the answer says it */
    struct span task;  /* path; bytes 0: the execution */
};

/* ---- the answer ---- */

static void location_make(const struct controlling *c, char ret_text[LOCATION_BYTES])
{
    char id[EXECUTION_ID_TEXT_BYTES + 1];

    execution_id_format(&c->id, id);
    (void)snprintf(ret_text, LOCATION_BYTES, "/v1/executions/%s%s%.*s", id,
                   c->task.bytes > 0 ? "/tasks/" : "", SPAN_ARG(c->task));
}

static void send_accepted(struct exchange *x)
{
    const struct controlling *c = x->state;
    struct json_writer w = exchange_json(x);
    char id[EXECUTION_ID_TEXT_BYTES + 1];
    char location[LOCATION_BYTES];
    const struct http_header header = {"Location", location};

    location_make(c, location);
    execution_id_format(&c->id, id);
    json_begin_map(&w);
    json_key(&w, "id");
    json_put_text(&w, id);
    json_key(&w, "state");
    json_put_text(&w, c->state);
    json_key(&w, "command");
    json_put_string(&w, c->command.id);
    json_key(&w, "task");
    if (c->task.bytes > 0) {
        json_put_string(&w, c->task);
    } else {
        json_put_null(&w);
    }
    view_put_links(&w, &c->id);
    json_end_map(&w);
    exchange_send(x, 202, NULL, &header, 1);
}

static void on_sent(void *argument, int64_t offset, const struct exo_error *err)
{
    struct exchange *x = argument;

    (void)offset;
    if (!exchange_back(x)) {
        return;
    }
    if (err != NULL) {
        exchange_error(x, "the log", err);
        return;
    }
    send_accepted(x);
}

static void send_command(struct exchange *x)
{
    const struct controlling *c = x->state;
    struct api *api = x->api;
    char key[EXECUTION_ID_TEXT_BYTES + 1];
    struct wire_status status = {.commands = &c->command, .command_count = 1};
    struct exo_error err;

    if (!api->is_prepared || api->shard_count == 0) {
        exchange_later(x, 503, 1, api_waits_for(api));
        return;
    }
    execution_id_format(&c->id, key);
    arena_reset(&api->scratch);
    buffer_reset(&api->packed);
    wire_status_pack(&status, &api->scratch, &api->packed);
    if (api->packed.is_failed) {
        exchange_later(x, 503, 1, "no memory for the command now; send it again");
        return;
    }
    (void)exchange_wait(x);
    if (log_append(api->log, TOPIC_STATUS, execution_shard(&c->id, api->shard_count), span_of(key),
                   buffer_span(&api->packed), append_limit_ns, on_sent, x, &err) != 0 &&
        exchange_back(x)) {
        exchange_error(x, "the log", &err);
    }
}

/* ---- does it fit ---- */

static struct command_facts facts_of(const struct controlling *c,
                                     const struct read_execution *execution)
{
    struct command_facts facts = {
        .kind = c->command.kind,
        .cluster = execution->cluster,
        .priority = (uint32_t)reading_view(execution).priority,
        .wanted_priority = c->command.priority,
        .signal = c->command.name,
        .signals_kept = execution->body.signal_count,
    };

    if (!execution_state_parse(span_of(execution->row.state), &facts.execution)) {
        facts.execution = EXECUTION_RUNNING; /* a newer program's: the scheduler knows */
    }
    return facts;
}

/* True when the command is to be sent; otherwise, unless it is done, the exchange is answered. */
static bool is_to_be_sent(struct exchange *x, const struct command_facts *facts, bool *ret_is_done)
{
    struct fault_text text;
    enum command_fit fit = command_fit(facts, &text);

    *ret_is_done = fit == FIT_DONE;
    if (fit == FIT_CONFLICT || fit == FIT_UNKNOWN) {
        exchange_problem(x, fit == FIT_CONFLICT ? 409 : 404, "%s", text.bytes);
    }
    return fit == FIT_SEND;
}

static void on_execution(struct exchange *x, const struct read_execution *execution)
{
    struct controlling *c = x->state;
    struct command_facts facts = facts_of(c, execution);
    bool is_done;

    c->state = c->command.kind == COMMAND_CANCEL ? "CANCELLING" : execution->row.state;
    if (is_to_be_sent(x, &facts, &is_done)) {
        send_command(x);
    } else if (is_done) {
        reading_send(x, 200, execution);
    }
}

/* The last success of the task gave what a SKIP asks for. */
static bool is_same_output(struct exchange *x, const struct task_read *task)
{
    const struct controlling *c = x->state;
    struct json_error error;
    struct value wanted = value_null();
    struct value given = value_null();

    for (uint32_t i = 0; i < task->output_count; i++) {
        const struct wire_output *output = task->outputs[i];

        if (output->outcome != OUTCOME_SUCCEEDED) {
            continue;
        }
        if (output->has_ref ||
            json_read(output_json(output), NULL, &x->parsing, &given, &error) != JSON_OK) {
            return false;
        }
    }
    return (c->body.value.bytes == 0 ||
            json_read(c->body.value, NULL, &x->parsing, &wanted, &error) == JSON_OK) &&
           value_equal(&wanted, &given);
}

/* What is given by hand keeps the satellite's promise; false, having answered: it does not. */
static bool keeps_promise(struct exchange *x, const struct satellite *satellite)
{
    const struct controlling *c = x->state;
    const struct value *schema = satellite->work.output_schema;
    struct value output = value_null();
    struct fault_list faults;
    struct json_error error;

    if (c->command.kind != COMMAND_SKIP || schema == NULL) {
        return true;
    }
    fault_list_init(&faults, &x->arena, 0);
    if (c->body.value.bytes > 0 &&
        json_read(c->body.value, NULL, &x->parsing, &output, &error) != JSON_OK) {
        exchange_problem(x, 500, "the output cannot be read again: %s", error.text);
        return false;
    }
    if (output_schema_apply(schema, &output, &faults) != 0) {
        exchange_faults(x, 422, "the output does not fit the satellite's output_schema", &faults);
        return false;
    }
    return true;
}

/* state: of what was asked for, a task of a map among them. */
static void send_target(struct exchange *x, const struct read_place *place, enum task_state state)
{
    const struct controlling *c = x->state;
    struct json_writer w = exchange_json(x);

    json_begin_map(&w);
    json_key(&w, "task");
    json_put_string(&w, c->task);
    json_key(&w, "satellite");
    json_put_string(&w, place->path.of_satellite);
    json_key(&w, "kind");
    json_put_text(&w, satellite_kind_name(place->path.satellite->kind));
    json_key(&w, "state");
    json_put_text(&w, task_state_name(state));
    json_end_map(&w);
    exchange_send(x, 200, NULL, NULL, 0);
}

/* task: NULL where a whole map is meant. */
static void judge(struct exchange *x, const struct read_place *place, const struct task_read *task)
{
    struct controlling *c = x->state;
    struct command_facts facts = facts_of(c, place->execution);
    bool is_done;

    c->state = place->execution->row.state;
    facts.path = &place->path;
    facts.instance = place->instance;
    facts.is_stopped =
        place->is_stopped || (c->command.kind == COMMAND_CANCEL && task != NULL &&
                              task->view.lease != NULL && task->view.lease->is_cancelled);
    facts.state =
        task != NULL ? task->view.state : (enum task_state)(place->instance->state % TASK_STATE_NR);
    facts.is_same_output = task != NULL && c->command.kind == COMMAND_SKIP &&
                           facts.state == TASK_SUCCEEDED && is_same_output(x, task);
    if (is_to_be_sent(x, &facts, &is_done)) {
        if (keeps_promise(x, place->path.satellite)) {
            send_command(x);
        }
    } else if (is_done) {
        send_target(x, place, facts.state);
    }
}

static void on_task(struct exchange *x, const struct task_read *task)
{
    judge(x, task->place, task);
}

static void on_place(struct exchange *x, const struct read_place *place)
{
    const struct controlling *c = x->state;

    if (task_path_is_task(&place->path)) {
        task_reading_at(x, place, c->command.kind != COMMAND_SKIP, on_task);
    } else {
        judge(x, place, NULL);
    }
}

/* ---- the request ---- */

static bool body_read(struct exchange *x, struct controlling *c)
{
    struct fault_list faults;
    struct buffer *value = exchange_alloc(x, sizeof(*value));

    fault_list_init(&faults, &x->arena, 0);
    buffer_init(value, allocator_heap(&x->budget), 0);
    const struct command_source source = {c->command.kind, http_body(x->request)};
    enum command_body_result result =
        command_body_read(&source, &x->parsing, value, &c->body, &faults);

    c->body.value = exchange_copy(x, c->body.value);
    buffer_release(value);
    if (result != COMMAND_BODY_OK) {
        exchange_faults(x, result == COMMAND_BODY_EMALFORMED ? 400 : 422,
                        result == COMMAND_BODY_EMALFORMED ? "the body is no JSON that can be taken"
                                                          : "the body does not fit this command",
                        &faults);
    }
    return result == COMMAND_BODY_OK;
}

/* Sent again with the same key, a signal is one signal. */
static bool key_read(struct exchange *x, struct controlling *c)
{
    char text[EXECUTION_ID_TEXT_BYTES + 1];
    const char *key;

    if (!exchange_idempotency_key(x, &key)) {
        return false;
    }
    if (key == NULL) {
        const struct execution_id id = execution_id_new(clock_wall_ns() / EXO_MILLISECOND);

        execution_id_format(&id, text);
        key = text;
    }
    c->command.id = exchange_copy(x, span_of(key));
    return true;
}

static void control_begin(struct exchange *x, enum wire_command_kind kind)
{
    struct controlling *c = exchange_alloc(x, sizeof(*c));
    bool has_task = strstr(x->route->pattern, "{task}") != NULL;

    x->state = c;
    c->command.kind = kind;
    if (!execution_id_parse(route_parameter(x, 0), &c->id)) {
        reading_begin(x, on_execution); /* says so */
        return;
    }
    if (!body_read(x, c) || !key_read(x, c)) {
        return;
    }
    c->command.execution = c->id;
    c->command.reason = c->body.reason;
    c->command.value = c->body.value;
    c->command.priority = c->body.priority;
    c->command.actor = c->body.actor.bytes > 0    ? c->body.actor
                       : x->api->token[0] != '\0' ? span_of("api")
                                                  : span_of("anonymous");
    if (kind == COMMAND_CANCEL && c->body.reason.bytes == 0) {
        c->command.reason = span_of("cancelled by request");
    }
    if (kind == COMMAND_SIGNAL) {
        c->command.name = exchange_copy(x, route_parameter(x, 1));
    }
    if (has_task) {
        c->task = exchange_copy(x, route_parameter(x, 1));
        c->command.task = c->task;
        place_reading_begin(x, c->task, on_place);
    } else {
        reading_begin(x, on_execution);
    }
}

void execution_cancel(struct exchange *x)
{
    control_begin(x, COMMAND_CANCEL);
}

void execution_pause(struct exchange *x)
{
    control_begin(x, COMMAND_PAUSE);
}

void execution_resume(struct exchange *x)
{
    control_begin(x, COMMAND_RESUME);
}

void execution_signal(struct exchange *x)
{
    control_begin(x, COMMAND_SIGNAL);
}

void execution_patch(struct exchange *x)
{
    control_begin(x, COMMAND_PRIORITY);
}

void task_cancel(struct exchange *x)
{
    control_begin(x, COMMAND_CANCEL);
}

void task_approve(struct exchange *x)
{
    control_begin(x, COMMAND_APPROVE);
}

void task_reject(struct exchange *x)
{
    control_begin(x, COMMAND_REJECT);
}

void task_retry(struct exchange *x)
{
    control_begin(x, COMMAND_RETRY);
}

void task_skip(struct exchange *x)
{
    control_begin(x, COMMAND_SKIP);
}
