/* package: a directory of artefacts as one file, and back.
 *
 *   [zstd skippable frame: the index, JSON] [zstd frame: tar]
 *
 *   {"files": [{"path": "a/b", "bytes": 12}, {"path": "run", "bytes": 3, "executable": true}],
 *    "bytes": 15}
 *
 * Every zstd decoder skips the index, so `tar --zstd -xf` unpacks a package. The same directory
 * gives the same bytes: entries in the order of their names, no times, no owners, modes 0755 and
 * 0644. Only regular files and directories: links, devices, pipes and sockets are refused by name
 * when packing, and again when unpacking; setuid bits are dropped; a second hard link is a second
 * file.
 *
 * Sole user of libarchive. Blocks: for threads that may. Touches the file system. */
#ifndef EXO_INFRA_ARCHIVE_PACKAGE_H
#define EXO_INFRA_ARCHIVE_PACKAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/vocab/buffer.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/error.h"
#include "schemas/vocab/ids.h"
#include "schemas/vocab/span.h"

enum {
    PACKAGE_HEAD_BYTES = 8,            /* before the index */
    PACKAGE_DEPTH_MAX = 32,            /* directories in each other */
    PACKAGE_INDEX_BYTES_MAX = 4 << 20, /* names that are long and many */
};

/* What was packed. */
struct package_facts {
    struct digest digest; /* SHA-256 of the package */
    uint64_t bytes;       /* of the package */
    uint64_t file_bytes;  /* of the files together */
    uint32_t file_count;  /* without directories; 0 with an empty directory: nothing was written */
};

/* package_write packs a directory that nobody changes meanwhile.
 *
 * directory_fd  borrowed
 * out_fd        written from where it stands
 * ret_facts     out; untouched on failure
 *
 * Returns 0, or -1 with *err: EXO_EINVALID (something in it is no file: the text names it),
 * EXO_ELIMIT (LIMIT_ARTEFACT_BYTES, LIMIT_ARTEFACT_FILES, depth, names), EXO_EIO. */
EXO_CHECKED int package_write(int directory_fd, int out_fd, struct package_facts *ret_facts,
                              struct exo_error *err);

/* package_unpack unpacks below a directory that is ours alone; root's, 0755 and 0644 or 0755.
 *
 * in_fd         a package from where it stands; its content is not trusted
 * directory_fd  borrowed; empty
 * path          NULL: all; else only the file of that path
 * ret_bytes     out: bytes of the files; may be NULL
 *
 * Returns 0, or -1 with *err: EXO_EINVALID (no package, or something in it that must not be),
 * EXO_ELIMIT, EXO_EIO; EXO_ENOTFOUND when path is not in it. What was unpacked stays. */
EXO_CHECKED int package_unpack(int in_fd, int directory_fd, const char *path, uint64_t *ret_bytes,
                               struct exo_error *err);

/* package_index_bytes says how many of a package's first bytes hold its index.
 * head  at least PACKAGE_HEAD_BYTES of them
 * Returns the count with head, 0 when this is no package. */
size_t package_index_bytes(struct span head);

#endif /* EXO_INFRA_ARCHIVE_PACKAGE_H */
