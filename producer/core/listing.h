/* listing: what a list asks for: filters, how many, from where on.
 *
 *   ?state=RUNNING&label=team%3Dresearch&limit=50&cursor=... --listing_set a field--> struct
 * listing
 *
 * Pure. */
#ifndef EXO_PRODUCER_LISTING_H
#define EXO_PRODUCER_LISTING_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/vocab/checked.h"
#include "schemas/vocab/fault.h"
#include "schemas/vocab/ids.h"
#include "schemas/vocab/span.h"
#include "schemas/vocab/states.h"
#include "schemas/vocab/time.h"

enum {
    LISTING_LIMIT_DEFAULT = 50,
    LISTING_LIMIT_MAX = 1000,
    LISTING_CURSOR_BYTES = 49, /* the text of a cursor and its NUL */
};

/* A list of executions. Spans are empty where nothing was asked. */
struct listing {
    struct span project, cluster;
    struct span state; /* of enum execution_state */
    struct span label_key, label_value;
    exo_time after_ns, before_ns; /* by submission; 0: open */
    struct execution_id cursor;
    exo_time cursor_ns; /* 0: from the newest */
    uint32_t limit;
};

/* listing_init makes the list of everything. */
void listing_init(struct listing *listing);

/* listing_set takes one field of the query (both borrowed as long as the listing); what is wrong
 * with it goes to faults, whose paths are the fields' names. */
void listing_set(struct listing *listing, const char *name, struct span value,
                 struct fault_list *faults);

/* listing_cursor writes the cursor that goes on behind an execution. */
void listing_cursor(const struct execution_id *id, exo_time submitted_ns,
                    char ret_text[LISTING_CURSOR_BYTES]);

/* A list of tasks. */
struct task_listing {
    struct span satellite; /* path of one, or of one task; empty: all of the run */
    struct span run;       /* path of a group's run; empty: the top level. Never with satellite */
    bool has_state;
    enum task_state state;
    uint32_t instance, index; /* to begin with */
    uint32_t limit;
};

/* task_listing_init, task_listing_set: the same for a list of tasks. */
void task_listing_init(struct task_listing *listing);
void task_listing_set(struct task_listing *listing, const char *name, struct span value,
                      struct fault_list *faults);

enum { TASK_CURSOR_BYTES = 24 };

/* task_listing_cursor writes the cursor that goes on with a task. */
void task_listing_cursor(uint32_t instance, uint32_t index, char ret_text[TASK_CURSOR_BYTES]);

/* limit_parse reads 1 .. LISTING_LIMIT_MAX. Returns false, leaving *ret as it was, for others. */
EXO_CHECKED bool limit_parse(struct span text, uint32_t *ret);

#endif /* EXO_PRODUCER_LISTING_H */
