/* view: what the REST API shows of executions, tasks and changes, as JSON.
 *
 *   rows of the store (unpacked) --view_*--> json_writer
 *
 * The forms stand in schemas/openapi.yaml. A time is RFC 3339 in UTC or null, a missing text null.
 *
 * Pure. */
#ifndef EXO_PRODUCER_VIEW_H
#define EXO_PRODUCER_VIEW_H

#include "schemas/cluster/cluster.h"
#include "schemas/json/json_write.h"
#include "schemas/vocab/ids.h"
#include "schemas/vocab/states.h"
#include "schemas/wire/event.h"
#include "schemas/wire/state.h"

struct inside;

/* An execution as it was read. All borrowed for the call. */
struct view_execution {
    struct execution_id id;
    const char *project;
    const char *cluster_name; /* project/name */
    uint32_t cluster_version; /* stored under that name; 0: null */
    bool has_cluster_version; /* it was looked up; else it is not shown */
    const char *state;
    exo_time submitted_ns, started_ns, ended_ns, deadline_ns; /* 0: null */
    int32_t priority;
    struct span labels; /* JSON object; empty: {} */
    struct span input;  /* JSON; shown where is_whole */
    struct span output; /* JSON; shown where is_whole */
    struct span error;
    bool is_whole;                 /* with input, output and satellites */
    const struct cluster *cluster; /* NULL: satellites are not shown */
    const struct wire_body *body;  /* NULL: satellites are not shown */
    const struct inside *inside;   /* NULL: what stands in groups is not shown (inside.h) */
};

/* view_put_execution puts one execution as a map. */
void view_put_execution(struct json_writer *w, const struct view_execution *execution);

/* view_put_accepted puts what a submission is answered with: id, state, links. */
void view_put_accepted(struct json_writer *w, const struct execution_id *id, const char *state);

/* view_put_links puts the member `links` of an execution. */
void view_put_links(struct json_writer *w, const struct execution_id *id);

/* view_put_change puts one change of an execution's events. */
void view_put_change(struct json_writer *w, const struct wire_change *change);

/* view_put_progress puts what a running attempt said of itself, as an event. */
void view_put_progress(struct json_writer *w, const struct wire_change *change);

/* view_put_counts puts the member `counts`: tasks by state, those that there are. */
void view_put_counts(struct json_writer *w, const uint32_t counts[TASK_STATE_NR]);

/* view_progress_of gives what a single task that runs has said last of itself; bytes 0: nothing, or
 * it is a map, whose tasks have their own. */
struct span view_progress_of(const struct wire_instance *instance);

/* One task. All borrowed for the call. */
struct view_task {
    const struct satellite *satellite;
    struct span path; /* of the satellite, such as page.3.parse; empty: its name */
    bool is_map;
    uint32_t index;
    enum task_state state;
    uint32_t attempt; /* of the current or last one; 0: none yet */
    uint32_t failures, losses;
    struct span error; /* why it did not end well; of a map's task where its attempts are read */
    const struct wire_lease *lease; /* NULL: none */
};

/* view_put_task_members puts the members of a task into the map that is open. */
void view_put_task_members(struct json_writer *w, const struct view_task *task);

/* view_put_attempt puts how one attempt ended. is_inline_shown: with its output. */
void view_put_attempt(struct json_writer *w, const struct execution_id *id, const char *task,
                      const struct wire_output *output);

/* view_task_at fills in state, attempt, failures, losses and lease of a task from its page, and the
 * error of one that is no map's.
 * columns  of the page, or of the single task; NULL: the task has no page yet
 * offset   of the task in it */
void view_task_at(const struct wire_instance *instance, const struct wire_columns *columns,
                  uint32_t offset, struct view_task *ret_task);

/* view_put_time puts a time, null for 0. */
void view_put_time(struct json_writer *w, const char *key, int64_t unix_ms);

/* view_put_text puts a text, null when it is empty. */
void view_put_text(struct json_writer *w, const char *key, struct span text);

/* view_put_id puts an execution's id, null for NULL. */
void view_put_id(struct json_writer *w, const char *key, const struct execution_id *id);

/* view_put_json copies a JSON text, or what stands for none. */
void view_put_json(struct json_writer *w, const char *key, struct span json, const char *none);

#endif /* EXO_PRODUCER_VIEW_H */
