/* list_flow: the outputs of a map as one JSON list, streamed in order, null where there is none.
 *
 *   segments of a few pages --output_page--> items --outflow--> client
 *                            blobs one at a time --/
 *
 * For producer/http only. */
#ifndef EXO_PRODUCER_LIST_FLOW_H
#define EXO_PRODUCER_LIST_FLOW_H

#include "producer/http/reading.h"

/* list_flow_begin answers with all outputs of a map.
 * instance  of the execution, a map */
void list_flow_begin(struct exchange *x, const struct read_execution *execution, uint32_t instance);

/* output_send answers with one output: index of a map, 0 of a single satellite. */
void output_send(struct exchange *x, const struct read_execution *execution, uint32_t instance,
                 uint32_t index);

#endif /* EXO_PRODUCER_LIST_FLOW_H */
