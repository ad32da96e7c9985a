#include "scheduler/schedules.h"

#include <stdlib.h>

#include "infra/crypto/fire_id.h"
#include "scheduler/fate.h"
#include "scheduler/shard.h"
#include "schemas/vocab/timestamp.h"

enum { LOOK_EVERY_S = 60, LOOKS_AT_ONCE = 16, START_AGAIN_S = 300 };

void schedules_open(struct shard *shard)
{
    shard->schedules = (struct schedules){
        .due_ns = EXO_TIME_NEVER,
        .look_ns = loop_now_ns(shard->scheduler->loop) + LOOK_EVERY_S * EXO_SECOND,
    };
}

void schedules_close(struct shard *shard)
{
    while (shard->schedules.list != NULL) {
        struct schedule_entry *next = shard->schedules.list->next;

        schedule_entry_free(shard->schedules.list);
        shard->schedules.list = next;
    }
    shard->schedules = (struct schedules){.due_ns = EXO_TIME_NEVER};
}

static struct schedule_entry *find(const struct shard *shard, const struct execution_id *id)
{
    struct schedule_entry *entry = shard->schedules.list;

    while (entry != NULL && !execution_id_equal(&entry->id, id)) {
        entry = entry->next;
    }
    return entry;
}

static void add(struct shard *shard, struct schedule_entry *entry)
{
    entry->next = shard->schedules.list;
    shard->schedules.list = entry;
    shard->schedules.count++;
}

static void drop(struct shard *shard, struct schedule_entry *entry)
{
    struct schedule_entry **link = &shard->schedules.list;

    while (*link != entry) {
        link = &(*link)->next;
    }
    *link = entry->next;
    shard->schedules.count--;
    shard->schedules.dirty -= entry->is_dirty;
    schedule_entry_free(entry);
}

static void touch(struct shard *shard, struct schedule_entry *entry)
{
    shard->schedules.dirty += !entry->is_dirty;
    entry->is_dirty = true;
}

static void due(struct shard *shard, const struct schedule_entry *entry)
{
    exo_time due_ns = schedule_book_deadline(entry->book);

    shard->schedules.due_ns = due_ns < shard->schedules.due_ns ? due_ns : shard->schedules.due_ns;
}

static void say_unreadable(struct shard *shard, const struct schedule_text *text, const char *why)
{
    scheduler_say(shard->scheduler, "schedule.unreadable",
                  "%.*s/%.*s starts nothing here: %s; put it again, or install what is missing",
                  SPAN_ARG(text->project), SPAN_ARG(text->name), why);
}

bool schedules_load(struct shard *shard, const struct store_spanning *row)
{
    struct wire_schedule_row read;
    char why[256] = "";

    if (wire_schedule_row_unpack(row->body, &shard->open_arena, &read) != WIRE_OK) {
        return false;
    }
    struct schedule_text *text =
        schedule_text_read(shard, read.project, read.name, read.definition, why);
    struct execution_id id = schedule_id_of(read.project, read.name);
    struct schedule_entry *entry = schedule_entry_new(shard, &id, text, &read.state);

    entry->number = read.number;
    entry->changed_ns = read.changed_ns;
    entry->fire_count = read.fire_count;
    if (read.fire_count > 0) {
        memcpy(entry->fires, read.fires, read.fire_count * sizeof(*read.fires));
    }
    entry->left_out_count = read.left_out_count;
    if (read.left_out_count > 0) {
        memcpy(entry->left_out, read.left_out, read.left_out_count * sizeof(*read.left_out));
    }
    for (uint32_t i = 0; i < read.answer_count; i++) {
        schedule_entry_answer(entry, read.answers[i].id, read.answers[i].verdict,
                              read.answers[i].nominal_ns);
    }
    add(shard, entry);
    if (entry->book == NULL) {
        say_unreadable(shard, text, why);
    } else {
        shard->schedules.due_ns = 0; /* the first turn looks */
    }
    return true;
}

/* ---- steps ---- */

/* Takes the start of a time out of the list; gives in which state it ended then, 0: not known. What
 * was started once is not started again, whatever a backfill says. */
