/* store: the truth. Executions, journal, consumed offsets and the fence of each shard in one
 * transaction.
 *
 *   shard batches --store_commit--> [fence, rows, journal, offsets] --> done | fenced | refused
 *                                                                       | failed | unknown
 *
 * A port with two back-ends: postgres.c (libpq, pipelined, asynchronous) and sqlite.c (one file,
 * commits on a thread of its own). Adapters decide nothing: the fence raises in the database.
 * Every call takes a callback that runs once, later, on the loop's thread. All that store_commit is
 * given (batches, rows, texts, spans) and the bytes of store_blob_put are borrowed until the
 * callback; what the other calls are given is copied. Every pointer in an answer is borrowed for
 * the callback only. A callback during store_close makes no further request. */
#ifndef EXO_INFRA_STORE_H
#define EXO_INFRA_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "infra/loop/loop.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/error.h"
#include "schemas/vocab/ids.h"
#include "schemas/vocab/span.h"

struct store;

enum {
    STORE_PROCESS_BYTES = 64,
    STORE_INPUTS = 2,
    STORE_SECRET_BYTES = 32,
    STORE_MARKER_BYTES = 128,
};

struct store_settings {
    const char *backend;     /* "postgres" or "sqlite" */
    const char *url;         /* postgres: libpq connection string or URL; may hold a secret */
    const char *path;        /* sqlite: file; ":memory:" for none */
    uint32_t readers;        /* postgres: connections for reads, at least 1 */
    const char *application; /* postgres: application_name */
};

/* store_open does not wait; it reconnects by itself for ever, at most 5 s apart.
 * Gives the store, or NULL with *err set (bad settings, another process holds the file). */
EXO_CHECKED struct store *store_open(struct loop *loop, const struct store_settings *settings,
                                     struct exo_error *err);

/* store_close forgets requests that run (their callbacks get EXO_EUNKNOWN first). */
void store_close(struct store *store);

/* store_is_up is true while every connection the store needs stands. */
bool store_is_up(const struct store *store);

/* store_last_error says what the store waits for, or why the last request failed; "" when nothing
 * ever did. Never holds a secret. Borrowed until the next call. */
const char *store_last_error(const struct store *store);

/* How a request without an answer ended: err is NULL when it did what was asked. */
typedef void store_done(void *argument, const struct exo_error *err);

/* store_migrate brings the schema up to what this program needs (advisory lock, forward-only) and
 * fixes the number of shards and the installation's secret at the first install.
 * shard_count  0: keep what is installed, 64 at the first
 * A schema that is newer is taken as it is where it says that this program fits (migrations.h).
 * done gets EXO_ECONFLICT when it does not, or shard_count differs. */
void store_migrate(struct store *store, uint32_t shard_count, store_done *done, void *argument);

struct store_schema {
    uint32_t version; /* 0: not installed */
    uint32_t wanted;  /* by this program */
    uint32_t shard_count;
    uint8_t
        secret[STORE_SECRET_BYTES]; /* random, made at the first install: signs attempt tokens */
};

/* store_schema reads what is installed. */
void store_schema(struct store *store,
                  void (*done)(void *argument, const struct store_schema *schema,
                               const struct exo_error *err),
                  void *argument);

/* ---- ownership of shards (protocol.md 1) ---- */

struct store_lease {
    uint32_t shard;
    char owner[STORE_PROCESS_BYTES]; /* "": free */
    uint64_t beat;                   /* grows with each renewal and each change of owner */
};

struct store_leases {
    const struct store_lease *leases; /* of all shards, by number */
    uint32_t count;
    const char *const *processes; /* schedulers that ever said they live, with their beats */
    const uint64_t *process_beats;
    uint32_t process_count;
    exo_time database_now_ns; /* the database's clock in this round, since 1970 */
};

