/* explain_key: why nothing of an execution has begun: its time has not come, or it waits for a key.
 *
 *   row of the execution + row of the key it has asked for --> half a sentence
 *
 * Pure. */
#ifndef EXO_PRODUCER_EXPLAIN_KEY_H
#define EXO_PRODUCER_EXPLAIN_KEY_H

#include "schemas/cluster/fault_text.h"
#include "schemas/vocab/checked.h"
#include "schemas/wire/key.h"
#include "schemas/wire/state.h"

/* Who waits, and for what. All borrowed for the call. */
struct explain_key_subject {
    const struct wire_body *body; /* of the execution; NULL: not known */
    const struct execution_id *id;
    const struct wire_key_state *state; /* of the key it has asked for; NULL: not known */
    int64_t now_ms;
};

/* explain_key_asked gives the key that an execution has asked for and was not granted; NULL where
 * it waits for none, or for its time first. body: NULL is allowed. */
const struct wire_gate *explain_key_asked(const struct wire_body *body);

/* explain_key_say adds what keeps the whole execution from beginning, with the facts of the key
 * where they are known. False, adding nothing, where that is neither its time nor a key. */
EXO_CHECKED bool explain_key_say(const struct explain_key_subject *subject,
                                 struct fault_text *text);

#endif /* EXO_PRODUCER_EXPLAIN_KEY_H */
