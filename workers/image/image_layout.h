/* image_layout: what the JSON files of an OCI layout say.
 *
 *   index.json --tag--> manifest digest --> config digest --> user, env, entrypoint, command
 *
 * Pure: the caller reads the files. Source: the OCI image specification 1.0. */
#ifndef EXO_WORKERS_IMAGE_LAYOUT_H
#define EXO_WORKERS_IMAGE_LAYOUT_H

#include "schemas/vocab/arena.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/error.h"
#include "schemas/vocab/span.h"
#include "workers/image/image.h"

/* One manifest as index.json names it. */
struct layout_entry {
    char digest[IMAGE_DIGEST_TEXT_BYTES + 1];
    char tag[129]; /* as skopeo must be told to find it; "" when it has none */
    bool is_index; /* of several platforms: skopeo picks one */
};

/* What an image says of how it wants to be run; everything in the arena. */
struct layout_config {
    const char *user; /* "", "NAME[:GROUP]" or "UID[:GID]" */
    const char *const *env;
    const char *const *entrypoint;
    const char *const *command;
    const char *workdir;
};

/* layout_find finds a manifest in index.json.
 *
 * tag    "" for the only one, or "latest" of several
 * Returns 0, or -1 with *err set: EXO_EINVALID (not such a file), EXO_ENOTFOUND (the text lists
 * the tags there are). */
EXO_CHECKED int layout_find(struct span index, const char *tag, struct arena *arena,
                            struct layout_entry *ret_entry, struct exo_error *err);

/* layout_config_digest reads the digest of the config from a manifest. */
EXO_CHECKED int layout_config_digest(struct span manifest, struct arena *arena,
                                     char ret_digest[IMAGE_DIGEST_TEXT_BYTES + 1],
                                     struct exo_error *err);

/* layout_config_read reads the config blob. */
EXO_CHECKED int layout_config_read(struct span config, struct arena *arena,
                                   struct layout_config *ret_config, struct exo_error *err);

/* layout_user turns the user an image names into numbers. root and none become
 * IMAGE_USER_DEFAULT; a group that is not said is the one of passwd, else IMAGE_USER_DEFAULT.
 *
 * user    as in layout_config
 * passwd  the image's /etc/passwd, empty when it has none; group: the same
 * Returns 0, or -1 with *err set to EXO_EINVALID when a name is in neither. */
EXO_CHECKED int layout_user(const char *user, struct span passwd, struct span group,
                            uint32_t *ret_uid, uint32_t *ret_gid, struct exo_error *err);

#endif /* EXO_WORKERS_IMAGE_LAYOUT_H */