/* What one renewal asks for. */
struct store_lease_round {
    const char *process;
    const uint32_t *releases;
    uint32_t release_count;
    const struct store_lease *takes;
    uint32_t take_count;
    bool is_leaving; /* release everything and delete the process row */
};
/* store_lease_round does in one transaction: renew the process's own row and all leases it holds,
 * release what is in releases, take what is in takes if owner and beat are still as seen, then
 * read all. A taken lease has its recorded backend terminated (postgres). A process row whose beat
 * did not move for an hour is deleted. What is released has been closed cleanly.
 * takes     the rows as seen; owner "" for a free one
 * done gets the table after the round; what was not taken shows another owner. */
void store_lease_round(struct store *store, const struct store_lease_round *round,
                       void (*done)(void *argument, const struct store_leases *leases,
                                    const struct exo_error *err),
                       void *argument);

/* What a shard's row says: where its inputs stand. */
struct store_cursor {
    int64_t offset;    /* of the next record to read */
    uint32_t checksum; /* of the record before it; 0: none */
};

/* What earlier owners left behind (protocol.md 2, docs/adr/0012-poison.md). */
struct store_guard {
    uint32_t crashes; /* owners in a row that died with the shard open */
    uint32_t deaths;  /* those that died while suspect was marked and nothing else since */
    char suspect[STORE_MARKER_BYTES]; /* the last marker that one died on; "": none */
};

struct store_shard {
    uint32_t shard;
    uint64_t epoch;
    uint64_t batch;                           /* last committed */
    exo_time now_ns;                          /* shard time at the last commit, since 1970 */
    struct store_cursor inputs[STORE_INPUTS]; /* [0] exo.jobs, [1] exo.status */
    uint64_t event_batch;                     /* public events up to here are in exo.events */
    struct span extra;        /* what the shard keeps beside: peers' sequences, ... */
    struct store_guard guard; /* store_shard_take only */
    uint64_t connection;      /* store_shard_take only: that it was taken on; 0: of no account */
};

/* An execution as it is kept. Spans may be empty. */
struct store_execution {
    struct execution_id id;
    uint32_t shard;
    const char *project;
    const char *cluster; /* project/name */
    const char *state;   /* interfaces.md 4 */
    bool is_terminal;
    uint64_t epoch, batch;                       /* version: of the commit that wrote it */
    exo_time submitted_ns, started_ns, ended_ns; /* 0: not yet */
    exo_time deadline_ns;                        /* by its SLA; 0: none */
    int32_t priority;
    struct digest definition; /* of the canonical cluster text, kept in the definition table */
    struct span labels;       /* JSON object */
    struct span input;        /* JSON, up to 64 KiB */
    struct span output;       /* JSON, up to 64 KiB, when it ended well */
    struct span output_ref;   /* packed OutputRef, instead of output */
    struct span error;        /* text, when it ended badly */
    struct span body;         /* packed ExecutionBody */
};

struct store_page {
    struct execution_id execution;
    uint32_t instance;
    uint32_t page;    /* tasks page * 256 .. */
    struct span body; /* packed TaskColumns */
};

/* One run of a group (scheduler/core/execution.h: struct frame), replaced as it changes. */
struct store_run {
    struct execution_id execution;
    uint32_t instance; /* the group's */
    uint32_t index;    /* of the run among the group's tasks */
    uint32_t number;   /* of its first instance in the execution */
    bool is_ended;
    struct span body; /* packed RunBody */
};

enum { STORE_SPANNING_KEY = 1, STORE_SPANNING_SCHEDULE, STORE_SPANNING_BATCH };

/* Something of a shard that spans executions: a key, a schedule, a batch. */
struct store_spanning {
    uint32_t kind; /* STORE_SPANNING_* */
    struct digest id;
    struct span body; /* empty: it is deleted; deleting what is not there is no error */
};

/* Written once; never changed. kind 0: outputs of tasks (OutputSegment), 1: items of a map. */
struct store_segment {
    struct execution_id execution;
    uint32_t instance;
    uint32_t page;
    uint32_t kind;
    uint64_t part; /* unique within the page: the batch that wrote it */
    struct span body;
};

