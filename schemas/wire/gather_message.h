/* gather_message: messages about batches as parts of a PeerMessage; for this folder's sources only.
 *
 * Pure. */
#ifndef EXO_WIRE_GATHER_MESSAGE_H
#define EXO_WIRE_GATHER_MESSAGE_H

#include "exo/v1/gather.pb-c.h"
#include "schemas/wire/codec.h"
#include "schemas/wire/gather.h"

/* gather_*_fill fills an initialised message, borrowing; what it needs lies in scratch.
 * gather_*_read reads one: WIRE_EMALFORMED when it makes no sense. Spans borrow from the message,
 * arrays lie in the arena. */
void gather_ask_fill(const struct wire_gather_ask *ask, struct arena *scratch,
                     Exo__V1__GatherAsk *message);
EXO_CHECKED enum wire_result gather_ask_read(const Exo__V1__GatherAsk *message, struct arena *arena,
                                             struct wire_gather_ask *ret);
/* gather_ask_is_good is true when a batch can be started with what it says. */
bool gather_ask_is_good(const struct wire_gather_ask *ask);
void gather_leave_fill(const struct wire_gather_leave *leave, struct arena *scratch,
                       Exo__V1__GatherLeave *message);
EXO_CHECKED enum wire_result gather_leave_read(const Exo__V1__GatherLeave *message,
                                               struct wire_gather_leave *ret);
void gather_answer_fill(const struct wire_gather_answer *answer, struct arena *scratch,
                        Exo__V1__GatherAnswer *message);
EXO_CHECKED enum wire_result gather_answer_read(const Exo__V1__GatherAnswer *message,
                                                struct arena *arena,
                                                struct wire_gather_answer *ret);
void gather_ended_fill(const struct wire_gather_ended *ended, Exo__V1__GatherEnded *message);
EXO_CHECKED enum wire_result gather_ended_read(const Exo__V1__GatherEnded *message,
                                               struct wire_gather_ended *ret);

#endif /* EXO_WIRE_GATHER_MESSAGE_H */
