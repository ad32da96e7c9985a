/* commands: the rows of the client's part of the table; one file a command.
 *
 * main.c puts them into one table with the roles. */
#ifndef EXO_PRODUCER_CLI_COMMANDS_H
#define EXO_PRODUCER_CLI_COMMANDS_H

#include "infra/config/command.h"

extern const struct command command_run;
extern const struct command command_submit;
extern const struct command command_watch;
extern const struct command command_get;
extern const struct command command_list;
extern const struct command command_logs;
extern const struct command command_artefacts;
extern const struct command command_cancel;
extern const struct command command_rerun;
extern const struct command command_pause;
extern const struct command command_resume;
extern const struct command command_priority;
extern const struct command command_signal;
extern const struct command command_approve;
extern const struct command command_reject;
extern const struct command command_retry;
extern const struct command command_skip;
extern const struct command command_explain;
extern const struct command command_history;
extern const struct command command_workers;
extern const struct command command_drain;
extern const struct command command_cluster_put;
extern const struct command command_cluster_show;
extern const struct command command_cluster_list;
extern const struct command command_cluster_versions;
extern const struct command command_cluster_delete;
extern const struct command command_satellite_put;
extern const struct command command_satellite_show;
extern const struct command command_satellite_list;
extern const struct command command_satellite_versions;
extern const struct command command_satellite_delete;
extern const struct command command_diff;
extern const struct command command_dlq_list;
extern const struct command command_dlq_show;
extern const struct command command_dlq_replay;
extern const struct command command_migrate;
extern const struct command command_validate;
extern const struct command command_schedule_next;
extern const struct command command_schedule_validate;
extern const struct command command_project_put;
extern const struct command command_project_show;
extern const struct command command_project_list;
extern const struct command command_project_delete;
extern const struct command command_schedule_put;
extern const struct command command_schedule_list;
extern const struct command command_schedule_show;
extern const struct command command_schedule_delete;
extern const struct command command_schedule_pause;
extern const struct command command_schedule_resume;
extern const struct command command_schedule_trigger;
extern const struct command command_schedule_backfill;
extern const struct command command_init;
extern const struct command command_eval;
extern const struct command command_config;
extern const struct command command_version;

#endif /* EXO_PRODUCER_CLI_COMMANDS_H */