/* An execution names a blob; written before the blob can be collected. */
struct store_reference {
    struct execution_id execution;
    struct digest digest;
};

struct store_definition {
    struct digest digest;
    struct span text;
};

struct store_dead_letter {
    const char *topic;
    uint32_t partition;
    int64_t offset;
    exo_time at_ns;
    const char *reason;
    struct span key, value;
};

struct store_batch {
    uint32_t shard;
    uint64_t epoch;
    uint64_t previous, next; /* batch numbers: next = previous + 1 */
    uint64_t connection;     /* that the shard was taken on; 0: on any */
    exo_time now_ns;
    struct store_cursor inputs[STORE_INPUTS];
    uint64_t event_batch;
    bool clears_marker; /* what was marked is in this batch */
    struct span extra;
    struct span journal;                        /* packed ChangeBatch; empty: nobody is told */
    struct span imprint;                        /* of all rows here (imprint.h), for the journal */
    const struct store_definition *definitions; /* already there: no error */
    uint32_t definition_count;
    const struct store_execution *inserts; /* id already there: the commit is REFUSED */
    uint32_t insert_count;
    const struct store_execution *updates; /* state, version, times, output, error, body only */
    uint32_t update_count;
    const struct store_page *pages; /* inserted or replaced */
    uint32_t page_count;
    const struct store_run *runs; /* inserted or replaced */
    uint32_t run_count;
    const struct store_spanning *spanning; /* each once: inserted, replaced or deleted */
    uint32_t spanning_count;
    const struct store_segment *segments;
    uint32_t segment_count;
    const struct store_reference *references; /* already there: no error */
    uint32_t reference_count;
    const struct store_dead_letter *dead_letters;
    uint32_t dead_letter_count;
};

enum store_verdict {
    STORE_DONE,    /* committed */
    STORE_FENCED,  /* nothing committed; fenced_shard lost its fence */
    STORE_REFUSED, /* nothing committed; the database refuses the data (SQLSTATE 22, 23) */
    STORE_FAILED,  /* nothing committed; try again */
    STORE_UNKNOWN, /* perhaps committed: take the shards over and read */
};

struct store_result {
    enum store_verdict verdict;
    uint32_t fenced_shard;
    bool is_duplicate;        /* REFUSED: an insert's id is there already */
    exo_time database_now_ns; /* DONE: the database's clock in this transaction, since 1970 */
    struct exo_error err;     /* when not DONE */
};

/* store_commit commits batches of several shards of this process in one transaction. Several
 * commits may be queued; they run in order, and one that does not end DONE voids those queued
 * behind it that hold one of the same shards (their verdict is FAILED). FAILED is also what would
 * go on another connection than one of its shards was taken on. */
void store_commit(struct store *store, const struct store_batch *batches, uint32_t count,
                  void (*done)(void *argument, const struct store_result *result), void *argument);

/* store_shard_take sets epoch to greatest(epoch + 1, the database's unix seconds), recording this
 * backend, provided process holds the lease; waits for an older transaction on the row to end.
 * Another process that had the shard open and did not release it counts as a crash: in a row when
 * the inputs stand where it found them, or when it lived for less than ten seconds.
 * Gives the row as it then stands (EXO_EFENCED when the lease is another's). */
void store_shard_take(struct store *store, uint32_t shard, const char *process,
                      void (*done)(void *argument, const struct store_shard *shard,
                                   exo_time database_now_ns, const struct exo_error *err),
                      void *argument);

/* store_connection gives the number of the connection that a commit would go on now; 0 where there
 * is none that could end (SQLite). A database that went back in time has ended the connections to
 * what it was: a shard that was taken on another one may have had an owner since that nobody knows
 * of any more (docs/adr/0023-back-in-time.md), and is to be taken again. */
uint64_t store_connection(struct store *store);

