#include "scheduler/start.h"

#include <stdlib.h>
#include <string.h>

#include "infra/telemetry/log_line.h"
#include "infra/telemetry/metric.h"
#include "scheduler/collect.h"
#include "scheduler/projects.h"
#include "scheduler/role.h"
#include "schemas/vocab/limits.h"
#include "schemas/vocab/quantity.h"

enum { PROJECTS_MAX = 256 };

/* The role and its place in the process. */
struct scheduler_start {
    struct process *process;
    unsigned number;
    struct scheduler *scheduler;
    struct retention_project projects[PROJECTS_MAX];
    char project_names[PROJECTS_MAX][LIMIT_NAME_BYTES + 1];
    struct loop_timer *collect_timer;
    struct collect *collecting; /* NULL: not now */
};

/* What the scheduler says, by name; anything else is EVENT_SCHEDULER_OTHER. */
static const enum event told[] = {
    EVENT_SCHEDULER_CANCEL_DROPPED,
    EVENT_FLEET_WORKER_REFUSED,
    EVENT_FLEET_WORKER_REPLACED,
    EVENT_FLEET_WORKER_SILENT,
    EVENT_SCHEDULER_COMMAND,
    EVENT_SCHEDULER_COMMIT_FAILED,
    EVENT_SCHEDULER_DLQ_NOT_SENT,
    EVENT_SCHEDULER_FLEET_READER,
    EVENT_SCHEDULER_FULL,
    EVENT_SCHEDULER_ROOM,
    EVENT_SCHEDULER_JOB_REFUSED,
    EVENT_SCHEDULER_LEASES,
    EVENT_SHARD_BAD_ROW,
    EVENT_SHARD_CAREFUL,
    EVENT_SHARD_CLOCK_JUMP,
    EVENT_SHARD_FENCED,
    EVENT_SHARD_LOST,
    EVENT_SHARD_OUT_OF_MEMORY,
    EVENT_SHARD_QUARANTINE,
    EVENT_SHARD_REFUSED,
    EVENT_SHARD_STOPPED,
    EVENT_SHARD_WAITING,
    EVENT_TASK_NOT_SENT,
    EVENT_WORKER_LEFT,
};

static void say(void *context, const char *event, const char *text)
{
    (void)context;
    for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
        if (strcmp(event_row(told[i])->name, event) == 0) {
            log_line(told[i], LOG_FACTS(fact_text("text", text)));
            return;
        }
    }
    log_line(EVENT_SCHEDULER_OTHER, LOG_FACTS(fact_text("what", event), fact_text("text", text)));
}

static const exo_time collect_every_ns = EXO_HOUR;

static void collect_done(void *argument, const struct collect_result *result)
{
    struct scheduler_start *start = argument;

    start->collecting = NULL;
    if (result->err.code != EXO_OK) {
        log_line(EVENT_BLOBS_NOT_COLLECTED, LOG_FACTS(fact_error(&result->err)));
        return;
    }
    log_line(EVENT_BLOBS_COLLECTED,
             LOG_FACTS(fact_int("blobs", (int64_t)result->collected.blobs),
                       fact_int("blob_bytes", (int64_t)result->collected.blob_bytes),
                       fact_int("objects", (int64_t)result->collected.objects),
                       fact_int("deleted", (int64_t)result->deleted)));
}

static void collect_due(void *argument)
{
    struct scheduler_start *start = argument;
    const struct process_ports *ports = process_ports(start->process);
    const struct collect_settings settings = {.shard_count = ports->schema.shard_count};

    if (start->collecting == NULL && scheduler_owns_first(start->scheduler)) {
        start->collecting = collect_begin(ports->loop, ports->log, ports->store, ports->blobs,
                                          &settings, collect_done, start);
    }
}

static void put(struct buffer *buffer, const char *name, const char *type, const char *help,
                uint64_t value)
{
    metric_write_head(buffer, name, type, help);
    metric_write_sample(buffer, name, "", (double)value);
}

