/* kept: what a rerun takes over from another execution. Such a satellite is terminal before
 * anything begins; its result stands here like one of our own, the outputs of a map stay where they
 * are (origin). Pure. */
#include "scheduler/core/sched_state.h"

/* Everything by which instance_load could refuse it, and what would be no end. */
static const char *one_fits(const struct satellite *satellite, const struct wire_instance *kept)
{
    bool is_map = satellite->for_each != NULL;
    bool is_good = kept->state == TASK_SUCCEEDED && kept->stop == TASK_WAITING;
    bool is_ended = is_good || (kept->state == TASK_SKIPPED && kept->task_count <= 1);

    for (enum task_state state = TASK_WAITING; state < TASK_SUCCEEDED; state++) {
        is_ended = is_ended && kept->counts[state] == 0;
    }
    if (!kept->has_origin || kept->tail_state >= TASK_STATE_NR || kept->is_map != is_map ||
        kept->more.bytes > 0 || !is_ended) {
        return "kept: a satellite that has not ended well, or is another one by now";
    }
    if (is_map) {
        return kept->has_task || kept->has_result || kept->task_count > LIMIT_TASKS ||
                       kept->next_index > kept->cursor || kept->cursor > kept->task_count
                   ? "kept: a map whose numbers do not fit"
                   : NULL;
    }
    if (kept->task_count > 1 || kept->next_index != 0 ||
        kept->has_task != (kept->task_count == 1)) {
        return "kept: a satellite whose numbers do not fit";
    }
    if (kept->has_task) {
        const unsigned char *states = kept->task.states.data;

        if (kept->task.states.bytes != 1 || states[0] != kept->state ||
            kept->counts[kept->state] != 1 || kept->task.lease_count > 0) {
            return "kept: a satellite whose task has not ended as it did";
        }
    }
    return NULL;
}

const char *sched_kept_fit(const struct definition *definition, const struct wire_kept *kept,
                           uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct satellite *satellite =
            cluster_find(definition->cluster, SATELLITE_NONE, kept[i].satellite);
        const char *wrong = satellite == NULL ? "kept: a satellite that the cluster does not have"
                                              : one_fits(satellite, kept[i].instance);

        for (uint32_t k = 0; k < i && wrong == NULL; k++) {
            if (span_equal(kept[k].satellite, kept[i].satellite)) {
                wrong = "kept: a satellite twice";
            }
        }
        if (wrong != NULL) {
            return wrong;
        }
    }
    return NULL;
}

/* A large result goes where those of our own go. What it says lives in the batch until that. */
static void result_take(struct sched *s, struct instance *instance,
                        const struct wire_output *result)
{
    struct wire_output own = *result;
    struct span *parts[] = {&own.json, &own.worker, &own.error};

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        *parts[i] = arena_copy(&s->batch_arena, *parts[i]);
        s->is_broken = s->is_broken || parts[i]->data == NULL;
    }
    if (s->is_broken) {
        return;
    }
    own.outcome = OUTCOME_SUCCEEDED;
    own.attempt = instance->task.attempt; /* by which a loaded row knows it */
    output_note(s, instance, &own);
    if (output_keep(s, &instance->output, own.json)) {
        instance->output.has_ref = own.has_ref;
        instance->output.digest = own.ref_digest;
        instance->output.ref_bytes = own.ref_bytes;
        instance->output.has_artefacts = own.has_artefacts;
        instance->output.artefacts = own.artefacts_digest;
        instance->output.artefacts_bytes = own.artefacts_bytes;
    }
}

/* The execution that ran it stays as long as this one: runs, outputs of maps, logs and artefacts
 * lie there. */
static void origin_hold(struct sched *s, struct execution *e, const struct execution_id *origin)
{
    struct sched_blob *hold = vector_add(&s->blobs);

    if (hold == NULL) {
        s->is_broken = true;
        return;
    }
    *hold = (struct sched_blob){e, execution_digest(origin)};
}

static void one_take(struct sched *s, struct instance *instance, const struct wire_instance *kept)
{
    struct wire_instance bare = *kept;

    bare.has_result = false;
    if (instance_load(s, instance, &bare) != SCHED_OK) {
        s->is_broken = true; /* it fits: only memory is missing */
        return;
    }
    instance->frame->open_count--;
    if (kept->has_result && kept->state == TASK_SUCCEEDED) {
        result_take(s, instance, &kept->result);
    }
}

void kept_take(struct sched *s, struct execution *e, const struct sched_submit *submit)
{
    e->is_rerun = submit->is_rerun;
    e->rerun_of = submit->rerun_of;
    for (uint32_t i = 0; i < submit->kept_count && !s->is_broken; i++) {
        const struct wire_instance *kept = submit->kept[i].instance;
        const struct satellite *satellite =
            cluster_find(e->definition->cluster, SATELLITE_NONE, submit->kept[i].satellite);

        /* Mostly all have the same; twice is no fault. */
        if (i == 0 || !execution_id_equal(&kept->origin, &submit->kept[i - 1].instance->origin)) {
            origin_hold(s, e, &kept->origin);
        }
        one_take(s, &e->root.instances[satellite->index], kept);
    }
    for (uint32_t i = 0; i < e->root.instance_count && submit->kept_count > 0; i++) {
        parents_load(&e->root.instances[i]);
    }
}