static uint32_t fire_forget(struct schedule_entry *entry, exo_time nominal_ns)
{
    struct wire_schedule_fire *fires = entry->fires;

    for (uint32_t i = 0; i < entry->fire_count; i++) {
        if (fires[i].nominal_ns == nominal_ns) {
            uint32_t state = fires[i].state;

            entry->fire_count--;
            memmove(fires + i, fires + i + 1, (entry->fire_count - i) * sizeof(*fires));
            return state;
        }
    }
    return 0;
}

static void fired(struct schedule_entry *entry, const struct schedule_action *action,
                  exo_time now_ns)
{
    uint32_t state = fire_forget(entry, action->nominal_ns);

    if (entry->fire_count == WIRE_SCHEDULE_FIRES_MAX) {
        entry->fire_count--;
        memmove(entry->fires, entry->fires + 1, entry->fire_count * sizeof(*entry->fires));
    }
    entry->fires[entry->fire_count++] = (struct wire_schedule_fire){
        action->nominal_ns, now_ns, (uint32_t)action->reason, false, state};
}

static void left_out(struct shard *shard, struct schedule_entry *entry,
                     const struct schedule_action *action)
{
    char first[TIMESTAMP_TEXT_BYTES];
    char last[TIMESTAMP_TEXT_BYTES];

    if (entry->left_out_count == WIRE_SCHEDULE_LEFT_OUT_MAX) {
        entry->left_out_count--;
        memmove(entry->left_out, entry->left_out + 1,
                entry->left_out_count * sizeof(*entry->left_out));
    }
    entry->left_out[entry->left_out_count++] = (struct wire_schedule_left_out){
        action->nominal_ns, action->until_ns, shard_time(shard), (uint32_t)action->reason};
    timestamp_format(action->nominal_ns / EXO_MILLISECOND, first);
    timestamp_format(action->until_ns / EXO_MILLISECOND, last);
    scheduler_say(shard->scheduler, "schedule.skipped", "%.*s/%.*s: %s%s%s is left out: %s",
                  SPAN_ARG(entry->text->project), SPAN_ARG(entry->text->name), first,
                  action->until_ns > action->nominal_ns ? " to " : "",
                  action->until_ns > action->nominal_ns ? last : "",
                  schedule_reason_name(action->reason));
}

static void act(struct shard *shard, struct schedule_entry *entry,
                const struct schedule_action *action)
{
    switch (action->kind) {
    case SCHEDULE_START:
        fired(entry, action, shard_time(shard));
        schedule_start_send(shard, entry, action->nominal_ns);
        return;
    case SCHEDULE_CANCEL:
        schedule_cancel_send(shard, entry, action->nominal_ns);
        return;
    case SCHEDULE_SKIP:
        left_out(shard, entry, action);
        return;
    case SCHEDULE_ACTION_NR:
        break;
    }
}

/* Before all is applied that was asked while nobody owned the shard, a pause or a delete may be
 * among what follows. */
static enum schedule_result step(struct shard *shard, struct schedule_entry *entry,
                                 const struct schedule_event *event)
{
    struct schedule_event now = *event;
    struct schedule_actions actions;

    now.is_behind = shard->state != SHARD_RUNNING;
    enum schedule_result result =
        schedule_book_step(entry->book, &now, shard_time(shard), &actions);

    for (uint32_t i = 0; i < actions.count; i++) {
        act(shard, entry, &actions.items[i]);
    }
    if (actions.count > 0 || (event->kind != SCHEDULE_LOOK && result == SCHEDULE_TAKEN)) {
        touch(shard, entry);
    }
    due(shard, entry);
    return result;
}

void schedules_ended(struct shard *shard, const struct wire_schedule_ended *ended)
{
    struct schedule_entry *entry = find(shard, &ended->schedule);

    if (entry == NULL || entry->is_gone || entry->book == NULL) {
        return; /* nobody asks any more, or the look finds it later */
    }
    for (uint32_t i = 0; i < entry->fire_count; i++) {
        if (entry->fires[i].nominal_ns == ended->nominal_ns && !entry->fires[i].is_ended) {
            entry->fires[i].is_ended = true;
            entry->fires[i].state = ended->state == 0 ? entry->fires[i].state : ended->state;
            touch(shard, entry);
        }
    }
    (void)step(shard, entry,
               &(struct schedule_event){.kind = SCHEDULE_ENDED, .nominal_ns = ended->nominal_ns});
}

/* ---- commands ---- */

