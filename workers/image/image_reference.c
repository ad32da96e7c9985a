#include "workers/image/image_reference.h"

#include <string.h>

static const char *const transport_names[IMAGE_TRANSPORT_NR] = {
    [IMAGE_DOCKER] = "docker",
    [IMAGE_OCI] = "oci",
    [IMAGE_OCI_ARCHIVE] = "oci-archive",
    [IMAGE_DOCKER_ARCHIVE] = "docker-archive",
};

const char *image_transport_name(enum image_transport transport)
{
    return transport_names[transport];
}

bool image_digest_is_valid(const char *text)
{
    static const char prefix[] = "sha256:";

    return strlen(text) == IMAGE_DIGEST_TEXT_BYTES &&
           strncmp(text, prefix, sizeof(prefix) - 1) == 0 &&
           strspn(text + sizeof(prefix) - 1, "0123456789abcdef") == 64;
}

static int refuse(struct exo_error *err, const char *text, const char *why)
{
    return exo_error_set(err, EXO_EINVALID,
                         "image \"%s\" %s; write docker://HOST/NAME:TAG, oci:NAME:TAG, "
                         "docker-archive:FILE or oci-archive:FILE",
                         text, why);
}

/* No character that a path, skopeo or umoci would read as anything but a part of a name. */
static bool is_plain(const char *name, const char *also)
{
    for (const char *at = name; *at != '\0'; at++) {
        bool is_letter =
            (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9');

        if (!is_letter && strchr(also, *at) == NULL) {
            return false;
        }
    }
    return *name != '\0' && *name != '-';
}

/* Parts between "/" that are neither empty nor "." nor "..". */
static bool is_below(const char *path)
{
    for (const char *at = path;; at++) {
        size_t bytes = strcspn(at, "/");

        if (bytes == 0 || (bytes == 1 && at[0] == '.') ||
            (bytes == 2 && at[0] == '.' && at[1] == '.')) {
            return false;
        }
        at += bytes;
        if (*at == '\0') {
            return true;
        }
    }
}

/* Takes "@sha256:HEX" off the end of name. */
static int take_digest(const char *text, struct image_reference *reference, struct exo_error *err)
{
    char *at = strchr(reference->name, '@');

    if (at == NULL) {
        return 0;
    }
    if (!image_digest_is_valid(at + 1)) {
        return refuse(err, text, "has a digest that is not sha256: and 64 hexadecimal digits");
    }
    memcpy(reference->digest, at + 1, IMAGE_DIGEST_TEXT_BYTES + 1);
    *at = '\0';
    return 0;
}

/* Takes ":TAG" off the end of name; a ":" before the last "/" is of a port. */
static int take_tag(const char *text, struct image_reference *reference, struct exo_error *err)
{
    char *slash = strrchr(reference->name, '/');
    char *colon = strrchr(slash != NULL ? slash : reference->name, ':');

    if (colon == NULL) {
        return 0;
    }
    if (strlen(colon + 1) >= sizeof(reference->tag) || !is_plain(colon + 1, "._-")) {
        return refuse(err, text,
                      "has a tag that is not 1 to 128 letters, digits, \".\", \"_\" "
                      "or \"-\"");
    }
    memcpy(reference->tag, colon + 1, strlen(colon + 1) + 1);
    *colon = '\0';
    return 0;
}

/* Finds the transport. Returns what stands after it, or NULL when it is one we do not take. */
static const char *take_transport(const char *text, enum image_transport *ret_transport)
{
    static const char *const refused[] = {
        "docker-daemon:", "containers-storage:", "dir:", "ostree:", "sif:", "tarball:"};

    for (int i = 0; i < IMAGE_TRANSPORT_NR; i++) {
        size_t bytes = strlen(transport_names[i]);

        if (strncmp(text, transport_names[i], bytes) == 0 && text[bytes] == ':' &&
            (i != IMAGE_DOCKER || strncmp(text + bytes, "://", 3) == 0)) {
            *ret_transport = (enum image_transport)i;
            return text + bytes + (i == IMAGE_DOCKER ? 3 : 1);
        }
    }
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        if (strncmp(text, refused[i], strlen(refused[i])) == 0) {
            return NULL;
        }
    }
    *ret_transport = IMAGE_DOCKER;
    return text;
}

int image_reference_parse(const char *text, struct image_reference *ret_reference,
                          struct exo_error *err)
{
    struct image_reference reference = {.transport = IMAGE_DOCKER};

    if (strlen(text) > IMAGE_REFERENCE_BYTES_MAX) {
        return exo_error_set(err, EXO_EINVALID, "the name of an image is above %d bytes",
                             IMAGE_REFERENCE_BYTES_MAX);
    }
    const char *name = take_transport(text, &reference.transport);

    if (name == NULL) {
        return refuse(err, text, "names a transport that workers do not take");
    }
    memcpy(reference.name, name, strlen(name) + 1);
    if (take_digest(text, &reference, err) != 0) {
        return -1;
    }
    if ((reference.transport == IMAGE_DOCKER || reference.transport == IMAGE_OCI) &&
        take_tag(text, &reference, err) != 0) {
        return -1;
    }
    if (!is_plain(reference.name, reference.transport == IMAGE_DOCKER ? "._-/:" : "._-/+")) {
        return refuse(err, text, "is no name of an image");
    }
    if (!is_below(reference.name)) {
        return refuse(err, text, "leads out of the image directory");
    }
    /* A digest says more than a tag, and skopeo takes only one of them. */
    if (reference.transport == IMAGE_DOCKER && reference.digest[0] != '\0') {
        reference.tag[0] = '\0';
    }
    *ret_reference = reference;
    return 0;
}

void image_reference_host(const struct image_reference *reference,
                          char ret_host[IMAGE_REFERENCE_BYTES_MAX + 1])
{
    size_t bytes = strcspn(reference->name, "/");
    bool has_host = reference->name[bytes] == '/' &&
                    (memchr(reference->name, '.', bytes) != NULL ||
                     memchr(reference->name, ':', bytes) != NULL ||
                     (bytes == 9 && memcmp(reference->name, "localhost", 9) == 0));

    if (!has_host) {
        memcpy(ret_host, "docker.io", sizeof("docker.io"));
        return;
    }
    memcpy(ret_host, reference->name, bytes);
    ret_host[bytes] = '\0';
}
