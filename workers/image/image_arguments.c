#include "workers/image/image_arguments.h"

#include <assert.h>
#include <stdio.h>

static size_t add(struct image_arguments *arguments, size_t count, const char *word)
{
    assert(count + 1 < IMAGE_ARGUMENTS_MAX);
    arguments->list[count] = word;
    arguments->list[count + 1] = NULL;
    return count + 1;
}

static size_t begin(struct image_arguments *arguments, const struct image_access *access)
{
    size_t count = add(arguments, 0, "skopeo");

    /* skopeo refuses to run without any policy. */
    return access->has_policy ? count : add(arguments, count, "--insecure-policy");
}

void image_arguments_inspect(struct image_arguments *arguments,
                             const struct image_reference *reference,
                             const struct image_access *access)
{
    size_t count = begin(arguments, access);

    (void)snprintf(arguments->from, sizeof(arguments->from), "docker://%s%s%s", reference->name,
                   reference->tag[0] != '\0' ? ":" : "", reference->tag);
    count = add(arguments, count, "inspect");
    count = add(arguments, count, "--no-tags");
    count = add(arguments, count, "--format");
    count = add(arguments, count, "{{.Digest}}");
    if (access->auth_file != NULL) {
        count = add(arguments, count, "--authfile");
        count = add(arguments, count, access->auth_file);
    } else {
        count = add(arguments, count, "--no-creds");
    }
    if (access->is_plain) {
        count = add(arguments, count, "--tls-verify=false");
    }
    (void)add(arguments, count, arguments->from);
}

static size_t add_access(struct image_arguments *arguments, size_t count,
                         const struct image_access *access)
{
    if (access->auth_file != NULL) {
        count = add(arguments, count, "--src-authfile");
        count = add(arguments, count, access->auth_file);
    } else {
        count = add(arguments, count, "--src-no-creds");
    }
    return access->is_plain ? add(arguments, count, "--src-tls-verify=false") : count;
}

void image_arguments_copy(struct image_arguments *arguments,
                          const struct image_reference *reference,
                          const struct image_access *access, const char *digest, const char *path,
                          const char *tag, const char *directory)
{
    size_t count = begin(arguments, access);

    count = add(arguments, count, "--override-os");
    count = add(arguments, count, "linux");
    count = add(arguments, count, "copy");
    count = add(arguments, count, "--quiet");
    if (reference->transport == IMAGE_DOCKER) {
        (void)snprintf(arguments->from, sizeof(arguments->from), "docker://%s@%s", reference->name,
                       digest);
        count = add_access(arguments, count, access);
    } else {
        (void)snprintf(arguments->from, sizeof(arguments->from), "%s:%s%s%s",
                       image_transport_name(reference->transport), path, tag[0] != '\0' ? ":" : "",
                       tag);
    }
    if (reference->transport == IMAGE_OCI) {
        count = add(arguments, count, "--preserve-digests");
    }
    (void)snprintf(arguments->to, sizeof(arguments->to), "oci:%s/layout:image", directory);
    count = add(arguments, count, arguments->from);
    (void)add(arguments, count, arguments->to);
}

void image_arguments_unpack(struct image_arguments *arguments, const char *directory, bool is_root)
{
    size_t count = add(arguments, 0, "umoci");

    (void)snprintf(arguments->from, sizeof(arguments->from), "%s/layout:image", directory);
    (void)snprintf(arguments->to, sizeof(arguments->to), "%s/rootfs", directory);
    count = add(arguments, count, "raw");
    count = add(arguments, count, "unpack");
    if (!is_root) {
        count = add(arguments, count, "--rootless");
    }
    count = add(arguments, count, "--image");
    count = add(arguments, count, arguments->from);
    (void)add(arguments, count, arguments->to);
}
