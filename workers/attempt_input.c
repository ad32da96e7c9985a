#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "schemas/vocab/limits.h"
#include "workers/attempt_state.h"

static const exo_time patience_ns = 2 * EXO_MINUTE;

/* Values that expressions look into. */

static void fetch_data(void *argument, struct span bytes)
{
    struct attempt_fetch *fetch = argument;

    buffer_append(&fetch->bytes, bytes);
}

static void fetch_begin(void *argument)
{
    struct attempt_fetch *fetch = argument;

    buffer_reset(&fetch->bytes);
}

static void fetch_fail(struct attempt_fetch *fetch, const struct exo_error *err)
{
    struct contract_scope *scope = &fetch->attempt->plan->scope;

    contract_scope_failed(scope, fetch->want,
                          err->code == EXO_ELIMIT
                              ? "a value above 1 MiB can be passed on but not looked into"
                              : err->text);
}

static void fetch_done(void *argument, const struct exo_error *err)
{
    struct attempt_fetch *fetch = argument;
    struct attempt *a = fetch->attempt;

    fetch->call = NULL;
    if (err != NULL) {
        fetch_fail(fetch, err);
    } else {
        struct span kept = arena_copy(&a->plan->arena, buffer_span(&fetch->bytes));

        contract_scope_fetched(&a->plan->scope, fetch->want, kept);
    }
    buffer_release(&fetch->bytes);
    if (--a->fetches_open == 0) {
        attempt_plan(a);
    }
}

void attempt_fetch_wants(struct attempt *a)
{
    const struct contract_scope *scope = &a->plan->scope;

    if (a->host->api == NULL) {
        (void)snprintf(a->error, sizeof(a->error),
                       "API: the input is kept by reference, but this worker knows no API; start "
                       "it with --api-url");
        attempt_missed(a, "API");
        attempt_prepare_failed(a, ATTEMPT_BROKEN);
        return;
    }
    if (a->fetches == NULL) {
        a->fetches = calloc(CONTRACT_WANTS_MAX, sizeof(*a->fetches));
        assert(a->fetches != NULL); /* bounded by the worker's slots */
    }
    while (a->fetch_count < scope->want_count) {
        struct attempt_fetch *fetch = &a->fetches[a->fetch_count];
        struct contract_want *want = &a->plan->scope.wants[a->fetch_count];
        const struct attempt_call_events events = {.on_begin = fetch_begin,
                                                   .on_data = fetch_data,
                                                   .on_done = fetch_done,
                                                   .argument = fetch};

        a->fetch_count++;
        a->fetches_open++;
        *fetch = (struct attempt_fetch){.attempt = a, .want = want};
        buffer_init(&fetch->bytes, allocator_heap(&a->plan->budget), LIMIT_LIST_LOAD_BYTES);
        fetch->call = attempt_api_get(a->host->api, &a->id.execution, want->context, want->index,
                                      LIMIT_LIST_LOAD_BYTES, a->token, patience_ns, &events);
    }
}

/* Values streamed into the input. */

static void input_fail(struct attempt *a, enum attempt_end end, const char *text)
{
    (void)snprintf(a->error, sizeof(a->error), "INPUT: %s", text);
    attempt_prepare_failed(a, end);
}

static void file_append(struct attempt_input *input, struct span bytes)
{
    const char *at = bytes.data;
    size_t left = bytes.bytes;

    while (left > 0 && input->write_error == 0) {
        ssize_t count = pwrite(input->fd, at, left, (off_t)input->at);

        if (count < 0) {
            input->write_error = errno == EINTR ? 0 : errno;
            continue;
        }
        at += count;
        left -= (size_t)count;
        input->at += (uint64_t)count;
    }
}

static void input_map(struct attempt *a)
{
    struct attempt_input *input = &a->input;

    input->map_bytes = input->at;
    input->map = mmap(NULL, input->map_bytes, PROT_READ, MAP_PRIVATE, input->fd, 0);
    if (input->map == MAP_FAILED) {
        input->map = NULL;
        input_fail(a, ATTEMPT_BROKEN, "the worker cannot map it");
        return;
    }
    a->is_plan_done = true;
    attempt_prepare_done(a);
}

static void part_data(void *argument, struct span bytes)
{
    struct attempt *a = argument;

    file_append(&a->input, bytes);
}

/* A try begins: what an earlier one wrote is overwritten, and cut off at the end. */
static void part_begin(void *argument)
{
    struct attempt *a = argument;

    a->input.at = a->input.begin;
}

static void parts_go_on(struct attempt *a);

static void part_done(void *argument, const struct exo_error *err)
{
    struct attempt *a = argument;

    a->input.call = NULL;
    if (err != NULL) {
        attempt_missed(a, "API");
        input_fail(a, err->code == EXO_ENOTFOUND ? ATTEMPT_REFUSED : ATTEMPT_BROKEN, err->text);
        return;
    }
    a->input.part++;
    parts_go_on(a);
}

static void parts_go_on(struct attempt *a)
{
    struct attempt_input *input = &a->input;
    const struct contract_part *part = &a->plan->parts[input->part];
    const char *text = (const char *)a->plan->json.data + part->text_begin;

    file_append(input, (struct span){text, part->text_end - part->text_begin});
    if (input->write_error != 0 || (part->hole == NULL && ftruncate(input->fd, (off_t)input->at))) {
        input_fail(a, ATTEMPT_BROKEN, "the worker's --runtime-dir has no room for it");
        return;
    }
    if (part->hole == NULL) {
        input_map(a);
        return;
    }
    const struct attempt_call_events events = {
        .on_begin = part_begin, .on_data = part_data, .on_done = part_done, .argument = a};

    input->begin = input->at;
    input->call = attempt_api_get(a->host->api, &a->id.execution, part->hole, part->hole_index, 0,
                                  a->token, patience_ns, &events);
}

void attempt_input_write(struct attempt *a)
{
    if (a->host->api == NULL) {
        attempt_missed(a, "API");
        input_fail(a, ATTEMPT_BROKEN,
                   "it is kept by reference, but this worker knows no API; start it with "
                   "--api-url");
        return;
    }
    a->input.fd = open(a->host->work_dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (a->input.fd < 0) {
        input_fail(a, ATTEMPT_BROKEN, strerror(errno));
        return;
    }
    parts_go_on(a);
}

void attempt_input_release(struct attempt *a)
{
    for (uint32_t i = 0; i < a->fetch_count; i++) {
        attempt_call_cancel(a->fetches[i].call);
        a->fetches[i].call = NULL;
        buffer_release(&a->fetches[i].bytes);
    }
    a->fetch_count = 0;
    attempt_call_cancel(a->input.call);
    a->input.call = NULL;
    if (a->input.map != NULL) {
        (void)munmap(a->input.map, a->input.map_bytes); /* ours, whole */
        a->input.map = NULL;
    }
    if (a->input.fd >= 0) {
        (void)close(a->input.fd); /* unnamed: nothing to keep */
        a->input.fd = -1;
    }
}
