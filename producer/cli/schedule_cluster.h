/* schedule cluster: whether what a schedule starts can start, as the store is now.
 *
 *   schedule.cluster, schedule.input --GET /v1/clusters/...--> warnings on stderr
 *
 * Asks the API. For producer/cli only. */
#ifndef EXO_PRODUCER_CLI_SCHEDULE_CLUSTER_H
#define EXO_PRODUCER_CLI_SCHEDULE_CLUSTER_H

#include "producer/cli/rest.h"
#include "schemas/schedule/schedule.h"

/* schedule_cluster_warn looks a stored cluster up and holds the schedule's input against it; what
 * does not fit is a warning, since the cluster may be put later. One that stands in the schedule
 * has been checked with it.
 * path  of the schedule's file, for messages */
void schedule_cluster_warn(struct rest *rest, const char *path, const struct schedule *schedule);

#endif /* EXO_PRODUCER_CLI_SCHEDULE_CLUSTER_H */
