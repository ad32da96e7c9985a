#include "tests/contract/worker_trial.h"

#include <string.h>

#include "infra/crypto/crypto.h"
#include "infra/telemetry/log_line.h"
#include "tests/support/patience.h"

const struct execution_id trial_execution = {
    {0x01, 0x89, 0x0a, 0x5d, 0xac, 0x96, 0x77, 0x4b, 0xbc, 0xce, 0xb3, 0x02, 0x09, 0x9a, 0x80, 1}};

static void prepared(void *argument, const struct exo_error *err)
{
    bool *is_done = argument;

    assert_null(err);
    *is_done = true;
}

static size_t on_status(void *argument, const struct log_record *records, size_t count)
{
    struct trial_shard *shard = argument;
    struct trial *t = shard->trial;

    for (size_t i = 0; i < count; i++) {
        struct wire_status status;
        struct span kept = arena_copy(&t->arena, records[i].value);

        assert_int_equal(wire_status_unpack(kept, &t->arena, &status), WIRE_OK);
        for (uint32_t k = 0; k < status.report_count; k++) {
            const struct wire_report *report = &status.reports[k];

            assert_true(t->report_count < TRIAL_REPORTS_MAX);
            t->reports[t->report_count++] =
                (struct trial_report){shard->shard, status.incarnation, *report};
            if (span_is(report->lend_process, "s1") && status.incarnation == t->incarnation) {
                t->lends[report->ticket] = report->lend_next;
            }
        }
    }
    return count;
}

static void lent(struct trial *t, const struct wire_loan *loan)
{
    if (!span_is(loan->process, "s1") || loan->incarnation != t->incarnation) {
        return;
    }
    for (uint32_t i = 0; i < loan->count; i++) {
        assert_true(loan->tickets[i] < TRIAL_TICKETS_MAX);
        t->lends[loan->tickets[i]] = loan->lends[i];
    }
}

static void beat_seen(struct trial *t, const struct wire_heartbeat *beat)
{
    if (beat->incarnation != t->incarnation) {
        memset(t->lends, 0, sizeof(t->lends));
        t->incarnation = beat->incarnation;
        t->sequence = 0;
    }
    assert_int_equal(beat->class_count, 1);
    assert_true(span_is(beat->classes[0], "default"));
    t->partition = beat->partition;
    t->is_leaving = beat->is_leaving;
    t->beat = *beat;
    t->beats++;
    for (uint32_t i = 0; i < beat->loan_count; i++) {
        lent(t, &beat->loans[i]);
    }
}

static size_t on_fleet(void *argument, const struct log_record *records, size_t count)
{
    struct trial *t = argument;

    for (size_t i = 0; i < count; i++) {
        struct wire_fleet fleet;
        struct arena arena;

        arena_init(&arena, allocator_heap(&t->budget), 0);
        assert_int_equal(wire_fleet_unpack(records[i].value, &arena, &fleet), WIRE_OK);
        if (fleet.kind == FLEET_HEARTBEAT) {
            beat_seen(t, &fleet.heartbeat);
        } else if (fleet.kind == FLEET_LOAN) {
            lent(t, &fleet.loan);
        }
        arena_release(&arena);
    }
    return count;
}

static void reader_failed(void *argument, const struct exo_error *err)
{
    (void)argument;
    fail_msg("a reader failed: %s", err->text);
}

static void append(struct trial *t, const char *topic, uint32_t partition, struct span value)
{
    struct exo_error err = {.text = ""};

    if (log_append(t->log, topic, partition, (struct span){NULL, 0}, value, 0, NULL, NULL, &err)) {
        fail_msg("%s", err.text);
    }
}

static void tick(void *argument)
{
    struct trial *t = argument;
    const struct wire_demand demand = {.class_name = span_of("default"), .ready = 1000};
    const struct wire_fleet record = {
        .kind = FLEET_TICK,
        .tick = {
            .process = span_of("s1"), .number = ++t->ticks, .demands = &demand, .demand_count = 1}};
    struct buffer buffer;
    struct arena scratch;

    buffer_init(&buffer, allocator_heap(&t->budget), 0);
    arena_init(&scratch, allocator_heap(&t->budget), 0);
    wire_fleet_pack(&record, &scratch, &buffer);
    for (uint32_t i = 0; i < TOPIC_FLEET_PARTITIONS; i++) {
        append(t, TOPIC_FLEET, i, buffer_span(&buffer));
    }
    buffer_release(&buffer);
    arena_release(&scratch);
}

