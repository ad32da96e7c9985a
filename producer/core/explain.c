#include "producer/core/explain.h"

#include <assert.h>

#include "producer/core/due_text.h"
#include "producer/core/explain_end.h"
#include "schemas/vocab/quantity.h"

enum { PARENTS_NAMED = 5 };

static unsigned mebibytes(uint64_t bytes)
{
    uint64_t m = (bytes + (1 << 20) - 1) >> 20;

    return m > UINT32_MAX ? UINT32_MAX : (unsigned)m;
}

/* One satellite of one scope. */
struct subject {
    const struct explain_facts *facts;
    const struct run_scope *scope;
    const struct satellite *satellite;
    const struct wire_instance *instance;
};

static struct subject subject_at(const struct explain_facts *facts, const struct run_scope *scope,
                                 uint32_t i)
{
    return (struct subject){facts, scope, &facts->execution->cluster->satellites[scope->first + i],
                            &scope->instances[i]};
}

static enum task_state state_in(const struct run_scope *scope, uint32_t satellite)
{
    return (enum task_state)(scope->instances[satellite - scope->first].state % TASK_STATE_NR);
}

static enum task_state state_of(const struct subject *subject)
{
    return state_in(subject->scope, subject->satellite->index);
}

static bool is_paused(const struct explain_facts *facts)
{
    return strcmp(facts->execution->state, "PAUSED") == 0;
}

/* It is stopped by itself, or with its execution, which what is final outlives. */
static bool is_being_ended(const struct subject *subject)
{
    return subject->instance->stop != TASK_WAITING ||
           (!subject->satellite->is_final &&
            strcmp(subject->facts->execution->state, "CANCELLING") == 0);
}

/* Nothing begins before its time has come and its keys are granted. */
static bool say_keys(const struct explain_facts *facts, struct fault_text *text)
{
    const struct explain_key_subject subject = {.body = facts->execution->body,
                                                .id = &facts->execution->id,
                                                .state = facts->key,
                                                .now_ms = facts->now_ms};

    return explain_key_say(&subject, text);
}

