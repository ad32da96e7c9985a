/* blob_place: where a process keeps large blobs, from its settings: an S3-compatible store where
 * one is named; beside a SQLite file a directory, which an ephemeral process makes and takes away
 * again.
 *
 * Touches the file system. */
#ifndef EXO_INFRA_PROCESS_BLOB_PLACE_H
#define EXO_INFRA_PROCESS_BLOB_PLACE_H

#include "infra/blob/blob.h"
#include "infra/config/settings.h"

enum { BLOB_PLACE_BYTES = 512 };

/* The directory; "" when none. */
struct blob_place {
    char directory[BLOB_PLACE_BYTES];
    bool is_ephemeral;
};

/* blob_place_open opens the blobs of a process over its store.
 * ret_place  to be closed after them
 * Gives them, or NULL with *err set. */
EXO_CHECKED struct blobs *blob_place_open(struct blob_place *ret_place, struct loop *loop,
                                          struct store *store, const struct settings *settings,
                                          struct exo_error *err);

/* blob_place_close deletes an ephemeral directory; also a zeroed place. */
void blob_place_close(struct blob_place *place);

#endif /* EXO_INFRA_PROCESS_BLOB_PLACE_H */
