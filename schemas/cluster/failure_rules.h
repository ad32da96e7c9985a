/* failure_rules: what happens when something fails or takes too long: joins, what a map tolerates,
 * exit statuses, timeouts.
 *
 * Pure. */
#ifndef EXO_CLUSTER_FAILURE_RULES_H
#define EXO_CLUSTER_FAILURE_RULES_H

#include "schemas/cluster/cluster_draft.h"
#include "schemas/cluster/fault_text.h"

/* Readers for rows. Results:
 *   join          a struct satellite_draft: join, join_count and the note of where it stands
 *   tolerance     struct satellite_tolerance
 *   timeouts      struct satellite_timeouts, what is not given stays
 *   never, later  a struct satellite_retries: the statuses, ascending */
field_read failure_read_join;
field_read failure_read_tolerance;
field_read failure_read_timeouts;
field_read failure_read_never;
field_read failure_read_later;

/* failure_check_statuses adds a fault for each exit status that is to mean both never and later.
 * retries  what was read, over the defaults; borrowed
 * value    the map it was read from last, at place; both borrowed */
void failure_check_statuses(struct field_reader *r, const struct satellite_retries *retries,
                            const struct value *value, const struct value_place *place);

/* failure_check_join adds a fault where a satellite's join cannot be met by as many parents as it
 * has. Its needs are read. */
void failure_check_join(struct cluster_draft *draft, uint32_t index);

/* failure_add_percent appends a part in 1/10,000 as the file writes it, such as 5% or 0.25%. */
void failure_add_percent(struct fault_text *text, uint32_t permyriad);

#endif /* EXO_CLUSTER_FAILURE_RULES_H */
