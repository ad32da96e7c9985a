/* oracle_watch: what leaves processes, what containers and the cache do, and how all of it ends. */
#include <stdio.h>
#include <stdlib.h>

#include "infra/crypto/crypto.h"
#include "schemas/vocab/limits.h"
#include "schemas/wire/event.h"
#include "schemas/wire/job.h"
#include "schemas/wire/key.h"
#include "schemas/wire/shard_extra.h"
#include "schemas/wire/state.h"
#include "schemas/wire/task.h"
#include "schemas/wire/topics.h"
#include "tests/sim/almanac.h"
#include "tests/sim/database.h"
#include "tests/sim/gathered.h"
#include "tests/sim/oracle.h"
#include "tests/sim/reference.h"
#include "tests/sim/rules.h"
#include "tests/sim/rules_answer.h"
#include "tests/sim/rules_command.h"
#include "tests/sim/rules_deletion.h"
#include "tests/sim/rules_rerun.h"
#include "tests/sim/rules_signal.h"
#include "tests/sim/rules_start.h"
#include "tests/sim/rules_ticket.h"
#include "tests/sim/sim.h"

/* ---- nothing before its commit ---- */

/* A Task that never left may follow a cancel only together with its Kill. */
static bool is_killed_by(const struct wire_task_record *record, const struct wire_task *task)
{
    const struct wire_spec *spec = &record->specs[task->spec];

    for (uint32_t i = 0; i < record->kill_count; i++) {
        const struct wire_kill *kill = &record->kills[i];

        if (kill->attempt == task->attempt && kill->task.index == task->index &&
            kill->task.instance == spec->instance &&
            execution_id_equal(&kill->task.execution, &spec->execution)) {
            return true;
        }
    }
    return false;
}

static void task_watch(const struct wire_task_record *record, const struct wire_task *task)
{
    const struct wire_spec *spec = &record->specs[task->spec];
    struct oracle_execution *e = oracle_find(&spec->execution);
    struct oracle_instance *instance = e == NULL ? NULL : oracle_instance(e, spec->instance);

    bool is_known = instance != NULL && task->index < instance->task_count;

    if (oracle.promotions > 0 &&
        (!is_known || instance->tasks[task->index].attempt < task->attempt)) {
        return; /* of a batch of a time that never was: rules_sent has looked */
    }
    if (!is_known || instance->tasks[task->index].attempt < task->attempt) {
        sim_fail("a Task is sent before its commit");
    }
    struct oracle_task *known = &instance->tasks[task->index];
    uint64_t bit = task->attempt <= 64 ? UINT64_C(1) << (task->attempt - 1) : 0;

    if (task->attempt <= known->lost) {
        return; /* sent in both times */
    }
    if (e->cancel_epoch != 0 && record->epoch >= e->cancel_epoch && (known->sent & bit) == 0 &&
        !plan_spot_is_final(e->plan, &instance->spot) && !is_killed_by(record, task)) {
        sim_fail("plan %u: a Task of %s attempt %u is sent after the CANCELLING was committed",
                 e->plan->number, oracle_name(e, spec->instance, task->index), task->attempt);
    }
    /* What an earlier owner sent may lie with a broker for long: it could not know. */
    bool is_again =
        (known->sent & bit) != 0 && record->epoch == database.shards[e->shard].row.epoch;

    if (is_again && known->end_attempt == task->attempt &&
        !sim.faults.is_enabled[FAULT_TAIL_LOST] && known->end_ns < rules_taken_ns(e->shard)) {
        sim_fail(
            "plan %u: a Task of %s attempt %u is sent again, and its end lay in the log when the "
            "shard was taken",
            e->plan->number, oracle_name(e, spec->instance, task->index), task->attempt);
    }
    if (is_again && known->state == TASK_RUNNING && known->running_ns < rules_taken_ns(e->shard)) {
        sim_fail(
            "plan %u: a Task of %s attempt %u is sent again, and a worker had accepted it when the "
            "shard was taken",
            e->plan->number, oracle_name(e, spec->instance, task->index), task->attempt);
    }
    known->sent |= bit;
}

