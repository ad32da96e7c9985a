#include "tests/sim/replay.h"

#include "tests/sim/database.h"
#include "tests/sim/sim.h"

/* ---- what the database holds ---- */

static uint32_t items_count(const struct database_item *items)
{
    uint32_t count = 0;

    for (; items != NULL; items = items->next) {
        count++;
    }
    return count;
}

/* Room for the rows of all kinds. */
static void live_room(uint32_t shard, struct store_batch *rows)
{
    uint32_t executions = 0, runs = 0, pages = 0, segments = 0, references = 0;

    for (const struct database_execution *e = database.executions; e != NULL; e = e->next) {
        if (e->row.shard == shard) {
            executions++;
            runs += items_count(e->runs);
            pages += items_count(e->pages);
            segments += items_count(e->segments);
            references += items_count(e->references);
        }
    }
    rows->inserts = sim_alloc(executions * sizeof(*rows->inserts));
    rows->runs = sim_alloc(runs * sizeof(*rows->runs));
    rows->pages = sim_alloc(pages * sizeof(*rows->pages));
    rows->segments = sim_alloc(segments * sizeof(*rows->segments));
    rows->references = sim_alloc(references * sizeof(*rows->references));
    rows->spanning =
        sim_alloc(items_count(database.shards[shard].spanning) * sizeof(*rows->spanning));
    rows->dead_letters = sim_alloc(database.letter_count * sizeof(*rows->dead_letters));
}

/* The arrays are ours until they are shown. */
#define ADD(rows, list, count, value)                                                              \
    memcpy((void *)(uintptr_t) & (rows)->list[(rows)->count++], &(value), sizeof(value))

static void live_execution(const struct database_execution *e, struct store_batch *rows)
{
    ADD(rows, inserts, insert_count, e->row);
    for (const struct database_item *i = e->runs; i != NULL; i = i->next) {
        ADD(rows, runs, run_count, i->run);
    }
    for (const struct database_item *i = e->pages; i != NULL; i = i->next) {
        ADD(rows, pages, page_count, i->page);
    }
    for (const struct database_item *i = e->segments; i != NULL; i = i->next) {
        ADD(rows, segments, segment_count, i->segment);
    }
    for (const struct database_item *i = e->references; i != NULL; i = i->next) {
        ADD(rows, references, reference_count, i->reference);
    }
}

void replay_live(uint32_t number, struct rebuild_live *ret_live)
{
    const struct database_shard *shard = &database.shards[number];
    struct store_batch *rows = &ret_live->rows;

    *ret_live = (struct rebuild_live){.has_shard = true};
    rows->shard = number;
    rows->epoch = shard->row.epoch;
    rows->next = shard->row.batch;
    rows->now_ns = shard->row.now_ns;
    memcpy(rows->inputs, shard->row.inputs, sizeof(rows->inputs));
    rows->event_batch = shard->row.event_batch;
    rows->extra = shard->row.extra;
    live_room(number, rows);
    for (const struct database_execution *e = database.executions; e != NULL; e = e->next) {
        if (e->row.shard == number) {
            live_execution(e, rows);
        }
    }
    for (const struct database_item *i = shard->spanning; i != NULL; i = i->next) {
        ADD(rows, spanning, spanning_count, i->spanning);
    }
    for (const struct database_letter *l = database.letters; l != NULL; l = l->next) {
        if (l->row.partition == number) {
            ADD(rows, dead_letters, dead_letter_count, l->row);
        }
    }
}

/* ---- what the journal makes of it ---- */

/* From a snapshot on, or from the very begin (NULL). */
static struct rebuild *rebuilt(const struct database_shard *shard,
                               const struct database_snapshot *from)
{
    struct rebuild_base base = {0};
    struct exo_error err;

    if (from != NULL) {
        base = (struct rebuild_base){from->row.base, from->row.end_batch, from->row.begun_ns};
    }
    struct rebuild *r = rebuild_new(&base, NULL);

    for (const struct database_slice *s = from == NULL ? NULL : from->slices; s != NULL;
         s = s->next) {
        if (rebuild_slice(r, s->body, &err) != 0) {
            sim_fail("replay of shard %u: a slice: %s", shard->row.shard, err.text);
        }
    }
    for (const struct database_journal *j = shard->journal; j != NULL; j = j->next) {
        if (j->row.batch > base.batch && rebuild_next(r, j->imprint, &err) != 0) {
            sim_fail("replay of shard %u: %s", shard->row.shard, err.text);
        }
    }
    if (rebuild_batch(r) != shard->row.batch) {
        sim_fail("replay of shard %u ends at batch %llu", shard->row.shard,
                 (unsigned long long)rebuild_batch(r));
    }
    return r;
}

static void differs(void *argument, const struct rebuild_difference *difference)
{
    static const char *const verdicts[REBUILD_VERDICT_NR] = {
        "equal", "different", "missing in the table", "not in the journal", "older", "deleted"};
    struct heap_budget budget = {0};
    struct buffer text;

    buffer_init(&text, allocator_heap(&budget), 0);
    row_key_text(difference->row, &text);
    buffer_append(&text, (struct span){"", 1});
    sim_fail("replay of shard %u: %s: %s %s", *(const uint32_t *)argument, (char *)text.data,
             verdicts[difference->verdict], difference->column == NULL ? "" : difference->column);
}

static void check_from(uint32_t shard, const struct database_snapshot *from)
{
    struct rebuild_comparison comparison = {.differs = differs, .argument = &shard};
    struct rebuild *r = rebuilt(&database.shards[shard], from);
    struct rebuild_live live;
    struct execution_id id;

    replay_live(shard, &live);
    struct rebuild_kept *kept = rebuild_keep(&live);

    rebuild_compare(r, kept, &comparison);
    rebuild_kept_free(kept);
    while (rebuild_unseen(r, &id, 1) > 0) {
        rebuild_missing(r, &id, database_tombstone(&id) != NULL, &comparison);
    }
    rebuild_missing(r, NULL, false, &comparison);
    rebuild_free(r);
}

void replay_check(void)
{
    for (uint32_t shard = 0; shard < database.shard_count; shard++) {
        const struct database_shard *row = &database.shards[shard];
        uint64_t oldest = row->journal == NULL ? row->row.batch + 1 : row->journal->row.batch;
        bool is_checked = row->row.batch == 0;

        if (row->journal != NULL && row->journal->row.batch == 1) {
            check_from(shard, NULL);
            is_checked = true;
        }
        for (const struct database_snapshot *s = row->snapshots; s != NULL; s = s->next) {
            /* One that is older than what is left of the journal is about to go, too. */
            if (s->row.end_batch != 0 && s->row.base + 1 >= oldest) {
                check_from(shard, s);
                is_checked = true;
            }
        }
        if (!is_checked) {
            sim_fail("replay of shard %u: the journal begins at batch %llu, without a snapshot",
                     shard,
                     (unsigned long long)(row->journal == NULL ? 0 : row->journal->row.batch));
        }
    }
}
