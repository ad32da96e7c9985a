/* satellite_work: what a worker needs to run one attempt of a satellite.
 *
 *   scheduler: satellite_canonical(work) --JSON in the Task's Spec--> worker: satellite_parse
 *
 * Immutable, in the arena it was read into. Spans of names and paths have a NUL after them that is
 * not counted, and none inside.
 *
 * Pure. */
#ifndef EXO_CLUSTER_SATELLITE_WORK_H
#define EXO_CLUSTER_SATELLITE_WORK_H

#include <stdint.h>

#include "schemas/expression/value_template.h"
#include "schemas/vocab/arena.h"
#include "schemas/vocab/buffer.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/fault.h"
#include "schemas/vocab/span.h"
#include "schemas/vocab/time.h"
#include "schemas/vocab/value.h"

enum satellite_network { NETWORK_NONE, NETWORK_HOST, NETWORK_NR };

enum satellite_output {
    OUTPUT_FILE,   /* /exosphere/output.json; no file: null */
    OUTPUT_STDOUT, /* standard output, as JSON; not a log then */
    OUTPUT_NONE,   /* null */
    OUTPUT_NR,
};

struct satellite_resources {
    uint32_t cpu_millis;   /* >= 1; default 500 */
    uint32_t gpu;          /* whole devices; default 0 */
    uint64_t memory_bytes; /* >= 1; default 256 MiB */
    uint64_t disk_bytes;   /* of the writable layer; >= 1; default 1 GiB */
};

/* Whether what an attempt gives may stand for what another would give. */
struct satellite_cache {
    exo_time ttl_ns; /* how long; 0: never */
    struct span key; /* goes into the name of the result: another key, another result */
};

/* A volume of the worker's settings, seen read-only at an absolute path. */
struct satellite_mount {
    struct span volume;
    struct span path;
};

/* What a worker needs. A template's result is rendered so: input as it is; of command and env each
 * item as text (a string raw, everything else as compact JSON). */
struct satellite_work {
    struct span image;           /* as written, such as oci:busybox */
    const struct value *command; /* list of strings as written; NULL: the image's own */
    const struct value_template *command_template; /* gives a list; NULL: the image's own */
    struct span workdir;                           /* absolute; bytes 0: the image's */
    const struct value *input;                     /* as written; never NULL, default {} */
    const struct value_template *input_template;   /* never NULL */
    const struct value *env;                       /* map of strings, defaults merged; never NULL */
    const struct value_template *env_template;     /* gives a map; never NULL */
    const struct span *secrets;                    /* names, unique */
    uint32_t secret_count;
    uint32_t mount_count;
    const struct satellite_mount *mounts; /* paths unique */
    struct satellite_resources resources;
    enum satellite_network network;
    enum satellite_output output;
    const struct value *output_schema; /* passed output_schema_check; NULL: none */
    exo_time timeout_ns;               /* of one attempt; 0: none */
    struct satellite_cache cache;
    exo_time grace_ns; /* from SIGTERM to SIGKILL; default 10 s */
};

/* satellite_canonical appends work as one JSON object: fixed member order, what equals its
 * built-in default left out, no newline. The same work gives the same bytes.
 * buffer  borrowed; check buffer->is_failed after */
void satellite_canonical(const struct satellite_work *work, struct buffer *buffer);

/* satellite_parse reads what satellite_canonical wrote.
 *
 * source    borrowed, and kept as long as *ret_work: strings and templates share its parts
 * arena     borrowed; *ret_work's parts live there
 * ret_work  out; untouched on failure
 * faults    borrowed; gets at least one error on failure
 *
 * Names in expressions are not checked: the scope of the evaluation knows them.
 * Returns 0, or -1 with faults. */
EXO_CHECKED int satellite_parse(const struct value *source, struct arena *arena,
                                struct satellite_work *ret_work, struct fault_list *faults);

/* The words of the file for each value, such as "none"; never NULL. */
const char *satellite_network_name(enum satellite_network network);
const char *satellite_output_name(enum satellite_output output);

#endif /* EXO_CLUSTER_SATELLITE_WORK_H */
