/* backend: what a back-end of the store gives the dispatcher in store.c.
 *
 *   store.h --store.c--> struct store_backend --> sqlite.c | postgres.c
 *
 * Each back-end's own struct begins with struct store; the functions are those of store.h, where
 * they are explained. */
#ifndef EXO_INFRA_STORE_BACKEND_H
#define EXO_INFRA_STORE_BACKEND_H

#include "infra/store/store.h"
#include "infra/store/store_object.h"
#include "infra/store/store_replay.h"
#include "infra/store/store_versions.h"

typedef void store_schema_done(void *argument, const struct store_schema *schema,
                               const struct exo_error *err);
typedef void store_leases_done(void *argument, const struct store_leases *leases,
                               const struct exo_error *err);
typedef void store_commit_done(void *argument, const struct store_result *result);
typedef void store_take_done(void *argument, const struct store_shard *shard,
                             exo_time database_now_ns, const struct exo_error *err);
typedef void store_shard_done(void *argument, const struct store_shard *shard,
                              const struct exo_error *err);
typedef void store_execution_done(void *argument, const struct store_execution *execution,
                                  struct span definition_text, const struct exo_error *err);
typedef void store_known_done(void *argument, const bool *is_known, const struct exo_error *err);
typedef void store_list_done(void *argument, const struct store_execution *executions,
                             uint32_t count, const struct exo_error *err);
typedef void store_pages_done(void *argument, const struct store_page *pages, uint32_t count,
                              const struct exo_error *err);
typedef void store_runs_done(void *argument, const struct store_run *runs, uint32_t count,
                             const struct exo_error *err);
typedef void store_segments_done(void *argument, const struct store_segment *segments,
                                 uint32_t count, const struct exo_error *err);
typedef void store_journal_done(void *argument, const struct store_journal_row *rows,
                                uint32_t count, uint64_t oldest_batch, const struct exo_error *err);
typedef void store_key_done(void *argument, const struct execution_id *id,
                            const struct digest *body, const struct exo_error *err);
typedef void store_blob_done(void *argument, struct span bytes, const struct exo_error *err);
typedef void store_dropped_done(void *argument, uint32_t dropped, const struct exo_error *err);
typedef void store_old_done(void *argument, const struct store_old *old, uint32_t count,
                            const struct exo_error *err);
typedef void store_old_projects_done(void *argument, const struct store_old_project *projects,
                                     uint32_t count, const struct exo_error *err);
typedef void store_definitions_done(void *argument, uint32_t dropped, const struct digest *last,
                                    const struct exo_error *err);
typedef void store_drop_done(void *argument, uint32_t dropped, bool is_more,
                             const struct exo_error *err);
typedef void store_letters_done(void *argument, const struct store_dead_letter_row *rows,
                                uint32_t count, const struct exo_error *err);
typedef void store_spanning_done(void *argument, const struct store_spanning *rows, uint32_t count,
                                 const struct exo_error *err);