static enum wire_schedule_verdict verdict_of(enum schedule_result result)
{
    switch (result) {
    case SCHEDULE_TAKEN:
        return SCHEDULE_VERDICT_DONE;
    case SCHEDULE_ESTALE:
        return SCHEDULE_VERDICT_NOTHING;
    case SCHEDULE_EINVALID:
        return SCHEDULE_VERDICT_INVALID;
    case SCHEDULE_ECONFLICT:
        break;
    }
    return SCHEDULE_VERDICT_CONFLICT;
}

/* An entry that is there takes another definition. */
static enum wire_schedule_verdict change(struct shard *shard, struct schedule_entry *entry,
                                         struct schedule_text *text)
{
    bool is_same = span_equal(entry->text->text, text->text);
    struct schedule_text *old = entry->text;

    if (entry->book == NULL) {
        struct schedule_entry *fresh = schedule_entry_new(shard, &entry->id, text, &old->kept);

        entry->book = fresh->book;
        free(fresh);
    }
    const struct schedule_event event = {
        .kind = SCHEDULE_CHANGE, .definition = text->definition, .zone = text->zone};

    entry->text = text;
    entry->number += !is_same;
    entry->changed_ns = is_same ? entry->changed_ns : shard_time(shard);
    (void)step(shard, entry, &event); /* is always taken */
    schedule_text_free(old);
    return SCHEDULE_VERDICT_DONE;
}

static struct schedule_entry *create(struct shard *shard, const struct execution_id *id,
                                     struct schedule_text *text)
{
    struct schedule_entry *entry = schedule_entry_new(shard, id, text, NULL);

    entry->number = 1;
    entry->changed_ns = shard_time(shard);
    add(shard, entry);
    touch(shard, entry);
    (void)step(shard, entry, &(struct schedule_event){.kind = SCHEDULE_LOOK});
    return entry;
}

static bool is_expected(const struct schedule_entry *entry, int64_t expected)
{
    uint64_t number = entry == NULL ? 0 : entry->number;

    return expected < 0 || (uint64_t)expected == number;
}

static void put(struct shard *shard, struct schedule_entry *entry, const struct execution_id *id,
                const struct wire_schedule_command *command)
{
    char why[256] = "";

    if (!is_expected(entry, command->expected)) {
        if (entry != NULL) {
            schedule_entry_answer(entry, command->id, SCHEDULE_VERDICT_NUMBER, 0);
        }
        return;
    }
    if (entry == NULL && shard->schedules.count >= SCHEDULES_MAX) {
        scheduler_say(shard->scheduler, "schedule.full",
                      "shard %u has %d schedules, more than it may: %.*s/%.*s is left out",
                      shard->number, (int)SCHEDULES_MAX, SPAN_ARG(command->project),
                      SPAN_ARG(command->name));
        return;
    }
    struct schedule_text *text =
        schedule_text_read(shard, command->project, command->name, command->definition, why);

    if (text->definition == NULL) {
        say_unreadable(shard, text, why);
        schedule_text_free(text);
        if (entry != NULL) {
            schedule_entry_answer(entry, command->id, SCHEDULE_VERDICT_UNREADABLE, 0);
        }
    } else if (entry != NULL) {
        schedule_entry_answer(entry, command->id, change(shard, entry, text), 0);
    } else {
        entry = create(shard, id, text);
        schedule_entry_answer(entry, command->id, SCHEDULE_VERDICT_CREATED, 0);
    }
}

static void change_phase(struct shard *shard, struct schedule_entry *entry,
                         const struct wire_schedule_command *command)
{
    static const enum schedule_event_kind kinds[SCHEDULE_COMMAND_NR] = {
        [SCHEDULE_COMMAND_PAUSE] = SCHEDULE_PAUSE,
        [SCHEDULE_COMMAND_RESUME] = SCHEDULE_RESUME,
        [SCHEDULE_COMMAND_TRIGGER] = SCHEDULE_TRIGGER,
        [SCHEDULE_COMMAND_BACKFILL] = SCHEDULE_BACKFILL,
        [SCHEDULE_COMMAND_BACKFILL_STOP] = SCHEDULE_BACKFILL_STOP,
    };
    struct schedule_event event = {.kind = kinds[command->kind],
                                   .from_ns = command->from_ns,
                                   .until_ns = command->until_ns,
                                   .parallel = command->parallel};

    if (event.kind == SCHEDULE_TRIGGER) {
        event.nominal_ns = shard_time(shard) / EXO_SECOND * EXO_SECOND;
    }
    enum wire_schedule_verdict verdict =
        entry->book == NULL ? SCHEDULE_VERDICT_UNREADABLE : verdict_of(step(shard, entry, &event));

    schedule_entry_answer(entry, command->id, verdict, event.nominal_ns);
}

