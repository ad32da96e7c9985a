#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "infra/crypto/crypto.h"
#include "infra/zstd/zstd_frame.h"
#include "schemas/vocab/limits.h"
#include "workers/attempt_state.h"

static const exo_time output_patience_ns = 10 * EXO_MINUTE;
static const exo_time log_patience_ns = EXO_MINUTE;

static void *copy_of(struct span bytes)
{
    void *copy = malloc(bytes.bytes == 0 ? 1 : bytes.bytes);

    if (copy != NULL && bytes.bytes > 0) {
        memcpy(copy, bytes.data, bytes.bytes);
    }
    return copy;
}

void attempt_leavings_take(struct attempt *a, const struct sandbox_result *result)
{
    struct attempt_leavings *left = &a->left;

    left->files.has_control = result->control.state != SANDBOX_FILE_MISSING;
    if (result->control.state == SANDBOX_FILE_REFUSED) {
        left->files.control_problem = arena_copy(&a->arena, span_of(result->control.problem)).data;
    } else if (result->control.state == SANDBOX_FILE_READ) {
        left->files.control = arena_copy(&a->arena, result->control.bytes);
    }
    if (result->output.state == SANDBOX_FILE_REFUSED) {
        left->files.output_problem = arena_copy(&a->arena, span_of(result->output.problem)).data;
    } else if (result->output.state == SANDBOX_FILE_READ && left->must_judge) {
        left->output = copy_of(result->output.bytes);
        left->files.has_output = true;
        left->files.output = (struct span){left->output, result->output.bytes.bytes};
        if (left->output == NULL) {
            left->files.has_output = false;
            left->files.output_problem = "the worker has no memory for it";
        }
    }
    attempt_artefacts_take(a, result);
    left->log_bytes_all = result->log_bytes;
    if (result->log.bytes > 0) {
        left->log = copy_of(result->log);
        left->log_bytes = left->log == NULL ? 0 : result->log.bytes;
    }
}

static void raw_free(struct attempt_leavings *left)
{
    free(left->output);
    free(left->log);
    left->output = NULL;
    left->log = NULL;
    left->files.output = (struct span){NULL, 0};
}

void attempt_uploads_cancel(struct attempt *a)
{
    attempt_call_cancel(a->left.json_call);
    attempt_call_cancel(a->left.frame_call);
    attempt_call_cancel(a->left.package_call);
    a->left.package_call = NULL;
    a->left.json_call = NULL;
    a->left.frame_call = NULL;
}

void attempt_leavings_release(struct attempt *a)
{
    attempt_uploads_cancel(a);
    raw_free(&a->left);
    attempt_artefacts_close(a);
    buffer_release(&a->left.json);
    buffer_release(&a->left.control);
    buffer_release(&a->left.frame);
}

static enum attempt_end end_of_verdict(enum contract_result verdict)
{
    return verdict == CONTRACT_OK        ? ATTEMPT_EXITED
           : verdict == CONTRACT_REFUSED ? ATTEMPT_REFUSED
                                         : ATTEMPT_FAULTY;
}

/* Both uploads have ended: the report is complete. */
static void collected(struct attempt *a)
{
    struct attempt_leavings *left = &a->left;
    enum attempt_end end = end_of_verdict(left->verdict);

    if (left->is_frame_stored) {
        a->report.has_log = true;
        a->report.log_digest = left->frame_digest;
        a->report.log_bytes = left->log_bytes_all;
    }
    buffer_release(&left->frame);
    a->report.control = buffer_span(&left->control);
    if (left->json.bytes <= LIMIT_INLINE_BYTES) {
        a->report.output = buffer_span(&left->json);
    } else if (left->json_err.code == EXO_OK) {
        a->report.has_output_digest = true;
        a->report.output_digest = left->json_digest;
        a->report.output_bytes = left->json.bytes;
        buffer_release(&left->json);
    } else {
        (void)snprintf(a->error, sizeof(a->error), "OUTPUT_NOT_STORED: %s", left->json_err.text);
        end = ATTEMPT_BROKEN;
    }
    if (end == ATTEMPT_EXITED) {
        end = attempt_artefacts_end(a);
    }
    if (end == ATTEMPT_EXITED && left->must_judge && attempt_cache_keep(a)) {
        return;
    }
    attempt_tell(a, WORKER_ON_COLLECTED, end, 0);
}

