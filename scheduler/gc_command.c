/* gc: a person collects blobs that nothing names any more (docs/operations.md). */
#include <stdlib.h>

#include "infra/process/backends.h"
#include "scheduler/collect.h"
#include "scheduler/start.h"
#include "schemas/vocab/quantity.h"

enum { STATUS_UNAVAILABLE = 69 };

static const exo_time patience_ns = EXO_HOUR;

/* One command under way. */
struct collecting {
    struct loop *loop;
    struct backends *backends;
    struct collect_settings settings;
    bool is_done, is_prepared;
    struct collect_result result;
};

static void ended(void *argument, const struct collect_result *result)
{
    struct collecting *collecting = argument;

    collecting->result = *result;
    collecting->is_done = true;
}

static void prepared(void *argument, const struct exo_error *err)
{
    struct collecting *collecting = argument;
    struct backends *b = collecting->backends;

    if (err != NULL) {
        collecting->result.err = *err;
        collecting->is_done = true;
        return;
    }
    collecting->is_prepared = true;
    collecting->settings.shard_count = backends_schema(b)->shard_count;
    (void)collect_begin(collecting->loop, backends_log(b), backends_store(b), backends_blobs(b),
                        &collecting->settings, ended, collecting);
}

static int tell(const struct collecting *collecting)
{
    const struct collect_result *result = &collecting->result;

    if (!collecting->is_done) {
        const char *missing = backends_missing(collecting->backends);

        (void)fprintf(stderr, "exosphere: %s\n",
                      missing[0] == '\0' ? "the store or the log does not answer" : missing);
        return STATUS_UNAVAILABLE;
    }
    if (result->err.code != EXO_OK) {
        (void)fprintf(stderr, "exosphere: %s\n", result->err.text);
        return EXIT_STATUS_FAILED;
    }
    (void)printf(
        "%s%llu blobs (%llu bytes) of the store, %llu large ones (%llu bytes); %llu doomed "
        "objects deleted\n",
        collecting->settings.is_dry ? "would collect " : "collected ",
        (unsigned long long)result->collected.blobs,
        (unsigned long long)result->collected.blob_bytes,
        (unsigned long long)result->collected.objects,
        (unsigned long long)result->collected.object_bytes, (unsigned long long)result->deleted);
    return EXIT_STATUS_DONE;
}

static int collect_all(struct collecting *collecting, const struct command_call *call)
{
    const struct backends_options options = {.set = call->set,
                                             .wanted = BACKEND_LOG | BACKEND_STORE,
                                             .client_id = "exosphere-gc",
                                             .is_existing = true};

    collecting->backends = backends_open(collecting->loop, &options, &collecting->result.err);
    if (collecting->backends == NULL) {
        return backends_open_tell(&collecting->result.err);
    }
    backends_prepare(collecting->backends, prepared, collecting);
    (void)loop_run_until(collecting->loop, &collecting->is_done, EXO_MINUTE);
    if (collecting->is_prepared) {
        (void)loop_run_until(collecting->loop, &collecting->is_done, patience_ns);
    }
    int status = tell(collecting);

    backends_close(collecting->backends);
    backends_free(collecting->backends);
    return status;
}

/* A duration such as 6h; false for another text. NULL leaves the default; 0s is as short as can be.
 */
static bool duration_read(const char *text, exo_time *ret_ns)
{
    if (text == NULL) {
        return true;
    }
    if (!duration_parse(span_of(text), ret_ns)) {
        return false;
    }
    *ret_ns = *ret_ns == 0 ? 1 : *ret_ns;
    return true;
}

static int run(const struct command_call *call)
{
    struct collecting collecting = {.settings.is_dry = command_line_is_set(call->line, "dry-run")};
    struct exo_error err;

    if (!duration_read(command_line_value(call->line, "margin"), &collecting.settings.margin_ns) ||
        !duration_read(command_line_value(call->line, "wait"), &collecting.settings.wait_ns)) {
        (void)fputs("exosphere: --margin and --wait are durations such as 24h\n", stderr);
        return EXIT_STATUS_USAGE;
    }
    collecting.loop = loop_new(&err);
    if (collecting.loop == NULL) {
        (void)fprintf(stderr, "exosphere: %s\n", err.text);
        return EXIT_STATUS_FAILED;
    }
    int status = collect_all(&collecting, call);

    loop_free(collecting.loop);
    return status;
}

static const struct flag flags[] = {
    {"dry-run", 0, NULL, "only say what would go", false},
    {"margin", 0, "DURATION", "keep what was put within it before the oldest message; 24h", false},
    {"wait", 0, "DURATION", "between the doom of an object and its end; 6h", false},
};

const struct command command_gc = {
    .name = "gc",
    .arguments = "",
    .summary = "collect blobs that no execution names any more",
    .details =
        "Schedulers do the same every hour. A --margin shorter than a worker may be away from\n"
        "the log can cost an attempt its output.\n"
        "Exit status: 66 there is no such store, 69 the store or the log does not answer, 73 "
        "another\n"
        "process has it (SQLite).\n",
    .role = ROLE_ADMIN,
    .flags = flags,
    .flag_count = sizeof(flags) / sizeof(flags[0]),
    .run = run,
};
