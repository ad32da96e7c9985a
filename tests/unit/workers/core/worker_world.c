#include "tests/unit/workers/core/worker_world.h"

#include <stdio.h>
#include <string.h>

static void trace(struct world *w, const char *format, ...) EXO_PRINTF(2, 3);
static void trace(struct world *w, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int bytes =
        vsnprintf(&w->trace[w->trace_bytes], TRACE_BYTES - w->trace_bytes, format, arguments);
    va_end(arguments);
    assert_true(bytes >= 0);
    assert_true(w->trace_bytes + (size_t)bytes < TRACE_BYTES);
    w->trace_bytes += (size_t)bytes;
}

static const char *report_name(enum worker_report_kind kind)
{
    switch (kind) {
    case WORKER_ACCEPTED:
        return "accepted";
    case WORKER_REJECTED:
        return "rejected";
    case WORKER_STARTED:
        return "started";
    case WORKER_PROGRESS:
        return "progress";
    case WORKER_FINISHED:
        return "finished";
    }
    return "?";
}

static void trace_report(struct world *w, const struct worker_report *r)
{
    trace(w, "%s %u/%u h%llu", report_name(r->kind), r->task.index, r->attempt,
          (unsigned long long)r->heartbeat);
    if (r->kind == WORKER_FINISHED) {
        trace(w, " %s", attempt_outcome_name(r->outcome));
    }
    if (r->lend != 0 && r->id.is_last) {
        trace(w, " ticket %u.%llu -> %.*s.%llu", r->ticket, (unsigned long long)r->lend,
              SPAN_ARG(r->next), (unsigned long long)r->next_lend);
    }
    if (r->incarnation != INCARNATION) {
        trace(w, " of %llu", (unsigned long long)r->incarnation);
    }
}

static void trace_loan(struct world *w, const struct worker_loan *loan)
{
    trace(w, " %.*s:", SPAN_ARG(loan->process));
    for (uint32_t i = 0; i < loan->count; i++) {
        trace(w, "%s%u.%llu", i == 0 ? "" : ",", loan->tickets[i],
              (unsigned long long)loan->lends[i]);
    }
}

static void trace_heartbeat(struct world *w, const struct worker_heartbeat *h)
{
    trace(w, " %llu%s%s at %lld runs", (unsigned long long)h->number,
          h->is_draining ? " draining" : "", h->is_leaving ? " leaving" : "",
          (long long)h->position);
    for (uint32_t i = 0; i < h->running_count; i++) {
        trace(w, " %u/%u", h->running[i].task.index, h->running[i].attempt);
    }
    trace(w, " lends");
    for (uint32_t i = 0; i < h->loan_count; i++) {
        trace_loan(w, &h->loans[i]);
    }
}

static void trace_action(struct world *w, const struct worker_action *action)
{
    trace(w, "  %s ", worker_action_name(action->kind));
    switch (action->kind) {
    case WORKER_DO_REPORT:
        trace_report(w, &action->report);
        w->report = action->report.id;
        break;
    case WORKER_DO_HEARTBEAT:
        trace_heartbeat(w, action->heartbeat);
        break;
    case WORKER_DO_LOAN:
        trace_loan(w, &action->loan);
        break;
    case WORKER_DO_STOP:
        trace(w, "%u grace %lld", action->slot.index, (long long)(action->grace_ns / EXO_SECOND));
        break;
    case WORKER_DO_PREPARE:
        w->slot = action->slot;
        trace(w, "%u", action->slot.index);
        break;
    case WORKER_DO_START:
    case WORKER_DO_COLLECT:
    case WORKER_DO_SPOOL_WRITE:
    case WORKER_DO_SPOOL_DELETE:
    case WORKER_DO_FORGET:
        trace(w, "%u", action->slot.index);
        break;
    case WORKER_DO_LEAVE:
    case WORKER_ACTION_NR:
        break;
    }
    trace(w, "\n");
}

enum worker_err world_step(struct world *w, const struct worker_event *event)
{
    enum worker_err err = worker_step(w->worker, event, w->now_ns, &w->actions);

    trace(w, "%s%s\n", worker_event_name(event->kind),
          err == WORKER_OK          ? ""
          : err == WORKER_ESTALE    ? " stale"
          : err == WORKER_EREJECTED ? " rejected"
                                    : " full");
    for (uint32_t i = 0; i < w->actions.count; i++) {
        trace_action(w, &w->actions.items[i]);
    }
    worker_check(w->worker);
    return err;
}

void world_trace_reset(struct world *w)
{
    w->trace_bytes = 0;
    w->trace[0] = '\0';
}

struct worker_settings world_settings(void)
{
    return (struct worker_settings){
        .incarnation = INCARNATION,
        .slots = 2,
        .prefetch = 1,
        .class_nr = 1,
        .shard_nr = 4,
        .memory_bytes = 1000,
        .cpu_millis = 2000,
        .spools = true,
    };
}

void world_open(struct world *w, const struct worker_settings *settings)
{
    *w = (struct world){.now_ns = 100 * EXO_SECOND};
    w->worker = worker_new(settings, allocator_heap(&w->budget));
    assert_non_null(w->worker);
    worker_check(w->worker);
}

void world_close(struct world *w)
{
    worker_free(w->worker);
    assert_int_equal(w->budget.used_bytes, 0);
}

enum worker_err world_simple(struct world *w, enum worker_event_kind kind)
{
    return world_step(w, &(struct worker_event){.kind = kind});
}

enum worker_err world_opened(struct world *w, uint32_t class_index, int64_t position)
{
    return world_step(
        w, &(struct worker_event){.kind = WORKER_ON_OPENED,
                                  .opened = {.class_index = class_index, .position = position}});
}

