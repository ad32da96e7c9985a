/* version_stories: Jobs of other services that name what is stored. */
#ifndef EXO_TESTS_VERSION_STORIES_H
#define EXO_TESTS_VERSION_STORIES_H

#include "tests/conformance/stage.h"

/* version_story tells them on a stage whose worker makes every satellite succeed. */
void version_story(struct stage *stage);

#endif /* EXO_TESTS_VERSION_STORIES_H */
