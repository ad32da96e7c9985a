/* schedule_commands: schedules put, deleted, paused, resumed, triggered, filled back.
 *
 *   request -> command on exo.status of the schedule's shard -> wait until it is applied
 *           -> its row, which holds what became of the command -> answer
 *
 * A command under an Idempotency-Key has an id that follows from the key and from all that is
 * asked: the same sent again is the same command, which the shard takes once. */
#include <stdio.h>

#include "infra/crypto/crypto.h"
#include "infra/crypto/fire_id.h"
#include "infra/zoneinfo/zoneinfo.h"
#include "producer/core/version_view.h"
#include "producer/http/handlers.h"
#include "producer/http/schedules.h"
#include "schemas/cluster/fault_text.h"
#include "schemas/json/json_read.h"
#include "schemas/schedule/schedule.h"
#include "schemas/vocab/timestamp.h"
#include "schemas/wire/status.h"

static const exo_time applied_ns = 2 * EXO_SECOND;
static const exo_time first_poll_ns = 3 * EXO_MILLISECOND;
static const exo_time most_poll_ns = 50 * EXO_MILLISECOND;

enum { PARALLEL_MAX = 100 };

/* A command on its way. */
struct commanding {
    struct exchange *x;
    struct schedule_name name;
    struct wire_schedule_command command;
    char id[EXECUTION_ID_TEXT_BYTES + 1];
    bool has_header; /* expected comes from a header */
    int64_t offset;  /* of its record */
    exo_time give_up_ns, poll_ns;
};

/* ---- the answer ---- */

static const struct wire_schedule_answer *answer_of(const struct commanding *c,
                                                    const struct wire_schedule_row *row)
{
    for (uint32_t i = 0; row != NULL && i < row->answer_count; i++) {
        if (span_equal(row->answers[i].id, span_of(c->id))) {
            return &row->answers[i];
        }
    }
    return NULL;
}

static void send_done(struct commanding *c, const struct wire_schedule_row *row,
                      const struct wire_schedule_answer *answer)
{
    struct exchange *x = c->x;
    char id[EXECUTION_ID_TEXT_BYTES + 1];

    if (c->command.kind != SCHEDULE_COMMAND_TRIGGER) {
        schedule_send(x, answer->verdict == SCHEDULE_VERDICT_CREATED ? 201 : 200, row);
        return;
    }
    struct execution_id fire = fire_id_of(&c->name.id, answer->nominal_ns);
    struct json_writer w = exchange_json(x);

    execution_id_format(&fire, id);
    json_begin_map(&w);
    json_key(&w, "execution");
    json_put_text(&w, id);
    json_end_map(&w);
    exchange_send(x, 200, NULL, NULL, 0);
}

static void refuse(struct commanding *c, const struct wire_schedule_row *row,
                   enum wire_schedule_verdict verdict)
{
    bool is_trigger = c->command.kind == SCHEDULE_COMMAND_TRIGGER;

    if (verdict == SCHEDULE_VERDICT_NUMBER) {
        exchange_problem(c->x, 412, "version %llu stands; read it and put again",
                         (unsigned long long)row->number);
    } else if (verdict == SCHEDULE_VERDICT_INVALID) {
        exchange_problem(c->x, 422, "to: it lies in the future; a backfill runs what is past");
    } else if (verdict == SCHEDULE_VERDICT_UNREADABLE) {
        exchange_problem(c->x, 409,
                         "the scheduler cannot read its definition or zone; see its log "
                         "(schedule.unreadable), then put it again");
    } else {
        exchange_problem(c->x, 409,
                         is_trigger
                             ? "an execution of it has not ended, or a time waits its turn, and "
                               "its overlap allows no other beside it"
                             : "a backfill is under way; wait for its end, or DELETE .../backfill");
    }
}

