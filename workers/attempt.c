#include "workers/attempt.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "infra/telemetry/log_line.h"
#include "workers/attempt_state.h"
#include "workers/progress.h"

enum {
    ITEM_BYTES_MAX = 8 << 20,
    FILES_BYTES_MAX = 8 << 20,
    DEFAULT_UID = 65532,
    DEFAULT_PIDS = 512
};

struct attempt *attempt_new(const struct attempt_host *host, struct slot_handle slot,
                            uint32_t shard, const struct task_id *id, const struct wire_task *task,
                            struct contract *contract, const char *refusal)
{
    struct attempt *a = calloc(1, sizeof(*a));

    assert(a != NULL); /* bounded by the worker's slots */
    host->count->alive++;
    host->count->is_none = false;
    a->host = host;
    a->slot = slot;
    a->shard = shard;
    a->id = *id;
    a->number = task->attempt;
    a->input.fd = -1;
    a->left.artefacts_fd = -1;
    a->left.package_fd = -1;
    spool_name(id, task->attempt, a->name);
    arena_init(&a->arena, allocator_heap(&a->budget), ITEM_BYTES_MAX);
    arena_init(&a->files_arena, allocator_heap(&a->files_budget), FILES_BYTES_MAX);
    buffer_init(&a->left.json, allocator_heap(&a->left.budget), 0);
    buffer_init(&a->left.control, allocator_heap(&a->left.budget), 0);
    buffer_init(&a->left.frame, allocator_heap(&a->left.budget), 0);
    buffer_init(&a->progress, allocator_heap(&a->budget), 0);
    buffer_init(&a->news, allocator_heap(&a->budget), 0);
    a->item = arena_copy(&a->arena, task->item);
    a->token = arena_copy(&a->arena, task->token);
    if (contract != NULL) {
        contract_use(contract);
        a->contract = contract;
    } else {
        (void)snprintf(a->error, sizeof(a->error), "%s", refusal);
    }
    if (host->logs != NULL && !host->is_dry) {
        a->ship = log_ship_new(host->loop, host->logs, host->logs_partitions, id, task->attempt);
    }
    return a;
}

static void attempt_free(struct attempt *a)
{
    struct attempt_count *count = a->host->count;

    assert(a->run == NULL);
    count->is_none = --count->alive == 0;
    attempt_input_release(a);
    attempt_image_release(a);
    attempt_artefacts_release(a);
    attempt_cache_release(a);
    attempt_leavings_release(a);
    grants_wipe(&a->grants);
    if (a->plan != NULL) {
        contract_plan_release(a->plan);
        free(a->plan);
    }
    free(a->fetches);
    contract_release(a->contract);
    log_ship_free(a->ship);
    if (a->token.bytes > 0) {
        /* Our own copy in the arena. */
        explicit_bzero((void *)(uintptr_t)a->token.data, a->token.bytes);
    }
    buffer_release(&a->progress);
    buffer_release(&a->news);
    arena_release(&a->files_arena);
    arena_release(&a->arena);
    free(a);
}

void attempt_begin(struct attempt *a)
{
    a->busy++;
}

bool attempt_ended(struct attempt *a)
{
    assert(a->busy > 0);
    a->busy--;
    if (!a->is_forgotten) {
        return true;
    }
    if (a->busy == 0) {
        attempt_free(a);
    }
    return false;
}

void attempt_forget(struct attempt *a)
{
    if (a == NULL) {
        return;
    }
    attempt_input_release(a);
    attempt_artefacts_release(a);
    attempt_cache_release(a);
    attempt_uploads_cancel(a);
    a->is_forgotten = true;
    if (a->busy == 0) {
        attempt_free(a);
    }
}

void attempt_abandon(struct attempt *a)
{
    if (a != NULL) {
        a->run = NULL;
        attempt_forget(a);
    }
}

void attempt_tell(struct attempt *a, enum worker_event_kind kind, enum attempt_end end,
                  int exit_status)
{
    const struct worker_event event = {
        .kind = kind,
        .slot = {.slot = a->slot, .end = end, .cause = a->cause, .exit_status = exit_status}};

    a->host->event(a->host->argument, &event);
}

const char *attempt_error(const struct attempt *a)
{
    return a->error;
}

/* Start and exit. */

static void run_started(void *argument, exo_time started_ns)
{
    struct attempt *a = argument;

    (void)started_ns; /* figures come with the exit */
    attempt_tell(a, WORKER_ON_STARTED, ATTEMPT_EXITED, 0);
}

static void run_logged(void *argument, enum sandbox_stream stream, struct span bytes)
{
    struct attempt *a = argument;

    if (a->ship != NULL) {
        log_ship_add(a->ship, stream == SANDBOX_STDOUT ? LOG_SHIP_OUT : LOG_SHIP_ERR, bytes);
    }
}

