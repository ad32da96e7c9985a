/* spool: what must outlive this process of each attempt: a file an attempt in one directory.
 *
 *   accepted   BEGUN     who and where: the next life reports it LOST, with the log it finds;
 *                        beside it NAME.draft, room on the disk for what is to come
 *   ended      FINISHED  the report itself, on disk before it is sent, in that room
 *   acknowledged         the file is gone
 *
 *   file: "exospool" version shard token-length token body-length body crc32 of all before
 *         (numbers 32 bits little-endian; body: a StatusRecord with one report)
 *
 * Touches its directory only. spool_write and spool_delete may be called from any thread, for one
 * attempt one at a time. */
#ifndef EXO_WORKERS_SPOOL_H
#define EXO_WORKERS_SPOOL_H

#include "schemas/vocab/arena.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/error.h"
#include "schemas/wire/status.h"

struct spool;

enum {
    SPOOL_ENTRIES_MAX = 10000, /* read at a start; more stay for the next one */
    SPOOL_NAME_BYTES = 80,
    /* Taken with BEGUN: an output and a control.json, each as long as may be inline, and words. */
    SPOOL_ROOM_BYTES = 144 << 10,
};

struct spool_entry {
    uint32_t shard;
    struct span token;  /* for the API, to upload a left log; secret */
    struct span worker; /* who ran it, in which life */
    uint64_t incarnation;
    struct wire_report report; /* kind ACCEPTED: BEGUN; FINISHED */
};

/* spool_open makes the directory where it is missing (mode 0700).
 * directory  absolute; copied
 * Gives the spool, or NULL with *err set (EXO_EIO: the path cannot be used). */
EXO_CHECKED struct spool *spool_open(const char *directory, struct exo_error *err);

/* spool_close frees it; the files stay. NULL is allowed. */
void spool_close(struct spool *spool);

/* spool_write replaces the file of an attempt, whole or not at all. A FINISHED is on disk when this
 * returns; a BEGUN may be lost with the machine, not with the process. Who has written a BEGUN has
 * room for its FINISHED (SPOOL_ROOM_BYTES), however full the disk is by then, where the file system
 * knows fallocate. Blocks.
 * entry  borrowed
 * Returns 0, or -1 with *err (EXO_EIO: disk full, no right; EXO_ELIMIT: above 1 MiB). A BEGUN
 * may stand there without room then. */
EXO_CHECKED int spool_write(const struct spool *spool, const struct spool_entry *entry,
                            struct exo_error *err);

/* spool_delete removes the file of an attempt; nothing when there is none. Blocks. */
void spool_delete(const struct spool *spool, const struct task_id *task, uint32_t attempt);

/* spool_load reads all files. A broken one is renamed to NAME.broken and counted.
 *
 * arena        borrowed; the entries live there
 * ret_entries  out: an array in the arena
 * ret_broken   out: how many were broken
 *
 * Returns the count, or -1 with *err (EXO_EIO). */
EXO_CHECKED int spool_load(const struct spool *spool, struct arena *arena,
                           struct spool_entry **ret_entries, uint32_t *ret_broken,
                           struct exo_error *err);

/* spool_name writes the name of an attempt's file, which is also its id in the sandbox: letters,
 * digits, "-" and "." only. ret_name: SPOOL_NAME_BYTES. */
void spool_name(const struct task_id *task, uint32_t attempt, char *ret_name);

#endif /* EXO_WORKERS_SPOOL_H */
