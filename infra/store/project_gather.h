/* project_gather: the settings of all projects that have some, as they stand in the store.
 *
 *   store_version_read, a page of names at a time, then the text of each --> struct project_found[]
 *
 * Projects with settings are few: an installation without any costs one empty answer a call. */
#ifndef EXO_INFRA_STORE_PROJECT_GATHER_H
#define EXO_INFRA_STORE_PROJECT_GATHER_H

#include "infra/store/store_versions.h"
#include "schemas/project/project.h"

enum { PROJECTS_MAX = 10000 /* with settings; where there are more, none are read */ };

struct project_found {
    char name[LIMIT_NAME_BYTES + 1];
    struct project_settings settings;
};

/* found: by name, until the call returns; NULL with err: the store's, or EXO_ELIMIT above
 * PROJECTS_MAX. */
typedef void project_gather_done(void *argument, const struct project_found *found, uint32_t count,
                                 const struct exo_error *err);

/* project_gather reads them. One whose text cannot be read (a newer program's) keeps its executions
 * for ever, as far as we know, and bounds nothing. */
void project_gather(struct store *store, project_gather_done *done, void *argument);

/* project_find gives the settings of a project; NULL: none. found: of project_gather, by name. */
const struct project_settings *project_find(const struct project_found *found, uint32_t count,
                                            struct span project);

#endif /* EXO_INFRA_STORE_PROJECT_GATHER_H */
