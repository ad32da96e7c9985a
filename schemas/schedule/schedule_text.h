/* schedule_text: what reading and writing a schedule share.
 *
 * Pure. */
#ifndef EXO_SCHEDULE_TEXT_H
#define EXO_SCHEDULE_TEXT_H

#include "schemas/vocab/time.h"

/* What `catch_up_window` is where it is not written. */
extern const exo_time schedule_window_default_ns;

#endif /* EXO_SCHEDULE_TEXT_H */
