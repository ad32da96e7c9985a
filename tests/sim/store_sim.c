#include "tests/sim/store_sim.h"

#include <assert.h>
#include <stdlib.h>

#include "infra/store/store_versions.h"
#include "tests/sim/database.h"
#include "tests/sim/oracle.h"
#include "tests/sim/rules.h"
#include "tests/sim/store_request.h"

/* ---- commits ---- */

struct commit {
    struct txn txn;
    bool is_strange; /* to the connection */
    struct store_result result;
    void (*done)(void *argument, const struct store_result *result);
};

static void commit_answer(struct request *request, const struct exo_error *err)
{
    struct commit *commit = request->more;
    struct store_result result = commit->result;

    if (err != NULL) {
        result = (struct store_result){
            .verdict = err->code == EXO_EUNAVAILABLE ? STORE_FAILED : STORE_UNKNOWN, .err = *err};
    }
    if (result.verdict == STORE_UNKNOWN && !request->store->is_closed) {
        store_connection_lost(request->store);
    }
    commit->done(request->argument, &result);
}

static void commit_over(void *argument, const struct store_result *result)
{
    struct request *request = argument;
    struct commit *commit = request->more;

    commit->result = *result;
    request_end(request);
}

static enum txn_fate fate_draw(void)
{
    static const struct {
        enum sim_fault fault;
        enum txn_fate fate;
    } fates[] = {{FAULT_COMMIT_FAILED, TXN_FAILED},
                 {FAULT_COMMIT_APPLIED, TXN_APPLIED},
                 {FAULT_COMMIT_LOST, TXN_LOST},
                 {FAULT_COMMIT_LATE, TXN_LATE},
                 {FAULT_COMMIT_REFUSED, TXN_REFUSED}};

    for (size_t i = 0; i < sizeof(fates) / sizeof(fates[0]); i++) {
        if (fault_fires(&sim.faults, fates[i].fault)) {
            return fates[i].fate;
        }
    }
    return TXN_GOOD;
}

/* From here on the backend works for itself. What may go wrong with a commit was drawn apart. */
static void commit_begin(void *argument)
{
    struct request *request = argument;
    struct commit *commit = request->more;

    if (commit->is_strange) {
        request->is_failed = true;
        request->code = EXO_EUNAVAILABLE;
        request_end(request);
        return;
    }
    request->is_failed = false;
    txn_begin(&commit->txn);
}

void store_commit(struct store *store, const struct store_batch *batches, uint32_t count,
                  void (*done)(void *argument, const struct store_result *result), void *argument)
{
    struct request *request = request_new(store, commit_begin, commit_answer, argument);
    struct commit *commit = sim_alloc(sizeof(*commit));
    struct store_batch *copies = sim_alloc(count * sizeof(*copies));

    for (uint32_t i = 0; i < count; i++) {
        copies[i] = batch_copy(&batches[i]);
        rules_sealed(&batches[i]);
        commit->is_strange |=
            batches[i].connection != 0 && batches[i].connection != store_connection(store);
    }
    commit->done = done;
    commit->txn = (struct txn){
        .client = store->loop,
        .backend = store->backend,
        .batches = copies,
        .count = count,
        .fate = fate_draw(),
        .done = commit_over,
        .argument = request,
    };
    if (commit->txn.fate == TXN_LATE || fault_fires(&sim.faults, FAULT_COMMIT_DELAY)) {
        commit->txn.delay_ns = sim_draw_fault(0, 5 * EXO_SECOND);
    }
    request->more = commit;
}

/* ---- leases ---- */

struct round {
    struct store_lease_round asked;
    struct store_lease *leases;
    const char **processes;
    uint64_t *beats;
    uint32_t process_count;
    exo_time now_ns;
    void (*done)(void *argument, const struct store_leases *leases, const struct exo_error *err);
};

static void round_begin(void *argument)
{
    struct request *request = argument;
    struct round *round = request->more;

    database_round(&round->asked);
    round->now_ns = database_now_ns();
    round->leases = sim_alloc(database.shard_count * sizeof(*round->leases));
    for (uint32_t i = 0; i < database.shard_count; i++) {
        round->leases[i].shard = i;
        round->leases[i].beat = database.shards[i].beat;
        memcpy(round->leases[i].owner, database.shards[i].owner, STORE_PROCESS_BYTES);
    }
    round->process_count = database.process_count;
    round->processes = sim_alloc(round->process_count * sizeof(*round->processes));
    round->beats = sim_alloc(round->process_count * sizeof(*round->beats));
    for (uint32_t i = 0; i < round->process_count; i++) {
        const char *name = database.processes[i].name;

        round->processes[i] = sim_copy((struct span){name, strlen(name) + 1}).data;
        round->beats[i] = database.processes[i].beat;
    }
    request_end(request);
}

