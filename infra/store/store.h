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

enum { STORE_PROCESS_BYTES = 64, STORE_INPUTS = 2, STORE_SECRET_BYTES = 32 };

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
 * done gets EXO_ECONFLICT when the schema is newer than this program or shard_count differs. */
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
 * did not move for an hour is deleted.
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

struct store_shard {
    uint32_t shard;
    uint64_t epoch;
    uint64_t batch;                           /* last committed */
    exo_time now_ns;                          /* shard time at the last commit, since 1970 */
    struct store_cursor inputs[STORE_INPUTS]; /* [0] exo.jobs, [1] exo.status */
    uint64_t event_batch;                     /* public events up to here are in exo.events */
    struct span extra; /* what the shard keeps beside: peers' sequences, ... */
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
    exo_time now_ns;
    struct store_cursor inputs[STORE_INPUTS];
    uint64_t event_batch;
    struct span extra;
    struct span journal;                        /* packed ChangeBatch; empty: no row */
    const struct store_definition *definitions; /* already there: no error */
    uint32_t definition_count;
    const struct store_execution *inserts; /* id already there: the commit is REFUSED */
    uint32_t insert_count;
    const struct store_execution *updates; /* state, version, times, output, error, body only */
    uint32_t update_count;
    const struct store_page *pages; /* inserted or replaced */
    uint32_t page_count;
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
 * behind it that hold one of the same shards (their verdict is FAILED). */
void store_commit(struct store *store, const struct store_batch *batches, uint32_t count,
                  void (*done)(void *argument, const struct store_result *result), void *argument);

/* store_shard_take sets epoch to greatest(epoch + 1, the database's unix seconds), recording this
 * backend, provided process holds the lease; waits for an older transaction on the row to end.
 * Gives the row as it then stands (EXO_EFENCED when the lease is another's). */
void store_shard_take(struct store *store, uint32_t shard, const char *process,
                      void (*done)(void *argument, const struct store_shard *shard,
                                   exo_time database_now_ns, const struct exo_error *err),
                      void *argument);

/* ---- reads ---- */

/* Who is shown the rows of a load. */
struct store_load_callbacks {
    void (*execution)(void *argument, const struct store_execution *execution,
                      struct span definition_text);
    void (*page)(void *argument, const struct store_page *page);
    void (*segment)(void *argument, const struct store_segment *segment);
    store_done *done;
};
/* store_shard_load shows every live execution of a shard, then its pages and segments of kind 1,
 * and of kind 0 where page is UINT32_MAX (outputs of single tasks); then done. Rows come in
 * chunks, so that a million tasks do not stall the loop. */
void store_shard_load(struct store *store, uint32_t shard,
                      const struct store_load_callbacks *callbacks, void *argument);

/* store_execution_get gives one execution with its definition's text, NULL when there is none. */
void store_execution_get(struct store *store, const struct execution_id *id,
                         void (*done)(void *argument, const struct store_execution *execution,
                                      struct span definition_text, const struct exo_error *err),
                         void *argument);

/* store_execution_known tells which of count ids (at most 1,000) the store already has; is_known
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

#endif /* EXO_INFRA_STORE_H */
