/* postgres_store: what the parts of the Postgres back-end share.
 *
 *   commits  one connection, one transaction at a time; takes of shards too, as their commits
 *            follow on it and its backend is the one a contender terminates
 *   leases   one connection, so that a long commit never holds up a renewal
 *   readers  all the rest, spread over several
 *   migrator made at the first migration: scripts cannot be pipelined */
#ifndef EXO_INFRA_STORE_POSTGRES_STORE_H
#define EXO_INFRA_STORE_POSTGRES_STORE_H

#include "infra/store/backend.h"
#include "infra/store/commit_queue.h"
#include "infra/store/postgres_link.h"

enum { POSTGRES_READERS_MAX = 64 };

struct postgres_store {
    struct store store;
    struct loop *loop;
    char *url;
    char *application;
    struct postgres_link *commits, *leases, *migrator;
    struct postgres_link *readers[POSTGRES_READERS_MAX];
    uint32_t reader_count;
    struct loop_timer *retire; /* closes the migrator when it has nothing to do */
    struct commit_queue queue;
    bool is_closing;
    struct exo_error last_error;
};

/* The frame of a request; each kind begins with it. */
struct pg_op {
    struct link_request request;
    struct postgres_store *store;
    struct heap_budget budget;
    struct arena arena; /* copies of what was asked, rows of the answer */
    void *rows;         /* array that grows */
    uint32_t row_count, row_capacity;
    bool is_full; /* the answer did not fit */
    void *argument;
    /* Called once at the end; err is NULL when all went well. The op is freed after it. */
    void (*done)(struct pg_op *op, const struct exo_error *err);
};

/* pg_op_new gives a zeroed request of a kind (aborts without memory). */
void *pg_op_new(struct store *store, size_t bytes, void *argument);
void pg_op_free(struct pg_op *op);

/* pg_op_ask queues the op on a link. statements: what send may use, static. */
void pg_op_ask(struct pg_op *op, struct postgres_link *link, const uint8_t *statements,
               uint32_t statement_count);

/* pg_op_read queues the op on the reader that has least to do. */
void pg_op_read(struct pg_op *op, const uint8_t *statements, uint32_t statement_count);

/* pg_op_row gives the next, zeroed row of the answer; NULL when it does not fit: is_full is set and
 * the op ends with EXO_ELIMIT. */
EXO_CHECKED void *pg_op_row(struct pg_op *op, size_t row_bytes);

/* pg_op_copy and pg_op_text copy what was asked, or a value of a result; where they do not fit they
 * set is_full and give the empty one. */
struct span pg_op_copy(struct pg_op *op, struct span bytes);
const char *pg_op_text(struct pg_op *op, const char *text);

/* pg_error remembers an error for store_last_error; gives it back, NULL for NULL. */
const struct exo_error *pg_error(struct postgres_store *store, const struct exo_error *err);

/* Values of a binary result. NULL reads as 0, the empty span and "". The text and the bytes are
 * borrowed from the result. */
int64_t pg_int(const PGresult *result, int row, int column);
bool pg_bool(const PGresult *result, int row, int column);
struct span pg_bytes(const PGresult *result, int row, int column);
const char *pg_text(const PGresult *result, int row, int column);
void pg_id(const PGresult *result, int row, int column, struct execution_id *ret_id);
void pg_digest(const PGresult *result, int row, int column, struct digest *ret_digest);
exo_time pg_time_ns(const PGresult *result, int row, int column); /* of a timestamptz */

static inline struct span id_span(const struct execution_id *id)
{
    return (struct span){id->bytes, sizeof(id->bytes)};
}

static inline struct span digest_span(const struct digest *digest)
{
    return (struct span){digest->bytes, sizeof(digest->bytes)};
}

/* Columns of EXECUTION_HEAD and of what EXECUTION_ALL adds (postgres_sql.c). */
enum { PG_DEFINITION_COLUMN = 13, PG_HEAD_COLUMNS = 16 };

