/* rerun: Jobs that run an execution again which has ended, before they are admitted (ADR 0018).
 *
 *   Job --rerun_job--> RESOLVE_WAITS: the old execution's row --plan--> kept satellites
 *                          small results stand in the row; larger ones --one segment a time-->
 *                          written out, or why not --> the reader goes on
 *
 * What ended does not change any more: what was read stays true. Kept for the one record it was
 * asked for. */
#include <stdio.h>
#include <stdlib.h>

#include "scheduler/shard.h"
#include "schemas/cluster/rerun.h"
#include "schemas/json/json_read.h"

enum { RERUN_BYTES_MAX = 64 << 20, FORWARD_BYTES_MAX = 512 << 10 };

/* One record's. */
struct rerun {
    struct arena arena;
    int64_t offset;
    struct execution_id old;
    struct span from;
    bool is_done;
    char refusal[REFUSAL_BYTES]; /* empty: it can be admitted */
    /* of the old execution */
    struct span definition, project, input;
    struct wire_pair *labels;
    uint32_t label_count;
    const struct wire_instance *instances;
    struct wire_kept *kept;
    struct wire_instance *kept_instances;
    uint32_t *kept_places; /* of each in the old execution */
    uint32_t kept_count;
    uint32_t next; /* kept one to be read */
};

void rerun_free(struct shard *shard)
{
    if (shard->rerun != NULL) {
        arena_release(&shard->rerun->arena);
        free(shard->rerun);
        shard->rerun = NULL;
    }
}

static void refuse(struct rerun *r, const char *field, const char *why)
{
    r->is_done = true;
    (void)snprintf(r->refusal, sizeof(r->refusal), "%s: %s", field, why);
}

static const char no_memory[] = "what is kept is above 64 MiB; begin with an earlier satellite";
static const char gone[] = "what is to be kept of it has been deleted with the execution that ran "
                           "it (retention_executions); run the whole cluster again";

static void go_on(struct shard *shard);

/* The answer to what was asked; NULL: the shard's life is over, or the record is looked at again.
 */
static struct rerun *back(struct shard *shard, const struct exo_error *err)
{
    if (shard == NULL) {
        return NULL;
    }
    shard->is_checking = false;
    if (err != NULL && err->code != EXO_ENOTFOUND) {
        rerun_free(shard); /* asked again with the next look at the record */
        loop_timer_start(shard->retry, EXO_SECOND, 0);
        return NULL;
    }
    return shard->rerun;
}

/* ---- what stands in the old row ---- */

static bool old_labels_read(struct rerun *r, struct span json)
{
    struct json_error error;
    struct value value;

    if (json.bytes == 0) {
        return true;
    }
    if (json_read(json, NULL, &r->arena, &value, &error) != JSON_OK || value.kind != VALUE_MAP) {
        return false;
    }
    r->labels = arena_alloc(&r->arena, value.count * sizeof(*r->labels));
    for (uint32_t i = 0; r->labels != NULL && i < value.count; i++) {
        r->labels[i] = (struct wire_pair){value_text(&value.members[i].key),
                                          value_text(&value.members[i].value)};
    }
    r->label_count = r->labels == NULL ? 0 : value.count;
    return r->labels != NULL;
}

/* False: no memory, or a row of another version. */
static bool row_read(struct rerun *r, const struct store_execution *row, struct span definition,
                     struct wire_body *ret_body)
{
    struct span body = arena_copy(&r->arena, row->body);

    r->definition = arena_copy(&r->arena, definition);
    r->project = arena_copy(&r->arena, span_of(row->project));
    r->input = arena_copy(&r->arena, row->input);
    return body.data != NULL && r->definition.data != NULL && r->project.data != NULL &&
           r->input.data != NULL && old_labels_read(r, row->labels) &&
           wire_body_unpack(body, &r->arena, ret_body) == WIRE_OK;
}

