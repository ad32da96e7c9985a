#include "workers/core/worker.h"

#include <assert.h>
#include <string.h>

#include "workers/core/worker_state.h"

/* After the drain's deadline the containers get their grace and the reports a last chance. */
enum { LEAVE_ANYWAY_SECONDS = 30 };

static const char *const event_names[WORKER_EVENT_NR] = {
    [WORKER_ON_OPENED] = "opened",
    [WORKER_ON_ADOPT] = "adopt",
    [WORKER_ON_SPOOL_END] = "spool_end",
    [WORKER_ON_RECORD] = "record",
    [WORKER_ON_TASK] = "task",
    [WORKER_ON_KILL] = "kill",
    [WORKER_ON_DRAIN] = "drain",
    [WORKER_ON_ROOM] = "room",
    [WORKER_ON_TICK] = "tick",
    [WORKER_ON_HEARTBEAT_SEEN] = "heartbeat_seen",
    [WORKER_ON_PREPARED] = "prepared",
    [WORKER_ON_UNPREPARED] = "unprepared",
    [WORKER_ON_STARTED] = "started",
    [WORKER_ON_PROGRESS] = "progress",
    [WORKER_ON_EXITED] = "exited",
    [WORKER_ON_COLLECTED] = "collected",
    [WORKER_ON_SPOOLED] = "spooled",
    [WORKER_ON_REPORT_ACKED] = "report_acked",
    [WORKER_ON_REPORT_FAILED] = "report_failed",
    [WORKER_ON_TIMER] = "timer",
};

static const char *const action_names[WORKER_ACTION_NR] = {
    [WORKER_DO_REPORT] = "report",
    [WORKER_DO_PREPARE] = "prepare",
    [WORKER_DO_START] = "start",
    [WORKER_DO_STOP] = "stop",
    [WORKER_DO_COLLECT] = "collect",
    [WORKER_DO_SPOOL_WRITE] = "spool_write",
    [WORKER_DO_SPOOL_DELETE] = "spool_delete",
    [WORKER_DO_FORGET] = "forget",
    [WORKER_DO_HEARTBEAT] = "heartbeat",
    [WORKER_DO_LOAN] = "loan",
    [WORKER_DO_LEAVE] = "leave",
};

const char *worker_event_name(enum worker_event_kind kind)
{
    assert(kind < WORKER_EVENT_NR);
    return event_names[kind];
}

const char *worker_action_name(enum worker_action_kind kind)
{
    assert(kind < WORKER_ACTION_NR);
    return action_names[kind];
}

static void settings_check(const struct worker_settings *settings)
{
    assert(settings->slots >= 1);
    assert(settings->slots <= WORKER_SLOTS_MAX);
    assert(settings->prefetch <= WORKER_SLOTS_MAX);
    assert(settings->class_nr >= 1);
    assert(settings->class_nr <= WORKER_CLASSES_MAX);
    assert(settings->shard_nr >= 1);
    assert(settings->shard_nr <= WORKER_SHARDS_MAX);
}

static struct worker_settings settings_filled(const struct worker_settings *settings)
{
    struct worker_settings filled = *settings;

    if (filled.heartbeat_ns == 0) {
        filled.heartbeat_ns = EXO_SECOND;
    }
    if (filled.prepare_max_ns == 0) {
        filled.prepare_max_ns = 15 * EXO_MINUTE;
    }
    if (filled.silence_ticks == 0) {
        filled.silence_ticks = WORKER_SILENCE_TICKS;
    }
    return filled;
}