static void on_result(struct exchange *x, const struct wire_schedule_row *row)
{
    struct commanding *c = x->state;
    const struct wire_schedule_answer *answer = answer_of(c, row);
    bool is_delete = c->command.kind == SCHEDULE_COMMAND_DELETE;

    if (row == NULL && is_delete) {
        buffer_reset(&x->text);
        exchange_send(x, 204, "", NULL, 0);
    } else if (row == NULL && c->command.kind == SCHEDULE_COMMAND_PUT && c->command.expected > 0) {
        exchange_problem(x, 412, "there is no such schedule");
    } else if (row == NULL && c->command.kind == SCHEDULE_COMMAND_PUT) {
        exchange_problem(x, 409,
                         "its scheduler did not take it: too many schedules on its shard, or a "
                         "definition it cannot read; its log says which");
    } else if (row == NULL) {
        exchange_problem(x, 404, "there is no such schedule");
    } else if (answer == NULL) {
        exchange_later(x, 503, 1, "others have changed it meanwhile; look at it and ask again");
    } else if (answer->verdict == SCHEDULE_VERDICT_DONE ||
               answer->verdict == SCHEDULE_VERDICT_CREATED ||
               answer->verdict == SCHEDULE_VERDICT_NOTHING) {
        send_done(c, row, answer);
    } else {
        refuse(c, row, answer->verdict);
    }
}

/* ---- on its way ---- */

static void ask_shard(struct commanding *c);

static void on_poll(void *argument)
{
    struct commanding *c = argument;

    if (exchange_back(c->x)) {
        ask_shard(c);
    }
}

static void still_waits(struct commanding *c)
{
    struct json_writer w = exchange_json(c->x);

    json_begin_map(&w);
    json_key(&w, "command");
    json_put_text(&w, c->id);
    json_key(&w, "is_applied");
    json_put_bool(&w, false);
    json_end_map(&w);
    exchange_send(c->x, 202, NULL, NULL, 0);
}

static void on_shard(void *argument, const struct store_shard *shard, const struct exo_error *err)
{
    struct commanding *c = argument;
    struct exchange *x = c->x;

    if (!exchange_back(x)) {
        return;
    }
    if (err == NULL && shard != NULL && shard->inputs[1].offset > c->offset) {
        schedule_read_row(x, &c->name, on_result);
    } else if (loop_now_ns(x->api->loop) >= c->give_up_ns) {
        still_waits(c);
    } else {
        c->poll_ns += c->poll_ns < most_poll_ns ? c->poll_ns / 2 : 0;
        exchange_delay(x, c->poll_ns, on_poll, c);
    }
}

static void ask_shard(struct commanding *c)
{
    struct api *api = c->x->api;

    (void)exchange_wait(c->x);
    store_shard_get(api->store, execution_shard(&c->name.id, api->shard_count), on_shard, c);
}

static void on_sent(void *argument, int64_t offset, const struct exo_error *err)
{
    struct commanding *c = argument;

    if (!exchange_back(c->x)) {
        return;
    }
    if (err != NULL) {
        exchange_error(c->x, "the log", err);
        return;
    }
    c->offset = offset;
    c->poll_ns = first_poll_ns;
    c->give_up_ns = loop_now_ns(c->x->api->loop) + applied_ns;
    ask_shard(c);
}

static void on_found(struct exchange *x, const struct wire_schedule_row *row)
{
    struct commanding *c = x->state;
    struct api *api = x->api;
    struct wire_status status = {.schedules = &c->command, .schedule_count = 1};
    char key[EXECUTION_ID_TEXT_BYTES + 1];
    struct exo_error err;

    if (row == NULL && c->command.kind != SCHEDULE_COMMAND_PUT) {
        exchange_problem(x, 404, "there is no such schedule; GET /v1/schedules lists them");
        return;
    }
    if (!api->is_prepared) {
        exchange_later(x, 503, 1, api_waits_for(api));
        return;
    }
    execution_id_format(&c->name.id, key);
    arena_reset(&api->scratch);
    buffer_reset(&api->packed);
    wire_status_pack(&status, &api->scratch, &api->packed);
    (void)exchange_wait(x);
    if (log_append(api->log, TOPIC_STATUS, execution_shard(&c->name.id, api->shard_count),
                   span_of(key), buffer_span(&api->packed), 10 * EXO_SECOND, on_sent, c,
                   &err) != 0 &&
        exchange_back(x)) {
        exchange_error(x, "the log", &err);
    }
}

/* The UUIDv5 of what is asked, in the name space of its schedule. */
static struct execution_id id_of_key(struct commanding *c, const char *key)
{
    const struct wire_schedule_command *command = &c->command;
    struct buffer *text = &c->x->text;
    char asked[128];