static void tasks_watch(struct span value, struct arena *arena)
{
    struct wire_task_record record;

    if (wire_task_record_unpack(value, arena, &record) != WIRE_OK) {
        sim_fail("a Task record cannot be read");
    }
    rules_sent(record.shard, record.epoch, record.sequence);
    if (record.task_count > 0 && record.process.bytes == 0) {
        sim_fail("a record of Tasks names no process: it spends the tickets of nobody");
    }
    for (uint32_t i = 0; i < record.task_count; i++) {
        task_watch(&record, &record.tasks[i]);
        rules_ticket_left(&record, &record.tasks[i]);
    }
}

static void events_watch(struct span value, struct arena *arena)
{
    struct wire_change_batch batch;

    if (wire_change_batch_unpack(value, arena, &batch) != WIRE_OK) {
        sim_fail("a public event cannot be read");
    }
    rules_committed(batch.shard, batch.epoch, batch.batch, "an event");
    for (uint32_t i = 0; i < batch.change_count; i++) {
        const struct oracle_execution *e = oracle_find(&batch.changes[i].execution);

        if ((e == NULL || batch.changes[i].number > e->change) && oracle.promotions == 0) {
            sim_fail("a public event is sent before its commit");
        }
    }
}

static void peers_watch(struct span value, struct arena *arena)
{
    struct wire_status status;
    struct wire_shard_extra extra;

    if (wire_status_unpack(value, arena, &status) != WIRE_OK) {
        return; /* garbage of ours */
    }
    for (uint32_t i = 0; i < status.peer_count; i++) {
        struct span kept = database.shards[status.peers[i].source].row.extra;
        uint64_t committed = 0;

        if (wire_shard_extra_unpack(kept, arena, &extra) == WIRE_OK) {
            committed = extra.next_sequence;
        }
        if (status.peers[i].kind == PEER_KEY_ASK) {
            rules_start_asks(&status.peers[i].key_ask);
        }
        if (status.peers[i].sequence > committed && oracle.promotions == 0) {
            sim_fail("shard %u sends message %llu to a shard before its commit",
                     status.peers[i].source, (unsigned long long)status.peers[i].sequence);
        }
    }
}

void oracle_appends(const char *topic, uint32_t partition, struct span value)
{
    struct heap_budget budget = {0};
    struct arena arena;

    (void)partition;
    arena_init(&arena, allocator_heap(&budget), 0);
    if (strncmp(topic, TOPIC_TASKS_PREFIX, strlen(TOPIC_TASKS_PREFIX)) == 0) {
        tasks_watch(value, &arena);
    } else if (strcmp(topic, TOPIC_EVENTS) == 0) {
        events_watch(value, &arena);
    } else if (strcmp(topic, TOPIC_STATUS) == 0) {
        peers_watch(value, &arena);
    }
    arena_release(&arena);
}

static void published(const struct wire_change *change)
{
    struct oracle_execution *e = oracle_find(&change->execution);

    if (e != NULL && change->number == e->published + 1) {
        e->published++;
    }
}

/* Of the grant as it stands, not of one that never was and has the same number. */
static bool is_of_grant(const struct oracle_task *task, const struct wire_status *status,
                        const struct wire_report *report)
{
    return task->worker == rules_worker_number(status->worker) &&
           (report->lend == 0 || (task->ticket == report->ticket && task->lend == report->lend));
}

static void report_stored(const struct wire_status *status, const struct wire_report *report)
{
    struct oracle_execution *e = oracle_find(&report->task.execution);
    struct oracle_instance *instance = e == NULL ? NULL : oracle_instance(e, report->task.instance);

    oracle.rejections += report->kind == REPORT_REJECTED;
    if (report->kind != REPORT_FINISHED || instance == NULL ||
        report->task.index >= instance->task_count) {
        return;
    }
    struct oracle_task *task = &instance->tasks[report->task.index];

    bool is_of_lost = report->attempt > task->attempt && report->attempt <= task->lost;

    if (report->attempt > task->end_attempt && !is_of_lost && is_of_grant(task, status, report)) {
        task->end_attempt = report->attempt;
        task->end_ns = sim.now_ns;
    }
}