/* Takes every array; false when one is missing. */
static bool memory_take(struct worker *worker, struct arena *arena, uint32_t buckets)
{
    const struct worker_settings *s = &worker->settings;
    uint32_t window = s->slots + s->prefetch;
    struct ticket *tickets = arena_alloc(arena, window * sizeof(*tickets));
    struct ticket_lender *lenders = arena_alloc(arena, WORKER_LENDERS_MAX * sizeof(*lenders));

    worker->slots = arena_alloc(arena, worker->slot_nr * sizeof(*worker->slots));
    worker->buckets = arena_alloc(arena, buckets * sizeof(*worker->buckets));
    worker->moves = arena_alloc(arena, window * sizeof(*worker->moves));
    worker->marks = arena_alloc(arena, (size_t)s->class_nr * s->shard_nr * sizeof(*worker->marks));
    worker->epochs = arena_alloc(arena, s->shard_nr * sizeof(*worker->epochs));
    worker->actions = arena_reserve(arena, worker->action_max * sizeof(*worker->actions));
    worker->running = arena_alloc(arena, worker->slot_nr * sizeof(*worker->running));
    worker->loans = arena_alloc(arena, WORKER_LENDERS_MAX * sizeof(*worker->loans));
    worker->loan_tickets = arena_alloc(arena, window * sizeof(*worker->loan_tickets));
    worker->loan_lends = arena_alloc(arena, window * sizeof(*worker->loan_lends));
    worker->move_tickets = arena_alloc(arena, window * sizeof(*worker->move_tickets));
    worker->move_lends = arena_alloc(arena, window * sizeof(*worker->move_lends));
    if (tickets == NULL || lenders == NULL || worker->slots == NULL || worker->buckets == NULL ||
        worker->moves == NULL || worker->marks == NULL || worker->epochs == NULL ||
        worker->actions == NULL || worker->running == NULL || worker->loans == NULL ||
        worker->loan_tickets == NULL || worker->loan_lends == NULL ||
        worker->move_tickets == NULL || worker->move_lends == NULL) {
        return false;
    }
    ticket_table_init(&worker->tickets, tickets, window, lenders, WORKER_LENDERS_MAX, s->slots);
    return true;
}

struct worker *worker_new(const struct worker_settings *settings, struct allocator allocator)
{
    struct arena arena;
    uint32_t buckets = 1;

    settings_check(settings);
    arena_init(&arena, allocator, 0);
    struct worker *worker = arena_alloc(&arena, sizeof(*worker));

    if (worker == NULL) {
        arena_release(&arena);
        return NULL;
    }
    worker->settings = settings_filled(settings);
    /* A FINISHED lends its ticket again before it is acknowledged, hence twice the window. */
    worker->slot_nr = 2 * worker_window(worker) + WORKER_REJECTED_SLOTS;
    worker->action_max = 4 * worker->slot_nr + WORKER_LENDERS_MAX + 8;
    while (buckets < 2 * worker->slot_nr) {
        buckets *= 2;
    }
    worker->bucket_mask = buckets - 1;
    if (!memory_take(worker, &arena, buckets)) {
        arena_release(&arena);
        return NULL;
    }
    worker->arena = arena;
    worker->slots_ns = EXO_TIME_NEVER;
    worker->drain_ns = EXO_TIME_NEVER;
    slots_init(worker);
    return worker;
}

void worker_free(struct worker *worker)
{
    if (worker != NULL) {
        struct arena arena = worker->arena; /* the worker itself lives in it */

        arena_release(&arena);
    }
}

uint32_t worker_window(const struct worker *worker)
{
    return worker->settings.slots + worker->settings.prefetch;
}

uint32_t worker_slot_nr(const struct worker *worker)
{
    return worker->slot_nr;
}

const struct slot *worker_slot(const struct worker *worker, uint32_t index)
{
    assert(index < worker->slot_nr);
    return &worker->slots[index];
}

struct worker_action *worker_act(struct worker *worker, enum worker_action_kind kind)
{
    assert(worker->action_nr < worker->action_max);
    struct worker_action *action = &worker->actions[worker->action_nr++];

    *action = (struct worker_action){.kind = kind};
    return action;
}

bool worker_lends(const struct worker *worker)
{
    return worker->phase == WORKER_SERVING && !worker->is_full && !worker->health.is_unfit;
}

/* Heartbeats and loans. */

