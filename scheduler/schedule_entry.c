#include <stdio.h>
#include <stdlib.h>

#include "infra/crypto/fire_id.h"
#include "infra/zoneinfo/zoneinfo.h"
#include "scheduler/shard.h"
#include "schemas/json/json_read.h"
#include "schemas/json/json_write.h"
#include "schemas/vocab/limits.h"
#include "schemas/vocab/timestamp.h"

enum { TEXT_BYTES_MAX = 64 << 20, SECOND_BYTES = sizeof("2026-03-29T01:00:00") - 1 };

/* ---- a definition ---- */

static bool parse(struct schedule_text *t, char why[256])
{
    struct value *root = arena_alloc(&t->arena, sizeof(*root));
    const struct schedule *definition;
    struct json_error error;
    struct fault_list faults;
    struct exo_error err;

    fault_list_init(&faults, &t->arena, 1);
    if (root == NULL || json_read(t->text, NULL, &t->arena, root, &error) != JSON_OK) {
        (void)snprintf(why, 256, "it is no JSON that can be read here");
        return false;
    }
    const struct schedule_source source = {.root = root, .is_stored = true};

    if (schedule_parse(&source, &t->arena, &definition, &faults) != 0) {
        (void)snprintf(why, 256, "%.80s: %.160s", faults.first == NULL ? "" : faults.first->path,
                       faults.first == NULL ? "no memory" : faults.first->text);
        return false;
    }
    if (zoneinfo_read(definition->tz, &t->arena, &t->zone, &err) != 0) {
        (void)snprintf(why, 256, "%.250s", err.text);
        return false;
    }
    t->definition = definition;
    return true;
}

struct schedule_text *schedule_text_read(struct shard *shard, struct span project, struct span name,
                                         struct span text, char why[256])
{
    struct schedule_text *t = calloc(1, sizeof(*t));

    if (t == NULL) {
        abort();
    }
    arena_init(&t->arena, shard->scheduler->allocator, TEXT_BYTES_MAX);
    t->project = arena_copy(&t->arena, project);
    t->name = arena_copy(&t->arena, name);
    t->text = arena_copy(&t->arena, text);
    if (t->project.data == NULL || t->name.data == NULL || t->text.data == NULL) {
        abort();
    }
    (void)parse(t, why);
    return t;
}

void schedule_text_free(struct schedule_text *text)
{
    arena_release(&text->arena);
    free(text);
}

/* ---- one schedule ---- */

static struct schedule_live *live_of(const struct wire_schedule_state *state,
                                     struct schedule_live *live)
{
    for (uint32_t i = 0; i < state->live_count; i++) {
        live[i] = (struct schedule_live){state->live[i].nominal_ns, state->live[i].is_backfill,
                                         state->live[i].is_cancelled};
    }
    return live;
}

static struct schedule_book *book_of(struct shard *shard, const struct schedule_entry *entry,
                                     const struct wire_schedule_state *saved)
{
    struct schedule_live live[SCHEDULE_LIVE_MAX];
    struct schedule_saved state;

    if (saved != NULL) {
        state = (struct schedule_saved){
            .considered_ns = saved->considered_ns,
            .is_paused = saved->is_paused,
            .live = live_of(saved, live),
            .live_count = saved->live_count,
            .waiting = saved->waiting,
            .waiting_count = saved->waiting_count,
            .has_backfill = saved->has_backfill,
            .backfill_after_ns = saved->backfill_after_ns,
            .backfill_until_ns = saved->backfill_until_ns,
            .backfill_parallel = saved->backfill_parallel,
        };
    }
    struct schedule_book *book =
        schedule_book_new(shard->scheduler->allocator, &entry->id, entry->text->definition,
                          entry->text->zone, saved == NULL ? NULL : &state, shard_time(shard));

    if (book == NULL) {
        abort();
    }
    return book;
}

