/* satellite_policy: the fields of a satellite that are maps or lists of their own: resources,
 * retries, mounts, secrets, env.
 *
 * Pure. */
#ifndef EXO_CLUSTER_SATELLITE_POLICY_H
#define EXO_CLUSTER_SATELLITE_POLICY_H

#include "schemas/cluster/field.h"
#include "schemas/cluster/satellite.h"

/* Readers for rows of satellite_fields. Results:
 *   resources  struct satellite_resources, what is not given stays
 *   retries    struct satellite_retries, the same
 *   cache      struct satellite_cache; ttl is a must
 *   mounts     struct satellite_mounts        secrets  struct satellite_secrets
 *   env        const struct value *, a map: what stood there, then what is given
 *   command    const struct value *, a list of strings */
field_read policy_read_resources;
field_read policy_read_retries;
field_read policy_read_cache;
field_read policy_read_mounts;
field_read policy_read_secrets;
field_read policy_read_env;
field_read policy_read_command;

struct satellite_notes;

/* policy_warn_of_cache warns of an expression in `cache.key`, which stands for itself: one result
 * for all that was meant to vary. No fault, since earlier programs have stored such clusters. */
void policy_warn_of_cache(struct field_reader *r, const struct satellite_notes *notes);

#endif /* EXO_CLUSTER_SATELLITE_POLICY_H */