/* Which parents a waiting satellite waits for. */
static void say_parents(const struct subject *subject, struct fault_text *text)
{
    const struct satellite *satellite = subject->satellite;
    uint32_t open = 0;
    uint32_t named = 0;

    for (uint32_t i = 0; i < satellite->parent_count; i++) {
        open += !task_state_is_terminal(state_in(subject->scope, satellite->parents[i]));
    }
    if (open == 0) {
        if (!say_keys(subject->facts, text)) {
            fault_text_add(text, "its parents have ended; it is looked at next by its scheduler");
        }
        return;
    }
    fault_text_add(text, "it waits for ");
    for (uint32_t i = 0; i < satellite->parent_count && named < PARENTS_NAMED; i++) {
        uint32_t parent = satellite->parents[i];
        enum task_state state = state_in(subject->scope, parent);

        if (!task_state_is_terminal(state)) {
            fault_text_add(text, "%s%s (%s)", named == 0 ? "" : ", ",
                           subject->facts->execution->cluster->satellites[parent].name.data,
                           task_state_name(state));
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
    } else if (fit.troubled == fit.large_enough) {
        fault_text_add(text,
                       "%u workers could run it and take no task at present; `exosphere workers` "
                       "says why",
                       fit.troubled);
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

static void say_next_try(const struct explain_facts *facts, exo_time due_ns,
                         struct fault_text *text)
{
    fault_text_add(text, "its last try failed; the next one comes at ");
    due_text_add(text, due_ns, facts->now_ms);
    if (is_paused(facts)) {
        fault_text_add(text, ", but not before the paused execution is resumed");
    }
}

static void say_backoff(const struct explain_facts *facts, const struct wire_instance *instance,
                        struct fault_text *text)
{
    if (instance->is_map || instance->task.lease_count == 0) {
        fault_text_add(text,
                       "%u tasks wait for their next try after a failure; ask for one of them to "
                       "see when it comes",
                       instance->counts[TASK_BACKOFF]);
        return;
    }
    say_next_try(facts, instance->task.leases[0].due_ns, text);
}

/* A satellite that runs nothing. */
static void say_wait(const struct subject *subject, struct fault_text *text)
{
    const struct satellite_wait *wait = &subject->satellite->wait;
    exo_time since_ns = subject->instance->ready_ns;

    if (wait->for_ns > 0) {
        fault_text_add(text, "it lets time pass until ");
        due_text_add(text, since_ns + wait->for_ns, subject->facts->now_ms);
        return;
    }
    if (wait->is_approval) {
        fault_text_add(text, "it waits for a person to approve or reject it");
        if (wait->text.bytes > 0) {
            fault_text_add(text, " (%q)", wait->text);
        }
    } else {
        fault_text_add(text, "it waits for the signal %q", wait->signal);
    }
    if (wait->timeout_ns > 0) {
        fault_text_add(text, "; it times out at ");
        due_text_add(text, since_ns + wait->timeout_ns, subject->facts->now_ms);
    }
}

static void say_group(const struct subject *subject, struct fault_text *text)
{
    const struct wire_instance *instance = subject->instance;
    uint32_t most = subject->satellite->max_parallel;

    fault_text_add(text, "%u of its runs are under way", instance->counts[TASK_RUNNING]);
    if (instance->counts[TASK_READY] > 0) {
        fault_text_add(text, ", %u have not begun", instance->counts[TASK_READY]);
        if (is_paused(subject->facts)) {
            fault_text_add(text, ": the execution is paused");
        } else if (most != 0 && instance->counts[TASK_RUNNING] >= most) {
            fault_text_add(text, ": max_parallel lets %u run at once", most);
        } else if (instance->counts[TASK_RUNNING] > 0) {
            fault_text_add(text,
                           ": they begin as others end (1,000 of a group at once, 4,096 of an "
                           "execution)");
        }
    }
}

/* Tasks that do not go to a worker by themselves. lease: of one task; NULL: all of the instance. */
static void say_gathered(const struct subject *subject, const struct wire_lease *lease,
                         struct fault_text *text)
{
    const struct explain_facts *facts = subject->facts;
    struct explain_batch_subject of = {.satellite = subject->satellite,
                                       .instance = subject->instance,
                                       .lease = lease,
                                       .now_ms = facts->now_ms};

    for (uint32_t i = 0; i < facts->batch_count; i++) {
        if (facts->batches[i].instance == subject->instance) {
            of.batch = &facts->batches[i];
        }
    }
    if (lease == NULL && subject->instance->is_map) {
        explain_batch_say_map(&of, text);
    } else {
        explain_batch_say(&of, text);
    }
}

static void say_active(const struct subject *subject, struct fault_text *text)
{
    const struct wire_instance *instance = subject->instance;
    uint32_t running = instance->counts[TASK_RUNNING];
    uint32_t sent = instance->counts[TASK_DISPATCHED];

    if (subject->satellite->batch.size > 0) {
        say_gathered(subject, NULL, text);
        return;
    }
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

/* What keeps a task from starting that could. */
static void say_start(const struct subject *subject, struct fault_text *text)
{
    const struct satellite *satellite = subject->satellite;
    const struct wire_instance *instance = subject->instance;
    uint32_t busy = instance->counts[TASK_DISPATCHED] + instance->counts[TASK_RUNNING] +
                    instance->counts[TASK_BACKOFF];

    if (is_paused(subject->facts)) {
        fault_text_add(text, "the execution is paused; nothing begins until it is resumed");
    } else if (satellite->max_parallel != 0 && busy >= satellite->max_parallel) {
        fault_text_add(text, "max_parallel lets %u run at once", satellite->max_parallel);
    } else if (satellite->batch.size > 0) {
        fault_text_add(text, "it asks for a place in a batch next");
    } else if (satellite->kind == SATELLITE_CONTAINER) {
        say_fleet(subject->facts, satellite, text);
    } else {
        fault_text_add(text, "it is begun next by its scheduler");
    }
}

static void say_ready(const struct subject *subject, struct fault_text *text)
{
    if (text->used > 0) {
        fault_text_add(text, "; ");
    }
    if (subject->instance->is_map) {
        fault_text_add(text, "%u tasks could start: ", subject->instance->counts[TASK_READY]);
    }
    say_start(subject, text);
}

static void say_container(const struct subject *subject, struct fault_text *text)
{
    const struct wire_instance *instance = subject->instance;

    if (instance->counts[TASK_RUNNING] + instance->counts[TASK_DISPATCHED] > 0) {
        say_active(subject, text);
    }
    if (instance->counts[TASK_BACKOFF] > 0) {
        fault_text_add(text, "%s", text->used > 0 ? "; " : "");
        say_backoff(subject->facts, instance, text);
    }
    if (instance->counts[TASK_READY] > 0) {
        say_ready(subject, text);
    }
}

/* How long what runs may take to end. */
static void say_ending(const struct subject *subject, bool is_running, struct fault_text *text)
{
    char grace[DURATION_TEXT_BYTES];

    fault_text_add(text, "it is being ended");
    if (is_running && subject->satellite->kind == SATELLITE_CONTAINER) {
        duration_format(subject->satellite->work.grace_ns, grace);
        fault_text_add(text, ": SIGKILL follows SIGTERM after its grace of %s", grace);
    }
    fault_text_add(text, "; ");
}

static void say(const struct subject *subject, struct fault_text *text)
{
    enum task_state state = state_of(subject);

    if (subject->instance->stop == TASK_SKIPPED) {
        fault_text_add(text, "what of it has not begun is skipped; ");
    } else if (is_being_ended(subject)) {
        say_ending(subject, subject->instance->counts[TASK_RUNNING] > 0, text);
    }
    if (state == TASK_WAITING) {
        say_parents(subject, text);
        return;
    }
    switch (subject->satellite->kind) {
    case SATELLITE_CONTAINER:
        say_container(subject, text);
        break;
    case SATELLITE_WAIT:
        if (state == TASK_RUNNING) {
            say_wait(subject, text);
        } else if (is_paused(subject->facts)) {
            fault_text_add(text, "the execution is paused; nothing begins until it is resumed");
        }
        break;
    case SATELLITE_GROUP:
        say_group(subject, text);
        break;
    case SATELLITE_KIND_NR:
        break;
    }
    if (text->used == 0) {
        fault_text_add(text, "it is %s", task_state_name(state));
    }
}

static void put_subject(struct json_writer *w, const struct subject *subject)
{
    struct fault_text text = {.used = 0};
    char path[TASK_PATH_BYTES];

    say(subject, &text);
    run_scope_path(subject->scope, subject->satellite, path);
    json_begin_map(w);
    json_key(w, "satellite");
    json_put_text(w, path);
    json_key(w, "state");
    json_put_text(w, task_state_name(state_of(subject)));
    json_key(w, "reason");
    json_put_text(w, text.bytes);
    view_put_text(w, "uses", subject->satellite->uses);
    json_end_map(w);
}

/* The first satellite that is not waiting for others, or the first that failed. */
static void say_summary(const struct explain_facts *facts, const struct run_scope *root,
                        struct fault_text *text)
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
    if (is_paused(facts)) {
        fault_text_add(text, "the execution is paused: what runs goes on, nothing begins until it "
                             "is resumed; ");
    } else if (strcmp(e->state, "CANCELLING") == 0) {
        fault_text_add(text, "the execution is being ended (%q); ", e->error);
    }
    if (say_keys(facts, text)) {
        return;
    }
    for (uint32_t i = 0; i < root->instance_count; i++) {
        struct subject subject = subject_at(facts, root, i);

        if (state_of(&subject) != TASK_WAITING && !task_state_is_terminal(state_of(&subject))) {
            say(&subject, &reason);
            fault_text_add(text, "%s: %s", subject.satellite->name.data, reason.bytes);
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

/* A group is told of through what stands in it. */
static bool is_told_inside(const struct subject *subject)
{
    enum task_state state = state_of(subject);
    bool is_wait = subject->satellite->kind == SATELLITE_WAIT;

    return !task_state_is_terminal(state) && state != TASK_DISPATCHED &&
           (state != TASK_RUNNING || is_wait || subject->instance->counts[TASK_READY] > 0);
}

/* False when not all could be told. */
static bool put_inside(struct json_writer *w, const struct explain_facts *facts,
                       const struct run_scope *scopes, uint32_t count)
{
    uint32_t told = 0;

    for (uint32_t k = 1; k < count; k++) {
        for (uint32_t i = 0; i < scopes[k].instance_count; i++) {
            struct subject subject = subject_at(facts, &scopes[k], i);

            if (!is_told_inside(&subject)) {
                continue;
            }
            if (told++ == EXPLAIN_INSIDE_MAX) {
                return false;
            }
            put_subject(w, &subject);
        }
    }
    return !facts->has_more_runs;
}

/* ---- one satellite or task ---- */

/* One task of a map, or one run of a group that is one. */
static void say_task(const struct subject *subject, const struct view_task *task,
                     struct fault_text *text)
{
    uint32_t next = subject->instance->next_index;

    if ((task->lease != NULL && task->lease->is_cancelled) ||
        (!task_state_is_terminal(task->state) && is_being_ended(subject))) {
        say_ending(subject, task->state == TASK_RUNNING, text);
    }
    if (task_state_is_terminal(task->state)) {
        explain_end_say(task->state, task->error, text);
    } else if (task->state == TASK_BACKOFF && task->lease != NULL) {
        say_next_try(subject->facts, task->lease->due_ns, text);
    } else if (task->lease != NULL && task_state_is_active(task->state) &&
               subject->satellite->batch.size > 0) {
        say_gathered(subject, task->lease, text);
    } else if (task->lease != NULL && task_state_is_active(task->state)) {
        fault_text_add(text,
                       task->state == TASK_RUNNING
                           ? "attempt %u runs on the worker %q"
                           : "attempt %u has been sent to the worker %q, which has not accepted it "
                             "yet",
                       task->attempt, task->lease->worker);
    } else if (task->state == TASK_RUNNING) {
        fault_text_add(text, "the run is under way; ask what stands in it");
    } else {
        if (task->index > next) {
            fault_text_add(text, "%u tasks of the map are before it; ", task->index - next);
        }
        say_start(subject, text);
    }
}

void explain_put_target(struct json_writer *w, const struct explain_facts *facts,
                        const struct explain_target *target)
{
    const struct run_scope scope = {.instances = target->instances,
                                    .instance_count = target->instance_count,
                                    .first = target->first};
    struct subject subject = subject_at(facts, &scope, target->satellite->index - target->first);
    enum task_state state = target->task != NULL ? target->task->state : state_of(&subject);
    struct fault_text reason = {.used = 0};
    struct fault_text summary = {.used = 0};
    char id[EXECUTION_ID_TEXT_BYTES + 1];

    if (target->task != NULL) {
        say_task(&subject, target->task, &reason);
    } else if (task_state_is_terminal(state)) {
        explain_end_say(state, subject.instance->error, &reason);
        explain_end_say_why(facts->execution->cluster, &scope, target->satellite, &reason);
    } else {
        say(&subject, &reason);
    }
    fault_text_add(&summary, "%q: %s", target->path, reason.bytes);
    execution_id_format(&facts->execution->id, id);
    json_begin_map(w);
    json_key(w, "execution");
    json_put_text(w, id);
    json_key(w, "state");
    json_put_text(w, facts->execution->state);
    json_key(w, "summary");
    json_put_text(w, summary.bytes);
    json_key(w, "satellites");
    json_begin_list(w);
    json_begin_map(w);
    json_key(w, "satellite");
    json_put_string(w, target->path);
    json_key(w, "state");
    json_put_text(w, task_state_name(state));
    json_key(w, "reason");
    json_put_text(w, reason.bytes);
    json_end_map(w);
    json_end_list(w);
    json_key(w, "is_cut");
    json_put_bool(w, false);
    json_end_map(w);
}

void explain_put(struct json_writer *w, const struct explain_facts *facts)
{
    const struct view_execution *e = facts->execution;
    char id[EXECUTION_ID_TEXT_BYTES + 1];
    struct fault_text summary = {.used = 0};
    struct run_scope scopes[EXPLAIN_RUNS_MAX + 1];
    bool is_cut = false;

    assert(facts->run_count <= EXPLAIN_RUNS_MAX);
    uint32_t count = run_scopes(e->cluster, e->body, facts->runs, facts->run_count, scopes);

    execution_id_format(&e->id, id);
    say_summary(facts, &scopes[0], &summary);
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
        struct subject subject = subject_at(facts, &scopes[0], i);

        if (!task_state_is_terminal(state_of(&subject))) {
            put_subject(w, &subject);
        }
    }
    if (e->ended_ns == 0) {
        is_cut = !put_inside(w, facts, scopes, count);
    }
    json_end_list(w);
    json_key(w, "is_cut");
    json_put_bool(w, is_cut);
    json_end_map(w);
}
