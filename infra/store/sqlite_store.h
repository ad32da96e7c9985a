/* sqlite_store: what the parts of the SQLite back-end share: the store and a request's frame.
 *
 *   request --op_new--> op --op_read/op_write--> job on a thread --> done on the loop --op_free
 *
 * An op owns its copies and its rows (arena), so that the job's thread touches nothing else. */
#ifndef EXO_INFRA_STORE_SQLITE_STORE_H
#define EXO_INFRA_STORE_SQLITE_STORE_H

#include "infra/sqlite/sqlite.h"
#include "infra/store/backend.h"
#include "infra/store/commit_queue.h"
#include "schemas/vocab/arena.h"

/* Bytes of rows one read may gather. */
enum { OP_BYTES_MAX = 256 << 20 };

struct sqlite_store {
    struct store store;
    struct loop *loop;
    struct sqlite_file *file;
    struct commit_queue commits;
    bool is_closing;
    struct exo_error last_error;
};

/* The frame of a request; each kind begins with it. */
struct op {
    struct sqlite_store *store;
    struct heap_budget budget;
    struct arena arena;
    void *rows; /* array that grows, of what the kind says */
    uint32_t row_count, row_capacity;
    void *argument;
};

/* op_new gives a zeroed request of a kind (aborts without memory: a few hundred bytes). */
void *op_new(struct store *store, size_t bytes, void *argument);
void op_free(struct op *op);

/* op_read and op_write queue the op's job; op is the job's and done's argument. */
void op_read(struct op *op, sqlite_job *job, void (*done)(void *op, const struct exo_error *err));
void op_write(struct op *op, sqlite_job *job, void (*done)(void *op, const struct exo_error *err));

/* op_row gives the next, zeroed row of the answer, or NULL with *err (EXO_ELIMIT). Earlier rows may
 * move. */
EXO_CHECKED void *op_row(struct op *op, size_t row_bytes, struct exo_error *err);

/* op_copy copies bytes into the op with a NUL behind; returns 0, or -1 with *err (EXO_ELIMIT). */
EXO_CHECKED int op_copy(struct op *op, struct span bytes, struct span *ret_copy,
                        struct exo_error *err);
EXO_CHECKED int op_copy_text(struct op *op, const char *text, const char **ret_copy,
                             struct exo_error *err);

/* op_error remembers an error for store_last_error and says what to do where the schema is not
 * there; gives it back, NULL for NULL. */
const struct exo_error *op_error(struct op *op, const struct exo_error *err);

static inline void bind_id(struct sqlite_statement *statement, int at,
                           const struct execution_id *id)
{
    sqlite_bind_bytes(statement, at, (struct span){id->bytes, sizeof(id->bytes)});
}

static inline void bind_digest(struct sqlite_statement *statement, int at,
                               const struct digest *digest)
{
    sqlite_bind_bytes(statement, at, (struct span){digest->bytes, sizeof(digest->bytes)});
}

/* column_id and column_digest read a column of exactly that size; another size reads as zeros. */
void column_id(struct sqlite_statement *statement, int at, struct execution_id *ret_id);
void column_digest(struct sqlite_statement *statement, int at, struct digest *ret_digest);

/* The columns of every read of executions, from "execution e" and "definition d". */
#define EXECUTION_HEAD                                                                             \
    "e.id, e.shard, e.is_terminal, e.priority, e.epoch, e.batch, e.submitted_ns, e.started_ns, "   \
    "e.ended_ns, e.deadline_ns, e.project, e.cluster, e.state, e.definition, e.labels, e.error"
#define EXECUTION_ALL EXECUTION_HEAD ", e.input, e.output, e.output_ref, e.body, d.text"

/* An execution and its definition, as one row of an answer. */
struct execution_row {
    struct store_execution execution;
    struct span definition_text;
};

/* Each reads the columns that stand first in its statement, copying bytes into the op: what spans
 * executions by kind, id, body; an execution by EXECUTION_HEAD or EXECUTION_ALL; a run by
 * execution, instance, index, number, is_ended, body; a page by execution, instance, page, body; a
 * segment by execution, instance, kind, page, part, body. Return 0, or -1 with *err (EXO_ELIMIT).
 */
