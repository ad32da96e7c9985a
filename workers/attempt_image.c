#include <stdio.h>

#include "workers/attempt_state.h"

static void on_image(void *argument, const struct image *image, const struct exo_error *err)
{
    struct attempt *a = argument;

    a->image_request = NULL;
    if (image == NULL) {
        (void)snprintf(a->error, sizeof(a->error), "IMAGE: %s", err->text);
        attempt_missed(a, a->contract->work.image.data);
        attempt_prepare_failed(a, err->is_retryable || err->code == EXO_EIO ? ATTEMPT_BROKEN
                                                                            : ATTEMPT_REFUSED);
        return;
    }
    a->image = image;
    (void)snprintf(a->image_digest, sizeof(a->image_digest), "%s", image->digest);
    a->is_image_done = true;
    attempt_prepare_done(a);
}

void attempt_image_begin(struct attempt *a)
{
    const struct wire_spec *spec = &a->contract->spec;
    const char *pinned = spec->image_digest.bytes == 0 ? NULL : spec->image_digest.data;

    if (a->contract->work.image.bytes == 0) {
        (void)snprintf(a->error, sizeof(a->error), "IMAGE: the satellite names no image");
        attempt_prepare_failed(a, ATTEMPT_REFUSED);
        return;
    }
    a->image_request =
        image_get(a->host->images, a->contract->work.image.data, pinned, on_image, a);
}

void attempt_image_release(struct attempt *a)
{
    if (a->image_request != NULL) {
        image_cancel(a->image_request);
        a->image_request = NULL;
    }
    if (a->image != NULL) {
        image_release(a->host->images, a->image);
        a->image = NULL;
    }
}

static size_t count_of(const char *const *texts)
{
    size_t count = 0;

    while (texts != NULL && texts[count] != NULL) {
        count++;
    }
    return count;
}

/* The image's own command: its entrypoint, then what it gives that to do. */
static const char *const *own_args(struct attempt *a)
{
    size_t first = count_of(a->image->entrypoint);
    size_t second = count_of(a->image->command);
    const char **args = arena_alloc(&a->arena, (first + second + 1) * sizeof(*args));

    if (args == NULL) {
        return NULL; /* refused by the sandbox as no command */
    }
    for (size_t i = 0; i < first; i++) {
        args[i] = a->image->entrypoint[i];
    }
    for (size_t i = 0; i < second; i++) {
        args[first + i] = a->image->command[i];
    }
    return args;
}

void attempt_image_fill(struct attempt *a, struct sandbox_spec *spec)
{
    spec->rootfs = a->image->rootfs;
    spec->image_env = a->image->env;
    spec->uid = a->image->uid;
    spec->gid = a->image->gid;
    if (spec->cwd == NULL) {
        spec->cwd = a->image->workdir;
    }
    if (spec->args == NULL) {
        spec->args = own_args(a);
    }
}
