#include "tests/contract/store_stories.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/contract/store_trial.h"

static void assert_span(struct span got, struct span wanted)
{
    assert_int_equal(got.bytes, wanted.bytes);
    assert_true(span_equal(got, wanted));
}

static void assert_execution(const struct store_execution *got,
                             const struct store_execution *wanted)
{
    assert_memory_equal(got->id.bytes, wanted->id.bytes, sizeof(got->id.bytes));
    assert_int_equal(got->shard, wanted->shard);
    assert_string_equal(got->project, wanted->project);
    assert_string_equal(got->cluster, wanted->cluster);
    assert_string_equal(got->state, wanted->state);
    assert_int_equal(got->is_terminal, wanted->is_terminal);
    assert_int_equal(got->epoch, wanted->epoch);
    assert_int_equal(got->batch, wanted->batch);
    assert_int_equal(got->submitted_ns, wanted->submitted_ns);
    assert_int_equal(got->started_ns, wanted->started_ns);
    assert_int_equal(got->ended_ns, wanted->ended_ns);
    assert_int_equal(got->deadline_ns, wanted->deadline_ns);
    assert_int_equal(got->priority, wanted->priority);
    assert_memory_equal(got->definition.bytes, wanted->definition.bytes, DIGEST_BYTES);
    assert_span(got->labels, wanted->labels);
    assert_span(got->error, wanted->error);
}

static void assert_bodies(const struct store_execution *got, const struct store_execution *wanted)
{
    assert_span(got->input, wanted->input);
    assert_span(got->output, wanted->output);
    assert_span(got->output_ref, wanted->output_ref);
    assert_span(got->body, wanted->body);
}

/* Bytes of every value, so that no encoding passes them by chance. */
static struct span pattern(struct trial *t, size_t bytes)
{
    unsigned char *data = arena_alloc(&t->arena, bytes);

    assert_non_null(data);
    for (size_t i = 0; i < bytes; i++) {
        data[i] = (unsigned char)(i * 7 + i / 251);
    }
    return (struct span){data, bytes};
}

static void rows_read_back_byte_for_byte(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_shard shard = trial_own(t, t->store, 2, "a");
    struct store_batch batch = trial_batch(&shard);
    struct store_definition definition = {.text = pattern(t, 3000)};
    struct store_execution executions[3];

    for (uint32_t i = 0; i < 3; i++) {
        executions[i] = trial_execution(&batch, i);
    }
    definition.digest = executions[0].definition;
    executions[0].body = pattern(t, 300000);
    executions[1].labels = (struct span){NULL, 0};
    executions[1].input = (struct span){NULL, 0};
    executions[1].body = (struct span){NULL, 0};
    executions[1].definition.bytes[0] = 0;
    executions[2].is_terminal = true;
    executions[2].state = "FAILED";
    executions[2].error = span_of("it broke \xe2\x80\xa6");
    executions[2].output = pattern(t, 65536);
    executions[2].output_ref = pattern(t, 40);
    batch.definitions = &definition;
    batch.definition_count = 1;
    batch.inserts = executions;
    batch.insert_count = 3;
    assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_DONE);

    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(trial_get(t, t->store, &executions[i].id), 0);
        assert_int_equal(t->execution_count, 1);
        assert_execution(&t->executions[0], &executions[i]);
        assert_bodies(&t->executions[0], &executions[i]);
        assert_span(t->definition_texts[0], i == 1 ? (struct span){NULL, 0} : definition.text);
    }

    /* The same definition once more is no error; an update keeps what it does not name. */
    batch.previous++;
    batch.next++;
    batch.insert_count = 0;
    executions[0].is_terminal = true;
    executions[0].state = "SUCCEEDED";
    executions[0].batch = batch.next;
    executions[0].started_ns = 11;
    executions[0].ended_ns = 12;
    executions[0].output = pattern(t, 5);
    executions[0].body = pattern(t, 17);
    batch.updates = executions;
    batch.update_count = 1;
    assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_DONE);
    assert_int_equal(trial_get(t, t->store, &executions[0].id), 0);
    assert_execution(&t->executions[0], &executions[0]);
    assert_bodies(&t->executions[0], &executions[0]);
    trial_close(t);
}

