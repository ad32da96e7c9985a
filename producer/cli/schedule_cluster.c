#include "producer/cli/schedule_cluster.h"

#include <stdio.h>

#include "producer/cli/definition_file.h"

static void warn(const char *path, const char *what)
{
    (void)fprintf(stderr,
                  "%s: warning: %s: what the schedule starts meanwhile becomes a dead letter\n",
                  path, what);
}

static bool is_deleted(const struct value *answer)
{
    const struct value *deleted = value_get(answer, span_of("is_deleted"));

    return deleted != NULL && deleted->kind == VALUE_BOOL && deleted->boolean;
}

static void input_warn(struct cli *cli, const char *path, const struct cluster *cluster,
                       const struct value *input)
{
    struct value checked = {0};

    fault_list_init(&cli->faults, &cli->arena, 0);
    if (cluster_input_check(cluster, input, &cli->arena, &checked, &cli->faults) != 0) {
        cli_faults_tell(&cli->faults, path, stderr);
        warn(path, "schedule.input: it does not fit the stored cluster");
    }
}

void schedule_cluster_warn(struct rest *rest, const char *path, const struct schedule *schedule)
{
    struct cli *cli = rest->cli;
    const struct version_reference reference = {.kind = VERSION_CLUSTER,
                                                .project = schedule->project,
                                                .name = schedule->cluster_name,
                                                .number = schedule->cluster_version};
    struct value answer = {0};
    const struct cluster *cluster;
    struct fault_list faults;

    if (schedule->cluster != NULL) {
        return;
    }
    if (definition_read(rest, &reference, &answer) != 0) {
        warn(path, "schedule.cluster: it is not stored (yet)");
        return;
    }
    if (is_deleted(&answer)) {
        warn(path, "schedule.cluster: it was deleted; put it again");
        return;
    }
    fault_list_init(&faults, &cli->arena, 1);
    const struct cluster_source source = {.root = value_get(&answer, span_of("definition")),
                                          .is_stored = true};

    /* What a newer program has put this one may not know. */
    if (source.root != NULL && cluster_parse(&source, &cli->arena, &cluster, &faults) == 0) {
        input_warn(cli, path, cluster, schedule->input);
    }
}
