#include "tests/sim/oracle.h"

#include <stdio.h>
#include <stdlib.h>

#include "infra/crypto/crypto.h"
#include "schemas/vocab/limits.h"
#include "schemas/wire/event.h"
#include "schemas/wire/state.h"
#include "schemas/wire/task.h"
#include "schemas/wire/topics.h"
#include "tests/sim/almanac.h"
#include "tests/sim/database.h"
#include "tests/sim/gathered.h"
#include "tests/sim/rules.h"
#include "tests/sim/rules_answer.h"
#include "tests/sim/rules_command.h"
#include "tests/sim/rules_deletion.h"
#include "tests/sim/rules_rerun.h"
#include "tests/sim/rules_signal.h"
#include "tests/sim/rules_start.h"
#include "tests/sim/sim.h"

struct oracle oracle;

void oracle_begin(const struct plan *plan)
{
    oracle = (struct oracle){.plan = plan};
    almanac_begin();
}

static struct oracle_execution *find_among(struct oracle_execution *list,
                                           const struct execution_id *id)
{
    while (list != NULL && !execution_id_equal(&list->id, id)) {
        list = list->next;
    }
    return list;
}

struct oracle_execution *oracle_find(const struct execution_id *id)
{
    struct oracle_execution *e = find_among(oracle.executions, id);

    return e == NULL ? find_among(oracle.lost, id) : e;
}

static const char *id_text(const struct execution_id *id)
{
    static char text[EXECUTION_ID_TEXT_BYTES + 1];

    execution_id_format(id, text);
    return text;
}

struct oracle_instance *oracle_instance(struct oracle_execution *e, uint32_t number)
{
    if (number < e->plan->satellite_count) {
        return &e->instances[number];
    }
    for (struct oracle_inner *i = e->inner[number % 64]; i != NULL; i = i->next) {
        if (i->number == number) {
            return &i->instance;
        }
    }
    return NULL;
}

const char *oracle_name(const struct oracle_execution *e, uint32_t number, uint32_t index)
{
    static char text[4][96];
    static unsigned next;
    const struct oracle_instance *i =
        oracle_instance((struct oracle_execution *)(uintptr_t)e, number);
    const struct plan_spot *spot = i == NULL ? NULL : &i->spot;
    char *name = text[next++ % 4];

    if (spot == NULL || !spot->is_inner) {
        (void)snprintf(name, sizeof(text[0]), "s%u.%u", number, index);
    } else if (!spot->is_deep) {
        (void)snprintf(name, sizeof(text[0]), "s%u.%u.i%u.%u", spot->satellite, spot->run,
                       spot->inner, index);
    } else {
        (void)snprintf(name, sizeof(text[0]), "s%u.%u.i%u.%u.d.%u", spot->satellite, spot->run,
                       spot->inner, spot->deeper, index);
    }
    return name;
}

struct oracle_instance *oracle_instance_at(struct oracle_execution *e, const struct plan_spot *spot)
{
    struct plan_spot wanted = *spot;

    wanted.index = 0;
    for (size_t n = 0; wanted.is_inner && n < sizeof(e->inner) / sizeof(e->inner[0]); n++) {
        for (struct oracle_inner *i = e->inner[n]; i != NULL; i = i->next) {
            if (plan_spot_equal(&i->instance.spot, &wanted)) {
                return &i->instance;
            }
        }
    }
    return wanted.is_inner ? NULL : oracle_instance(e, wanted.satellite);
}

/* The instance that a change is about, made known by it when it stands in a run. */
static struct oracle_instance *instance_of(struct oracle_execution *e,
                                           const struct wire_change *change)
{
    struct oracle_instance *found = oracle_instance(e, change->instance);
    struct plan_spot spot;

    if (!plan_spot_of(e->plan, change->satellite, &spot)) {
        sim_fail("plan %u: a change of %.*s, which there is not", e->plan->number,
                 SPAN_ARG(change->satellite));
    }
    if (found == NULL) {
        struct oracle_inner *inner = sim_alloc(sizeof(*inner));

        inner->number = change->instance;
        inner->instance.spot = spot;
        inner->next = e->inner[change->instance % 64];
        e->inner[change->instance % 64] = inner;
        oracle_recall(e, inner);
        found = &inner->instance;
    }
    if (!plan_spot_equal(&found->spot, &spot)) {
        sim_fail("plan %u: instance %u is %.*s, and was another", e->plan->number, change->instance,
                 SPAN_ARG(change->satellite));
    }
    return found;
}

