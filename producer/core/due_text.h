/* due text: an instant that is waited for, as a person reads it.
 *
 *   due, now --due_text_add--> "2026-01-31T12:00:00.000Z, in 5s"
 *
 * Pure. */
#ifndef EXO_PRODUCER_DUE_TEXT_H
#define EXO_PRODUCER_DUE_TEXT_H

#include "schemas/cluster/fault_text.h"
#include "schemas/vocab/time.h"

/* due_text_add appends the instant and how long it is until then; "in 0s" for one that has passed.
 * due_ns  since 1970
 * now_ms  since 1970 */
void due_text_add(struct fault_text *text, exo_time due_ns, int64_t now_ms);

#endif /* EXO_PRODUCER_DUE_TEXT_H */