static void keep(struct rerun *r, const struct satellite *satellite)
{
    struct wire_instance *instance = &r->kept_instances[r->kept_count];

    *instance = r->instances[satellite->index];
    if (!instance->has_origin) {
        instance->has_origin = true;
        instance->origin = r->old;
        instance->origin_number = satellite->index;
    }
    r->kept[r->kept_count] = (struct wire_kept){arena_copy(&r->arena, satellite->name), instance};
    r->kept_places[r->kept_count++] = satellite->index;
}

static void plan(struct rerun *r, const struct cluster *cluster, bool is_good)
{
    const struct satellite *from =
        r->from.bytes == 0 ? NULL : cluster_find(cluster, SATELLITE_NONE, r->from);
    uint32_t count = cluster->root_count;
    enum task_state *states = arena_alloc(&r->arena, count * sizeof(*states));
    bool *again = arena_alloc(&r->arena, count * sizeof(*again));

    r->kept = arena_alloc(&r->arena, count * sizeof(*r->kept));
    r->kept_instances = arena_alloc(&r->arena, count * sizeof(*r->kept_instances));
    r->kept_places = arena_alloc(&r->arena, count * sizeof(*r->kept_places));
    if (states == NULL || again == NULL || r->kept == NULL || r->kept_instances == NULL ||
        r->kept_places == NULL) {
        refuse(r, "rerun_of", no_memory);
        return;
    }
    if (r->from.bytes > 0 && from == NULL) {
        refuse(r, "rerun_from", "the top level of the cluster has no such satellite");
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        states[i] = (enum task_state)(r->instances[i].state % TASK_STATE_NR);
    }
    if (rerun_plan(cluster, states, from == NULL ? SATELLITE_NONE : from->index, again) == 0 &&
        is_good) {
        refuse(r, "rerun_from", "nothing of it failed; name the satellite to begin with");
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!again[i]) {
            keep(r, &cluster->satellites[i]);
        }
    }
}

static void on_old(void *argument, const struct store_execution *row, struct span definition_text,
                   const struct exo_error *err)
{
    struct shard *shard = shard_ticket_end(argument);
    struct rerun *r = back(shard, err);
    struct exo_error own;
    struct wire_body body;

    if (r == NULL) {
        return;
    }
    if (row == NULL) {
        refuse(r, "rerun_of", "there is no such execution (any more: see retention_executions)");
    } else if (!row->is_terminal) {
        refuse(r, "rerun_of", "the execution has not ended yet; cancel it first, or wait");
    } else {
        struct definition *definition = definitions_get(
            shard->scheduler->definitions, definition_text, (struct span){NULL, 0}, true, &own);

        if (definition == NULL || !row_read(r, row, definition_text, &body) ||
            body.instance_count != definition->cluster->root_count) {
            refuse(r, "rerun_of", "this program cannot read what the store has of the execution");
        } else {
            r->instances = body.instances;
            plan(r, definition->cluster, strcmp(row->state, "SUCCEEDED") == 0);
        }
    }
    go_on(shard);
}

/* ---- results that do not stand in the row ---- */

static bool is_whole(const struct wire_instance *instance)
{
    if (instance->is_map) {
        return instance->task_count == 0; /* else it is looked whether they are still there */
    }
    return instance->state != TASK_SUCCEEDED || instance->has_result || !instance->has_task;
}

/* The last success of a single task. */
static bool result_find(struct rerun *r, struct wire_instance *instance,
                        const struct store_segment *segment)
{
    uint32_t attempt = instance->task.attempt_count == 0 ? 0 : instance->task.attempts[0];
    const struct wire_output *outputs;
    uint32_t count;
    struct span body = arena_copy(&r->arena, segment->body);

    if (body.data == NULL) {
        refuse(r, "rerun_of", no_memory);
        return false;
    }
    if (wire_outputs_unpack(body, &r->arena, &outputs, &count) != WIRE_OK) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (outputs[i].outcome == OUTCOME_SUCCEEDED && outputs[i].attempt == attempt) {
            instance->has_result = true;
            instance->result = outputs[i];
        }
    }
    return instance->has_result;
}