static void check(void *argument)
{
    struct trial *t = argument;

    t->is_done = t->until != NULL && t->until(t, t->until_number);
}

void trial_open(struct trial *t)
{
    const struct log_settings log = {.backend = "sqlite", .path = ":memory:"};
    const struct log_reader_callbacks status = {.records = on_status, .failed = reader_failed};
    const struct log_reader_callbacks fleet = {.records = on_fleet, .failed = reader_failed};
    struct log_topic topics[TOPIC_FIXED_NR];
    struct exo_error err = {.text = ""};
    bool is_done = false;

    memset(t, 0, sizeof(*t));
    t->settings = (struct worker_role_settings){
        .name = "w1",
        .sandbox = "null",
        .shard_count = TRIAL_SHARDS,
        .heartbeat_ns = 50 * EXO_MILLISECOND,
    };
    t->loop = loop_new(&err);
    assert_non_null(t->loop);
    t->log = log_open(t->loop, &log, &err);
    assert_non_null(t->log);
    arena_init(&t->arena, allocator_heap(&t->budget), 0);
    topics_fixed(TRIAL_SHARDS, topics);
    log_prepare(t->log, topics, TOPIC_FIXED_NR, prepared, &is_done);
    assert_true(loop_run_until(t->loop, &is_done, TEST_WAIT));
    for (uint32_t i = 0; i < TRIAL_SHARDS; i++) {
        t->shards[i] = (struct trial_shard){t, i};
        t->readers[i] = log_reader_open(t->log, TOPIC_STATUS, i, 0, 0, &status, &t->shards[i]);
    }
    t->readers[TRIAL_SHARDS] = log_reader_open(
        t->log, TOPIC_FLEET, topic_class_partition(span_of("w1"), TOPIC_FLEET_PARTITIONS), 0, 0,
        &fleet, t);
    t->ticker = loop_timer_new(t->loop, tick, t);
    t->checker = loop_timer_new(t->loop, check, t);
    loop_timer_start(t->ticker, 0, 50 * EXO_MILLISECOND);
    loop_timer_start(t->checker, 0, 5 * EXO_MILLISECOND);
}

void trial_logs(struct trial *t)
{
    const struct log_settings settings = {.backend = "sqlite", .path = ":memory:"};
    struct log_topic topics[TOPIC_FIXED_NR];
    struct exo_error err = {.text = ""};
    bool is_done = false;

    t->logs = log_open(t->loop, &settings, &err);
    assert_non_null(t->logs);
    topics_fixed(TRIAL_SHARDS, topics);
    log_prepare(t->logs, topics, TOPIC_FIXED_NR, prepared, &is_done);
    assert_true(loop_run_until(t->loop, &is_done, TEST_WAIT));
}

static void ended(void *argument, const struct exo_error *err)
{
    struct trial *t = argument;

    t->has_ended = true;
    t->ended = err == NULL ? (struct exo_error){.code = EXO_OK} : *err;
}

void trial_start(struct trial *t)
{
    struct exo_error err = {.text = ""};

    t->has_ended = false;
    t->role = worker_role_open(t->loop, &t->settings, t->log, t->logs == NULL ? t->log : t->logs,
                               ended, t, &err);
    if (t->role == NULL) {
        fail_msg("%s", err.text);
    }
}

void trial_crash(struct trial *t)
{
    bool never = false;

    worker_role_stop(t->role);
    /* Appends under way call back before the role is gone. */
    while (log_counts(t->log).buffered_bytes > 0 ||
           (t->logs != NULL && log_counts(t->logs).buffered_bytes > 0)) {
        (void)loop_run_until(t->loop, &never, EXO_MILLISECOND);
    }
    worker_role_free(t->role);
    t->role = NULL;
}

void trial_end(struct trial *t)
{
    worker_role_stop(t->role);
    loop_timer_free(t->ticker);
    loop_timer_free(t->checker);
    for (size_t i = 0; i < TRIAL_SHARDS + 1; i++) {
        log_reader_close(t->readers[i]);
    }
    log_close(t->log);
    log_close(t->logs);
    worker_role_free(t->role);
    loop_free(t->loop);
    arena_release(&t->arena);
    assert_int_equal(t->budget.used_bytes, 0);
}

void trial_wait(struct trial *t, bool (*until)(struct trial *trial, uint32_t number),
                uint32_t number, const char *what)
{
    t->until = until;
    t->until_number = number;
    t->is_done = false;
    if (!loop_run_until(t->loop, &t->is_done, TEST_WAIT)) {
        fail_msg("waited in vain for %s", what);
    }
    t->until = NULL;
}