static void command_stored(const struct wire_command *command)
{
    for (uint32_t i = 0; i < oracle.plan->execution_count && command->kind == COMMAND_CANCEL; i++) {
        const struct plan_execution *plan = &oracle.plan->executions[i];

        if (plan->has_id && execution_id_equal(&plan->id, &command->execution) &&
            oracle.stored[i].cancel_ns == 0) {
            oracle.stored[i].cancel_ns = sim.now_ns;
        }
    }
}

/* Which execution of the plan a Job is; execution_count: garbage. */
static uint32_t job_number(const struct wire_job *job)
{
    char text[64] = "";
    unsigned project = 0;
    unsigned number = 0;
    struct execution_id id;

    if (job->rerun_of.bytes > 0) {
        const struct plan_execution *rerun =
            execution_id_parse(job->execution_id, &id) ? rules_rerun_plan(&id) : NULL;

        return rerun == NULL ? oracle.plan->execution_count : rerun->number;
    }
    (void)snprintf(text, sizeof(text), "%.*s", job->cluster.bytes < 63 ? 0 : 63,
                   (const char *)job->cluster.data);
    if (sscanf(text, "exosphere: v1 cluster: name: p%u/c%u", &project, &number) == 2 &&
        number < oracle.plan->execution_count) {
        return number;
    }
    return oracle.plan->execution_count;
}

static void job_stored(struct span value, struct arena *arena)
{
    struct wire_job job;
    uint32_t number = wire_job_unpack(value, arena, &job) == WIRE_OK ? job_number(&job)
                                                                     : oracle.plan->execution_count;

    if (number == oracle.plan->execution_count) {
        return;
    }
    const struct plan_execution *plan = &oracle.plan->executions[number];

    oracle.stored[number].unnamed += job.execution_id.bytes == 0;
    if (oracle.stored[number].job_ns == 0) {
        oracle.stored[number].job_ns = sim.now_ns;
    }
    if (plan->has_rate && oracle.rate_ns[plan->project] == 0) {
        oracle.rate_ns[plan->project] = sim.now_ns;
    }
}

void oracle_stored(const char *topic, uint32_t partition, struct span value)
{
    struct heap_budget budget = {0};
    struct arena arena;
    struct wire_change_batch batch;
    struct wire_status status;

    arena_init(&arena, allocator_heap(&budget), 0);
    if (strcmp(topic, TOPIC_FLEET) == 0) {
        rules_fleet_stored(partition, value);
    } else if (strcmp(topic, TOPIC_JOBS) == 0) {
        job_stored(value, &arena);
    } else if (strcmp(topic, TOPIC_EVENTS) == 0 &&
               wire_change_batch_unpack(value, &arena, &batch) == WIRE_OK) {
        for (uint32_t i = 0; i < batch.change_count; i++) {
            published(&batch.changes[i]);
        }
    } else if (strcmp(topic, TOPIC_STATUS) == 0 &&
               wire_status_unpack(value, &arena, &status) == WIRE_OK) {
        for (uint32_t i = 0; i < status.report_count; i++) {
            report_stored(&status, &status.reports[i]);
        }
        for (uint32_t i = 0; i < status.command_count; i++) {
            command_stored(&status.commands[i]);
            rules_command_stored(&status.commands[i]);
            rules_signal_stored(&status.commands[i]);
            rules_answer_stored(&status.commands[i]);
        }
    }
    arena_release(&arena);
}

/* An end that is lost was never there. */
void oracle_unstored(const char *topic, struct span value)
{
    struct heap_budget budget = {0};
    struct arena arena;
    struct wire_status status;

    arena_init(&arena, allocator_heap(&budget), 0);
    if (strcmp(topic, TOPIC_STATUS) == 0 && wire_status_unpack(value, &arena, &status) == WIRE_OK) {
        for (uint32_t i = 0; i < status.report_count; i++) {
            const struct wire_report *report = &status.reports[i];
            struct oracle_execution *e = oracle_find(&report->task.execution);
            struct oracle_instance *instance =
                e == NULL ? NULL : oracle_instance(e, report->task.instance);

            if (report->kind == REPORT_FINISHED && instance != NULL &&
                report->task.index < instance->task_count &&
                instance->tasks[report->task.index].end_attempt == report->attempt) {
                instance->tasks[report->task.index].end_attempt = 0;
            }
        }
    }
    arena_release(&arena);
}

