/* store_replay_sim: infra/store/store_replay.h over the model of the database. */
#include "infra/store/store_replay.h"

#include <stdlib.h>

#include "tests/sim/database.h"
#include "tests/sim/replay.h"
#include "tests/sim/store_request.h"

enum { SLICE_EXECUTIONS = 3 }; /* few, so that much happens between slices */

/* ---- snapshots ---- */

struct snapshot {
    uint32_t shard;
    struct store_slice slice;
    int64_t id;
    exo_time before_ns;
    bool is_refused;
    struct store_snapshots list;
    store_snapshots_done *snapshots_done;
    store_done *done;
    void (*dropped_done)(void *argument, uint32_t dropped, const struct exo_error *err);
};

static struct snapshot *
snapshot_ask(struct store *store, sim_call *begin,
             void (*answer)(struct request *request, const struct exo_error *err), void *argument)
{
    struct request *request = request_new(store, begin, answer, argument);
    struct snapshot *asked = sim_alloc(sizeof(*asked));

    request->more = asked;
    return asked;
}

static void list_begin(void *argument)
{
    struct request *request = argument;
    struct snapshot *asked = request->more;
    const struct database_shard *shard = &database.shards[asked->shard];
    uint32_t count = 0;

    for (const struct database_snapshot *s = shard->snapshots; s != NULL; s = s->next) {
        count++;
    }
    struct store_snapshot *rows = sim_alloc(count * sizeof(*rows));

    count = 0;
    for (const struct database_snapshot *s = shard->snapshots; s != NULL; s = s->next) {
        rows[count++] = s->row;
    }
    asked->list = (struct store_snapshots){
        .snapshots = rows,
        .count = count,
        .oldest_batch = shard->journal == NULL ? 0 : shard->journal->row.batch,
        .batch = shard->row.batch,
    };
    request_end(request);
}

static void snapshots_answer(struct request *request, const struct exo_error *err)
{
    struct snapshot *asked = request->more;

    asked->snapshots_done(request->argument, err == NULL ? &asked->list : NULL, err);
}

void store_snapshot_list(struct store *store, uint32_t shard, store_snapshots_done *done,
                         void *argument)
{
    struct snapshot *asked = snapshot_ask(store, list_begin, snapshots_answer, argument);

    asked->shard = shard;
    asked->snapshots_done = done;
}

static void begin_begin(void *argument)
{
    struct request *request = argument;
    struct snapshot *asked = request->more;
    struct database_shard *shard = &database.shards[asked->shard];
    struct database_snapshot **link = &shard->snapshots;
    struct database_snapshot *made = sim_alloc(sizeof(*made));

    made->row = (struct store_snapshot){.id = ++database.snapshot_id,
                                        .shard = asked->shard,
                                        .epoch = shard->row.epoch,
                                        .base = shard->row.batch,
                                        .begun_ns = shard->row.now_ns};
    made->slice_last = &made->slices;
    while (*link != NULL) {
        link = &(*link)->next;
    }
    *link = made;
    asked->list = (struct store_snapshots){.snapshots = &made->row, .count = 1};
    request_end(request);
}

void store_snapshot_begin(struct store *store, uint32_t shard, store_snapshots_done *done,
                          void *argument)
{
    struct snapshot *asked = snapshot_ask(store, begin_begin, snapshots_answer, argument);

    asked->shard = shard;
    asked->snapshots_done = done;
}

/* The one that is still made; NULL: it is whole, gone, or its owner is. */
static struct database_snapshot *snapshot_open(int64_t id)
{
    for (uint32_t i = 0; i < database.shard_count; i++) {
        for (struct database_snapshot *s = database.shards[i].snapshots; s != NULL; s = s->next) {
            if (s->row.id == id) {
                return s->row.end_batch == 0 && s->row.epoch == database.shards[i].row.epoch ? s
                                                                                             : NULL;
            }
        }
    }
    return NULL;
}