enum { LOAD_COUNT = 700, LOAD_PAGES = 300, LOAD_INSTANCE = 1 << 30 };

/* What the load stories write to shard 2: every tenth execution has ended. */
struct load_rows {
    struct store_shard shard;
    struct store_definition definitions[2];
    struct store_execution executions[LOAD_COUNT];
    struct store_page pages[LOAD_PAGES]; /* all of execution 1, the last of 9, which has ended */
    struct store_segment segments[4];    /* two single tasks, a map's outputs, a map's items */
};

static struct load_rows *write_load(struct trial *t)
{
    struct load_rows *rows = calloc(1, sizeof(*rows));

    assert_non_null(rows);
    rows->shard = trial_own(t, t->store, 2, "a");
    struct store_batch batch = trial_batch(&rows->shard);

    for (uint32_t i = 0; i < 2; i++) {
        rows->definitions[i].text = pattern(t, 500 + i);
        memset(rows->definitions[i].digest.bytes, (int)i + 1, DIGEST_BYTES);
    }
    for (uint32_t i = 0; i < LOAD_COUNT; i++) {
        rows->executions[i] = trial_execution(&batch, i);
        rows->executions[i].is_terminal = i % 10 == 9;
        rows->executions[i].definition = rows->definitions[i % 3 == 0].digest;
        rows->executions[i].body = pattern(t, 100 + i);
    }
    for (uint32_t i = 0; i < LOAD_PAGES; i++) {
        const struct store_execution *owner = &rows->executions[i < LOAD_PAGES - 1 ? 1 : 9];

        rows->pages[i] = (struct store_page){owner->id, LOAD_INSTANCE, i, pattern(t, 50 + i)};
    }
    for (uint32_t i = 0; i < 4; i++) {
        rows->segments[i] = (struct store_segment){
            .execution = rows->executions[2].id,
            .instance = 1,
            .page = i < 2 ? UINT32_MAX : i,
            .kind = i == 3,
            .part = UINT64_MAX - 10 + i,
            .body = pattern(t, 10 + i),
        };
    }
    batch.definitions = rows->definitions;
    batch.definition_count = 2;
    batch.inserts = rows->executions;
    batch.insert_count = LOAD_COUNT;
    batch.pages = rows->pages;
    batch.page_count = LOAD_PAGES;
    batch.segments = rows->segments;
    batch.segment_count = 4;
    assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_DONE);
    rows->shard.batch++;
    return rows;
}

static void load_shows_what_lives(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct load_rows *rows = write_load(t);
    struct store_shard foreign = trial_own(t, t->store, 3, "a");
    struct store_batch batch = trial_batch(&foreign);
    struct store_execution other = trial_execution(&batch, LOAD_COUNT);

    batch.inserts = &other;
    batch.insert_count = 1;
    assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_DONE);

    assert_int_equal(trial_load(t, t->store, 2), 0);
    assert_int_equal(t->execution_count, LOAD_COUNT - LOAD_COUNT / 10);
    for (uint32_t i = 0; i < t->execution_count; i++) {
        uint32_t number = i / 9 * 10 + i % 9;

        assert_execution(&t->executions[i], &rows->executions[number]);
        assert_bodies(&t->executions[i], &rows->executions[number]);
        assert_span(t->definition_texts[i], rows->definitions[number % 3 == 0].text);
    }
    assert_int_equal(t->page_count, LOAD_PAGES - 1);
    for (uint32_t i = 0; i < t->page_count; i++) {
        assert_int_equal(t->pages[i].instance, LOAD_INSTANCE);
        assert_int_equal(t->pages[i].page, i);
        assert_span(t->pages[i].body, rows->pages[i].body);
    }
    assert_int_equal(t->segment_count, 3); /* not the outputs of a map */
    for (uint32_t i = 0; i < 3; i++) {
        const struct store_segment *wanted = &rows->segments[i == 2 ? 3 : i];

        assert_int_equal(t->segments[i].kind, wanted->kind);
        assert_int_equal(t->segments[i].page, wanted->page);
        assert_int_equal(t->segments[i].part, wanted->part);
        assert_span(t->segments[i].body, wanted->body);
    }
    free(rows);
    trial_close(t);
}

