/* canonical: the members of a canonical definition that cluster and satellite share.
 *
 * Pure. satellite_canonical and cluster_canonical stand in satellite.h and cluster.h. */
#ifndef EXO_CLUSTER_CANONICAL_H
#define EXO_CLUSTER_CANONICAL_H

#include "schemas/cluster/satellite_work.h"
#include "schemas/json/json_write.h"

/* canonical_put_work puts the members of work into the map that is open. */
void canonical_put_work(struct json_writer *writer, const struct satellite_work *work);

/* canonical_put_duration puts a key and a duration such as "1h30m". */
void canonical_put_duration(struct json_writer *writer, const char *key, exo_time ns);

#endif /* EXO_CLUSTER_CANONICAL_H */
