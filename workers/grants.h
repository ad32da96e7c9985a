/* grants: what of this machine the worker's settings let a satellite see: volumes and secrets.
 *
 *   secrets: [name]            SECRETS_DIR/PROJECT/NAME  --> /exosphere/secrets/NAME
 *   mounts: [{volume, path}]   VOLUME=DIRECTORY          --> path, read-only
 *
 * Reads files; may be used from any thread. No error text holds a secret's bytes. */
#ifndef EXO_WORKERS_GRANTS_H
#define EXO_WORKERS_GRANTS_H

#include "schemas/cluster/satellite.h"
#include "schemas/vocab/arena.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/error.h"
#include "workers/sandbox/sandbox.h"

enum { GRANT_SECRET_BYTES_MAX = 64 << 10 };

/* A volume of the settings. */
struct grant_volume {
    const char *name;
    const char *directory; /* absolute */
};

struct grant_settings {
    const char *secrets_dir; /* NULL: no secrets on this worker */
    const struct grant_volume *volumes;
    size_t volume_count;
};

/* What one attempt gets; in its arena. */
struct grants {
    struct sandbox_mount *mounts;
    size_t mount_count;
    struct sandbox_secret *secrets;
    size_t secret_count;
};

/* grants_make looks up what a satellite asks for.
 *
 * settings    borrowed; its strings are kept as long as *ret_grants
 * project     of the execution
 * work        borrowed
 * arena       borrowed; *ret_grants lives there
 * ret_grants  out; untouched on failure
 *
 * Returns 0, or -1 with *err: EXO_EDENIED (no such volume or secret here: the text says what to
 * do), EXO_ELIMIT (a secret above 64 KiB), EXO_EIO. */
EXO_CHECKED int grants_make(const struct grant_settings *settings, struct span project,
                            const struct satellite_work *work, struct arena *arena,
                            struct grants *ret_grants, struct exo_error *err);

/* grants_wipe overwrites the bytes of the secrets. */
void grants_wipe(struct grants *grants);

#endif /* EXO_WORKERS_GRANTS_H */
