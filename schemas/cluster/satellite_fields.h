/* satellite_fields: the fields of a satellite of any kind, of `defaults` and of a worker's
 * definition.
 *
 * One table: a row says in which of them it may stand. What needs the other satellites
 * (needs, templates) is only kept here and read by graph and references.
 *
 * Pure. */
#ifndef EXO_CLUSTER_SATELLITE_FIELDS_H
#define EXO_CLUSTER_SATELLITE_FIELDS_H

#include "schemas/cluster/field.h"
#include "schemas/cluster/satellite.h"

/* What checks that come later need of the text of a satellite. */
struct satellite_notes {
    const struct value *source;       /* the map; NULL while there is none */
    const struct value *name;         /* NULL: not given or not good */
    const struct value *needs;        /* NULL: after the satellite before it */
    const struct value *item_name;    /* `as`; NULL: not given */
    const struct value *max_parallel; /* NULL: not given */
    const struct value *tolerate;     /* NULL: not given */
    const struct value *join;         /* NULL: not given */
    const struct value *final;        /* NULL: not given */
    const struct value *inner;        /* `satellites`; NULL: no group, or not looked up */
    const struct value *inputs;       /* of a cluster that is used; NULL: none */
    struct value_place place;         /* where the satellite stands, as long as the draft */
    struct value_place inner_place;   /* where its `satellites` stand */
};

/* A satellite while it is read. */
struct satellite_draft {
    struct satellite satellite;
    struct satellite_notes notes;
};

extern const struct field satellite_fields[];
extern const size_t satellite_field_count;
extern const struct field resources_fields[];
extern const size_t resources_field_count;
extern const struct field cache_fields[];
extern const size_t cache_field_count;
extern const struct field batch_fields[]; /* their target is a struct satellite_batch */
extern const size_t batch_field_count;
extern const struct field retries_fields[];
extern const size_t retries_field_count;
extern const struct field timeouts_fields[];
extern const size_t timeouts_field_count;
extern const struct field join_fields[];
extern const size_t join_field_count;
extern const struct field wait_fields[];
extern const size_t wait_field_count;
extern const struct field mount_fields[];
extern const size_t mount_field_count;

/* satellite_draft_init makes a draft with every built-in default. */
void satellite_draft_init(struct satellite_draft *draft);

/* satellite_read reads one map into *draft, which holds the defaults before.
 * in     one FIELD_IN_*, not FIELD_IN_ALL
 * value  borrowed, kept as long as the draft's satellite
 * place  where the map stands; borrowed */
void satellite_read(struct field_reader *r, unsigned in, const struct value *value,
                    const struct value_place *place, struct satellite_draft *draft);

extern const char *const satellite_join_words[];
extern const char *const satellite_network_words[];
extern const char *const satellite_output_words[];
extern const char *const satellite_claim_words[];
extern const char *const retry_backoff_words[];
extern const char *const retry_jitter_words[];

#endif /* EXO_CLUSTER_SATELLITE_FIELDS_H */