enum worker_err world_tick(struct world *w, const char *process, uint64_t number, uint64_t demand)
{
    return world_step(w, &(struct worker_event){.kind = WORKER_ON_TICK,
                                                .tick = {span_of(process), number, demand, false}});
}

/* Takes a worker through JOINING, all tickets lent to "s1". */
void world_serve(struct world *w)
{
    assert_int_equal(world_tick(w, "s1", 1, 0), WORKER_OK);
    assert_int_equal(world_simple(w, WORKER_ON_SPOOL_END), WORKER_OK);
    assert_int_equal(world_opened(w, 0, 50), WORKER_OK);
}

struct task_id world_task_of(uint32_t index)
{
    return (struct task_id){.execution = {{1, 2, 3}}, .instance = 5, .index = index};
}

struct worker_event world_task_event(uint32_t index, uint32_t attempt, uint32_t ticket,
                                     uint64_t lend)
{
    return (struct worker_event){.kind = WORKER_ON_TASK,
                                 .task = {.offset = 50 + index,
                                          .shard = 1,
                                          .process = span_of("s1"),
                                          .task = world_task_of(index),
                                          .attempt = attempt,
                                          .ticket = ticket,
                                          .lend = lend,
                                          .timeout_ns = 60 * EXO_SECOND,
                                          .grace_ns = 7 * EXO_SECOND,
                                          .memory_bytes = 100}};
}

enum worker_err world_task(struct world *w, uint32_t index, uint32_t attempt, uint32_t ticket,
                           uint64_t lend)
{
    struct worker_event event = world_task_event(index, attempt, ticket, lend);

    return world_step(w, &event);
}

enum worker_err world_record(struct world *w, int64_t offset, uint64_t epoch, uint64_t sequence)
{
    return world_step(w, &(struct worker_event){.kind = WORKER_ON_RECORD,
                                                .record = {.offset = offset,
                                                           .is_ours = true,
                                                           .shard = 1,
                                                           .epoch = epoch,
                                                           .sequence = sequence}});
}

enum worker_err world_kill(struct world *w, uint32_t index, uint32_t attempt)
{
    return world_step(w, &(struct worker_event){.kind = WORKER_ON_KILL,
                                                .kill = {world_task_of(index), attempt, -1}});
}

enum worker_err world_on_slot(struct world *w, enum worker_event_kind kind, struct slot_handle slot,
                              enum attempt_end end, int exit_status)
{
    return world_step(
        w, &(struct worker_event){.kind = kind,
                                  .slot = {.slot = slot, .end = end, .exit_status = exit_status}});
}

enum worker_err world_progress(struct world *w, struct slot_handle slot, bool has_news)
{
    return world_step(w, &(struct worker_event){.kind = WORKER_ON_PROGRESS,
                                                .slot = {.slot = slot, .has_news = has_news}});
}

enum worker_err world_answer(struct world *w, enum worker_event_kind kind,
                             struct worker_report_id id)
{
    return world_step(w, &(struct worker_event){.kind = kind, .report = id});
}

enum worker_err world_drain(struct world *w, exo_time in_ns)
{
    return world_step(w, &(struct worker_event){.kind = WORKER_ON_DRAIN, .drain = {in_ns}});
}

enum worker_err world_beat(struct world *w)
{
    w->now_ns += EXO_SECOND;
    return world_simple(w, WORKER_ON_TIMER);
}

void world_trace_is(struct world *w, const char *expected)
{
    if (strcmp(w->trace, expected) != 0) {
        fail_msg("the trace is now:\n%s", w->trace);
    }
    world_trace_reset(w);
}

/* Brings task 0, attempt 5, on ticket 0, to a state. */
void world_bring_to(struct world *w, enum slot_state to)
{
    struct worker_settings settings = world_settings();

    world_open(w, &settings);
    world_serve(w);
    if (to == SLOT_FREE) {
        w->slot = (struct slot_handle){0, 0};
        return;
    }
    if (to == SLOT_REJECTED) {
        assert_int_equal(world_task(w, 0, 5, 0, 99), WORKER_EREJECTED);
        w->slot = w->report.slot;
        return;
    }
    assert_int_equal(world_task(w, 0, 5, 0, 1), WORKER_OK);
    static const struct {
        enum slot_state state;
        enum worker_event_kind kind;
    } way[] = {
        {SLOT_PREPARING, WORKER_ON_PREPARED}, {SLOT_STARTING, WORKER_ON_STARTED},
        {SLOT_RUNNING, WORKER_ON_EXITED},     {SLOT_COLLECTING, WORKER_ON_COLLECTED},
        {SLOT_SPOOLING, WORKER_ON_SPOOLED},
    };

    if (to == SLOT_READY) {
        /* Two others hold the places. */
        for (uint32_t i = 1; i < 3; i++) {
            struct slot_handle first = w->slot;

            assert_int_equal(world_task(w, i, 1, i, 1), WORKER_OK);
            (void)world_on_slot(w, WORKER_ON_PREPARED, w->slot, ATTEMPT_EXITED, 0);
            w->slot = first;
        }
        (void)world_on_slot(w, WORKER_ON_PREPARED, w->slot, ATTEMPT_EXITED, 0);
        return;
    }
    for (size_t i = 0; i < sizeof(way) / sizeof(way[0]) && way[i].state != to; i++) {
        if (to == SLOT_STOPPING && way[i].state == SLOT_RUNNING) {
            assert_int_equal(world_kill(w, 0, 5), WORKER_OK);
            return;
        }
        assert_int_equal(world_on_slot(w, way[i].kind, w->slot, ATTEMPT_EXITED, 0), WORKER_OK);
    }
}
