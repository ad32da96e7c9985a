/* canonical: the members of a canonical definition, of a satellite's work and of its rules.
 *
 * Pure. satellite_canonical and cluster_canonical stand in satellite.h and cluster.h. */
#ifndef EXO_CLUSTER_CANONICAL_H
#define EXO_CLUSTER_CANONICAL_H

#include "schemas/cluster/satellite.h"
#include "schemas/json/json_write.h"

/* canonical_put_work puts the members of work into the map that is open. */
void canonical_put_work(struct json_writer *writer, const struct satellite_work *work);

/* canonical_put_duration puts a key and a duration such as "1h30m". */
void canonical_put_duration(struct json_writer *writer, const char *key, exo_time ns);

/* canonical_put_join puts `join`; canonical_put_tolerance, _timeouts, _retries, _wait the member of
 * that name; nothing where they say what is the built-in default. */
void canonical_put_join(struct json_writer *writer, const struct satellite *satellite);
void canonical_put_tolerance(struct json_writer *writer,
                             const struct satellite_tolerance *tolerance);
void canonical_put_timeouts(struct json_writer *writer, const struct satellite_timeouts *timeouts);
void canonical_put_retries(struct json_writer *writer, const struct satellite_retries *retries);
void canonical_put_wait(struct json_writer *writer, const struct satellite_wait *wait);

#endif /* EXO_CLUSTER_CANONICAL_H */
