/* list_flow: the outputs of a map as one JSON list, streamed in order, null where there is none.
 *
 *   segments of a few pages --output_page--> items --outflow--> client
 *                            blobs one at a time --/
 *
 * For producer/http only. */
#ifndef EXO_PRODUCER_LIST_FLOW_H
#define EXO_PRODUCER_LIST_FLOW_H

#include "producer/http/reading.h"

/* The instance whose outputs are sent. */
struct list_source {
    struct execution_id execution;
    uint32_t number;                      /* of the instance in the execution */
    const struct wire_instance *instance; /* borrowed for the call */
};

/* list_flow_begin answers with all outputs of a map, or of the runs of a group that is one. */
void list_flow_begin(struct exchange *x, const struct list_source *source);

/* output_send answers with one output: index of a map, 0 of a single satellite. */
void output_send(struct exchange *x, const struct list_source *source, uint32_t index);

#endif /* EXO_PRODUCER_LIST_FLOW_H */
