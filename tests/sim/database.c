#include "tests/sim/database.h"

#include <assert.h>
#include <stdio.h>

#include "tests/sim/crash.h"
#include "tests/sim/oracle.h"
#include "tests/sim/rules.h"

enum { LEASE_MS = 2800 };

struct database database;

void database_begin(uint32_t shard_count)
{
    assert(shard_count <= DATABASE_SHARDS_MAX);
    database = (struct database){.shard_count = shard_count};
    database.execution_last = &database.executions;
    for (uint32_t i = 0; i < shard_count; i++) {
        database.shards[i].row.shard = i;
        database.shards[i].journal_last = &database.shards[i].journal;
    }
}

exo_time database_now_ns(void)
{
    return SIM_EPOCH_NS + sim.now_ns + database.clock_error_ns;
}

struct database_execution *database_find(const struct execution_id *id)
{
    for (struct database_execution *e = database.executions; e != NULL; e = e->next) {
        if (execution_id_equal(&e->row.id, id)) {
            return e;
        }
    }
    return NULL;
}

const struct database_tombstone *database_tombstone(const struct execution_id *id)
{
    for (const struct database_tombstone *t = database.tombstones; t != NULL; t = t->next) {
        if (execution_id_equal(&t->row.id, id)) {
            return t;
        }
    }
    return NULL;
}

const struct store_execution *database_end(const struct execution_id *id)
{
    const struct database_execution *e = database_find(id);

    return e == NULL ? &database_tombstone(id)->row : &e->row;
}

struct span database_definition(const struct digest *digest)
{
    for (const struct database_definition *d = database.definitions; d != NULL; d = d->next) {
        if (digest_equal(&d->row.digest, digest)) {
            return d->row.text;
        }
    }
    return (struct span){NULL, 0};
}

/* ---- rows and their locks ---- */

static void row_lock(struct database_shard *shard, struct txn *txn, sim_call *call, void *argument)
{
    if (shard->holder == NULL || shard->holder == txn) {
        call(argument);
        return;
    }
    struct row_wait *wait = sim_alloc(sizeof(*wait));
    struct row_wait **link = &shard->waits;

    *wait = (struct row_wait){NULL, txn, call, argument};
    while (*link != NULL) {
        link = &(*link)->next;
    }
    *link = wait;
}

static void row_free(struct database_shard *shard)
{
    shard->holder = NULL;
    while (shard->holder == NULL && shard->waits != NULL) {
        struct row_wait *wait = shard->waits;

        shard->waits = wait->next;
        if (wait->txn == NULL || !wait->txn->is_over) {
            wait->call(wait->argument);
        }
    }
}

/* ---- transactions ---- */

struct ending {
    struct txn *txn;
    struct store_result result;
};

static void txn_told(void *argument)
{
    const struct ending *ending = argument;

    ending->txn->done(ending->txn->argument, &ending->result);
}

/* The client hears one answer only. */
static void txn_tell(struct txn *txn, const struct store_result *result, exo_time in_ns)
{
    if (!txn->is_told) {
        struct ending *ending = sim_alloc(sizeof(*ending));

        txn->is_told = true;
        *ending = (struct ending){txn, *result};
        sim_at(sim.now_ns + in_ns, NULL, txn_told, ending);
    }
}

static void txn_unlink(struct txn *txn)
{
    for (struct txn **link = &database.running; *link != NULL; link = &(*link)->next) {
        if (*link == txn) {
            *link = txn->next;
            return;
        }
    }
}

/* Frees its locks; only then may others go on. */
static void txn_over(struct txn *txn)
{
    txn->is_over = true;
    txn_unlink(txn);
    for (uint32_t i = 0; i < txn->count; i++) {
        struct database_shard *shard = &database.shards[txn->batches[i].shard];

        if (shard->holder == txn) {
            row_free(shard);
        }
    }
}

static struct store_result result_of(enum store_verdict verdict, const char *text)
{
    struct store_result result = {.verdict = verdict, .database_now_ns = database_now_ns()};

