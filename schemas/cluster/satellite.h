/* satellite: one step of a cluster, checked and compiled.
 *
 *   struct satellite       what the scheduler decides with: order, conditions, retries, class
 *     struct satellite_work  what a worker needs to run one attempt; travels as canonical JSON
 *
 * Everything is immutable and lives in the arena of its cluster. Spans of names and paths have a
 * NUL after them that is not counted, and none inside.
 *
 * Pure. */
#ifndef EXO_CLUSTER_SATELLITE_H
#define EXO_CLUSTER_SATELLITE_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/cluster/satellite_work.h"
#include "schemas/expression/expression.h"
#include "schemas/vocab/span.h"
#include "schemas/vocab/time.h"
#include "schemas/vocab/value.h"

/* No satellite: the top level of the cluster, where a group is asked for. */
#define SATELLITE_NONE UINT32_MAX

enum satellite_kind {
    SATELLITE_CONTAINER, /* runs an image */
    SATELLITE_GROUP,     /* holds satellites of its own; with for_each once an item */
    SATELLITE_WAIT,      /* lets time pass, or waits for a signal or an approval */
    SATELLITE_KIND_NR,
};

/* A parent counts as succeeded when it SUCCEEDED, or did not but has continue_on_error; as failed
 * when it is FAILED, TIMED_OUT or UPSTREAM_FAILED. */
enum satellite_join {
    JOIN_ALL_SUCCEEDED, /* a failed parent makes it UPSTREAM_FAILED, a skipped one SKIPPED */
    JOIN_ALL_DONE,      /* runs when every parent is terminal */
    JOIN_ANY_SUCCEEDED, /* runs as soon as one succeeded; SKIPPED once none can */
    JOIN_AT_LEAST,      /* runs as soon as join_count succeeded; SKIPPED once they cannot */
    JOIN_ANY_FAILED,    /* runs when every parent is terminal and one failed, else SKIPPED; what it
                         * catches does not fail the execution */
    JOIN_NR,
};

enum satellite_claim { CLAIM_NORMAL, CLAIM_STRICT, CLAIM_NR };

/* The wait before retry n (from 1), before cap and jitter: */
enum retry_backoff {
    BACKOFF_EXPONENTIAL, /* base * 2^(n-1) */
    BACKOFF_LINEAR,      /* base * n */
    BACKOFF_FIXED,       /* base */
    BACKOFF_NR,
};

/* The wait w becomes: */
enum retry_jitter {
    JITTER_FULL,  /* random in 0 .. w */
    JITTER_EQUAL, /* w/2 + random in 0 .. w/2 */
    JITTER_NONE,  /* w */
    JITTER_NR,
};

struct satellite_retries {
    uint32_t limit; /* tries after the first; 0 (default): none; at most 1,000 */
    enum retry_backoff backoff;
    enum retry_jitter jitter;
    exo_time base_ns;     /* >= 0; default 1 s */
    exo_time cap_ns;      /* >= base_ns; default 1 min */
    exo_time budget_ns;   /* no try begins later than this after the first; 0: none */
    const uint8_t *never; /* exit statuses that end the task at once, beside 65 */
    uint32_t never_count;
    const uint8_t *later; /* exit statuses that mean "later", beside 75 */
    uint32_t later_count;
};

/* Beside work.timeout_ns, which bounds one attempt. 0: none. */
struct satellite_timeouts {
    exo_time queue_ns;     /* from READY to accepted by a worker; TIMED_OUT */
    exo_time total_ns;     /* from the first READY across attempts; TIMED_OUT */
    exo_time heartbeat_ns; /* between two signs of progress of a running attempt; it is killed and
                            * counts as failed */
};

/* How many failed tasks of a map leave it SUCCEEDED. */
struct satellite_tolerance {
    uint32_t count;     /* so many ... */
    uint32_t permyriad; /* ... or this part of its tasks, in 1/10,000; 0: no part */
};

/* What a SATELLITE_WAIT waits for: exactly one of the three. */
struct satellite_wait {
    exo_time for_ns;     /* 0: not for time */
    struct span signal;  /* name, as of a satellite; bytes 0: no signal */
    bool is_approval;    /* a person says yes or no */
    struct span text;    /* of the approval, for people; bytes 0: none */
    exo_time timeout_ns; /* of signal and approval: TIMED_OUT after; 0: none */
};

/* Tasks of it, also of different executions, that one container runs together. */
struct satellite_batch {
    uint32_t size;        /* so many start it; 0: each runs alone */
    exo_time interval_ns; /* so long the first waits for others */
    const struct value *key_source;
    const struct value_template *key; /* evaluated for each task: only the same go together; NULL:
                                       * all do */
};

