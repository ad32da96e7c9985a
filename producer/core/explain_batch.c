#include "producer/core/explain_batch.h"

#include "producer/core/due_text.h"
#include "schemas/vocab/states.h"

static const struct wire_lease *only_lease(const struct wire_instance *instance)
{
    return !instance->is_map && instance->task.lease_count > 0 ? &instance->task.leases[0] : NULL;
}

bool explain_batch_of(const struct satellite *satellite, const struct wire_instance *instance,
                      const struct wire_lease *lease, struct explain_batch *ret_batch)
{
    bool is_one = lease != NULL || !instance->is_map;

    lease = lease == NULL ? only_lease(instance) : lease;
    if (satellite->batch.size == 0 || instance->counts[TASK_DISPATCHED] == 0 ||
        (is_one && (lease == NULL || lease->is_gathered)) ||
        (!is_one && satellite->batch.key != NULL)) {
        return false;
    }
    *ret_batch = (struct explain_batch){.satellite = satellite,
                                        .instance = instance,
                                        .key = is_one ? lease->gather_key : (struct span){NULL, 0}};
    return true;
}

uint32_t explain_batches(const struct cluster *cluster, const struct run_scope *scopes,
                         uint32_t scope_count, struct explain_batch *ret_batches)
{
    uint32_t count = 0;

    for (uint32_t k = 0; k < scope_count; k++) {
        for (uint32_t i = 0; i < scopes[k].instance_count && count < EXPLAIN_BATCHES_MAX; i++) {
            count += explain_batch_of(&cluster->satellites[scopes[k].first + i],
                                      &scopes[k].instances[i], NULL, &ret_batches[count]);
        }
    }
    return count;
}

static void say_gathered(const struct explain_batch_subject *subject, struct fault_text *text)
{
    fault_text_add(text, "%u of %u gathered, it runs at ", (unsigned)subject->batch->gathered,
                   (unsigned)subject->satellite->batch.size);
    due_text_add(text, subject->batch->due_ns, subject->now_ms);
    fault_text_add(text, " at the latest");
}

static bool is_known(const struct explain_batch_subject *subject)
{
    return subject->batch != NULL && subject->batch->gathered > 0;
}

void explain_batch_say(const struct explain_batch_subject *subject, struct fault_text *text)
{
    const struct satellite_batch *batch = &subject->satellite->batch;
    const struct wire_lease *lease =
        subject->lease == NULL ? only_lease(subject->instance) : subject->lease;
    char id[EXECUTION_ID_TEXT_BYTES + 1];

    if (lease != NULL && lease->is_gathered) {
        execution_id_format(&lease->gathered_in, id);
        fault_text_add(text, "it runs in a batch, in the execution %s", id);
        return;
    }
    fault_text_add(text, "it waits for a batch: ");
    if (is_known(subject)) {
        say_gathered(subject, text);
        return;
    }
    exo_time ready_ns =
        lease != NULL && lease->ready_ns > 0 ? lease->ready_ns : subject->instance->ready_ns;

    fault_text_add(text, "%u tasks start it, or what is there at ", (unsigned)batch->size);
    due_text_add(text, ready_ns + batch->interval_ns, subject->now_ms);
}

void explain_batch_say_map(const struct explain_batch_subject *subject, struct fault_text *text)
{
    const struct wire_instance *instance = subject->instance;

    fault_text_add(text, "%u tasks run in batches, %u wait for one of up to %u",
                   instance->counts[TASK_RUNNING], instance->counts[TASK_DISPATCHED],
                   (unsigned)subject->satellite->batch.size);
    if (is_known(subject)) {
        fault_text_add(text, ": ");
        say_gathered(subject, text);
    } else if (instance->counts[TASK_DISPATCHED] > 0 && subject->satellite->batch.key != NULL) {
        fault_text_add(text, "; ask for one of them to see how many have gathered");
    }
}
