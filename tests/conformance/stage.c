#include "tests/conformance/stage.h"

#include <stdio.h>
#include <stdlib.h>

#include "infra/crypto/crypto.h"
#include "schemas/vocab/states.h"
#include "schemas/wire/job.h"
#include "schemas/wire/topics.h"
#include "tests/support/patience.h"
#include "tests/support/test.h"

enum { WAIT_S = TEST_WAIT_SECONDS };

/* ---- back-ends ---- */

static void sqlite_settings(struct stage_settings *settings)
{
    static char directory[] = "/tmp/exo-stories.XXXXXX";
    static char path[64];

    if (mkdtemp(directory) == NULL) {
        abort();
    }
    (void)snprintf(path, sizeof(path), "%s/exosphere.db", directory);
    settings->log = (struct log_settings){.backend = "sqlite", .path = path};
    settings->store = (struct store_settings){.backend = "sqlite", .path = path};
    settings->cache = (struct cache_settings){.backend = "memory"};
    settings->shard_count = 4;
}

static int services_settings(struct stage_settings *settings)
{
    const char *brokers = getenv("EXOSPHERE_KAFKA_BROKERS");
    const char *postgres = getenv("EXOSPHERE_POSTGRES_URL");
    const char *redis = getenv("EXOSPHERE_REDIS_URL");

    if (brokers == NULL || postgres == NULL || redis == NULL) {
        const char *ci = getenv("CI");
        bool is_ci = ci != NULL && strcmp(ci, "true") == 0;

        (void)printf(
            "skipped: no Kafka, Postgres and Redis; run eval \"$(./infra/services env)\"\n");
        return is_ci ? 1 : 77;
    }
    settings->log = (struct log_settings){
        .backend = "kafka", .brokers = brokers, .replication = 1, .client_id = "stories"};
    settings->store = (struct store_settings){
        .backend = "postgres", .url = postgres, .readers = 2, .application = "stories"};
    settings->cache = (struct cache_settings){.backend = "redis", .url = redis};
    settings->shard_count = 64;
    return 0;
}

int stage_settings_of(const char *name, struct stage_settings *ret_settings)
{
    int status = 0;

    if (strcmp(name, "services") == 0) {
        status = services_settings(ret_settings);
    } else {
        sqlite_settings(ret_settings);
    }
    ret_settings->cache.view_ttl_ns = 30 * EXO_SECOND;
    return status;
}

struct answer {
    bool is_done;
    struct exo_error err;
};

static void answered(void *argument, const struct exo_error *err)
{
    struct answer *answer = argument;

    answer->is_done = true;
    answer->err = err == NULL ? (struct exo_error){0} : *err;
}

static void answer_check(struct stage *stage, struct answer *answer)
{
    if (!loop_run_until(stage->loop, &answer->is_done, WAIT_S * EXO_SECOND)) {
        fail_msg("no answer within %d s", WAIT_S);
    }
    if (answer->err.code != EXO_OK) {
        fail_msg("%s", answer->err.text);
    }
}

static void topics_prepare(struct stage *stage)
{
    struct log_topic topics[TOPIC_FIXED_NR + 1];
    char tasks[TOPIC_NAME_BYTES];
    struct answer answer = {0};
    exo_time begin_ns = clock_monotonic_ns();

    topics_fixed(stage->shard_count, topics);
    assert_true(topic_name_of_class(span_of("default"), tasks));
    topics[TOPIC_FIXED_NR] = topic_of_class(tasks, 0);
    /* As a role does: a busy broker may need longer for its topics than one call waits. */
    do {
        answer.is_done = false;
        log_prepare(stage->log, topics, TOPIC_FIXED_NR + 1, answered, &answer);
        if (!loop_run_until(stage->loop, &answer.is_done, TEST_WAIT)) {
            break;
        }
    } while (answer.err.code == EXO_EUNAVAILABLE &&
             clock_monotonic_ns() - begin_ns < 3 * TEST_WAIT);
    answer_check(stage, &answer);
}

void stage_open(struct stage *stage, const struct stage_settings *settings)
{
    struct exo_error err;
    struct answer answer = {0};

    *stage = (struct stage){.loop = loop_new(&err), .shard_count = settings->shard_count};
    assert_non_null(stage->loop);
    stage->store = store_open(stage->loop, &settings->store, &err);
    stage->log = log_open(stage->loop, &settings->log, &err);
    stage->cache = cache_open(stage->loop, &settings->cache, &err);
    if (stage->store == NULL || stage->log == NULL || stage->cache == NULL) {
        fail_msg("%s", err.text);
    }
    store_migrate(stage->store, stage->shard_count, answered, &answer);
    answer_check(stage, &answer);
    topics_prepare(stage);
}

static void left(void *argument)
{
    *(bool *)argument = true;
}

