/* attempt_dir: the files of one attempt, on a tmpfs of their own that is gone with one unmount.
 *
 *   RUNTIME/attempts/ID/              tmpfs, bounded in bytes and files
 *       config.json log pid crun/     crun's; not seen inside
 *       upper/ work/ rootfs/          overlay over the image's root file system
 *       exosphere/                    /exosphere inside; of root, 1777: what is root's stays
 *           input.json                    0444 root
 *           secrets/NAME                  0400 of the attempt's user
 *           artefacts/                    of the attempt's user; packed when it has succeeded
 *           output.json control.json      made by the attempt, read when it has ended
 *           progress.json                 made by the attempt, looked at while it runs
 *
 * To be called on a thread of the crew, whose mount namespace the machine does not see. Whatever
 * the attempt wrote is read as an enemy's: only regular files, only up to a limit, no links.
 *
 * Touches the file system and mounts; blocks. */
#ifndef EXO_WORKERS_ATTEMPT_DIR_H
#define EXO_WORKERS_ATTEMPT_DIR_H

#include <stdint.h>

#include "workers/sandbox/sandbox.h"

enum { ATTEMPT_PATH_BYTES = 1024 };

/* A file read back; as struct sandbox_file, but owning its bytes. */
struct attempt_file {
    enum sandbox_file_state state;
    unsigned char *bytes; /* malloc; NULL unless read and not empty */
    size_t count;
    char problem[160];
};

/* What goes into a new directory; all borrowed. */
struct attempt_files {
    const char *rootfs; /* lower of the overlay; no ":", "," or "\\" in it */
    uint32_t uid, gid;
    uint64_t tmpfs_bytes;
    struct span config; /* config.json */
    struct span input;
    const struct sandbox_secret *secrets;
    size_t secret_count;
};

/* attempt_dir_make makes, mounts and fills a directory.
 * path  absolute, as above; must not exist
 * Returns 0, or -1 with *err set; then attempt_dir_remove takes away what was made. */
EXO_CHECKED int attempt_dir_make(const char *path, const struct attempt_files *files,
                                 struct exo_error *err);

/* attempt_dir_read reads a file that the attempt may have left below exosphere/.
 *
 * name       "output.json" or "control.json"
 * bytes_max  a larger one is refused
 * ret_file   out; attempt_file_free frees it */
void attempt_dir_read(const char *path, const char *name, uint64_t bytes_max,
                      struct attempt_file *ret_file);

/* attempt_dir_artefacts opens the directory of artefacts when something is in it.
 *
 * ret_problem  out, 160 bytes: "" or why it cannot be had: the attempt put something else there
 * Returns a descriptor, which keeps the files alive, or -1: nothing there, or a problem. */
EXO_CHECKED int attempt_dir_artefacts(const char *path, char ret_problem[160]);

/* attempt_file_free frees the bytes; may be called twice. */
void attempt_file_free(struct attempt_file *file);

/* attempt_dir_read_text reads the beginning of a small file of crun's ("own/log", "own/pid") into
 * text, NUL-terminated; "" when there is none. capacity: of text, at least 1. */
void attempt_dir_read_text(const char *path, const char *name, char *ret_text, size_t capacity);

/* attempt_dir_remove unmounts and removes. Returns 0 (also when there was none), or -1 with *err
 * set. */
EXO_CHECKED int attempt_dir_remove(const char *path, struct exo_error *err);

#endif /* EXO_WORKERS_ATTEMPT_DIR_H */