    if (verdict != STORE_DONE) {
        (void)exo_error_set(&result.err, verdict == STORE_UNKNOWN ? EXO_EUNKNOWN : EXO_EUNAVAILABLE,
                            "%s", text);
    }
    return result;
}

static void txn_end(struct txn *txn, const struct store_result *result)
{
    static const char *const names[] = {"done", "fenced", "refused", "failed", "unknown"};

    sim_trace("commit of backend %llu: %s", (unsigned long long)txn->backend,
              names[result->verdict]);
    txn_over(txn);
    txn_tell(txn, result, sim_draw(50 * EXO_MICROSECOND, 2 * EXO_MILLISECOND));
}

void txn_abort(struct txn *txn)
{
    if (!txn->is_over) {
        struct store_result result = result_of(STORE_UNKNOWN, "the connection broke");

        txn_end(txn, &result);
    }
}

static void definitions_put(const struct store_batch *batch)
{
    for (uint32_t i = 0; i < batch->definition_count; i++) {
        if (database_definition(&batch->definitions[i].digest).data == NULL) {
            struct database_definition *definition = sim_alloc(sizeof(*definition));

            definition->row = batch->definitions[i];
            definition->next = database.definitions;
            database.definitions = definition;
        }
    }
}

static void executions_put(const struct store_batch *batch)
{
    for (uint32_t i = 0; i < batch->insert_count; i++) {
        struct database_execution *e = sim_alloc(sizeof(*e));

        e->row = batch->inserts[i];
        *database.execution_last = e;
        database.execution_last = &e->next;
    }
    for (uint32_t i = 0; i < batch->update_count; i++) {
        const struct store_execution *from = &batch->updates[i];
        struct database_execution *e = database_find(&from->id);

        assert(e != NULL);
        e->row.state = from->state;
        e->row.is_terminal = from->is_terminal;
        e->row.epoch = from->epoch;
        e->row.batch = from->batch;
        e->row.started_ns = from->started_ns;
        e->row.ended_ns = from->ended_ns;
        e->row.deadline_ns = from->deadline_ns;
        e->row.output = from->output;
        e->row.output_ref = from->output_ref;
        e->row.error = from->error;
        e->row.body = from->body;
    }
}

static int spanning_compare(const struct store_spanning *a, const struct store_spanning *b)
{
    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1;
    }
    return memcmp(a->id.bytes, b->id.bytes, DIGEST_BYTES);
}

static void spanning_put(struct database_shard *shard, const struct store_spanning *from)
{
    struct database_item **link = &shard->spanning;

    while (*link != NULL && spanning_compare(&(*link)->spanning, from) < 0) {
        link = &(*link)->next;
    }
    bool is_there = *link != NULL && spanning_compare(&(*link)->spanning, from) == 0;

    if (from->body.bytes == 0) {
        *link = is_there ? (*link)->next : *link;
        return;
    }
    if (!is_there) {
        struct database_item *item = sim_alloc(sizeof(*item));

        item->next = *link;
        *link = item;
    }
    (*link)->spanning = *from;
}

static void spannings_put(struct database_shard *shard, const struct store_batch *batch)
{
    for (uint32_t i = 0; i < batch->spanning_count; i++) {
        for (uint32_t k = 0; k < i; k++) {
            if (spanning_compare(&batch->spanning[k], &batch->spanning[i]) == 0) {
                sim_fail("shard %u: a batch holds a spanning row twice", batch->shard);
            }
        }
        spanning_put(shard, &batch->spanning[i]);
    }
}

static void run_put(struct database_execution *e, const struct store_run *from)
{
    struct database_item **link = &e->runs;

    while (*link != NULL && (*link)->run.number < from->number) {
        link = &(*link)->next;
    }
    if (*link == NULL || (*link)->run.number != from->number) {
        struct database_item *item = sim_alloc(sizeof(*item));

        item->next = *link;
        *link = item;
    } else if ((*link)->run.instance != from->instance || (*link)->run.index != from->index) {
        sim_fail("two runs of an execution have one number");
    }
    (*link)->run = *from;
}

static void runs_put(const struct store_batch *batch)
{
    for (uint32_t i = 0; i < batch->run_count; i++) {
        run_put(database_find(&batch->runs[i].execution), &batch->runs[i]);
    }
}