/* Lists the attempts and counts what those that have not ended need of the machine. */
static uint32_t running_fill(struct worker *worker, uint64_t *ret_cpu, uint64_t *ret_memory)
{
    uint32_t count = 0;

    *ret_cpu = 0;
    *ret_memory = 0;

    for (uint32_t i = 0; i < worker->slot_nr; i++) {
        const struct slot *slot = &worker->slots[i];

        if (slot_is_listed(slot->state) && !slot->is_adopted) {
            worker->running[count++] = (struct worker_running){slot->task, slot->attempt};
        }
        if (slot_is_coming(slot->state) || slot_holds_place(slot->state)) {
            *ret_cpu += slot->cpu_millis;
            *ret_memory += slot->memory_bytes;
        }
    }
    return count;
}

static uint32_t loans_fill(struct worker *worker)
{
    const struct ticket_table *table = &worker->tickets;
    uint32_t count = 0;
    uint32_t filled = 0;

    for (uint32_t l = 0; l < table->lender_nr; l++) {
        uint32_t first = filled;

        if (!table->lenders[l].is_used || table->lenders[l].idle == 0) {
            continue;
        }
        for (uint32_t i = 0; i < table->ticket_nr; i++) {
            if (table->tickets[i].lender == (int32_t)l && !table->tickets[i].is_spent) {
                worker->loan_tickets[filled] = i;
                worker->loan_lends[filled++] = table->tickets[i].lend;
            }
        }
        worker->loans[count++] = (struct worker_loan){
            .process = {table->lenders[l].name, table->lenders[l].name_bytes},
            .tickets = &worker->loan_tickets[first],
            .lends = &worker->loan_lends[first],
            .count = filled - first,
        };
    }
    return count;
}

/* Fills in the position of each class; returns the least. */
static int64_t positions_fill(const struct worker *worker, int64_t positions[WORKER_CLASSES_MAX])
{
    int64_t least = INT64_MAX;

    memcpy(positions, worker->positions, sizeof(worker->positions));
    for (uint32_t i = 0; i < worker->slot_nr; i++) {
        const struct slot *slot = &worker->slots[i];

        if (slot->state != SLOT_FREE && !slot->is_adopted && !slot->is_answered &&
            slot->offset < positions[slot->class_index]) {
            positions[slot->class_index] = slot->offset;
        }
    }
    for (uint32_t i = 0; i < worker->settings.class_nr; i++) {
        if (positions[i] < least) {
            least = positions[i];
        }
    }
    return least;
}

static uint64_t free_of(uint64_t all, uint64_t used)
{
    return used < all ? all - used : 0;
}

static void heartbeat_send(struct worker *worker, bool is_leaving)
{
    const struct worker_settings *s = &worker->settings;
    uint64_t cpu;
    uint64_t memory;
    uint32_t running = running_fill(worker, &cpu, &memory);

    worker->heartbeat++;
    worker->counts.heartbeats++;
    worker->beat_ns = worker->now_ns + s->heartbeat_ns;
    worker->beat = (struct worker_heartbeat){
        .number = worker->heartbeat,
        .is_draining = worker->phase != WORKER_SERVING,
        .is_leaving = is_leaving,
        .slots = s->slots,
        .window = worker_window(worker),
        .cpu_millis = s->cpu_millis,
        .cpu_free_millis = free_of(s->cpu_millis, cpu),
        .memory_bytes = s->memory_bytes,
        .memory_free_bytes = free_of(s->memory_bytes, memory),
        .running = worker->running,
        .running_count = running,
        .loans = worker->loans,
        .loan_count = loans_fill(worker),
    };
    worker->beat.position = positions_fill(worker, worker->beat.positions);
    worker_act(worker, WORKER_DO_HEARTBEAT)->heartbeat = &worker->beat;
}

/* Lends what is at home and moves what lies idle, if anything is to be lent. tells: by messages of
 * their own; else the heartbeat that follows says it. */
