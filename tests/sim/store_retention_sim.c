/* store_retention_sim: what retention reads and deletes, over the model of the database. */
#include <stdlib.h>

#include "infra/store/store.h"
#include "tests/sim/database.h"
#include "tests/sim/oracle.h"
#include "tests/sim/replica.h"
#include "tests/sim/store_request.h"

enum { ROWS_MAX = 5 /* of one statement: few, so that much happens between */ };

struct retention {
    uint32_t shard;
    exo_time before_ns;
    uint32_t rows_max, dropped;
    struct store_place places[DATABASE_SHARDS_MAX];
    store_places_done *places_done;
    void (*dropped_done)(void *argument, uint32_t dropped, const struct exo_error *err);
};

/* A backup began when somebody asked the last time, and is complete now; none that is younger than
 * a replica that may take over. */
static void floors_begin(void *argument)
{
    struct request *request = argument;
    struct retention *asked = request->more;
    exo_time least_ns = sim.faults.is_enabled[FAULT_STALE_REPLICA] ? REPLICA_LAG_NS : 0;

    memcpy(asked->places, database.backup_begin, sizeof(asked->places));
    if (sim.now_ns - database.backup_ns < least_ns) {
        memcpy(asked->places, database.backup_done, sizeof(asked->places));
        request_end(request);
        return;
    }
    memcpy(database.backup_done, database.backup_begin, sizeof(database.backup_done));
    database.backup_ns = sim.now_ns;
    for (uint32_t i = 0; i < database.shard_count; i++) {
        database.backup_begin[i] = (struct store_place){
            i, {database.shards[i].row.inputs[0].offset, database.shards[i].row.inputs[1].offset}};
    }
    request_end(request);
}

static void floors_answer(struct request *request, const struct exo_error *err)
{
    struct retention *asked = request->more;

    asked->places_done(request->argument, err == NULL ? asked->places : NULL,
                       err == NULL ? database.shard_count : 0, err);
}

void store_restore_floors(struct store *store, store_places_done *done, void *argument)
{
    struct request *request = request_new(store, floors_begin, floors_answer, argument);
    struct retention *asked = sim_alloc(sizeof(*asked));

    asked->places_done = done;
    request->more = asked;
}

static void drop_begin(void *argument)
{
    struct request *request = argument;
    struct retention *asked = request->more;
    struct database_shard *shard = &database.shards[asked->shard];

    uint64_t floor = 0;

    for (const struct database_snapshot *s = shard->snapshots; s != NULL; s = s->next) {
        floor = s->row.end_batch != 0 && s->row.ended_ns < asked->before_ns ? s->row.base : floor;
    }
    while (asked->dropped < asked->rows_max && shard->journal != NULL &&
           shard->journal->at_ns < asked->before_ns && shard->journal->row.batch <= floor &&
           shard->journal->row.batch <= shard->row.event_batch) {
        shard->journal = shard->journal->next;
        shard->journal_last = shard->journal == NULL ? &shard->journal : shard->journal_last;
        asked->dropped++;
    }
    request_end(request);
}

static void drop_answer(struct request *request, const struct exo_error *err)
{
    struct retention *asked = request->more;

    asked->dropped_done(request->argument, err == NULL ? asked->dropped : 0, err);
}

void store_journal_drop(struct store *store, uint32_t shard, exo_time before_ns, uint32_t rows_max,
                        void (*done)(void *argument, uint32_t dropped, const struct exo_error *err),
                        void *argument)
{
    struct request *request = request_new(store, drop_begin, drop_answer, argument);
    struct retention *asked = sim_alloc(sizeof(*asked));

    *asked = (struct retention){
        .shard = shard, .before_ns = before_ns, .rows_max = rows_max, .dropped_done = done};
    request->more = asked;
}

/* ---- executions ---- */

struct old {
    struct store_old_query query;
    struct store_old *found;
    uint32_t count;
    void (*done)(void *argument, const struct store_old *old, uint32_t count,
                 const struct exo_error *err);
};

static int old_compare(const void *a, const void *b)
{
    const struct store_old *x = a;
    const struct store_old *y = b;

    if (x->submitted_ns != y->submitted_ns) {
        return x->submitted_ns < y->submitted_ns ? -1 : 1;
    }
    return memcmp(x->id.bytes, y->id.bytes, EXECUTION_ID_BYTES);
}

