/* text_versions: which stored version of a cluster has a text, as it was found a moment ago.
 *
 * Every answer that shows an execution names it; many executions have one text, and a question to
 * the store each would be a third of what such an answer costs. What was found is good for a
 * second, and forgotten when this API stores or deletes a version. Pure. */
#ifndef EXO_PRODUCER_TEXT_VERSIONS_H
#define EXO_PRODUCER_TEXT_VERSIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/vocab/checked.h"
#include "schemas/vocab/ids.h"
#include "schemas/vocab/time.h"

enum { TEXT_VERSIONS_NR = 64, TEXT_VERSIONS_NAME_BYTES = 192 };

/* One text of a name; name empty: none. */
struct text_version {
    char name[TEXT_VERSIONS_NAME_BYTES]; /* project, a NUL's place taken by '\n', cluster */
    struct digest digest;
    uint32_t version; /* 0: of no version */
    exo_time asked_ns;
};

struct text_versions {
    struct text_version table[TEXT_VERSIONS_NR]; /* by the digest: one drives the other out */
    exo_time forgotten_ns;                       /* what was asked until then is not kept */
};

/* text_versions_find gives what was found less than a second ago; false: ask the store. */
EXO_CHECKED bool text_versions_find(const struct text_versions *versions, const char *project,
                                    const char *cluster, const struct digest *digest,
                                    exo_time now_ns, uint32_t *ret_version);

/* text_versions_keep keeps what the store answered to what was asked at asked_ns. */
void text_versions_keep(struct text_versions *versions, const char *project, const char *cluster,
                        const struct digest *digest, uint32_t version, exo_time asked_ns);

/* text_versions_forget drops all, and what has been asked until now and is not yet answered. */
void text_versions_forget(struct text_versions *versions, exo_time now_ns);

#endif /* EXO_PRODUCER_TEXT_VERSIONS_H */
