#include "tests/sim/replica.h"

#include <string.h>

#include "tests/sim/almanac.h"
#include "tests/sim/database.h"
#include "tests/sim/oracle.h"
#include "tests/sim/sim.h"

enum { COPIES_MAX = 16 };

struct copy {
    exo_time at_ns;
    struct database database;
    struct oracle_memory *memory;
    struct almanac_memory *almanac;
};

static struct {
    struct copy copies[COPIES_MAX]; /* a ring */
    uint32_t count;
} replica;

void replica_begin(void)
{
    memset(&replica, 0, sizeof(replica));
}

static void *twin(const void *from, size_t bytes)
{
    void *copy = sim_alloc(bytes);

    memcpy(copy, from, bytes);
    return copy;
}

static struct database_item *items_copy(const struct database_item *from)
{
    struct database_item *first = NULL;
    struct database_item **last = &first;

    for (; from != NULL; from = from->next) {
        *last = twin(from, sizeof(*from));
        last = &(*last)->next;
    }
    return first;
}

static void executions_copy(struct database *to, const struct database_execution *from)
{
    to->execution_last = &to->executions;
    to->executions = NULL;
    for (; from != NULL; from = from->next) {
        struct database_execution *e = twin(from, sizeof(*from));

        e->next = NULL;
        e->runs = items_copy(from->runs);
        e->pages = items_copy(from->pages);
        e->segments = items_copy(from->segments);
        e->references = items_copy(from->references);
        *to->execution_last = e;
        to->execution_last = &e->next;
    }
}

static void journal_copy(struct database_shard *to, const struct database_journal *from)
{
    to->journal = NULL;
    to->journal_last = &to->journal;
    for (; from != NULL; from = from->next) {
        struct database_journal *row = twin(from, sizeof(*from));

        row->next = NULL;
        *to->journal_last = row;
        to->journal_last = &row->next;
    }
}

static struct database_snapshot *snapshot_copy(const struct database_snapshot *from)
{
    struct database_snapshot *to = twin(from, sizeof(*from));

    to->next = NULL;
    to->slices = NULL;
    to->slice_last = &to->slices;
    for (const struct database_slice *s = from->slices; s != NULL; s = s->next) {
        struct database_slice *slice = twin(s, sizeof(*s));

        slice->next = NULL;
        *to->slice_last = slice;
        to->slice_last = &slice->next;
    }
    return to;
}

static void shard_copy(struct database_shard *to, const struct database_shard *from)
{
    struct database_snapshot **last = &to->snapshots;

    to->holder = NULL;
    to->waits = NULL;
    to->spanning = items_copy(from->spanning);
    journal_copy(to, from->journal);
    to->snapshots = NULL;
    for (const struct database_snapshot *s = from->snapshots; s != NULL; s = s->next) {
        *last = snapshot_copy(s);
        last = &(*last)->next;
    }
}

/* What points into itself is made anew at the place where it stands. */
static void database_copy(struct database *to, const struct database *from)
{
    *to = *from;
    executions_copy(to, from->executions);
    for (uint32_t i = 0; i < from->shard_count; i++) {
        shard_copy(&to->shards[i], &from->shards[i]);
    }
    to->running = NULL;
}

void replica_note(void)
{
    struct copy *copy = &replica.copies[replica.count++ % COPIES_MAX];

    copy->at_ns = sim.now_ns;
    database_copy(&copy->database, &database);
    copy->memory = oracle_remember();
    copy->almanac = almanac_remember();
}

static const struct copy *copy_find(exo_time lag_ns)
{
    const struct copy *found = NULL;

    for (uint32_t i = 0; i < COPIES_MAX && i < replica.count; i++) {
        const struct copy *copy = &replica.copies[i];

        if (sim.now_ns - copy->at_ns <= lag_ns && (found == NULL || copy->at_ns < found->at_ns)) {
            found = copy;
        }
    }
    return found;
}

bool replica_promote(exo_time lag_ns, exo_time until_ns)
{
    const struct copy *copy = copy_find(lag_ns);
    struct database before = database;

    if (copy == NULL) {
        return false;
    }
    sim_trace("a replica of %.3f is promoted", (double)copy->at_ns / 1e9);
    database_crash(until_ns);
    database_copy(&database, &copy->database);
    database.generation = before.generation + 1;
    database.clock_error_ns = before.clock_error_ns;
    database.down_until_ns = until_ns;
    database.full_until_ns = 0;
    database.backends = before.backends;
    database.commits = before.commits;
    database.snapshots = before.snapshots;
    for (uint32_t i = 0; i < database.shard_count; i++) {
        database.shards[i].is_slandered = before.shards[i].is_slandered;
    }
    oracle_forget(copy->memory);
    almanac_forget(copy->almanac);
    replica.count = 0;
    return true;
}
