/* store_trial: one store on a fresh database, driven step by step; for the contract stories.
 *
 *   story --ask--> store --callback--> answer copied into the trial --> story
 *
 * Every ask runs the loop until its callback has come, with a deadline, and fails the test when it
 * does not. Answers live until the trial ends. */
#ifndef EXO_TESTS_STORE_TRIAL_H
#define EXO_TESTS_STORE_TRIAL_H

#include "infra/store/store.h"
#include "schemas/vocab/arena.h"

enum { TRIAL_SHARDS = 8, TRIAL_LEASES_MAX = 64, TRIAL_ROWS_MAX = 5000 };

struct trial {
    const char *backend; /* "sqlite" or "postgres" */
    char place[512];     /* file, or connection string */
    struct loop *loop;
    struct store *store;
    struct heap_budget budget;
    struct arena arena;

    /* The last answer. */
    bool is_answered;
    bool has_err;
    struct exo_error err;
    struct store_result result;
    struct store_schema schema;
    struct store_shard shard;
    exo_time now_ns;
    struct store_lease leases[TRIAL_LEASES_MAX];
    uint32_t lease_count;
    char process[8][STORE_PROCESS_BYTES];
    uint64_t process_beats[8];
    uint32_t process_count;
    bool is_known[1000];
    struct store_execution *executions;
    struct span *definition_texts;
    uint32_t execution_count;
    struct store_spanning *spanning;
    uint32_t spanning_count;
    struct store_run *runs;
    uint32_t run_count;
    struct store_page *pages;
    uint32_t page_count;
    struct store_segment *segments;
    uint32_t segment_count;
    struct store_journal_row *journal;
    uint32_t journal_count;
    uint64_t oldest_batch;
    struct execution_id key_id;
    struct digest key_body;
    struct span blob;
    struct store_dead_letter_row *letters;
    uint32_t letter_count;
};

/* trial_open makes an empty database and a store on it; trial_close ends both. migrate: with
 * TRIAL_SHARDS shards. Fails the test where it cannot. */
struct trial *trial_open(const char *backend, bool migrate);
void trial_close(struct trial *t);

/* trial_store_open opens another store on the same database and loop. */
struct store *trial_store_open(struct trial *t);

/* trial_sql runs SQL past the store: a connection of its own. Fails the test on an error. */
void trial_sql(struct trial *t, const char *sql);

/* trial_wait runs the loop until *flag; fails the test after 20 s. */
void trial_wait(struct trial *t, const bool *flag);

/* Asks of the store given (t->store or another). Those that return int give 0, or the code of the
 * error that stands in t->err. */
int trial_migrate(struct trial *t, struct store *store, uint32_t shards);
int trial_schema(struct trial *t, struct store *store);
int trial_round(struct trial *t, struct store *store, const struct store_lease_round *round);
int trial_take(struct trial *t, struct store *store, uint32_t shard, const char *process);
int trial_shard(struct trial *t, struct store *store, uint32_t shard);
enum store_verdict trial_commit(struct trial *t, struct store *store,
                                const struct store_batch *batches, uint32_t count);
int trial_load(struct trial *t, struct store *store, uint32_t shard);
int trial_spanning(struct trial *t, struct store *store, const struct store_spanning_query *query);
int trial_get(struct trial *t, struct store *store, const struct execution_id *id);
int trial_list(struct trial *t, struct store *store, const struct store_query *query);
int trial_key(struct trial *t, struct store *store, const char *key, const struct execution_id *id,
              const struct digest *body);
int trial_blob_put(struct trial *t, struct store *store, const struct digest *digest,
                   struct span bytes);
int trial_blob_get(struct trial *t, struct store *store, const struct digest *digest);
int trial_letters(struct trial *t, struct store *store, int64_t after, uint32_t limit);

/* Callbacks that put an answer into the trial (argument), for stories that ask by themselves. */
void trial_on_done(void *argument, const struct exo_error *err);
void trial_on_runs(void *argument, const struct store_run *runs, uint32_t count,
                   const struct exo_error *err);
void trial_on_pages(void *argument, const struct store_page *pages, uint32_t count,
                    const struct exo_error *err);
void trial_on_segments(void *argument, const struct store_segment *segments, uint32_t count,
                       const struct exo_error *err);
void trial_on_journal(void *argument, const struct store_journal_row *rows, uint32_t count,
                      uint64_t oldest_batch, const struct exo_error *err);
void trial_on_known(void *argument, const bool *is_known, const struct exo_error *err);

/* trial_own takes the lease of a shard for a process and a new epoch for it; gives the row. */
struct store_shard trial_own(struct trial *t, struct store *store, uint32_t shard,
                             const char *process);

/* trial_batch makes the batch that follows a shard's row, with nothing in it. */
struct store_batch trial_batch(const struct store_shard *shard);

/* trial_execution makes an execution of a shard, live, with every field set; number makes its id.
 */
struct store_execution trial_execution(const struct store_batch *batch, uint32_t number);

#endif /* EXO_TESTS_STORE_TRIAL_H */
