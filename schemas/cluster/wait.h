/* wait: the field `wait`, which makes a satellite one that waits.
 *
 * Pure. */
#ifndef EXO_CLUSTER_WAIT_H
#define EXO_CLUSTER_WAIT_H

#include "schemas/cluster/field.h"

/* Reader for a row. Result: struct satellite_wait, with exactly one of the three. */
field_read wait_read;

#endif /* EXO_CLUSTER_WAIT_H */
