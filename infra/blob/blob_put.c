/* blob_put: a large blob on its way in.
 *
 *   LOOK --known: touched--> DROP (bytes are only checked) -------------------------> done
 *     \--new--> RESERVE (its key) --> BEGIN --> READY <--> WRITE --> FINISH --> ROW --> done
 *
 * Bytes gather in `filling` until the driver takes a whole write; a caller that heeds on_room lets
 * no more than that wait. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "infra/blob/blob_state.h"
#include "infra/crypto/crypto.h"
#include "infra/store/store_object.h"
#include "schemas/vocab/arena.h"
#include "schemas/vocab/buffer.h"

enum put_state {
    PUT_LOOK,
    PUT_DROP,
    PUT_RESERVE,
    PUT_BEGIN,
    PUT_READY,
    PUT_WRITE,
    PUT_FINISH,
    PUT_ROW,
    PUT_FAILED, /* err says why; on_done is deferred */
};

struct blob_put {
    struct blob_work work; /* first */
    struct blob_put_events events;
    enum put_state state;
    struct store_object row;
    uint64_t received;
    struct sha256 *sha256;
    struct heap_budget budget;
    struct buffer filling;
    struct object *object; /* NULL: none */
    struct exo_error err;
    unsigned pending; /* callbacks of the store and the loop to come */
    bool is_ended, is_cancelled, is_full;
};

static void put_free(struct blob_put *put)
{
    sha256_free(put->sha256);
    buffer_release(&put->filling);
    free(put);
}

/* Takes it out of the world; its memory goes with the last callback. */
static void put_leave(struct blob_put *put)
{
    put->is_cancelled = true;
    blob_work_end(&put->work);
    if (put->object != NULL) {
        put->object->driver->drop(put->object);
        put->object = NULL;
    }
    if (put->pending == 0) {
        put_free(put);
    }
}

/* The beginning of each callback of the store or the loop. */
static bool put_back(struct blob_put *put)
{
    assert(put->pending > 0);
    put->pending--;
    if (put->is_cancelled && put->pending == 0) {
        put_free(put);
        return false;
    }
    return !put->is_cancelled;
}

static void put_done(struct blob_put *put, const struct exo_error *err)
{
    struct blob_put_events events = put->events;
    struct exo_error kept;

    if (err != NULL) {
        kept = *err;
    }
    put_leave(put);
    events.on_done(events.argument, err == NULL ? NULL : &kept);
}

static void on_failed(void *argument)
{
    struct blob_put *put = argument;

    if (put_back(put)) {
        put_done(put, &put->err);
    }
}

/* Never from inside a call of the user's. */
static void put_fail(struct blob_put *put)
{
    put->state = PUT_FAILED;
    put->pending++;
    loop_defer(put->work.blobs->loop, on_failed, put);
}

static bool is_whole(struct blob_put *put)
{
    struct digest digest = sha256_finish(put->sha256);

    if (put->received != put->row.bytes) {
        (void)exo_error_set(&put->err, EXO_EINVALID, "the body has %llu bytes, not %llu",
                            (unsigned long long)put->received, (unsigned long long)put->row.bytes);
        return false;
    }
    if (memcmp(digest.bytes, put->row.digest.bytes, DIGEST_BYTES) != 0) {
        (void)exo_error_set(&put->err, EXO_EINVALID,
                            "the body's SHA-256 is not the one in its name; send it again");
        return false;
    }
    return true;
}

static void on_row(void *argument, const struct store_object *object, const struct exo_error *err)
{
    struct blob_put *put = argument;

    (void)object;
    if (put_back(put)) {
        put_done(put, err);
    }
}

/* Does what the state and the bytes allow. */
static void put_go_on(struct blob_put *put)
{
    const struct object_driver *driver = put->work.blobs->objects->driver;
    size_t bytes =
        put->filling.bytes < driver->write_bytes ? put->filling.bytes : driver->write_bytes;

    if (put->state != PUT_READY || (bytes < driver->write_bytes && !put->is_ended)) {
        return;
    }
    if (bytes == 0) {
        put->state = PUT_FINISH;
        driver->finish(put->object);
        return;
    }
    put->state = PUT_WRITE;
    driver->write(put->object, (struct span){put->filling.data, bytes});
    memmove(put->filling.data, put->filling.data + bytes, put->filling.bytes - bytes);
    put->filling.bytes -= bytes;
}

static void put_tell_room(struct blob_put *put)
{
    if (put->is_full && !put->is_ended &&
        put->filling.bytes < put->work.blobs->objects->driver->write_bytes) {
        put->is_full = false;
        if (put->events.on_room != NULL) {
            put->events.on_room(put->events.argument);
        }
    }
}

