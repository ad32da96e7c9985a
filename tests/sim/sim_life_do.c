/* sim_life_do: what the core of a worker wants done: reports, heartbeats, containers, the spool. */
#include <assert.h>
#include <stdlib.h>

#include "schemas/wire/fleet.h"
#include "schemas/wire/status.h"
#include "tests/sim/gathered.h"
#include "tests/sim/oracle.h"
#include "tests/sim/sim_life.h"
#include "tests/sim/worker_words.h"

/* ---- reports ---- */

struct report_send {
    struct sim_life *life;
    struct worker_report_id id;
};

static void report_answered(void *argument, int64_t offset, const struct exo_error *err)
{
    const struct report_send *send = argument;
    const struct worker_event event = {
        .kind = err == NULL ? WORKER_ON_REPORT_ACKED : WORKER_ON_REPORT_FAILED, .report = send->id};

    (void)offset;
    (void)life_event(send->life, &event); /* late ones are counted by the core */
    if (!send->life->is_spool_told && !send->life->is_stepping) {
        life_spool_tell(send->life);
    }
}

static void report_refused(void *argument)
{
    struct exo_error err = {.code = EXO_ELIMIT};

    report_answered(argument, -1, &err);
}

static void output_put(struct wire_report *to, struct span output, bool has_blob,
                       const struct digest *blob)
{
    to->has_output_digest = has_blob;
    if (has_blob) {
        to->output_digest = *blob;
        to->output_bytes = output.bytes;
    } else {
        to->output = output;
    }
}

/* What the attempt gave back, or the file that an earlier life left of it. */
static void output_fill(struct sim_life *life, const struct worker_report *core,
                        struct wire_report *to)
{
    const struct sim_attempt *attempt = life->attempts[core->id.slot.index];
    struct sim_file **told = &life->told[core->id.slot.index];

    if (*told == NULL && life->adopting != NULL && core->incarnation != life->incarnation) {
        *told = life->adopting;
    }
    to->memory_bytes_max = *told != NULL ? (*told)->mark : attempt != NULL ? attempt->mark : 0;
    if (*told != NULL) {
        to->ticket = (*told)->ticket;
        to->lend = (*told)->lend;
        output_put(to, (*told)->output, (*told)->has_blob, &(*told)->blob);
    } else if (attempt != NULL && core->outcome == ATTEMPT_SUCCEEDED) {
        output_put(to, attempt->output, attempt->has_blob, &attempt->blob);
    }
}

/* A worker that stood still takes a container that has ended meanwhile for one that runs too long.
 */
static void excuse_timeout(const struct sim_life *life, const struct worker_report *core)
{
    const struct sim_attempt *attempt = life->attempts[core->id.slot.index];

    if (core->outcome == ATTEMPT_TIMED_OUT && attempt != NULL && attempt->end != END_TIMED_OUT &&
        attempt->end != END_HANGS) {
        oracle_find(&core->task.execution)->is_excused = true;
    }
}

static void report_send(struct sim_life *life, const struct worker_report *core)
{
    struct report_send *send = sim_alloc(sizeof(*send));
    struct exo_error err;
    struct wire_report report = worker_report_words(core);
    struct wire_status status = {.worker = span_of(life->worker->name),
                                 .incarnation = core->incarnation,
                                 .reports = &report,
                                 .report_count = 1};

    *send = (struct report_send){life, core->id};
    report.error = core->error == NULL ? (struct span){NULL, 0} : span_of(core->error);
    if (core->kind == WORKER_PROGRESS) {
        report.progress = span_of("{\"percent\":50}");
    }
    if (core->kind == WORKER_ACCEPTED) {
        life->accepted[core->id.slot.index] = core->id.slot.generation;
    }
    oracle.last_words += core->kind == WORKER_FINISHED;
    oracle.unlent += core->kind == WORKER_FINISHED && core->next_lend == 0;
    if (core->kind == WORKER_FINISHED) {
        output_fill(life, core, &report);
        excuse_timeout(life, core);
    }
    arena_reset(&life->arena);
    buffer_reset(&life->text);
    wire_status_pack(&status, &life->arena, &life->text);
    if (log_append(life->log, TOPIC_STATUS, core->shard, (struct span){NULL, 0},
                   buffer_span(&life->text), 0, report_answered, send, &err) != 0) {
        sim_in(0, 2 * EXO_MILLISECOND, life->loop, report_refused, send);
    }
}

/* ---- exo.fleet ---- */