static void old_begin(void *argument)
{
    struct request *request = argument;
    struct old *asked = request->more;
    const struct store_old after = {.submitted_ns = asked->query.after_ns,
                                    .id = asked->query.after_id};
    uint32_t room = 0;

    for (const struct database_execution *e = database.executions; e != NULL; e = e->next) {
        room++;
    }
    asked->found = sim_alloc(room * sizeof(*asked->found));
    for (const struct database_execution *e = database.executions; e != NULL; e = e->next) {
        const struct store_old old = {.id = e->row.id,
                                      .shard = e->row.shard,
                                      .is_terminal = e->row.is_terminal,
                                      .submitted_ns = e->row.submitted_ns,
                                      .ended_ns = e->row.ended_ns,
                                      .project = e->row.project};

        if (old_compare(&old, &after) > 0 && old.submitted_ns < asked->query.before_ns) {
            asked->found[asked->count++] = old;
        }
    }
    qsort(asked->found, asked->count, sizeof(*asked->found), old_compare);
    asked->count = asked->count < asked->query.limit ? asked->count : asked->query.limit;
    request_end(request);
}

static void old_answer(struct request *request, const struct exo_error *err)
{
    const struct old *asked = request->more;

    asked->done(request->argument, err == NULL ? asked->found : NULL,
                err == NULL ? asked->count : 0, err);
}

void store_old_list(struct store *store, const struct store_old_query *query,
                    void (*done)(void *argument, const struct store_old *old, uint32_t count,
                                 const struct exo_error *err),
                    void *argument)
{
    struct request *request = request_new(store, old_begin, old_answer, argument);
    struct old *asked = sim_alloc(sizeof(*asked));

    *asked = (struct old){.query = *query, .done = done};
    request->more = asked;
}

struct deletion {
    struct execution_id *ids;
    uint32_t count, room, dropped;
    bool is_more;
    void (*done)(void *argument, uint32_t dropped, bool is_more, const struct exo_error *err);
};

static bool is_referred_to(const struct execution_id *id)
{
    const struct digest name = execution_digest(id);

    for (const struct database_execution *e = database.executions; e != NULL; e = e->next) {
        for (const struct database_item *i = e->references; i != NULL; i = i->next) {
            if (digest_equal(&i->reference.digest, &name)) {
                return true;
            }
        }
    }
    return false;
}

static void parts_drop(struct deletion *deletion, struct database_item **items)
{
    while (*items != NULL && deletion->room > 0) {
        *items = (*items)->next;
        deletion->room--;
    }
}

static void execution_unlink(const struct database_execution *gone)
{
    struct database_execution **link = &database.executions;

    while (*link != gone) {
        link = &(*link)->next;
    }
    *link = gone->next;
    if (gone->next == NULL) {
        database.execution_last = link;
    }
}

/* False: there is more to delete than one call may. */
static bool execution_drop(struct deletion *deletion, struct database_execution *e)
{
    if (!e->is_going) {
        struct database_tombstone *tombstone = sim_alloc(sizeof(*tombstone));

        tombstone->row = e->row;
        tombstone->next = database.tombstones;
        database.tombstones = tombstone;
        e->is_going = true;
        oracle_deletes(&e->row);
    }
    parts_drop(deletion, &e->segments);
    parts_drop(deletion, &e->pages);
    parts_drop(deletion, &e->runs);
    parts_drop(deletion, &e->references);
    if (deletion->room == 0) {
        return false;
    }
    execution_unlink(e);
    deletion->room--;
    deletion->dropped++;
    return true;
}

/* As the SQL does it: the tombstone, then the parts, then the row. */
static void deletion_begin(void *argument)
{
    struct request *request = argument;
    struct deletion *deletion = request->more;

    for (uint32_t i = 0; i < deletion->count && !deletion->is_more; i++) {
        struct database_execution *e = database_find(&deletion->ids[i]);

        if (e != NULL) {
            oracle_delete_asked(&e->row);
        }
        if (e != NULL && e->row.is_terminal && (e->is_going || !is_referred_to(&e->row.id))) {
            deletion->is_more = !execution_drop(deletion, e);
        }
    }
    request_end(request);
}

static void deletion_answer(struct request *request, const struct exo_error *err)
{
    const struct deletion *deletion = request->more;

    deletion->done(request->argument, err == NULL ? deletion->dropped : 0,
                   err == NULL && deletion->is_more, err);
}

void store_execution_drop(struct store *store, const struct execution_id *ids, uint32_t count,
                          uint32_t rows_max,
                          void (*done)(void *argument, uint32_t dropped, bool is_more,
                                       const struct exo_error *err),
                          void *argument)
{
    struct request *request = request_new(store, deletion_begin, deletion_answer, argument);
    struct deletion *asked = sim_alloc(sizeof(*asked));

    *asked = (struct deletion){.ids = sim_alloc(count * sizeof(*ids)),
                               .count = count,
                               .room = rows_max < ROWS_MAX ? rows_max : ROWS_MAX,
                               .done = done};
    memcpy(asked->ids, ids, count * sizeof(*ids));
    request->more = asked;
}
