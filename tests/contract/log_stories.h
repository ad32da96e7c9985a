/* log_stories: what every back-end of the log promises, told once.
 *
 * A harness for tests only. */
#ifndef EXO_TESTS_LOG_STORIES_H
#define EXO_TESTS_LOG_STORIES_H

#include "tests/contract/log_stage.h"

/* log_stories_run plays all stories on logs opened with the settings of *stage.
 * Returns how many failed, as cmocka does. */
int log_stories_run(const char *name, struct stage *stage);

#endif /* EXO_TESTS_LOG_STORIES_H */