static void fleet_append(struct sim_life *life, const struct wire_fleet *fleet)
{
    struct heap_budget budget = {0};
    struct arena arena;
    struct exo_error err;

    arena_init(&arena, allocator_heap(&budget), 0);
    buffer_reset(&life->text);
    wire_fleet_pack(fleet, &arena, &life->text);
    if (log_append(life->log, TOPIC_FLEET, fleet_partition_of(life), span_of(life->worker->name),
                   buffer_span(&life->text), 2 * EXO_SECOND, NULL, NULL, &err) != 0) {
        sim_trace("no heartbeat"); /* it is followed by another */
    }
    arena_release(&arena);
}

static void heartbeat_send(struct sim_life *life, const struct worker_heartbeat *beat)
{
    const struct span classes[] = {span_of("default"), span_of("big")};

    for (uint32_t i = 0; i < life->class_count; i++) {
        if (!life->classes[i].is_opened && !beat->is_draining) {
            sim_fail("a worker announces itself before it reads its Tasks");
        }
    }
    arena_reset(&life->arena);
    struct wire_running *running =
        arena_alloc(&life->arena, beat->running_count * sizeof(*running));
    struct wire_loan *loans = arena_alloc(&life->arena, beat->loan_count * sizeof(*loans));

    assert(running != NULL && loans != NULL);
    for (uint32_t i = 0; i < beat->running_count; i++) {
        running[i] = (struct wire_running){beat->running[i].task, beat->running[i].attempt};
    }
    uint32_t lent = 0;

    for (uint32_t i = 0; i < beat->loan_count; i++) {
        lent += beat->loans[i].count;
        life_loan_check(life, beat->loans[i].process);
        loans[i] = worker_loan_words(life->worker->name, life->incarnation, &beat->loans[i]);
    }
    if (life->failed >= WORKER_UNFIT_ROW && lent > 1) {
        sim_fail("worker %s could not start the last %u attempts, and lends %u tickets",
                 life->worker->name, life->failed, lent);
    }
    const struct wire_fleet fleet = {
        .kind = FLEET_HEARTBEAT,
        .heartbeat = {
            .worker = span_of(life->worker->name),
            .incarnation = life->incarnation,
            .number = beat->number,
            .classes = classes,
            .class_count = life->class_count,
            .partition =
                topic_class_partition(span_of(life->worker->name), life->worker->task_partitions),
            .slots = beat->slots,
            .window = beat->window,
            .is_draining = beat->is_draining,
            .is_leaving = beat->is_leaving,
            .running = running,
            .running_count = beat->running_count,
            .position = beat->position,
            .positions = beat->positions,
            .loans = loans,
            .loan_count = beat->loan_count,
        }};

    fleet_append(life, &fleet);
}

static void loan_send(struct sim_life *life, const struct worker_loan *loan)
{
    const struct wire_fleet fleet = {
        .kind = FLEET_LOAN, .loan = worker_loan_words(life->worker->name, life->incarnation, loan)};

    fleet_append(life, &fleet);
}

/* ---- containers ---- */

/* Counts what the core should draw its conclusion from; what comes late tells it nothing. */
static void life_failed(struct sim_life *life, const struct worker_event *event)
{
    const struct slot *slot =
        life->is_over ? NULL : worker_slot(life->core, event->slot.slot.index);

    if (slot == NULL || slot->generation != event->slot.slot.generation) {
        return;
    }
    if (event->kind == WORKER_ON_STARTED && slot->state == SLOT_STARTING) {
        life->failed = 0;
    } else if (event->slot.end == ATTEMPT_BROKEN &&
               ((event->kind == WORKER_ON_UNPREPARED && slot->state == SLOT_PREPARING) ||
                (event->kind == WORKER_ON_EXITED && slot->state == SLOT_STARTING))) {
        life->failed++;
    }
}

struct slot_word {
    struct sim_attempt *attempt;
    uint32_t run;
    struct worker_event event;
};

static void slot_said(void *argument)
{
    struct slot_word *word = argument;

    if (word->event.kind == WORKER_ON_EXITED && word->run != word->attempt->run) {
        return; /* it ended another way before */
    }
    life_failed(word->attempt->life, &word->event);
    (void)life_event(word->attempt->life, &word->event); /* late ones are counted by the core */
}