static void on_segments(void *argument, const struct store_segment *segments, uint32_t count,
                        const struct exo_error *err)
{
    struct shard *shard = shard_ticket_end(argument);
    struct rerun *r = back(shard, err);

    if (r == NULL) {
        return;
    }
    struct wire_instance *instance = &r->kept_instances[r->next++];
    bool is_found = instance->is_map && count > 0;

    for (uint32_t i = 0; i < count && !instance->is_map && !r->is_done; i++) {
        is_found = result_find(r, instance, &segments[i]) || is_found;
    }
    if (!is_found && !r->is_done) {
        refuse(r, "rerun_of", gone);
    }
    go_on(shard);
}

/* Asks for the next result, or lets the reader go on. */
static void go_on(struct shard *shard)
{
    struct rerun *r = shard->rerun;

    while (!r->is_done && r->next < r->kept_count && is_whole(&r->kept_instances[r->next])) {
        r->next++;
    }
    if (r->is_done || r->next == r->kept_count) {
        r->is_done = true;
        log_reader_resume(shard->inputs[INPUT_JOBS].reader);
        return;
    }
    const struct wire_instance *instance = &r->kept_instances[r->next];

    shard->is_checking = true;
    if (instance->is_map) {
        store_segment_get(shard->scheduler->store, &instance->origin, instance->origin_number, 0, 0,
                          1, on_segments, shard_ticket_new(shard, NULL));
    } else {
        store_segment_get(shard->scheduler->store, &r->old, r->kept_places[r->next], 0,
                          WIRE_SINGLE_PAGE, 1, on_segments, shard_ticket_new(shard, NULL));
    }
}

/* ---- the Job ---- */

static enum resolve_result use(const struct rerun *r, struct wire_job *job,
                               char ret_refusal[REFUSAL_BYTES])
{
    if (r->refusal[0] != '\0') {
        memcpy(ret_refusal, r->refusal, sizeof(r->refusal));
        return RESOLVE_REFUSED;
    }
    job->cluster = r->definition;
    job->project = r->project;
    job->kept = r->kept;
    job->kept_count = r->kept_count;
    if (job->input.bytes == 0) {
        job->input = r->input;
    }
    if (job->label_count == 0) {
        job->labels = r->labels;
        job->label_count = r->label_count;
    }
    return RESOLVE_OK;
}

static enum resolve_result wrong(const char *why, char ret_refusal[REFUSAL_BYTES])
{
    (void)snprintf(ret_refusal, REFUSAL_BYTES, "%s", why);
    return RESOLVE_REFUSED;
}

enum resolve_result rerun_job(struct shard *shard, const struct log_record *record,
                              struct wire_job *job, char ret_refusal[REFUSAL_BYTES])
{
    struct rerun *r = shard->rerun;
    struct execution_id old;

    if (r != NULL && r->offset == record->offset && r->is_done) {
        return use(r, job, ret_refusal);
    }
    if (!execution_id_parse(job->rerun_of, &old)) {
        return wrong("rerun_of: not a UUID of 36 characters", ret_refusal);
    }
    if (job->cluster.bytes > 0) {
        return wrong("cluster: a rerun runs the definition of the old execution; leave it empty",
                     ret_refusal);
    }
    rerun_free(shard);
    r = calloc(1, sizeof(*r));
    if (r == NULL) {
        abort();
    }
    arena_init(&r->arena, shard->scheduler->allocator, RERUN_BYTES_MAX);
    r->offset = record->offset;
    r->old = old;
    r->from = arena_copy(&r->arena, job->rerun_from);
    shard->rerun = r;
    shard->is_checking = true;
    store_execution_get(shard->scheduler->store, &old, on_old, shard_ticket_new(shard, NULL));
    return RESOLVE_WAITS;
}

bool rerun_may_be_forwarded(const struct wire_job *job)
{
    size_t bytes = 0;

    for (uint32_t i = 0; i < job->kept_count; i++) {
        bytes += job->kept[i].instance->result.json.bytes + 200;
    }
    return bytes <= FORWARD_BYTES_MAX;
}
