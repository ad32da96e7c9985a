/* cluster: the definition of a graph of satellites (docs/cluster-file.md).
 *
 *   text --json_read, yaml_read--> struct value --cluster_parse--> struct cluster, or faults
 *                                                      |
 *                 canonical text <--cluster_canonical--+--cluster_input_check--> input of one run
 *                 (its SHA-256 names the definition)
 *
 * A parsed cluster is immutable and may be shared by any number of executions and threads.
 *
 * Pure: memory comes from the given arenas only. */
#ifndef EXO_CLUSTER_H
#define EXO_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/cluster/key.h"
#include "schemas/cluster/labels.h"
#include "schemas/cluster/satellite.h"

enum {
    CLUSTER_PRIORITY_MAX = 9, /* goes first */
    CLUSTER_PRIORITY_DEFAULT = 5,
    /* A file with its anchors and `defaults` written out in every place they are used. */
    CLUSTER_EXPANDED_BYTES_MAX = 4 << 20,
};

enum input_type {
    INPUT_ANY,
    INPUT_INT,
    INPUT_NUMBER, /* a double; an int given for it becomes one */
    INPUT_STRING,
    INPUT_BOOL,
    INPUT_LIST,
    INPUT_MAP,
    INPUT_TYPE_NR,
};

/* One declared input. */
struct cluster_input {
    struct span name;
    struct span description; /* bytes 0: none */
    enum input_type type;
    bool is_required;             /* it must be given; never with a fallback */
    const struct value *fallback; /* `default`; NULL: none, a missing input is then null */
    const struct value *choices;  /* `enum`: a list; NULL: any */
    struct span pattern;          /* of RE2, that stands in a string; bytes 0: any */
    const struct value *minimum;  /* int or double; NULL: none */
    const struct value *maximum;
};

struct cluster {
    struct span project;
    struct span name;  /* without the project */
    struct span title; /* bytes 0: none */
    const struct cluster_label *labels;
    uint32_t label_count;
    uint32_t priority;   /* 0 .. CLUSTER_PRIORITY_MAX */
    exo_time sla_ns;     /* from submission; 0: none */
    exo_time timeout_ns; /* of the execution; 0: none */
    struct cluster_key concurrency;
    struct cluster_key rate;
    bool has_inputs; /* `inputs` stands in the file: others are refused */
    uint32_t input_count;
    const struct cluster_input *inputs;
    const struct satellite *satellites; /* of all scopes (see satellite.index), at least one */
    uint32_t satellite_count;
    uint32_t root_count;   /* those of the top level are satellites 0 .. root_count - 1 */
    const uint32_t *order; /* satellites, parents before children and groups before what they hold;
                            * as early in the file as can be */
    const uint32_t *by_name; /* satellites by group (SATELLITE_NONE last), then by the bytes of
                              * their names */
    /* `output`, or an object of the satellites nobody needs, by name. */
    const struct value *output_source; /* as written; NULL: that default */
    const struct value_template *output;
    const struct cluster_reference *output_references;
    uint32_t output_reference_count;
};

/* Where a definition comes from. Zero what is not known. */
struct cluster_source {
    const struct value *root;    /* kept as long as the cluster: templates share its parts */
    const char *default_project; /* borrowed C string; NULL: the name must say project/name. Where
                                  * both are known they must agree */
    bool is_inner;               /* root is what stands under `cluster:`, as in a REST body */
    bool is_stored;              /* root was read from cluster_canonical's text, whose size has been
                                  * checked when it was a file */
    bool allows_uses;            /* `uses` that was not looked up (uses.h) is taken by its form:
                                  * for checks where no store is asked; never to be run */
    uint32_t satellites_max;     /* 0: LIMIT_SATELLITES */
};

/* cluster_parse checks a definition and compiles it.
 *
 * source       borrowed; see above for what is kept
 * arena        borrowed; the cluster and its parts live there, faults in their list's arena
 * ret_cluster  out; untouched on failure
 * faults       borrowed; gets every fault of the file at once, each with path, line, column and
 *              what to do, in the order of the file; on success it may get warnings
 *
 * Cost O(bytes * log satellites + satellites / 64 * edges) at most.
 * Returns 0, or -1 with at least one error counted in faults. */