/* One ends, one that had ended goes on, a page is replaced. */
static void load_follows_updates(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct load_rows *rows = write_load(t);
    struct store_batch batch = trial_batch(&rows->shard);
    struct store_execution updates[2] = {rows->executions[0], rows->executions[9]};

    updates[0].is_terminal = true;
    updates[1].is_terminal = false;
    rows->pages[0].body = pattern(t, 9000);
    batch.updates = updates;
    batch.update_count = 2;
    batch.pages = rows->pages;
    batch.page_count = 1;
    assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_DONE);
    assert_int_equal(trial_load(t, t->store, 2), 0);
    assert_int_equal(t->execution_count, LOAD_COUNT - LOAD_COUNT / 10);
    assert_execution(&t->executions[0], &rows->executions[1]);
    assert_execution(&t->executions[8], &updates[1]);
    assert_int_equal(t->page_count, LOAD_PAGES);
    assert_span(t->pages[0].body, rows->pages[0].body);
    free(rows);
    trial_close(t);
}

static void pages_and_segments_by_range(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_shard shard = trial_own(t, t->store, 2, "a");
    struct store_batch batch = trial_batch(&shard);
    struct execution_id id = trial_execution(&batch, 1).id;
    struct store_page pages[5];
    struct store_segment segments[5];

    for (uint32_t i = 0; i < 5; i++) {
        pages[i] = (struct store_page){id, 1, i * 2, pattern(t, i + 1)};
        segments[i] = (struct store_segment){
            .execution = id, .instance = 1, .page = i / 2, .part = 10 - i, .body = pattern(t, i)};
    }
    segments[4].kind = 1;
    batch.pages = pages;
    batch.page_count = 5;
    batch.segments = segments;
    batch.segment_count = 5;
    assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_DONE);

    t->is_answered = false;
    t->page_count = 0;
    store_page_get(t->store, &id, 1, 1, 4, trial_on_pages, t);
    trial_wait(t, &t->is_answered);
    assert_false(t->has_err);
    assert_int_equal(t->page_count, 2);
    assert_int_equal(t->pages[0].page, 2);
    assert_span(t->pages[1].body, pages[2].body);

    t->is_answered = false;
    t->segment_count = 0;
    store_segment_get(t->store, &id, 1, 0, 0, UINT32_MAX, trial_on_segments, t);
    trial_wait(t, &t->is_answered);
    assert_int_equal(t->segment_count, 4);
    assert_int_equal(t->segments[0].page, 0);
    assert_int_equal(t->segments[0].part, 9);
    assert_int_equal(t->segments[1].part, 10);
    assert_int_equal(t->segments[2].part, 7);
    assert_span(t->segments[0].body, segments[1].body);
    trial_close(t);
}

static void known_ids_are_told(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_shard shard = trial_own(t, t->store, 2, "a");
    struct store_batch batch = trial_batch(&shard);
    struct store_execution executions[3];
    struct execution_id ids[3];

    for (uint32_t i = 0; i < 3; i++) {
        executions[i] = trial_execution(&batch, i);
        ids[i] = executions[i].id;
    }
    executions[1] = executions[2];
    batch.inserts = executions;
    batch.insert_count = 2;
    assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_DONE);
    t->is_answered = false;
    store_execution_known(t->store, ids, 3, trial_on_known, t);
    trial_wait(t, &t->is_answered);
    assert_false(t->has_err);
    assert_true(t->is_known[0]);
    assert_false(t->is_known[1]);
    assert_true(t->is_known[2]);
    assert_int_equal(trial_get(t, t->store, &ids[1]), 0);
    assert_int_equal(t->execution_count, 0);
    trial_close(t);
}

static void journal_reads_in_order(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_shard shard = trial_own(t, t->store, 2, "a");

    for (uint32_t i = 0; i < 5; i++) {
        struct store_batch batch = trial_batch(&shard);

        batch.journal = i == 3 ? (struct span){NULL, 0} : pattern(t, 20000 + i);
        assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_DONE);
        shard.batch++;
    }
    t->is_answered = false;
    t->journal_count = 0;
    store_journal_get(t->store, 2, 1, 2, trial_on_journal, t);
    trial_wait(t, &t->is_answered);
    assert_false(t->has_err);
    assert_int_equal(t->journal_count, 2);
    assert_int_equal(t->journal[0].batch, 2);
    assert_int_equal(t->journal[0].epoch, shard.epoch);
    assert_span(t->journal[0].body, pattern(t, 20001));
    assert_int_equal(t->journal[1].batch, 3);
    assert_int_equal(t->oldest_batch, 1);

    t->is_answered = false;
    t->journal_count = 0;
    store_journal_get(t->store, 2, 3, 100, trial_on_journal, t);
    trial_wait(t, &t->is_answered);
    assert_int_equal(t->journal_count, 1);
    assert_int_equal(t->journal[0].batch, 5);
    trial_close(t);
}