/* ---- what a commit says ---- */

static struct oracle_execution *execution_add(const struct store_execution *row)
{
    struct oracle_execution *e = oracle_found_again(&row->id);
    const struct plan_execution *rerun = rules_rerun_plan(&row->id);
    const char *number = strrchr(row->cluster, '/');
    unsigned long which = number == NULL ? PLAN_EXECUTIONS_MAX : strtoul(number + 2, NULL, 10);

    if (find_among(oracle.executions, &row->id) != NULL) {
        sim_fail("execution %s is inserted twice", id_text(&row->id));
    }
    if (row->shard != execution_shard(&row->id, database.shard_count)) {
        sim_fail("execution %s is inserted by shard %u, which is not its own", id_text(&row->id),
                 row->shard);
    }
    bool is_batch = number != NULL && strcmp(number, "/batch") == 0;
    bool is_scheduled = number != NULL && number[1] == 't';

    e->id = row->id;
    e->shard = row->shard;
    e->plan = rerun != NULL                          ? rerun
              : is_batch                             ? &gathered_plan
              : is_scheduled                         ? almanac_plan(which)
              : which < oracle.plan->execution_count ? &oracle.plan->executions[which]
                                                     : NULL;
    if (e->plan == NULL) {
        sim_fail("execution %s is of no plan: %s", id_text(&row->id), row->cluster);
    }
    for (uint32_t i = 0; i < PLAN_SATELLITES_MAX; i++) {
        e->instances[i].spot.satellite = i;
    }
    e->next = oracle.executions;
    oracle.executions = e;
    if (rerun != NULL) {
        rules_rerun_begins(e, row);
    } else if (is_batch) {
        e->input = sim_copy(row->input);
        gathered_begins(e);
    } else if (is_scheduled) {
        almanac_begins(e);
    }
    if (e->plan->has_id && !execution_id_equal(&e->plan->id, &row->id)) {
        sim_fail("execution %lu has got another id", which);
    }
    if (!is_batch && !is_scheduled && !e->plan->has_id && row->shard != e->plan->partition) {
        sim_fail(
            "execution %lu: its Job brought no id, lies on partition %u and begins on shard %u",
            which, e->plan->partition, row->shard);
    }
    return e;
}

static bool is_good(const struct oracle_execution *e, uint32_t number)
{
    enum task_state state = (enum task_state)e->instances[number].state;

    return state == TASK_SUCCEEDED || (e->plan->satellites[number].is_continued &&
                                       state != TASK_SKIPPED && task_state_is_terminal(state));
}

/* What must have ended before it begins has. */
static void parents_check(const struct oracle_execution *e, const struct plan_spot *spot)
{
    const struct plan_satellite *s = &e->plan->satellites[spot->satellite];
    uint32_t good = 0;

    if (spot->is_inner) {
        return;
    }
    for (uint32_t i = 0; i < e->plan->satellite_count; i++) {
        bool is_parent =
            s->is_final ? !e->plan->satellites[i].is_final : (s->parents >> i & 1) != 0;

        good += is_parent && is_good(e, i);
        if (is_parent && s->join != WANT_ANY && s->join != WANT_TWO &&
            !task_state_is_terminal((enum task_state)e->instances[i].state)) {
            sim_fail("plan %u: s%u is READY before its parent s%u has ended", e->plan->number,
                     spot->satellite, i);
        }
    }
    if ((s->join == WANT_ANY && good < 1) || (s->join == WANT_TWO && good < 2)) {
        sim_fail("plan %u: s%u is READY after %u parents that succeeded", e->plan->number,
                 spot->satellite, good);
    }
}