/* Any change of the file is a sign of life; what it says is told when it is something new. */
static void run_progress(void *argument, struct span bytes)
{
    struct attempt *a = argument;
    bool has_news = progress_read(bytes, &a->news) &&
                    !span_equal(buffer_span(&a->news), buffer_span(&a->progress));

    if (has_news) {
        struct buffer before = a->progress;

        a->progress = a->news;
        a->news = before;
    }
    const struct worker_event event = {.kind = WORKER_ON_PROGRESS,
                                       .slot = {.slot = a->slot, .has_news = has_news}};

    a->host->event(a->host->argument, &event);
}

static enum attempt_end end_of(struct attempt *a, const struct sandbox_result *result)
{
    if (result->end == SANDBOX_NOT_STARTED) {
        (void)snprintf(a->error, sizeof(a->error), "NOT_STARTED: %s", result->error.text);
        return result->error.is_retryable ? ATTEMPT_BROKEN : ATTEMPT_REFUSED;
    }
    if (result->end == SANDBOX_EXITED && result->status == EXIT_STATUS_DONE) {
        return ATTEMPT_EXITED; /* whatever became of its children */
    }
    if (result->is_oom_killed) {
        return ATTEMPT_OUT_OF_MEMORY;
    }
    return result->end == SANDBOX_EXITED ? ATTEMPT_EXITED : ATTEMPT_SIGNALLED;
}

static void run_ended(void *argument, const struct sandbox_result *result)
{
    struct attempt *a = argument;
    enum attempt_end end = end_of(a, result);

    a->run = NULL;
    if (a->ship != NULL) {
        log_ship_end(a->ship);
    }
    a->report.run_ms = result->run_ns / EXO_MILLISECOND;
    a->report.cpu_ms = (int64_t)(result->cpu_ns / (uint64_t)EXO_MILLISECOND);
    a->report.memory_bytes_max = result->memory_peak_bytes;
    a->left.must_judge = end == ATTEMPT_EXITED && result->status == EXIT_STATUS_DONE;
    if (end == ATTEMPT_EXITED && result->status != EXIT_STATUS_DONE) {
        (void)snprintf(a->error, sizeof(a->error),
                       "EXIT_STATUS: the command ended with %d; its log may say why",
                       result->status);
    }
    attempt_leavings_take(a, result);
    attempt_tell(a, WORKER_ON_EXITED, end, result->status);
}

static void spec_fill(struct attempt *a, struct sandbox_spec *spec)
{
    const struct satellite_work *work = &a->contract->work;

    *spec = (struct sandbox_spec){
        .id = a->name,
        .rootfs = "/",
        .args = a->plan == NULL ? a->contract->args : a->plan->args,
        .uid = DEFAULT_UID,
        .gid = DEFAULT_UID,
        .memory_bytes = (int64_t)work->resources.memory_bytes,
        .cpu_millis = work->resources.cpu_millis < 10 ? 10 : work->resources.cpu_millis,
        .pids_max = a->host->pids_max == 0 ? DEFAULT_PIDS : a->host->pids_max,
        .disk_bytes = work->resources.disk_bytes,
        .network = work->network == NETWORK_HOST ? SANDBOX_NETWORK_HOST : SANDBOX_NETWORK_NONE,
        .output = work->output == OUTPUT_STDOUT ? SANDBOX_OUTPUT_STDOUT
                  : work->output == OUTPUT_NONE ? SANDBOX_OUTPUT_NONE
                                                : SANDBOX_OUTPUT_FILE,
        .mounts = a->grants.mounts,
        .mount_count = a->grants.mount_count,
        .secrets = a->grants.secrets,
        .secret_count = a->grants.secret_count,
        .artefacts = a->artefact_mounts,
        .artefacts_count = a->artefact_count,
    };
    if (a->host->is_dry) {
        return;
    }
    assert(a->plan != NULL);
    spec->env = a->plan->env;
    spec->cwd = a->plan->cwd;
    spec->input = a->input.map != NULL ? (struct span){a->input.map, a->input.map_bytes}
                                       : buffer_span(&a->plan->json);
    attempt_image_fill(a, spec);
}

void attempt_start(struct attempt *a)
{
    const struct sandbox_events events = {
        .on_start = run_started,
        .on_log = run_logged,
        .on_progress = run_progress,
        .on_exit = run_ended,
        .argument = a,
    };
    struct sandbox_spec spec;
    struct exo_error err = {.code = EXO_OK};

    if (a->cache.is_hit) {
        grants_wipe(&a->grants);
        attempt_tell(a, WORKER_ON_EXITED, ATTEMPT_EXITED, EXIT_STATUS_DONE);
        return;
    }
    spec_fill(a, &spec);
    a->run = sandbox_start(a->host->sandbox, &spec, &events, &err);
    grants_wipe(&a->grants);
    if (a->run == NULL) {
        (void)snprintf(a->error, sizeof(a->error), "NOT_STARTED: %s", err.text);
        attempt_tell(a, WORKER_ON_EXITED,
                     err.code == EXO_EINVALID ? ATTEMPT_REFUSED : ATTEMPT_BROKEN, 0);
    }
}

