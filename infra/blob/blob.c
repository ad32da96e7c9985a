#include "infra/blob/blob.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "infra/blob/blob_state.h"

static bool is_said(const char *text)
{
    return text != NULL && text[0] != '\0';
}

struct blobs *blobs_open(struct loop *loop, struct store *store,
                         const struct blob_settings *settings, struct exo_error *err)
{
    struct blobs *blobs = calloc(1, sizeof(*blobs));
    bool is_s3 = is_said(settings->s3_endpoint) || is_said(settings->s3_bucket);

    if (blobs == NULL) {
        abort();
    }
    blobs->loop = loop;
    blobs->store = store;
    if (is_s3) {
        blobs->objects = object_s3_open(loop, settings, err);
    } else if (is_said(settings->directory)) {
        blobs->objects = object_dir_open(loop, settings->directory, err);
    }
    if (blobs->objects == NULL && (is_s3 || is_said(settings->directory))) {
        free(blobs);
        return NULL;
    }
    return blobs;
}

void blobs_close(struct blobs *blobs)
{
    if (blobs == NULL) {
        return;
    }
    while (blobs->works != NULL) {
        blobs->works->cancel(blobs->works);
    }
    if (blobs->objects != NULL) {
        blobs->objects->driver->close(blobs->objects);
    }
    free(blobs);
}

void blob_work_begin(struct blobs *blobs, struct blob_work *work,
                     void (*cancel)(struct blob_work *work))
{
    *work = (struct blob_work){.blobs = blobs, .next = blobs->works, .cancel = cancel};
    if (blobs->works != NULL) {
        blobs->works->previous = work;
    }
    blobs->works = work;
}

void blob_work_end(struct blob_work *work)
{
    *(work->previous != NULL ? &work->previous->next : &work->blobs->works) = work->next;
    if (work->next != NULL) {
        work->next->previous = work->previous;
    }
}

int blob_without_objects(uint64_t bytes, struct exo_error *err)
{
    return exo_error_set(err, EXO_ELIMIT,
                         "a blob of %llu bytes is above the 8 MiB that the store takes; set "
                         "s3_endpoint and s3_bucket of the API and of the schedulers to keep it",
                         (unsigned long long)bytes);
}

/* ---- removal ---- */

struct blob_removal {
    struct blob_work work;
    struct object *object; /* NULL: there is no driver */
    void (*done)(void *argument, const struct exo_error *err);
    void *argument;
};

static void removal_free(struct blob_removal *removal)
{
    blob_work_end(&removal->work);
    if (removal->object != NULL) {
        removal->object->driver->drop(removal->object);
    }
    free(removal);
}

static void removal_cancel(struct blob_work *work)
{
    removal_free((struct blob_removal *)work);
}

void blob_removal_cancel(struct blob_removal *removal)
{
    if (removal != NULL) {
        removal_free(removal);
    }
}

static void removal_done(void *argument, struct span bytes, const struct exo_error *err)
{
    struct blob_removal *removal = argument;
    void (*done)(void *, const struct exo_error *) = removal->done;
    void *its = removal->argument;
    struct exo_error kept;

    (void)bytes;
    if (err != NULL) {
        kept = *err;
    }
    removal_free(removal);
    done(its, err == NULL ? NULL : &kept);
}

struct blob_removal *blob_object_remove(struct blobs *blobs, const char *key,
                                        void (*done)(void *argument, const struct exo_error *err),
                                        void *argument)
{
    struct blob_removal *removal = calloc(1, sizeof(*removal));
    struct object_store *objects = blobs->objects;

    assert(objects != NULL); /* without a driver there are no keys: the caller looks */
    if (removal == NULL) {
        abort();
    }
    blob_work_begin(blobs, &removal->work, removal_cancel);
    removal->done = done;
    removal->argument = argument;
    removal->object = objects->driver->open(objects, key, removal_done, removal);
    objects->driver->remove(removal->object);
    return removal;
}

bool blobs_has_objects(const struct blobs *blobs)
{
    return blobs->objects != NULL;
}
