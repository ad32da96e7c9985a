/* image_reference: the name by which a cluster file asks for an image.
 *
 * Pure. */
#ifndef EXO_WORKERS_IMAGE_REFERENCE_H
#define EXO_WORKERS_IMAGE_REFERENCE_H

#include "schemas/vocab/checked.h"
#include "schemas/vocab/error.h"
#include "workers/image/image.h"

enum image_transport {
    IMAGE_DOCKER,         /* a registry */
    IMAGE_OCI,            /* an OCI layout below the image directory */
    IMAGE_OCI_ARCHIVE,    /* such a layout as one tar file */
    IMAGE_DOCKER_ARCHIVE, /* what `docker save` writes */
    IMAGE_TRANSPORT_NR,
};

struct image_reference {
    enum image_transport transport;
    char name[IMAGE_REFERENCE_BYTES_MAX + 1]; /* registry name, or path below the image directory */
    char tag[129];                            /* "" when none is named, or a digest is (registry) */
    char digest[IMAGE_DIGEST_TEXT_BYTES + 1]; /* "" when none is named */
};

/* image_reference_parse reads a reference.
 * text           a C string, borrowed
 * ret_reference  out; untouched on failure
 * Returns 0, or -1 with *err set to EXO_EINVALID; the text says what a good one looks like. */
EXO_CHECKED int image_reference_parse(const char *text, struct image_reference *ret_reference,
                                      struct exo_error *err);

/* image_digest_is_valid is true for "sha256:" and 64 small hexadecimal digits. */
bool image_digest_is_valid(const char *text);

/* image_transport_name returns "docker", "oci", ...; never NULL. */
const char *image_transport_name(enum image_transport transport);

/* image_reference_host gives the registry of a docker reference as HOST[:PORT]; a name without one
 * means docker.io. ret_host: room for the whole name. */
void image_reference_host(const struct image_reference *reference,
                          char ret_host[IMAGE_REFERENCE_BYTES_MAX + 1]);

#endif /* EXO_WORKERS_IMAGE_REFERENCE_H */