static bool is_final(const struct oracle_execution *e, const struct plan_spot *spot)
{
    return plan_spot_is_final(e->plan, spot);
}

static struct oracle_task *task_of(const struct oracle_execution *e, struct oracle_instance *i,
                                   uint32_t index)
{
    if (index >= i->task_count) {
        uint32_t count = index < 1 ? 1 : (index / 256 + 1) * 256;
        struct oracle_task *tasks = sim_alloc(count * sizeof(*tasks));

        for (uint32_t k = 0; k < count; k++) {
            tasks[k].state = plan_spot_is_map(e->plan, &i->spot) ? TASK_READY : TASK_WAITING;
        }
        if (i->task_count > 0) {
            memcpy(tasks, i->tasks, i->task_count * sizeof(*tasks));
        }
        i->tasks = tasks;
        i->task_count = count;
    }
    return &i->tasks[index];
}

static bool may_follow(enum task_state from, enum task_state to)
{
    switch (from) {
    case TASK_WAITING:
        return to != TASK_WAITING && to != TASK_DISPATCHED && to != TASK_RUNNING &&
               to != TASK_BACKOFF && to != TASK_TIMED_OUT;
    case TASK_READY:
        return to == TASK_DISPATCHED || to == TASK_CANCELLED || to == TASK_RUNNING ||
               to == TASK_SUCCEEDED; /* by hand */
    case TASK_DISPATCHED:
        return to != TASK_DISPATCHED && to != TASK_WAITING && to != TASK_UPSTREAM_FAILED &&
               to != TASK_SKIPPED;
    case TASK_RUNNING:
        return to != TASK_RUNNING && to != TASK_DISPATCHED && to != TASK_WAITING &&
               to != TASK_UPSTREAM_FAILED && to != TASK_SKIPPED;
    case TASK_BACKOFF:
        return to == TASK_READY || to == TASK_CANCELLED || to == TASK_SUCCEEDED; /* by hand */
    case TASK_SUCCEEDED:
    case TASK_FAILED:
    case TASK_UPSTREAM_FAILED:
    case TASK_SKIPPED:
    case TASK_CANCELLED:
    case TASK_TIMED_OUT:
    case TASK_STATE_NR:
        break;
    }
    return false;
}

static bool has_same_key(const struct plan_execution *a, const struct plan_execution *b)
{
    return a->key == b->key && a->project == b->project && a->input_go == b->input_go;
}

/* So many executions of one key have begun and not ended, this one among them. */
static void key_check(const struct oracle_execution *e)
{
    uint32_t count = 1;
    uint32_t other = 0;

    if (e->plan->key == 0 || oracle.promotions > 0) {
        return; /* what was asked and given in a time that never was is still told */
    }
    for (const struct oracle_execution *o = oracle.executions; o != NULL; o = o->next) {
        if (o != e && o->has_begun && !execution_state_is_terminal(o->state) &&
            has_same_key(e->plan, o->plan)) {
            count++;
            other = o->plan->number;
        }
    }
    if (count > e->plan->key) {
        sim_fail("plan %u begins while %u of its key run, plan %u among them, and %u may",
                 e->plan->number, count - 1, other, e->plan->key);
    }
}

/* So many have begun since the first was submitted; messages take their time, so only the sum is
 * bounded. Clocks differ by 5 %; who loads a shard takes the database's, which may have been put
 * forward: what was to come then has come. */
static void rate_check(const struct oracle_execution *e)
{
    uint32_t project = e->plan->project;

    if (!e->plan->has_rate || oracle.promotions > 0 || sim.faults.fired[FAULT_CLOCK_JUMP] > 0) {
        return;
    }
    exo_time since_ns = sim.now_ns - oracle.rate_ns[project];
    uint32_t begun = ++oracle.rate_begun[project];

    if (begun > PLAN_RATE + 1 + (uint32_t)(PLAN_RATE * since_ns * 11 / 10 / EXO_SECOND)) {
        sim_fail("plan %u is number %u of its rate to begin in %lld ms", e->plan->number, begun,
                 (long long)(since_ns / EXO_MILLISECOND));
    }
}

