/* replay: every table and view built again from the journal, and compared with what stands there
 * (docs/adr/0021-replay.md). */
#include <inttypes.h>
#include <stdlib.h>

#include "infra/process/backends.h"
#include "infra/store/comparison.h"
#include "scheduler/replay_views.h"
#include "scheduler/start.h"
#include "schemas/vocab/timestamp.h"

enum { STATUS_UNAVAILABLE = 69, DIFFERENCES_SHOWN = 100, VIEW_TRIES = 70 };

static const exo_time prepare_ns = EXO_MINUTE;
static const exo_time patience_ns = 24 * EXO_HOUR;
static const exo_time view_pause_ns =
    500 * EXO_MILLISECOND; /* what is older is on its way, or expires */

/* One command under way. */
struct replaying {
    struct loop *loop;
    struct backends *backends;
    struct loop_timer *pause;
    uint32_t shard, end; /* the one that is compared, and behind the last */
    bool is_one;         /* --shard */
    exo_time at_ns;      /* --at; 0: now */
    struct replay *replay;
    struct comparison *comparison;
    struct replay_views *views;
    uint32_t view_tries;
    bool says_views; /* this check of views is the last: what differs is told */
    struct rebuild_counts counts;
    struct replay_views_counts view_counts;
    uint64_t imprints, differences, failures;
    bool is_done, is_prepared;
    struct exo_error err;
};

static void shard_begin(void *argument);

/* ---- what is told ---- */

static bool is_shown(struct replaying *r)
{
    r->differences++;
    if (r->differences == DIFFERENCES_SHOWN + 1) {
        (void)printf("more differences are counted, not shown\n");
    }
    return r->differences <= DIFFERENCES_SHOWN;
}

static void cell_print(const struct row_cell *cell)
{
    if (cell->kind == CELL_NUMBER) {
        (void)printf("%" PRId64, cell->number);
    } else if (cell->kind == CELL_NAME) {
        (void)printf("%" PRId64 " bytes, named", cell->number);
    } else {
        (void)printf("%zu bytes", cell->bytes.bytes);
    }
}

static void differs(void *argument, const struct rebuild_difference *difference)
{
    struct replaying *r = argument;
    struct heap_budget budget = {0};
    struct buffer text;

    if (!is_shown(r)) {
        return;
    }
    buffer_init(&text, allocator_heap(&budget), 0);
    row_key_text(difference->row, &text);
    (void)printf("shard %u: %.*s: ", r->shard, SPAN_ARG(buffer_span(&text)));
    buffer_release(&text);
    if (difference->verdict == REBUILD_MISSING) {
        (void)printf("in the journal, not in the table\n");
    } else if (difference->verdict == REBUILD_EXTRA) {
        (void)printf("in the table, not in the journal\n");
    } else if (difference->rebuilt == NULL) {
        (void)printf("%s does not agree with it\n", difference->column);
    } else {
        (void)printf("%s differs: journal ", difference->column);
        cell_print(difference->rebuilt);
        (void)printf(", table ");
        cell_print(difference->live);
        (void)printf("\n");
    }
}

static void view_differs(void *argument, const struct execution_id *id, const char *how)
{
    struct replaying *r = argument;
    char text[EXECUTION_ID_TEXT_BYTES + 1];

    if (r->says_views && is_shown(r)) {
        execution_id_format(id, text);
        (void)printf("shard %u: the view of %s is %s\n", r->shard, text, how);
    }
}

/* ---- one shard after the other ---- */

static void shard_free(struct replaying *r)
{
    comparison_free(r->comparison);
    replay_free(r->replay);
    replay_views_free(r->views);
    r->comparison = NULL;
    r->replay = NULL;
    r->views = NULL;
}

static void shard_end(struct replaying *r)
{
    if (r->comparison != NULL) {
        const struct rebuild_counts *counts = comparison_counts(r->comparison);

        for (int table = 0; table < ROW_TABLE_NR; table++) {
            for (int verdict = 0; verdict < REBUILD_VERDICT_NR; verdict++) {
                r->counts.rows[table][verdict] += counts->rows[table][verdict];
            }
        }
    }
    (void)fprintf(stderr, "shard %u: done; %" PRIu64 " batches, %" PRIu64 " differences so far\n",
                  r->shard, r->imprints, r->differences);
    r->shard++;
    loop_defer(r->loop, shard_begin, r); /* this one's callbacks are still on the stack */
}

static void shard_fail(struct replaying *r, const struct exo_error *err)
{
    r->failures++;
    (void)printf("%s\n", err->text);
    if (err->code == EXO_ECONFLICT || err->code == EXO_ENOTFOUND || err->code == EXO_EINVALID) {
        shard_end(r); /* of this shard alone */
        return;
    }
    r->err = *err;
    r->is_done = true;
}