EXO_CHECKED int sqlite_read_spanning(struct op *op, struct sqlite_statement *statement,
                                     struct store_spanning *ret_spanning, struct exo_error *err);
EXO_CHECKED int sqlite_read_head(struct op *op, struct sqlite_statement *statement,
                                 struct store_execution *ret_execution, struct exo_error *err);
EXO_CHECKED int sqlite_read_all(struct op *op, struct sqlite_statement *statement,
                                struct execution_row *ret_row, struct exo_error *err);
EXO_CHECKED int sqlite_read_run(struct op *op, struct sqlite_statement *statement,
                                struct store_run *ret_run, struct exo_error *err);
EXO_CHECKED int sqlite_read_page(struct op *op, struct sqlite_statement *statement,
                                 struct store_page *ret_page, struct exo_error *err);
EXO_CHECKED int sqlite_read_segment(struct op *op, struct sqlite_statement *statement,
                                    struct store_segment *ret_segment, struct exo_error *err);

/* sqlite_guard.c: within a take of a shard and a round of leases. */
EXO_CHECKED int sqlite_guard_open(struct sqlite_connection *connection, const char *process,
                                  struct store_shard *shard, exo_time now_ns,
                                  struct exo_error *err);
EXO_CHECKED int sqlite_guard_close(struct sqlite_connection *connection, const char *process,
                                   int64_t shard, struct exo_error *err); /* -1: all it has */
EXO_CHECKED int sqlite_guard_clear(struct sqlite_connection *connection, uint32_t shard,
                                   struct exo_error *err);

/* The parts of the back-end's table, by file. */
void sqlite_store_lease_round(struct store *store, const struct store_lease_round *round,
                              store_leases_done *done, void *argument);
void sqlite_store_shard_take(struct store *store, uint32_t shard, const char *process,
                             store_take_done *done, void *argument);
void sqlite_store_shard_mark(struct store *store, uint32_t shard, const char *process,
                             const char *marker, store_done *done, void *argument);
void sqlite_store_shard_get(struct store *store, uint32_t shard, store_shard_done *done,
                            void *argument);
void sqlite_store_commit(struct store *store, const struct store_batch *batches, uint32_t count,
                         store_commit_done *done, void *argument);
void sqlite_store_shard_load(struct store *store, uint32_t shard,
                             const struct store_load_callbacks *callbacks, void *argument);
void sqlite_store_execution_get(struct store *store, const struct execution_id *id,
                                store_execution_done *done, void *argument);
void sqlite_store_execution_known(struct store *store, const struct execution_id *ids,
                                  uint32_t count, store_known_done *done, void *argument);
void sqlite_store_execution_list(struct store *store, const struct store_query *query,
                                 store_list_done *done, void *argument);
void sqlite_store_page_get(struct store *store, const struct execution_id *id, uint32_t instance,
                           uint32_t first, uint32_t count, store_pages_done *done, void *argument);
void sqlite_store_run_get(struct store *store, const struct execution_id *id, uint32_t instance,
                          uint32_t first, uint32_t count, store_runs_done *done, void *argument);
void sqlite_store_run_live(struct store *store, const struct execution_id *id, uint32_t number,
                           uint32_t count, store_runs_done *done, void *argument);
void sqlite_store_segment_get(struct store *store, const struct execution_id *id, uint32_t instance,
                              uint32_t kind, uint32_t first, uint32_t count,
                              store_segments_done *done, void *argument);
void sqlite_store_journal_get(struct store *store, uint32_t shard, uint64_t after_batch,
                              uint32_t limit, store_journal_done *done, void *argument);
void sqlite_store_key_put(struct store *store, const char *project, const char *key,
                          const struct execution_id *id, const struct digest *body,
                          store_key_done *done, void *argument);
void sqlite_store_blob_put(struct store *store, const struct digest *digest, struct span bytes,
                           store_done *done, void *argument);
void sqlite_store_blob_get(struct store *store, const struct digest *digest, store_blob_done *done,
                           void *argument);
void sqlite_store_object_begin(struct store *store, const char *key, store_done *done,
                               void *argument);
void sqlite_store_object_put(struct store *store, const struct store_object *object,
                             store_object_done *done, void *argument);
void sqlite_store_object_touch(struct store *store, const struct digest *digest,
                               store_object_done *done, void *argument);
