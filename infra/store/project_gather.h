/* project_gather: the settings of all projects that have some, as they stand in the store.
 *
 *   store_version_read, 1,000 names and texts at a time --> struct project_found[]
 *
 * An installation without any costs one empty answer a call; of many, memory is the limit. */
#ifndef EXO_INFRA_STORE_PROJECT_GATHER_H
#define EXO_INFRA_STORE_PROJECT_GATHER_H

#include "infra/store/store_versions.h"
#include "schemas/project/project.h"

struct project_found {
    char name[LIMIT_NAME_BYTES + 1];
    struct project_settings settings;
};

/* found: by name, until the call returns; NULL with err, the store's. */
typedef void project_gather_done(void *argument, const struct project_found *found, uint32_t count,
                                 const struct exo_error *err);

/* project_gather reads them. One whose text cannot be read (a newer program's) keeps its executions
 * for ever, as far as we know, and bounds nothing. */
void project_gather(struct store *store, project_gather_done *done, void *argument);

/* project_find gives the settings of a project; NULL: none. found: of project_gather, by name. */
const struct project_settings *project_find(const struct project_found *found, uint32_t count,
                                            struct span project);

#endif /* EXO_INFRA_STORE_PROJECT_GATHER_H */
