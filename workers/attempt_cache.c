/* attempt_cache: a result that is there already is given again, without a container.
 *
 *   prepared --key of image, command, input ...--> API: is there one? --no--> start ... keep it
 *                                                        \--yes: exited at once, its result
 *
 * Only for satellites that ask for it (`cache`). An API that is away means: no. */
#include <stdio.h>

#include "infra/crypto/crypto.h"
#include "schemas/json/json_write.h"
#include "schemas/wire/state.h"
#include "workers/attempt_state.h"

enum { RESULT_BYTES_MAX = 1 << 18 };

static const exo_time ask_patience_ns = 5 * EXO_SECOND;
static const exo_time keep_patience_ns = 5 * EXO_SECOND;

static bool is_wanted(const struct attempt *a)
{
    return a->contract != NULL && a->contract->work.cache.ttl_ns > 0 && a->host->api != NULL &&
           !a->host->is_dry;
}

/* ---- the key ---- */

static void add(struct sha256 *sha256, const char *what, struct span bytes)
{
    char head[64];

    /* With the length, so that no two lists of parts read alike. */
    (void)snprintf(head, sizeof(head), "%s %zu\n", what, bytes.bytes);
    sha256_add(sha256, span_of(head));
    sha256_add(sha256, bytes);
}

/* What names the execution or the attempt is new each time. */
static bool is_of_attempt(const char *entry)
{
    return strncmp(entry, "EXOSPHERE_", 10) == 0 || strncmp(entry, "TRACEPARENT=", 12) == 0;
}

static void add_work(struct sha256 *sha256, const struct satellite_work *work)
{
    struct heap_budget budget = {0};
    struct buffer text;
    struct json_writer json = {.buffer = &text};

    add(sha256, "key", work->cache.key);
    add(sha256, "output", (struct span){&work->output, sizeof(work->output)});
    add(sha256, "network", (struct span){&work->network, sizeof(work->network)});
    for (uint32_t i = 0; i < work->secret_count; i++) {
        add(sha256, "secret", work->secrets[i]);
    }
    for (uint32_t i = 0; i < work->mount_count; i++) {
        add(sha256, "volume", work->mounts[i].volume);
        add(sha256, "at", work->mounts[i].path);
    }
    if (work->output_schema != NULL) {
        buffer_init(&text, allocator_heap(&budget), 0);
        json_put_value(&json, work->output_schema);
        add(sha256, "schema", buffer_span(&text));
        buffer_release(&text);
    }
}

static struct digest key_make(const struct attempt *a)
{
    const struct contract_plan *plan = a->plan;
    struct sha256 *sha256 = sha256_new();

    add(sha256, "exosphere result 1, project", a->contract->spec.project);
    add(sha256, "image", span_of(a->image->digest));
    for (const char *const *at = plan->args; at != NULL && *at != NULL; at++) {
        add(sha256, "argument", span_of(*at));
    }
    for (const char *const *at = plan->env; at != NULL && *at != NULL; at++) {
        if (!is_of_attempt(*at)) {
            add(sha256, "env", span_of(*at));
        }
    }
    add(sha256, "workdir", span_of(plan->cwd == NULL ? "" : plan->cwd));
    add(sha256, "input",
        a->input.map != NULL ? (struct span){a->input.map, a->input.map_bytes}
                             : buffer_span(&plan->json));
    for (uint32_t i = 0; i < a->artefact_count; i++) {
        add(sha256, "artefacts of", span_of(a->artefact_mounts[i].name));
        /* The directory is named by the digest of what is in it. */
        add(sha256, "are", span_of(strrchr(a->artefact_mounts[i].source, '/')));
    }
    add_work(sha256, &a->contract->work);
    struct digest key = sha256_finish(sha256);

    sha256_free(sha256);
    return key;
}

/* ---- asking ---- */

static void on_begin(void *argument)
{
    struct attempt *a = argument;

    buffer_reset(&a->cache.bytes);
}

static void on_data(void *argument, struct span bytes)
{
    struct attempt *a = argument;

    buffer_append(&a->cache.bytes, bytes);
}

