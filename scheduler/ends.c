/* ends: the shard of an execution owes its schedule, or the shard of the batch that it ran, the
 * news of its end. Whose it is say its labels; that they are true says its id, which follows from
 * both. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "infra/crypto/batch_id.h"
#include "infra/crypto/fire_id.h"
#include "scheduler/shard.h"
#include "schemas/cluster/batch.h"
#include "schemas/json/json_read.h"
#include "schemas/vocab/limits.h"
#include "schemas/vocab/timestamp.h"

/* Labels that say whose an execution is; bytes 0: there is none. */
struct owed {
    struct span schedule, time;
    struct span batch, number;
};

static void tell_schedule(struct shard *shard, const struct execution_id *id, struct span name,
                          struct span time, uint32_t state)
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
    outbox_add(shard, execution_shard(&schedule, shard->scheduler->shard_count),
               (struct wire_peer){.kind = PEER_SCHEDULE_ENDED,
                                  .schedule_ended = {schedule, nominal_ns, state}});
}

/* The batch that an execution of that id runs, as its labels say. False: it runs none. */
static bool batch_of(struct span batch_text, struct span number_text, const struct execution_id *id,
                     struct wire_gather_ended *ret)
{
    char digits[24];

    *ret = (struct wire_gather_ended){0};
    if (number_text.bytes == 0 || number_text.bytes >= sizeof(digits) ||
        !execution_id_parse(batch_text, &ret->batch)) {
        return false;
    }
    memcpy(digits, number_text.data, number_text.bytes);
    digits[number_text.bytes] = '\0';
    ret->number = strtoull(digits, NULL, 10);
    struct execution_id expected = batch_execution_of(&ret->batch, ret->number);

    return execution_id_equal(&expected, id);
}

static void tell_batch(struct shard *shard, const struct execution_id *id, struct span batch_text,
                       struct span number_text, bool has_begun)
{
    struct wire_gather_ended ended;

    if (batch_of(batch_text, number_text, id, &ended)) {
        ended.has_begun = has_begun;
        outbox_add(shard, execution_shard(&ended.batch, shard->scheduler->shard_count),
                   (struct wire_peer){.kind = PEER_GATHER_ENDED, .gather_ended = ended});
    }
}

static struct owed owed_of(const struct wire_job *job)
{
    struct owed owed = {.schedule = {NULL, 0}};
    const struct {
        const char *key;
        struct span *value;
    } wanted[] = {{SCHEDULE_LABEL, &owed.schedule},
                  {SCHEDULE_TIME_LABEL, &owed.time},
                  {BATCH_LABEL, &owed.batch},
                  {BATCH_NUMBER_LABEL, &owed.number}};

    for (uint32_t i = 0; i < job->label_count; i++) {
        for (size_t k = 0; k < sizeof(wanted) / sizeof(wanted[0]); k++) {
            if (span_is(job->labels[i].key, wanted[k].key)) {
                *wanted[k].value = job->labels[i].value;
            }
        }
    }
    return owed;
}

bool ends_is_batch(const struct wire_job *job, const struct execution_id *id)
{
    const struct owed owed = owed_of(job);
    struct wire_gather_ended ended;

    return batch_of(owed.batch, owed.number, id, &ended);
}

/* state: enum execution_state in which it ended; 0: it never began, or had ended before. */
static void tell(struct shard *shard, const struct execution_id *id, const struct owed *owed,
                 uint32_t state)
{
    tell_schedule(shard, id, owed->schedule, owed->time, state);
    tell_batch(shard, id, owed->batch, owed->number, state != 0);
}

static struct span label(const struct value *labels, const char *key)
{
    const struct value *found = value_get(labels, span_of(key));

    return found == NULL || found->kind != VALUE_STRING ? (struct span){NULL, 0}
                                                        : value_text(found);
}

static bool has(struct span text, const char *word)
{
    return memmem(text.data, text.bytes, word, strlen(word)) != NULL;
}

static void look_at(struct shard *shard, const struct execution *e)
{
    struct span text = {e->labels, e->labels_bytes};
    struct json_error error;
    struct value labels;

    if (!execution_state_is_terminal(e->state) || text.bytes == 0 ||
        (!has(text, SCHEDULE_TIME_LABEL) && !has(text, BATCH_NUMBER_LABEL)) ||
        json_read(text, NULL, &shard->open_arena, &labels, &error) != JSON_OK) {
        return;
    }
    tell(shard, &e->id,
         &(struct owed){label(&labels, SCHEDULE_LABEL), label(&labels, SCHEDULE_TIME_LABEL),
                        label(&labels, BATCH_LABEL), label(&labels, BATCH_NUMBER_LABEL)},
         (uint32_t)e->state);
}

void ends_send(struct shard *shard)
{
    struct sched_batch batch = sched_batch(shard->sched);

    for (const struct execution *e = batch.dirty; e != NULL; e = e->dirty_next) {
        look_at(shard, e);
    }
}

void ends_job(struct shard *shard, const struct wire_job *job, const struct execution_id *id)
{
    const struct owed owed = owed_of(job);

    tell(shard, id, &owed, 0);
}