/* Each reads a row of a result; its spans and texts are borrowed from the result. What spans
 * executions by kind, id, body; an execution by EXECUTION_ALL, giving the definition's text; a run
 * by execution, instance, index, number, is_ended, body; a page by execution, instance, page, body;
 * a segment by execution, instance, kind, page, part, body. */
void pg_read_spanning(const PGresult *result, int row, struct store_spanning *ret_spanning);
struct span pg_read_all(const PGresult *result, int row, struct store_execution *ret_execution);
void pg_read_run(const PGresult *result, int row, struct store_run *ret_run);
void pg_read_page(const PGresult *result, int row, struct store_page *ret_page);
void pg_read_segment(const PGresult *result, int row, struct store_segment *ret_segment);

/* postgres_migrator_retire closes the migrator's connection (the timer's call). */
void postgres_migrator_retire(void *argument);

/* The parts of the back-end's table, by file. */
void postgres_store_migrate(struct store *store, uint32_t shard_count, store_done *done,
                            void *argument);
void postgres_store_schema(struct store *store, store_schema_done *done, void *argument);
void postgres_store_lease_round(struct store *store, const struct store_lease_round *round,
                                store_leases_done *done, void *argument);
void postgres_store_commit(struct store *store, const struct store_batch *batches, uint32_t count,
                           store_commit_done *done, void *argument);
void postgres_store_shard_take(struct store *store, uint32_t shard, const char *process,
                               store_take_done *done, void *argument);
void postgres_store_shard_mark(struct store *store, uint32_t shard, const char *process,
                               const char *marker, store_done *done, void *argument);
void postgres_store_shard_get(struct store *store, uint32_t shard, store_shard_done *done,
                              void *argument);
void postgres_store_shard_load(struct store *store, uint32_t shard,
                               const struct store_load_callbacks *callbacks, void *argument);
void postgres_store_execution_get(struct store *store, const struct execution_id *id,
                                  store_execution_done *done, void *argument);
void postgres_store_execution_known(struct store *store, const struct execution_id *ids,
                                    uint32_t count, store_known_done *done, void *argument);
void postgres_store_execution_list(struct store *store, const struct store_query *query,
                                   store_list_done *done, void *argument);
void postgres_store_page_get(struct store *store, const struct execution_id *id, uint32_t instance,
                             uint32_t first, uint32_t count, store_pages_done *done,
                             void *argument);
void postgres_store_run_get(struct store *store, const struct execution_id *id, uint32_t instance,
                            uint32_t first, uint32_t count, store_runs_done *done, void *argument);
void postgres_store_run_live(struct store *store, const struct execution_id *id, uint32_t number,
                             uint32_t count, store_runs_done *done, void *argument);
void postgres_store_segment_get(struct store *store, const struct execution_id *id,
                                uint32_t instance, uint32_t kind, uint32_t first, uint32_t count,
                                store_segments_done *done, void *argument);
void postgres_store_journal_get(struct store *store, uint32_t shard, uint64_t after_batch,
                                uint32_t limit, store_journal_done *done, void *argument);
void postgres_store_key_put(struct store *store, const char *project, const char *key,
                            const struct execution_id *id, const struct digest *body,
                            store_key_done *done, void *argument);
void postgres_store_blob_put(struct store *store, const struct digest *digest, struct span bytes,
                             store_done *done, void *argument);
void postgres_store_blob_get(struct store *store, const struct digest *digest,
                             store_blob_done *done, void *argument);
void postgres_store_object_begin(struct store *store, const char *key, store_done *done,
                                 void *argument);
void postgres_store_object_put(struct store *store, const struct store_object *object,
                               store_object_done *done, void *argument);
void postgres_store_object_touch(struct store *store, const struct digest *digest,
                                 store_object_done *done, void *argument);
void postgres_store_object_get(struct store *store, const struct digest *digest,
                               store_object_done *done, void *argument);