void schedules_command(struct shard *shard, const struct wire_schedule_command *command)
{
    struct execution_id id = schedule_id_of(command->project, command->name);
    struct schedule_entry *entry = find(shard, &id);

    if (entry != NULL && schedule_entry_find_answer(entry, command->id) != NULL) {
        return; /* a repeat */
    }
    if (entry != NULL && entry->is_gone && command->kind == SCHEDULE_COMMAND_PUT) {
        drop(shard, entry); /* its new row takes the place of the old one */
        entry = NULL;
    }
    if (entry != NULL && entry->is_gone) {
        return;
    }
    if (command->kind == SCHEDULE_COMMAND_PUT) {
        put(shard, entry, &id, command);
    } else if (entry == NULL) {
        return; /* whoever asked finds no row */
    } else if (command->kind != SCHEDULE_COMMAND_DELETE) {
        change_phase(shard, entry, command);
    } else if (!is_expected(entry, command->expected)) {
        schedule_entry_answer(entry, command->id, SCHEDULE_VERDICT_NUMBER, 0);
    } else {
        entry->is_gone = true;
    }
    entry = find(shard, &id);
    if (entry != NULL) {
        touch(shard, entry);
    }
}

/* ---- the commit ---- */

bool schedules_has_changes(const struct shard *shard)
{
    return shard->schedules.dirty > 0;
}

static void row_seal(struct shard *shard, struct schedule_entry *entry, struct buffer *body,
                     struct store_spanning *row)
{
    struct sealed *sealed = &shard->sealed;

    *row = (struct store_spanning){.kind = STORE_SPANNING_SCHEDULE,
                                   .id = wire_schedule_row_id(&entry->id)};
    if (!entry->is_gone) {
        buffer_reset(body);
        schedule_entry_pack(entry, &sealed->arena, body);
        row->body = sealed_copy(sealed, buffer_span(body));
    }
    entry->is_dirty = false;
    shard->schedules.dirty--;
}

void schedules_seal(struct shard *shard)
{
    struct sealed *sealed = &shard->sealed;
    uint32_t count = sealed->batch.spanning_count;
    struct store_spanning *rows =
        sealed_alloc(sealed, (count + shard->schedules.dirty) * sizeof(*rows));
    struct buffer body;

    if (shard->schedules.dirty == 0) {
        return;
    }
    if (count > 0) {
        memcpy(rows, sealed->batch.spanning, count * sizeof(*rows));
    }
    buffer_init(&body, shard->scheduler->allocator, 0);
    for (struct schedule_entry *entry = shard->schedules.list, *next; entry != NULL; entry = next) {
        next = entry->next;
        if (!entry->is_dirty) {
            continue;
        }
        row_seal(shard, entry, &body, &rows[count++]);
        if (entry->is_gone) {
            drop(shard, entry);
        }
    }
    if (body.is_failed) {
        abort();
    }
    buffer_release(&body);
    sealed->batch.spanning = rows;
    sealed->batch.spanning_count = count;
}

/* ---- have executions ended ---- */

static uint32_t state_of(const struct store_execution *execution)
{
    enum execution_state state;

    return execution_state_parse(span_of(execution->state), &state) ? (uint32_t)state : 0;
}

static bool is_live(const struct schedule_entry *entry, exo_time nominal_ns)
{
    struct schedule_saved saved;

    schedule_book_save(entry->book, &saved);
    for (uint32_t i = 0; i < saved.live_count; i++) {
        if (saved.live[i].nominal_ns == nominal_ns) {
            return true;
        }
    }
    return false;
}

/* When it was started; 0: so long ago that nobody knows. */
static exo_time started_ns(const struct schedule_entry *entry, exo_time nominal_ns)
{
    exo_time at_ns = 0;

    for (uint32_t i = 0; i < entry->fire_count; i++) {
        at_ns = entry->fires[i].nominal_ns == nominal_ns ? entry->fires[i].at_ns : at_ns;
    }
    return at_ns;
}