/* store_shard_mark notes the input that process, which has taken the shard, is about to step; it
 * stands until a batch clears it, another is noted or the process takes the shard again. A suspect
 * whose batch commits is one no more. What a process asks of a shard by this and by
 * store_shard_take is carried out in the order it was asked for.
 * marker  under STORE_MARKER_BYTES; "": the crashes are overcome, all of it is forgotten
 * done gets EXO_EFENCED when another process has taken the shard since. */
void store_shard_mark(struct store *store, uint32_t shard, const char *process, const char *marker,
                      store_done *done, void *argument);

/* ---- reads ---- */

/* Who is shown the rows of a load. */
struct store_load_callbacks {
    void (*spanning)(void *argument, const struct store_spanning *spanning);
    void (*execution)(void *argument, const struct store_execution *execution,
                      struct span definition_text);
    void (*run)(void *argument, const struct store_run *run);
    void (*page)(void *argument, const struct store_page *page);
    void (*segment)(void *argument, const struct store_segment *segment);
    store_done *done;
};
/* store_shard_load shows what spans executions on a shard (by kind and id), then every live
 * execution, then the runs of its groups that have not ended (of each execution by number), then
 * its pages and segments of kind 1, and of kind 0 where page is UINT32_MAX (outputs of single
 * tasks); then done. Rows come in chunks, so that a million tasks do not stall the loop. */
void store_shard_load(struct store *store, uint32_t shard,
                      const struct store_load_callbacks *callbacks, void *argument);

/* store_execution_get gives one execution with its definition's text, NULL when there is none. */
void store_execution_get(struct store *store, const struct execution_id *id,
                         void (*done)(void *argument, const struct store_execution *execution,
                                      struct span definition_text, const struct exo_error *err),
                         void *argument);

#define STORE_ANY_SHARD UINT32_MAX

/* Rows of a kind, from an id on; the caller compares where it means one. */
struct store_spanning_query {
    uint32_t shard; /* or STORE_ANY_SHARD, which looks through all of them */
    uint32_t kind;
    struct digest from; /* included */
    uint32_t limit;     /* 1 .. 1000 */
};

/* store_spanning_read gives what spans executions, by id. */
void store_spanning_read(struct store *store, const struct store_spanning_query *query,
                         void (*done)(void *argument, const struct store_spanning *rows,
                                      uint32_t count, const struct exo_error *err),
                         void *argument);

/* store_execution_known tells which of count ids (at most 1,000) the store has or had; is_known
 * has count entries, borrowed for the callback. */
void store_execution_known(struct store *store, const struct execution_id *ids, uint32_t count,
                           void (*done)(void *argument, const bool *is_known,
                                        const struct exo_error *err),
                           void *argument);

/* store_shard_get gives the shard's row (for the barrier of protocol.md 7). */
void store_shard_get(struct store *store, uint32_t shard,
                     void (*done)(void *argument, const struct store_shard *shard,
                                  const struct exo_error *err),
                     void *argument);

struct store_query {
    const char *project; /* NULL: any, as with the others */
    const char *state;
    const char *cluster;
    struct span label_key, label_value; /* empty key: any */
    exo_time after_ns, before_ns;       /* by submission; 0: open */
    struct execution_id cursor;         /* all zero: from the newest */
    exo_time cursor_ns;
    uint32_t limit; /* 1 .. 1000 */
};

/* store_execution_list gives the newest first, without body, input and output. */
void store_execution_list(struct store *store, const struct store_query *query,
                          void (*done)(void *argument, const struct store_execution *executions,
                                       uint32_t count, const struct exo_error *err),
                          void *argument);

/* store_page_get gives pages first .. first + count - 1 of an instance that exist. */
void store_page_get(struct store *store, const struct execution_id *id, uint32_t instance,
                    uint32_t first, uint32_t count,
                    void (*done)(void *argument, const struct store_page *pages, uint32_t count,
                                 const struct exo_error *err),
                    void *argument);

/* store_run_get gives runs first .. first + count - 1 of a group's instance that exist, by index.
 */