void sqlite_store_object_get(struct store *store, const struct digest *digest,
                             store_object_done *done, void *argument);
void sqlite_store_object_claim(struct store *store, exo_time age_ns, uint32_t limit,
                               store_keys_done *done, void *argument);
void sqlite_store_object_forget(struct store *store, const char *key, store_done *done,
                                void *argument);
void sqlite_store_blob_collect(struct store *store, exo_time before_ns, uint32_t limit, bool is_dry,
                               store_collected_done *done, void *argument);
void sqlite_store_result_get(struct store *store, const struct digest *key, store_blob_done *done,
                             void *argument);
void sqlite_store_result_put(struct store *store, const struct store_result_row *row,
                             store_done *done, void *argument);
void sqlite_store_spanning_read(struct store *store, const struct store_spanning_query *query,
                                store_spanning_done *done, void *argument);
void sqlite_store_dead_letter_list(struct store *store, int64_t after, uint32_t limit,
                                   store_letters_done *done, void *argument);
void sqlite_store_dead_letter_replayed(struct store *store, int64_t id, store_done *done,
                                       void *argument);
void sqlite_store_version_put(struct store *store, const struct store_version_put *put,
                              store_version_put_done *done, void *argument);
void sqlite_store_version_delete(struct store *store, const struct store_version_put *name,
                                 store_done *done, void *argument);
void sqlite_store_version_read(struct store *store, const struct store_version_query *query,
                               store_versions_done *done, void *argument);

/* sqlite_retention.c: what may go. */
void sqlite_store_restore_point_begin(struct store *store, store_restore_points_done *done,
                                      void *argument);
void sqlite_store_restore_point_complete(struct store *store, int64_t id,
                                         store_restore_points_done *done, void *argument);
void sqlite_store_restore_point_list(struct store *store, store_restore_points_done *done,
                                     void *argument);
void sqlite_store_restore_floors(struct store *store, store_places_done *done, void *argument);
void sqlite_store_places(struct store *store, store_places_done *done, void *argument);
void sqlite_store_journal_drop(struct store *store, uint32_t shard, exo_time before_ns,
                               uint32_t rows_max, store_dropped_done *done, void *argument);
void sqlite_store_letters_drop(struct store *store, exo_time before_ns, uint32_t rows_max,
                               store_dropped_done *done, void *argument);
void sqlite_store_old_projects(struct store *store, const char *after, uint32_t limit,
                               store_old_projects_done *done, void *argument);
void sqlite_store_old_list(struct store *store, const struct store_old_query *query,
                           store_old_done *done, void *argument);
void sqlite_store_execution_drop(struct store *store, const struct execution_id *ids,
                                 uint32_t count, uint32_t rows_max, store_drop_done *done,
                                 void *argument);

/* sqlite_definitions.c: texts that nothing names any more. */
void sqlite_store_definition_drop(struct store *store, const struct digest *after,
                                  uint32_t rows_max, store_definitions_done *done, void *argument);

/* sqlite_replay.c, sqlite_rows.c: what tables are built again from and compared with. */
void sqlite_store_imprint_get(struct store *store, uint32_t shard, uint64_t after_batch,
                              uint32_t limit, store_imprints_done *done, void *argument);
void sqlite_store_snapshot_list(struct store *store, uint32_t shard, store_snapshots_done *done,
                                void *argument);
void sqlite_store_snapshot_begin(struct store *store, uint32_t shard, store_snapshots_done *done,
                                 void *argument);
void sqlite_store_snapshot_put(struct store *store, const struct store_slice *slice,
                               store_done *done, void *argument);
void sqlite_store_snapshot_end(struct store *store, int64_t snapshot, store_done *done,
                               void *argument);
void sqlite_store_slice_get(struct store *store, int64_t snapshot, uint32_t from_part,
                            uint32_t limit, store_slices_done *done, void *argument);
void sqlite_store_snapshot_drop(struct store *store, uint32_t shard, exo_time before_ns,
                                uint32_t rows_max, store_dropped_done *done, void *argument);
void sqlite_store_rows_read(struct store *store, const struct store_rows_query *query,
                            store_rows_done *done, void *argument);

#endif /* EXO_INFRA_STORE_SQLITE_STORE_H */