static void task_follow(struct oracle_execution *e, struct oracle_instance *instance,
                        const struct wire_change *change, enum task_state to)
{
    struct oracle_task *task = task_of(e, instance, change->index);
    enum task_state from = (enum task_state)task->state;
    bool is_run = plan_spot_is_group(e->plan, &instance->spot) ||
                  plan_spot_is_wait(e->plan, &instance->spot); /* by no worker */
    const char *name = oracle_name(e, change->instance, change->index);

    if (!may_follow(from, to) || (is_run && (to == TASK_DISPATCHED || to == TASK_BACKOFF)) ||
        (!is_run && from == TASK_READY && to == TASK_RUNNING)) {
        sim_fail("plan %u: task %s goes from %s to %s", e->plan->number, name,
                 task_state_name(from), task_state_name(to));
    }
    struct plan_spot spot = instance->spot;

    spot.index = change->index;
    rules_command_task(e, &spot, from, to);
    rules_signal_change(e, &spot, to, change->at_ms);
    rules_answer_change(e, &spot, to, change->at_ms);
    oracle.transitions[from][to]++;
    if (to == TASK_DISPATCHED || (is_run && to == TASK_RUNNING)) {
        if (e->state == EXECUTION_PAUSED ||
            (e->state != EXECUTION_QUEUED && e->state != EXECUTION_RUNNING &&
             !is_final(e, &instance->spot))) {
            sim_fail("plan %u: a task is dispatched while the execution is %s", e->plan->number,
                     execution_state_name(e->state));
        }
        if (!instance->spot.is_inner && e->plan->satellites[instance->spot.satellite].is_strict &&
            task->losses > 0) {
            sim_fail("plan %u: %s was lost, and its claim is strict: nobody may try it again",
                     e->plan->number, name);
        }
        if (change->attempt != task->attempt + 1) {
            sim_fail("plan %u: %s: attempt %u follows %u", e->plan->number, name, change->attempt,
                     task->attempt);
        }
        task->attempt = change->attempt;
        task->worker = is_run ? 0 : (uint8_t)rules_worker_number(change->worker);
        e->has_sent = e->has_sent || !is_run;
        if (!e->has_begun) {
            key_check(e);
            rate_check(e);
            e->has_begun = true;
        }
    } else if (change->attempt != task->attempt) {
        sim_fail("plan %u: %s: a change of attempt %u while it is %u", e->plan->number, name,
                 change->attempt, task->attempt);
    }
    e->is_excused = e->is_excused ||
                    (change->error.bytes > 5 && memcmp(change->error.data, "LOST:", 5) == 0) ||
                    gathered_is_lost(change->error);
    if (span_is(change->error, "the worker fell silent")) {
        rules_silence(database.shards[e->shard].opener, task->worker);
    }
    oracle.finishes += to == TASK_SUCCEEDED || to == TASK_FAILED || to == TASK_TIMED_OUT;
    task->state = (uint8_t)to;
    task->running_ns = to == TASK_RUNNING ? sim.now_ns : task->running_ns;
}

static void instance_follow(struct oracle_execution *e, struct oracle_instance *i,
                            const struct wire_change *change, enum task_state to)
{
    if (task_state_is_terminal((enum task_state)i->state)) {
        sim_fail("plan %u: %s was %s and becomes %s", e->plan->number,
                 oracle_name(e, change->instance, 0), task_state_name((enum task_state)i->state),
                 task_state_name(to));
    }
    if (i->state == TASK_WAITING && to == TASK_READY) {
        parents_check(e, &i->spot);
    }
    i->state = (uint8_t)to;
}