static void pages_put(const struct store_batch *batch)
{
    for (uint32_t i = 0; i < batch->page_count; i++) {
        const struct store_page *from = &batch->pages[i];
        struct database_execution *e = database_find(&from->execution);
        struct database_item **link = &e->pages;

        while (*link != NULL &&
               ((*link)->page.instance != from->instance || (*link)->page.page != from->page)) {
            link = &(*link)->next;
        }
        if (*link == NULL) {
            *link = sim_alloc(sizeof(**link));
        }
        (*link)->page = *from;
    }
}

static bool segment_is_before(const struct store_segment *a, const struct store_segment *b)
{
    if (a->kind != b->kind) {
        return a->kind < b->kind;
    }
    if (a->instance != b->instance) {
        return a->instance < b->instance;
    }
    return a->page != b->page ? a->page < b->page : a->part < b->part;
}

static void segments_put(const struct store_batch *batch)
{
    for (uint32_t i = 0; i < batch->segment_count; i++) {
        const struct store_segment *from = &batch->segments[i];
        struct database_item **link = &database_find(&from->execution)->segments;
        struct database_item *item = sim_alloc(sizeof(*item));

        while (*link != NULL && segment_is_before(&(*link)->segment, from)) {
            link = &(*link)->next;
        }
        if (*link != NULL && !segment_is_before(from, &(*link)->segment)) {
            sim_fail("a segment is written twice");
        }
        item->segment = *from;
        item->next = *link;
        *link = item;
    }
}

static void references_put(const struct store_batch *batch)
{
    for (uint32_t i = 0; i < batch->reference_count; i++) {
        const struct store_reference *from = &batch->references[i];
        struct database_item **link = &database_find(&from->execution)->references;

        while (*link != NULL && !digest_equal(&(*link)->reference.digest, &from->digest)) {
            link = &(*link)->next;
        }
        if (*link == NULL) {
            *link = sim_alloc(sizeof(**link));
            (*link)->reference = *from;
        }
    }
}

static void batch_put(const struct store_batch *batch)
{
    struct database_shard *shard = &database.shards[batch->shard];

    if (batch->clears_marker) {
        if (strcmp(shard->row.guard.suspect, shard->marker) == 0) {
            shard->row.guard = (struct store_guard){.crashes = shard->row.guard.crashes};
            shard->false_deaths = 0;
        }
        shard->is_marked = false;
    }
    oracle_commit(&shard->row, batch);
    definitions_put(batch);
    executions_put(batch);
    spannings_put(shard, batch);
    runs_put(batch);
    pages_put(batch);
    segments_put(batch);
    references_put(batch);
    shard->row.batch = batch->next;
    shard->row.now_ns = batch->now_ns;
    memcpy(shard->row.inputs, batch->inputs, sizeof(shard->row.inputs));
    shard->row.event_batch = batch->event_batch;
    shard->row.extra = batch->extra;
    struct database_journal *journal = sim_alloc(sizeof(*journal));

    journal->row = (struct store_journal_row){batch->epoch, batch->next, batch->journal};
    journal->at_ns = batch->now_ns;
    journal->imprint = batch->imprint;
    *shard->journal_last = journal;
    shard->journal_last = &journal->next;
    for (uint32_t i = 0; i < batch->dead_letter_count; i++) {
        struct database_letter *letter = sim_alloc(sizeof(*letter));

        letter->row = batch->dead_letters[i];
        letter->next = database.letters;
        database.letters = letter;
        database.letter_count++;
    }
    oracle_committed(batch);
}

static void txn_commit(void *argument)
{
    struct txn *txn = argument;

    if (txn->is_over) {
        return;
    }
    for (uint32_t i = 0; i < txn->count; i++) {
        batch_put(&txn->batches[i]);
    }
    database.commits++;
    struct store_result result = txn->fate == TXN_APPLIED
                                     ? result_of(STORE_UNKNOWN, "the connection broke")
                                     : result_of(STORE_DONE, "");

    txn_end(txn, &result);
}

