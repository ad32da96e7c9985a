/* Every message comes back from its bytes as it was; other versions and broken fields are refused.
 */
#include <string.h>

#include "schemas/vocab/limits.h"
#include "schemas/wire/event.h"
#include "schemas/wire/fleet.h"
#include "schemas/wire/job.h"
#include "schemas/wire/shard_extra.h"
#include "schemas/wire/state.h"
#include "schemas/wire/status.h"
#include "schemas/wire/task.h"
#include "tests/support/test.h"

struct tools {
    struct heap_budget budget;
    struct arena arena;
    struct buffer text;
};

static struct tools tools;

static int setup(void **state)
{
    (void)state;
    tools.budget = (struct heap_budget){0};
    arena_init(&tools.arena, allocator_heap(&tools.budget), 0);
    buffer_init(&tools.text, allocator_heap(&tools.budget), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_release(&tools.arena);
    buffer_release(&tools.text);
    assert_int_equal(tools.budget.used_bytes, 0);
    return 0;
}

static void assert_span(struct span span, const char *text)
{
    assert_int_equal(span.bytes, strlen(text));
    assert_memory_equal(span.data == NULL ? "" : span.data, text, span.bytes);
}

static const struct execution_id id = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};

/* A rerun, as one shard hands it to another. */
static void test_job_rerun(void **state)
{
    const struct wire_instance instance = {.state = 5,
                                           .task_count = 1,
                                           .has_result = true,
                                           .result = {.attempt = 2, .json = span_of("7")},
                                           .has_origin = true,
                                           .origin = id,
                                           .origin_number = 3};
    const struct wire_kept kept = {span_of("a"), &instance};
    const struct wire_job job = {
        .rerun_of = span_of("old"), .rerun_from = span_of("b"), .kept = &kept, .kept_count = 1};
    struct wire_job back;

    (void)state;
    wire_job_pack(&job, &tools.arena, &tools.text);
    assert_int_equal(wire_job_unpack(buffer_span(&tools.text), &tools.arena, &back), WIRE_OK);
    assert_span(back.rerun_of, "old");
    assert_span(back.rerun_from, "b");
    assert_int_equal(back.kept_count, 1);
    assert_span(back.kept[0].satellite, "a");
    assert_true(back.kept[0].instance->has_origin);
    assert_true(execution_id_equal(&back.kept[0].instance->origin, &id));
    assert_int_equal(back.kept[0].instance->origin_number, 3);
    assert_span(back.kept[0].instance->result.json, "7");
    /* An origin that is no id, and a satellite without how it ended. */
    static const unsigned char bad_origin[] = {8, 1, 0xb2, 1, 6, 0x12, 4, 0xf2, 1, 1, 1};
    static const unsigned char bare[] = {8, 1, 0xb2, 1, 3, 0x0a, 1, 'a'};

    assert_int_equal(
        wire_job_unpack((struct span){bad_origin, sizeof(bad_origin)}, &tools.arena, &back),
        WIRE_EMALFORMED);
    assert_int_equal(wire_job_unpack((struct span){bare, sizeof(bare)}, &tools.arena, &back),
                     WIRE_EMALFORMED);
}

static void test_job(void **state)
{
    const struct wire_pair label = {span_of("team"), span_of("x")};
    const struct wire_job job = {.execution_id = span_of("abc"),
                                 .project = span_of("p"),
                                 .cluster = span_of("{}"),
                                 .input = span_of("{\"a\":1}"),
                                 .labels = &label,
                                 .label_count = 1,
                                 .submitted_ms = 42,
                                 .start_at_ms = 43,
                                 .traceparent = span_of("00-1-2-01")};
    struct wire_job back;

    (void)state;
    wire_job_pack(&job, &tools.arena, &tools.text);
    assert_int_equal(wire_job_unpack(buffer_span(&tools.text), &tools.arena, &back), WIRE_OK);
    assert_span(back.execution_id, "abc");
    assert_span(back.cluster, "{}");
    assert_span(back.input, "{\"a\":1}");
    assert_int_equal(back.label_count, 1);
    assert_span(back.labels[0].value, "x");
    assert_int_equal(back.submitted_ms, 42);
    assert_int_equal(back.start_at_ms, 43);
}

