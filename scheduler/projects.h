/* projects: what the store says of projects, as this process last read it.
 *
 *   store --project_gather, each few seconds--> settings: how long executions are kept (janitor,
 *   freshness of ids), how many may run at once (asked for with a key, core/gate.c)
 *
 * A change is heard of within PROJECTS_LOOK_S. For this folder's sources only. */
#ifndef EXO_SCHEDULER_PROJECTS_H
#define EXO_SCHEDULER_PROJECTS_H

#include "scheduler/core/retention.h"
#include "schemas/project/project.h"
#include "schemas/vocab/span.h"

enum { PROJECTS_LOOK_S = 5 };

struct scheduler;
struct projects;

/* projects_order puts projects, each of another name, in the order that retention_rules have. */
void projects_order(struct retention_project *projects, uint32_t count);

/* projects_open begins to look, where settings.reads_projects; NULL otherwise. projects_close ends
 * it; NULL is allowed. */
struct projects *projects_open(struct scheduler *scheduler);
void projects_close(struct projects *projects);

/* projects_are_known is false until the first look has ended well: what some project keeps for long
 * may not be known yet, so nothing is deleted. True where projects is NULL. */
bool projects_are_known(const struct projects *projects);

/* projects_of gives the settings of a project until the next turn of the loop; all zero where none
 * are known.
 * projects  NULL: nothing is known of any */
struct project_settings projects_of(const struct projects *projects, struct span project);

#endif /* EXO_SCHEDULER_PROJECTS_H */