/* The container or the machine says something about a slot after a while. */
static void slot_say(struct sim_attempt *attempt, enum worker_event_kind kind, enum attempt_end end,
                     int exit_status, exo_time in_ns)
{
    struct slot_word *word = sim_alloc(sizeof(*word));

    *word = (struct slot_word){
        .attempt = attempt,
        .run = attempt->run,
        .event = {.kind = kind,
                  .slot = {.slot = attempt->slot,
                           .end = end,
                           .exit_status = exit_status,
                           .has_news = true}},
    };
    sim_at(sim.now_ns + in_ns, attempt->life->loop, slot_said, word);
}

static void file_add(struct sim_life *life, const struct sim_attempt *attempt)
{
    struct sim_file *file = sim_alloc(sizeof(*file));

    file->incarnation = life->incarnation;
    file->shard = attempt->shard;
    file->task = attempt->task;
    file->attempt = attempt->attempt;
    file->mark = attempt->mark;
    file->next = life->worker->files;
    life->worker->files = file;
}

static struct sim_file **file_find(struct sim_worker *worker, const struct task_id *task,
                                   uint32_t attempt)
{
    struct sim_file **link = &worker->files;

    while (*link != NULL &&
           ((*link)->attempt != attempt || memcmp(&(*link)->task, task, sizeof(*task)) != 0)) {
        link = &(*link)->next;
    }
    return link;
}

static void prepare(struct sim_life *life, struct slot_handle slot)
{
    struct sim_attempt *attempt = sim_alloc(sizeof(*attempt));

    assert(life->task != NULL);
    assert(life->attempts[slot.index] == NULL);
    attempt->life = life;
    attempt->slot = slot;
    attempt->shard = life->task_shard;
    attempt->task = *life->task_id;
    attempt->attempt = life->task->attempt;
    if (!plan_spot_of(oracle_find(&attempt->task.execution)->plan, life->task_path,
                      &attempt->spot)) {
        sim_fail("a Task of %.*s, which there is not", SPAN_ARG(life->task_path));
    }
    attempt->spot.index = attempt->task.index;
    attempt->mark = plan_spot_mark(oracle_find(&attempt->task.execution)->plan, &attempt->spot);
    life->attempts[slot.index] = attempt;
    if (life->worker->spools) {
        file_add(life, attempt);
    }
    bool is_broken = fault_fires(&sim.faults, FAULT_WORKER_UNPREPARED);

    slot_say(attempt, is_broken ? WORKER_ON_UNPREPARED : WORKER_ON_PREPARED, ATTEMPT_BROKEN, 0,
             sim_draw(0, 20 * EXO_MILLISECOND));
}

static void output_make(struct sim_attempt *attempt, const struct plan_execution *plan)
{
    struct plan_spot spot = attempt->spot;
    struct heap_budget budget = {0};
    struct buffer text;

    buffer_init(&text, allocator_heap(&budget), 0);
    plan_output(plan, &spot, &text);
    attempt->output = sim_copy(buffer_span(&text));
    buffer_release(&text);
    if (!spot.is_inner && plan->satellites[spot.satellite].gives_blob) {
        attempt->has_blob = true;
        attempt->blob = oracle_blob_put(attempt->output);
    }
}

static void gathered_make(struct sim_attempt *attempt)
{
    struct heap_budget budget = {0};
    struct buffer text;

    buffer_init(&text, allocator_heap(&budget), 0);
    attempt->end =
        gathered_output(oracle_find(&attempt->task.execution), &text) ? END_SUCCEEDED : END_FAILED;
    attempt->output = sim_copy(buffer_span(&text));
    buffer_release(&text);
}

static void container_run(struct sim_attempt *attempt)
{
    const struct oracle_task *task = oracle_container(&attempt->task, attempt->attempt);
    const struct plan_execution *plan = oracle_find(&attempt->task.execution)->plan;
    exo_time lag_ns = sim_draw(0, 10 * EXO_MILLISECOND);
    exo_time most_ns = (dice_chance(&sim.net, 100000) ? PLAN_RUN_MS : 20) * EXO_MILLISECOND;
    exo_time run_ns = lag_ns + (plan->run_ms > 0 ? sim_draw(0, plan->run_ms * EXO_MILLISECOND)
                                                 : sim_draw(0, most_ns));
    int exit_status = 0;

    attempt->end = plan_task_end(plan, &attempt->spot, task->failures, task->laters);
    if (plan == &gathered_plan) {
        gathered_make(attempt);
    } else {
        output_make(attempt, plan);
    }
    sim_trace("container of plan %u %s attempt %u", plan->number,
              oracle_name(oracle_find(&attempt->task.execution), attempt->task.instance,
                          attempt->task.index),
              attempt->attempt);
    slot_say(attempt, WORKER_ON_STARTED, ATTEMPT_EXITED, 0, lag_ns);
    for (uint32_t i = 0; i < 3 && dice_chance(&sim.net, 100000); i++) {
        slot_say(attempt, WORKER_ON_PROGRESS, ATTEMPT_EXITED, 0, sim_draw(lag_ns, run_ns));
    }
    switch (attempt->end) {
    case END_SUCCEEDED:
        break;
    case END_FAILED:
        exit_status = 1;
        break;
    case END_NEVER:
        exit_status = EXIT_STATUS_NEVER_AGAIN;
        break;
    case END_LATER:
        exit_status = EXIT_STATUS_LATER;
        break;
    case END_TIMED_OUT:
    case END_HANGS:
        return; /* until it is stopped */
    }
    slot_say(attempt, WORKER_ON_EXITED, ATTEMPT_EXITED, exit_status, run_ns);
}