EXO_CHECKED int cluster_parse(const struct cluster_source *source, struct arena *arena,
                              const struct cluster **ret_cluster, struct fault_list *faults);

/* cluster_find gives the satellite of that name in the scope of a group (SATELLITE_NONE: the top
 * level), or NULL. Cost O(log satellites). */
const struct satellite *cluster_find(const struct cluster *cluster, uint32_t group,
                                     struct span name);

/* cluster_find_seen gives the satellite that an expression in that scope means by a name: of the
 * scope itself or of the nearest one around it, or NULL. */
const struct satellite *cluster_find_seen(const struct cluster *cluster, uint32_t group,
                                          struct span name);

/* cluster_closed_scope gives the closed group in whose scope the satellites of a group
 * (SATELLITE_NONE: the top level) stand: the group itself or the nearest around it; SATELLITE_NONE:
 * that of the cluster. */
static inline uint32_t cluster_closed_scope(const struct cluster *cluster, uint32_t group)
{
    return group == SATELLITE_NONE || cluster->satellites[group].is_closed
               ? group
               : cluster->satellites[group].closed_by;
}

/* cluster_add_path appends the satellite's name behind those of the groups around it: "page.parse".
 * index   below satellite_count
 * buffer  borrowed; check buffer->is_failed after */
void cluster_add_path(const struct cluster *cluster, uint32_t index, struct buffer *buffer);

/* cluster_is_upstream is true when satellite b runs after satellite a, directly or not; never for
 * a == b. What stands in a group runs after all that the group runs after, and before all that
 * runs after the group; a group and what it holds run neither after the other. Indices below
 * satellite_count. Cost O(satellites + edges), 1.3 KB of stack. */
bool cluster_is_upstream(const struct cluster *cluster, uint32_t a, uint32_t b);

/* cluster_canonical appends the definition as one JSON text: fixed member order, the order `needs`
 * written out, the file's `defaults` merged into each satellite, what equals a built-in default
 * left out, no newline. cluster_parse of it gives the same cluster, whose canonical text is the
 * same again.
 * buffer  borrowed; check buffer->is_failed after */
void cluster_canonical(const struct cluster *cluster, struct buffer *buffer);

/* cluster_input_check checks the input of one execution against the declared inputs.
 *
 * input      borrowed, and kept as long as *ret_input, which shares its parts; NULL: {}
 * arena      borrowed
 * ret_input  out; a map with what is missing filled in (the default, or null), in the order of
 *            the declaration; a copy of *input where the cluster declares none. Untouched on
 * failure faults     borrowed; every fault at once, with paths such as input.top
 *
 * Returns 0, or -1 with at least one error counted in faults. */
EXO_CHECKED int cluster_input_check(const struct cluster *cluster, const struct value *input,
                                    struct arena *arena, struct value *ret_input,
                                    struct fault_list *faults);

/* What may be given to an execution, or to a run of a cluster used as a satellite. */
struct input_declaration {
    bool is_declared; /* false: anything is taken */
    uint32_t count;
    const struct cluster_input *inputs; /* borrowed */
};

/* input_check is cluster_input_check against a declaration of any owner. */
EXO_CHECKED int input_check(const struct input_declaration *declaration, const struct value *input,
                            struct arena *arena, struct value *ret_input,
                            struct fault_list *faults);

/* cluster_inputs and satellite_inputs give the declaration of a cluster and of a closed group. */
struct input_declaration cluster_inputs(const struct cluster *cluster);
struct input_declaration satellite_inputs(const struct satellite *satellite);

/* cluster_describe_graph appends the resolved graph as `validate` prints it: a line a satellite
 * with what it comes after, those of a group indented below it, then the output; ends with a
 * newline. The levels it counts are those of the top level.
 * buffer  borrowed; check buffer->is_failed after */
void cluster_describe_graph(const struct cluster *cluster, struct buffer *buffer);

/* input_type_name returns the word of the file, such as "int"; never NULL. */
const char *input_type_name(enum input_type type);

#endif /* EXO_CLUSTER_H */
