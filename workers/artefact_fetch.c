#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "schemas/vocab/limits.h"
#include "workers/artefact_state.h"

static const exo_time patience_ns = 10 * EXO_MINUTE;

static void fetch_next(struct artefact_dir *dir);

static void package_close(struct artefact_dir *dir)
{
    if (dir->fd >= 0) {
        (void)close(dir->fd); /* unnamed: nothing to keep */
        dir->fd = -1;
    }
    sha256_free(dir->sha256);
    dir->sha256 = NULL;
}

/* Calls may come again from the start: what was written is void. */
static void on_begin(void *argument)
{
    struct artefact_dir *dir = argument;

    sha256_free(dir->sha256);
    dir->sha256 = sha256_new();
    dir->at = 0;
}

static void on_data(void *argument, struct span bytes)
{
    struct artefact_dir *dir = argument;
    const char *at = bytes.data;
    size_t left = bytes.bytes;

    sha256_add(dir->sha256, bytes);
    while (left > 0 && dir->write_error == 0) {
        ssize_t count = pwrite(dir->fd, at, left, (off_t)dir->at);

        if (count < 0) {
            dir->write_error = errno == EINTR ? 0 : errno;
            continue;
        }
        at += count;
        left -= (size_t)count;
        dir->at += (uint64_t)count;
    }
}

static void unpack_work(void *argument)
{
    artefact_unpack(argument);
}

static void unpack_done(void *argument)
{
    struct artefact_dir *dir = argument;
    struct artefact_store *store = dir->store;

    package_close(dir);
    if (dir->err.code == EXO_OK) {
        dir->bytes += dir->part_bytes;
        dir->part_at++;
        fetch_next(dir);
    } else {
        artefact_dir_done(dir);
    }
    artefact_store_back(store);
}

static void package_check(struct artefact_dir *dir, const struct exo_error *err)
{
    struct digest digest = sha256_finish(dir->sha256);
    const struct digest *wanted = &dir->parts[dir->part_at].digest;

    if (err != NULL) {
        dir->err = *err;
    } else if (dir->write_error != 0) {
        (void)exo_error_set(&dir->err, EXO_EIO, "no room for artefacts: %s",
                            strerror(dir->write_error));
    } else if (memcmp(digest.bytes, wanted->bytes, DIGEST_BYTES) != 0 ||
               ftruncate(dir->fd, (off_t)dir->at) != 0) {
        (void)exo_error_set(&dir->err, EXO_EUNAVAILABLE, "the package of artefacts came damaged");
    }
}

static void on_done(void *argument, const struct exo_error *err)
{
    struct artefact_dir *dir = argument;

    dir->call = NULL;
    package_check(dir, err);
    if (dir->err.code != EXO_OK) {
        package_close(dir);
        artefact_dir_done(dir);
        return;
    }
    artefact_store_busy(dir->store);
    loop_work(dir->store->loop, unpack_work, unpack_done, dir);
}

static void finish_work(void *argument)
{
    artefact_finish(argument);
}

static void finish_done(void *argument)
{
    struct artefact_dir *dir = argument;
    struct artefact_store *store = dir->store;

    artefact_dir_done(dir);
    artefact_store_back(store);
}

static void fetch_next(struct artefact_dir *dir)
{
    const struct attempt_call_events events = {
        .on_begin = on_begin, .on_data = on_data, .on_done = on_done, .argument = dir};

    if (dir->store->is_closing) {
        return;
    }
    if (dir->part_at == dir->part_count) {
        artefact_store_busy(dir->store);
        loop_work(dir->store->loop, finish_work, finish_done, dir);
        return;
    }
    const struct wire_context context = {.kind = CONTEXT_BLOB,
                                         .digest = dir->parts[dir->part_at].digest};

    dir->fd = open(dir->store->work_dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (dir->fd < 0) {
        (void)exo_error_set(&dir->err, EXO_EIO, "no file for artefacts in %s: %s",
                            dir->store->work_dir, strerror(errno));
        artefact_dir_done(dir);
        return;
    }
    dir->write_error = 0;
    dir->call = attempt_api_get(dir->store->api, &(struct execution_id){{0}}, &context, UINT32_MAX,
                                LIMIT_ARTEFACT_BYTES, span_of(dir->token), patience_ns, &events);
}

void artefact_fetch_begin(struct artefact_dir *dir)
{
    fetch_next(dir);
}

void artefact_fetch_stop(struct artefact_dir *dir)
{
    attempt_call_cancel(dir->call);
    dir->call = NULL;
    package_close(dir);
}
