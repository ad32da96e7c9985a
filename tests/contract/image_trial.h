/* image_trial: an image store over real skopeo and umoci, an image directory made by
 * examples/images/make, and a registry on loopback, for contract tests.
 *
 * Skips, saying why, where a program is missing; with CI=true that is a failure. */
#ifndef EXO_TESTS_IMAGE_TRIAL_H
#define EXO_TESTS_IMAGE_TRIAL_H

#include <stdbool.h>
#include <sys/types.h>

#include "infra/loop/loop.h"
#include "workers/image/image.h"

struct image_trial {
    struct loop *loop;
    struct image_store *store; /* NULL until trial_store */
    char dir[64];              /* temporary; removed by image_trial_close */
    char image_dir[80];
    char cache_dir[80];
    char auth_file[80]; /* of user "worker" */
    char registry[32];  /* 127.0.0.1:PORT; "" when it does not run */
    pid_t registry_pid;
};

/* What image_get said, copied. */
struct answer {
    bool is_done;
    const struct image *image; /* still held; NULL on failure */
    struct exo_error err;
};

/* Set-up and tear-down of a cmocka group; every test begins with image_trial_of. */
int image_trial_open(void **state);
int image_trial_close(void **state);

/* image_trial_of gives the trial with an empty cache and a store with default settings. */
struct image_trial *image_trial_of(void **state);

/* image_trial_settings are the defaults, for a test that wants others. */
struct image_settings image_trial_settings(const struct image_trial *trial);

/* image_trial_reopen closes the store and opens another. settings: NULL for the defaults. */
void image_trial_reopen(struct image_trial *trial, const struct image_settings *settings);

/* image_trial_get asks and waits. */
struct answer image_trial_get(struct image_trial *trial, const char *reference, const char *pinned);

/* image_trial_on_ready is an on_ready whose argument is a struct answer. */
void image_trial_on_ready(void *argument, const struct image *image, const struct exo_error *err);

/* image_trial_wait turns the loop until *is_done; fails the test after 60 s. */
void image_trial_wait(struct image_trial *trial, const bool *is_done);

/* image_trial_shell runs a line of shell with D, I and C set to the three directories; fails the
 * test when it fails. */
void image_trial_shell(const struct image_trial *trial, const char *line);

/* image_trial_count counts what stands in a directory below the cache. */
size_t image_trial_count(const struct image_trial *trial, const char *below);

/* image_trial_needs_registry starts the registry with tests/busybox:1.0 in it, or skips the test.
 * It wants a user and a password for everything (auth_file). */
void image_trial_needs_registry(struct image_trial *trial);

#endif /* EXO_TESTS_IMAGE_TRIAL_H */
