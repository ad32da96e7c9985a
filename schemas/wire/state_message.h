/* state_message: an instance in protobuf's words, for the messages that hold one. */
#ifndef EXO_WIRE_STATE_MESSAGE_H
#define EXO_WIRE_STATE_MESSAGE_H

#include "exo/v1/state.pb-c.h"
#include "schemas/wire/state.h"

/* instance_fill borrows everything of the instance; what it makes lives in scratch. */
void instance_fill(const struct wire_instance *instance, struct arena *scratch,
                   Exo__V1__Instance *message);

/* instance_read gives an instance whose spans and arrays live where the message's do. */
EXO_CHECKED enum wire_result instance_read(const Exo__V1__Instance *message, struct arena *arena,
                                           struct wire_instance *ret);

#endif /* EXO_WIRE_STATE_MESSAGE_H */