void postgres_store_object_claim(struct store *store, exo_time age_ns, uint32_t limit,
                                 store_keys_done *done, void *argument);
void postgres_store_object_forget(struct store *store, const char *key, store_done *done,
                                  void *argument);
void postgres_store_blob_collect(struct store *store, exo_time before_ns, uint32_t limit,
                                 bool is_dry, store_collected_done *done, void *argument);
void postgres_store_result_get(struct store *store, const struct digest *key, store_blob_done *done,
                               void *argument);
void postgres_store_result_put(struct store *store, const struct store_result_row *row,
                               store_done *done, void *argument);
void postgres_store_spanning_read(struct store *store, const struct store_spanning_query *query,
                                  store_spanning_done *done, void *argument);
void postgres_store_dead_letter_list(struct store *store, int64_t after, uint32_t limit,
                                     store_letters_done *done, void *argument);
void postgres_store_dead_letter_replayed(struct store *store, int64_t id, store_done *done,
                                         void *argument);
void postgres_store_version_put(struct store *store, const struct store_version_put *put,
                                store_version_put_done *done, void *argument);
void postgres_store_version_delete(struct store *store, const struct store_version_put *name,
                                   store_done *done, void *argument);
void postgres_store_version_read(struct store *store, const struct store_version_query *query,
                                 store_versions_done *done, void *argument);

/* postgres_retention.c: what may go. */
void postgres_store_restore_point_begin(struct store *store, store_restore_points_done *done,
                                        void *argument);
void postgres_store_restore_point_complete(struct store *store, int64_t id,
                                           store_restore_points_done *done, void *argument);
void postgres_store_restore_point_list(struct store *store, store_restore_points_done *done,
                                       void *argument);
void postgres_store_restore_floors(struct store *store, store_places_done *done, void *argument);
void postgres_store_places(struct store *store, store_places_done *done, void *argument);
void postgres_store_journal_drop(struct store *store, uint32_t shard, exo_time before_ns,
                                 uint32_t rows_max, store_dropped_done *done, void *argument);
void postgres_store_letters_drop(struct store *store, exo_time before_ns, uint32_t rows_max,
                                 store_dropped_done *done, void *argument);
void postgres_store_old_projects(struct store *store, const char *after, uint32_t limit,
                                 store_old_projects_done *done, void *argument);
void postgres_store_definition_drop(struct store *store, const struct digest *after,
                                    uint32_t rows_max, store_definitions_done *done,
                                    void *argument);
void postgres_store_old_list(struct store *store, const struct store_old_query *query,
                             store_old_done *done, void *argument);
void postgres_store_execution_drop(struct store *store, const struct execution_id *ids,
                                   uint32_t count, uint32_t rows_max, store_drop_done *done,
                                   void *argument);

/* postgres_replay.c, postgres_rows.c: what tables are built again from and compared with. */
void postgres_store_imprint_get(struct store *store, uint32_t shard, uint64_t after_batch,
                                uint32_t limit, store_imprints_done *done, void *argument);
void postgres_store_snapshot_list(struct store *store, uint32_t shard, store_snapshots_done *done,
                                  void *argument);
void postgres_store_snapshot_begin(struct store *store, uint32_t shard, store_snapshots_done *done,
                                   void *argument);
void postgres_store_snapshot_put(struct store *store, const struct store_slice *slice,
                                 store_done *done, void *argument);
void postgres_store_snapshot_end(struct store *store, int64_t snapshot, store_done *done,
                                 void *argument);
void postgres_store_slice_get(struct store *store, int64_t snapshot, uint32_t from_part,
                              uint32_t limit, store_slices_done *done, void *argument);
void postgres_store_snapshot_drop(struct store *store, uint32_t shard, exo_time before_ns,
                                  uint32_t rows_max, store_dropped_done *done, void *argument);
void postgres_store_rows_read(struct store *store, const struct store_rows_query *query,
                              store_rows_done *done, void *argument);

#endif /* EXO_INFRA_STORE_POSTGRES_STORE_H */