static void collect(void *argument, struct buffer *buffer)
{
    const struct scheduler_start *start = argument;
    const struct scheduler_counts c = scheduler_counts(start->scheduler);
    const struct {
        const char *name, *type, *help;
        uint64_t value;
    } rows[] = {
        {"exosphere_scheduler_shards", "gauge", "shards this process owns", c.shards_owned},
        {"exosphere_scheduler_shards_running", "gauge", "shards that take work", c.shards_running},
        {"exosphere_scheduler_shards_full", "gauge",
         "shards that take no jobs until executions end", c.shards_full},
        {"exosphere_scheduler_executions", "gauge", "executions that have not ended",
         c.executions_live},
        {"exosphere_scheduler_leases", "gauge", "attempts that workers hold", c.leases_live},
        {"exosphere_scheduler_ready_tasks", "gauge", "tasks that wait for a ticket", c.ready},
        {"exosphere_scheduler_memory_bytes", "gauge", "memory of the cores", c.memory_bytes},
        {"exosphere_scheduler_jobs_total", "counter", "records of exo.jobs taken", c.jobs},
        {"exosphere_scheduler_jobs_forwarded_total", "counter",
         "of these, those that lay on another shard's partition", c.forwarded},
        {"exosphere_scheduler_reports_total", "counter", "records of exo.status taken", c.reports},
        {"exosphere_scheduler_stale_total", "counter", "late or repeated messages", c.stale},
        {"exosphere_scheduler_duplicates_total", "counter", "jobs whose id was known",
         c.duplicates},
        {"exosphere_scheduler_dead_letters_total", "counter", "records refused", c.dead_letters},
        {"exosphere_scheduler_admitted_total", "counter", "executions begun", c.admitted},
        {"exosphere_scheduler_executions_finished_total", "counter", "executions ended",
         c.executions_finished},
        {"exosphere_scheduler_attempts_finished_total", "counter", "attempts ended",
         c.attempts_finished},
        {"exosphere_scheduler_attempts_lost_total", "counter", "attempts lost to us",
         c.attempts_lost},
        {"exosphere_scheduler_cancels_dropped_total", "counter",
         "cancels of executions that had not come, forgotten for want of room", c.cancels_dropped},
        {"exosphere_scheduler_snapshots_total", "counter",
         "snapshots of shards that were journaled", c.snapshots},
        {"exosphere_scheduler_journal_dropped_total", "counter",
         "rows of the journal that retention let go", c.journal_dropped},
        {"exosphere_scheduler_executions_dropped_total", "counter",
         "ended executions that retention let go", c.executions_dropped},
        {"exosphere_scheduler_dead_letters_dropped_total", "counter",
         "dead letters that retention let go", c.letters_dropped},
        {"exosphere_scheduler_definitions_dropped_total", "counter",
         "texts of clusters that nothing named any more", c.definitions_dropped},
        {"exosphere_scheduler_commits_total", "counter", "batches committed", c.commits},
        {"exosphere_scheduler_commits_failed_total", "counter", "batches not committed",
         c.commits_failed},
        {"exosphere_scheduler_takeovers_total", "counter", "shards taken over", c.takeovers},
        {"exosphere_scheduler_witnesses_total", "counter", "suspicions looked into", c.witnesses},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        put(buffer, rows[i].name, rows[i].type, rows[i].help, rows[i].value);
    }
}

/* NAME=DURATION, with commas between. */
static int projects_read(struct scheduler_start *start, const char *list, uint32_t *ret_count,
                         struct exo_error *err)
{
    struct span word;