static void test_status(void **state)
{
    const struct wire_report report = {.kind = REPORT_FINISHED,
                                       .task = {id, 3, 17},
                                       .attempt = 2,
                                       .ticket = 5,
                                       .lend = 6,
                                       .lend_process = span_of("s1"),
                                       .lend_next = 7,
                                       .heartbeat = 8,
                                       .outcome = OUTCOME_FAILED,
                                       .exit_status = -1,
                                       .error = span_of("EXIT: 1"),
                                       .has_log = true,
                                       .has_artefacts = true,
                                       .artefacts_digest = {{10}},
                                       .artefacts_bytes = 1 << 30,
                                       .log_digest = {{9}},
                                       .log_bytes = 10,
                                       .progress = span_of("{\"percent\":4}")};
    const struct wire_command command = {
        .kind = COMMAND_CANCEL, .execution = id, .reason = span_of("why")};
    const struct wire_peer peer = {
        .source = 1, .sequence = 2, .kind = PEER_JOB, .forwarded_job = {.cluster = span_of("c")}};
    const struct wire_status status = {.worker = span_of("w"),
                                       .incarnation = UINT64_MAX,
                                       .reports = &report,
                                       .report_count = 1,
                                       .commands = &command,
                                       .command_count = 1,
                                       .peers = &peer,
                                       .peer_count = 1};
    struct wire_status back;

    (void)state;
    wire_status_pack(&status, &tools.arena, &tools.text);
    assert_int_equal(wire_status_unpack(buffer_span(&tools.text), &tools.arena, &back), WIRE_OK);
    assert_true(back.incarnation == UINT64_MAX);
    assert_memory_equal(&back.reports[0].task, &report.task, sizeof(report.task));
    assert_int_equal(back.reports[0].outcome, OUTCOME_FAILED);
    assert_int_equal(back.reports[0].exit_status, -1);
    assert_int_equal(back.reports[0].lend_next, 7);
    assert_true(back.reports[0].has_log);
    assert_true(back.reports[0].has_artefacts);
    assert_memory_equal(&back.reports[0].artefacts_digest, &report.artefacts_digest, DIGEST_BYTES);
    assert_int_equal(back.reports[0].artefacts_bytes, 1 << 30);
    assert_false(back.reports[0].has_output_digest);
    assert_memory_equal(&back.reports[0].log_digest, &report.log_digest, DIGEST_BYTES);
    assert_span(back.reports[0].progress, "{\"percent\":4}");
    assert_span(back.commands[0].reason, "why");
    assert_span(back.peers[0].forwarded_job.cluster, "c");
}

static void test_keys(void **state)
{
    const struct wire_peer peers[] = {
        {.source = 1,
         .sequence = 2,
         .kind = PEER_KEY_ASK,
         .key_ask = {{{7}}, id, KEY_RATE, KEY_REJECT, 3, 4 * EXO_SECOND}},
        {.source = 1, .sequence = 3, .kind = PEER_KEY_RELEASE, .key_release = {{{8}}, id}},
        {.source = 1,
         .sequence = 4,
         .kind = PEER_KEY_ANSWER,
         .key_answer = {id, KEY_CONCURRENCY, KEY_CANCELLED}},
        {.source = 1, .sequence = 5},
    };
    struct wire_peer wrong = peers[0];
    struct wire_status status = {.peers = peers, .peer_count = 4};
    struct wire_status back;

    (void)state;
    wire_status_pack(&status, &tools.arena, &tools.text);
    assert_int_equal(wire_status_unpack(buffer_span(&tools.text), &tools.arena, &back), WIRE_OK);
    assert_int_equal(back.peer_count, 4);
    assert_int_equal(back.peers[0].kind, PEER_KEY_ASK);
    assert_memory_equal(back.peers[0].key_ask.key.bytes, peers[0].key_ask.key.bytes, DIGEST_BYTES);
    assert_int_equal(back.peers[0].key_ask.limit, 3);
    assert_int_equal(back.peers[0].key_ask.per_ns, 4 * EXO_SECOND);
    assert_int_equal(back.peers[1].key_release.key.bytes[0], 8);
    assert_int_equal(back.peers[2].key_answer.verdict, KEY_CANCELLED);
    assert_int_equal(back.peers[3].kind, PEER_UNKNOWN);
    wrong.key_ask.limit = 0;
    status = (struct wire_status){.peers = &wrong, .peer_count = 1};
    buffer_reset(&tools.text);
    wire_status_pack(&status, &tools.arena, &tools.text);
    assert_int_equal(wire_status_unpack(buffer_span(&tools.text), &tools.arena, &back),
                     WIRE_EMALFORMED);
}