static void start(struct sim_attempt *attempt)
{
    const struct sim_life *life = attempt->life;

    if (!life->worker->merges_accepted &&
        life->accepted[attempt->slot.index] != attempt->slot.generation) {
        sim_fail("a container starts before its ACCEPTED was sent");
    }
    if (sim.now_ns < life->worker->broken_until_ns && !sim.faults.is_over) {
        slot_say(attempt, WORKER_ON_EXITED, ATTEMPT_BROKEN, 0, sim_draw(0, 10 * EXO_MILLISECOND));
        return;
    }
    container_run(attempt);
}

static void stop(struct sim_attempt *attempt, exo_time grace_ns)
{
    exo_time in_ns = grace_ns == 0 ? 0 : sim_draw(0, grace_ns);

    attempt->run++;
    slot_say(attempt, WORKER_ON_EXITED, ATTEMPT_SIGNALLED, 0, in_ns);
}

/* ---- the spool ---- */

static void spool_write(struct sim_life *life, const struct worker_action *action)
{
    struct sim_attempt *attempt = life->attempts[action->slot.index];
    struct sim_file *file = *file_find(life->worker, &attempt->task, attempt->attempt);

    if (file != NULL && !fault_fires(&sim.faults, FAULT_WORKER_DISK_FULL)) {
        file->ticket = action->report.ticket;
        file->lend = action->report.lend;
        file->outcome = action->report.outcome;
        file->exit_status = action->report.exit_status;
        if (file->outcome == ATTEMPT_SUCCEEDED) {
            file->output = attempt->output;
            file->has_blob = attempt->has_blob;
            file->blob = attempt->blob;
        }
    }
    slot_say(attempt, WORKER_ON_SPOOLED, ATTEMPT_EXITED, 0, sim_draw(0, 2 * EXO_MILLISECOND));
}

static void spool_delete(struct sim_life *life, uint32_t slot)
{
    const struct sim_attempt *attempt = life->attempts[slot];
    const struct sim_file *told = life->told[slot];
    struct sim_file **link = told != NULL
                                 ? file_find(life->worker, &told->task, told->attempt)
                                 : file_find(life->worker, &attempt->task, attempt->attempt);

    if (*link != NULL) {
        *link = (*link)->next;
    }
    life->told[slot] = NULL;
}

void life_do(struct sim_life *life, const struct worker_action *action)
{
    struct sim_attempt **place = &life->attempts[action->slot.index];

    switch (action->kind) {
    case WORKER_DO_REPORT:
        report_send(life, &action->report);
        break;
    case WORKER_DO_PREPARE:
        prepare(life, action->slot);
        break;
    case WORKER_DO_START:
        start(*place);
        break;
    case WORKER_DO_STOP:
        stop(*place, action->grace_ns);
        break;
    case WORKER_DO_COLLECT:
        slot_say(*place, WORKER_ON_COLLECTED, ATTEMPT_EXITED, 0, sim_draw(0, 5 * EXO_MILLISECOND));
        break;
    case WORKER_DO_SPOOL_WRITE:
        spool_write(life, action);
        break;
    case WORKER_DO_SPOOL_DELETE:
        spool_delete(life, action->slot.index);
        break;
    case WORKER_DO_FORGET:
        *place = NULL;
        break;
    case WORKER_DO_HEARTBEAT:
        heartbeat_send(life, action->heartbeat);
        break;
    case WORKER_DO_LOAN:
        loan_send(life, &action->loan);
        break;
    case WORKER_DO_LEAVE:
        sim_trace("worker %s has left", life->worker->name);
        break;
    case WORKER_ACTION_NR:
        assert(false);
    }
}
