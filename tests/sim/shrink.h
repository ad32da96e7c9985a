/* shrink: makes a world that fails smaller: fewer executions, fewer faults, the same complaint. */
#ifndef EXO_TESTS_SIM_SHRINK_H
#define EXO_TESTS_SIM_SHRINK_H

#include "tests/sim/world.h"

enum { SHRINK_TEXT_BYTES = 512 };

/* shrink runs the world of *settings again and again, each in a process of its own, with less in
 * it. On return *settings (is_chosen set) is the smallest world found that still fails, and text
 * holds what it says. Returns false when the world does not fail at all. */
bool shrink(struct world_settings *settings, char text[SHRINK_TEXT_BYTES]);

#endif /* EXO_TESTS_SIM_SHRINK_H */