static void rebalance(struct worker *worker, bool tells)
{
    uint32_t spare = worker->free.count - worker->tickets.idle;
    uint32_t count = worker_lends(worker) ? ticket_rebalance(&worker->tickets, spare, worker->moves)
                                          : health_probe(worker);

    for (uint32_t i = 0; i < count; i++) {
        worker->move_tickets[i] = worker->moves[i].ticket;
        worker->move_lends[i] = worker->moves[i].lend;
    }
    for (uint32_t first = 0, end; first < count && tells; first = end) {
        const struct ticket_lender *lender = &worker->tickets.lenders[worker->moves[first].lender];

        for (end = first + 1; end < count; end++) {
            if (worker->moves[end].lender != worker->moves[first].lender) {
                break;
            }
        }
        worker->counts.loans++;
        worker_act(worker, WORKER_DO_LOAN)->loan = (struct worker_loan){
            .process = {lender->name, lender->name_bytes},
            .tickets = &worker->move_tickets[first],
            .lends = &worker->move_lends[first],
            .count = end - first,
        };
    }
}

/* Phases. */

/* Announces only when no Task can be missed and every earlier FINISHED is in the log: what a
 * scheduler finds missing after our first heartbeat is lost for good. */
static void announce_if_ready(struct worker *worker)
{
    if (worker->phase == WORKER_JOINING && worker->opened == worker->settings.class_nr &&
        worker->is_spool_read && worker->adopted == 0) {
        worker->phase = WORKER_SERVING;
        rebalance(worker, false);
        heartbeat_send(worker, false);
    }
}

/* One told to drain while it joins keeps silent too until then, or for good. */
static bool may_speak(const struct worker *worker)
{
    return worker->heartbeat > 0 || (worker->is_spool_read && worker->adopted == 0);
}

static void leave_if_empty(struct worker *worker)
{
    bool is_late = worker->drain_ns < EXO_TIME_NEVER - LEAVE_ANYWAY_SECONDS * EXO_SECOND &&
                   worker->now_ns >= worker->drain_ns + LEAVE_ANYWAY_SECONDS * EXO_SECOND;

    if (worker->phase == WORKER_DRAINING && (is_late || worker->free.count == worker->slot_nr)) {
        if (may_speak(worker)) {
            heartbeat_send(worker, true);
        }
        (void)worker_act(worker, WORKER_DO_LEAVE);
        worker->phase = WORKER_LEFT;
    }
}

static void on_drain(struct worker *worker, const struct worker_on_drain *drain)
{
    exo_time at = drain->deadline_in_ns >= EXO_TIME_NEVER - worker->now_ns
                      ? EXO_TIME_NEVER
                      : worker->now_ns + drain->deadline_in_ns;

    if (at < worker->drain_ns) {
        worker->drain_ns = at;
    }
    bool is_known = worker->phase == WORKER_SERVING;
    bool is_first = is_known || worker->phase == WORKER_JOINING;

    worker->phase = WORKER_DRAINING;
    if (is_first) {
        ticket_recall_all(&worker->tickets);
        slots_stop_waiting(worker, STOP_DRAINED);
    }
    if (worker->now_ns >= worker->drain_ns) {
        slots_stop_all(worker, STOP_DRAINED);
    }
    if (is_known && worker->free.count != worker->slot_nr) {
        heartbeat_send(worker, false);
    }
}

/* What is here goes on; what was lent comes home at once, and goes out again when there is room. */
static enum worker_err on_room(struct worker *worker, bool is_full)
{
    if (is_full == worker->is_full) {
        return WORKER_ESTALE;
    }
    worker->is_full = is_full;
    if (is_full) {
        ticket_recall_all(&worker->tickets);
    }
    rebalance(worker, false);
    if (worker->phase == WORKER_SERVING) {
        heartbeat_send(worker, false);
    }
    return WORKER_OK;
}

/* Told at once, either way: what is lent, and by whoever asks for the reason. */
static void tell_health(struct worker *worker)
{
    if (worker->health.has_turned) {
        worker->health.has_turned = false;
        rebalance(worker, false);
        if (worker->phase == WORKER_SERVING) {
            heartbeat_send(worker, false);
        }
    }
}

