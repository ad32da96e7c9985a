#include "producer/core/explain.h"

#include "schemas/cluster/fault_text.h"
#include "schemas/vocab/quantity.h"
#include "schemas/vocab/timestamp.h"

enum { PARENTS_NAMED = 5 };

static unsigned mebibytes(uint64_t bytes)
{
    uint64_t m = (bytes + (1 << 20) - 1) >> 20;

    return m > UINT32_MAX ? UINT32_MAX : (unsigned)m;
}

static const struct wire_instance *instance_at(const struct explain_facts *facts, uint32_t i)
{
    return &facts->execution->body->instances[i];
}

static enum task_state state_of(const struct explain_facts *facts, uint32_t i)
{
    return (enum task_state)(instance_at(facts, i)->state % TASK_STATE_NR);
}

/* Which parents a waiting satellite waits for. */
static void say_parents(const struct explain_facts *facts, const struct satellite *satellite,
                        struct fault_text *text)
{
    uint32_t open = 0;
    uint32_t named = 0;

    for (uint32_t i = 0; i < satellite->parent_count; i++) {
        open += !task_state_is_terminal(state_of(facts, satellite->parents[i]));
    }
    if (open == 0) {
        fault_text_add(text, "its parents have ended; it is looked at next by its scheduler");
        return;
    }
    fault_text_add(text, "it waits for ");
    for (uint32_t i = 0; i < satellite->parent_count && named < PARENTS_NAMED; i++) {
        uint32_t parent = satellite->parents[i];

        if (!task_state_is_terminal(state_of(facts, parent))) {
            fault_text_add(text, "%s%s (%s)", named == 0 ? "" : ", ",
                           facts->execution->cluster->satellites[parent].name.data,
                           task_state_name(state_of(facts, parent)));
            named++;
        }
    }
    if (open > named) {
        fault_text_add(text, " and %u more", (unsigned)(open - named));
    }
}

/* What the fleet lacks for tasks that could start. */
static void say_fleet(const struct explain_facts *facts, const struct satellite *satellite,
                      struct fault_text *text)
{
    const struct satellite_resources *needs = &satellite->work.resources;
    struct fleet_fit fit = fleet_view_fit(facts->fleet, satellite->class, needs->cpu_millis,
                                          needs->memory_bytes, facts->loop_now_ns);

    if (fit.alive == 0) {
        fault_text_add(text, "no worker is heard of; start one with `exosphere worker`");
    } else if (fit.of_class == 0) {
        fault_text_add(text,
                       "no worker serves the class %q (%u workers serve others); start one with "
                       "--classes %s",
                       satellite->class, fit.alive, satellite->class.data);
    } else if (fit.draining == fit.of_class) {
        fault_text_add(text, "all %u workers of the class %q are draining", fit.draining,
                       satellite->class);
    } else if (fit.large_enough == 0) {
        fault_text_add(text,
                       "it needs %u MiB of memory and %u thousandths of a cpu; the largest worker "
                       "of the class %q has %u MiB and %u",
                       mebibytes(needs->memory_bytes), needs->cpu_millis, satellite->class,
                       mebibytes(fit.memory_bytes_max), (unsigned)fit.cpu_millis_max);
    } else if (fit.free == 0) {
        fault_text_add(text,
                       "%u workers could run it and are busy: it waits for a slot with %u MiB "
                       "of memory and %u thousandths of a cpu",
                       fit.large_enough, mebibytes(needs->memory_bytes), needs->cpu_millis);
    } else {
        fault_text_add(text,
                       "%u workers have room: it waits for a ticket, behind executions of higher "
                       "priority or a nearer deadline",
                       fit.free);
    }
}

static void say_backoff(const struct explain_facts *facts, const struct wire_instance *instance,
                        struct fault_text *text)
{
    char time[TIMESTAMP_TEXT_BYTES];
    char duration[DURATION_TEXT_BYTES];

    if (instance->is_map || instance->task.lease_count == 0) {
        fault_text_add(text, "%u tasks wait for their next try after a failure",
                       instance->counts[TASK_BACKOFF]);
        return;
    }
    int64_t due_ms = instance->task.leases[0].due_ns / EXO_MILLISECOND;

    timestamp_format(due_ms, time);
    duration_format(due_ms > facts->now_ms ? (due_ms - facts->now_ms) * EXO_MILLISECOND : 0,
                    duration);
    fault_text_add(text, "its last try failed; the next one comes at %s, in %s", time, duration);
}

static void say_active(const struct wire_instance *instance, struct fault_text *text)
{
    uint32_t running = instance->counts[TASK_RUNNING];
    uint32_t sent = instance->counts[TASK_DISPATCHED];

    if (!instance->is_map && instance->task.lease_count > 0) {
        fault_text_add(text,
                       running > 0 ? "attempt %u runs on the worker %q"
                                   : "attempt %u has been sent to the worker %q, which has "
                                     "not accepted it yet",
                       instance->task.attempt_count == 0 ? 0u : instance->task.attempts[0],
                       instance->task.leases[0].worker);
        return;
    }
    fault_text_add(text, "%u tasks run, %u have been sent to a worker", running, sent);
}

