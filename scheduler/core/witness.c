/* witness: doubts about workers, and what they come to once everything below a captured end of
 * exo.status has been applied. Pure.
 *
 * A heartbeat numbered h lists every attempt its worker had accepted and not yet seen acknowledged
 * as finished. An attempt accepted before h that h does not list, and whose FINISHED is not below
 * an end asked for after h was read, is lost. One never accepted is lost when the worker's
 * position has passed its Task. */
#include <assert.h>

#include "scheduler/core/retry.h"
#include "scheduler/core/sched_state.h"

/* Marks the leases that the witness lists with its number. */
static void mark_listed(struct sched *s, const struct sched_witness *witness, uint64_t mark)
{
    for (uint32_t i = 0; i < witness->running_count; i++) {
        const struct wire_running *running = &witness->running[i];
        struct execution *e = execution_find(s, &running->task.execution);

        struct instance *instance =
            e == NULL ? NULL : execution_instance(e, running->task.instance);

        if (instance == NULL) {
            continue;
        }
        struct task *task = execution_task(instance, running->task.index);

        if (task != NULL && task->lease != NULL && task->attempt == running->attempt) {
            task->lease->seen = mark;
        }
    }
}

/* Offsets of two topics have nothing to say to each other. */
static int64_t position_of(const struct sched_witness *witness, const struct lease *lease)
{
    for (uint32_t i = 0; i < witness->class_count; i++) {
        if (span_equal(witness->classes[i], lease->instance->satellite->class)) {
            return witness->positions[i];
        }
    }
    return -1;
}

static bool is_doubtful(const struct sched_witness *witness, const struct lease *lease,
                        uint64_t mark)
{
    switch (witness->kind) {
    case FLEET_SILENT:
    case FLEET_LEFT:
    case FLEET_REPLACED: /* those it adopted change hands, the others are lost */
        return true;
    case FLEET_ABSENT:
        if (lease->seen == mark) {
            return false;
        }
        if (lease->heartbeat != 0) {
            /* ACCEPTED kept the number of the last heartbeat before it, plus one. */
            return lease->heartbeat - 1 < witness->heartbeat;
        }
        return lease->offset >= 0 && lease->offset < position_of(witness, lease);
    case FLEET_NONE:
        break;
    }
    return false;
}

/* Attempts that the worker lists and this shard no longer knows as current, or as its own, must
 * end.
 */
static bool is_unknown(struct sched *s, struct span worker, const struct wire_running *running)
{
    if (execution_shard(&running->task.execution, s->shard_count) != s->shard) {
        return false;
    }
    struct execution *e = execution_find(s, &running->task.execution);

    struct instance *instance = e == NULL ? NULL : execution_instance(e, running->task.instance);

    if (instance == NULL) {
        return true;
    }
    struct task *task = execution_task(instance, running->task.index);

    return task == NULL || task->attempt != running->attempt ||
           !task_state_is_active((enum task_state)task->state) ||
           (task->lease != NULL && !lease_is_of(task->lease, worker));
}

/* Numbers marks so that one witness never sees another's. */
static uint64_t next_mark(struct sched *s)
{
    return ++s->age;
}

bool sched_is_concerned(struct sched *s, const struct sched_witness *witness)
{
    struct holder *holder = holder_find(s, witness->worker, witness->incarnation);
    uint64_t mark = next_mark(s);

    if (witness->kind == FLEET_ABSENT) {
        for (uint32_t i = 0; i < witness->running_count; i++) {
            if (is_unknown(s, witness->worker, &witness->running[i])) {
                return true;
            }
        }
    }
    if (holder == NULL || holder->leases == NULL) {
        return false;
    }
    mark_listed(s, witness, mark);
    for (const struct lease *lease = holder->leases; lease != NULL; lease = lease->holder_next) {
        if (is_doubtful(witness, lease, mark)) {
            return true;
        }
    }
    return false;
}