static void test_a_member_says_when_it_asked(void **state)
{
    const struct wire_gather_result result = {
        .member = {.task = {id, 3, 4}, .attempt = 5, .asked = 6}, .outcome = OUTCOME_FAILED};
    const struct wire_peer peer = {.source = 1,
                                   .sequence = 2,
                                   .kind = PEER_GATHER_ANSWER,
                                   .gather_answer = {.results = &result, .result_count = 1}};
    struct wire_status status = {.peers = &peer, .peer_count = 1};
    struct wire_status back;

    (void)state;
    wire_status_pack(&status, &tools.arena, &tools.text);
    assert_int_equal(wire_status_unpack(buffer_span(&tools.text), &tools.arena, &back), WIRE_OK);
    assert_int_equal(back.peers[0].kind, PEER_GATHER_ANSWER);
    assert_int_equal(back.peers[0].gather_answer.results[0].member.attempt, 5);
    assert_int_equal(back.peers[0].gather_answer.results[0].member.asked, 6);
}

/* Whether it had begun: news of a refused Job is another than that of an end. */
static void test_gather_ended(void **state)
{
    const struct wire_peer peers[] = {
        {.kind = PEER_GATHER_ENDED, .gather_ended = {{{1}}, 2, .has_begun = true}},
        {.kind = PEER_GATHER_ENDED, .gather_ended = {{{3}}, 4, .has_begun = false}}};
    struct wire_status status = {.peers = peers, .peer_count = 2};
    struct wire_status back;

    (void)state;
    wire_status_pack(&status, &tools.arena, &tools.text);
    assert_int_equal(wire_status_unpack(buffer_span(&tools.text), &tools.arena, &back), WIRE_OK);
    assert_int_equal(back.peer_count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(back.peers[i].gather_ended.number, peers[i].gather_ended.number);
        assert_int_equal(back.peers[i].gather_ended.has_begun, peers[i].gather_ended.has_begun);
    }
}

static void test_key_state(void **state)
{
    const struct execution_id ids[] = {{{1}}, {{2}}, {{3}}};
    struct wire_key_state kept = {.kind = KEY_CONCURRENCY,
                                  .limit = 2,
                                  .holders = ids,
                                  .holder_count = 2,
                                  .waiting = ids + 2,
                                  .waiting_count = 1};
    struct wire_key_state back;

    (void)state;
    wire_key_state_pack(&kept, &tools.arena, &tools.text);
    assert_int_equal(wire_key_state_unpack(buffer_span(&tools.text), &tools.arena, &back), WIRE_OK);
    assert_int_equal(back.holder_count, 2);
    assert_int_equal(back.waiting_count, 1);
    assert_int_equal(back.waiting[0].bytes[0], 3);
    kept.limit = 0;
    buffer_reset(&tools.text);
    wire_key_state_pack(&kept, &tools.arena, &tools.text);
    assert_int_equal(wire_key_state_unpack(buffer_span(&tools.text), &tools.arena, &back),
                     WIRE_EMALFORMED);
}