struct store_backend {
    void (*close)(struct store *store);
    bool (*is_up)(const struct store *store);
    uint64_t (*connection)(const struct store *store); /* NULL: 0 */
    const char *(*last_error)(const struct store *store);
    void (*migrate)(struct store *store, uint32_t shard_count, store_done *done, void *argument);
    void (*schema)(struct store *store, store_schema_done *done, void *argument);
    void (*lease_round)(struct store *store, const struct store_lease_round *round,
                        store_leases_done *done, void *argument);
    void (*commit)(struct store *store, const struct store_batch *batches, uint32_t count,
                   store_commit_done *done, void *argument);
    void (*shard_take)(struct store *store, uint32_t shard, const char *process,
                       store_take_done *done, void *argument);
    void (*shard_mark)(struct store *store, uint32_t shard, const char *process, const char *marker,
                       store_done *done, void *argument);
    void (*shard_load)(struct store *store, uint32_t shard,
                       const struct store_load_callbacks *callbacks, void *argument);
    void (*execution_get)(struct store *store, const struct execution_id *id,
                          store_execution_done *done, void *argument);
    void (*execution_known)(struct store *store, const struct execution_id *ids, uint32_t count,
                            store_known_done *done, void *argument);
    void (*shard_get)(struct store *store, uint32_t shard, store_shard_done *done, void *argument);
    void (*execution_list)(struct store *store, const struct store_query *query,
                           store_list_done *done, void *argument);
    void (*page_get)(struct store *store, const struct execution_id *id, uint32_t instance,
                     uint32_t first, uint32_t count, store_pages_done *done, void *argument);
    void (*run_get)(struct store *store, const struct execution_id *id, uint32_t instance,
                    uint32_t first, uint32_t count, store_runs_done *done, void *argument);
    void (*run_live)(struct store *store, const struct execution_id *id, uint32_t number,
                     uint32_t count, store_runs_done *done, void *argument);
    void (*segment_get)(struct store *store, const struct execution_id *id, uint32_t instance,
                        uint32_t kind, uint32_t first, uint32_t count, store_segments_done *done,
                        void *argument);
    void (*journal_get)(struct store *store, uint32_t shard, uint64_t after_batch, uint32_t limit,
                        store_journal_done *done, void *argument);
    void (*key_put)(struct store *store, const char *project, const char *key,
                    const struct execution_id *id, const struct digest *body, store_key_done *done,
                    void *argument);
    void (*blob_put)(struct store *store, const struct digest *digest, struct span bytes,
                     store_done *done, void *argument);
    void (*blob_get)(struct store *store, const struct digest *digest, store_blob_done *done,
                     void *argument);
    void (*object_begin)(struct store *store, const char *key, store_done *done, void *argument);
    void (*object_put)(struct store *store, const struct store_object *object,
                       store_object_done *done, void *argument);
    void (*object_touch)(struct store *store, const struct digest *digest, store_object_done *done,
                         void *argument);
    void (*object_get)(struct store *store, const struct digest *digest, store_object_done *done,
                       void *argument);
    void (*object_claim)(struct store *store, exo_time age_ns, uint32_t limit,
                         store_keys_done *done, void *argument);
    void (*object_forget)(struct store *store, const char *key, store_done *done, void *argument);
    void (*blob_collect)(struct store *store, exo_time before_ns, uint32_t limit, bool is_dry,
                         store_collected_done *done, void *argument);
    void (*result_get)(struct store *store, const struct digest *key, store_blob_done *done,
                       void *argument);
    void (*result_put)(struct store *store, const struct store_result_row *row, store_done *done,
                       void *argument);
    void (*spanning_read)(struct store *store, const struct store_spanning_query *query,
                          store_spanning_done *done, void *argument);
    void (*dead_letter_list)(struct store *store, int64_t after, uint32_t limit,
                             store_letters_done *done, void *argument);
    void (*dead_letter_replayed)(struct store *store, int64_t id, store_done *done, void *argument);
    void (*restore_point_begin)(struct store *store, store_restore_points_done *done,
                                void *argument);
    void (*restore_point_complete)(struct store *store, int64_t id, store_restore_points_done *done,
                                   void *argument);
    void (*restore_point_list)(struct store *store, store_restore_points_done *done,
                               void *argument);
    void (*restore_floors)(struct store *store, store_places_done *done, void *argument);
    void (*places)(struct store *store, store_places_done *done, void *argument);
    void (*journal_drop)(struct store *store, uint32_t shard, exo_time before_ns, uint32_t rows_max,
                         store_dropped_done *done, void *argument);
    void (*old_projects)(struct store *store, const char *after, uint32_t limit,
                         store_old_projects_done *done, void *argument);
    void (*old_list)(struct store *store, const struct store_old_query *query, store_old_done *done,
                     void *argument);
    void (*execution_drop)(struct store *store, const struct execution_id *ids, uint32_t count,
                           uint32_t rows_max, store_drop_done *done, void *argument);
    void (*definition_drop)(struct store *store, const struct digest *after, uint32_t rows_max,
                            store_definitions_done *done, void *argument);
    void (*imprint_get)(struct store *store, uint32_t shard, uint64_t after_batch, uint32_t limit,
                        store_imprints_done *done, void *argument);
    void (*snapshot_list)(struct store *store, uint32_t shard, store_snapshots_done *done,
                          void *argument);
    void (*snapshot_begin)(struct store *store, uint32_t shard, store_snapshots_done *done,
                           void *argument);
    void (*snapshot_put)(struct store *store, const struct store_slice *slice, store_done *done,
                         void *argument);
    void (*snapshot_end)(struct store *store, int64_t snapshot, store_done *done, void *argument);
    void (*slice_get)(struct store *store, int64_t snapshot, uint32_t from_part, uint32_t limit,
                      store_slices_done *done, void *argument);
    void (*snapshot_drop)(struct store *store, uint32_t shard, exo_time before_ns,
                          uint32_t rows_max, store_dropped_done *done, void *argument);
    void (*letters_drop)(struct store *store, exo_time before_ns, uint32_t rows_max,
                         store_dropped_done *done, void *argument);
    void (*rows_read)(struct store *store, const struct store_rows_query *query,
                      store_rows_done *done, void *argument);
    void (*version_put)(struct store *store, const struct store_version_put *put,
                        store_version_put_done *done, void *argument);
    void (*version_delete)(struct store *store, const struct store_version_put *name,
                           store_done *done, void *argument);
    void (*version_read)(struct store *store, const struct store_version_query *query,
                         store_versions_done *done, void *argument);
};

struct store {
    const struct store_backend *backend; /* static */
};

/* sqlite_store_open and postgres_store_open are store_open for one back-end each. */
EXO_CHECKED struct store *
sqlite_store_open(struct loop *loop, const struct store_settings *settings, struct exo_error *err);
EXO_CHECKED struct store *postgres_store_open(struct loop *loop,
                                              const struct store_settings *settings,
                                              struct exo_error *err);

/* restore_point_missing is the error of a point that is not there; gives err. */
static inline const struct exo_error *restore_point_missing(int64_t id, struct exo_error *err)
{
    (void)exo_error_set(err, EXO_ENOTFOUND,
                        "there is no restore point %lld, or a newer one was completed: what this "
                        "one needs may be deleted; begin another and make its backup",
                        (long long)id);
    return err;
}
/* What both back-ends say of versions; each sets *err and returns -1. shown: the version that
 * stands, 0 for none. */
int store_version_conflict(const struct store_version_put *put, int64_t shown,
                           struct exo_error *err);
int store_version_missing(const struct store_version_put *name, struct exo_error *err);

/* Bounds of one request; a larger one is refused with EXO_ELIMIT. */
enum {
    STORE_KNOWN_IDS_MAX = 1000,
    STORE_LIST_MAX = 1000,
    STORE_BLOB_BYTES_MAX = 8 << 20,
    STORE_BATCHES_MAX = 4096, /* of one commit */
    STORE_SHARDS_DEFAULT = 64,
    STORE_SHARDS_MAX = 65536,
};

/* store_schema_refuse says that a schema is too new for this program: it stands at version and
 * wants programs that know at least oldest; this one knows up to known. Returns -1, *err
 * EXO_ECONFLICT. */
int store_schema_refuse(uint32_t version, uint32_t oldest, uint32_t known, struct exo_error *err);

/* store_snapshot_refuse says that a snapshot may not go on. Returns -1, *err EXO_EFENCED. */
int store_snapshot_refuse(struct exo_error *err);

#endif /* EXO_INFRA_STORE_BACKEND_H */