static void kill_unknown(struct sched *s, const struct sched_witness *witness)
{
    for (uint32_t i = 0; i < witness->running_count; i++) {
        if (!is_unknown(s, witness->worker, &witness->running[i])) {
            continue;
        }
        struct sched_kill *kill = vector_add(&s->kills);

        if (kill == NULL) {
            s->is_broken = true;
            return;
        }
        kill->task = witness->running[i].task;
        kill->attempt = witness->running[i].attempt;
        memcpy(kill->worker, witness->worker.data, witness->worker.bytes);
        kill->incarnation = witness->incarnation;
    }
}

/* What was said of the last one is told: mostly it is the machine's trouble, not the satellite's.
 */
static void fail_lost(struct sched *s, struct lease *lease, struct span why)
{
    struct buffer text;

    buffer_init(&text, s->allocator, 0);
    buffer_text(&text, "INFRASTRUCTURE: 10 attempts were lost with their workers; see whether this "
                       "satellite kills them. The last: ");
    buffer_append(&text, why);
    struct span error = arena_copy(&s->batch_arena, buffer_span(&text));

    s->is_broken = s->is_broken || text.is_failed || error.data == NULL;
    buffer_release(&text);
    if (!s->is_broken) {
        task_end(s, lease, TASK_FAILED, error);
    }
}

void attempt_lost(struct sched *s, struct lease *lease, struct span why)
{
    struct task *task = execution_task(lease->instance, lease->index);

    s->counts.lost_attempts++;
    grant_end(s, lease);
    lease->lost_by = lease->holder == NULL ? 0 : table_hash(span_of(lease->holder->name));
    if (lease->instance->satellite->claim == CLAIM_STRICT) {
        task_end(s, lease, TASK_FAILED,
                 span_of("LOST: the worker was lost and `claim: strict` forbids another try"));
        return;
    }
    if (++task->losses >= LIMIT_LOSSES) {
        fail_lost(s, lease, why);
        return;
    }
    const struct task_id id = {lease->execution->id, instance_number(lease->instance),
                               lease->index};
    exo_time wait_ns = retry_lost_wait_ns(&id, task->losses);

    if (wait_ns == 0 || lease_stop(lease) != TASK_WAITING) {
        task_ready_again(s, lease, why);
    } else {
        task_backoff(s, lease, wait_ns, why);
    }
}

static const char *loss_text(enum fleet_suspicion_kind kind)
{
    switch (kind) {
    case FLEET_SILENT:
        return "the worker fell silent";
    case FLEET_REPLACED:
        return "the worker was restarted";
    case FLEET_ABSENT:
        return "the worker no longer has it";
    case FLEET_LEFT:
        return "the worker left";
    case FLEET_NONE:
        break;
    }
    return "the worker was lost";
}

/* Somebody who spoke again while everything below the end was applied is not silent. */
static bool has_spoken(const struct sched *s, const struct sched_witness *witness)
{
    const struct fleet_worker *w = fleet_worker_find(s->fleet, witness->worker);

    return witness->kind == FLEET_SILENT && w != NULL &&
           w->life.incarnation == witness->incarnation && !w->is_gone;
}

enum sched_err witness_step(struct sched *s, const struct sched_witness *witness)
{
    struct holder *holder = holder_find(s, witness->worker, witness->incarnation);
    uint64_t mark = next_mark(s);

    assert(witness->worker.bytes < FLEET_NAME_BYTES);
    if (has_spoken(s, witness)) {
        return SCHED_ESTALE;
    }
    if (holder != NULL) {
        mark_listed(s, witness, mark);
    }
    for (struct lease *lease = holder == NULL ? NULL : holder->leases;
         lease != NULL && !s->is_broken;) {
        struct lease *next = lease->holder_next;

        if (s->budget == 0) {
            return SCHED_EMORE;
        }
        if (witness->kind == FLEET_REPLACED && lease->seen == mark) {
            struct holder *heir = holder_get(s, witness->worker, witness->new_incarnation);

            lease_unhold(lease);
            if (heir != NULL) {
                lease_hold(lease, heir);
                lease_dirty(s, lease);
            }
            s->budget--;
        } else if (is_doubtful(witness, lease, mark)) {
            attempt_lost(s, lease, span_of(loss_text(witness->kind)));
            s->budget--;
        }
        lease = next;
    }
    if (witness->kind == FLEET_ABSENT) {
        kill_unknown(s, witness);
    }
    return SCHED_OK;
}
