/* artefact_state: the inside of struct artefact_store, for its own sources only.
 *
 *   artefact_store.c   requests, the cache and its bound
 *   artefact_fetch.c   one directory: its packages fetched and unpacked
 *   artefact_files.c   what touches the disk, on other threads */
#ifndef EXO_WORKERS_ARTEFACT_STATE_H
#define EXO_WORKERS_ARTEFACT_STATE_H

#include "infra/crypto/crypto.h"
#include "schemas/vocab/buffer.h"
#include "workers/artefact_store.h"

enum { ARTEFACT_PATH_BYTES = 1024, ARTEFACT_TOKEN_BYTES = 256 };

/* One package of a directory. */
struct artefact_part {
    uint32_t index; /* of the map's task; UINT32_MAX: the directory is this package's alone */
    struct digest digest;
};

struct artefact_request {
    struct artefact_store *store;
    struct artefact_request *next, *previous; /* of the store's, or of the directory's */
    struct artefact_dir *dir;                 /* NULL: its list is still to come */
    struct attempt_call *call;                /* of the list */
    struct heap_budget budget;
    struct buffer list;
    char token[ARTEFACT_TOKEN_BYTES];
    artefact_ready *on_ready;
    void *argument;
    bool is_cancelled; /* while deferred */
    bool is_deferred;
    struct exo_error err;
};

struct artefact_dir {
    struct artefact_store *store;
    struct artefact_dir *next, *previous;
    char name[SHA256_TEXT_BYTES + 1];
    char path[ARTEFACT_PATH_BYTES];
    char made[ARTEFACT_PATH_BYTES]; /* where it is unpacked before it is whole */
    char token[ARTEFACT_TOKEN_BYTES];
    bool is_ready;
    uint32_t users;
    struct artefact_request *waiting;
    uint64_t bytes;
    exo_time used_ns;

    struct artefact_part *parts;
    uint32_t part_count, part_at;
    struct attempt_call *call;
    struct sha256 *sha256;
    int fd; /* the package on its way; -1: none */
    uint64_t at;
    int write_error;
    uint64_t part_bytes; /* of the package just unpacked */
    struct exo_error err;
};

struct artefact_store {
    struct loop *loop;
    struct attempt_api *api;
    char directory[ARTEFACT_PATH_BYTES / 2];
    char work_dir[ARTEFACT_PATH_BYTES];
    struct artefact_dir *dirs;
    struct artefact_request *lists; /* requests without a directory yet */
    uint64_t bytes_max, bytes;
    uint64_t numbers; /* for names */
    uint32_t busy;    /* work on other threads, and deferred calls */
    bool is_idle;     /* busy is 0: for loop_run_until */
    bool is_closing;
};

/* artefact_store_busy and artefact_store_back count what will call back. */
void artefact_store_busy(struct artefact_store *store);
void artefact_store_back(struct artefact_store *store);

/* artefact_dir_done is called when a directory is there, or could not be made (dir->err). */
void artefact_dir_done(struct artefact_dir *dir);

/* artefact_fetch_begin fetches and unpacks the parts; artefact_fetch_stop ends the call that is
 * open. */
void artefact_fetch_begin(struct artefact_dir *dir);
void artefact_fetch_stop(struct artefact_dir *dir);

/* On other threads. artefact_unpack unpacks the file of a part, artefact_finish gives the whole its
 * name; both fill dir->err. artefact_delete deletes a tree. */
void artefact_unpack(struct artefact_dir *dir);
void artefact_finish(struct artefact_dir *dir);
void artefact_delete(const char *path);

/* artefact_sweep renames all that is in the directory out of the way: "gone-...", to be deleted. */
EXO_CHECKED int artefact_sweep(const char *directory, struct exo_error *err);

/* artefact_delete_gone deletes what artefact_sweep has left. */
void artefact_delete_gone(const char *directory);

#endif /* EXO_WORKERS_ARTEFACT_STATE_H */