static void uploads_check(struct attempt *a)
{
    if (a->left.json_call == NULL && a->left.frame_call == NULL && a->left.package_call == NULL) {
        collected(a);
    }
}

static void json_stored(void *argument, const struct exo_error *err)
{
    struct attempt *a = argument;

    a->left.json_call = NULL;
    if (err != NULL) {
        a->left.json_err = *err;
    }
    uploads_check(a);
}

static void frame_stored(void *argument, const struct exo_error *err)
{
    struct attempt *a = argument;

    a->left.frame_call = NULL;
    a->left.is_frame_stored = err == NULL; /* a log is not worth the attempt */
    uploads_check(a);
}

static void upload(struct attempt *a)
{
    struct attempt_leavings *left = &a->left;
    const struct attempt_call_events json_events = {.on_done = json_stored, .argument = a};
    const struct attempt_call_events frame_events = {.on_done = frame_stored, .argument = a};
    struct attempt_api *api = a->host->api;

    if (left->json.bytes > LIMIT_INLINE_BYTES) {
        if (api == NULL) {
            (void)exo_error_set(&left->json_err, EXO_EINVALID,
                                "an output above 64 KiB goes through the API; start this worker "
                                "with --api-url");
        } else {
            left->json_call = attempt_api_put(api, &left->json_digest, buffer_span(&left->json),
                                              a->token, output_patience_ns, &json_events);
        }
    }
    if (left->frame.bytes > 0 && api != NULL) {
        left->frame_call = attempt_api_put(api, &left->frame_digest, buffer_span(&left->frame),
                                           a->token, log_patience_ns, &frame_events);
    }
    attempt_artefacts_upload(a, uploads_check);
    uploads_check(a);
}

/* On another thread, or here when there is little. */
static void leavings_work(void *argument)
{
    struct attempt *a = argument;
    struct attempt_leavings *left = &a->left;

    if (left->must_judge) {
        left->verdict =
            contract_judge(a->contract, &left->files, &left->json, &left->control, a->error);
    }
    if (left->verdict == CONTRACT_OK && left->must_judge) {
        attempt_artefacts_pack(a);
    }
    if (left->json.bytes > LIMIT_INLINE_BYTES) {
        left->json_digest = sha256_of(buffer_span(&left->json));
    }
    if (left->log_bytes > 0 && a->host->api != NULL) {
        left->is_frame_failed =
            zstd_compress((struct span){left->log, left->log_bytes}, &left->frame, NULL) != 0;
        if (left->is_frame_failed) {
            buffer_reset(&left->frame);
        } else {
            left->frame_digest = sha256_of(buffer_span(&left->frame));
        }
    }
    raw_free(left);
}

static void leavings_done(void *argument)
{
    struct attempt *a = argument;

    if (attempt_ended(a)) {
        upload(a);
    }
}

void attempt_collect(struct attempt *a)
{
    if (a->cache.is_hit) {
        attempt_cache_give(a);
        attempt_tell(a, WORKER_ON_COLLECTED, ATTEMPT_EXITED, 0);
        return;
    }
    if (a->left.log_bytes == 0 && a->left.artefacts_fd < 0 &&
        a->left.files.output.bytes <= LIMIT_INLINE_BYTES) {
        leavings_work(a);
        upload(a);
        return;
    }
    attempt_begin(a);
    loop_work(a->host->loop, leavings_work, leavings_done, a);
}