/* A state in the text's own memory. */
static void keep(struct schedule_text *text, const struct wire_schedule_state *state)
{
    text->kept = *state;
    text->kept.live = arena_copy(&text->arena, (struct span){state->live, state->live_count *
                                                                              sizeof(*state->live)})
                          .data;
    text->kept.waiting =
        arena_copy(&text->arena,
                   (struct span){state->waiting, state->waiting_count * sizeof(*state->waiting)})
            .data;
    if (text->kept.live == NULL || text->kept.waiting == NULL) {
        abort();
    }
}

struct schedule_entry *schedule_entry_new(struct shard *shard, const struct execution_id *id,
                                          struct schedule_text *text,
                                          const struct wire_schedule_state *saved)
{
    struct schedule_entry *entry = calloc(1, sizeof(*entry));

    if (entry == NULL) {
        abort();
    }
    entry->id = *id;
    entry->text = text;
    if (text->definition != NULL) {
        entry->book = book_of(shard, entry, saved);
    } else if (saved != NULL) {
        keep(text, saved);
    }
    return entry;
}

void schedule_entry_free(struct schedule_entry *entry)
{
    schedule_book_free(entry->book);
    schedule_text_free(entry->text);
    free(entry);
}

const struct schedule_answer *schedule_entry_find_answer(const struct schedule_entry *entry,
                                                         struct span id)
{
    for (uint32_t i = 0; i < entry->answer_count; i++) {
        if (span_equal(span_of(entry->answers[i].id), id)) {
            return &entry->answers[i];
        }
    }
    return NULL;
}

void schedule_entry_answer(struct schedule_entry *entry, struct span id,
                           enum wire_schedule_verdict verdict, exo_time nominal_ns)
{
    if (entry->answer_count == WIRE_SCHEDULE_ANSWERS_MAX) {
        entry->answer_count--;
        memmove(entry->answers, entry->answers + 1, entry->answer_count * sizeof(*entry->answers));
    }
    struct schedule_answer *answer = &entry->answers[entry->answer_count++];

    *answer = (struct schedule_answer){.verdict = verdict, .nominal_ns = nominal_ns};
    (void)snprintf(answer->id, sizeof(answer->id), "%.*s", SPAN_ARG(id));
}

static void state_of(const struct schedule_book *book, struct wire_schedule_live *live,
                     struct wire_schedule_state *ret)
{
    struct schedule_saved saved;

    schedule_book_save(book, &saved);
    for (uint32_t i = 0; i < saved.live_count; i++) {
        live[i] = (struct wire_schedule_live){saved.live[i].nominal_ns, saved.live[i].is_backfill,
                                              saved.live[i].is_cancelled};
    }
    *ret = (struct wire_schedule_state){
        .considered_ns = saved.considered_ns,
        .is_paused = saved.is_paused,
        .live = live,
        .live_count = saved.live_count,
        .waiting = saved.waiting,
        .waiting_count = saved.waiting_count,
        .has_backfill = saved.has_backfill,
        .backfill_after_ns = saved.backfill_after_ns,
        .backfill_until_ns = saved.backfill_until_ns,
        .backfill_parallel = saved.backfill_parallel,
    };
}

void schedule_entry_pack(const struct schedule_entry *entry, struct arena *scratch,
                         struct buffer *buffer)
{
    struct wire_schedule_answer answers[WIRE_SCHEDULE_ANSWERS_MAX];
    struct wire_schedule_live live[SCHEDULE_LIVE_MAX];
    struct wire_schedule_row row = {
        .project = entry->text->project,
        .name = entry->text->name,
        .definition = entry->text->text,
        .number = entry->number,
        .changed_ns = entry->changed_ns,
        .state = entry->text->kept,
        .fires = entry->fires,
        .fire_count = entry->fire_count,
        .left_out = entry->left_out,
        .left_out_count = entry->left_out_count,
        .answers = answers,
        .answer_count = entry->answer_count,
    };

    for (uint32_t i = 0; i < entry->answer_count; i++) {
        answers[i] = (struct wire_schedule_answer){
            span_of(entry->answers[i].id), entry->answers[i].verdict, entry->answers[i].nominal_ns};
    }
    if (entry->book != NULL) {
        state_of(entry->book, live, &row.state);
    }
    wire_schedule_row_pack(&row, scratch, buffer);
}

/* ---- what a nominal time wants ---- */

