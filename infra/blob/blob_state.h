/* blob_state: the inside of struct blobs, for this folder only. */
#ifndef EXO_INFRA_BLOB_STATE_H
#define EXO_INFRA_BLOB_STATE_H

#include "infra/blob/object.h"

/* What is under way, of any kind: ended by blobs_close. */
struct blob_work {
    struct blobs *blobs;
    struct blob_work *next, *previous;
    void (*cancel)(struct blob_work *work);
};

struct blobs {
    struct loop *loop;
    struct store *store;
    struct object_store *objects; /* NULL: only the store */
    struct blob_work *works;
};

/* blob_work_begin and blob_work_end put a work into the list and take it out. */
void blob_work_begin(struct blobs *blobs, struct blob_work *work,
                     void (*cancel)(struct blob_work *work));
void blob_work_end(struct blob_work *work);

/* blob_without_objects fills an error that names the settings; returns -1. */
int blob_without_objects(uint64_t bytes, struct exo_error *err);

#endif /* EXO_INFRA_BLOB_STATE_H */
