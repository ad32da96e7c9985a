/* restore-point begin|complete|list: what a backup script says to the janitor (docs/operations.md,
 * "Backups"). */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "infra/process/backends.h"
#include "scheduler/start.h"

enum { STATUS_CONFLICT = 73, STATUS_UNAVAILABLE = 69 };

static const exo_time wait_ns = EXO_MINUTE;

enum verb { VERB_BEGIN, VERB_COMPLETE, VERB_LIST };

/* One command under way. */
struct pointing {
    struct backends *backends;
    enum verb verb;
    int64_t id;
    bool is_done;
    struct exo_error err;
};

static void time_print(exo_time at_ns)
{
    time_t seconds = (time_t)(at_ns / EXO_SECOND);
    struct tm parts;
    char text[32] = "";

    if (at_ns != 0 && gmtime_r(&seconds, &parts) != NULL) {
        (void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
    }
    (void)printf("  %-20s", at_ns == 0 ? "-" : text);
}

static void answered(void *argument, const struct store_restore_point *points, uint32_t count,
                     const struct exo_error *err)
{
    struct pointing *p = argument;

    p->is_done = true;
    if (err != NULL) {
        p->err = *err;
        return;
    }
    if (p->verb == VERB_LIST) {
        (void)printf("%-8s  %-20s  %s\n", "ID", "BEGUN", "COMPLETED");
    }
    for (uint32_t i = 0; i < count && p->verb == VERB_LIST; i++) {
        (void)printf("%-8lld", (long long)points[i].id);
        time_print(points[i].begun_ns);
        time_print(points[i].completed_ns);
        (void)printf("\n");
    }
    if (p->verb == VERB_BEGIN && count == 1) {
        (void)printf("%lld\n", (long long)points[0].id);
    }
}

static void prepared(void *argument, const struct exo_error *err)
{
    struct pointing *p = argument;
    struct store *store = backends_store(p->backends);

    if (err != NULL) {
        p->is_done = true;
        p->err = *err;
    } else if (p->verb == VERB_BEGIN) {
        store_restore_point_begin(store, answered, p);
    } else if (p->verb == VERB_COMPLETE) {
        store_restore_point_complete(store, p->id, answered, p);
    } else {
        store_restore_point_list(store, answered, p);
    }
}

static int tell(const struct pointing *p)
{
    if (!p->is_done) {
        (void)fprintf(stderr, "exosphere: %s\n", backends_missing(p->backends));
        return STATUS_UNAVAILABLE;
    }
    if (p->err.code != EXO_OK) {
        (void)fprintf(stderr, "exosphere: %s\n", p->err.text);
        return p->err.code == EXO_ENOTFOUND ? STATUS_CONFLICT
               : p->err.code == EXO_EUNAVAILABLE || p->err.code == EXO_EUNKNOWN
                   ? STATUS_UNAVAILABLE
                   : EXIT_STATUS_FAILED;
    }
    return EXIT_STATUS_DONE;
}

static int point(struct loop *loop, const struct command_call *call, struct pointing *p)
{
    const struct backends_options options = {.set = call->set,
                                             .wanted = BACKEND_STORE,
                                             .client_id = "exosphere-restore-point",
                                             .is_existing = true};

    p->backends = backends_open(loop, &options, &p->err);
    if (p->backends == NULL) {
        return backends_open_tell(&p->err);
    }
    backends_migrate(p->backends, prepared, p);
    (void)loop_run_until(loop, &p->is_done, wait_ns);
    int status = tell(p);

    backends_close(p->backends);
    backends_free(p->backends);
    return status;
}

static int run(const struct command_call *call, enum verb verb, int64_t id)
{
    struct pointing p = {.verb = verb, .id = id};
    struct exo_error err;
    struct loop *loop = loop_new(&err);

    if (loop == NULL) {
        (void)fprintf(stderr, "exosphere: %s\n", err.text);
        return EXIT_STATUS_FAILED;
    }
    int status = point(loop, call, &p);

    loop_free(loop);
    return status;
}

static int run_begin(const struct command_call *call)
{
    return run(call, VERB_BEGIN, 0);
}

static int run_complete(const struct command_call *call)
{
    const char *text = call->line->positionals[0];
    char *end = NULL;

    errno = 0;
    long long id = strtoll(text, &end, 10);

    if (errno != 0 || end == text || *end != '\0' || id < 1) {
        (void)fputs("exosphere: give the number that `restore-point begin` printed\n", stderr);
        return EXIT_STATUS_USAGE;
    }
    return run(call, VERB_COMPLETE, id);
}

static int run_list(const struct command_call *call)
{
    return run(call, VERB_LIST, 0);
}

const struct command command_restore_point_begin = {
    .name = "restore-point begin",
    .arguments = "",
    .summary = "say that a backup of the database begins; prints its number",
    .details = "Call it before the backup begins. Where every shard's inputs stand now is noted;\n"
               "nothing is deleted on its account before `restore-point complete`.\n"
               "Exit status: 69 the store does not answer.\n",
    .role = ROLE_ADMIN,
    .run = run_begin,
};

const struct command command_restore_point_complete = {
    .name = "restore-point complete",
    .arguments = "ID",
    .summary = "say that a backup can be restored: older input may go",
    .details =
        "Call it when the backup is whole and safe where it is kept: from now on records of\n"
        "exo.jobs and exo.status from before its begin are deleted, so that older backups\n"
        "can no longer be restored without loss.\n"
        "Exit status: 69 the store does not answer, 73 there is no such point.\n",
    .role = ROLE_ADMIN,
    .positionals_least = 1,
    .positionals_most = 1,
    .run = run_complete,
};

const struct command command_restore_point_list = {
    .name = "restore-point list",
    .arguments = "",
    .summary = "list backups that have begun, and the newest that is complete",
    .details = "Exit status: 69 the store does not answer.\n",
    .role = ROLE_ADMIN,
    .run = run_list,
};