static void round_answer(struct request *request, const struct exo_error *err)
{
    struct round *round = request->more;
    struct store_leases leases = {.leases = round->leases,
                                  .count = database.shard_count,
                                  .processes = round->processes,
                                  .process_beats = round->beats,
                                  .process_count = round->process_count,
                                  .database_now_ns = round->now_ns};

    round->done(request->argument, err == NULL ? &leases : NULL, err);
}

void store_lease_round(struct store *store, const struct store_lease_round *round,
                       void (*done)(void *argument, const struct store_leases *leases,
                                    const struct exo_error *err),
                       void *argument)
{
    struct request *request = request_new(store, round_begin, round_answer, argument);
    struct round *kept = sim_alloc(sizeof(*kept));

    kept->asked = *round;
    kept->asked.process = sim_copy((struct span){round->process, strlen(round->process) + 1}).data;
    kept->asked.takes =
        sim_copy((struct span){round->takes, round->take_count * sizeof(*round->takes)}).data;
    kept->asked.releases =
        sim_copy((struct span){round->releases, round->release_count * sizeof(*round->releases)})
            .data;
    kept->done = done;
    request->more = kept;
}

struct take {
    uint32_t shard;
    char process[STORE_PROCESS_BYTES];
    bool is_ours;
    struct store_shard row;
    exo_time now_ns;
    void (*done)(void *argument, const struct store_shard *shard, exo_time database_now_ns,
                 const struct exo_error *err);
};

static void take_locked(void *argument)
{
    struct request *request = argument;
    struct take *take = request->more;

    take->is_ours = database_taken(take->shard, take->process, store_connection(request->store));
    take->row = database.shards[take->shard].row;
    take->row.connection = store_connection(request->store);
    take->now_ns = database_now_ns();
    request_end(request);
}

static void take_begin(void *argument)
{
    struct request *request = argument;

    database_take(((struct take *)request->more)->shard, take_locked, request);
}

static void take_answer(struct request *request, const struct exo_error *err)
{
    struct take *take = request->more;
    struct exo_error fenced;

    if (err == NULL && !take->is_ours) {
        (void)exo_error_set(&fenced, EXO_EFENCED, "the lease is another's");
        err = &fenced;
    }
    take->done(request->argument, err == NULL ? &take->row : NULL, take->now_ns, err);
}

void store_shard_take(struct store *store, uint32_t shard, const char *process,
                      void (*done)(void *argument, const struct store_shard *shard,
                                   exo_time database_now_ns, const struct exo_error *err),
                      void *argument)
{
    struct request *request = request_new(store, take_begin, take_answer, argument);
    struct take *take = sim_alloc(sizeof(*take));

    take->shard = shard;
    assert(strlen(process) < sizeof(take->process));
    memcpy(take->process, process, strlen(process) + 1);
    take->done = done;
    request->more = take;
}

/* ---- markers ---- */

struct mark {
    uint32_t shard;
    uint64_t epoch; /* as the database had it when this was asked for */
    char process[STORE_PROCESS_BYTES];
    char marker[STORE_MARKER_BYTES];
    bool is_ours;
    void (*done)(void *argument, const struct exo_error *err);
};

/* Takes and markers of a process are carried out in order: one that a take has overtaken here came
 * before it, and is wiped. */
static void mark_begin(void *argument)
{
    struct request *request = argument;
    struct mark *mark = request->more;
    bool is_wiped = mark->epoch != database.shards[mark->shard].row.epoch;

    mark->is_ours = is_wiped ? database_is_opener(mark->shard, mark->process)
                             : database_mark(mark->shard, mark->process, mark->marker);
    request_end(request);
}

static void mark_answer(struct request *request, const struct exo_error *err)
{
    const struct mark *mark = request->more;
    struct exo_error fenced;

    if (err == NULL && !mark->is_ours) {
        (void)exo_error_set(&fenced, EXO_EFENCED, "another has opened the shard");
        err = &fenced;
    }
    mark->done(request->argument, err);
}

void store_shard_mark(struct store *store, uint32_t shard, const char *process, const char *marker,
                      store_done *done, void *argument)
{
    struct request *request = request_new(store, mark_begin, mark_answer, argument);
    struct mark *mark = sim_alloc(sizeof(*mark));

    assert(strlen(process) < sizeof(mark->process));
    assert(strlen(marker) < sizeof(mark->marker));
    mark->shard = shard;
    mark->epoch = database.shards[shard].row.epoch;
    memcpy(mark->process, process, strlen(process) + 1);
    memcpy(mark->marker, marker, strlen(marker) + 1);
    mark->done = done;
    request->more = mark;
}

/* ---- reads ---- */

void request_read(void *request)
{
    request_end(request);
}