    (void)snprintf(asked, sizeof(asked), "%d %lld %lld %lld %u ", (int)command->kind,
                   (long long)command->expected, (long long)command->from_ns,
                   (long long)command->until_ns, (unsigned)command->parallel);
    buffer_reset(text);
    buffer_text(text, asked);
    buffer_text(text, key);
    buffer_append(text, (struct span){"", 1});
    buffer_append(text, command->definition);
    return execution_id_from_name(&c->name.id, buffer_span(text));
}

void schedule_command_send(struct exchange *x, const struct schedule_name *name,
                           struct wire_schedule_command command)
{
    struct commanding *c = exchange_alloc(x, sizeof(*c));
    const char *key;

    if (!exchange_idempotency_key(x, &key)) {
        return;
    }
    c->x = x;
    c->name = *name;
    c->command = command;
    struct execution_id id =
        key == NULL ? execution_id_new(clock_wall_ns() / EXO_MILLISECOND) : id_of_key(c, key);

    execution_id_format(&id, c->id);
    c->command.id = span_of(c->id);
    c->command.project = c->name.project;
    c->command.name = c->name.name;
    x->state = c;
    schedule_read_row(x, name, on_found);
}

/* ---- what is asked ---- */

/* False when the exchange is answered. */
static bool expected_read(struct exchange *x, int64_t *ret_expected)
{
    const char *match = http_request_header(x->request, "If-Match");
    const char *none = http_request_header(x->request, "If-None-Match");

    *ret_expected = none != NULL ? 0 : SCHEDULE_EXPECTED_ANY;
    if ((match != NULL && (none != NULL || !etag_parse(span_of(match), ret_expected))) ||
        (none != NULL && strcmp(none, "*") != 0)) {
        exchange_problem(x, 400,
                         "If-Match takes one version in quotes, such as \"3\", or *; If-None-Match "
                         "takes * only; one of the two");
        return false;
    }
    return true;
}

static bool body_read(struct exchange *x, struct value *ret)
{
    const struct json_limits limits = {.text_bytes_max = LIMIT_CLUSTER_BYTES};
    struct json_error error;

    if (http_body(x->request).bytes > LIMIT_CLUSTER_BYTES) {
        exchange_problem(x, 413, "the schedule has more than %d bytes", (int)LIMIT_CLUSTER_BYTES);
        return false;
    }
    if (json_read(http_body(x->request), &limits, &x->parsing, ret, &error) != JSON_OK) {
        exchange_problem(x, 400, "the body is no JSON that can be taken: line %u column %u: %s",
                         error.line, error.column, error.text);
        return false;
    }
    return true;
}

static bool is_zone(void *context, struct span name)
{
    struct exchange *x = context;
    const struct zone *zone;
    struct exo_error err;

    return zoneinfo_read(name, &x->parsing, &zone, &err) == 0;
}

void schedule_put(struct exchange *x)
{
    struct schedule_name *name = exchange_alloc(x, sizeof(*name));
    struct value *root = exchange_alloc(x, sizeof(*root));
    struct wire_schedule_command command = {.kind = SCHEDULE_COMMAND_PUT};
    const struct schedule *schedule;
    struct fault_list faults;

    fault_list_init(&faults, &x->parsing, 0);
    if (!schedule_name_read(x, name) || !expected_read(x, &command.expected) ||
        !body_read(x, root)) {
        return;
    }
    bool is_file = value_get(root, span_of("exosphere")) != NULL &&
                   value_get(root, span_of("schedule")) != NULL;
    const struct schedule_source source = {.root = root,
                                           .default_project = name->project.data,
                                           .is_inner = !is_file,
                                           .is_zone = is_zone,
                                           .context = x};

    if (schedule_parse(&source, &x->parsing, &schedule, &faults) != 0) {
        exchange_faults(x, 422, "the schedule has faults", &faults);
        return;
    }
    if (!span_equal(schedule->project, name->project) || !span_equal(schedule->name, name->name)) {
        exchange_problem(x, 422, "the body is the schedule %.*s/%.*s, the path another one",
                         SPAN_ARG(schedule->project), SPAN_ARG(schedule->name));
        return;
    }
    buffer_reset(&x->text);
    schedule_canonical(schedule, &x->text);
    command.definition = exchange_copy(x, buffer_span(&x->text));
    schedule_command_send(x, name, command);
}