/* In good order, or those who come next would take it for a crash. */
static void leave(struct stage *stage, struct scheduler *scheduler)
{
    bool is_done = false;

    if (scheduler == NULL) {
        return;
    }
    scheduler_leave(scheduler, left, &is_done);
    (void)stage_run(stage, &is_done, 10 * EXO_SECOND);
}

void stage_close(struct stage *stage)
{
    for (int i = 0; i < STAGE_SCHEDULERS_MAX; i++) {
        leave(stage, stage->schedulers[i]);
    }
    for (int i = 0; i < STAGE_SCHEDULERS_MAX; i++) {
        scheduler_close(stage->schedulers[i]);
    }
    store_close(stage->store);
    log_close(stage->log);
    cache_close(stage->cache);
    loop_free(stage->loop);
    for (int i = 0; i < STAGE_SCHEDULERS_MAX; i++) {
        scheduler_free(stage->schedulers[i]);
        scheduler_free(stage->dead[i]);
    }
}

static void say(void *context, const char *event, const char *text)
{
    (void)context;
    if (getenv("STAGE_SAY") != NULL) {
        (void)fprintf(stderr, "%s: %s\n", event, text);
    }
}

void stage_scheduler_kill(struct stage *stage, int number)
{
    scheduler_close(stage->schedulers[number]);
    stage->dead[stage->dead_count++] = stage->schedulers[number];
    stage->schedulers[number] = NULL;
}

void stage_scheduler_start(struct stage *stage, int number)
{
    static const uint8_t secret[32] = {1};
    struct scheduler_settings settings = {.shard_count = stage->shard_count,
                                          .secret = secret,
                                          .publishes_events = true,
                                          .tick_ns = 50 * EXO_MILLISECOND,
                                          .round_ns = 50 * EXO_MILLISECOND,
                                          .lease_ns = 500 * EXO_MILLISECOND,
                                          .look_ns = 50 * EXO_MILLISECOND,
                                          .say = say};
    struct exo_error err;

    if (stage->adjust != NULL) {
        stage->adjust(&settings);
    }

    stage->schedulers[number] =
        scheduler_open(stage->loop, stage->log, stage->store, stage->cache, &settings, &err);
    if (stage->schedulers[number] == NULL) {
        fail_msg("%s", err.text);
    }
}

void stage_append(struct stage *stage, const char *topic, uint32_t partition, struct span value)
{
    struct exo_error err;

    if (log_append(stage->log, topic, partition, (struct span){NULL, 0}, value, 0, NULL, NULL,
                   &err) != 0) {
        fail_msg("%s", err.text);
    }
}

static void job_append(struct stage *stage, uint32_t partition, const struct wire_job *job)
{
    struct heap_budget budget = {0};
    struct arena arena;
    struct buffer text;

    arena_init(&arena, allocator_heap(&budget), 0);
    buffer_init(&text, allocator_heap(&budget), 0);
    wire_job_pack(job, &arena, &text);
    stage_append(stage, TOPIC_JOBS, partition, buffer_span(&text));
    buffer_release(&text);
    arena_release(&arena);
}

void stage_submit_as(struct stage *stage, const struct execution_id *id, uint32_t partition,
                     const char *cluster, const char *input)
{
    char id_text[EXECUTION_ID_TEXT_BYTES + 1] = "";

    if (id != NULL) {
        execution_id_format(id, id_text);
    }
    job_append(stage, partition,
               &(struct wire_job){.execution_id = span_of(id_text),
                                  .project = span_of("test"),
                                  .cluster = span_of(cluster),
                                  .input = span_of(input),
                                  .submitted_ms = clock_wall_ns() / EXO_MILLISECOND});
}

struct execution_id stage_rerun(struct stage *stage, const struct execution_id *old,
                                const char *from)
{
    struct execution_id id = execution_id_new(clock_wall_ns() / EXO_MILLISECOND);
    char id_text[EXECUTION_ID_TEXT_BYTES + 1], old_text[EXECUTION_ID_TEXT_BYTES + 1];

    execution_id_format(&id, id_text);
    execution_id_format(old, old_text);
    job_append(stage, execution_shard(&id, stage->shard_count),
               &(struct wire_job){.execution_id = span_of(id_text),
                                  .rerun_of = span_of(old_text),
                                  .rerun_from = span_of(from),
                                  .submitted_ms = clock_wall_ns() / EXO_MILLISECOND});
    return id;
}

struct execution_id stage_submit_of(struct stage *stage, const char *project, const char *cluster)
{
    struct execution_id id = execution_id_new(clock_wall_ns() / EXO_MILLISECOND);
    char id_text[EXECUTION_ID_TEXT_BYTES + 1];

    execution_id_format(&id, id_text);
    job_append(stage, execution_shard(&id, stage->shard_count),
               &(struct wire_job){.execution_id = span_of(id_text),
                                  .project = span_of(project),
                                  .cluster = span_of(cluster),
                                  .submitted_ms = clock_wall_ns() / EXO_MILLISECOND});
    return id;
}