void oracle_cached(const struct execution_id *id, uint64_t epoch, uint64_t batch)
{
    const struct oracle_execution *e = oracle_find(id);
    const struct store_shard *row = e == NULL ? NULL : &database.shards[e->shard].row;

    if (row == NULL || ((epoch > row->epoch || batch > row->batch) && oracle.promotions == 0)) {
        sim_fail("a view is cached before its commit");
    }
    rules_deletion_cached(e);
    rules_committed(e->shard, epoch, batch, "a view");
}

/* ---- side effects ---- */

/* How it stood when its newest attempt of a time that never was was let out. */
static const struct oracle_task *as_it_was(const struct oracle_task *task)
{
    static struct oracle_task then;

    then = *task;
    then.failures = task->lost_failures;
    then.laters = task->lost_laters;
    return &then;
}

/* Of a run of a time that never was. */
static const struct oracle_task *lost_task(const struct oracle_execution *e,
                                           const struct task_id *id)
{
    static const struct oracle_task nobody;
    const struct oracle_task *gone = e == NULL ? NULL : oracle_gone(e, id->instance, id->index);

    return gone == NULL ? &nobody : gone;
}

const struct oracle_task *oracle_container(const struct task_id *id, uint32_t attempt)
{
    struct oracle_execution *e = oracle_find(&id->execution);

    struct oracle_instance *instance = e == NULL ? NULL : oracle_instance(e, id->instance);

    oracle.containers++;
    if ((instance == NULL || id->index >= instance->task_count) && oracle.promotions > 0) {
        return lost_task(e, id);
    }
    if (instance == NULL || id->index >= instance->task_count) {
        sim_fail("a container starts for no task");
    }
    struct oracle_task *task = &instance->tasks[id->index];

    if (attempt <= task->lost) { /* it may start in both times */
        return attempt > task->attempt ? as_it_was(task) : task;
    }
    if (attempt > task->attempt) {
        sim_fail("a container of attempt %u starts while the task is at %u", attempt,
                 task->attempt);
    }
    if (attempt <= 64) {
        uint64_t bit = UINT64_C(1) << (attempt - 1);

        if ((task->started & bit) != 0) {
            sim_fail("plan %u: attempt %u of %s starts twice", e->plan->number, attempt,
                     oracle_name(e, id->instance, id->index));
        }
        task->started |= bit;
    }
    return task;
}

/* ---- blobs ---- */

struct oracle_blob {
    struct oracle_blob *next;
    struct digest digest;
    struct span bytes;
};

struct digest oracle_blob_put(struct span bytes)
{
    struct oracle_blob *blob = sim_alloc(sizeof(*blob));

    blob->digest = sha256_of(bytes);
    blob->bytes = sim_copy(bytes);
    blob->next = oracle.blobs;
    oracle.blobs = blob;
    return blob->digest;
}

struct span oracle_blob(const struct digest *digest)
{
    for (const struct oracle_blob *b = oracle.blobs; b != NULL; b = b->next) {
        if (memcmp(b->digest.bytes, digest->bytes, DIGEST_BYTES) == 0) {
            return b->bytes;
        }
    }
    sim_fail("a blob is asked for that nobody has put");
}

/* ---- the end ---- */

static uint32_t count_of(const struct plan_execution *plan)
{
    uint32_t count = 0;

    for (const struct oracle_execution *e = oracle.executions; e != NULL; e = e->next) {
        count += e->plan == plan;
    }
    return count;
}

/* Each Job without an id is an execution of its own, under an id that hangs on its place. */
static bool are_unnamed_there(const struct plan_execution *plan)
{
    bool is_slandered = false;

    for (uint32_t i = 0; i < database.shard_count; i++) {
        is_slandered = is_slandered || database.shards[i].is_slandered;
    }
    /* Where a log lost its tail a place is there twice, and one of its Jobs is taken for the other.
     */
    return plan->crash != CRASH_NONE || is_slandered || sim.faults.is_enabled[FAULT_TAIL_LOST] ||
           count_of(plan) == oracle.stored[plan->number].unnamed;
}

