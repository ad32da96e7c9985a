/* rules_ticket: what must hold of the tickets that workers lend to scheduler processes. */
#ifndef EXO_TESTS_SIM_RULES_TICKET_H
#define EXO_TESTS_SIM_RULES_TICKET_H

#include "scheduler/core/sched.h"
#include "schemas/wire/fleet.h"
#include "schemas/wire/task.h"

struct scheduler;

/* rules_ticket_left: the process that runs now sends a Task, on a loan of its own or of the process
 * that granted it. */
void rules_ticket_left(const struct wire_task_record *record, const struct wire_task *task);

/* rules_ticket_granted fails where a loan is spent that has left its process with a Task. */
void rules_ticket_granted(const struct sched_grant *grant);

/* rules_ticket_beat: a worker's newest heartbeat was stored; value is its whole record. */
void rules_ticket_beat(const struct wire_heartbeat *heartbeat, struct span value);

/* rules_ticket_check fails where the process cannot spend a ticket that its worker counts as idle
 * there. To be called when nothing runs or waits to run. */
void rules_ticket_check(const struct scheduler *scheduler);

#endif /* EXO_TESTS_SIM_RULES_TICKET_H */