void store_run_get(struct store *store, const struct execution_id *id, uint32_t instance,
                   uint32_t first, uint32_t count,
                   void (*done)(void *argument, const struct store_run *runs, uint32_t count,
                                const struct exo_error *err),
                   void *argument);

/* store_run_live gives the runs of an execution that have not ended, by number: the one that holds
 * instance `number` (or the last before it) and those after it, at most count. Cheap however many
 * runs have ended. */
void store_run_live(struct store *store, const struct execution_id *id, uint32_t number,
                    uint32_t count,
                    void (*done)(void *argument, const struct store_run *runs, uint32_t count,
                                 const struct exo_error *err),
                    void *argument);

/* store_segment_get gives the segments of a kind of pages first .. first + count - 1 (page
 * UINT32_MAX: single tasks), by page and part. */
void store_segment_get(struct store *store, const struct execution_id *id, uint32_t instance,
                       uint32_t kind, uint32_t first, uint32_t count,
                       void (*done)(void *argument, const struct store_segment *segments,
                                    uint32_t count, const struct exo_error *err),
                       void *argument);

/* What one batch of a shard changed. */
struct store_journal_row {
    uint64_t epoch, batch;
    struct span body;
};
/* store_journal_get gives the journal rows of a shard above a batch, oldest first, up to limit;
 * oldest_batch tells the oldest batch still kept. */
void store_journal_get(struct store *store, uint32_t shard, uint64_t after_batch, uint32_t limit,
                       void (*done)(void *argument, const struct store_journal_row *rows,
                                    uint32_t count, uint64_t oldest_batch,
                                    const struct exo_error *err),
                       void *argument);

/* ---- idempotency keys, blobs, dead letters ---- */

/* store_key_put writes (project, key) -> (id, body digest) unless the key is there; gives what
 * then stands. */
void store_key_put(struct store *store, const char *project, const char *key,
                   const struct execution_id *id, const struct digest *body,
                   void (*done)(void *argument, const struct execution_id *id,
                                const struct digest *body, const struct exo_error *err),
                   void *argument);

/* store_blob_put keeps bytes under their SHA-256 (up to 8 MiB), refreshing touched_at when they
 * are there already. */
void store_blob_put(struct store *store, const struct digest *digest, struct span bytes,
                    store_done *done, void *argument);

/* store_blob_get gives the bytes; EXO_ENOTFOUND when there are none. */
void store_blob_get(struct store *store, const struct digest *digest,
                    void (*done)(void *argument, struct span bytes, const struct exo_error *err),
                    void *argument);

struct store_dead_letter_row {
    int64_t id;
    bool is_replayed;
    struct store_dead_letter letter;
};

/* store_dead_letter_list gives letters with id above after, oldest first. */
void store_dead_letter_list(struct store *store, int64_t after, uint32_t limit,
                            void (*done)(void *argument, const struct store_dead_letter_row *rows,
                                         uint32_t count, const struct exo_error *err),
                            void *argument);

/* store_dead_letter_replayed marks one as sent again. */
void store_dead_letter_replayed(struct store *store, int64_t id, store_done *done, void *argument);

/* ---- what may go (docs/operations.md) ---- */

/* A backup that begins, or is complete: where the inputs of all shards stood at its begin. */
struct store_restore_point {
    int64_t id; /* grows */
    exo_time begun_ns;
    exo_time completed_ns; /* 0: not yet */
};

typedef void store_restore_points_done(void *argument, const struct store_restore_point *points,
                                       uint32_t count, const struct exo_error *err);

/* store_restore_point_begin notes where all shards' inputs stand now; gives the one point. */
void store_restore_point_begin(struct store *store, store_restore_points_done *done,
                               void *argument);

/* store_restore_point_complete says that the backup of a point can be restored, and forgets older
 * points; again it changes nothing. Gives the one point; EXO_ENOTFOUND: no such point, or a newer
 * one was completed (its inputs may have been deleted meanwhile). */
