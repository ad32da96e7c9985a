/* schedule: the definition of what starts a cluster by the clock (docs/schedules.md).
 *
 *   text --json_read, yaml_read--> struct value --schedule_parse--> struct schedule, or faults
 *                                                     |
 *                            canonical text <--schedule_canonical
 *
 * A parsed schedule is immutable.
 *
 * Pure: memory comes from the given arenas only. */
#ifndef EXO_SCHEDULE_H
#define EXO_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/cluster/cluster.h"
#include "schemas/cluster/field.h"
#include "schemas/cron/cron.h"

enum { SCHEDULE_OWN_LABELS = 2 /* put on its executions beside those it names */ };

#define SCHEDULE_LABEL "schedule"           /* project/name */
#define SCHEDULE_TIME_LABEL "schedule_time" /* the time it was due at, RFC 3339 */

/* What happens when it is due while an execution of it has not ended. */
enum schedule_overlap {
    OVERLAP_SKIP,    /* that time is left out */
    OVERLAP_ALLOW,   /* they run side by side */
    OVERLAP_QUEUE,   /* it waits its turn */
    OVERLAP_REPLACE, /* the one that runs is cancelled, the new one starts when it has ended */
    OVERLAP_NR,
};

/* What happens with the times that passed while nobody could start anything. */
enum schedule_catch_up {
    CATCH_UP_NONE,
    CATCH_UP_LAST, /* the last of them is made up for */
    CATCH_UP_ALL,  /* each of them, the oldest first */
    CATCH_UP_NR,
};

struct schedule {
    struct span project;
    struct span name;      /* without the project */
    struct span title;     /* bytes 0: none */
    struct span cron_text; /* as written, without blanks around it */
    struct cron cron;
    struct span tz;                /* a clean name of a zone */
    const struct cluster *cluster; /* NULL: a stored one */
    struct span cluster_name;      /* of the stored one, without the project, which is ours */
    uint32_t cluster_version;      /* of the stored one; 0: the newest when it starts */
    const struct value *input;     /* a map; NULL: none */
    const struct cluster_label *labels;
    uint32_t label_count;
    exo_time jitter_ns; /* each start is later by 0 .. jitter_ns */
    enum schedule_overlap overlap;
    enum schedule_catch_up catch_up;
    exo_time window_ns; /* how far back is caught up */
    exo_time start_ns;  /* due from then on; 0: no bound */
    exo_time end_ns;    /* due before then; EXO_TIME_NEVER: no bound */
    bool is_paused;
};

/* Where a definition comes from. Zero what is not known. */
struct schedule_source {
    const struct value *root;    /* kept as long as the schedule, which shares its parts */
    const char *default_project; /* as of cluster_source */
    bool is_inner;               /* root is what stands under `schedule:`, as in a REST body */
    bool is_stored;              /* root was read from schedule_canonical's text */
    /* Says whether a zone of that clean name is known; NULL: not asked. */
    bool (*is_zone)(void *context, struct span name);
    void *context;
};

/* schedule_parse checks a definition.
 *
 * source        borrowed; see above for what is kept
 * arena         borrowed; the schedule and its parts live there, faults in their list's arena
 * ret_schedule  out; untouched on failure
 * faults        borrowed; gets every fault at once, those of a cluster in it too, each with path,
 *               line, column and what to do, in the order of the file; on success maybe warnings
 *
 * Returns 0, or -1 with at least one error counted in faults. */
EXO_CHECKED int schedule_parse(const struct schedule_source *source, struct arena *arena,
                               const struct schedule **ret_schedule, struct fault_list *faults);

/* schedule_canonical appends the definition as one JSON text: fixed member order, what equals a
 * default left out, no newline. schedule_parse of it gives the same schedule, whose canonical text
 * is the same again.
 * buffer  borrowed; check buffer->is_failed after */
void schedule_canonical(const struct schedule *schedule, struct buffer *buffer);

/* The names return the word of the file, such as "queue"; never NULL. */
const char *schedule_overlap_name(enum schedule_overlap overlap);
const char *schedule_catch_up_name(enum schedule_catch_up catch_up);

/* The tables of fields, for tests that compare them with what is written elsewhere. */
extern const struct field schedule_file_fields[];
extern const size_t schedule_file_field_count;
extern const struct field schedule_fields[];
extern const size_t schedule_field_count;

#endif /* EXO_SCHEDULE_H */