/* Where a shard is slandered a Job may be put aside in place of another, once it has been read: by
 * its own shard, or by that of the partition it lies on before it is forwarded. */
static bool may_be_put_aside(const struct plan_execution *plan)
{
    exo_time job_ns = oracle.stored[plan->number].job_ns;

    return job_ns > 0 && sim.now_ns - job_ns > 5 * EXO_SECOND &&
           (database.shards[execution_shard(&plan->id, database.shard_count)].is_slandered ||
            database.shards[plan->partition].is_slandered);
}

static bool is_there(const struct plan_execution *plan)
{
    if (!plan->has_id && !plan->is_poison && !are_unnamed_there(plan)) {
        return false;
    }
    for (const struct oracle_execution *e = oracle.executions; e != NULL; e = e->next) {
        if (e->plan == plan) {
            return true;
        }
    }
    return plan->is_left_out || plan->is_poison || plan->crash == CRASH_JOB || !plan->has_id ||
           may_be_put_aside(plan) ||
           (plan->rerun != NULL && rules_rerun_is_settled(plan, is_there(plan->rerun->of)));
}

bool oracle_is_over(void)
{
    for (const struct oracle_execution *e = oracle.executions; e != NULL; e = e->next) {
        if (!execution_state_is_terminal(e->state) || e->published < e->change) {
            return false;
        }
    }
    for (uint32_t i = 0; i < oracle.plan->execution_count; i++) {
        if (!is_there(&oracle.plan->executions[i])) {
            return false;
        }
    }
    return almanac_is_over();
}

/* PLACE in what must be stands for the place of a blob, BY for the number of a signal: rules_signal
 * knows which. */
static bool output_fits(struct span is, struct span must)
{
    const char *a = is.data;
    const char *b = must.data;
    const char *a_end = a + is.bytes;
    const char *b_end = b + must.bytes;

    while (b < b_end) {
        if (b_end - b >= 5 && memcmp(b, "PLACE", 5) == 0) {
            if (a_end - a < 8 || memcmp(a, "{\"$ref\":", 8) != 0) {
                return false;
            }
            while (a < a_end && *a != '}') {
                a++;
            }
            a++;
            b += 5;
        } else if (b_end - b >= 2 && memcmp(b, "BY", 2) == 0) {
            if (a >= a_end || *a < '0' || *a++ > '9') {
                return false;
            }
            b += 2;
        } else if (a >= a_end || *a++ != *b++) {
            return false;
        }
    }
    return a == a_end;
}

/* Nothing of it can be dispatched: it fails, with the reason, as soon as something should be. Where
 * the database would refuse that it does not see it in the row of one that is being ended. */
static bool is_condemned(const struct oracle_execution *e, const struct store_execution *row)
{
    bool is_poison = e->state == EXECUTION_FAILED && row->error.bytes >= 6 &&
                     memcmp(row->error.data, "POISON", 6) == 0;

    bool is_sure = e->plan->crash == CRASH_GRANT ||
                   (e->plan->crash == CRASH_REFUSED && e->state == EXECUTION_FAILED);

    for (uint32_t i = 0; i < e->plan->satellite_count && is_sure; i++) {
        for (uint32_t k = 0; k < e->instances[i].task_count; k++) {
            if (e->instances[i].tasks[k].attempt > 0 && e->plan->satellites[i].inner_count == 0 &&
                !e->plan->satellites[i].is_final) { /* that runs while it is CANCELLING */
                sim_fail("plan %u: s%u.%u was dispatched, which nobody survives", e->plan->number,
                         i, k);
            }
        }
    }
    return is_poison && (e->plan->crash >= CRASH_GRANT || database.shards[e->shard].is_slandered);
}

