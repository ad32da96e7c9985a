/* key: how many executions of one key may run at once (`concurrency`), and start in a time
 * (`rate`).
 *
 * Pure. */
#ifndef EXO_CLUSTER_KEY_H
#define EXO_CLUSTER_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/cluster/field.h"
#include "schemas/json/json_write.h"
#include "schemas/vocab/time.h"

/* What becomes of an execution that finds no room. */
enum cluster_key_policy {
    CLUSTER_KEY_QUEUE,         /* it waits */
    CLUSTER_KEY_REJECT,        /* it fails */
    CLUSTER_KEY_REPLACE,       /* it waits, those that waited are cancelled; concurrency only */
    CLUSTER_KEY_CANCEL_OLDEST, /* it waits, the one that runs longest is cancelled; the same */
    CLUSTER_KEY_POLICY_NR,
};

struct cluster_key {
    bool is_given;
    const struct value *source; /* `key` as written; NULL: the cluster's name is the key */
    const struct value_template
        *key; /* evaluated at admission: input and execution; NULL as above */
    enum cluster_key_policy policy;
    uint32_t limit;  /* >= 1 */
    exo_time per_ns; /* of a rate */
};

extern const struct field concurrency_fields[]; /* their target is a struct cluster_key */
extern const size_t concurrency_field_count;
extern const struct field rate_fields[];
extern const size_t rate_field_count;

/* The readers of the fields `concurrency` and `rate` of a cluster. */
field_read key_read_concurrency;
field_read key_read_rate;

/* key_canonical puts a key that is given into the map that is open, under its name.
 * is_rate  tells which of the two it is */
void key_canonical(struct json_writer *writer, const struct cluster_key *key, bool is_rate);

#endif /* EXO_CLUSTER_KEY_H */