/* Ten executions: even ones of project "even", every third ended, number 4 with another label. */
static void write_list(struct trial *t, struct store_execution executions[10])
{
    struct store_shard shard = trial_own(t, t->store, 2, "a");
    struct store_batch batch = trial_batch(&shard);

    for (uint32_t i = 0; i < 10; i++) {
        executions[i] = trial_execution(&batch, i);
        executions[i].submitted_ns = 1000 + i / 2 * 10; /* two at each time: the id decides */
        executions[i].project = i % 2 == 0 ? "even" : "odd";
        executions[i].cluster = i < 5 ? "p/small" : "p/large";
        executions[i].state = i % 3 == 0 ? "FAILED" : "RUNNING";
        executions[i].is_terminal = i % 3 == 0;
    }
    executions[4].labels = span_of("{\"team\":\"a \\\"quoted\\\" one\",\"n.1\":\"x\"}");
    executions[5].labels = (struct span){NULL, 0};
    batch.inserts = executions;
    batch.insert_count = 10;
    assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_DONE);
}

/* Lists and compares with the numbers given, newest first; ends with -1. */
static void assert_list(struct trial *t, const struct store_query *query, const int *numbers)
{
    uint32_t count = 0;

    assert_int_equal(trial_list(t, t->store, query), 0);
    for (; numbers[count] >= 0; count++) {
        assert_true(count < t->execution_count);
        assert_int_equal(t->executions[count].id.bytes[15], numbers[count]);
    }
    assert_int_equal(t->execution_count, count);
}

static void lists_filter_and_page(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_execution executions[10];
    struct store_query query = {.limit = 1000};

    write_list(t, executions);
    assert_list(t, &query, (const int[]){9, 8, 7, 6, 5, 4, 3, 2, 1, 0, -1});
    assert_execution(&t->executions[0], &executions[9]);
    assert_int_equal(t->executions[0].body.bytes, 0);

    query.project = "even";
    assert_list(t, &query, (const int[]){8, 6, 4, 2, 0, -1});
    query.state = "FAILED";
    assert_list(t, &query, (const int[]){6, 0, -1});
    query.cluster = "p/large";
    assert_list(t, &query, (const int[]){6, -1});
    query = (struct store_query){.limit = 1000, .after_ns = 1010, .before_ns = 1030};
    assert_list(t, &query, (const int[]){5, 4, 3, 2, -1});

    query = (struct store_query){.limit = 1000, .label_key = span_of("team")};
    query.label_value = span_of("research");
    assert_list(t, &query, (const int[]){9, 8, 7, 6, 3, 2, 1, 0, -1});
    query.label_value = span_of("a \"quoted\" one");
    assert_list(t, &query, (const int[]){4, -1});
    query.label_key = span_of("n.1");
    query.label_value = span_of("x");
    assert_list(t, &query, (const int[]){4, -1});
    query.label_value = span_of("y");
    assert_list(t, &query, (const int[]){-1});
    assert_int_equal(t->execution_count, 0);

    query = (struct store_query){.limit = 3};
    assert_list(t, &query, (const int[]){9, 8, 7, -1});
    query.cursor = executions[7].id;
    query.cursor_ns = executions[7].submitted_ns;
    assert_list(t, &query, (const int[]){6, 5, 4, -1});
    query.project = "odd";
    assert_list(t, &query, (const int[]){5, 3, 1, -1});
    trial_close(t);
}

