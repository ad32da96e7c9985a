/* version_view: what the REST API shows of stored definitions, as JSON.
 *
 * Pure. */
#ifndef EXO_PRODUCER_VERSION_VIEW_H
#define EXO_PRODUCER_VERSION_VIEW_H

#include "schemas/cluster/version_reference.h"
#include "schemas/json/json_write.h"
#include "schemas/vocab/ids.h"
#include "schemas/vocab/time.h"

/* One version. All borrowed for the call. */
struct version_view {
    enum version_kind kind;
    const char *project, *name;
    uint32_t number;
    uint32_t newest;
    bool is_deleted; /* the name is hidden */
    struct digest digest;
    exo_time created_ns;
    const char *actor, *message; /* "": null */
    struct span text;            /* canonical JSON; empty: not shown */
};

/* version_view_put puts one version as a map. */
void version_view_put(struct json_writer *w, const struct version_view *version);

/* A list's filter and place; spans are empty where nothing was asked. */
struct version_listing {
    struct span project;
    struct span after_project, after_name; /* of the cursor */
    uint32_t before;                       /* of the cursor of a history */
    uint32_t limit;
};

/* version_listing_init begins a list of everything. */
void version_listing_init(struct version_listing *listing);

/* version_listing_set takes one field of a query: project, limit, cursor.
 * is_history  of the versions of one name: no project, its cursor is a number
 * Returns NULL, or what is wrong: a static sentence. */
const char *version_listing_set(struct version_listing *listing, bool is_history, const char *name,
                                struct span value);

/* etag_parse reads the version of an If-Match header: "3" in quotes, or * for any there is, which
 * gives -1. False for others. */
bool etag_parse(struct span text, int64_t *ret_version);

#endif /* EXO_PRODUCER_VERSION_VIEW_H */
