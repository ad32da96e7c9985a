/* project_stories: how long executions are kept, project by project. */
#ifndef EXO_TESTS_PROJECT_STORIES_H
#define EXO_TESTS_PROJECT_STORIES_H

#include "tests/conformance/stage.h"

/* project_story tells it on a stage without schedulers whose worker makes every satellite succeed,
 * among so many other projects that say something. */
void project_story(struct stage *stage, int others);

#endif /* EXO_TESTS_PROJECT_STORIES_H */