bool trial_has_tickets(struct trial *t, uint32_t number)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < TRIAL_TICKETS_MAX; i++) {
        count += t->lends[i] != 0;
    }
    return count >= number;
}

bool trial_has_reports(struct trial *t, uint32_t number)
{
    return t->report_count >= number;
}

bool trial_has_finished(struct trial *t, uint32_t number)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < t->report_count; i++) {
        count += t->reports[i].report.kind == REPORT_FINISHED;
    }
    return count >= number;
}

bool trial_has_beats(struct trial *t, uint32_t number)
{
    return t->beats >= number;
}

bool trial_has_progress(struct trial *t, uint32_t number)
{
    return trial_count(t, REPORT_PROGRESS, 0) >= number;
}

bool trial_has_left(struct trial *t, uint32_t number)
{
    (void)number;
    return t->has_ended;
}

uint32_t trial_ticket(struct trial *t, uint64_t *ret_lend)
{
    for (uint32_t i = 0; i < TRIAL_TICKETS_MAX; i++) {
        if (t->lends[i] != 0) {
            *ret_lend = t->lends[i];
            t->lends[i] = 0;
            return i;
        }
    }
    fail_msg("no ticket is lent to us");
    return 0;
}

void trial_send(struct trial *t, struct wire_task_record *record)
{
    struct buffer buffer;
    struct arena scratch;

    record->worker = record->worker.bytes == 0 ? span_of("w1") : record->worker;
    record->incarnation = record->incarnation == 0 ? t->incarnation : record->incarnation;
    record->epoch = record->epoch == 0 ? 1 : record->epoch;
    record->sequence = record->sequence == 0 ? ++t->sequence : record->sequence;
    record->process = record->process.bytes == 0 ? span_of("s1") : record->process;
    buffer_init(&buffer, allocator_heap(&t->budget), 0);
    arena_init(&scratch, allocator_heap(&t->budget), 0);
    wire_task_record_pack(record, &scratch, &buffer);
    assert_false(buffer.is_failed);
    append(t, TOPIC_TASKS_PREFIX "default", t->partition, buffer_span(&buffer));
    buffer_release(&buffer);
    arena_release(&scratch);
}

void trial_task(struct trial *t, const char *definition, uint32_t index, uint32_t attempt)
{
    const struct wire_context contexts[] = {
        {.path = span_of("input"), .kind = CONTEXT_JSON, .json = span_of("{\"top\":20}")},
        {.path = span_of("satellites.big.output"),
         .kind = CONTEXT_BLOB,
         .digest = t->big_digest,
         .bytes = t->big_bytes},
        {.path = span_of("satellites.map.output"), .kind = CONTEXT_LIST, .instance = 1, .count = 2},
    };
    struct wire_spec spec = {
        .execution = trial_execution,
        .instance = 0,
        .project = span_of("p"),
        .cluster = span_of("c"),
        .satellite = span_of("s"),
        .definition = span_of(definition),
        .contexts = contexts,
        .context_count = 3,
        .timeout_ms = t->timeout_ms,
        .heartbeat_ms = t->heartbeat_ms,
        .grace_ms = 100,
        .is_map = true,
        .item_name = span_of("item"),
    };
    struct wire_task task = {
        .index = index, .attempt = attempt, .item = span_of("\"it\""), .token = span_of("tok")};
    struct wire_task_record record = {.shard = index % TRIAL_SHARDS,
                                      .specs = &spec,
                                      .spec_count = 1,
                                      .tasks = &task,
                                      .task_count = 1};

    task.ticket = trial_ticket(t, &task.lend);
    trial_send(t, &record);
}

const struct trial_report *trial_report(const struct trial *t, enum wire_report_kind kind,
                                        uint32_t index)
{
    for (uint32_t i = t->report_count; i > 0; i--) {
        if (t->reports[i - 1].report.kind == kind && t->reports[i - 1].report.task.index == index) {
            return &t->reports[i - 1];
        }
    }
    fail_msg("no report %d of task %u", (int)kind, index);
    return NULL;
}

uint32_t trial_count(const struct trial *t, enum wire_report_kind kind, uint32_t index)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < t->report_count; i++) {
        count += t->reports[i].report.kind == kind && t->reports[i].report.task.index == index;
    }
    return count;
}