/* False for what this version cannot read: then the container runs. */
static bool result_read(struct attempt *a)
{
    struct span bytes = arena_copy(&a->arena, buffer_span(&a->cache.bytes));
    const struct wire_output *outputs = NULL;
    uint32_t count = 0;

    if (bytes.data == NULL || a->cache.bytes.is_failed ||
        wire_outputs_unpack(bytes, &a->arena, &outputs, &count) != WIRE_OK || count != 1 ||
        outputs[0].outcome != OUTCOME_SUCCEEDED) {
        return false;
    }
    a->cache.result = outputs[0];
    return true;
}

static void on_answer(void *argument, const struct exo_error *err)
{
    struct attempt *a = argument;

    a->cache.call = NULL;
    a->cache.is_hit = err == NULL && result_read(a);
    a->cache.is_answered = true;
    buffer_release(&a->cache.bytes);
    attempt_prepare_done(a);
}

bool attempt_cache_ask(struct attempt *a)
{
    const struct attempt_call_events events = {
        .on_begin = on_begin, .on_data = on_data, .on_done = on_answer, .argument = a};

    if (!is_wanted(a) || a->cache.is_answered) {
        return false;
    }
    if (a->cache.call == NULL) {
        a->cache.key = key_make(a);
        buffer_init(&a->cache.bytes, allocator_heap(&a->cache.budget), RESULT_BYTES_MAX);
        a->cache.call = attempt_api_result_get(a->host->api, &a->cache.key, RESULT_BYTES_MAX,
                                               a->token, ask_patience_ns, &events);
    }
    return true;
}

void attempt_cache_give(struct attempt *a)
{
    const struct wire_output *result = &a->cache.result;

    a->report.is_cached = true;
    a->report.output = result->json;
    a->report.has_output_digest = result->has_ref;
    a->report.output_digest = result->ref_digest;
    a->report.output_bytes = result->ref_bytes;
    a->report.has_artefacts = result->has_artefacts;
    a->report.artefacts_digest = result->artefacts_digest;
    a->report.artefacts_bytes = result->artefacts_bytes;
}

/* ---- keeping ---- */

static void on_kept(void *argument, const struct exo_error *err)
{
    struct attempt *a = argument;

    (void)err; /* the next one runs a container then */
    a->cache.call = NULL;
    buffer_release(&a->cache.bytes);
    attempt_tell(a, WORKER_ON_COLLECTED, ATTEMPT_EXITED, 0);
}

bool attempt_cache_keep(struct attempt *a)
{
    const struct attempt_call_events events = {.on_done = on_kept, .argument = a};
    struct wire_output output = {
        .attempt = 1,
        .json = a->report.output,
        .has_ref = a->report.has_output_digest,
        .ref_digest = a->report.output_digest,
        .ref_bytes = a->report.output_bytes,
        .has_artefacts = a->report.has_artefacts,
        .artefacts_digest = a->report.artefacts_digest,
        .artefacts_bytes = a->report.artefacts_bytes,
        .outcome = OUTCOME_SUCCEEDED,
    };

    /* What one asks of the scheduler is not asked again for another. */
    if (!is_wanted(a) || !a->cache.is_answered || a->report.control.bytes > 0) {
        return false;
    }
    buffer_init(&a->cache.bytes, allocator_heap(&a->cache.budget), RESULT_BYTES_MAX);
    wire_outputs_pack(&output, 1, &a->arena, &a->cache.bytes);
    if (a->cache.bytes.is_failed) {
        buffer_release(&a->cache.bytes);
        return false;
    }
    a->cache.call =
        attempt_api_result_put(a->host->api, &a->cache.key, a->contract->work.cache.ttl_ns,
                               buffer_span(&a->cache.bytes), a->token, keep_patience_ns, &events);
    return true;
}

void attempt_cache_release(struct attempt *a)
{
    attempt_call_cancel(a->cache.call);
    a->cache.call = NULL;
    buffer_release(&a->cache.bytes);
}
