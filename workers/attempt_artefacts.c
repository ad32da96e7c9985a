#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "schemas/vocab/limits.h"
#include "workers/attempt_state.h"

static const exo_time upload_patience_ns = 30 * EXO_MINUTE;
static const char prefix[] = "artefacts-of/";

/* The artefacts of one parent. */
struct attempt_artefacts {
    struct attempt *attempt;
    struct artefact_request *request; /* NULL: none under way */
    struct artefact_dir *dir;         /* NULL: not had */
};

/* ---- before the start ---- */

/* A map of more tasks shows none: docs/satellites.md. */
static bool is_wanted(const struct wire_context *context)
{
    return context->path.bytes > sizeof(prefix) - 1 &&
           memcmp(context->path.data, prefix, sizeof(prefix) - 1) == 0 &&
           (context->kind == CONTEXT_BLOB ||
            (context->kind == CONTEXT_LIST && context->count <= LIMIT_ARTEFACT_MAP_TASKS));
}

static void give_up(struct attempt *a, const struct exo_error *err)
{
    bool is_ours = err->code == EXO_EUNAVAILABLE || err->code == EXO_EIO;

    (void)snprintf(a->error, sizeof(a->error), "ARTEFACTS: %s", err->text);
    attempt_missed(a, "API");
    attempt_prepare_failed(a, is_ours ? ATTEMPT_BROKEN : ATTEMPT_REFUSED);
}

static void on_ready(void *argument, struct artefact_dir *dir, const struct exo_error *err)
{
    struct attempt_artefacts *artefacts = argument;
    struct attempt *a = artefacts->attempt;

    artefacts->request = NULL;
    artefacts->dir = dir;
    if (dir == NULL) {
        give_up(a, err);
        return;
    }
    a->artefact_mounts[artefacts - a->artefacts].source = artefact_path(dir);
    if (--a->artefacts_open == 0) {
        a->is_artefacts_done = true;
        attempt_prepare_done(a);
    }
}

static uint32_t count_wanted(const struct wire_spec *spec)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < spec->context_count; i++) {
        count += is_wanted(&spec->contexts[i]);
    }
    return count;
}

void attempt_artefacts_begin(struct attempt *a)
{
    const struct wire_spec *spec = &a->contract->spec;
    uint32_t count = count_wanted(spec);
    struct exo_error err;

    if (count == 0) {
        a->is_artefacts_done = true;
        return;
    }
    if (a->host->artefacts == NULL || count > SANDBOX_ARTEFACTS_MAX) {
        (void)exo_error_set(&err, a->host->artefacts == NULL ? EXO_EUNAVAILABLE : EXO_ELIMIT,
                            a->host->artefacts == NULL
                                ? "this worker knows no API; start it with --api-url"
                                : "more than 64 of the satellites in needs left some");
        give_up(a, &err);
        return;
    }
    a->artefacts = calloc(count, sizeof(*a->artefacts));
    a->artefact_mounts = calloc(count, sizeof(*a->artefact_mounts));
    assert(a->artefacts != NULL); /* bounded by the worker's slots */
    assert(a->artefact_mounts != NULL);
    a->artefacts_open = count;
    for (uint32_t i = 0; i < spec->context_count; i++) {
        const struct wire_context *context = &spec->contexts[i];

        if (!is_wanted(context)) {
            continue;
        }
        struct attempt_artefacts *artefacts = &a->artefacts[a->artefact_count];

        /* The copy's path ends with a NUL (contract.c). */
        a->artefact_mounts[a->artefact_count++].name =
            (const char *)context->path.data + sizeof(prefix) - 1;
        artefacts->attempt = a;
        artefacts->request = artefact_get(a->host->artefacts, &a->id.execution, context, a->token,
                                          on_ready, artefacts);
    }
}