static enum worker_err on_record(struct worker *worker, const struct worker_on_record *record)
{
    assert(record->class_index < worker->settings.class_nr);
    if (record->offset >= worker->positions[record->class_index]) {
        worker->positions[record->class_index] = record->offset + 1;
    }
    if (!record->is_ours) {
        return WORKER_OK;
    }
    if (record->shard >= worker->settings.shard_nr ||
        record->epoch < worker->epochs[record->shard]) {
        worker->counts.stale_records++;
        return WORKER_ESTALE;
    }
    struct record_mark *mark =
        &worker->marks[(size_t)record->class_index * worker->settings.shard_nr + record->shard];

    if (record->epoch == mark->epoch && record->sequence <= mark->sequence) {
        worker->counts.stale_records++;
        return WORKER_ESTALE;
    }
    *mark = (struct record_mark){record->epoch, record->sequence};
    worker->epochs[record->shard] = record->epoch;
    return WORKER_OK;
}

static enum worker_err on_tick(struct worker *worker, const struct worker_on_tick *tick)
{
    if (tick->is_leaving) {
        int32_t lender = ticket_lender_find(&worker->tickets, tick->process);

        if (lender < 0) {
            return WORKER_ESTALE;
        }
        (void)ticket_lender_drop(&worker->tickets, lender); /* lent again just below */
    } else {
        enum ticket_err err =
            ticket_tick(&worker->tickets, tick->process, tick->number, tick->demand);

        if (err != TICKET_OK) {
            worker->counts.lenders_refused += err == TICKET_EFULL;
            return WORKER_ESTALE;
        }
    }
    rebalance(worker, true);
    return WORKER_OK;
}

static void on_heartbeat_seen(struct worker *worker)
{
    uint32_t lost = ticket_silence(&worker->tickets, worker->settings.silence_ticks);

    worker->counts.lenders_lost += lost;
    if (lost > 0) {
        rebalance(worker, true);
    }
}

static void on_timer(struct worker *worker)
{
    slots_time(worker);
    if (worker->phase == WORKER_DRAINING && worker->now_ns >= worker->drain_ns) {
        slots_stop_all(worker, STOP_DRAINED);
    }
    if (worker->now_ns < worker->beat_ns) {
        return;
    }
    slots_report_due(worker);
    worker->beat_ns = worker->now_ns + worker->settings.heartbeat_ns;
    rebalance(worker, false);
    if (worker->phase == WORKER_SERVING ||
        (worker->phase == WORKER_DRAINING && may_speak(worker))) {
        heartbeat_send(worker, false);
    }
}

static enum worker_err on_opened(struct worker *worker, uint32_t class_index, int64_t at)
{
    assert(class_index < worker->settings.class_nr);
    if (worker->is_opened[class_index]) {
        return WORKER_ESTALE;
    }
    worker->is_opened[class_index] = true;
    worker->positions[class_index] = at;
    worker->opened++;
    return WORKER_OK;
}

static enum worker_err dispatch(struct worker *worker, const struct worker_event *event)
{
    switch (event->kind) {
    case WORKER_ON_OPENED:
        return on_opened(worker, event->opened.class_index, event->opened.position);
    case WORKER_ON_ADOPT:
        return slots_on_adopt(worker, &event->adopt);
    case WORKER_ON_SPOOL_END:
        worker->is_spool_read = true;
        return WORKER_OK;
    case WORKER_ON_RECORD:
        return on_record(worker, &event->record);
    case WORKER_ON_TASK:
        return slots_on_task(worker, &event->task);
    case WORKER_ON_KILL:
        return slots_on_kill(worker, &event->kill);
    case WORKER_ON_DRAIN:
        on_drain(worker, &event->drain);
        return WORKER_OK;
    case WORKER_ON_ROOM:
        return on_room(worker, event->room.is_full);
    case WORKER_ON_TICK:
        return on_tick(worker, &event->tick);
    case WORKER_ON_HEARTBEAT_SEEN:
        on_heartbeat_seen(worker);
        return WORKER_OK;
    case WORKER_ON_PREPARED:
        return slots_on_slot(worker, SLOT_PREPARED, &event->slot);
    case WORKER_ON_UNPREPARED:
        return slots_on_slot(worker, SLOT_UNPREPARED, &event->slot);
    case WORKER_ON_STARTED:
        return slots_on_slot(worker, SLOT_STARTED, &event->slot);
    case WORKER_ON_PROGRESS:
        return slots_on_slot(worker, SLOT_PROGRESS, &event->slot);
    case WORKER_ON_EXITED:
        return slots_on_slot(worker, SLOT_EXITED, &event->slot);
    case WORKER_ON_COLLECTED:
        return slots_on_slot(worker, SLOT_COLLECTED, &event->slot);
    case WORKER_ON_SPOOLED:
        return slots_on_slot(worker, SLOT_SPOOLED, &event->slot);
    case WORKER_ON_REPORT_ACKED:
        return slots_on_acked(worker, &event->report);
    case WORKER_ON_REPORT_FAILED:
        return slots_on_failed(worker, &event->report);
    case WORKER_ON_TIMER:
        on_timer(worker);
        return WORKER_OK;
    case WORKER_EVENT_NR:
        break;
    }
    assert(false);
    return WORKER_ESTALE;
}

