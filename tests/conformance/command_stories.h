/* command_stories: commands that come before the Jobs of their executions. */
#ifndef EXO_TESTS_COMMAND_STORIES_H
#define EXO_TESTS_COMMAND_STORIES_H

#include "tests/conformance/stage.h"

/* command_story tells them. Scheduler 0 runs, and dies while commands wait. */
void command_story(struct stage *stage);

#endif /* EXO_TESTS_COMMAND_STORIES_H */