/* A row of such a plan may not say that one of its tasks is dispatched. Updates name no cluster. */
static bool is_grant(const struct store_execution *row, bool is_insert)
{
    const struct database_execution *e = is_insert ? NULL : database_find(&row->id);
    const char *cluster = is_insert ? row->cluster : e == NULL ? "" : e->row.cluster;
    size_t bytes = strlen(cluster);

    return bytes > 0 && cluster[bytes - 1] == 'x' && strcmp(row->state, "RUNNING") == 0;
}

static bool is_grant_refused(const struct txn *txn)
{
    for (uint32_t i = 0; i < txn->count; i++) {
        for (uint32_t k = 0; k < txn->batches[i].update_count; k++) {
            if (is_grant(&txn->batches[i].updates[k], false)) {
                return true;
            }
        }
        for (uint32_t k = 0; k < txn->batches[i].insert_count; k++) {
            if (is_grant(&txn->batches[i].inserts[k], true)) {
                return true;
            }
        }
    }
    return false;
}

/* What the rows themselves raise. */
static bool rows_fit(struct txn *txn, struct store_result *ret_result)
{
    int64_t inputs = 0;

    for (uint32_t i = 0; i < txn->count; i++) {
        const struct store_batch *batch = &txn->batches[i];

        for (int k = 0; k < STORE_INPUTS; k++) {
            inputs += batch->inputs[k].offset - database.shards[batch->shard].row.inputs[k].offset;
        }
        for (uint32_t k = 0; k < batch->insert_count; k++) {
            if (database_find(&batch->inserts[k].id) != NULL) {
                database.shards[batch->shard].refused_ns = sim.now_ns;
                *ret_result = result_of(STORE_REFUSED, "the id is there already");
                ret_result->is_duplicate = true;
                return false;
            }
            if (strstr(batch->inserts[k].cluster, "/poison") != NULL) {
                database.shards[batch->shard].refused_ns = sim.now_ns;
                *ret_result = result_of(STORE_REFUSED, "text that no database takes");
                return false;
            }
        }
    }
    if (is_grant_refused(txn)) {
        database.shards[txn->batches[0].shard].refused_ns = sim.now_ns; /* it is careful now */
        *ret_result = result_of(STORE_REFUSED, "a grant that no database takes");
        return false;
    }
    struct database_shard *shard = &database.shards[txn->batches[0].shard];

    /* Once, and never one that goes alone: where offsets are not dense it may look like many. */
    if (txn->fate == TXN_REFUSED && txn->count == 1 && inputs > 1 &&
        !txn->batches[0].clears_marker &&
        (shard->refused_ns == 0 || sim.now_ns - shard->refused_ns > EXO_MINUTE)) {
        shard->refused_ns = sim.now_ns;
        *ret_result = result_of(STORE_REFUSED, "refused this once");
        return false;
    }
    return true;
}

static void txn_rows(void *argument)
{
    struct txn *txn = argument;
    struct store_result result;

    if (txn->is_over) {
        return;
    }
    if (database.full_until_ns > sim.now_ns) {
        result = result_of(STORE_FAILED, "no space left on device");
        txn_end(txn, &result);
        return;
    }
    if (txn->fate == TXN_FAILED || txn->fate == TXN_LOST) {
        result = txn->fate == TXN_FAILED ? result_of(STORE_FAILED, "deadlock detected")
                                         : result_of(STORE_UNKNOWN, "the connection broke");
        txn_end(txn, &result);
        return;
    }
    if (!rows_fit(txn, &result)) {
        txn_end(txn, &result);
        return;
    }
    if (txn->fate == TXN_LATE) {
        result = result_of(STORE_UNKNOWN, "the connection broke");
        txn_tell(txn, &result, sim_draw(0, EXO_MILLISECOND));
    }
    sim_at(sim.now_ns + txn->delay_ns + sim_draw(100 * EXO_MICROSECOND, 2 * EXO_MILLISECOND), NULL,
           txn_commit, txn);
}

static void txn_fence(void *argument);