/* Progress stands in rows and events: it is bounded at the door. */
static void test_long_progress_is_refused(void **state)
{
    static const char text[LIMIT_PROGRESS_BYTES + 1];
    struct wire_report report = {
        .kind = REPORT_PROGRESS, .task = {id, 0, 0}, .progress = {text, LIMIT_PROGRESS_BYTES + 1}};
    const struct wire_status status = {.reports = &report, .report_count = 1};
    struct wire_status back;

    (void)state;
    wire_status_pack(&status, &tools.arena, &tools.text);
    assert_int_equal(wire_status_unpack(buffer_span(&tools.text), &tools.arena, &back),
                     WIRE_EMALFORMED);
    report.progress.bytes = LIMIT_PROGRESS_BYTES;
    buffer_reset(&tools.text);
    wire_status_pack(&status, &tools.arena, &tools.text);
    assert_int_equal(wire_status_unpack(buffer_span(&tools.text), &tools.arena, &back), WIRE_OK);
}

static void test_status_refuses(void **state)
{
    struct wire_report report = {.kind = REPORT_FINISHED, .task = {id, 0, 0}};
    struct wire_status status = {.reports = &report, .report_count = 1};
    struct wire_status back = {.incarnation = 77};

    (void)state;
    wire_status_pack(&status, &tools.arena, &tools.text); /* FINISHED without an outcome */
    assert_int_equal(wire_status_unpack(buffer_span(&tools.text), &tools.arena, &back),
                     WIRE_EMALFORMED);
    assert_int_equal(wire_status_unpack(span_of("\x08\x02"), &tools.arena, &back), WIRE_EVERSION);
    assert_int_equal(wire_status_unpack(span_of("\x08"), &tools.arena, &back), WIRE_EMALFORMED);
    assert_int_equal(back.incarnation, 77);
}

static void test_task_record(void **state)
{
    const struct wire_context contexts[] = {
        {.path = span_of("input"), .kind = CONTEXT_JSON, .json = span_of("{}")},
        {.path = span_of("satellites.a.output"), .kind = CONTEXT_BLOB, .digest = {{1}}, .bytes = 9},
        {.path = span_of("satellites.b.output"), .kind = CONTEXT_LIST, .instance = 4, .count = 5}};
    const struct wire_spec spec = {.execution = id,
                                   .instance = 6,
                                   .satellite = span_of("count"),
                                   .definition = span_of("{}"),
                                   .contexts = contexts,
                                   .context_count = 3,
                                   .timeout_ms = 1000,
                                   .heartbeat_ms = 500,
                                   .is_map = true};
    const struct wire_task task = {
        .spec = 0, .index = 7, .attempt = 1, .ticket = 2, .lend = 3, .item = span_of("\"x\"")};
    const struct wire_kill kill = {.task = {id, 6, 7}, .attempt = 1, .grace_ms = 10};
    const struct wire_task_record record = {.worker = span_of("w"),
                                            .incarnation = 1,
                                            .shard = 2,
                                            .epoch = 3,
                                            .sequence = 4,
                                            .process = span_of("s"),
                                            .specs = &spec,
                                            .spec_count = 1,
                                            .tasks = &task,
                                            .task_count = 1,
                                            .kills = &kill,
                                            .kill_count = 1};
    struct wire_task_record back;

    (void)state;
    wire_task_record_pack(&record, &tools.arena, &tools.text);
    assert_int_equal(wire_task_record_unpack(buffer_span(&tools.text), &tools.arena, &back),
                     WIRE_OK);
    assert_int_equal(back.specs[0].heartbeat_ms, 500);
    assert_int_equal(back.specs[0].context_count, 3);
    assert_int_equal(back.specs[0].contexts[1].kind, CONTEXT_BLOB);
    assert_int_equal(back.specs[0].contexts[1].bytes, 9);
    assert_int_equal(back.specs[0].contexts[2].count, 5);
    assert_span(back.tasks[0].item, "\"x\"");
    assert_int_equal(back.kills[0].grace_ms, 10);
}

static void test_task_of_no_spec_is_refused(void **state)
{
    const struct wire_task task = {.spec = 3};
    const struct wire_task_record record = {.tasks = &task, .task_count = 1};
    struct wire_task_record back;

    (void)state;
    wire_task_record_pack(&record, &tools.arena, &tools.text);
    assert_int_equal(wire_task_record_unpack(buffer_span(&tools.text), &tools.arena, &back),
                     WIRE_EMALFORMED);
}

