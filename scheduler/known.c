/* known: whether the execution of a Job is there already, or was there and is deleted.
 *
 *   a record's id, too old to be new --ask--> the store, for the next records, too --> the record
 *                                                                            is looked at again
 *
 * Both inputs bring Jobs: exo.jobs, and exo.status those that other shards pass on. */
#include "scheduler/shard.h"

/* No id is new that is older than one that was here. A program of the version before did not note
 * which those were: it went by the clocks. */
void known_taken(struct shard *shard)
{
    int64_t taken_ms = (shard_time(shard) + FRESH_MARGIN_S * EXO_SECOND) / EXO_MILLISECOND;

    shard->earlier_ms = shard->newest_ms > taken_ms ? shard->newest_ms : taken_ms;
}

bool known_is_fresh(struct shard *shard, const struct execution_id *id)
{
    int64_t ms = execution_id_ms(id);

    return ms > shard->earlier_ms && sched_id_is_dated(ms, shard_time(shard)) &&
           !sched_may_have_forgotten(shard->sched, id);
}

static int place_of(const struct shard_checked *checked, const struct execution_id *id)
{
    for (uint32_t i = 0; i < checked->count; i++) {
        if (execution_id_equal(&checked->ids[i], id)) {
            return (int)i;
        }
    }
    return -1;
}

enum known known_of(const struct shard *shard, int input, const struct execution_id *id)
{
    const struct shard_checked *checked = &shard->checked[input];
    int place = place_of(checked, id);

    return place < 0 ? KNOWN_UNASKED : checked->is_known[place] ? KNOWN_YES : KNOWN_NO;
}

void known_admitted(struct shard *shard, const struct execution_id *id)
{
    int64_t ms = execution_id_ms(id);

    if (ms > shard->newest_ms && sched_id_is_dated(ms, shard_time(shard))) {
        shard->newest_ms = ms;
    }
    for (int i = 0; i < INPUT_NR; i++) {
        int place = place_of(&shard->checked[i], id);

        if (place >= 0) {
            shard->checked[i].is_known[place] = true;
        }
    }
}

bool known_is_asked(const struct shard_input *input)
{
    const struct shard *shard = input->shard;

    return input == &shard->inputs[INPUT_JOBS] ? shard->is_checking
                                               : shard->checked[INPUT_STATUS].is_asking;
}

static void answered(void *argument, const bool *is_known, const struct exo_error *err)
{
    struct shard_checked *checked = ((struct shard_ticket *)argument)->more;
    struct shard *shard = shard_ticket_end(argument);

    if (shard == NULL) {
        return;
    }
    bool is_jobs = checked == &shard->checked[INPUT_JOBS];

    checked->is_asking = false;
    shard->is_checking = shard->is_checking && !is_jobs;
    if (err != NULL) {
        checked->count = 0; /* asked again with the next look at the records */
        loop_timer_start(shard->retry, EXO_SECOND, 0);
    } else {
        memcpy(checked->is_known, is_known, checked->count * sizeof(*is_known));
        for (uint32_t i = 0; i < checked->count; i++) {
            /* The other input may have brought it meanwhile. */
            checked->is_known[i] |= sched_is_known(shard->sched, &checked->ids[i]);
        }
        log_reader_resume(shard->inputs[is_jobs ? INPUT_JOBS : INPUT_STATUS].reader);
    }
}

static void add(struct shard_checked *checked, const struct execution_id *id)
{
    if (checked->count < CHECKED_MAX && place_of(checked, id) < 0) {
        checked->ids[checked->count++] = *id;
    }
}

/* Those that run a batch are this fleet's own, and come once. */
static bool peer_is_unsure(struct shard *shard, const struct wire_peer *peer,
                           struct execution_id *ret_id)
{
    return peer->kind == PEER_JOB && peer->source < shard->scheduler->shard_count &&
           peer->sequence > shard->received[peer->source] &&
           execution_id_parse(peer->forwarded_job.execution_id, ret_id) &&
           !known_is_fresh(shard, ret_id) && !sched_is_known(shard->sched, ret_id) &&
           !ends_is_batch(&peer->forwarded_job, ret_id);
}

/* A record of ours holds one. Of a stranger's with more than are asked for at once the first say
 * whether they were. */
bool known_status(struct shard *shard, const struct wire_status *status)
{
    const struct shard_checked *checked = &shard->checked[INPUT_STATUS];
    bool is_first = true;
    struct execution_id id;

    for (uint32_t i = 0; i < status->peer_count; i++) {
        if (!peer_is_unsure(shard, &status->peers[i], &id)) {
            continue;
        }
        if (place_of(checked, &id) < 0 && (is_first || checked->count < CHECKED_MAX)) {
            return false;
        }
        is_first = false;
    }
    return true;
}

static void status_add(struct shard *shard, struct span value, struct arena *scratch)
{
    struct wire_status status;
    struct execution_id id;

    if (wire_status_unpack(value, scratch, &status) != WIRE_OK) {
        return;
    }
    for (uint32_t i = 0; i < status.peer_count; i++) {
        if (peer_is_unsure(shard, &status.peers[i], &id)) {
            add(&shard->checked[INPUT_STATUS], &id);
        }
    }
}

/* is_first: it is the one that is asked for. */
static void job_add(struct shard *shard, const struct log_record *record, bool is_first,
                    struct arena *scratch)
{
    struct wire_job job;
    struct execution_id id;

    if (wire_job_unpack(record->value, scratch, &job) == WIRE_OK &&
        intake_job_id(shard, &job, record, &id) && (is_first || !known_is_fresh(shard, &id))) {
        add(&shard->checked[INPUT_JOBS], &id);
    }
}

void known_ask(struct shard *shard, int input, const struct log_record *records, size_t count)
{
    struct shard_checked *checked = &shard->checked[input];
    struct arena scratch;

    if (shard->caution.mode != CAUTION_NONE) {
        count = 1; /* the others must not be blamed on this one */
        caution_unused(shard);
    }
    arena_init(&scratch, shard->scheduler->allocator, 0);
    checked->count = 0;
    for (size_t i = 0; i < count && checked->count < CHECKED_MAX; i++) {
        if (input == INPUT_JOBS) {
            job_add(shard, &records[i], i == 0, &scratch);
        } else {
            status_add(shard, records[i].value, &scratch);
        }
        arena_reset(&scratch);
    }
    arena_release(&scratch);
    checked->is_asking = true;
    shard->is_checking = shard->is_checking || input == INPUT_JOBS;
    store_execution_known(shard->scheduler->store, checked->ids, checked->count, answered,
                          shard_ticket_new(shard, checked));
}