static void execution_follow(struct oracle_execution *e, enum execution_state to, uint64_t epoch)
{
    bool is_good = !execution_state_is_terminal(e->state);
    bool is_open = e->state == EXECUTION_QUEUED || e->state == EXECUTION_RUNNING ||
                   e->state == EXECUTION_PAUSED;

    rules_command_state(e, to);
    if (to == EXECUTION_CANCELLING) {
        is_good = is_open;
        e->cancel_epoch = epoch;
    } else if (to == EXECUTION_CANCELLED || to == EXECUTION_TIMED_OUT) {
        is_good = e->state == EXECUTION_CANCELLING;
    } else if (to == EXECUTION_FAILED && e->state == EXECUTION_CANCELLING) {
        is_good = true; /* an input of our own that brings its reader down: see end_compare */
    } else if (to == EXECUTION_SUCCEEDED || to == EXECUTION_FAILED) {
        is_good = is_open;
    }
    if (!is_good) {
        sim_fail("plan %u: the execution goes from %s to %s", e->plan->number,
                 execution_state_name(e->state), execution_state_name(to));
    }
    for (uint32_t i = 0; i < e->plan->satellite_count && execution_state_is_terminal(to); i++) {
        if (!task_state_is_terminal((enum task_state)e->instances[i].state)) {
            sim_fail("plan %u: %s while s%u is %s", e->plan->number, execution_state_name(to), i,
                     task_state_name((enum task_state)e->instances[i].state));
        }
    }
    e->state = to;
    e->has_run = e->has_run || to == EXECUTION_RUNNING;
    if (gathered_is(e) && execution_state_is_terminal(to)) {
        gathered_ended(e);
    }
}

static void change_follow(const struct wire_change *change, uint64_t epoch)
{
    struct oracle_execution *e = oracle_find(&change->execution);
    enum execution_state execution_state = EXECUTION_QUEUED;
    enum task_state state = TASK_WAITING;

    if (e == NULL) {
        sim_fail("a change of execution %s, which has no row", id_text(&change->execution));
    }
    if (change->number != e->change + 1) {
        sim_fail("plan %u: change %llu follows %llu", e->plan->number,
                 (unsigned long long)change->number, (unsigned long long)e->change);
    }
    e->change++;
    rules_start_change(e, change);
    if (change->execution_state.bytes > 0) {
        if (!execution_state_parse(change->execution_state, &execution_state)) {
            sim_fail("a change to no state");
        }
        execution_follow(e, execution_state, epoch);
        return;
    }
    if (!task_state_parse(change->state, &state)) {
        sim_fail("a change to no state");
    }
    struct oracle_instance *instance = instance_of(e, change);

    rules_rerun_change(e, &instance->spot);
    if (change->has_index || !plan_spot_is_map(e->plan, &instance->spot)) {
        if (change->has_index || state == TASK_READY || change->attempt > 0 ||
            instance->task_count > 0) {
            task_follow(e, instance, change, state);
        } else {
            oracle.transitions[TASK_WAITING][state]++;
        }
    }
    if (!change->has_index) {
        instance_follow(e, instance, change, state);
    }
}

static void journal_follow(const struct store_batch *batch)
{
    struct heap_budget budget = {0};
    struct arena arena;
    struct wire_change_batch changes;

    if (batch->journal.bytes == 0) {
        return;
    }
    arena_init(&arena, allocator_heap(&budget), 0);
    if (wire_change_batch_unpack(batch->journal, &arena, &changes) != WIRE_OK) {
        sim_fail("a journal row cannot be read");
    }
    if (changes.epoch != batch->epoch || changes.batch != batch->next ||
        changes.shard != batch->shard) {
        sim_fail("a journal row is of another batch");
    }
    if (changes.now_ns != batch->now_ns && changes.gap.bytes == 0) {
        sim_fail("a journal row is of another time");
    }
    for (uint32_t i = 0; i < changes.change_count; i++) {
        change_follow(&changes.changes[i], batch->epoch);
    }
    arena_release(&arena);
}

/* A person went on behind a hole: the offsets may go back, and the journal says so. */
static bool is_gap(const struct store_batch *batch)
{
    struct heap_budget budget = {0};
    struct arena arena;
    struct wire_change_batch changes;
    bool has_gap = false;

    arena_init(&arena, allocator_heap(&budget), 0);
    if (batch->journal.bytes > 0 &&
        wire_change_batch_unpack(batch->journal, &arena, &changes) == WIRE_OK) {
        has_gap = changes.gap.bytes > 0;
    }
    arena_release(&arena);
    return has_gap;
}