static void put_begin(void *argument)
{
    struct request *request = argument;
    struct snapshot *asked = request->more;
    struct database_snapshot *s = snapshot_open(asked->slice.snapshot);

    asked->is_refused = s == NULL || asked->slice.epoch != s->row.epoch ||
                        database.shards[s->row.shard].row.batch < asked->slice.batch;
    if (!asked->is_refused) {
        struct database_slice *slice = sim_alloc(sizeof(*slice));

        slice->body = asked->slice.body;
        *s->slice_last = slice;
        s->slice_last = &slice->next;
    }
    request_end(request);
}

static void end_begin(void *argument)
{
    struct request *request = argument;
    struct snapshot *asked = request->more;
    struct database_snapshot *s = snapshot_open(asked->id);

    asked->is_refused = s == NULL;
    if (s != NULL) {
        s->row.end_batch = database.shards[s->row.shard].row.batch;
        s->row.ended_ns = database.shards[s->row.shard].row.now_ns;
        database.snapshots++;
    }
    request_end(request);
}

static void kept_answer(struct request *request, const struct exo_error *err)
{
    struct snapshot *asked = request->more;
    struct exo_error refused;

    if (err == NULL && asked->is_refused) {
        (void)exo_error_set(&refused, EXO_EFENCED, "the snapshot is no longer made");
        err = &refused;
    }
    asked->done(request->argument, err);
}

void store_snapshot_put(struct store *store, const struct store_slice *slice, store_done *done,
                        void *argument)
{
    struct snapshot *asked = snapshot_ask(store, put_begin, kept_answer, argument);

    asked->slice = *slice;
    asked->slice.body = sim_copy(slice->body);
    asked->done = done;
}

void store_snapshot_end(struct store *store, int64_t snapshot, store_done *done, void *argument)
{
    struct snapshot *asked = snapshot_ask(store, end_begin, kept_answer, argument);

    asked->id = snapshot;
    asked->done = done;
}

/* Given up, or older than the newest whole one from before a time. */
static void drop_begin(void *argument)
{
    struct request *request = argument;
    const struct snapshot *asked = request->more;
    struct database_snapshot **link = &database.shards[asked->shard].snapshots;
    int64_t newest = 0, floor = 0;

    for (const struct database_snapshot *s = *link; s != NULL; s = s->next) {
        newest = s->row.id;
        floor = s->row.end_batch != 0 && s->row.ended_ns < asked->before_ns ? s->row.id : floor;
    }
    while (*link != NULL) {
        const struct store_snapshot *row = &(*link)->row;
        bool is_needed = row->id >= floor && (row->end_batch != 0 || row->id == newest);

        if (is_needed) {
            link = &(*link)->next;
        } else {
            *link = (*link)->next;
        }
    }
    request_end(request);
}

static void drop_answer(struct request *request, const struct exo_error *err)
{
    ((const struct snapshot *)request->more)->dropped_done(request->argument, 0, err);
}

void store_snapshot_drop(struct store *store, uint32_t shard, exo_time before_ns, uint32_t rows_max,
                         void (*done)(void *argument, uint32_t dropped,
                                      const struct exo_error *err),
                         void *argument)
{
    struct snapshot *asked = snapshot_ask(store, drop_begin, drop_answer, argument);

    (void)rows_max;
    asked->shard = shard;
    asked->before_ns = before_ns;
    asked->dropped_done = done;
}

/* In a world letters are kept for ever, since its end counts them: nobody asks. */
void store_letters_drop(struct store *store, exo_time before_ns, uint32_t rows_max,
                        void (*done)(void *argument, uint32_t dropped, const struct exo_error *err),
                        void *argument)
{
    (void)store;
    (void)before_ns;
    (void)rows_max;
    (void)done;
    (void)argument;
    abort();
}

/* ---- rows ---- */

struct rows {
    struct store_rows_query query;
    struct execution_id ids[STORE_ROWS_MAX];
    struct store_rows rows;
    store_rows_done *done;
};

static bool is_asked(const struct rows *asked, const struct execution_id *id)
{
    for (uint32_t i = 0; i < asked->query.id_count; i++) {
        if (execution_id_equal(&asked->ids[i], id)) {
            return true;
        }
    }
    return false;
}