struct load {
    uint32_t shard;
    struct store_load_callbacks callbacks;
};

static bool load_has(const struct load *load, const struct database_execution *e)
{
    return e->row.shard == load->shard && !e->row.is_terminal;
}

/* The rows cannot change between the statements of a load: we are the owner, or are fenced. */
static void load_answer(struct request *request, const struct exo_error *err)
{
    const struct load *load = request->more;
    const struct store_load_callbacks *call = &load->callbacks;
    bool is_cut = request->is_failed && dice_chance(&sim.net, 500000);

    bool is_shown = err == NULL || is_cut;

    for (const struct database_item *i = database.shards[load->shard].spanning;
         i != NULL && is_shown && !request->store->is_closed; i = i->next) {
        call->spanning(request->argument, &i->spanning);
    }
    for (const struct database_execution *e = database.executions;
         e != NULL && is_shown && !request->store->is_closed; e = e->next) {
        if (load_has(load, e)) {
            struct store_execution row = e->row;

            call->execution(request->argument, &row, database_definition(&row.definition));
        }
    }
    for (const struct database_execution *e = database.executions; e != NULL && err == NULL;
         e = e->next) {
        for (const struct database_item *i = e->runs; i != NULL && load_has(load, e); i = i->next) {
            if (!i->run.is_ended) {
                call->run(request->argument, &i->run);
            }
        }
    }
    for (const struct database_execution *e = database.executions; e != NULL && err == NULL;
         e = e->next) {
        if (!load_has(load, e)) {
            continue;
        }
        for (const struct database_item *i = e->pages; i != NULL; i = i->next) {
            call->page(request->argument, &i->page);
        }
        for (const struct database_item *i = e->segments; i != NULL; i = i->next) {
            if (i->segment.kind == 1 || i->segment.page == UINT32_MAX) {
                call->segment(request->argument, &i->segment);
            }
        }
    }
    call->done(request->argument, err);
}

void store_shard_load(struct store *store, uint32_t shard,
                      const struct store_load_callbacks *callbacks, void *argument)
{
    struct request *request = request_new(store, request_read, load_answer, argument);
    struct load *load = sim_alloc(sizeof(*load));

    *load = (struct load){shard, *callbacks};
    request->more = load;
}

struct execution_asked {
    struct execution_id id;
    void (*done)(void *argument, const struct store_execution *execution,
                 struct span definition_text, const struct exo_error *err);
};

static void execution_answer(struct request *request, const struct exo_error *err)
{
    const struct execution_asked *asked = request->more;
    const struct database_execution *found = database_find(&asked->id);

    bool is_there = err == NULL && found != NULL;

    asked->done(request->argument, is_there ? &found->row : NULL,
                is_there ? database_definition(&found->row.definition) : (struct span){NULL, 0},
                err);
}

void store_execution_get(struct store *store, const struct execution_id *id,
                         void (*done)(void *argument, const struct store_execution *execution,
                                      struct span definition_text, const struct exo_error *err),
                         void *argument)
{
    struct request *request = request_new(store, request_read, execution_answer, argument);
    struct execution_asked *asked = sim_alloc(sizeof(*asked));

    *asked = (struct execution_asked){*id, done};
    request->more = asked;
}

struct known {
    struct execution_id *ids;
    bool *is_known;
    uint32_t count;
    void (*done)(void *argument, const bool *is_known, const struct exo_error *err);
};

static void known_begin(void *argument)
{
    struct request *request = argument;
    struct known *known = request->more;

    for (uint32_t i = 0; i < known->count; i++) {
        known->is_known[i] =
            database_find(&known->ids[i]) != NULL || database_tombstone(&known->ids[i]) != NULL;
    }
    request_end(request);
}

static void known_answer(struct request *request, const struct exo_error *err)
{
    const struct known *known = request->more;

    known->done(request->argument, err == NULL ? known->is_known : NULL, err);
}

void store_execution_known(struct store *store, const struct execution_id *ids, uint32_t count,
                           void (*done)(void *argument, const bool *is_known,
                                        const struct exo_error *err),
                           void *argument)
{
    struct request *request = request_new(store, known_begin, known_answer, argument);
    struct known *known = sim_alloc(sizeof(*known));

    known->ids = sim_alloc(count * sizeof(*ids));
    known->is_known = sim_alloc(count * sizeof(bool));
    memcpy(known->ids, ids, count * sizeof(*ids));
    known->count = count;
    known->done = done;
    request->more = known;
}

struct shard_asked {
    uint32_t shard;
    void (*done)(void *argument, const struct store_shard *shard, const struct exo_error *err);
};

static void shard_answer(struct request *request, const struct exo_error *err)
{
    const struct shard_asked *asked = request->more;

    asked->done(request->argument, err == NULL ? &database.shards[asked->shard].row : NULL, err);
}

