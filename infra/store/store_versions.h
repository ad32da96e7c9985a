/* store_versions: named clusters and satellites, each a row of versions that never change.
 *
 *   store_version_put ---> 1, 2, 3, ...      the same text as the newest gives the newest again
 *   store_version_delete   hides the name; the versions stay, their numbers are never used again
 *   store_version_read     one, a list of names, the history of one, or the version of a text
 *
 * The rules of store.h for callbacks and memory hold: what is given is copied. */
#ifndef EXO_INFRA_STORE_VERSIONS_H
#define EXO_INFRA_STORE_VERSIONS_H

#include "infra/store/store.h"
#include "schemas/cluster/version_reference.h"

enum { STORE_VERSION_ANY = -1, STORE_VERSION_NONE = 0 };

/* One version. */
struct store_version {
    const char *project, *name;
    uint32_t number;
    struct digest digest; /* of the canonical text */
    exo_time created_ns;
    const char *actor;   /* who put it, as the caller said; "": not said */
    const char *message; /* why; "": not said */
    bool is_deleted;     /* the name is hidden now */
    uint32_t newest;     /* of the name */
    struct span text;    /* STORE_VERSION_ONE, _TEXTS: the canonical text; else empty */
};

struct store_version_put {
    enum version_kind kind;
    const char *project, *name;
    struct digest digest;
    struct span text;
    const char *actor, *message;
    int64_t expected; /* STORE_VERSION_ANY, STORE_VERSION_NONE: there must be none, or the newest */
};

/* What stands after a put. */
typedef void store_version_put_done(void *argument, uint32_t number, bool is_new,
                                    const struct exo_error *err);

/* store_version_put makes the next version of a name, which a delete may have hidden, unless its
 * newest has the same text. done gets EXO_ECONFLICT where another than the expected one stands. */
void store_version_put(struct store *store, const struct store_version_put *put,
                       store_version_put_done *done, void *argument);

/* store_version_delete hides a name. done gets EXO_ENOTFOUND where there is none, EXO_ECONFLICT
 * where another than the expected one stands (STORE_VERSION_ANY: any). */
void store_version_delete(struct store *store, const struct store_version_put *name,
                          store_done *done, void *argument);

enum store_version_reading {
    STORE_VERSION_ONE,   /* of a name, also a hidden one: number, 0 for the newest; with its text */
    STORE_VERSION_LIST,  /* the newest of each name that is not hidden, by project and name */
    STORE_VERSION_TEXTS, /* the same, each with its text */
    STORE_VERSION_HISTORY, /* all of a name below a number, newest first */
    STORE_VERSION_OF_TEXT, /* the newest of a name that has this digest */
};

struct store_version_query {
    enum store_version_reading reading;
    enum version_kind kind;
    const char *project; /* LIST, TEXTS: "" for all */
    const char *name;    /* LIST, TEXTS: go on behind after_project and name */
    const char *after_project;
    uint32_t number; /* ONE, HISTORY */
    uint32_t limit;  /* LIST, TEXTS, HISTORY: 1 .. 1000 */
    struct digest digest;
};

typedef void store_versions_done(void *argument, const struct store_version *versions,
                                 uint32_t count, const struct exo_error *err);

/* store_version_read gives what there is; no rows are no error. */
void store_version_read(struct store *store, const struct store_version_query *query,
                        store_versions_done *done, void *argument);

#endif /* EXO_INFRA_STORE_VERSIONS_H */