void store_restore_point_complete(struct store *store, int64_t id, store_restore_points_done *done,
                                  void *argument);

/* store_restore_point_list gives the points, newest first, at most 1,000. */
void store_restore_point_list(struct store *store, store_restore_points_done *done, void *argument);

/* Offsets of a shard's inputs: [0] exo.jobs, [1] exo.status. */
struct store_place {
    uint32_t shard;
    int64_t offsets[STORE_INPUTS];
};

typedef void store_places_done(void *argument, const struct store_place *places, uint32_t count,
                               const struct exo_error *err);

/* store_restore_floors gives the places of the newest completed point, by shard; none when there is
 * no such point: nothing may be deleted. */
void store_restore_floors(struct store *store, store_places_done *done, void *argument);

/* store_places gives how far all shards have committed, by shard. */
void store_places(struct store *store, store_places_done *done, void *argument);

/* store_journal_drop deletes the oldest rows of a shard's journal that are from before a time,
 * whose public events have left, and which a whole snapshot from before that time stands for
 * (store_replay.h): of the oldest rows_max those that are due.
 * done gets how many went; fewer than rows_max: no more are due. */
void store_journal_drop(struct store *store, uint32_t shard, exo_time before_ns, uint32_t rows_max,
                        void (*done)(void *argument, uint32_t dropped, const struct exo_error *err),
                        void *argument);

/* A project that has executions. */
struct store_old_project {
    const char *project;
    exo_time submitted_ns; /* of its oldest */
};

/* store_old_projects gives the projects behind one, in an order of the store's own, by one look at
 * an index for each, however many executions it has.
 * after  "": from the first
 * limit  1 .. 1000; fewer: there are no more */
void store_old_projects(struct store *store, const char *after, uint32_t limit,
                        void (*done)(void *argument, const struct store_old_project *projects,
                                     uint32_t count, const struct exo_error *err),
                        void *argument);

/* Executions of a project in order of submission, from behind (after_ns, after_id) on, submitted
 * and ended before a time. */
struct store_old_query {
    const char *project;
    exo_time after_ns;
    struct execution_id after_id;
    exo_time before_ns;
    uint32_t limit; /* 1 .. 1000 */
};

struct store_old {
    struct execution_id id;
    uint32_t shard;
    exo_time submitted_ns, ended_ns;
};

/* store_old_list gives the oldest first; fewer than limit: there are no more. Reads what it gives,
 * and what was submitted before that time and has not ended by then. */
void store_old_list(struct store *store, const struct store_old_query *query,
                    void (*done)(void *argument, const struct store_old *old, uint32_t count,
                                 const struct exo_error *err),
                    void *argument);

/* store_execution_drop deletes executions that have ended, with their pages, outputs and keys, and
 * keeps their ids as tombstones, which store_execution_known knows for ever. One that has not
 * ended, or of which another one keeps something (a reference to its execution_digest), is left
 * alone.
 * ids       at most 1,000; copied
 * rows_max  deleted in one call, at least 2; what is left over then (is_more) goes with further
 *           calls */
void store_execution_drop(struct store *store, const struct execution_id *ids, uint32_t count,
                          uint32_t rows_max,
                          void (*done)(void *argument, uint32_t dropped, bool is_more,
                                       const struct exo_error *err),
                          void *argument);

/* store_definition_drop looks at the next texts of clusters behind a digest, in the order of
 * digests, and deletes those that no execution and no stored version names. What is committed at
 * the same time keeps its text, or puts it again.
 * after     zeros: from the first
 * rows_max  at least 1
 * last      the last one it looked at; NULL: there are no more, or err */
void store_definition_drop(struct store *store, const struct digest *after, uint32_t rows_max,
                           void (*done)(void *argument, uint32_t dropped, const struct digest *last,
                                        const struct exo_error *err),
                           void *argument);

#endif /* EXO_INFRA_STORE_H */