void oracle_commit(const struct store_shard *row, const struct store_batch *batch)
{
    if (batch->epoch != row->epoch || batch->previous != row->batch ||
        batch->next != batch->previous + 1) {
        sim_fail("shard %u: batch %llu of epoch %llu commits over batch %llu of epoch %llu",
                 batch->shard, (unsigned long long)batch->next, (unsigned long long)batch->epoch,
                 (unsigned long long)row->batch, (unsigned long long)row->epoch);
    }
    for (int i = 0; i < STORE_INPUTS && !is_gap(batch); i++) {
        if (batch->inputs[i].offset < row->inputs[i].offset) {
            sim_fail("shard %u: input %d goes back from %lld to %lld", batch->shard, i,
                     (long long)row->inputs[i].offset, (long long)batch->inputs[i].offset);
        }
    }
    if (batch->now_ns < row->now_ns) {
        sim_fail("shard %u: shard time goes back", batch->shard);
    }
    if (batch->event_batch < row->event_batch || batch->event_batch > batch->previous) {
        sim_fail("shard %u: events up to %llu after %llu, with batch %llu committed", batch->shard,
                 (unsigned long long)batch->event_batch, (unsigned long long)row->event_batch,
                 (unsigned long long)batch->previous);
    }
    rules_commit(row, batch);
    rules_deletion_commit(batch);
    rules_rerun_commit(batch);
    for (uint32_t i = 0; i < batch->insert_count; i++) {
        (void)execution_add(&batch->inserts[i]);
    }
    sim_trace("commit shard %u epoch %llu batch %llu jobs %lld status %lld", batch->shard,
              (unsigned long long)batch->epoch, (unsigned long long)batch->next,
              (long long)batch->inputs[0].offset, (long long)batch->inputs[1].offset);
    journal_follow(batch);
    rules_signal_commit(batch);
    rules_answer_commit(batch);
    almanac_commit(row, batch);
}

/* ---- rows against the journal ---- */

static void columns_compare(struct oracle_execution *e, uint32_t number, uint32_t first,
                            const struct wire_columns *columns, uint32_t next_index)
{
    const unsigned char *states = columns->states.data;
    struct oracle_instance *instance = oracle_instance(e, number);
    uint32_t limit = instance == NULL ? 0 : plan_spot_retries(e->plan, &instance->spot);

    for (uint32_t i = 0; i < columns->lease_count && instance != NULL; i++) {
        const struct wire_lease *lease = &columns->leases[i];

        if (first + lease->offset < next_index) {
            struct oracle_task *task = task_of(e, instance, first + lease->offset);

            task->ticket = lease->ticket;
            task->lend = lease->lend;
        }
    }
    for (uint32_t i = 0; i < columns->states.bytes && first + i < next_index; i++) {
        const char *name = oracle_name(e, number, first + i);

        if (instance == NULL) {
            sim_fail("plan %u: a row of %s, of which the journal knows nothing", e->plan->number,
                     name);
        }
        struct oracle_task *task = task_of(e, instance, first + i);
        uint32_t attempt = i < columns->attempt_count ? columns->attempts[i] : 0;

        if (states[i] != task->state || attempt != task->attempt) {
            sim_fail("plan %u: the row of %s says %s, attempt %u; the journal %s, %u",
                     e->plan->number, name, task_state_name((enum task_state)states[i]), attempt,
                     task_state_name((enum task_state)task->state), task->attempt);
        }
        task->failures = i < columns->failure_count ? (uint16_t)columns->failures[i] : 0;
        task->laters = i < columns->later_count ? (uint16_t)columns->laters[i] : 0;
        uint32_t losses = i < columns->loss_count ? columns->losses[i] : 0;

        if (losses > LIMIT_LOSSES) {
            sim_fail("plan %u: %s was lost %u times with its workers", e->plan->number, name,
                     losses);
        }
        oracle.losses += losses - task->losses;
        task->losses = (uint8_t)losses;
        e->is_excused = e->is_excused || losses >= LIMIT_LOSSES;
        if (task->failures > limit + 1 ||
            (task->failures == limit + 1 && !task_state_is_terminal((enum task_state)states[i]))) {
            sim_fail("plan %u: %s has failed %u times, with %u retries", e->plan->number, name,
                     task->failures, limit);
        }
        if (task->attempt < (uint32_t)task->failures + task->laters + task->losses) {
            sim_fail("plan %u: %s: more ends than attempts", e->plan->number, name);
        }
    }
}