void schedule_delete(struct exchange *x)
{
    struct schedule_name *name = exchange_alloc(x, sizeof(*name));
    struct wire_schedule_command command = {.kind = SCHEDULE_COMMAND_DELETE};

    if (schedule_name_read(x, name) && expected_read(x, &command.expected)) {
        schedule_command_send(x, name, command);
    }
}

/* An input that is sent here would be lost: false when the exchange is answered. */
static bool body_is_empty(struct exchange *x)
{
    struct span body = http_body(x->request);
    struct json_error error;
    struct value root;

    if (body.bytes == 0 || (json_read(body, NULL, &x->parsing, &root, &error) == JSON_OK &&
                            root.kind == VALUE_MAP && root.count == 0)) {
        return true;
    }
    exchange_problem(x, 400,
                     "this takes no body: send none, or {}; what a schedule starts has the input "
                     "that its definition says");
    return false;
}

static void plain(struct exchange *x, enum wire_schedule_command_kind kind)
{
    struct schedule_name *name = exchange_alloc(x, sizeof(*name));

    if (schedule_name_read(x, name) && body_is_empty(x)) {
        schedule_command_send(x, name, (struct wire_schedule_command){.kind = kind});
    }
}

void schedule_pause(struct exchange *x)
{
    plain(x, SCHEDULE_COMMAND_PAUSE);
}

void schedule_resume(struct exchange *x)
{
    plain(x, SCHEDULE_COMMAND_RESUME);
}

void schedule_trigger(struct exchange *x)
{
    plain(x, SCHEDULE_COMMAND_TRIGGER);
}

void schedule_backfill_stop(struct exchange *x)
{
    plain(x, SCHEDULE_COMMAND_BACKFILL_STOP);
}

/* {"from": TIME, "to": TIME, "parallel": N}; NULL, or what is wrong, which may be in *text. */
static const char *range_read(const struct value *root, struct wire_schedule_command *command,
                              struct fault_text *text)
{
    command->parallel = 1;
    command->from_ns = command->until_ns = -1;
    for (uint32_t i = 0; root->kind == VALUE_MAP && i < root->count; i++) {
        struct span key = value_text(&root->members[i].key);
        const struct value *value = &root->members[i].value;

        if (span_is(key, "parallel")) {
            if (value->kind != VALUE_INT || value->integer < 1 || value->integer > PARALLEL_MAX) {
                return "parallel is a number from 1 to 100";
            }
            command->parallel = (uint32_t)value->integer;
        } else if (!(span_is(key, "from") || span_is(key, "to"))) {
            *text = (struct fault_text){.used = 0};
            fault_text_add(text, "unknown field %q; known here: from, to, parallel", key);
            return text->bytes;
        } else if (value->kind != VALUE_STRING ||
                   !timestamp_parse(value_text(value), span_is(key, "from") ? &command->from_ns
                                                                            : &command->until_ns)) {
            return span_is(key, "from")
                       ? "from: write a time from 1970 on, such as \"2026-11-01T00:00:00Z\""
                       : "to: write a time from 1970 on, such as \"2026-11-03T23:59:59Z\"";
        }
    }
    if (command->from_ns < 0 || command->until_ns < 0) {
        return "send from and to, both included: {\"from\": \"2026-11-01\", \"to\": "
               "\"2026-11-03\"}";
    }
    return command->until_ns < command->from_ns ? "to: it lies before from; write a later time"
                                                : NULL;
}

void schedule_backfill(struct exchange *x)
{
    struct schedule_name *name = exchange_alloc(x, sizeof(*name));
    struct value *root = exchange_alloc(x, sizeof(*root));
    struct wire_schedule_command command = {.kind = SCHEDULE_COMMAND_BACKFILL};

    if (!schedule_name_read(x, name) || !body_read(x, root)) {
        return;
    }
    struct fault_text text;
    const char *wrong = range_read(root, &command, &text);

    if (wrong != NULL) {
        exchange_problem(x, 422, "%s", wrong);
        return;
    }
    schedule_command_send(x, name, command);
}