/* Nothing has come of its Job, which may be lost with a disk though it was acknowledged. Where it
 * is only not read yet, another begins nothing. */
static void start_again(struct shard *shard, const struct wire_schedule_ended *live)
{
    const struct schedule_entry *entry = find(shard, &live->schedule);

    if (entry != NULL && entry->book != NULL && !entry->is_gone && shard->state == SHARD_RUNNING &&
        shard->outbox_count < OUTBOX_MAX / 2 && is_live(entry, live->nominal_ns) &&
        shard_time(shard) - started_ns(entry, live->nominal_ns) > START_AGAIN_S * EXO_SECOND) {
        schedule_start_send(shard, entry, live->nominal_ns);
        scheduler_wake(shard->scheduler);
    }
}

static void looked(struct shard *shard, void *argument, enum fate fate,
                   const struct store_execution *execution)
{
    struct wire_schedule_ended *live = argument;

    live->state = execution == NULL ? 0 : state_of(execution);
    if (shard != NULL) {
        shard->schedules.looking--;
        if ((fate == FATE_ENDED || fate == FATE_DELETED) && shard_is_live(shard)) {
            schedules_ended(shard, live);
            scheduler_wake(shard->scheduler);
        } else if (fate == FATE_ABSENT) {
            start_again(shard, live);
        }
    }
    free(argument);
}

static void look_at(struct shard *shard, const struct schedule_entry *entry, exo_time nominal_ns)
{
    const struct execution_id id = fire_id_of(&entry->id, nominal_ns);
    struct wire_schedule_ended *live = calloc(1, sizeof(*live));

    if (live == NULL) {
        abort();
    }
    *live = (struct wire_schedule_ended){entry->id, nominal_ns, 0};
    shard->schedules.looking++;
    fate_ask(shard, &id, looked, live);
}

/* Nothing should stand as live that has ended: its end was told. Should that news be lost, with a
 * disk or while the schedule could not be read, the schedule is not held up for ever. All are
 * looked at in their turn: those that run for long hide nobody. */
static void look(struct shard *shard)
{
    struct schedules *schedules = &shard->schedules;
    uint32_t at = 0;
    uint32_t sent = 0;

    for (const struct schedule_entry *e = schedules->list; e != NULL; e = e->next) {
        struct schedule_saved saved = {0};

        if (e->book != NULL && !e->is_gone) {
            schedule_book_save(e->book, &saved);
        }
        for (uint32_t i = 0; i < saved.live_count && sent < LOOKS_AT_ONCE; i++) {
            if (at++ >= schedules->looked) {
                look_at(shard, e, saved.live[i].nominal_ns);
                sent++;
            }
        }
    }
    schedules->looked = sent < LOOKS_AT_ONCE ? 0 : schedules->looked + sent;
    schedules->look_ns = loop_now_ns(shard->scheduler->loop) + LOOK_EVERY_S * EXO_SECOND;
}

static void look_at_due(struct shard *shard)
{
    exo_time now_ns = shard_time(shard);

    shard->schedules.due_ns = EXO_TIME_NEVER;
    for (struct schedule_entry *e = shard->schedules.list; e != NULL; e = e->next) {
        if (e->book == NULL || e->is_gone) {
            continue;
        }
        if (schedule_book_deadline(e->book) <= now_ns && shard->outbox_count < OUTBOX_MAX) {
            (void)step(shard, e, &(struct schedule_event){.kind = SCHEDULE_LOOK});
        }
        due(shard, e);
    }
}

exo_time schedules_turn(struct shard *shard)
{
    struct schedules *schedules = &shard->schedules;

    if (shard->state != SHARD_RUNNING) {
        return EXO_TIME_NEVER; /* as in step */
    }
    if (schedules->due_ns <= shard_time(shard)) {
        look_at_due(shard);
    }
    if (schedules->list != NULL && schedules->looking == 0 &&
        schedules->look_ns <= loop_now_ns(shard->scheduler->loop)) {
        look(shard);
    }
    /* With a full outbox the log wakes us. */
    return shard->outbox_count < OUTBOX_MAX ? schedules->due_ns : EXO_TIME_NEVER;
}
