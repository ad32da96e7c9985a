/* blob_get: a blob on its way out, from the store or from its object, range by range. */
#include <assert.h>
#include <stdlib.h>

#include "infra/blob/blob_state.h"
#include "infra/store/store_object.h"

struct blob_get {
    struct blob_work work; /* first */
    struct blob_get_events events;
    struct digest digest;
    struct object *object; /* NULL: none yet */
    uint64_t bytes, at;
    unsigned pending; /* callbacks of the store and the loop to come */
    bool is_reading, is_paused, is_inside, is_cancelled;
};

static void get_leave(struct blob_get *get)
{
    get->is_cancelled = true;
    blob_work_end(&get->work);
    if (get->object != NULL) {
        get->object->driver->drop(get->object);
        get->object = NULL;
    }
    if (get->pending == 0 && !get->is_inside) {
        free(get);
    }
}

static bool get_back(struct blob_get *get)
{
    assert(get->pending > 0);
    get->pending--;
    if (get->is_cancelled && get->pending == 0) {
        free(get);
        return false;
    }
    return !get->is_cancelled;
}

static void get_done(struct blob_get *get, const struct exo_error *err)
{
    struct blob_get_events events = get->events;
    struct exo_error kept;

    if (err != NULL) {
        kept = *err;
    }
    get_leave(get);
    events.on_done(events.argument, err == NULL ? NULL : &kept);
}

/* Tells size or data; false when the user cancelled from inside: the get is gone. */
static bool get_tell(struct blob_get *get, const uint64_t *size, struct span bytes)
{
    get->is_inside = true;
    if (size != NULL && get->events.on_size != NULL) {
        get->events.on_size(get->events.argument, *size);
    }
    if (!get->is_cancelled && bytes.bytes > 0) {
        get->events.on_data(get->events.argument, bytes);
    }
    get->is_inside = false;
    if (get->is_cancelled && get->pending == 0) {
        free(get);
        return false;
    }
    return !get->is_cancelled;
}

static void get_read(struct blob_get *get)
{
    if (get->is_paused || get->is_reading || get->is_inside) {
        return;
    }
    if (get->at == get->bytes) {
        get_done(get, NULL);
        return;
    }
    uint64_t left = get->bytes - get->at;
    size_t most = get->object->driver->read_bytes;

    get->is_reading = true;
    get->object->driver->read(get->object, get->at, left < most ? (size_t)left : most);
}

static void on_read(void *argument, struct span bytes, const struct exo_error *err)
{
    struct blob_get *get = argument;

    get->is_reading = false;
    if (err != NULL) {
        get_done(get, err);
        return;
    }
    get->at += bytes.bytes;
    if (get_tell(get, NULL, bytes)) {
        get_read(get);
    }
}

static void on_object(void *argument, const struct store_object *object,
                      const struct exo_error *err)
{
    struct blob_get *get = argument;
    struct object_store *objects = get->work.blobs->objects;
    struct exo_error missing;

    if (!get_back(get)) {
        return;
    }
    if (err == NULL && objects == NULL) {
        (void)blob_without_objects(object->bytes, &missing);
        err = &missing;
    }
    if (err != NULL) {
        get_done(get, err);
        return;
    }
    get->bytes = object->bytes;
    get->object = objects->driver->open(objects, object->key, on_read, get);
    if (get_tell(get, &get->bytes, (struct span){NULL, 0})) {
        get_read(get);
    }
}

static void on_ended(void *argument)
{
    struct blob_get *get = argument;

    if (get_back(get)) {
        get_done(get, NULL);
    }
}

static void on_small(void *argument, struct span bytes, const struct exo_error *err)
{
    struct blob_get *get = argument;

    if (!get_back(get)) {
        return;
    }
    if (err != NULL && err->code != EXO_ENOTFOUND) {
        get_done(get, err);
        return;
    }
    if (err != NULL) {
        get->pending++;
        store_object_get(get->work.blobs->store, &get->digest, on_object, get);
        return;
    }
    get->bytes = bytes.bytes;
    get->at = bytes.bytes;
    if (!get_tell(get, &get->bytes, bytes)) {
        return;
    }
    if (!get->is_paused) {
        get_done(get, NULL);
    }
}

static void get_cancel(struct blob_work *work)
{
    get_leave((struct blob_get *)work);
}

struct blob_get *blob_get_begin(struct blobs *blobs, const struct digest *digest,
                                const struct blob_get_events *events)
{
    struct blob_get *get = calloc(1, sizeof(*get));

    if (get == NULL) {
        abort();
    }
    blob_work_begin(blobs, &get->work, get_cancel);
    get->events = *events;
    get->digest = *digest;
    get->pending++;
    store_blob_get(blobs->store, digest, on_small, get);
    return get;
}

void blob_get_pause(struct blob_get *get)
{
    get->is_paused = true;
}

void blob_get_resume(struct blob_get *get)
{
    if (!get->is_paused) {
        return;
    }
    get->is_paused = false;
    if (get->is_inside) {
        return;
    }
    if (get->at == get->bytes && get->pending == 0 && !get->is_reading) {
        get->pending++;
        loop_defer(get->work.blobs->loop, on_ended, get); /* never inside the user's call */
    } else if (get->object != NULL) {
        get_read(get);
    }
}

void blob_get_cancel(struct blob_get *get)
{
    if (get != NULL) {
        get_leave(get);
    }
}