static void first_key_wins(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct execution_id first = {.bytes = {1}}, second = {.bytes = {2}};
    struct digest one = {.bytes = {3}}, two = {.bytes = {4}};

    assert_int_equal(trial_key(t, t->store, "k", &first, &one), 0);
    assert_true(execution_id_equal(&t->key_id, &first));
    assert_int_equal(trial_key(t, t->store, "k", &second, &two), 0);
    assert_true(execution_id_equal(&t->key_id, &first));
    assert_memory_equal(t->key_body.bytes, one.bytes, DIGEST_BYTES);
    assert_int_equal(trial_key(t, t->store, "l", &second, &two), 0);
    assert_true(execution_id_equal(&t->key_id, &second));
    trial_close(t);
}

static void blobs_are_kept(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct digest digest = {.bytes = {9}}, missing = {.bytes = {8}};
    struct span bytes = pattern(t, 8 << 20);

    assert_int_equal(trial_blob_put(t, t->store, &digest, bytes), 0);
    assert_int_equal(trial_blob_put(t, t->store, &digest, bytes), 0);
    assert_int_equal(trial_blob_get(t, t->store, &digest), 0);
    assert_span(t->blob, bytes);
    assert_int_equal(trial_blob_get(t, t->store, &missing), EXO_ENOTFOUND);
    assert_int_equal(trial_blob_put(t, t->store, &missing, (struct span){NULL, 0}), 0);
    assert_int_equal(trial_blob_get(t, t->store, &missing), 0);
    assert_int_equal(t->blob.bytes, 0);
    missing.bytes[1] = 1;
    assert_int_equal(trial_blob_put(t, t->store, &missing, pattern(t, (8 << 20) + 1)), EXO_ELIMIT);
    trial_close(t);
}

static void dead_letters_are_kept(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_shard shard = trial_own(t, t->store, 2, "a");
    struct store_batch batch = trial_batch(&shard);
    struct store_dead_letter letters[3];

    for (uint32_t i = 0; i < 3; i++) {
        letters[i] = (struct store_dead_letter){
            .topic = "exo.jobs",
            .partition = 2,
            .offset = 100 + i,
            .at_ns = 5,
            .reason = "no message",
            .key = i == 1 ? (struct span){NULL, 0} : pattern(t, 300),
            .value = pattern(t, 3000 + i),
        };
    }
    batch.dead_letters = letters;
    batch.dead_letter_count = 3;
    assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_DONE);
    assert_int_equal(trial_letters(t, t->store, 0, 2), 0);
    assert_int_equal(t->letter_count, 2);
    assert_string_equal(t->letters[1].letter.topic, "exo.jobs");
    assert_string_equal(t->letters[1].letter.reason, "no message");
    assert_int_equal(t->letters[1].letter.partition, 2);
    assert_int_equal(t->letters[1].letter.offset, 101);
    assert_int_equal(t->letters[1].letter.at_ns, 5);
    assert_span(t->letters[0].letter.key, letters[0].key);
    assert_span(t->letters[1].letter.key, letters[1].key);
    assert_span(t->letters[1].letter.value, letters[1].value);
    int64_t second = t->letters[1].id;

    t->is_answered = false;
    store_dead_letter_replayed(t->store, second, trial_on_done, t);
    trial_wait(t, &t->is_answered);
    assert_false(t->has_err);
    assert_int_equal(trial_letters(t, t->store, second - 1, 100), 0);
    assert_int_equal(t->letter_count, 2);
    assert_true(t->letters[0].is_replayed);
    assert_false(t->letters[1].is_replayed);
    t->is_answered = false;
    store_dead_letter_replayed(t->store, 999999, trial_on_done, t);
    trial_wait(t, &t->is_answered);
    assert_int_equal(t->err.code, EXO_ENOTFOUND);
    trial_close(t);
}

const struct store_story store_read_stories[] = {
    {"rows_read_back_byte_for_byte", rows_read_back_byte_for_byte},
    {"load_shows_what_lives", load_shows_what_lives},
    {"load_follows_updates", load_follows_updates},
    {"pages_and_segments_by_range", pages_and_segments_by_range},
    {"known_ids_are_told", known_ids_are_told},
    {"journal_reads_in_order", journal_reads_in_order},
    {"lists_filter_and_page", lists_filter_and_page},
    {"first_key_wins", first_key_wins},
    {"blobs_are_kept", blobs_are_kept},
    {"dead_letters_are_kept", dead_letters_are_kept},
};
const size_t store_read_story_count = sizeof(store_read_stories) / sizeof(store_read_stories[0]);
