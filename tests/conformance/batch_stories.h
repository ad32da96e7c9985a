/* batch_stories: tasks of several executions, of several clusters, that one container runs. */
#ifndef EXO_TESTS_BATCH_STORIES_H
#define EXO_TESTS_BATCH_STORIES_H

#include "tests/conformance/stage.h"

/* batch_act ends a container that runs a batch: a number n gives the output 2 n, anything else is
 * an error of that item alone. Returns false for a satellite that is none. */
bool batch_act(const struct wire_spec *spec, struct wire_report *report);

/* batch_story tells them on a stage whose worker acts so. Scheduler 0 runs, and dies. */
void batch_story(struct stage *stage);

#endif /* EXO_TESTS_BATCH_STORIES_H */