/* What an attempt gave back was given by the attempt that was then the task's. */
static void output_compare(struct oracle_execution *e, uint32_t number, uint32_t index,
                           const struct wire_output *output)
{
    struct oracle_instance *instance = oracle_instance(e, number);

    if (instance == NULL) {
        sim_fail("plan %u: an end of instance %u, of which the journal knows nothing",
                 e->plan->number, number);
    }
    const struct oracle_task *task = task_of(e, instance, index);
    bool is_poison = output->error.bytes >= 6 && memcmp(output->error.data, "POISON", 6) == 0;

    if (is_poison && !database.shards[e->shard].is_slandered &&
        (e->plan->crash != CRASH_REPORT || number != 0 || index != 0)) {
        sim_fail("plan %u: %s is quarantined without guilt", e->plan->number,
                 oracle_name(e, number, index));
    }
    rules_signal_output(e, &instance->spot, output);
    rules_container(e, number, index, &instance->spot, output);

    bool is_good = output->outcome == OUTCOME_SUCCEEDED ? output->attempt == task->attempt
                                                        : output->attempt <= task->attempt;

    if (!is_good || (output->outcome == OUTCOME_SUCCEEDED && task->state != TASK_SUCCEEDED)) {
        sim_fail("plan %u: %s is at attempt %u and takes the end of attempt %u", e->plan->number,
                 oracle_name(e, number, index), task->attempt, output->attempt);
    }
}

static void segments_compare(const struct store_batch *batch)
{
    struct heap_budget budget = {0};
    struct arena arena;

    arena_init(&arena, allocator_heap(&budget), 0);
    for (uint32_t i = 0; i < batch->segment_count; i++) {
        const struct store_segment *segment = &batch->segments[i];
        struct oracle_execution *e = oracle_find(&segment->execution);
        const struct wire_output *outputs;
        uint32_t count;

        if (segment->kind != 0) {
            continue;
        }
        if (wire_outputs_unpack(segment->body, &arena, &outputs, &count) != WIRE_OK) {
            sim_fail("plan %u: outputs cannot be read", e->plan->number);
        }
        for (uint32_t k = 0; k < count; k++) {
            output_compare(e, segment->instance, outputs[k].index, &outputs[k]);
        }
    }
    arena_release(&arena);
}

static void instances_compare(struct oracle_execution *e, uint32_t first,
                              const struct wire_instance *instances, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct wire_instance *instance = &instances[i];
        const struct oracle_instance *known = oracle_instance(e, first + i);
        enum task_state state = known == NULL ? TASK_WAITING : (enum task_state)known->state;

        if (instance->state != state) {
            sim_fail("plan %u: the row of %s says %s, the journal %s", e->plan->number,
                     oracle_name(e, first + i, 0),
                     task_state_name((enum task_state)instance->state), task_state_name(state));
        }
        if (instance->has_task) {
            columns_compare(e, first + i, 0, &instance->task, 1);
        }
        if (instance->has_result) {
            output_compare(e, first + i, 0, &instance->result);
        }
    }
}

static void body_compare(struct oracle_execution *e, const struct store_execution *row,
                         struct wire_body *ret_body, struct arena *arena)
{
    enum execution_state state = EXECUTION_QUEUED;

