/* object_dir: objects as files. Every step runs on another thread; an upload is NAME.part until it
 * is whole and on the disk, then renamed. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "infra/blob/object.h"
#include "infra/directory/directory.h"

enum { PATH_BYTES = 1024, CHUNK_BYTES = 1 << 20 };

static const struct object_driver dir_driver;

struct dir_store {
    struct object_store store;
    struct loop *loop;
    char directory[PATH_BYTES / 2];
};

enum dir_step { STEP_BEGIN, STEP_WRITE, STEP_FINISH, STEP_READ, STEP_REMOVE, STEP_UNDO };

struct dir_object {
    struct object object;
    struct loop *loop;
    char shard[PATH_BYTES]; /* the directory it is in */
    char path[PATH_BYTES], part[PATH_BYTES];
    int fd;
    bool is_upload; /* begun and not finished */
    bool is_busy, is_dropped;
    enum dir_step step;
    uint64_t at; /* of the next write, or of the read */
    unsigned char *bytes;
    size_t count;
    struct exo_error err;
};

struct object_store *object_dir_open(struct loop *loop, const char *directory,
                                     struct exo_error *err)
{
    struct dir_store *s = calloc(1, sizeof(*s));

    if (s == NULL || strlen(directory) >= sizeof(s->directory) ||
        directory_make(directory, 0700, "name another with --data", err) != 0) {
        if (s == NULL || strlen(directory) >= sizeof(s->directory)) {
            (void)exo_error_set(err, EXO_EINVALID, "the directory of blobs has too long a name");
        }
        free(s);
        return NULL;
    }
    s->store.driver = &dir_driver;
    s->loop = loop;
    (void)snprintf(s->directory, sizeof(s->directory), "%s", directory);
    return &s->store;
}

static void dir_close(struct object_store *store)
{
    free(store);
}

static struct object *dir_open(struct object_store *store, const char *key, object_done *done,
                               void *argument)
{
    const struct dir_store *s = (const struct dir_store *)store;
    struct dir_object *o = calloc(1, sizeof(*o));

    if (o == NULL) {
        abort();
    }
    o->object = (struct object){&dir_driver, done, argument};
    o->loop = s->loop;
    o->fd = -1;
    (void)snprintf(o->shard, sizeof(o->shard), "%s/%.2s", s->directory, key);
    (void)snprintf(o->path, sizeof(o->path), "%s/%.2s/%s", s->directory, key, key);
    (void)snprintf(o->part, sizeof(o->part), "%s/%.2s/%s.part", s->directory, key, key);
    return &o->object;
}

/* ---- on another thread ---- */

static int failed(struct dir_object *o, const char *what)
{
    int code = errno;

    return exo_error_set(&o->err, EXO_EIO, "cannot %s the file of a blob, %s: %s%s", what, o->path,
                         strerror(code), code == ENOSPC ? "; make room there" : "");
}

static int sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = fd < 0 ? -1 : fsync(fd);

    if (fd >= 0) {
        (void)close(fd);
    }
    return result;
}

