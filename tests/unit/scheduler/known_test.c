/* known: which Jobs the store is asked for, and what its answer says. The store and the shard's
 * other parts are puppets. */
#include "scheduler/shard.h"

#include "tests/support/test.h"

#include <stdlib.h>

enum { NEWEST_S = 500, TAKEN_S = 1000, NOW_S = 2000, RECORDS_MAX = 4 };

static struct scheduler scheduler = {.shard_count = 4};
static struct shard shard;

/* ---- puppets ---- */

static struct {
    unsigned asked;
    struct execution_id ids[CHECKED_MAX];
    uint32_t count;
    void (*done)(void *argument, const bool *is_known, const struct exo_error *err);
    struct shard_ticket *ticket;
    bool is_known[CHECKED_MAX];
} store;

static struct {
    const struct log_reader *reader; /* that went on last */
    unsigned resumed, retries, unused;
    int64_t now_s;                 /* shard time */
    struct execution_id in_memory; /* of the shard's core */
    struct execution_id forgotten; /* of the shard's core */
    struct execution_id batch;     /* of an execution that runs one */
} seen;

exo_time shard_time(struct shard *of)
{
    assert_ptr_equal(of, &shard);
    return seen.now_s * EXO_SECOND;
}

struct shard_ticket *shard_ticket_new(struct shard *of, void *more)
{
    struct shard_ticket *ticket = calloc(1, sizeof(*ticket));

    assert_non_null(ticket);
    *ticket = (struct shard_ticket){of, of->generation, more};
    return ticket;
}

struct shard *shard_ticket_end(struct shard_ticket *ticket)
{
    struct shard *of = ticket->generation == ticket->shard->generation ? ticket->shard : NULL;

    free(ticket);
    return of;
}

void store_execution_known(struct store *of, const struct execution_id *ids, uint32_t count,
                           void (*done)(void *argument, const bool *is_known,
                                        const struct exo_error *err),
                           void *argument)
{
    assert_ptr_equal(of, scheduler.store);
    store.asked++;
    store.count = count;
    memcpy(store.ids, ids, count * sizeof(*ids));
    store.done = done;
    store.ticket = argument;
}

void log_reader_resume(struct log_reader *reader)
{
    seen.reader = reader;
    seen.resumed++;
}

void loop_timer_start(struct loop_timer *timer, exo_time delay_ns, exo_time repeat_ns)
{
    assert_ptr_equal(timer, shard.retry);
    assert_true(delay_ns > 0 && repeat_ns == 0);
    seen.retries++;
}

bool sched_is_known(const struct sched *sched, const struct execution_id *id)
{
    (void)sched;
    return execution_id_equal(id, &seen.in_memory);
}

bool sched_may_have_forgotten(const struct sched *sched, const struct execution_id *id)
{
    (void)sched;
    return execution_id_equal(id, &seen.forgotten);
}

bool ends_is_batch(const struct wire_job *job, const struct execution_id *id)
{
    (void)job;
    return execution_id_equal(id, &seen.batch);
}

bool intake_job_id(const struct shard *of, const struct wire_job *job,
                   const struct log_record *record, struct execution_id *ret_id)
{
    (void)of;
    (void)record;
    return execution_id_parse(job->execution_id, ret_id);
}

void caution_unused(struct shard *of)
{
    assert_ptr_equal(of, &shard);
    seen.unused++;
}

/* ---- records ---- */

static struct heap_budget budget;
static struct arena arena;
static uint64_t received[4];
static struct log_reader *const readers[INPUT_NR] = {(struct log_reader *)&received[0],
                                                     (struct log_reader *)&received[1]};

/* An id that carries a time, in seconds since 1970. */
static struct execution_id id_at(int64_t seconds, uint8_t which)
{
    const uint8_t random[10] = {which};

    return execution_id_from_time(seconds * 1000, random);
}

static struct span text_of(const struct execution_id *id)
{
    char *text = arena_alloc(&arena, EXECUTION_ID_TEXT_BYTES + 1);

    assert_non_null(text);
    execution_id_format(id, text);
    return span_of(text);
}

static struct log_record packed(const struct buffer *bytes)
{
    struct log_record record = {.value = arena_copy(&arena, buffer_span(bytes))};

    assert_non_null(record.value.data);
    return record;
}

static struct log_record job_record(const struct execution_id *id)
{
    const struct wire_job job = {.execution_id = text_of(id), .cluster = span_of("{}")};
    struct buffer bytes;