struct execution_id stage_submit(struct stage *stage, const char *cluster, const char *input)
{
    struct execution_id id = execution_id_new(clock_wall_ns() / EXO_MILLISECOND);

    stage_submit_as(stage, &id, execution_shard(&id, stage->shard_count), cluster, input);
    return id;
}

struct find {
    bool is_done, is_there;
};

static void found(void *argument, const struct store_execution *execution, struct span definition,
                  const struct exo_error *err)
{
    struct find *find = argument;

    (void)definition;
    find->is_done = true;
    find->is_there = err != NULL || execution != NULL;
}

bool stage_has(struct stage *stage, const struct execution_id *id)
{
    struct find find = {0};

    store_execution_get(stage->store, id, found, &find);
    assert_true(stage_run(stage, &find.is_done, TEST_WAIT));
    return find.is_there;
}

struct letters {
    bool is_done;
    uint32_t count;
};

static void letters_got(void *argument, const struct store_dead_letter_row *rows, uint32_t count,
                        const struct exo_error *err)
{
    struct letters *letters = argument;

    (void)rows;
    letters->is_done = true;
    letters->count = err == NULL ? count : 0;
}

uint32_t stage_letters(struct stage *stage)
{
    struct letters letters = {0};

    store_dead_letter_list(stage->store, 0, 1000, letters_got, &letters);
    assert_true(loop_run_until(stage->loop, &letters.is_done, WAIT_S * EXO_SECOND));
    return letters.count;
}

static void listed(void *argument, const struct store_execution *executions, uint32_t count,
                   const struct exo_error *err)
{
    struct letters *found = argument;

    (void)executions;
    found->is_done = true;
    found->count = err == NULL ? count : UINT32_MAX;
}

uint32_t stage_live(struct stage *stage)
{
    uint32_t count = 0;

    for (enum execution_state state = EXECUTION_QUEUED; state < EXECUTION_SUCCEEDED; state++) {
        struct store_query query = {.state = execution_state_name(state), .limit = 1000};
        struct letters found = {0};

        store_execution_list(stage->store, &query, listed, &found);
        assert_true(loop_run_until(stage->loop, &found.is_done, WAIT_S * EXO_SECOND));
        count += found.count;
    }
    return count;
}

void stage_command(struct stage *stage, const struct wire_command *command)
{
    struct heap_budget budget = {0};
    struct arena arena;
    struct buffer text;
    const struct wire_status status = {.commands = command, .command_count = 1};

    arena_init(&arena, allocator_heap(&budget), 0);
    buffer_init(&text, allocator_heap(&budget), 0);
    wire_status_pack(&status, &arena, &text);
    stage_append(stage, TOPIC_STATUS, execution_shard(&command->execution, stage->shard_count),
                 buffer_span(&text));
    buffer_release(&text);
    arena_release(&arena);
}

void stage_cancel(struct stage *stage, const struct execution_id *id)
{
    stage_command(stage, &(struct wire_command){.kind = COMMAND_CANCEL,
                                                .execution = *id,
                                                .reason = span_of("asked to")});
}

struct look {
    bool is_done;
    bool is_terminal;
    const char *state;
    char *text;
};

static void looked(void *argument, const struct store_execution *execution, struct span definition,
                   const struct exo_error *err)
{
    struct look *look = argument;
    enum execution_state state = EXECUTION_QUEUED;

    (void)definition;
    look->is_done = true;
    if (err != NULL || execution == NULL) {
        return;
    }
    assert_true(execution_state_parse(span_of(execution->state), &state));
    look->state = execution_state_name(state);
    look->is_terminal = execution->is_terminal;
    struct span text = execution->error.bytes > 0 ? execution->error : execution->output;

    free(look->text);
    look->text = strndup(text.data == NULL ? "" : text.data, text.bytes);
}

const char *stage_await(struct stage *stage, const struct execution_id *id, char **ret_output)
{
    exo_time begin_ns = clock_monotonic_ns();
    struct look look = {0};

    while (!look.is_terminal) {
        look.is_done = false;
        store_execution_get(stage->store, id, looked, &look);
        if (!loop_run_until(stage->loop, &look.is_done, WAIT_S * EXO_SECOND) ||
            clock_monotonic_ns() - begin_ns > WAIT_S * EXO_SECOND) {
            fail_msg("not terminal within %d s: %s", WAIT_S,
                     look.state == NULL ? "no row" : look.state);
        }
        (void)stage_run(stage, NULL, 2 * EXO_MILLISECOND);
    }
    if (ret_output != NULL) {
        *ret_output = look.text;
    } else {
        free(look.text);
    }
    return look.state;
}

bool stage_run(struct stage *stage, const bool *is_done, exo_time limit_ns)
{
    static const bool never = false;

    return loop_run_until(stage->loop, is_done == NULL ? &never : is_done, limit_ns);
}