static void txn_fenced(void *argument)
{
    struct txn *txn = argument;
    const struct store_batch *batch = &txn->batches[txn->at];
    struct database_shard *shard = &database.shards[batch->shard];

    if (shard->row.epoch != batch->epoch || shard->row.batch != batch->previous) {
        struct store_result result = result_of(STORE_FENCED, "the shard is another's");

        result.fenced_shard = batch->shard;
        txn_end(txn, &result);
        return;
    }
    shard->holder = txn;
    txn->at++;
    sim_in(10 * EXO_MICROSECOND, 200 * EXO_MICROSECOND, NULL,
           txn->at < txn->count ? txn_fence : txn_rows, txn);
}

static void txn_fence(void *argument)
{
    struct txn *txn = argument;

    if (!txn->is_over) {
        row_lock(&database.shards[txn->batches[txn->at].shard], txn, txn_fenced, txn);
    }
}

void txn_begin(struct txn *txn)
{
    struct store_batch *copies = sim_alloc(txn->count * sizeof(*copies));

    for (uint32_t i = 0; i < txn->count; i++) {
        copies[i] = batch_copy(&txn->batches[i]);
    }
    txn->batches = copies;
    txn->next = database.running;
    database.running = txn;
    sim_in(50 * EXO_MICROSECOND, 2 * EXO_MILLISECOND, NULL, txn_fence, txn);
}

void database_crash(exo_time until_ns)
{
    sim_trace("the database is away until %.3f", (double)until_ns / 1e9);
    database.down_until_ns = until_ns;
    while (database.running != NULL) {
        txn_abort(database.running);
    }
}

/* ---- ownership ---- */

static void terminated(void *argument)
{
    const uint64_t *backend = argument;

    for (struct txn *txn = database.running; txn != NULL;) {
        struct txn *next = txn->next;

        if (txn->backend == *backend) {
            txn_abort(txn);
            next = database.running; /* the list has changed */
        }
        txn = next;
    }
}

static struct database_process *process_row(const char *name)
{
    struct database_process *row = database.processes;
    struct database_process *end = row + database.process_count;

    while (row < end && strcmp(row->name, name) != 0) {
        row++;
    }
    if (row == end) {
        assert(database.process_count < DATABASE_PROCESSES_MAX);
        database.process_count++;
        *row = (struct database_process){0};
        (void)snprintf(row->name, sizeof(row->name), "%s", name);
    }
    return row;
}

static void processes_sweep(void)
{
    for (uint32_t i = 0; i < database.process_count;) {
        if (database_now_ns() - database.processes[i].moved_ns > EXO_HOUR) {
            database.processes[i] = database.processes[--database.process_count];
        } else {
            i++;
        }
    }
}

static void leases_release(const struct store_lease_round *round)
{
    for (uint32_t i = 0; i < database.shard_count; i++) {
        struct database_shard *shard = &database.shards[i];
        bool is_released = round->is_leaving;

        if (strcmp(shard->owner, round->process) != 0) {
            continue;
        }
        for (uint32_t k = 0; k < round->release_count; k++) {
            is_released = is_released || round->releases[k] == i;
        }
        shard->beat++;
        shard->renewed_ns = sim.now_ns;
        if (is_released) {
            if (strcmp(shard->opener, round->process) == 0) {
                shard->is_open = false;
                shard->is_marked = false;
            }
            shard->owner[0] = '\0';
            sim_trace("%s gives up shard %u", round->process, i);
        }
    }
}

/* Clocks differ by 5 %. Where the database went back a beat may be seen twice: the owner's before
 * and its first after look as if it stood still. Epochs hold then. */
static void lease_check(const struct database_shard *shard, const char *process)
{
    exo_time stood_ns = sim.now_ns - shard->renewed_ns;

    if (shard->owner[0] != '\0' && stood_ns < LEASE_MS * EXO_MILLISECOND &&
        sim.faults.fired[FAULT_STALE_REPLICA] == 0) {
        sim_fail("%s takes shard %u from %s, who renewed it %lld ms ago", process, shard->row.shard,
                 shard->owner, (long long)(stood_ns / EXO_MILLISECOND));
    }
}