void attempt_stop(struct attempt *a, exo_time grace_ns)
{
    if (a->run != NULL) {
        sandbox_stop(a->run, grace_ns);
    }
}

/* Spool and report. */

struct wire_report report_of_core(const struct worker_report *report)
{
    return (struct wire_report){
        .kind = (enum wire_report_kind)report->kind,
        .task = report->task,
        .attempt = report->attempt,
        .ticket = report->ticket,
        .lend = report->lend,
        .lend_process = report->next,
        .lend_next = report->next_lend,
        .heartbeat = report->heartbeat,
        .at_ms = clock_wall_ns() / EXO_MILLISECOND,
        .outcome = (enum wire_outcome)report->outcome,
        .exit_status = report->exit_status,
        .error = span_of(report->error),
    };
}

void attempt_fill_report(const struct attempt *a, struct wire_report *report)
{
    report->run_ms = a->report.run_ms;
    report->cpu_ms = a->report.cpu_ms;
    report->memory_bytes_max = a->report.memory_bytes_max;
    report->has_log = a->report.has_log;
    report->log_digest = a->report.log_digest;
    report->log_bytes = a->report.log_bytes;
    report->image_digest = span_of(a->image_digest);
    if (report->outcome == OUTCOME_SUCCEEDED) {
        report->output = a->report.output;
        report->has_output_digest = a->report.has_output_digest;
        report->output_digest = a->report.output_digest;
        report->output_bytes = a->report.output_bytes;
        report->control = a->report.control;
        report->is_cached = a->report.is_cached;
        report->has_artefacts = a->report.has_artefacts;
        report->artefacts_digest = a->report.artefacts_digest;
        report->artefacts_bytes = a->report.artefacts_bytes;
    } else if (report->error.bytes == 0) {
        report->error = span_of(a->error);
    }
}

void attempt_fill_progress(const struct attempt *a, struct wire_report *report)
{
    report->progress = buffer_span(&a->progress);
}

struct spool_job {
    struct attempt *attempt;
    struct spool_entry entry;
    bool is_failed;
    struct exo_error err;
};

static void spool_work(void *argument)
{
    struct spool_job *job = argument;

    job->is_failed = spool_write(job->attempt->host->spool, &job->entry, &job->err) != 0;
}

void attempt_refused(struct attempt *a, const struct exo_error *err)
{
    if (err->code == EXO_EIO) {
        a->host->refused(a->host->argument, err);
    }
}

static void spool_done(void *argument)
{
    struct spool_job *job = argument;
    struct attempt *a = job->attempt;
    bool is_failed = job->is_failed;
    struct exo_error err = job->err;

    free(job);
    if (attempt_ended(a)) {
        if (is_failed) {
            /* It costs the next life this report, not this one: it is sent anyway. */
            log_line(EVENT_WORKER_NOT_SPOOLED,
                     LOG_FACTS(fact_execution(a->id.execution),
                               fact_int("instance", a->id.instance), fact_int("task", a->id.index),
                               fact_int("attempt", a->number), fact_error(&err)));
            attempt_refused(a, &err);
        }
        attempt_tell(a, WORKER_ON_SPOOLED, ATTEMPT_EXITED, 0);
    }
}

void attempt_spool_write(struct attempt *a, const struct worker_report *report)
{
    struct spool_job *job = calloc(1, sizeof(*job));

    assert(job != NULL);
    job->attempt = a;
    job->entry = (struct spool_entry){
        .shard = a->shard,
        .token = a->token,
        .worker = a->host->worker,
        .incarnation = a->host->incarnation,
        .report = report_of_core(report),
    };
    attempt_fill_report(a, &job->entry.report);
    a->has_begun = true;
    attempt_begin(a);
    loop_work(a->host->loop, spool_work, spool_done, job);
}

static void delete_work(void *argument)
{
    struct attempt *a = argument;

    spool_delete(a->host->spool, &a->id, a->number);
}

static void delete_done(void *argument)
{
    if (!attempt_ended(argument)) {
        return; /* the usual case: it was forgotten with the same acknowledgement */
    }
}

void attempt_spool_delete(struct attempt *a)
{
    if (a->is_files_busy) {
        a->wants_delete = true;
    } else if (a->has_begun) {
        attempt_begin(a);
        loop_work(a->host->loop, delete_work, delete_done, a);
    }
}
