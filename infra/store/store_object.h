/* store_object: which object outside the store holds a blob that is too large for it.
 *
 *   object_begin(key)            doomed: bytes are on their way
 *   object_put(digest, key)      live: touched by the store's clock at each put
 *   object_condemn(...)          doomed again (collection); a put from now on uses a new key
 *   object_claim(older than)     going: nobody can bring it back
 *   object_forget(key)           the object is gone, and so is all memory of it
 *
 * Part of the port of store.h, with its rules for callbacks and pointers. */
#ifndef EXO_INFRA_STORE_OBJECT_H
#define EXO_INFRA_STORE_OBJECT_H

#include "infra/store/store.h"

enum { STORE_KEY_BYTES = 96, STORE_CLAIM_MAX = 1000 };

/* One row. */
struct store_object {
    struct digest digest;
    uint64_t bytes;
    char key[STORE_KEY_BYTES];
};

typedef void store_object_done(void *argument, const struct store_object *object,
                               const struct exo_error *err);
typedef void store_keys_done(void *argument, const char (*keys)[STORE_KEY_BYTES], uint32_t count,
                             const struct exo_error *err);

/* store_object_begin writes down a key before its first byte: an upload that dies is found by it.
 * key  new, below STORE_KEY_BYTES characters */
void store_object_begin(struct store *store, const char *key, store_done *done, void *argument);

/* store_object_put makes a whole upload the object of its digest; where the digest has one already,
 * that one is touched and the upload's key stays doomed. Gives the row that stands;
 * EXO_EUNAVAILABLE when the key was claimed meanwhile (upload it again under another). */
void store_object_put(struct store *store, const struct store_object *object,
                      store_object_done *done, void *argument);

/* store_object_touch refreshes touched_at and gives the row; EXO_ENOTFOUND when there is none. */
void store_object_touch(struct store *store, const struct digest *digest, store_object_done *done,
                        void *argument);

/* store_object_get gives the row; EXO_ENOTFOUND when there is none. */
void store_object_get(struct store *store, const struct digest *digest, store_object_done *done,
                      void *argument);

/* store_object_claim takes up to limit (at most STORE_CLAIM_MAX) keys that have been doomed for
 * longer than age_ns, oldest first; their objects may be deleted from now on. Gives also those
 * claimed before and not forgotten. */
void store_object_claim(struct store *store, exo_time age_ns, uint32_t limit, store_keys_done *done,
                        void *argument);

/* store_object_forget deletes a doomed key, when its object is gone. */
void store_object_forget(struct store *store, const char *key, store_done *done, void *argument);

/* What one round of collection took away, or would. */
struct store_collected {
    uint64_t blobs, blob_bytes;     /* rows of the store: gone */
    uint64_t objects, object_bytes; /* outside it: doomed */
};

typedef void store_collected_done(void *argument, const struct store_collected *collected,
                                  const struct exo_error *err);

/* store_blob_collect takes away up to limit blobs of each kind that no execution names and that
 * were last put before a time, each kind in one statement.
 * before_ns  since 1970; older than the oldest message that could still name one
 * is_dry     counts all that would go, whatever limit, and changes nothing */
void store_blob_collect(struct store *store, exo_time before_ns, uint32_t limit, bool is_dry,
                        store_collected_done *done, void *argument);

/* ---- results that may be given again ---- */

/* store_result_get gives a result that has not run out; EXO_ENOTFOUND when there is none. */
void store_result_get(struct store *store, const struct digest *key,
                      void (*done)(void *argument, struct span body, const struct exo_error *err),
                      void *argument);

/* What is kept under a key, replacing what was there. Borrowed until done. */
struct store_result_row {
    struct digest key;
    exo_time ttl_ns; /* from now on, by the store's clock */
    struct span body;
    const struct digest *blobs; /* that body names: not collected while it is there */
    uint32_t blob_count;        /* at most STORE_RESULT_BLOBS_MAX */
};

enum { STORE_RESULT_BLOBS_MAX = 4 };

/* store_result_put keeps a result. Those that have run out go with store_blob_collect. */
void store_result_put(struct store *store, const struct store_result_row *row, store_done *done,
                      void *argument);

#endif /* EXO_INFRA_STORE_OBJECT_H */
