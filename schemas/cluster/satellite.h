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

enum satellite_join {
    JOIN_ALL_SUCCEEDED, /* a failed parent makes it UPSTREAM_FAILED, a skipped one SKIPPED */
    JOIN_ALL_DONE,      /* runs when every parent is terminal */
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
    exo_time base_ns; /* >= 0; default 1 s */
    exo_time cap_ns;  /* >= base_ns; default 1 min */
};

enum reference_kind {
    REFERENCE_INPUT,     /* input */
    REFERENCE_OUTPUT,    /* satellites.NAME.output */
    REFERENCE_STATE,     /* satellites.NAME.state */
    REFERENCE_ERROR,     /* satellites.NAME.error */
    REFERENCE_EXECUTION, /* execution: id, time, labels */
    REFERENCE_ITEM,      /* the item, by the name of `as` */
    REFERENCE_INDEX,     /* index */
    REFERENCE_NR,
};

/* Something that templates use, listed once a satellite however often it is used. */
struct cluster_reference {
    enum reference_kind kind;
    uint32_t satellite; /* OUTPUT, STATE, ERROR: place in the file; else UINT32_MAX */
    struct span path;   /* "input", "satellites.list.output", "execution", "file", "index" */
    bool is_whole;      /* somewhere it stands alone in its string, without further steps: it may
                         * be handed on there without being read */
    bool is_read;       /* somewhere more is done with it than that: its value is needed, or of a
                         * map's output its size or one item */
};

struct satellite {
    uint32_t index;          /* place in the file, from 0 */
    struct span name;        /* [a-z][a-z0-9_]{0,62} */
    struct span uses;        /* the stored satellite it came from; bytes 0: none */
    const uint32_t *parents; /* indices; each once, in the order of needs */
    uint32_t parent_count;
    uint32_t child_count;
    const uint32_t *children; /* indices; each once, in file order */
    uint32_t depth;           /* 0 without parents, else one more than the deepest parent */
    enum satellite_join join;
    const struct expression *when;     /* once for the whole satellite; NULL: always */
    const struct value *when_source;   /* as written, for people; NULL without */
    const struct expression *for_each; /* gives a list; NULL: no map */
    const struct value *for_each_source;
    struct span item_name; /* `as`; bytes 0 when it is no map */
    uint32_t max_parallel; /* 0: no bound of its own; only of a map */
    enum satellite_claim claim;
    struct span class; /* never empty; default "default" */
    struct satellite_retries retries;
    struct satellite_work work;
    /* What the templates of work use (not when and for_each: see expression_references). */
    const struct cluster_reference *references;
    uint32_t reference_count;
};

/* The words of the file for each value, such as "all_succeeded"; never NULL. */
const char *satellite_join_name(enum satellite_join join);
const char *satellite_claim_name(enum satellite_claim claim);
const char *retry_backoff_name(enum retry_backoff backoff);
const char *retry_jitter_name(enum retry_jitter jitter);

#endif /* EXO_CLUSTER_SATELLITE_H */