    buffer_init(&bytes, allocator_heap(&budget), 0);
    wire_job_pack(&job, &arena, &bytes);
    struct log_record record = packed(&bytes);

    buffer_release(&bytes);
    return record;
}

static struct wire_peer passed_on(uint32_t source, uint64_t sequence, const struct execution_id *id)
{
    return (struct wire_peer){
        .source = source,
        .sequence = sequence,
        .kind = PEER_JOB,
        .forwarded_job = {.execution_id = text_of(id), .cluster = span_of("{}")}};
}

static struct log_record status_record(const struct wire_peer *peers, uint32_t count)
{
    const struct wire_status status = {.peers = peers, .peer_count = count};
    struct buffer bytes;

    buffer_init(&bytes, allocator_heap(&budget), 0);
    wire_status_pack(&status, &arena, &bytes);
    struct log_record record = packed(&bytes);

    buffer_release(&bytes);
    return record;
}

static int set_up(void **state)
{
    (void)state;
    memset(&store, 0, sizeof(store));
    memset(&seen, 0, sizeof(seen));
    memset(received, 0, sizeof(received));
    memset(&shard, 0, sizeof(shard));
    scheduler.allocator = allocator_heap(&budget);
    shard.scheduler = &scheduler;
    shard.newest_ms = NEWEST_S * 1000;
    seen.now_s = TAKEN_S;
    known_taken(&shard);
    seen.now_s = NOW_S;
    shard.received = received;
    for (int i = 0; i < INPUT_NR; i++) {
        shard.inputs[i].shard = &shard;
        shard.inputs[i].reader = readers[i];
    }
    arena_init(&arena, scheduler.allocator, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static void answer(const struct exo_error *err)
{
    store.done(store.ticket, err == NULL ? store.is_known : NULL, err);
}

/* ---- Jobs of exo.jobs ---- */

/* Of an id made since the shard was taken, and not of one far in the future, nobody needs to ask.
 */
static void test_fresh(void **state)
{
    const struct execution_id young = id_at(NOW_S - 10, 1);
    const struct execution_id old = id_at(TAKEN_S - 10, 2);
    const struct execution_id ahead = id_at(NOW_S + 60, 3);
    const struct execution_id far = id_at(NOW_S + 3601, 4);
    struct execution_id timeless = young;

    (void)state;
    timeless.bytes[6] = 0x40;
    assert_true(known_is_fresh(&shard, &young));
    assert_true(known_is_fresh(&shard, &ahead));
    assert_false(known_is_fresh(&shard, &old));
    assert_false(known_is_fresh(&shard, &far));
    assert_false(known_is_fresh(&shard, &timeless));
}

/* The clocks went back: what was here is older than the newest that was, whatever they say. What
 * has its time from no clock does not count, or all would be asked for. */
static void test_the_newest_is_noted(void **state)
{
    const struct execution_id newest = id_at(NOW_S + 60, 1);
    const struct execution_id far = id_at(NOW_S + 3601, 2);
    const struct execution_id young = id_at(NOW_S + 61, 3);

    (void)state;
    known_admitted(&shard, &newest);
    known_admitted(&shard, &far);
    assert_int_equal(shard.newest_ms, (NOW_S + 60) * 1000);
    seen.now_s = TAKEN_S;
    known_taken(&shard);
    assert_false(known_is_fresh(&shard, &newest));
    assert_true(known_is_fresh(&shard, &young));
}

/* The core has forgotten more than it remembers: the store says of the young, too. */
static void test_fresh_and_forgotten(void **state)
{
    const struct execution_id young = id_at(NOW_S - 10, 1);

    (void)state;
    seen.forgotten = young;
    assert_false(known_is_fresh(&shard, &young));
}

static void test_jobs_are_asked_for_together(void **state)
{
    const struct execution_id ids[] = {id_at(1, 1), id_at(NOW_S - 10, 2), id_at(1, 3), id_at(1, 1)};
    const struct log_record records[RECORDS_MAX] = {job_record(&ids[0]), job_record(&ids[1]),
                                                    job_record(&ids[2]), job_record(&ids[3])};

    (void)state;
    assert_int_equal(known_of(&shard, INPUT_JOBS, &ids[0]), KNOWN_UNASKED);
    known_ask(&shard, INPUT_JOBS, records, RECORDS_MAX);
    assert_int_equal(store.asked, 1);
    assert_int_equal(store.count, 2); /* not the young one, and each once */
    assert_true(execution_id_equal(&store.ids[0], &ids[0]));
    assert_true(execution_id_equal(&store.ids[1], &ids[2]));
    assert_true(known_is_asked(&shard.inputs[INPUT_JOBS]));
    assert_false(known_is_asked(&shard.inputs[INPUT_STATUS]));
    store.is_known[1] = true;
    answer(NULL);
    assert_int_equal(known_of(&shard, INPUT_JOBS, &ids[0]), KNOWN_NO);
    assert_int_equal(known_of(&shard, INPUT_JOBS, &ids[2]), KNOWN_YES);
    assert_int_equal(known_of(&shard, INPUT_JOBS, &ids[1]), KNOWN_UNASKED);
    assert_int_equal(known_of(&shard, INPUT_STATUS, &ids[2]), KNOWN_UNASKED);
    assert_false(known_is_asked(&shard.inputs[INPUT_JOBS]));
    assert_int_equal(seen.resumed, 1);
    assert_ptr_equal(seen.reader, readers[INPUT_JOBS]);
}

/* What was admitted since stays known when the core has forgotten it. */
static void test_admitted(void **state)
{
    const struct execution_id ids[] = {id_at(1, 1), id_at(1, 2)};
    const struct log_record records[] = {job_record(&ids[0]), job_record(&ids[1])};
    const struct wire_peer peer = passed_on(1, 1, &ids[0]);
    const struct log_record record = status_record(&peer, 1);

    (void)state;
    known_ask(&shard, INPUT_JOBS, records, 2);
    answer(NULL);
    known_ask(&shard, INPUT_STATUS, &record, 1);
    answer(NULL);
    assert_int_equal(known_of(&shard, INPUT_JOBS, &ids[0]), KNOWN_NO);
    known_admitted(&shard, &ids[0]);
    assert_int_equal(known_of(&shard, INPUT_JOBS, &ids[0]), KNOWN_YES);
    assert_int_equal(known_of(&shard, INPUT_STATUS, &ids[0]), KNOWN_YES);
    assert_int_equal(known_of(&shard, INPUT_JOBS, &ids[1]), KNOWN_NO);
}

/* ... also where the store was asked before, and answers after. */
static void test_admitted_meanwhile(void **state)
{
    const struct execution_id id = id_at(1, 1);
    const struct log_record record = job_record(&id);

    (void)state;
    known_ask(&shard, INPUT_JOBS, &record, 1);
    seen.in_memory = id;
    answer(NULL);
    memset(&seen.in_memory, 0, sizeof(seen.in_memory));
    assert_int_equal(known_of(&shard, INPUT_JOBS, &id), KNOWN_YES);
}

/* While we are careful the others must not be blamed on the first. */
static void test_one_at_a_time(void **state)
{
    const struct execution_id ids[] = {id_at(1, 1), id_at(1, 2)};
    const struct log_record records[] = {job_record(&ids[0]), job_record(&ids[1])};

    (void)state;
    shard.caution.mode = CAUTION_CRASHED;
    known_ask(&shard, INPUT_JOBS, records, 2);
    assert_int_equal(store.count, 1);
    assert_int_equal(seen.unused, 1);
    answer(NULL);
}

static void test_store_away(void **state)
{
    static const struct exo_error away = {.code = EXO_EUNAVAILABLE, .text = "away"};
    const struct execution_id id = id_at(1, 1);
    const struct log_record record = job_record(&id);

    (void)state;
    known_ask(&shard, INPUT_JOBS, &record, 1);
    answer(&away);
    assert_int_equal(known_of(&shard, INPUT_JOBS, &id), KNOWN_UNASKED);
    assert_false(known_is_asked(&shard.inputs[INPUT_JOBS]));
    assert_int_equal(seen.retries, 1);
    assert_int_equal(seen.resumed, 0);
}

static void test_life_is_over(void **state)
{
    const struct execution_id id = id_at(1, 1);
    const struct log_record record = job_record(&id);

    (void)state;
    known_ask(&shard, INPUT_JOBS, &record, 1);
    shard.generation++;
    answer(NULL);
    assert_int_equal(seen.resumed + seen.retries, 0);
}

/* ---- Jobs that another shard passes on ---- */

static bool is_ready(const struct wire_peer *peers, uint32_t count)
{
    const struct wire_status status = {.peers = peers, .peer_count = count};

    return known_status(&shard, &status);
}

/* It had run and was deleted: whoever passes it on did not know. */
static void test_passed_on(void **state)
{
    const struct execution_id id = id_at(1, 1);
    const struct wire_peer peer = passed_on(1, 1, &id);
    const struct log_record record = status_record(&peer, 1);

    (void)state;
    assert_false(is_ready(&peer, 1));
    known_ask(&shard, INPUT_STATUS, &record, 1);
    assert_int_equal(store.count, 1);
    assert_true(known_is_asked(&shard.inputs[INPUT_STATUS]));
    assert_false(known_is_asked(&shard.inputs[INPUT_JOBS]));
    store.is_known[0] = true;
    answer(NULL);
    assert_true(is_ready(&peer, 1));
    assert_int_equal(known_of(&shard, INPUT_STATUS, &id), KNOWN_YES);
    assert_int_equal(known_of(&shard, INPUT_JOBS, &id), KNOWN_UNASKED);
    assert_false(known_is_asked(&shard.inputs[INPUT_STATUS]));
    assert_ptr_equal(seen.reader, readers[INPUT_STATUS]);
}

/* A repeat, one of no shard, one that is in memory, one that runs a batch, one of a new id. */
static void test_passed_on_without_a_doubt(void **state)
{
    const struct execution_id old = id_at(1, 1);
    const struct execution_id memory = id_at(1, 2);
    const struct execution_id batch = id_at(1, 3);
    const struct execution_id young = id_at(NOW_S - 10, 4);
    const struct wire_peer peers[] = {passed_on(2, 5, &old), passed_on(9, 6, &old),
                                      passed_on(1, 1, &memory), passed_on(1, 2, &batch),
                                      passed_on(1, 3, &young)};
    const struct log_record record = status_record(peers, 5);

    (void)state;
    received[2] = 5;
    seen.in_memory = memory;
    seen.batch = batch;
    assert_true(is_ready(peers, 5));
    known_ask(&shard, INPUT_STATUS, &record, 1);
    assert_int_equal(store.count, 0);
    answer(NULL);
    received[2] = 4;
    assert_false(is_ready(peers, 5));
}

/* Answers about one input leave those about the other alone, whatever comes first. */
static void test_inputs_apart(void **state)
{
    const struct execution_id id = id_at(1, 1);
    const struct log_record job = job_record(&id);
    const struct wire_peer peer = passed_on(1, 1, &id);
    const struct log_record record = status_record(&peer, 1);

    (void)state;
    known_ask(&shard, INPUT_JOBS, &job, 1);
    struct shard_ticket *first = store.ticket;

    known_ask(&shard, INPUT_STATUS, &record, 1);
    answer(NULL);
    assert_true(known_is_asked(&shard.inputs[INPUT_JOBS]));
    assert_int_equal(known_of(&shard, INPUT_STATUS, &id), KNOWN_NO);
    store.ticket = first;
    store.is_known[0] = true;
    answer(NULL);
    assert_false(known_is_asked(&shard.inputs[INPUT_JOBS]));
    assert_int_equal(known_of(&shard, INPUT_JOBS, &id), KNOWN_YES);
    assert_int_equal(known_of(&shard, INPUT_STATUS, &id), KNOWN_NO);
    assert_int_equal(seen.resumed, 2);
}

/* A stranger's record with more than are asked for at once goes on when the first are answered. */
static void test_more_than_are_asked_for(void **state)
{
    struct wire_peer *peers = calloc(CHECKED_MAX + 2, sizeof(*peers));
    struct log_record record;

    (void)state;
    assert_non_null(peers);
    for (uint32_t i = 0; i < CHECKED_MAX + 2; i++) {
        const struct execution_id id = id_at(1 + i, 1);

        peers[i] = passed_on(1, i + 1, &id);
    }
    record = status_record(peers, CHECKED_MAX + 2);
    assert_false(is_ready(peers, CHECKED_MAX + 2));
    known_ask(&shard, INPUT_STATUS, &record, 1);
    assert_int_equal(store.count, CHECKED_MAX);
    answer(NULL);
    assert_true(is_ready(peers, CHECKED_MAX + 2));
    free(peers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_fresh, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_fresh_and_forgotten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_newest_is_noted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_jobs_are_asked_for_together, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_admitted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_admitted_meanwhile, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_at_a_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_store_away, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_life_is_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_passed_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_passed_on_without_a_doubt, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_inputs_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_more_than_are_asked_for, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