void attempt_artefacts_release(struct attempt *a)
{
    for (uint32_t i = 0; i < a->artefact_count; i++) {
        artefact_cancel(a->artefacts[i].request);
        if (a->artefacts[i].dir != NULL) {
            artefact_release(a->host->artefacts, a->artefacts[i].dir);
        }
    }
    free(a->artefacts);
    free(a->artefact_mounts);
    a->artefacts = NULL;
    a->artefact_mounts = NULL;
    a->artefact_count = 0;
}

/* ---- after the exit ---- */

void attempt_artefacts_take(struct attempt *a, const struct sandbox_result *result)
{
    struct attempt_leavings *left = &a->left;

    if (!left->must_judge) {
        return;
    }
    if (result->artefacts_problem[0] != '\0') {
        (void)exo_error_set(&left->package_err, EXO_EINVALID, "%s", result->artefacts_problem);
    } else if (result->artefacts_fd >= 0) {
        left->artefacts_fd = fcntl(result->artefacts_fd, F_DUPFD_CLOEXEC, 0);
        if (left->artefacts_fd < 0) {
            (void)exo_error_set(&left->package_err, EXO_EIO, "no file descriptor is left");
        }
    }
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd); /* read, or unnamed */
        *fd = -1;
    }
}

void attempt_artefacts_close(struct attempt *a)
{
    close_fd(&a->left.artefacts_fd);
    close_fd(&a->left.package_fd);
}

void attempt_artefacts_pack(struct attempt *a)
{
    struct attempt_leavings *left = &a->left;
    struct exo_error err = {.code = EXO_OK};

    if (left->artefacts_fd < 0) {
        return;
    }
    left->package_fd = open(a->host->work_dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (left->package_fd < 0) {
        (void)exo_error_set(&left->package_err, EXO_EIO, "the worker has no file for them: %s",
                            strerror(errno));
    } else if (package_write(left->artefacts_fd, left->package_fd, &left->package, &err) != 0) {
        left->package_err = err;
    }
    close_fd(&left->artefacts_fd); /* and with it the attempt's tmpfs */
}

struct upload {
    struct attempt *attempt;
    void (*done)(struct attempt *attempt);
};

static void on_stored(void *argument, const struct exo_error *err)
{
    struct upload upload = *(struct upload *)argument;

    upload.attempt->left.package_call = NULL;
    if (err != NULL) {
        upload.attempt->left.package_err = *err;
    }
    upload.done(upload.attempt);
}

void attempt_artefacts_upload(struct attempt *a, void (*done)(struct attempt *attempt))
{
    struct attempt_leavings *left = &a->left;

    if (left->package.file_count == 0 || left->package_err.code != EXO_OK) {
        return;
    }
    if (a->host->api == NULL) {
        (void)exo_error_set(&left->package_err, EXO_EUNAVAILABLE,
                            "they go through the API; start this worker with --api-url");
        return;
    }
    struct upload *upload = arena_alloc(&a->arena, sizeof(*upload));

    assert(upload != NULL); /* a few bytes of 8 MiB */
    *upload = (struct upload){a, done};
    const struct attempt_call_events events = {.on_done = on_stored, .argument = upload};

    left->package_call =
        attempt_api_put_file(a->host->api, &left->package.digest, left->package_fd,
                             left->package.bytes, a->token, upload_patience_ns, &events);
}

enum attempt_end attempt_artefacts_end(struct attempt *a)
{
    struct attempt_leavings *left = &a->left;
    enum exo_error_code code = left->package_err.code;

    close_fd(&left->package_fd);
    if (code == EXO_OK) {
        a->report.has_artefacts = left->package.file_count > 0;
        a->report.artefacts_digest = left->package.digest;
        a->report.artefacts_bytes = left->package.bytes;
        return ATTEMPT_EXITED;
    }
    bool is_theirs = code == EXO_EINVALID || code == EXO_ELIMIT;

    (void)snprintf(a->error, sizeof(a->error), "%s: %s",
                   is_theirs ? "ARTEFACTS_INVALID" : "ARTEFACTS_NOT_STORED",
                   left->package_err.text);
    return is_theirs ? ATTEMPT_FAULTY : ATTEMPT_BROKEN;
}
