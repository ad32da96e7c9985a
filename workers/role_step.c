#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "infra/telemetry/log_line.h"
#include "workers/role_state.h"

/* A heartbeat that is late only hides the next one (protocol.md 5). */
static const exo_time fleet_timeout_ns = 2 * EXO_SECOND;

void role_fail(struct worker_role *role, const struct exo_error *err)
{
    if (!role->has_ended) {
        role->has_ended = true;
        role->on_end(role->argument, err);
    }
}

static void leaving_told(void *argument, int64_t offset, const struct exo_error *err)
{
    struct worker_role *role = argument;

    (void)offset;
    (void)err; /* schedulers then learn it from our silence */
    if (!role->is_stopped) {
        role_fail(role, NULL);
    }
}

static void fleet_append(struct worker_role *role, const struct wire_fleet *record,
                         log_appended *done)
{
    struct exo_error err = {.code = EXO_OK};

    arena_reset(&role->scratch);
    buffer_reset(&role->buffer);
    wire_fleet_pack(record, &role->scratch, &role->buffer);
    if (role->buffer.is_failed ||
        log_append(role->log, TOPIC_FLEET, role->fleet_partition, span_of(role->name),
                   buffer_span(&role->buffer), fleet_timeout_ns, done, role, &err) != 0) {
        log_line(EVENT_WORKER_HEARTBEAT_LOST, LOG_FACTS(fact_error(&err)));
        if (done != NULL) {
            done(role, -1, &err);
        }
    }
}

static struct wire_loan loan_of(const struct worker_role *role, const struct worker_loan *loan)
{
    return (struct wire_loan){
        .worker = span_of(role->name),
        .incarnation = role->incarnation,
        .process = loan->process,
        .tickets = loan->tickets,
        .lends = loan->lends,
        .count = loan->count,
    };
}

static void loan_send(struct worker_role *role, const struct worker_loan *loan)
{
    const struct wire_fleet record = {.kind = FLEET_LOAN, .loan = loan_of(role, loan)};

    fleet_append(role, &record, NULL);
}

static void heartbeat_send(struct worker_role *role, const struct worker_heartbeat *beat)
{
    struct span classes[WORKER_CLASSES_MAX];
    struct wire_running *running;
    struct wire_loan *loans;
    struct arena arena;

    arena_init(&arena, allocator_heap(&role->budget), 0);
    running = arena_alloc(&arena, beat->running_count * sizeof(*running));
    loans = arena_alloc(&arena, beat->loan_count * sizeof(*loans));
    assert(running != NULL); /* bounded by the slots */
    assert(loans != NULL);
    for (uint32_t i = 0; i < role->class_nr; i++) {
        classes[i] = span_of(role->classes[i].name);
    }
    for (uint32_t i = 0; i < beat->running_count; i++) {
        running[i] = (struct wire_running){beat->running[i].task, beat->running[i].attempt};
    }
    for (uint32_t i = 0; i < beat->loan_count; i++) {
        loans[i] = loan_of(role, &beat->loans[i]);
    }
    const char *trouble = beat->is_draining ? NULL : role_trouble(role);
    const struct wire_fleet record = {.kind = FLEET_HEARTBEAT,
                                      .heartbeat = {
                                          .worker = span_of(role->name),
                                          .incarnation = role->incarnation,
                                          .number = beat->number,
                                          .classes = classes,
                                          .class_count = role->class_nr,
                                          .partition = role->tasks_partition,
                                          .slots = beat->slots,
                                          .window = beat->window,
                                          .is_draining = beat->is_draining,
                                          .is_leaving = beat->is_leaving,
                                          .cpu_millis = beat->cpu_millis,
                                          .memory_bytes = beat->memory_bytes,
                                          .cpu_free_millis = beat->cpu_free_millis,
                                          .memory_free_bytes = beat->memory_free_bytes,
                                          .running = running,
                                          .running_count = beat->running_count,
                                          .position = beat->position,
                                          .positions = beat->positions,
                                          .loans = loans,
                                          .loan_count = beat->loan_count,
                                          .version_text = span_of(EXO_VERSION),
                                          .at_ms = clock_wall_ns() / EXO_MILLISECOND,
                                          .trouble = span_of(trouble),
                                      }};

    fleet_append(role, &record, beat->is_leaving ? leaving_told : NULL);
    arena_release(&arena);
}

/* The file of the earlier life that a report is about, or NULL. */
static const struct role_left *left_of(struct worker_role *role, const struct worker_report *core)
{
    struct role_left **told = &role->told[core->id.slot.index];
    struct role_left *left = role->adopting;

    if (*told == NULL && left != NULL && core->kind == WORKER_FINISHED &&
        core->incarnation == left->entry.incarnation) {
        *told = left;
    }
    return *told;
}

static void report_send(struct worker_role *role, const struct worker_report *core)
{
    struct wire_report report = report_of_core(core);
    uint32_t slot = core->id.slot.index;
    const struct role_left *left = left_of(role, core);

    if (left != NULL) {
        report_batches_add(role->reports, core->shard, core->incarnation, left->entry.worker,
                           &core->id, &left->entry.report);
        return;
    }
    if (core->kind == WORKER_FINISHED && role->attempts[slot] != NULL) {
        attempt_fill_report(role->attempts[slot], &report);
    } else if (core->kind == WORKER_PROGRESS && role->attempts[slot] != NULL) {
        attempt_fill_progress(role->attempts[slot], &report);
    }
    report_batches_add(role->reports, core->shard, core->incarnation, (struct span){NULL, 0},
                       &core->id, &report);
}

