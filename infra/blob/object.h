/* object: bytes under a key outside the store: a file of a directory, or an object of S3's kind.
 *
 *   open -> begin -> write ... -> finish        an upload; drop before finish leaves nothing
 *   open -> read ...                            ranges, in any order
 *   open -> remove
 *
 * One step at a time: each ends with one call of done, on the loop's thread, never inside the call
 * that asked. Two drivers: object_dir.c, object_s3.c. Private to this folder. */
#ifndef EXO_INFRA_BLOB_OBJECT_H
#define EXO_INFRA_BLOB_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "infra/blob/blob.h"

struct object_store;
struct object;

/* How a step ended: err NULL when it did what was asked.
 * bytes  of a read, borrowed for the call; else empty */
typedef void object_done(void *argument, struct span bytes, const struct exo_error *err);

struct object_driver {
    size_t write_bytes; /* each write has exactly as many, but for the last */
    size_t read_bytes;  /* a read asks for at most as many */

    /* Frees the store; objects that are open stay valid to be dropped. */
    void (*close)(struct object_store *store);

    /* Gives an object, without touching anything. key: copied. argument: kept until drop. */
    struct object *(*open)(struct object_store *store, const char *key, object_done *done,
                           void *argument);
    void (*begin)(struct object *object);
    void (*write)(struct object *object, struct span bytes); /* copied */
    void (*finish)(struct object *object);                   /* on the disk, whole, under its key */
    void (*read)(struct object *object, uint64_t offset, size_t bytes);
    void (*remove)(struct object *object); /* also where there is none */

    /* Frees it; a step under way is not answered any more, an unfinished upload is undone. */
    void (*drop)(struct object *object);
};

struct object_store {
    const struct object_driver *driver; /* static */
};

struct object {
    const struct object_driver *driver;
    object_done *done;
    void *argument;
};

/* object_dir_open keeps objects as DIRECTORY/AB/KEY, AB the first two characters of the key.
 * directory  made when missing, with its parents; copied
 * Gives the store, or NULL with *err set. */
EXO_CHECKED struct object_store *object_dir_open(struct loop *loop, const char *directory,
                                                 struct exo_error *err);

/* object_s3_open keeps objects in a bucket. It asks nothing yet.
 * settings  borrowed; those that begin with s3_
 * Gives the store, or NULL with *err set: a setting that is missing or no URL. */
EXO_CHECKED struct object_store *
object_s3_open(struct loop *loop, const struct blob_settings *settings, struct exo_error *err);

#endif /* EXO_INFRA_BLOB_OBJECT_H */