/* Keeps of a list the rows of the executions asked for. */
/* NOLINTBEGIN(bugprone-macro-parentheses): a type has none */
#define KEEP(asked, rows, list, count, type, id)                                                   \
    do {                                                                                           \
        type *kept = sim_alloc((rows)->count * sizeof(*kept));                                     \
        uint32_t n = 0;                                                                            \
                                                                                                   \
        for (uint32_t i = 0; i < (rows)->count; i++) {                                             \
            if (is_asked(asked, &(rows)->list[i].id)) {                                            \
                kept[n++] = (rows)->list[i];                                                       \
            }                                                                                      \
        }                                                                                          \
        (rows)->list = kept;                                                                       \
        (rows)->count = n;                                                                         \
    } while (0)
/* NOLINTEND(bugprone-macro-parentheses) */

static int by_id(const void *a, const void *b)
{
    return memcmp(((const struct store_execution *)a)->id.bytes,
                  ((const struct store_execution *)b)->id.bytes, EXECUTION_ID_BYTES);
}

/* The next few behind a key. */
static void keep_executions(struct rows *asked, struct store_batch *rows)
{
    struct store_execution *kept = sim_alloc(SLICE_EXECUTIONS * sizeof(*kept));
    struct store_execution *all = sim_alloc(rows->insert_count * sizeof(*all));
    uint32_t n = 0;

    memcpy(all, rows->inserts, rows->insert_count * sizeof(*all));
    qsort(all, rows->insert_count, sizeof(*all), by_id);
    asked->rows.is_last = true;
    for (uint32_t i = 0; i < rows->insert_count; i++) {
        if (memcmp(all[i].id.bytes, asked->query.after.bytes, EXECUTION_ID_BYTES) <= 0 ||
            (asked->query.is_live_only && all[i].is_terminal)) {
            continue;
        }
        if (n == SLICE_EXECUTIONS) {
            asked->rows.is_last = false;
            break;
        }
        kept[n++] = all[i];
    }
    if (n > 0) {
        asked->rows.behind.after = kept[n - 1].id;
    }
    rows->inserts = kept;
    rows->insert_count = n;
}

static void rows_begin(void *argument)
{
    struct request *request = argument;
    struct rows *asked = request->more;
    struct store_batch *rows = &asked->rows.live.rows;
    enum row_table table = asked->query.table;

    replay_live(asked->query.shard, &asked->rows.live);
    asked->rows.is_last = true;
    if (table == ROW_EXECUTION) {
        keep_executions(asked, rows);
    } else {
        rows->insert_count = 0;
    }
    KEEP(asked, rows, runs, run_count, struct store_run, execution);
    KEEP(asked, rows, pages, page_count, struct store_page, execution);
    KEEP(asked, rows, segments, segment_count, struct store_segment, execution);
    KEEP(asked, rows, references, reference_count, struct store_reference, execution);
    rows->run_count = table == ROW_RUN ? rows->run_count : 0;
    rows->page_count = table == ROW_PAGE ? rows->page_count : 0;
    rows->segment_count = table == ROW_OUTPUT ? rows->segment_count : 0;
    rows->reference_count = table == ROW_REFERENCE ? rows->reference_count : 0;
    rows->spanning_count = table == ROW_SPANNING ? rows->spanning_count : 0;
    rows->dead_letter_count = table == ROW_LETTER ? rows->dead_letter_count : 0;
    request_end(request);
}

static void rows_answer(struct request *request, const struct exo_error *err)
{
    struct rows *asked = request->more;

    asked->done(request->argument, err == NULL ? &asked->rows : NULL, err);
}

void store_rows_read(struct store *store, const struct store_rows_query *query,
                     store_rows_done *done, void *argument)
{
    struct request *request = request_new(store, rows_begin, rows_answer, argument);
    struct rows *asked = sim_alloc(sizeof(*asked));

    asked->query = *query;
    for (uint32_t i = 0; i < query->id_count; i++) {
        asked->ids[i] = query->ids[i];
    }
    asked->query.ids = NULL;
    asked->rows.behind = asked->query;
    asked->rows.behind.has_after = true;
    asked->done = done;
    request->more = asked;
}