static void test_fleet(void **state)
{
    const struct span class_name = span_of("default");
    const struct wire_running running = {{id, 1, 2}, 3};
    const uint32_t tickets[] = {0, 5};
    const uint64_t lends[] = {1, UINT64_MAX};
    const struct wire_loan loan = {.worker = span_of("w"),
                                   .incarnation = 9,
                                   .process = span_of("s"),
                                   .tickets = tickets,
                                   .lends = lends,
                                   .count = 2};
    const struct wire_fleet fleet = {.kind = FLEET_HEARTBEAT,
                                     .heartbeat = {.worker = span_of("w"),
                                                   .incarnation = 9,
                                                   .number = 10,
                                                   .classes = &class_name,
                                                   .class_count = 1,
                                                   .window = 6,
                                                   .running = &running,
                                                   .running_count = 1,
                                                   .position = -1,
                                                   .loans = &loan,
                                                   .loan_count = 1,
                                                   .trouble = span_of("no crun")}};
    struct wire_fleet back;

    (void)state;
    wire_fleet_pack(&fleet, &tools.arena, &tools.text);
    assert_int_equal(wire_fleet_unpack(buffer_span(&tools.text), &tools.arena, &back), WIRE_OK);
    assert_int_equal(back.kind, FLEET_HEARTBEAT);
    assert_int_equal(back.heartbeat.position, -1);
    assert_int_equal(back.heartbeat.running[0].attempt, 3);
    assert_true(back.heartbeat.loans[0].lends[1] == UINT64_MAX);
    assert_span(back.heartbeat.classes[0], "default");
    assert_span(back.heartbeat.trouble, "no crun");
}

static void test_body_and_columns(void **state)
{
    const uint32_t attempts[] = {1, 0, 2};
    const struct wire_lease lease = {.offset = 2,
                                     .worker = span_of("w"),
                                     .process = span_of("s"),
                                     .partition = 7,
                                     .due_ns = 5,
                                     .progress = span_of("{\"percent\":6}")};
    const struct wire_columns columns = {.states = span_of("\1\2\3"),
                                         .attempts = attempts,
                                         .attempt_count = 3,
                                         .leases = &lease,
                                         .lease_count = 1};
    const struct wire_instance instance = {.state = 3,
                                           .task_count = 1,
                                           .counts = {0, 0, 1},
                                           .has_task = true,
                                           .task = columns,
                                           .has_result = true,
                                           .result = {.attempt = 1, .json = span_of("7")}};
    static const uint64_t marks[] = {7, UINT64_MAX};
    static const struct wire_signal signal = {{"go", 2}, {"[1]", 3}};
    const struct wire_body body = {.instances = &instance,
                                   .signals = &signal,
                                   .signal_count = 1,
                                   .signal_marks = marks,
                                   .signal_mark_count = 2,
                                   .instance_count = 1,
                                   .change = 8,
                                   .timeout_at_ns = 9,
                                   .start_at_ns = 8,
                                   .ending = 6,
                                   .next_number = 10,
                                   .task_total = 11,
                                   .is_rerun = true,
                                   .rerun_of = id};
    struct wire_body back;

    (void)state;
    wire_body_pack(&body, &tools.arena, &tools.text);
    assert_int_equal(wire_body_unpack(buffer_span(&tools.text), &tools.arena, &back), WIRE_OK);
    assert_true(back.signal_count == 1 && span_is(back.signals[0].name, "go"));
    assert_true(span_is(back.signals[0].json, "[1]"));
    assert_true(back.signal_mark_count == 2 && back.signal_marks[1] == UINT64_MAX);
    assert_int_equal(back.change, 8);
    assert_int_equal(back.ending, 6);
    assert_int_equal(back.start_at_ns, 8);
    assert_int_equal(back.next_number, 10);
    assert_int_equal(back.task_total, 11);
    assert_int_equal(back.instances[0].task.leases[0].partition, 7);
    assert_true(back.is_rerun && execution_id_equal(&back.rerun_of, &id));
    assert_false(back.instances[0].has_origin);
    assert_int_equal(back.instances[0].counts[2], 1);
    assert_span(back.instances[0].task.states, "\1\2\3");
    assert_int_equal(back.instances[0].task.attempts[2], 2);
    assert_span(back.instances[0].task.leases[0].worker, "w");
    assert_span(back.instances[0].task.leases[0].progress, "{\"percent\":6}");
    assert_span(back.instances[0].result.json, "7");
}

