/* shard resume: a person lets a shard go on that stands still (docs/operations.md). */
#include <errno.h>
#include <stdlib.h>

#include "infra/process/backends.h"
#include "scheduler/resume.h"
#include "scheduler/start.h"

enum { STATUS_CONFLICT = 73, STATUS_UNAVAILABLE = 69 };

static const exo_time wait_ns = EXO_MINUTE;

/* One command under way. */
struct resuming {
    struct backends *backends;
    uint32_t shard;
    int64_t reread;
    bool is_done;
    struct resume_result result;
};

static void resumed(void *argument, const struct resume_result *result)
{
    struct resuming *resuming = argument;

    resuming->result = *result;
    resuming->is_done = true;
}

static void prepared(void *argument, const struct exo_error *err)
{
    struct resuming *resuming = argument;
    uint32_t shard_count = backends_schema(resuming->backends)->shard_count;

    if (err == NULL && resuming->shard < shard_count) {
        resume_shard(backends_log(resuming->backends), backends_store(resuming->backends),
                     resuming->shard, resuming->reread, resumed, resuming);
        return;
    }
    resuming->is_done = true;
    if (err != NULL) {
        resuming->result.err = *err;
    } else {
        (void)exo_error_set(&resuming->result.err, EXO_EINVALID,
                            "there is no shard %u: they are numbered 0 to %u", resuming->shard,
                            shard_count - 1);
    }
}

static int tell(const struct resuming *resuming)
{
    const struct exo_error *err = &resuming->result.err;

    if (!resuming->is_done) {
        const char *missing = backends_missing(resuming->backends);

        (void)fprintf(stderr, "exosphere: %s\n",
                      missing[0] == '\0' ? "the store or the log does not answer" : missing);
        return STATUS_UNAVAILABLE;
    }
    if (err->code != EXO_OK) {
        (void)fprintf(stderr, "exosphere: %s\n", err->text);
        return err->code == EXO_EFENCED    ? (int)STATUS_CONFLICT
               : err->code == EXO_EINVALID ? EXIT_STATUS_USAGE
                                           : EXIT_STATUS_FAILED;
    }
    (void)printf(
        "shard %u goes on: exo.jobs from %lld, exo.status from %lld; its owner looks within "
        "10 s\n",
        resuming->shard, (long long)resuming->result.jobs_from,
        (long long)resuming->result.status_from);
    return EXIT_STATUS_DONE;
}

/* A whole number from 0 to most. */
static bool number_read(const char *text, long long most, long long *ret_number)
{
    char *end = NULL;

    errno = 0;
    *ret_number = strtoll(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *ret_number >= 0 && *ret_number <= most;
}

static int resume(struct loop *loop, const struct command_call *call, struct resuming *resuming)
{
    const struct backends_options options = {.set = call->set,
                                             .wanted = BACKEND_LOG | BACKEND_STORE,
                                             .client_id = "exosphere-shard-resume",
                                             .is_existing = true};

    resuming->backends = backends_open(loop, &options, &resuming->result.err);
    if (resuming->backends == NULL) {
        return backends_open_tell(&resuming->result.err);
    }
    backends_prepare(resuming->backends, prepared, resuming);
    (void)loop_run_until(loop, &resuming->is_done, wait_ns);
    int status = tell(resuming);

    backends_close(resuming->backends);
    backends_free(resuming->backends);
    return status;
}

static int run(const struct command_call *call)
{
    const char *reread = command_line_value(call->line, "reread");
    struct resuming resuming = {0};
    long long shard = 0;
    long long records = 0;
    struct exo_error err;

    if (!number_read(call->line->positionals[0], UINT32_MAX, &shard) ||
        !number_read(reread == NULL ? "10000" : reread, INT64_MAX, &records)) {
        (void)fputs("exosphere: give the shard's number, and a number of records\n", stderr);
        return EXIT_STATUS_USAGE;
    }
    resuming.shard = (uint32_t)shard;
    resuming.reread = records;
    struct loop *loop = loop_new(&err);

    if (loop == NULL) {
        (void)fprintf(stderr, "exosphere: %s\n", err.text);
        return EXIT_STATUS_FAILED;
    }
    int status = resume(loop, call, &resuming);

    loop_free(loop);
    return status;
}

static const struct flag flags[] = {
    {"reread", 0, "N", "records to read again before the ends; 10000 unless said otherwise", false},
};

const struct command command_shard_resume = {
    .name = "shard resume",
    .arguments = "SHARD",
    .summary = "let a shard go on that stands still, after its log lost records",
    .details =
        "Read docs/operations.md, \"A shard that stands still\", first. A GAP row is written to\n"
        "the journal; leases recover tasks whose answers were lost.\n"
        "Exit status: 66 there is no such store, 69 the store or the log does not answer, 73 its\n"
        "owner has just committed: it does not stand still. Of an idle shard that cannot be told;\n"
        "its owner then loads it again, which costs it a moment and changes nothing.\n",
    .role = ROLE_ADMIN,
    .flags = flags,
    .flag_count = sizeof(flags) / sizeof(flags[0]),
    .positionals_least = 1,
    .positionals_most = 1,
    .run = run,
};