    if (wire_body_unpack(row->body, arena, ret_body) != WIRE_OK ||
        ret_body->instance_count != e->plan->satellite_count) {
        sim_fail("plan %u: its body cannot be read", e->plan->number);
    }
    if (!execution_state_parse(span_of(row->state), &state) || state != e->state ||
        row->is_terminal != execution_state_is_terminal(state)) {
        sim_fail("plan %u: its row says %s, its journal %s", e->plan->number, row->state,
                 execution_state_name(e->state));
    }
    if ((row->started_ns != 0 && row->started_ns < row->submitted_ns) ||
        (row->ended_ns != 0 && row->ended_ns < row->submitted_ns)) {
        sim_fail("plan %u: its row says it was submitted later than begun", e->plan->number);
    }
    if (ret_body->change != e->change) {
        sim_fail("plan %u: its row is at change %llu, its journal at %llu", e->plan->number,
                 (unsigned long long)ret_body->change, (unsigned long long)e->change);
    }
    rules_start_row(e, ret_body->start_at_ns);
    rules_command_row(e, ret_body);
    instances_compare(e, 0, ret_body->instances, ret_body->instance_count);
}

/* The next task never dispatched of a map, as its row says that is written with its page. */
static uint32_t next_index_of(const struct oracle_execution *e, const struct store_batch *batch,
                              const struct wire_body *body, uint32_t number, struct arena *arena)
{
    if (number < body->instance_count) {
        return body->instances[number].next_index;
    }
    for (uint32_t i = 0; i < batch->run_count; i++) {
        struct wire_run run;

        if (execution_id_equal(&batch->runs[i].execution, &e->id) &&
            wire_run_unpack(batch->runs[i].body, arena, &run) == WIRE_OK && number >= run.number &&
            number - run.number < run.instance_count) {
            return run.instances[number - run.number].next_index;
        }
    }
    sim_fail("plan %u: a page of %s without its run", e->plan->number, oracle_name(e, number, 0));
}

static void pages_compare(struct oracle_execution *e, const struct store_batch *batch,
                          const struct wire_body *body, struct arena *arena)
{
    for (uint32_t i = 0; i < batch->page_count; i++) {
        const struct store_page *page = &batch->pages[i];
        struct wire_columns columns;

        if (!execution_id_equal(&page->execution, &e->id)) {
            continue;
        }
        if (wire_columns_unpack(page->body, arena, &columns) != WIRE_OK) {
            sim_fail("plan %u: a page cannot be read", e->plan->number);
        }
        columns_compare(e, page->instance, page->page * WIRE_PAGE_TASKS, &columns,
                        next_index_of(e, batch, body, page->instance, arena));
    }
}

static void runs_compare(struct oracle_execution *e, const struct store_batch *batch,
                         struct arena *arena)
{
    for (uint32_t i = 0; i < batch->run_count; i++) {
        const struct store_run *row = &batch->runs[i];
        struct wire_run run;

        if (!execution_id_equal(&row->execution, &e->id)) {
            continue;
        }
        if (wire_run_unpack(row->body, arena, &run) != WIRE_OK || run.group != row->instance ||
            run.index != row->index || run.number != row->number || run.is_ended != row->is_ended) {
            sim_fail("plan %u: a run cannot be read", e->plan->number);
        }
        instances_compare(e, run.number, run.instances, run.instance_count);
        for (uint32_t k = 0; k < run.instance_count && run.is_ended; k++) {
            if (!task_state_is_terminal((enum task_state)run.instances[k].state)) {
                sim_fail("plan %u: a run has ended before %s", e->plan->number,
                         oracle_name(e, run.number + k, 0));
            }
        }
    }
}

static void rows_compare(const struct store_batch *batch, const struct store_execution *rows,
                         uint32_t count)
{
    struct heap_budget budget = {0};
    struct arena arena;

    arena_init(&arena, allocator_heap(&budget), 0);
    for (uint32_t i = 0; i < count; i++) {
        struct oracle_execution *e = oracle_find(&rows[i].id);
        struct wire_body body;

        body_compare(e, &rows[i], &body, &arena);
        pages_compare(e, batch, &body, &arena);
        runs_compare(e, batch, &arena);
        arena_reset(&arena);
    }
    arena_release(&arena);
}

void oracle_committed(const struct store_batch *batch)
{
    rows_compare(batch, batch->inserts, batch->insert_count);
    rows_compare(batch, batch->updates, batch->update_count);
    segments_compare(batch);
    rules_start_committed(batch);
}