/* What an expression gives is bounded, and counted another way than the reference writes it. */
static bool is_output_too_large(const struct store_execution *row, const struct reference *must)
{
    static const char why[] = "output: the result is larger than the output limit";

    return must->output.bytes > LIMIT_INLINE_BYTES / 2 && row->error.bytes >= sizeof(why) - 1 &&
           memcmp(row->error.data, why, sizeof(why) - 1) == 0;
}

/* Some shard that batches or keys may live on has put innocent records aside. */
static bool is_any_slandered(void)
{
    for (uint32_t i = 0; i < database.shard_count; i++) {
        if (database.shards[i].is_slandered) {
            return true;
        }
    }
    return false;
}

/* Its ask for a key was put aside, where the key lives, in place of something else: that is
 * answered as a refusal, and nothing else is, since all its keys queue. */
static bool is_refused(const struct oracle_execution *e, const struct store_execution *row)
{
    static const char key[] = "CONCURRENCY: too many";
    static const char rate[] = "RATE: too many";

    return e->state == EXECUTION_FAILED && is_any_slandered() &&
           ((e->plan->key > 0 && row->error.bytes > sizeof(key) &&
             memcmp(row->error.data, key, sizeof(key) - 1) == 0) ||
            (e->plan->has_rate && row->error.bytes > sizeof(rate) &&
             memcmp(row->error.data, rate, sizeof(rate) - 1) == 0));
}

static void end_compare(const struct oracle_execution *e, const struct reference *must)
{
    const struct store_execution *row = database_end(&e->id);

    if (is_condemned(e, row) || is_output_too_large(row, must) || is_refused(e, row)) {
        return;
    }
    if (e->state == EXECUTION_CANCELLED &&
        (e->plan->cancel_ns != 0 || almanac_may_be_cancelled(e))) {
        return;
    }
    if (e->state == EXECUTION_TIMED_OUT && e->plan->timeout_ms != 0) {
        return;
    }
    if (must->hangs || e->state != must->state) {
        sim_fail("plan %u ended %s (%.*s) and must end %s", e->plan->number,
                 execution_state_name(e->state), SPAN_ARG(row->error),
                 must->hangs ? "by a cancel or its timeout" : execution_state_name(must->state));
    }
    if (must->state == EXECUTION_FAILED &&
        (row->error.bytes < strlen(must->culprit) ||
         memcmp(row->error.data, must->culprit, strlen(must->culprit)) != 0)) {
        sim_fail("plan %u failed by %.*s and must fail by %s", e->plan->number,
                 SPAN_ARG(row->error), must->culprit);
    }
    for (uint32_t i = 0; i < e->plan->satellite_count; i++) {
        if (e->instances[i].state != must->satellites[i]) {
            sim_fail("plan %u: s%u ended %s and must end %s", e->plan->number, i,
                     task_state_name((enum task_state)e->instances[i].state),
                     task_state_name(must->satellites[i]));
        }
    }
    if (must->state == EXECUTION_SUCCEEDED &&
        !output_fits(row->output, buffer_span(&must->output))) {
        sim_fail("plan %u gives back\n  %.*s\nand must give\n  %.*s", e->plan->number,
                 SPAN_ARG(row->output), SPAN_ARG(buffer_span(&must->output)));
    }
}

/* Of runs of a group that are side by side the first that failed in time gives the error: only the
 * name of the group in front of it is the same each time. */
static struct span sure_error(const struct oracle_execution *e, struct span error)
{
    unsigned number = PLAN_SATELLITES_MAX;
    char text[16] = "";

    (void)snprintf(text, sizeof(text), "%.*s", (int)(error.bytes < 15 ? error.bytes : 15),
                   (const char *)error.data);
    if (sscanf(text, "s%u:", &number) != 1 || number >= e->plan->satellite_count ||
        e->plan->satellites[number].inner_count == 0 ||
        e->plan->satellites[number].each == EACH_NONE) {
        return error;
    }
    return (struct span){error.data, strcspn(text, ":")};
}

static uint64_t outcome_of(const struct oracle_execution *e)
{
    const struct store_execution *row = database_end(&e->id);
    uint64_t hash = mix(e->plan->number, (uint64_t)e->state, sim_hash(sure_error(e, row->error)));

    for (uint32_t i = 0; i < e->plan->satellite_count; i++) {
        hash = mix(hash, i, e->instances[i].state);
    }
    /* A blob is named by its place, which holds the id: that is the same in every run. */
    return mix(hash, 0, sim_hash(row->output));
}

