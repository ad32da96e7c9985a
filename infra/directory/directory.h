/* directory: a directory that is there when it is needed.
 *
 * Touches the file system. */
#ifndef EXO_INFRA_DIRECTORY_H
#define EXO_INFRA_DIRECTORY_H

#include <sys/types.h>

#include "schemas/vocab/checked.h"
#include "schemas/vocab/error.h"

/* directory_make makes a directory where it is missing, with those above it (of mode 0755).
 *
 * path    borrowed; relative to the working directory where it begins with no slash
 * mode    of the directory itself, less the umask; one that is there keeps its own
 * advice  what to do where it cannot be made, such as "name another with --data"; C string
 *
 * Returns 0, or -1 with *err: EXO_EINVALID (no name, or too long a one), EXO_EDENIED (no right),
 * EXO_EIO (the disk, or something else has that name). Those above it may have been made then. */
EXO_CHECKED int directory_make(const char *path, mode_t mode, const char *advice,
                               struct exo_error *err);

#endif /* EXO_INFRA_DIRECTORY_H */