static void test_run(void **state)
{
    const struct wire_instance instances[] = {
        {.state = 3, .task_count = 1, .counts = {0, 0, 1}, .image_digest = span_of("sha256:1")},
        {.state = 1, .is_map = true, .error = span_of("broke"), .cursor = 4, .cursor_kind = 2}};
    const struct wire_run run = {.group = 5,
                                 .index = UINT32_MAX,
                                 .number = 1u << 31,
                                 .is_ended = true,
                                 .started_ns = -1,
                                 .instances = instances,
                                 .instance_count = 2};
    struct wire_run back;

    (void)state;
    wire_run_pack(&run, &tools.arena, &tools.text);
    assert_false(tools.text.is_failed);
    assert_int_equal(wire_run_unpack(buffer_span(&tools.text), &tools.arena, &back), WIRE_OK);
    assert_int_equal(back.group, 5);
    assert_int_equal(back.index, UINT32_MAX);
    assert_int_equal(back.number, 1u << 31);
    assert_true(back.is_ended);
    assert_int_equal(back.started_ns, -1);
    assert_int_equal(back.instance_count, 2);
    assert_int_equal(back.instances[0].counts[2], 1);
    assert_span(back.instances[0].image_digest, "sha256:1");
    assert_true(back.instances[1].is_map);
    assert_span(back.instances[1].error, "broke");
    assert_int_equal(back.instances[1].cursor, 4);
    assert_int_equal(back.instances[1].cursor_kind, 2);
}

static void test_run_refuses(void **state)
{
    struct wire_run back = {.group = 77};

    (void)state;
    assert_int_equal(wire_run_unpack(span_of("\x08\x02"), &tools.arena, &back), WIRE_EVERSION);
    assert_int_equal(wire_run_unpack(span_of(""), &tools.arena, &back), WIRE_EVERSION);
    assert_int_equal(wire_run_unpack(span_of("\x08\x01\x2a"), &tools.arena, &back),
                     WIRE_EMALFORMED);
    assert_int_equal(back.group, 77);
}

static void test_lease_outside_its_page_is_refused(void **state)
{
    const struct wire_lease lease = {.offset = 3};
    const struct wire_columns columns = {
        .states = span_of("\1\2\3"), .leases = &lease, .lease_count = 1};
    struct wire_columns back;

    (void)state;
    wire_columns_pack(&columns, &tools.arena, &tools.text);
    assert_int_equal(wire_columns_unpack(buffer_span(&tools.text), &tools.arena, &back),
                     WIRE_EMALFORMED);
}

static void test_shard_extra(void **state)
{
    const struct wire_outbox_message message = {3, span_of("record"), true};
    const struct wire_peer_sequence received = {4, 5};
    const struct wire_early_command early[] = {
        {.execution = id, .text = span_of("a record"), .at_ns = 6 * EXO_SECOND, .offset = 9},
        {.execution = id, .is_cancel = true, .text = span_of("why"), .at_ns = 7 * EXO_SECOND}};
    const struct wire_shard_extra extra = {.next_sequence = 2,
                                           .outbox = &message,
                                           .outbox_count = 1,
                                           .received = &received,
                                           .received_count = 1,
                                           .early = early,
                                           .early_count = 2,
                                           .newest_ms = 8};
    struct wire_shard_extra back;

    (void)state;
    wire_shard_extra_pack(&extra, &tools.arena, &tools.text);
    assert_int_equal(wire_shard_extra_unpack(buffer_span(&tools.text), &tools.arena, &back),
                     WIRE_OK);
    assert_span(back.outbox[0].record, "record");
    assert_true(back.outbox[0].is_job);
    assert_int_equal(back.received[0].sequence, 5);
    assert_int_equal(back.newest_ms, 8);
    assert_int_equal(back.early_count, 2); /* cancels first */
    assert_true(back.early[0].is_cancel && !back.early[1].is_cancel);
    assert_span(back.early[0].text, "why");
    assert_int_equal(back.early[0].at_ns, 7 * EXO_SECOND);
    assert_span(back.early[1].text, "a record");
    assert_int_equal(back.early[1].at_ns, 6 * EXO_SECOND);
    assert_int_equal(back.early[1].offset, 9);
    assert_true(execution_id_equal(&back.early[1].execution, &id));
}