void database_round(const struct store_lease_round *round)
{
    struct database_process *row = process_row(round->process);

    row->beat++;
    row->moved_ns = database_now_ns();
    leases_release(round);
    if (round->is_leaving) {
        *row = database.processes[--database.process_count];
        return;
    }
    for (uint32_t i = 0; i < round->take_count; i++) {
        struct database_shard *shard = &database.shards[round->takes[i].shard];

        if (strcmp(shard->owner, round->takes[i].owner) == 0 &&
            shard->beat == round->takes[i].beat) {
            lease_check(shard, round->process);
            (void)snprintf(shard->owner, sizeof(shard->owner), "%s", round->process);
            shard->beat++;
            shard->renewed_ns = sim.now_ns;
            sim_trace("%s takes shard %u", round->process, shard->row.shard);
            uint64_t *backend = sim_alloc(sizeof(*backend));

            *backend = shard->backend;
            sim_in(0, 5 * EXO_MILLISECOND, NULL, terminated, backend);
        }
    }
    processes_sweep();
}

void database_take(uint32_t shard, sim_call *call, void *argument)
{
    row_lock(&database.shards[shard], NULL, call, argument);
}

static void guard_open(struct database_shard *shard, const char *process)
{
    struct store_guard *guard = &shard->row.guard;
    bool is_same = strcmp(shard->opener, process) == 0;
    bool has_died = !is_same && shard->is_open && shard->opener[0] != '\0';
    bool stood_still = shard->opened_at[0] == shard->row.inputs[0].offset &&
                       shard->opened_at[1] == shard->row.inputs[1].offset;

    if (has_died && shard->is_marked) {
        if (strcmp(guard->suspect, shard->marker) != 0) {
            guard->deaths = 0;
            shard->false_deaths = 0;
            memcpy(guard->suspect, shard->marker, sizeof(guard->suspect));
        }
        guard->deaths++;
        shard->false_deaths += !crash_killed(shard->opener);
        shard->is_slandered =
            shard->is_slandered || (shard->false_deaths > 0 && guard->deaths >= 2);
    }
    if (!is_same) {
        bool is_in_a_row = stood_still || database_now_ns() - shard->opened_ns < 10 * EXO_SECOND;

        guard->crashes = !has_died ? 0 : is_in_a_row ? guard->crashes + 1 : 1;
        shard->opened_ns = database_now_ns();
        shard->opened_at[0] = shard->row.inputs[0].offset;
        shard->opened_at[1] = shard->row.inputs[1].offset;
    }
    if (guard->deaths > 0 || guard->crashes > 0) {
        sim_trace("shard %u: %u crashes, %u deaths on \"%s\"", shard->row.shard, guard->crashes,
                  guard->deaths, guard->suspect);
    }
    (void)snprintf(shard->opener, sizeof(shard->opener), "%s", process);
    shard->is_open = true;
    shard->is_marked = false;
}

bool database_is_opener(uint32_t number, const char *process)
{
    const struct database_shard *shard = &database.shards[number];

    return shard->is_open && strcmp(shard->opener, process) == 0;
}

bool database_mark(uint32_t number, const char *process, const char *marker)
{
    struct database_shard *shard = &database.shards[number];
    struct store_guard *guard = &shard->row.guard;

    if (!database_is_opener(number, process)) {
        return false;
    }
    sim_trace("%s marks \"%s\" of shard %u", process, marker, number);
    if (marker[0] == '\0') {
        *guard = (struct store_guard){0};
        shard->false_deaths = 0;
    }
    (void)snprintf(shard->marker, sizeof(shard->marker), "%s", marker);
    shard->is_marked = marker[0] != '\0';
    return true;
}

bool database_taken(uint32_t number, const char *process, uint64_t backend)
{
    struct database_shard *shard = &database.shards[number];
    uint64_t seconds = (uint64_t)(database_now_ns() / EXO_SECOND);

    if (strcmp(shard->owner, process) != 0) {
        return false;
    }
    rules_taken(number, process);
    shard->row.epoch = shard->row.epoch + 1 > seconds ? shard->row.epoch + 1 : seconds;
    shard->backend = backend;
    guard_open(shard, process);
    sim_trace("%s is owner of shard %u in epoch %llu", process, number,
              (unsigned long long)shard->row.epoch);
    return true;
}