static void views_checked(void *argument, const struct replay_views_counts *counts)
{
    struct replaying *r = argument;
    bool is_good = counts->older + counts->newer + counts->wrong == 0;

    if (!is_good && !r->says_views) {
        r->view_tries++;
        loop_timer_start(r->pause, view_pause_ns, 0);
        return;
    }
    r->view_counts.equal += counts->equal;
    r->view_counts.absent += counts->absent;
    r->view_counts.older += counts->older;
    r->view_counts.newer += counts->newer;
    r->view_counts.wrong += counts->wrong;
    shard_end(r);
}

/* What the journal says by now. */
static void pause_over(void *argument)
{
    struct replaying *r = argument;

    comparison_advance(r->comparison);
}

static void shard_compared(void *argument, const struct exo_error *err)
{
    struct replaying *r = argument;

    if (err != NULL) {
        shard_fail(r, err);
        return;
    }
    r->says_views = r->view_tries == VIEW_TRIES;
    replay_views_check(r->views, view_differs, views_checked, r);
}

static void row_read(void *argument, const struct store_imprint *row)
{
    struct replaying *r = argument;

    r->imprints++;
    if (r->views != NULL) {
        replay_views_note(r->views, row);
    }
}

static void count_row(void *argument, const struct row *row)
{
    ((struct replaying *)argument)->counts.rows[row->table][REBUILD_EQUAL]++;
}

static void shard_rebuilt(void *argument, const struct exo_error *err)
{
    struct replaying *r = argument;

    if (err != NULL) {
        shard_fail(r, err);
        return;
    }
    for (int table = ROW_SHARD; table < ROW_TABLE_NR; table++) {
        rebuild_each(replay_rebuild(r->replay), (enum row_table)table, count_row, r);
    }
    shard_end(r);
}

/* As it was: there is nothing to compare it with. */
static void rebuild_begin(struct replaying *r)
{
    const struct replay_settings settings = {
        .store = backends_store(r->backends),
        .shard = r->shard,
        .at_ns = r->at_ns,
        .chunk = STORE_ROWS_MAX,
        .row = row_read,
        .done = shard_rebuilt,
        .argument = r,
    };

    r->replay = replay_begin(&settings);
}

static void shard_begin(void *argument)
{
    struct replaying *r = argument;

    shard_free(r);
    if (r->shard == r->end) {
        r->is_done = true;
        return;
    }
    r->view_tries = 0;
    if (r->at_ns != 0) {
        rebuild_begin(r);
        return;
    }
    const struct comparison_settings settings = {
        .store = backends_store(r->backends),
        .shard = r->shard,
        .row = row_read,
        .differs = differs,
        .done = shard_compared,
        .argument = r,
    };

    r->views = replay_views_new(backends_cache(r->backends));
    r->comparison = comparison_begin(&settings);
}

/* ---- the command ---- */

static void prepared(void *argument, const struct exo_error *err)
{
    struct replaying *r = argument;
    uint32_t shards = backends_schema(r->backends)->shard_count;

    if (err == NULL && r->is_one && r->shard >= shards) {
        (void)exo_error_set(&r->err, EXO_EINVALID, "--shard %u: there are shards 0 to %u", r->shard,
                            shards - 1);
        r->is_done = true;
    } else if (err != NULL) {
        r->err = *err;
        r->is_done = true;
    } else {
        r->is_prepared = true;
        r->end = r->is_one ? r->shard + 1 : shards;
        shard_begin(r);
    }
}

static void summary_print(const struct replaying *r)
{
    static const enum row_table tables[] = {ROW_SHARD,    ROW_DEFINITION, ROW_EXECUTION,
                                            ROW_SPANNING, ROW_RUN,        ROW_PAGE,
                                            ROW_OUTPUT,   ROW_REFERENCE,  ROW_LETTER};
    const struct replay_views_counts *v = &r->view_counts;

    if (r->at_ns != 0) {
        (void)printf("%-16s %12s\n", "TABLE", "ROWS");
    } else {
        (void)printf("%-16s %12s %12s %10s %10s %10s %10s\n", "TABLE", "ROWS", "EQUAL", "DIFFERENT",
                     "MISSING", "EXTRA", "OUTSIDE");
    }
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        const uint64_t *n = r->counts.rows[tables[i]];
        uint64_t outside = n[REBUILD_OLDER] + n[REBUILD_DELETED];
        uint64_t rows = n[REBUILD_EQUAL] + n[REBUILD_DIFFERENT] + n[REBUILD_MISSING] +
                        n[REBUILD_EXTRA] + outside;

        if (r->at_ns != 0) {
            (void)printf("%-16s %12" PRIu64 "\n", row_shape(tables[i])->name, rows);
            continue;
        }
        (void)printf("%-16s %12" PRIu64 " %12" PRIu64 " %10" PRIu64 " %10" PRIu64 " %10" PRIu64
                     " %10" PRIu64 "\n",
                     row_shape(tables[i])->name, rows, n[REBUILD_EQUAL], n[REBUILD_DIFFERENT],
                     n[REBUILD_MISSING], n[REBUILD_EXTRA], outside);
    }
    if (r->at_ns == 0) {
        (void)printf("views: %" PRIu64 " equal, %" PRIu64 " absent, %" PRIu64 " older, %" PRIu64
                     " newer, %" PRIu64 " wrong\n",
                     v->equal, v->absent, v->older, v->newer, v->wrong);
    }
}

