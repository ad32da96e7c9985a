/* outflow: an answer larger than memory: pieces are made as the client takes them.
 *
 *   make -> piece -> http stream -> client          a slow client stops the making
 *
 * For producer/http only. */
#ifndef EXO_PRODUCER_OUTFLOW_H
#define EXO_PRODUCER_OUTFLOW_H

#include "producer/http/api_state.h"

enum { OUTFLOW_PIECE_BYTES = 64 << 10 /* a good size to make at once */ };

/* The handler's state begins with one, so that x->state is it. */
struct outflow {
    struct exchange *x;
    struct buffer piece;
    size_t sent_bytes; /* of the piece */
    bool is_ended;     /* the piece is the last */
    bool is_making;
    bool is_pumping;
    /* Appends to the piece, sets is_ended with the last one, and calls outflow_made, now or
     * later. */
    void (*make)(struct outflow *flow);
};

/* outflow_init makes one; x->state must be the flow. */
void outflow_init(struct outflow *flow, struct exchange *x, void (*make)(struct outflow *flow));

/* outflow_begin sends the head and what make gives. */
void outflow_begin(struct outflow *flow, const char *content_type);

/* outflow_made says that make is done. */
void outflow_made(struct outflow *flow);

/* outflow_release frees the piece; for the exchange's cleanup. */
void outflow_release(struct outflow *flow);

#endif /* EXO_PRODUCER_OUTFLOW_H */