static struct span cluster_text(const struct schedule *definition, struct buffer *text)
{
    char name[2 * LIMIT_NAME_BYTES + 24];
    struct json_writer writer = {.buffer = text};

    if (definition->cluster != NULL) {
        cluster_canonical(definition->cluster, text);
        return buffer_span(text);
    }
    int bytes = snprintf(name, sizeof(name), "%.*s/%.*s", SPAN_ARG(definition->project),
                         SPAN_ARG(definition->cluster_name));

    if (definition->cluster_version > 0) {
        (void)snprintf(name + bytes, sizeof(name) - (size_t)bytes, "@%u",
                       definition->cluster_version);
    }
    json_put_text(&writer, name);
    return buffer_span(text);
}

/* Those of the definition and the two of every execution of a schedule; into the open arena. */
static struct wire_pair *labels_of(struct shard *shard, const struct schedule *definition,
                                   exo_time nominal_ns)
{
    uint32_t count = definition->label_count;
    struct wire_pair *labels =
        arena_alloc(&shard->open_arena, (count + SCHEDULE_OWN_LABELS) * sizeof(*labels));
    char name[2 * LIMIT_NAME_BYTES + 2];
    char time[TIMESTAMP_TEXT_BYTES];

    (void)snprintf(name, sizeof(name), "%.*s/%.*s", SPAN_ARG(definition->project),
                   SPAN_ARG(definition->name));
    timestamp_format(nominal_ns / EXO_MILLISECOND, time);
    time[SECOND_BYTES] = 'Z'; /* without .000, as in the id */
    struct span name_copy = arena_copy(&shard->open_arena, span_of(name));
    struct span time_copy = arena_copy(&shard->open_arena, (struct span){time, SECOND_BYTES + 1});

    if (labels == NULL || name_copy.data == NULL || time_copy.data == NULL) {
        abort();
    }
    for (uint32_t i = 0; i < count; i++) {
        labels[i] = (struct wire_pair){definition->labels[i].key, definition->labels[i].value};
    }
    labels[count] = (struct wire_pair){span_of(SCHEDULE_LABEL), name_copy};
    labels[count + 1] = (struct wire_pair){span_of(SCHEDULE_TIME_LABEL), time_copy};
    return labels;
}

void schedule_start_send(struct shard *shard, const struct schedule_entry *entry,
                         exo_time nominal_ns)
{
    const struct schedule *definition = entry->text->definition;
    struct execution_id id = fire_id_of(&entry->id, nominal_ns);
    char text[EXECUTION_ID_TEXT_BYTES + 1];
    struct buffer cluster, input, record;

    buffer_init(&cluster, shard->scheduler->allocator, 0);
    buffer_init(&input, shard->scheduler->allocator, 0);
    buffer_init(&record, shard->scheduler->allocator, 0);
    execution_id_format(&id, text);
    if (definition->input != NULL) {
        json_write(&input, definition->input);
    }
    const struct wire_job job = {
        .execution_id = span_of(text),
        .project = definition->project,
        .cluster = cluster_text(definition, &cluster),
        .input = buffer_span(&input),
        .labels = labels_of(shard, definition, nominal_ns),
        .label_count = definition->label_count + SCHEDULE_OWN_LABELS,
        .submitted_ms = shard_time(shard) / EXO_MILLISECOND,
    };

    wire_job_pack(&job, &shard->open_arena, &record);
    if (cluster.is_failed || input.is_failed || record.is_failed) {
        abort();
    }
    outbox_add_job(shard, execution_shard(&id, shard->scheduler->shard_count),
                   buffer_span(&record));
    buffer_release(&cluster);
    buffer_release(&input);
    buffer_release(&record);
}

void schedule_cancel_send(struct shard *shard, const struct schedule_entry *entry,
                          exo_time nominal_ns)
{
    const struct wire_command command = {
        .kind = COMMAND_CANCEL,
        .execution = fire_id_of(&entry->id, nominal_ns),
        .reason = span_of("replaced by a later one of its schedule"),
        .actor = span_of("schedule"),
    };

    outbox_add_command(shard, &command);
}