static int tell(const struct replaying *r)
{
    if (!r->is_done) {
        const char *missing = backends_missing(r->backends);

        (void)fprintf(stderr, "exosphere: %s\n",
                      missing[0] == '\0' ? "the store does not answer" : missing);
        return STATUS_UNAVAILABLE;
    }
    if (r->err.code != EXO_OK) {
        (void)fprintf(stderr, "exosphere: %s\n", r->err.text);
        return r->err.code == EXO_EUNAVAILABLE || r->err.code == EXO_EUNKNOWN ? STATUS_UNAVAILABLE
               : r->err.code == EXO_EINVALID && !r->is_prepared               ? EXIT_STATUS_USAGE
                                                                              : EXIT_STATUS_FAILED;
    }
    summary_print(r);
    if (r->at_ns != 0) {
        (void)printf("%" PRIu64 " batches read\n", r->imprints);
        return r->failures == 0 ? EXIT_STATUS_DONE : EXIT_STATUS_FAILED;
    }
    bool is_identical = r->differences + r->failures == 0;

    (void)printf("%s: %" PRIu64 " differences in %" PRIu64 " batches; %" PRIu64
                 " shards could not be replayed\n",
                 is_identical ? "identical" : "NOT IDENTICAL", r->differences, r->imprints,
                 r->failures);
    return is_identical ? EXIT_STATUS_DONE : EXIT_STATUS_FAILED;
}

static int replay_all(struct replaying *r, const struct command_call *call)
{
    const struct backends_options options = {.set = call->set,
                                             .wanted = BACKEND_STORE | BACKEND_CACHE,
                                             .client_id = "exosphere-replay",
                                             .is_existing = true};

    r->backends = backends_open(r->loop, &options, &r->err);
    if (r->backends == NULL) {
        return backends_open_tell(&r->err);
    }
    r->pause = loop_timer_new(r->loop, pause_over, r);
    backends_migrate(r->backends, prepared, r);
    (void)loop_run_until(r->loop, &r->is_done, prepare_ns);
    if (r->is_prepared) {
        (void)loop_run_until(r->loop, &r->is_done, patience_ns);
    }
    int status = tell(r);

    loop_timer_free(r->pause);
    backends_close(r->backends);
    shard_free(r);
    backends_free(r->backends);
    return status;
}

static bool shard_read(const char *text, struct replaying *r)
{
    char *end = NULL;
    unsigned long number;

    if (text == NULL) {
        return true;
    }
    number = strtoul(text, &end, 10);
    r->is_one = true;
    r->shard = (uint32_t)number;
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && number < UINT32_MAX;
}

static int run(const struct command_call *call)
{
    const char *at = command_line_value(call->line, "at");
    struct replaying r = {0};

    if (!shard_read(command_line_value(call->line, "shard"), &r)) {
        (void)fputs("exosphere: --shard is the number of a shard, from 0\n", stderr);
        return EXIT_STATUS_USAGE;
    }
    if (at != NULL && !timestamp_parse(span_of(at), &r.at_ns)) {
        (void)fputs("exosphere: --at is a time such as 2026-03-29T01:00:00Z\n", stderr);
        return EXIT_STATUS_USAGE;
    }
    r.loop = loop_new(&r.err);
    if (r.loop == NULL) {
        (void)fprintf(stderr, "exosphere: %s\n", r.err.text);
        return EXIT_STATUS_FAILED;
    }
    int status = replay_all(&r, call);

    loop_free(r.loop);
    return status;
}

static const struct flag flags[] = {
    {"shard", 0, "N", "this shard alone", false},
    {"at", 0, "TIME", "build the tables as they were then; compares nothing", false},
};

const struct command command_replay = {
    .name = "replay",
    .arguments = "",
    .summary = "build every table and view again from the journal, and compare",
    .details =
        "Reads the last snapshot of each shard and the journal since, while the fleet runs.\n"
        "OUTSIDE counts rows that the journal need not know: what ended before the snapshot,\n"
        "and what retention deletes.\n"
        "Exit status: 0 identical, 1 not, 66 there is no such store, 69 it does not answer, 73\n"
        "another process has it (SQLite).\n",
    .role = ROLE_ADMIN,
    .flags = flags,
    .flag_count = sizeof(flags) / sizeof(flags[0]),
    .run = run,
};
