/* store_retention_sim: what retention reads and deletes, over the model of the database. */
#include <stdlib.h>
#include <string.h>

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

typedef void store_old_done(void *argument, const struct store_old *old, uint32_t count,
                            const struct exo_error *err);
typedef void store_old_projects_done(void *argument, const struct store_old_project *projects,
                                     uint32_t count, const struct exo_error *err);

struct old {
    struct store_old_query query;
    struct store_old *found;
    struct store_old_project *projects;
    uint32_t count;
    store_old_done *done;
    store_old_projects_done *projects_done;
};

static uint32_t execution_count(void)
{
    uint32_t count = 0;

    for (const struct database_execution *e = database.executions; e != NULL; e = e->next) {
        count++;
    }
    return count;
}

static int project_compare(const void *a, const void *b)
{
    const struct store_old_project *x = a;
    const struct store_old_project *y = b;
    int order = strcmp(x->project, y->project);

    return order != 0 ? order
                      : (x->submitted_ns > y->submitted_ns) - (x->submitted_ns < y->submitted_ns);
}

static void projects_begin(void *argument)
{
    struct request *request = argument;
    struct old *asked = request->more;
    uint32_t all = 0;

    asked->projects = sim_alloc(execution_count() * sizeof(*asked->projects));
    for (const struct database_execution *e = database.executions; e != NULL; e = e->next) {
        if (strcmp(e->row.project, asked->query.project) > 0) {
            asked->projects[all++] =
                (struct store_old_project){e->row.project, e->row.submitted_ns};
        }
    }
    qsort(asked->projects, all, sizeof(*asked->projects), project_compare);
    for (uint32_t i = 0; i < all && asked->count < asked->query.limit; i++) {
        if (i == 0 || strcmp(asked->projects[i - 1].project, asked->projects[i].project) != 0) {
            asked->projects[asked->count++] = asked->projects[i];
        }
    }
    request_end(request);
}

static void projects_answer(struct request *request, const struct exo_error *err)
{
    const struct old *asked = request->more;

    asked->projects_done(request->argument, err == NULL ? asked->projects : NULL,
                         err == NULL ? asked->count : 0, err);
}

static char *name_copy(const char *name)
{
    size_t bytes = strlen(name) + 1;

    return memcpy(sim_alloc(bytes), name, bytes);
}

void store_old_projects(struct store *store, const char *after, uint32_t limit,
                        store_old_projects_done *done, void *argument)
{
    struct request *request = request_new(store, projects_begin, projects_answer, argument);
    struct old *asked = sim_alloc(sizeof(*asked));

    *asked =
        (struct old){.query = {.project = name_copy(after), .limit = limit}, .projects_done = done};
    request->more = asked;
}

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
    const struct store_old_query *query = &asked->query;
    const struct store_old after = {.submitted_ns = query->after_ns, .id = query->after_id};

    asked->found = sim_alloc(execution_count() * sizeof(*asked->found));
    for (const struct database_execution *e = database.executions; e != NULL; e = e->next) {
        const struct store_old old = {.id = e->row.id,
                                      .shard = e->row.shard,
                                      .submitted_ns = e->row.submitted_ns,
                                      .ended_ns = e->row.ended_ns};

        if (strcmp(e->row.project, query->project) == 0 && old_compare(&old, &after) > 0 &&
            old.submitted_ns < query->before_ns && e->row.is_terminal &&
            old.ended_ns < query->before_ns) {
            asked->found[asked->count++] = old;
        }
    }
    qsort(asked->found, asked->count, sizeof(*asked->found), old_compare);
    asked->count = asked->count < query->limit ? asked->count : query->limit;
    request_end(request);
}

static void old_answer(struct request *request, const struct exo_error *err)
{
    const struct old *asked = request->more;

    asked->done(request->argument, err == NULL ? asked->found : NULL,
                err == NULL ? asked->count : 0, err);
}

void store_old_list(struct store *store, const struct store_old_query *query, store_old_done *done,
                    void *argument)
{
    struct request *request = request_new(store, old_begin, old_answer, argument);
    struct old *asked = sim_alloc(sizeof(*asked));

    *asked = (struct old){.query = *query, .done = done};
    asked->query.project = name_copy(query->project);
    request->more = asked;
}

/* ---- definitions ---- */

typedef void store_definitions_done(void *argument, uint32_t dropped, const struct digest *last,
                                    const struct exo_error *err);

struct texts {
    uint32_t dropped;
    store_definitions_done *done;
};

static bool is_named(const struct digest *digest)
{
    for (const struct database_execution *e = database.executions; e != NULL; e = e->next) {
        if (digest_equal(&e->row.definition, digest)) {
            return true;
        }
    }
    return false;
}

/* All at once: a world has few. Those that stay are copied: a replica that lags shares the others.
 */
static void texts_begin(void *argument)
{
    struct request *request = argument;
    struct texts *asked = request->more;
    const struct database_definition *all = database.definitions;

    database.definitions = NULL;
    for (const struct database_definition *d = all; d != NULL; d = d->next) {
        if (is_named(&d->row.digest)) {
            struct database_definition *kept = sim_alloc(sizeof(*kept));

            *kept = (struct database_definition){database.definitions, d->row};
            database.definitions = kept;
        } else {
            asked->dropped++;
        }
    }
    request_end(request);
}

static void texts_answer(struct request *request, const struct exo_error *err)
{
    const struct texts *asked = request->more;

    asked->done(request->argument, err == NULL ? asked->dropped : 0, NULL, err);
}

void store_definition_drop(struct store *store, const struct digest *after, uint32_t rows_max,
                           store_definitions_done *done, void *argument)
{
    struct request *request = request_new(store, texts_begin, texts_answer, argument);
    struct texts *asked = sim_alloc(sizeof(*asked));

    (void)after;
    (void)rows_max;
    asked->done = done;
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
