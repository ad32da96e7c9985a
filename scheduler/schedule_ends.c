/* schedule_ends: the shard of an execution owes its schedule the news of its end. Whose it is says
 * its labels; that they are true says its id, which follows from both. */
#include <string.h>

#include "infra/crypto/fire_id.h"
#include "scheduler/shard.h"
#include "schemas/json/json_read.h"
#include "schemas/vocab/limits.h"
#include "schemas/vocab/timestamp.h"

static void tell(struct shard *shard, const struct execution_id *id, struct span name,
                 struct span time)
{
    const char *slash = name.bytes == 0 ? NULL : memchr(name.data, '/', name.bytes);
    exo_time nominal_ns;

    if (slash == NULL || !timestamp_parse(time, &nominal_ns)) {
        return;
    }
    size_t project_bytes = (size_t)(slash - (const char *)name.data);
    struct span project = {name.data, project_bytes};
    struct span own = {slash + 1, name.bytes - project_bytes - 1};

    if (project.bytes == 0 || project.bytes > LIMIT_NAME_BYTES || own.bytes == 0 ||
        own.bytes > LIMIT_NAME_BYTES) {
        return;
    }
    struct execution_id schedule = schedule_id_of(project, own);
    struct execution_id expected = fire_id_of(&schedule, nominal_ns);

    if (!execution_id_equal(&expected, id)) {
        return; /* labels that somebody else has put */
    }
    outbox_add(
        shard, execution_shard(&schedule, shard->scheduler->shard_count),
        (struct wire_peer){.kind = PEER_SCHEDULE_ENDED, .schedule_ended = {schedule, nominal_ns}});
}

static struct span label(const struct value *labels, const char *key)
{
    const struct value *found = value_get(labels, span_of(key));

    return found == NULL || found->kind != VALUE_STRING ? (struct span){NULL, 0}
                                                        : value_text(found);
}

static void look_at(struct shard *shard, const struct execution *e)
{
    struct span text = {e->labels, e->labels_bytes};
    struct json_error error;
    struct value labels;

    if (!execution_state_is_terminal(e->state) || text.bytes == 0 ||
        memmem(text.data, text.bytes, SCHEDULE_TIME_LABEL, sizeof(SCHEDULE_TIME_LABEL) - 1) ==
            NULL ||
        json_read(text, NULL, &shard->open_arena, &labels, &error) != JSON_OK) {
        return;
    }
    tell(shard, &e->id, label(&labels, SCHEDULE_LABEL), label(&labels, SCHEDULE_TIME_LABEL));
}

void schedule_ends_send(struct shard *shard)
{
    struct sched_batch batch = sched_batch(shard->sched);

    for (const struct execution *e = batch.dirty; e != NULL; e = e->dirty_next) {
        look_at(shard, e);
    }
}

void schedule_ends_job(struct shard *shard, const struct wire_job *job,
                       const struct execution_id *id)
{
    struct span name = {NULL, 0};
    struct span time = {NULL, 0};

    for (uint32_t i = 0; i < job->label_count; i++) {
        if (span_equal(job->labels[i].key, span_of(SCHEDULE_LABEL))) {
            name = job->labels[i].value;
        } else if (span_equal(job->labels[i].key, span_of(SCHEDULE_TIME_LABEL))) {
            time = job->labels[i].value;
        }
    }
    tell(shard, id, name, time);
}

void schedule_ends_id(struct shard *shard, const struct wire_job *job)
{
    struct execution_id id;

    if (execution_id_parse(job->execution_id, &id)) {
        schedule_ends_job(shard, job, &id);
    }
}