static void say_ready(const struct explain_facts *facts, const struct satellite *satellite,
                      const struct wire_instance *instance, struct fault_text *text)
{
    uint32_t busy = instance->counts[TASK_DISPATCHED] + instance->counts[TASK_RUNNING] +
                    instance->counts[TASK_BACKOFF];

    if (text->used > 0) {
        fault_text_add(text, "; ");
    }
    if (instance->is_map) {
        fault_text_add(text, "%u tasks could start: ", instance->counts[TASK_READY]);
    }
    if (satellite->max_parallel != 0 && busy >= satellite->max_parallel) {
        fault_text_add(text, "max_parallel lets %u run at once", satellite->max_parallel);
    } else {
        say_fleet(facts, satellite, text);
    }
}

static void say(const struct explain_facts *facts, uint32_t i, struct fault_text *text)
{
    const struct satellite *satellite = &facts->execution->cluster->satellites[i];
    const struct wire_instance *instance = instance_at(facts, i);
    enum task_state state = state_of(facts, i);

    if (state == TASK_WAITING) {
        say_parents(facts, satellite, text);
        return;
    }
    if (instance->counts[TASK_RUNNING] + instance->counts[TASK_DISPATCHED] > 0) {
        say_active(instance, text);
    }
    if (instance->counts[TASK_BACKOFF] > 0) {
        fault_text_add(text, "%s", text->used > 0 ? "; " : "");
        say_backoff(facts, instance, text);
    }
    if (instance->counts[TASK_READY] > 0) {
        say_ready(facts, satellite, instance, text);
    }
    if (text->used == 0) {
        fault_text_add(text, "it is %s", task_state_name(state));
    }
}

static void put_satellite(struct json_writer *w, const struct explain_facts *facts, uint32_t i)
{
    const struct satellite *satellite = &facts->execution->cluster->satellites[i];
    struct fault_text text = {.used = 0};

    say(facts, i, &text);
    json_begin_map(w);
    json_key(w, "satellite");
    json_put_string(w, satellite->name);
    json_key(w, "state");
    json_put_text(w, task_state_name(state_of(facts, i)));
    json_key(w, "reason");
    json_put_text(w, text.bytes);
    view_put_text(w, "uses", satellite->uses);
    json_end_map(w);
}

/* The first satellite that is not waiting for others, or the first that failed. */
static void say_summary(const struct explain_facts *facts, struct fault_text *text)
{
    const struct view_execution *e = facts->execution;
    struct fault_text reason = {.used = 0};

    if (e->ended_ns != 0) {
        fault_text_add(text, "the execution has ended: %s", e->state);
        if (e->error.bytes > 0) {
            fault_text_add(text, " (%q)", e->error);
        }
        return;
    }
    for (uint32_t i = 0; i < e->body->instance_count; i++) {
        enum task_state state = state_of(facts, i);

        if (state != TASK_WAITING && !task_state_is_terminal(state)) {
            say(facts, i, &reason);
            fault_text_add(text, "%s: %s", e->cluster->satellites[i].name.data, reason.bytes);
            return;
        }
    }
    fault_text_add(text, "the execution is %s and no satellite has begun", e->state);
}

/* What does not run because an earlier execution did it. */
static void put_kept(struct json_writer *w, const struct view_execution *e)
{
    view_put_id(w, "rerun_of", e->body->is_rerun ? &e->body->rerun_of : NULL);
    json_key(w, "kept");
    json_begin_list(w);
    for (uint32_t i = 0; i < e->body->instance_count; i++) {
        if (e->body->instances[i].has_origin) {
            json_put_string(w, e->cluster->satellites[i].name);
        }
    }
    json_end_list(w);
}

void explain_put(struct json_writer *w, const struct explain_facts *facts)
{
    const struct view_execution *e = facts->execution;
    char id[EXECUTION_ID_TEXT_BYTES + 1];
    struct fault_text summary = {.used = 0};

    execution_id_format(&e->id, id);
    say_summary(facts, &summary);
    json_begin_map(w);
    json_key(w, "execution");
    json_put_text(w, id);
    json_key(w, "state");
    json_put_text(w, e->state);
    json_key(w, "summary");
    json_put_text(w, summary.bytes);
    put_kept(w, e);
    json_key(w, "satellites");
    json_begin_list(w);
    for (uint32_t i = 0; i < e->body->instance_count && e->ended_ns == 0; i++) {
        if (!task_state_is_terminal(state_of(facts, i))) {
            put_satellite(w, facts, i);
        }
    }
    json_end_list(w);
    json_end_map(w);
}
