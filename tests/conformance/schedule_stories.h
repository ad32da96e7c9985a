/* schedule_stories: a schedule put by command runs what is asked of it, once. */
#ifndef EXO_TESTS_SCHEDULE_STORIES_H
#define EXO_TESTS_SCHEDULE_STORIES_H

#include "tests/conformance/stage.h"

/* schedule_story tells them on a stage whose worker makes every satellite succeed. */
void schedule_story(struct stage *stage);

#endif /* EXO_TESTS_SCHEDULE_STORIES_H */