static void test_changes_letters_chunks(void **state)
{
    const struct wire_change change = {.execution = id,
                                       .number = 1,
                                       .satellite = span_of("a"),
                                       .state = span_of("READY"),
                                       .has_index = true,
                                       .index = 2,
                                       .progress = span_of("{\"percent\":5}")};
    const struct wire_change_batch batch = {
        .shard = 1, .epoch = 2, .batch = 3, .changes = &change, .change_count = 1};
    const struct wire_dead_letter letter = {
        .topic = span_of("exo.jobs"), .offset = -1, .reason = span_of("r"), .value = span_of("v")};
    const struct wire_log_chunk chunk = {
        .task = {id, 1, 2}, .attempt = 3, .offset = 4, .stream = 2, .data = span_of("line\n")};
    struct wire_change_batch batch_back;
    struct wire_dead_letter letter_back;
    struct wire_log_chunk chunk_back;

    (void)state;
    wire_change_batch_pack(&batch, &tools.arena, &tools.text);
    assert_int_equal(wire_change_batch_unpack(buffer_span(&tools.text), &tools.arena, &batch_back),
                     WIRE_OK);
    assert_span(batch_back.changes[0].state, "READY");
    assert_span(batch_back.changes[0].progress, "{\"percent\":5}");
    buffer_reset(&tools.text);
    wire_dead_letter_pack(&letter, &tools.arena, &tools.text);
    assert_int_equal(wire_dead_letter_unpack(buffer_span(&tools.text), &tools.arena, &letter_back),
                     WIRE_OK);
    assert_int_equal(letter_back.offset, -1);
    buffer_reset(&tools.text);
    wire_log_chunk_pack(&chunk, &tools.text);
    assert_int_equal(wire_log_chunk_unpack(buffer_span(&tools.text), &tools.arena, &chunk_back),
                     WIRE_OK);
    assert_span(chunk_back.data, "line\n");
}

static void test_memory_bound_is_told(void **state)
{
    static char large[100000];
    const struct wire_job job = {.cluster = {large, sizeof(large)}};
    struct arena small;
    struct wire_job back;

    (void)state;
    wire_job_pack(&job, &tools.arena, &tools.text);
    arena_init(&small, allocator_heap(&tools.budget), 50000);
    assert_int_equal(wire_job_unpack(buffer_span(&tools.text), &small, &back), WIRE_EMEMORY);
    arena_release(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_job, setup, teardown),
        cmocka_unit_test_setup_teardown(test_job_rerun, setup, teardown),
        cmocka_unit_test_setup_teardown(test_status, setup, teardown),
        cmocka_unit_test_setup_teardown(test_status_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_progress_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_member_says_when_it_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gather_ended, setup, teardown),
        cmocka_unit_test_setup_teardown(test_key_state, setup, teardown),
        cmocka_unit_test_setup_teardown(test_task_record, setup, teardown),
        cmocka_unit_test_setup_teardown(test_task_of_no_spec_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fleet, setup, teardown),
        cmocka_unit_test_setup_teardown(test_body_and_columns, setup, teardown),
        cmocka_unit_test_setup_teardown(test_run, setup, teardown),
        cmocka_unit_test_setup_teardown(test_run_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lease_outside_its_page_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shard_extra, setup, teardown),
        cmocka_unit_test_setup_teardown(test_changes_letters_chunks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory_bound_is_told, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
