/* handlers: one for each route of the table in routes.c. For producer/http only.
 *
 * A handler leads, now or later, to one exchange_send, exchange_problem ... or to a stream. */
#ifndef EXO_PRODUCER_HANDLERS_H
#define EXO_PRODUCER_HANDLERS_H

#include "producer/http/api_state.h"

typedef void route_handler(struct exchange *x);

/* Who may call. */
enum route_guard {
    GUARD_NONE,    /* everybody who can reach the address */
    GUARD_CLIENT,  /* whoever has the API's token, where one is set */
    GUARD_ATTEMPT, /* an attempt, with its own token */
};

/* One row of the table. */
struct route {
    const char *method;
    const char *pattern;
    route_handler *handle;
    enum route_guard guard;
    const char *summary;
};

/* routes_each calls for each row, in order. */
void routes_each(void (*call)(void *argument, const struct route *route), void *argument);

/* route_parameter is a part of the path by its place in the pattern. */
static inline struct span route_parameter(const struct exchange *x, uint32_t place)
{
    return x->parameters.values[place];
}

/* exchange_attempt says of which task the attempt is whose token was sent; false without one. */
EXO_CHECKED bool exchange_attempt(const struct exchange *x, struct task_id *ret_task);

/* executions.c, batch.c, validate.c */
route_handler executions_post;
route_handler validate_post;

/* versions.c, version_reads.c */
route_handler definition_put;
route_handler definition_delete;
route_handler definition_get;
route_handler definitions_list;
route_handler versions_list;
route_handler version_get;

/* projects.c */
route_handler project_put;
route_handler project_get;
route_handler project_delete;
route_handler projects_list;

/* schedule_commands.c, schedule_reads.c */
route_handler schedule_put;
route_handler schedule_delete;
route_handler schedule_pause;
route_handler schedule_resume;
route_handler schedule_trigger;
route_handler schedule_backfill;
route_handler schedule_backfill_stop;
route_handler schedule_get;
route_handler schedules_list;

/* execution_reads.c */
route_handler executions_list;
route_handler execution_get;

/* history.c */
route_handler execution_history;

/* explaining.c */
route_handler execution_explain;

/* rerunning.c */
route_handler execution_rerun;
/* control.c */
route_handler execution_cancel;
route_handler execution_pause;
route_handler execution_resume;
route_handler execution_signal;
route_handler execution_patch;
route_handler task_cancel;
route_handler task_approve;
route_handler task_reject;
route_handler task_retry;
route_handler task_skip;

/* tasks.c */
route_handler tasks_list;
route_handler task_get;

/* logs.c, events.c, outputs.c */
route_handler logs_get;
route_handler events_get;
route_handler output_get;

/* fleet.c */
route_handler workers_list;
route_handler worker_drain;

/* dead_letters.c */
route_handler dead_letters_list;
route_handler dead_letter_get;
route_handler dead_letter_replay;

/* system.c */
route_handler health_get;
route_handler ready_get;
route_handler metrics_get;
route_handler openapi_get;

/* artefacts.c */
route_handler artefacts_get;
route_handler list_artefacts_get;

/* results.c */
route_handler result_get;
route_handler result_put;

/* internal.c */
route_handler blob_get;
route_handler blob_put;
route_handler blob_head;
route_handler list_get;

#endif /* EXO_PRODUCER_HANDLERS_H */