    while ((word = settings_list_next(&list)).data != NULL) {
        const char *equals = memchr(word.data, '=', word.bytes);
        size_t name_bytes = equals == NULL ? 0 : (size_t)(equals - (const char *)word.data);
        struct retention_project *project = &start->projects[*ret_count];
        char *name = start->project_names[*ret_count];

        if (*ret_count == PROJECTS_MAX) {
            return exo_error_set(err, EXO_EINVALID, "retention_projects: %d are the limit",
                                 PROJECTS_MAX);
        }
        if (name_bytes == 0 || name_bytes > LIMIT_NAME_BYTES ||
            !duration_parse((struct span){equals + 1, word.bytes - name_bytes - 1},
                            &project->kept_ns)) {
            return exo_error_set(err, EXO_EINVALID,
                                 "retention_projects: \"%.*s\" is not PROJECT=DURATION such as "
                                 "audit=8760h",
                                 SPAN_ARG(word));
        }
        memcpy(name, word.data, name_bytes);
        name[name_bytes] = '\0';
        for (uint32_t i = 0; i < *ret_count; i++) {
            if (strcmp(start->project_names[i], name) == 0) {
                return exo_error_set(err, EXO_EINVALID, "retention_projects: %s is said twice",
                                     name);
            }
        }
        project->name = name;
        (*ret_count)++;
    }
    projects_order(start->projects, *ret_count);
    return 0;
}

static void *start_open(struct process *process, unsigned number, struct exo_error *err)
{
    const struct process_ports *ports = process_ports(process);
    struct scheduler_start *start = calloc(1, sizeof(*start));
    bool is_consumed = strcmp(ports->settings->retention_inputs, "consumed") == 0;
    struct scheduler_settings settings = {
        .shard_count = ports->schema.shard_count,
        .secret = ports->schema.secret,
        .publishes_events = true,
        .reads_projects = true,
        .trims_inputs = is_consumed,
        .keeps_for_backup = !is_consumed,
        .journal_kept_ns = ports->settings->retention_journal,
        .letters_kept_ns = ports->settings->retention_dead_letters,
        .executions_max = (uint64_t)ports->settings->executions_max,
        .retention.kept_ns = ports->settings->retention_executions,
        .say = say,
    };

    if (start == NULL) {
        abort();
    }
    start->process = process;
    start->number = number;
    settings.retention.projects = start->projects;
    if (projects_read(start, ports->settings->retention_projects, &settings.retention.project_count,
                      err) == 0) {
        start->scheduler =
            scheduler_open(ports->loop, ports->log, ports->store, ports->cache, &settings, err);
    }
    if (start->scheduler == NULL) {
        free(start);
        return NULL;
    }
    metric_collector_add(collect, start);
    start->collect_timer = loop_timer_new(ports->loop, collect_due, start);
    loop_timer_start(start->collect_timer, collect_every_ns, collect_every_ns);
    return start;
}

static bool start_is_ready(const void *object, const char **ret_reason)
{
    const struct scheduler_start *start = object;

    *ret_reason = scheduler_waits_for(start->scheduler);
    return scheduler_is_ready(start->scheduler);
}

static const char *start_remark(const void *object)
{
    const struct scheduler_start *start = object;

    return scheduler_is_full(start->scheduler)
               ? "executions_max is reached: jobs wait until executions end"
               : "";
}

static void left(void *argument)
{
    struct scheduler_start *start = argument;

    process_left(start->process, start->number, NULL);
}

static void start_leave(void *object)
{
    struct scheduler_start *start = object;

    scheduler_leave(start->scheduler, left, start);
}

static void start_close(void *object)
{
    struct scheduler_start *start = object;

    metric_collector_remove(start);
    loop_timer_free(start->collect_timer);
    collect_stop(start->collecting);
    start->collecting = NULL;
    scheduler_close(start->scheduler);
}

static void start_free(void *object)
{
    struct scheduler_start *start = object;

    scheduler_free(start->scheduler);
    free(start);
}

const struct process_role scheduler_process_role = {
    .name = "scheduler",
    .has_store = true,
    .open = start_open,
    .is_ready = start_is_ready,
    .remark = start_remark,
    .leave = start_leave,
    .close = start_close,
    .free = start_free,
};