static int begin_work(struct dir_object *o)
{
    if (mkdir(o->shard, 0700) != 0 && errno != EEXIST) {
        return failed(o, "make");
    }
    o->fd = open(o->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return o->fd < 0 ? failed(o, "make") : 0;
}

static int write_work(struct dir_object *o)
{
    size_t done = 0;

    while (done < o->count) {
        ssize_t got = pwrite(o->fd, o->bytes + done, o->count - done, (off_t)(o->at + done));

        if (got < 0 && errno != EINTR) {
            return failed(o, "write");
        }
        done += got > 0 ? (size_t)got : 0;
    }
    o->at += done;
    return 0;
}

static int finish_work(struct dir_object *o)
{
    char parent[PATH_BYTES];
    char *slash;

    (void)snprintf(parent, sizeof(parent), "%s", o->shard);
    slash = strrchr(parent, '/');
    assert(slash != NULL);
    *slash = '\0';
    if (fsync(o->fd) != 0 || rename(o->part, o->path) != 0 || sync_directory(o->shard) != 0 ||
        sync_directory(parent) != 0) {
        return failed(o, "keep");
    }
    return 0;
}

static int read_work(struct dir_object *o)
{
    size_t done = 0;

    if (o->fd < 0) {
        o->fd = open(o->path, O_RDONLY | O_CLOEXEC);
    }
    if (o->fd < 0) {
        return errno == ENOENT ? exo_error_set(&o->err, EXO_ENOTFOUND,
                                               "the file of a blob is gone: %s", o->path)
                               : failed(o, "open");
    }
    while (done < o->count) {
        ssize_t got = pread(o->fd, o->bytes + done, o->count - done, (off_t)(o->at + done));

        if (got == 0) {
            return exo_error_set(&o->err, EXO_EIO, "the file of a blob is cut short: %s", o->path);
        }
        if (got < 0 && errno != EINTR) {
            return failed(o, "read");
        }
        done += got > 0 ? (size_t)got : 0;
    }
    return 0;
}

static int remove_work(struct dir_object *o)
{
    /* An upload that died left its part under the same key. */
    if ((unlink(o->path) != 0 && errno != ENOENT) || (unlink(o->part) != 0 && errno != ENOENT)) {
        return failed(o, "delete");
    }
    return 0;
}

static void step_work(void *argument)
{
    struct dir_object *o = argument;

    switch (o->step) {
    case STEP_BEGIN:
        (void)begin_work(o); /* o->err says it, here and below */
        break;
    case STEP_WRITE:
        (void)write_work(o);
        break;
    case STEP_FINISH:
        (void)finish_work(o);
        break;
    case STEP_READ:
        (void)read_work(o);
        break;
    case STEP_REMOVE:
        (void)remove_work(o);
        break;
    case STEP_UNDO:
        (void)unlink(o->part); /* else the collector finds it by its key */
        break;
    }
}

/* ---- on the loop's ---- */

static void object_free(struct dir_object *o)
{
    if (o->fd >= 0) {
        (void)close(o->fd); /* whole or given up */
    }
    free(o->bytes);
    free(o);
}

static void undo_done(void *argument)
{
    object_free(argument);
}

static void object_end(struct dir_object *o)
{
    if (o->is_upload) {
        o->step = STEP_UNDO;
        loop_work(o->loop, step_work, undo_done, o);
    } else {
        object_free(o);
    }
}

static void step_done(void *argument)
{
    struct dir_object *o = argument;
    bool is_good = o->err.code == EXO_OK;
    struct span bytes = {NULL, 0};

    o->is_busy = false;
    o->is_upload = o->is_upload || (o->step == STEP_BEGIN && is_good);
    if (o->step == STEP_FINISH && is_good) {
        o->is_upload = false;
    }
    if (o->is_dropped) {
        object_end(o);
        return;
    }
    if (o->step == STEP_READ && is_good) {
        bytes = (struct span){o->bytes, o->count};
    }
    o->object.done(o->object.argument, bytes, is_good ? NULL : &o->err);
}

static void step_begin(struct dir_object *o, enum dir_step step)
{
    assert(!o->is_busy);
    o->is_busy = true;
    o->step = step;
    o->err.code = EXO_OK;
    loop_work(o->loop, step_work, step_done, o);
}

static void need_room(struct dir_object *o)
{
    if (o->bytes == NULL) {
        o->bytes = malloc(CHUNK_BYTES);
    }
    if (o->bytes == NULL) {
        abort();
    }
}

static void dir_begin(struct object *object)
{
    step_begin((struct dir_object *)object, STEP_BEGIN);
}

static void dir_write(struct object *object, struct span bytes)
{
    struct dir_object *o = (struct dir_object *)object;

    assert(bytes.bytes <= CHUNK_BYTES);
    need_room(o);
    memcpy(o->bytes, bytes.data, bytes.bytes);
    o->count = bytes.bytes;
    step_begin(o, STEP_WRITE);
}

static void dir_finish(struct object *object)
{
    step_begin((struct dir_object *)object, STEP_FINISH);
}

static void dir_read(struct object *object, uint64_t offset, size_t bytes)
{
    struct dir_object *o = (struct dir_object *)object;

    assert(bytes <= CHUNK_BYTES);
    need_room(o);
    o->at = offset;
    o->count = bytes;
    step_begin(o, STEP_READ);
}

static void dir_remove(struct object *object)
{
    step_begin((struct dir_object *)object, STEP_REMOVE);
}

static void dir_drop(struct object *object)
{
    struct dir_object *o = (struct dir_object *)object;

    o->is_dropped = true;
    if (!o->is_busy) {
        object_end(o);
    }
}

static const struct object_driver dir_driver = {
    .write_bytes = CHUNK_BYTES,
    .read_bytes = CHUNK_BYTES,
    .close = dir_close,
    .open = dir_open,
    .begin = dir_begin,
    .write = dir_write,
    .finish = dir_finish,
    .read = dir_read,
    .remove = dir_remove,
    .drop = dir_drop,
};