static void on_step(void *argument, struct span bytes, const struct exo_error *err)
{
    struct blob_put *put = argument;

    (void)bytes;
    if (put->state == PUT_FAILED) {
        return; /* on_done is on its way */
    }
    if (err != NULL) {
        put_done(put, err);
        return;
    }
    if (put->state == PUT_FINISH) {
        put->state = PUT_ROW;
        put->pending++;
        store_object_put(put->work.blobs->store, &put->row, on_row, put);
        return;
    }
    put->state = PUT_READY;
    put_go_on(put);
    put_tell_room(put);
}

static void on_reserved(void *argument, const struct exo_error *err)
{
    struct blob_put *put = argument;

    if (!put_back(put) || put->state == PUT_FAILED) {
        return;
    }
    if (err != NULL) {
        put_done(put, err);
        return;
    }
    struct object_store *objects = put->work.blobs->objects;

    put->state = PUT_BEGIN;
    put->object = objects->driver->open(objects, put->row.key, on_step, put);
    objects->driver->begin(put->object);
}

/* A name nobody has used: the digest, so that people can find it, and 64 random bits. */
static void key_make(struct blob_put *put)
{
    char digest[SHA256_TEXT_BYTES + 1];
    uint64_t salt;

    random_fill(&salt, sizeof(salt));
    digest_format(&put->row.digest, digest);
    (void)snprintf(put->row.key, sizeof(put->row.key), "%s-%016llx", digest,
                   (unsigned long long)salt);
}

static void on_known(void *argument, const struct store_object *object, const struct exo_error *err)
{
    struct blob_put *put = argument;

    (void)object;
    if (!put_back(put) || put->state == PUT_FAILED) {
        return;
    }
    if (err != NULL && err->code != EXO_ENOTFOUND) {
        put_done(put, err);
    } else if (err == NULL) {
        put->state = PUT_DROP;
        put->filling.bytes = 0;
        if (put->is_ended) {
            put_done(put, NULL);
        } else {
            put_tell_room(put);
        }
    } else {
        put->state = PUT_RESERVE;
        key_make(put);
        put->pending++;
        store_object_begin(put->work.blobs->store, put->row.key, on_reserved, put);
    }
}

static void put_cancel(struct blob_work *work)
{
    put_leave((struct blob_put *)work);
}

struct blob_put *blob_put_begin(struct blobs *blobs, const struct digest *digest, uint64_t bytes,
                                const struct blob_put_events *events)
{
    struct blob_put *put = calloc(1, sizeof(*put));

    if (put == NULL) {
        abort();
    }
    blob_work_begin(blobs, &put->work, put_cancel);
    put->events = *events;
    put->row = (struct store_object){.digest = *digest, .bytes = bytes};
    put->sha256 = sha256_new();
    buffer_init(&put->filling, allocator_heap(&put->budget), 0);
    if (blobs->objects == NULL) {
        (void)blob_without_objects(bytes, &put->err);
        put_fail(put);
        return put;
    }
    put->pending++;
    store_object_touch(blobs->store, digest, on_known, put);
    return put;
}

bool blob_put_write(struct blob_put *put, struct span bytes)
{
    if (put->state == PUT_FAILED) {
        return true; /* thrown away */
    }
    put->received += bytes.bytes;
    sha256_add(put->sha256, bytes);
    if (put->received > put->row.bytes) {
        (void)exo_error_set(&put->err, EXO_EINVALID, "the body has more than the %llu bytes said",
                            (unsigned long long)put->row.bytes);
        put_fail(put);
        return true;
    }
    if (put->state == PUT_DROP) {
        return true;
    }
    buffer_append(&put->filling, bytes);
    if (put->filling.is_failed) {
        abort(); /* heap only: no bound to hit */
    }
    put_go_on(put);
    put->is_full = put->filling.bytes >= put->work.blobs->objects->driver->write_bytes;
    return !put->is_full;
}

static void on_checked(void *argument)
{
    struct blob_put *put = argument;

    if (put_back(put)) {
        put_done(put, NULL);
    }
}

void blob_put_end(struct blob_put *put)
{
    if (put->state == PUT_FAILED) {
        return;
    }
    put->is_ended = true;
    if (!is_whole(put)) {
        put_fail(put);
    } else if (put->state == PUT_DROP) {
        put->pending++;
        loop_defer(put->work.blobs->loop, on_checked, put);
    } else {
        put_go_on(put);
    }
}

void blob_put_cancel(struct blob_put *put)
{
    if (put != NULL) {
        put_leave(put);
    }
}