enum reference_kind {
    REFERENCE_INPUT,     /* input */
    REFERENCE_OUTPUT,    /* satellites.NAME.output */
    REFERENCE_STATE,     /* satellites.NAME.state */
    REFERENCE_ERROR,     /* satellites.NAME.error */
    REFERENCE_EXECUTION, /* execution: id, time, labels */
    REFERENCE_ITEM,      /* an item, by the name of `as` */
    REFERENCE_INDEX,     /* index: its place in the nearest map */
    REFERENCE_FAILURES,  /* failures: what failed upstream of a JOIN_ANY_FAILED or final one */
    REFERENCE_NR,
};

/* Something that templates use, listed once a satellite however often it is used. */
struct cluster_reference {
    enum reference_kind kind;
    uint32_t satellite; /* OUTPUT, STATE, ERROR: whose; ITEM, INDEX: whose for_each, the user's own
                         * or that of a group around it; else SATELLITE_NONE */
    struct span path;   /* "input", "satellites.list.output", "execution", "file", "index" */
    bool is_whole;      /* somewhere it stands alone in its string, without further steps: it may
                         * be handed on there without being read */
    bool is_read;       /* somewhere more is done with it than that: its value is needed, or of a
                         * map's output its size or one item */
};

struct cluster_input; /* cluster.h */

struct satellite {
    /* Place among the cluster's: first those of the top level in file order, then group by group
     * (groups in the order of their own index) those of each. Those of one scope stand together. */
    uint32_t index;
    struct span name; /* [a-z][a-z0-9_]{0,62}; unique in its scope and among the scopes around it */
    struct span uses; /* the stored definition it came from; bytes 0: none */
    enum satellite_kind kind;
    uint32_t group;          /* the group it stands in; SATELLITE_NONE: the top level */
    uint32_t level;          /* groups around it: 0 .. LIMIT_GROUP_DEPTH */
    uint32_t inner_first;    /* of a group: its satellites are inner_first .. + inner_count - 1 */
    uint32_t inner_count;    /* 0: no group */
    bool is_closed;          /* of a group: a cluster used as a satellite. Expressions in it know
                              * what stands in it and its own input, nothing around it */
    uint32_t closed_by;      /* the nearest closed group around it; SATELLITE_NONE: none */
    const uint32_t *parents; /* indices; each once, in the order of needs */
    uint32_t parent_count;
    uint32_t child_count;
    const uint32_t *children; /* indices; each once, in file order */
    uint32_t depth;           /* 0 without parents, else one more than the deepest parent */
    enum satellite_join join;
    uint32_t join_count; /* JOIN_AT_LEAST: 1 .. parent_count */
    bool is_continued;   /* continue_on_error: its failure is as good as success with a null */
    bool is_final;       /* final: runs when all others of its scope are terminal, also after a
                          * cancel or timeout; its parents are all that are not final, its join is
                          * JOIN_ALL_DONE. Only a SATELLITE_CONTAINER of the top level or of a
                          * closed group */
    const struct expression *when;     /* once for the whole satellite; NULL: always */
    const struct value *when_source;   /* as written, for people; NULL without */
    const struct expression *for_each; /* gives a list; NULL: no map */
    const struct value *for_each_source;
    struct span item_name;                /* `as`; bytes 0 when it is no map */
    uint32_t max_parallel;                /* 0: no bound of its own; only of a map */
    struct satellite_tolerance tolerance; /* only of a map */
    enum satellite_claim claim;
    struct span class; /* never empty; default "default" */
    struct satellite_retries retries;
    struct satellite_timeouts timeouts;
    struct satellite_wait wait;
    /* Of a group: what one run of it gives, evaluated in its scope. */
    const struct value *output_source; /* as written; NULL: an object of the satellites nobody in it
                                        * needs, by name */
    const struct value_template *output; /* never NULL of a group */
    /* Of a closed group: what a run of it may be given, as of a cluster. work.input gives it,
     * work.timeout_ns bounds the run; nothing else of work is used. */
    bool has_inputs;
    uint32_t input_count;
    const struct cluster_input *inputs;
    struct satellite_work work;   /* of a SATELLITE_CONTAINER */
    struct satellite_batch batch; /* the same */
    /* What the templates of work use, of a group its output (not when and for_each: see
     * expression_references). */
    const struct cluster_reference *references;
    uint32_t reference_count;
};

/* satellite_kind_name returns "container", "group" or "wait"; never NULL. */
const char *satellite_kind_name(enum satellite_kind kind);

/* The words of the file for each value, such as "all_succeeded"; never NULL. */
const char *satellite_join_name(enum satellite_join join);
const char *satellite_claim_name(enum satellite_claim claim);
const char *retry_backoff_name(enum retry_backoff backoff);
const char *retry_jitter_name(enum retry_jitter jitter);

#endif /* EXO_CLUSTER_SATELLITE_H */