enum worker_err worker_step(struct worker *worker, const struct worker_event *event,
                            exo_time now_ns, struct worker_actions *ret_actions)
{
    enum worker_err err = WORKER_ESTALE;

    assert(now_ns >= worker->now_ns);
    /* A beat wakes us at least as often: we were stopped, and saw no signs either. */
    if (now_ns - worker->now_ns > worker->settings.heartbeat_ns + EXO_SECOND) {
        worker->awake_ns = now_ns;
    }
    worker->now_ns = now_ns;
    worker->action_nr = 0;
    if (worker->phase != WORKER_LEFT) {
        err = dispatch(worker, event);
        tell_health(worker);
        slots_fill_places(worker);
        announce_if_ready(worker);
        leave_if_empty(worker);
    }
    worker->counts.stale_events += err == WORKER_ESTALE;
    *ret_actions = (struct worker_actions){worker->actions, worker->action_nr};
    return err;
}

exo_time worker_deadline(const struct worker *worker)
{
    exo_time at = worker->beat_ns < worker->slots_ns ? worker->beat_ns : worker->slots_ns;

    if (worker->phase == WORKER_LEFT) {
        return EXO_TIME_NEVER;
    }
    /* Past it, the beat looks after what is left. */
    if (worker->phase == WORKER_DRAINING && worker->drain_ns > worker->now_ns &&
        worker->drain_ns < at) {
        at = worker->drain_ns;
    }
    return at;
}

void worker_facts(const struct worker *worker, struct worker_facts *ret_facts)
{
    struct worker_facts facts = {
        .phase = worker->phase,
        .is_full = worker->is_full,
        .is_unfit = worker->health.is_unfit,
        .placed = worker->placed,
        .tickets_idle = worker->tickets.idle,
        .counts = worker->counts,
    };

    for (uint32_t i = 0; i < worker->slot_nr; i++) {
        enum slot_state state = worker->slots[i].state;

        facts.waiting += slot_is_coming(state);
        facts.ending +=
            state == SLOT_COLLECTING || state == SLOT_SPOOLING || state == SLOT_FINISHED;
    }
    for (uint32_t l = 0; l < worker->tickets.lender_nr; l++) {
        facts.lenders += worker->tickets.lenders[l].is_used;
    }
    for (uint32_t i = 0; i < worker->tickets.ticket_nr; i++) {
        facts.tickets_spent += worker->tickets.tickets[i].is_spent;
    }
    *ret_facts = facts;
}

void worker_check(const struct worker *worker)
{
    slots_check(worker);
    ticket_table_check(&worker->tickets);
    assert(worker_lends(worker) || worker->tickets.idle <= (worker->health.is_unfit ? 1u : 0u));
    assert(worker->phase == WORKER_SERVING || worker->tickets.idle == 0);
    assert(!worker->is_full || worker->tickets.idle == 0);
    assert(worker->health.failed <= WORKER_UNFIT_ROW);
    assert(!worker->health.has_turned);
    assert(worker->phase != WORKER_JOINING || worker->heartbeat == 0);
    assert(worker->phase != WORKER_JOINING || worker->placed == 0);
}
