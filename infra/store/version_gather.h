/* version_gather: several stored definitions by name and version, all at once.
 *
 *   references --version_gather--> store_version_read each --> all their texts, or what is missing
 *
 * One that is not there, or whose name was deleted, is no error: it is told beside the others. */
#ifndef EXO_INFRA_STORE_VERSION_GATHER_H
#define EXO_INFRA_STORE_VERSION_GATHER_H

#include "infra/store/store_versions.h"

/* What the store has of one reference. */
struct version_found {
    struct span text;    /* canonical; data NULL: none that a new start may use */
    uint32_t number;     /* its version */
    const char *problem; /* without text: why, a static sentence */
};

/* found: one for each reference, in order; NULL with err, which is the first failure. */
typedef void version_gather_done(void *argument, const struct version_found *found, uint32_t count,
                                 const struct exo_error *err);

/* version_gather looks up count (at least 1) references, which are copied. */
void version_gather(struct store *store, const struct version_reference *references, uint32_t count,
                    version_gather_done *done, void *argument);

#endif /* EXO_INFRA_STORE_VERSION_GATHER_H */