/* How one ends hangs on when something happened, to it or to one that it runs again. */
static bool is_timed(const struct plan_execution *plan)
{
    return plan->cancel_ns != 0 || plan->timeout_ms != 0 || !plan->has_id ||
           rules_signal_any(plan) ||
           (plan->rerun != NULL && (oracle.plan->kept_ns > 0 || is_timed(plan->rerun->of)));
}

uint64_t oracle_outcome(void)
{
    uint64_t sum = 0; /* whatever the order they were admitted in */

    for (const struct oracle_execution *e = oracle.executions; e != NULL; e = e->next) {
        const struct plan_execution *plan = e->plan;

        if (!is_timed(plan) && !e->is_excused && !gathered_is(e) && plan->crash == CRASH_NONE &&
            !plan->is_poison && !database.shards[e->shard].is_slandered) {
            uint64_t outcome = outcome_of(e);

            const struct store_execution *row = database_end(&e->id);

            sim_trace("plan %u ends %s, outcome %016llx: %.*s", plan->number,
                      execution_state_name(e->state), (unsigned long long)outcome,
                      SPAN_ARG(row->error));
            sum += outcome;
        }
    }
    return sum;
}

/* What came to an end holds no key. (Who asks again for a rate after a load may wait for it twice.)
 */
static void keys_check_end(void)
{
    struct heap_budget budget = {0};
    struct arena arena;

    arena_init(&arena, allocator_heap(&budget), 0);
    for (uint32_t i = 0; i < database.shard_count; i++) {
        for (const struct database_item *k = database.shards[i].spanning; k != NULL; k = k->next) {
            struct wire_key_state state;

            if (k->spanning.kind == STORE_SPANNING_KEY &&
                wire_key_state_unpack(k->spanning.body, &arena, &state) == WIRE_OK &&
                state.kind == KEY_CONCURRENCY && state.holder_count + state.waiting_count > 0) {
                sim_fail("shard %u: a key is held by %u and waited for by %u, and all has ended", i,
                         state.holder_count, state.waiting_count);
            }
        }
    }
    arena_release(&arena);
}

/* A cancel that was in the log before its Job is kept for it: no report of a task can come before.
 * What ends in the step that admits it has ended before. */
static void early_cancel_check(const struct oracle_execution *e)
{
    const struct oracle_stored *stored = &oracle.stored[e->plan->number];

    if (stored->cancel_ns != 0 && stored->cancel_ns < stored->job_ns && e->has_sent &&
        e->state != EXECUTION_CANCELLED && e->plan->crash == CRASH_NONE &&
        !database.shards[e->shard].is_slandered) {
        sim_fail("plan %u was cancelled before it was submitted, and ended %s", e->plan->number,
                 execution_state_name(e->state));
    }
}

/* The rules have looked that it was one of those that it may come to. */
static enum task_state wait_end(const struct plan_execution *plan, const struct plan_spot *spot)
{
    struct oracle_execution *e = oracle_find(&plan->id);
    const struct oracle_instance *instance = e == NULL ? NULL : oracle_instance_at(e, spot);

    return instance == NULL ? TASK_WAITING : (enum task_state)instance->state;
}

void oracle_check_end(void)
{
    struct heap_budget budget = {0};

    keys_check_end();
    almanac_check_end();
    for (const struct oracle_execution *e = oracle.executions; e != NULL; e = e->next) {
        struct reference must = {0};

        if (gathered_is(e)) {
            continue;
        }
        if (!almanac_is(e)) {
            early_cancel_check(e);
        }
        if (e->is_excused || (gathered_any(e->plan) && is_any_slandered()) ||
            (database.shards[e->shard].is_slandered && e->plan->crash < CRASH_GRANT)) {
            continue;
        }
        must.raced = wait_end;
        reference_run(e->plan, allocator_heap(&budget), &must);
        end_compare(e, &must);
        buffer_release(&must.output);
    }
}
