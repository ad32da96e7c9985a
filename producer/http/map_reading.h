/* map_reading: the map that an attempt names by number, in its own execution: of the top level, or
 * of a run that lives.
 *
 * For producer/http only. */
#ifndef EXO_PRODUCER_MAP_READING_H
#define EXO_PRODUCER_MAP_READING_H

#include "producer/http/list_flow.h"

/* source  in the exchange's arena */
typedef void map_reading_done(struct exchange *x, const struct list_source *source);

/* map_reading_begin reads the map of the path's first two parameters, execution and number, for the
 * attempt whose token was sent. done is called when it is there; otherwise the exchange is
 * answered. Keeps x->state for itself until done. */
void map_reading_begin(struct exchange *x, map_reading_done *done);

#endif /* EXO_PRODUCER_MAP_READING_H */