void store_shard_get(struct store *store, uint32_t shard,
                     void (*done)(void *argument, const struct store_shard *shard,
                                  const struct exo_error *err),
                     void *argument)
{
    struct request *request = request_new(store, request_read, shard_answer, argument);
    struct shard_asked *asked = sim_alloc(sizeof(*asked));

    *asked = (struct shard_asked){shard, done};
    request->more = asked;
}

struct segments {
    struct execution_id id;
    uint32_t instance, kind, first, count;
    void (*done)(void *argument, const struct store_segment *segments, uint32_t count,
                 const struct exo_error *err);
};

static void segments_answer(struct request *request, const struct exo_error *err)
{
    const struct segments *asked = request->more;
    const struct database_execution *e = database_find(&asked->id);
    uint32_t count = 0;
    uint32_t room = 0;

    for (const struct database_item *i = e == NULL ? NULL : e->segments; i != NULL; i = i->next) {
        room++;
    }
    struct store_segment *found = sim_alloc(room * sizeof(*found));

    for (const struct database_item *i = e == NULL ? NULL : e->segments; i != NULL; i = i->next) {
        const struct store_segment *s = &i->segment;

        if (s->instance == asked->instance && s->kind == asked->kind && s->page >= asked->first &&
            s->page - asked->first < asked->count) {
            found[count++] = *s;
        }
    }
    asked->done(request->argument, err == NULL ? found : NULL, err == NULL ? count : 0, err);
}

void store_segment_get(struct store *store, const struct execution_id *id, uint32_t instance,
                       uint32_t kind, uint32_t first, uint32_t count,
                       void (*done)(void *argument, const struct store_segment *segments,
                                    uint32_t count, const struct exo_error *err),
                       void *argument)
{
    struct request *request = request_new(store, request_read, segments_answer, argument);
    struct segments *asked = sim_alloc(sizeof(*asked));

    *asked = (struct segments){*id, instance, kind, first, count, done};
    request->more = asked;
}

struct journal {
    uint32_t shard;
    uint64_t after;
    uint32_t limit;
    void (*done)(void *argument, const struct store_journal_row *rows, uint32_t count,
                 uint64_t oldest_batch, const struct exo_error *err);
};

static void journal_answer(struct request *request, const struct exo_error *err)
{
    const struct journal *asked = request->more;
    struct store_journal_row *rows = sim_alloc(asked->limit * sizeof(*rows));
    const struct database_journal *first = database.shards[asked->shard].journal;
    uint32_t count = 0;

    for (const struct database_journal *j = first; j != NULL && count < asked->limit; j = j->next) {
        if (j->row.batch > asked->after && j->row.body.bytes > 0) {
            rows[count++] = j->row;
        }
    }
    asked->done(request->argument, err == NULL ? rows : NULL, err == NULL ? count : 0,
                first == NULL ? 0 : first->row.batch, err);
}

void store_journal_get(struct store *store, uint32_t shard, uint64_t after_batch, uint32_t limit,
                       void (*done)(void *argument, const struct store_journal_row *rows,
                                    uint32_t count, uint64_t oldest_batch,
                                    const struct exo_error *err),
                       void *argument)
{
    struct request *request = request_new(store, request_read, journal_answer, argument);
    struct journal *asked = sim_alloc(sizeof(*asked));

    *asked = (struct journal){shard, after_batch, limit, done};
    request->more = asked;
}

struct blob {
    struct digest digest;
    void (*done)(void *argument, struct span bytes, const struct exo_error *err);
};

static void blob_answer(struct request *request, const struct exo_error *err)
{
    const struct blob *asked = request->more;

    asked->done(request->argument,
                err == NULL ? oracle_blob(&asked->digest) : (struct span){NULL, 0}, err);
}

void store_blob_get(struct store *store, const struct digest *digest,
                    void (*done)(void *argument, struct span bytes, const struct exo_error *err),
                    void *argument)
{
    struct request *request = request_new(store, request_read, blob_answer, argument);
    struct blob *asked = sim_alloc(sizeof(*asked));

    *asked = (struct blob){*digest, done};
    request->more = asked;
}

/* ---- definitions ---- */

/* No world of the simulation stores a definition under a name. */
struct versions {
    store_versions_done *done;
};

static void versions_answer(struct request *request, const struct exo_error *err)
{
    const struct versions *asked = request->more;

    asked->done(request->argument, NULL, 0, err);
}

void store_version_read(struct store *store, const struct store_version_query *query,
                        store_versions_done *done, void *argument)
{
    struct request *request = request_new(store, request_read, versions_answer, argument);
    struct versions *asked = sim_alloc(sizeof(*asked));

    (void)query; /* whatever is asked for, there is none */
    asked->done = done;
    request->more = asked;
}
