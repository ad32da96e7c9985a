/* main: picks the role or the client command from one table; nothing else. */
#include <unistd.h>

#include "infra/process/process.h"
#include "producer/cli/commands.h"
#include "producer/start.h"
#include "scheduler/start.h"
#include "workers/start.h"

static int run_dev(const struct command_call *call)
{
    const struct process_role *const roles[] = {&api_process_role, &worker_process_role,
                                                &scheduler_process_role};

    return process_run(call, roles, sizeof(roles) / sizeof(roles[0]));
}

static int run_api(const struct command_call *call)
{
    const struct process_role *role = &api_process_role;

    return process_run(call, &role, 1);
}

static int run_scheduler(const struct command_call *call)
{
    const struct process_role *role = &scheduler_process_role;

    return process_run(call, &role, 1);
}

static int run_worker(const struct command_call *call)
{
    const struct process_role *role = &worker_process_role;

    return process_run(call, &role, 1);
}

static const struct command dev = {
    .name = "dev",
    .arguments = "",
    .summary = "run everything in one process, with nothing to install",
    .details = "The API, a scheduler and a worker over one SQLite file in the directory `data`;\n"
               "kill it, start it again, and what was running goes on. --ephemeral keeps nothing,\n"
               "--sandbox null runs no container. Ctrl-C ends it in order, twice at once.\n",
    .role = ROLE_DEV,
    .run = run_dev,
};

static const struct command api = {
    .name = "api",
    .arguments = "",
    .summary = "run an API server: REST in, jobs out",
    .details =
        "Any number may run; they hold nothing that is true. Listens on loopback unless told\n"
        "otherwise, and elsewhere only with a token. SIGTERM: finishes requests.\n",
    .role = ROLE_API,
    .run = run_api,
};

static const struct command scheduler = {
    .name = "scheduler",
    .arguments = "",
    .summary = "run a scheduler: it owns shards of executions",
    .details =
        "Any number may run; they share the shards. Waits for Kafka and Postgres, makes the\n"
        "schema and the topics where they are missing.\n",
    .role = ROLE_SCHEDULER,
    .run = run_scheduler,
};

static const struct command worker = {
    .name = "worker",
    .arguments = "",
    .summary = "run a worker: it runs satellites in containers",
    .details = "Needs root for containers. SIGTERM: takes no more, waits `drain`, hands the rest\n"
               "back, which costs the tasks nothing.\n",
    .role = ROLE_WORKER,
    .run = run_worker,
};

/* In the order of `exosphere --help`. */
static const struct command *const rows[] = {
    &dev,
    &api,
    &scheduler,
    &worker,
    &command_run,
    &command_submit,
    &command_watch,
    &command_get,
    &command_list,
    &command_logs,
    &command_artefacts,
    &command_cancel,
    &command_rerun,
    &command_pause,
    &command_resume,
    &command_priority,
    &command_signal,
    &command_approve,
    &command_reject,
    &command_retry,
    &command_skip,
    &command_explain,
    &command_history,
    &command_workers,
    &command_drain,
    &command_cluster_put,
    &command_cluster_show,
    &command_cluster_list,
    &command_cluster_versions,
    &command_cluster_delete,
    &command_satellite_put,
    &command_satellite_show,
    &command_satellite_list,
    &command_satellite_versions,
    &command_satellite_delete,
    &command_diff,
    &command_dlq_list,
    &command_dlq_show,
    &command_dlq_replay,
    &command_validate,
    &command_schedule_next,
    &command_schedule_validate,
    &command_project_put,
    &command_project_show,
    &command_project_list,
    &command_project_delete,
    &command_schedule_put,
    &command_schedule_list,
    &command_schedule_show,
    &command_schedule_delete,
    &command_schedule_pause,
    &command_schedule_resume,
    &command_schedule_trigger,
    &command_schedule_backfill,
    &command_init,
    &command_eval,
    &command_migrate,
    &command_shard_resume,
    &command_restore_point_begin,
    &command_restore_point_complete,
    &command_restore_point_list,
    &command_gc,
    &command_replay,
    &command_config,
    &command_version,
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

int main(int argc, char **argv)
{
    struct command table[ROWS];

    for (size_t i = 0; i < ROWS; i++) {
        table[i] = *rows[i];
    }
    return command_main(table, ROWS, argc, argv, environ);
}