static void attempt_make(struct worker_role *role, struct slot_handle slot)
{
    const struct role_task *t = &role->task;

    assert(t->task != NULL); /* PREPARE comes with its TASK only */
    assert(role->attempts[slot.index] == NULL);
    role->attempts[slot.index] =
        attempt_new(&role->host, slot, t->shard, t->id, t->task, t->contract, t->refusal);
    attempt_prepare(role->attempts[slot.index]);
}

static void action_do(struct worker_role *role, const struct worker_action *action)
{
    struct attempt **place = &role->attempts[action->slot.index];

    switch (action->kind) {
    case WORKER_DO_REPORT:
        report_send(role, &action->report);
        break;
    case WORKER_DO_PREPARE:
        attempt_make(role, action->slot);
        break;
    case WORKER_DO_START:
        attempt_start(*place);
        break;
    case WORKER_DO_STOP:
        attempt_stop(*place, action->grace_ns);
        break;
    case WORKER_DO_COLLECT:
        attempt_collect(*place);
        break;
    case WORKER_DO_SPOOL_WRITE:
        attempt_spool_write(*place, &action->report);
        break;
    case WORKER_DO_SPOOL_DELETE:
        if (!role_spool_acked(role, action->slot.index)) {
            attempt_spool_delete(*place);
        }
        break;
    case WORKER_DO_FORGET:
        attempt_forget(*place);
        *place = NULL;
        break;
    case WORKER_DO_HEARTBEAT:
        heartbeat_send(role, action->heartbeat);
        break;
    case WORKER_DO_LOAN:
        loan_send(role, &action->loan);
        break;
    case WORKER_DO_LEAVE:
        log_line(EVENT_WORKER_LEFT, NULL);
        break;
    case WORKER_ACTION_NR:
        assert(false);
    }
}

const char *role_trouble(const struct worker_role *role)
{
    const char *full = role->room == NULL ? NULL : room_full_reason(role->room);

    return full != NULL ? full : worker_is_unfit(role->core) ? role->trouble : NULL;
}

/* Before its step: the heartbeat that follows may tell it. */
static void trouble_note(struct worker_role *role, const struct worker_event *event)
{
    bool is_end = event->kind == WORKER_ON_UNPREPARED || event->kind == WORKER_ON_EXITED;

    if (is_end && event->slot.end == ATTEMPT_BROKEN) {
        const struct attempt *attempt = role->attempts[event->slot.slot.index];

        (void)snprintf(role->trouble, sizeof(role->trouble),
                       "attempts cannot be started here, the last: %.500s; mend it, the worker "
                       "tries one now and then and goes on by itself",
                       attempt == NULL ? "" : attempt_error(attempt));
    }
}

static void health_say(struct worker_role *role)
{
    bool is_unfit = worker_is_unfit(role->core);

    if (is_unfit && !role->is_unfit) {
        log_line(EVENT_WORKER_UNFIT, LOG_FACTS(fact_text("reason", role->trouble)));
    } else if (!is_unfit && role->is_unfit) {
        log_line(EVENT_WORKER_FIT, NULL);
    }
    role->is_unfit = is_unfit;
}

static enum worker_err step(struct worker_role *role, const struct worker_event *event)
{
    struct worker_actions actions;

    trouble_note(role, event);
    enum worker_err err = worker_step(role->core, event, loop_now_ns(role->loop), &actions);

    for (uint32_t i = 0; i < actions.count; i++) {
        action_do(role, &actions.items[i]);
    }
    health_say(role);
    return err;
}

static void timer_arm(struct worker_role *role)
{
    exo_time at = worker_deadline(role->core);
    exo_time now = loop_now_ns(role->loop);

    /* A timer that comes too early only asks again; starting it at every step would cost more. */
    if (at == EXO_TIME_NEVER || (role->armed_ns <= at && role->armed_ns > now)) {
        return;
    }
    role->armed_ns = at;
    loop_timer_start(role->timer, at > now ? at - now : 0, 0);
}

enum worker_err role_step(struct worker_role *role, const struct worker_event *event)
{
    assert(!role->is_stepping);
    if (role->is_stopped) {
        return WORKER_ESTALE;
    }
    role->is_stepping = true;
    enum worker_err err = step(role, event);

    while (role->event_count > 0) {
        struct worker_event next = role->events[role->event_first];

        role->event_first = (role->event_first + 1) % role->event_room;
        role->event_count--;
        (void)step(role, &next); /* late ones are counted by the core */
    }
    role->is_stepping = false;
    timer_arm(role);
    return err;
}

static void ring_grow(struct worker_role *role)
{
    uint32_t room = role->event_room == 0 ? 64 : 2 * role->event_room;
    struct worker_event *events = malloc(room * sizeof(*events));

    assert(events != NULL); /* a few an attempt: bounded by the slots */
    for (uint32_t i = 0; i < role->event_count; i++) {
        events[i] = role->events[(role->event_first + i) % role->event_room];
    }
    free(role->events);
    role->events = events;
    role->event_room = room;
    role->event_first = 0;
}

void role_event(void *argument, const struct worker_event *event)
{
    struct worker_role *role = argument;

    if (!role->is_stepping) {
        (void)role_step(role, event); /* late ones are counted by the core */
        return;
    }
    if (role->event_count == role->event_room) {
        ring_grow(role);
    }
    role->events[(role->event_first + role->event_count) % role->event_room] = *event;
    role->event_count++;
}

void role_answered(void *argument, const struct worker_report_id *id, bool is_acked)
{
    struct worker_role *role = argument;
    const struct worker_event event = {
        .kind = is_acked ? WORKER_ON_REPORT_ACKED : WORKER_ON_REPORT_FAILED, .report = *id};

    role_event(argument, &event);
    if (!role->is_left_told && role->is_prepared && !role->is_stepping) {
        role_spool_tell(role); /* a slot may have become free */
    }
}
