/* image_arguments: what skopeo and umoci are told.
 *
 * Pure. Every name in it has passed image_reference_parse, so none can be read as an option. */
#ifndef EXO_WORKERS_IMAGE_ARGUMENTS_H
#define EXO_WORKERS_IMAGE_ARGUMENTS_H

#include "workers/image/image_reference.h"

enum { IMAGE_ARGUMENTS_MAX = 24, IMAGE_ARGUMENT_BYTES = 1400 };

/* One command; list is NULL-terminated and points into from and to, and to what was borrowed. */
struct image_arguments {
    const char *list[IMAGE_ARGUMENTS_MAX];
    char from[IMAGE_ARGUMENT_BYTES];
    char to[IMAGE_ARGUMENT_BYTES];
};

/* How skopeo may speak to the source; all borrowed for as long as the arguments. */
struct image_access {
    const char *auth_file; /* NULL: as nobody */
    bool is_plain;         /* a registry without TLS */
    bool has_policy;       /* the site has a policy of its own, which then holds */
};

/* image_arguments_inspect asks a registry for the digest of a tag. */
void image_arguments_inspect(struct image_arguments *arguments,
                             const struct image_reference *reference,
                             const struct image_access *access);

/* image_arguments_copy copies an image into the layout DIRECTORY/layout, tag "image".
 *
 * digest  which one, of a registry; else not looked at
 * path    of a layout or archive; of a registry not looked at
 * tag     in that layout, "" for the only one */
void image_arguments_copy(struct image_arguments *arguments,
                          const struct image_reference *reference,
                          const struct image_access *access, const char *digest, const char *path,
                          const char *tag, const char *directory);

/* image_arguments_unpack unpacks that layout into DIRECTORY/rootfs. */
void image_arguments_unpack(struct image_arguments *arguments, const char *directory, bool is_root);

#endif /* EXO_WORKERS_IMAGE_ARGUMENTS_H */
