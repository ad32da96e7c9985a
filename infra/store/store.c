#include "infra/store/store.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "infra/store/backend.h"

enum { DESCRIBED_BYTES = 32 + 2 * (LIMIT_NAME_BYTES + 1) };

struct store *store_open(struct loop *loop, const struct store_settings *settings,
                         struct exo_error *err)
{
    if (strcmp(settings->backend, "postgres") == 0) {
        return postgres_store_open(loop, settings, err);
    }
    if (strcmp(settings->backend, "sqlite") == 0) {
        return sqlite_store_open(loop, settings, err);
    }
    (void)exo_error_set(err, EXO_EINVALID, "no store \"%s\": name postgres or sqlite",
                        settings->backend);
    return NULL;
}

void store_close(struct store *store)
{
    if (store != NULL) {
        store->backend->close(store);
    }
}

bool store_is_up(const struct store *store)
{
    return store->backend->is_up(store);
}

const char *store_last_error(const struct store *store)
{
    return store->backend->last_error(store);
}

void store_migrate(struct store *store, uint32_t shard_count, store_done *done, void *argument)
{
    store->backend->migrate(store, shard_count, done, argument);
}

int store_schema_refuse(uint32_t version, uint32_t oldest, uint32_t known, struct exo_error *err)
{
    return exo_error_set(
        err, EXO_ECONFLICT,
        "the store's schema is version %u, for programs that know %u or newer; this "
        "one knows up to %u: use a newer exosphere",
        version, oldest, known);
}

void store_schema(struct store *store, store_schema_done *done, void *argument)
{
    store->backend->schema(store, done, argument);
}

uint64_t store_connection(struct store *store)
{
    return store->backend->connection == NULL ? 0 : store->backend->connection(store);
}

void store_lease_round(struct store *store, const struct store_lease_round *round,
                       store_leases_done *done, void *argument)
{
    store->backend->lease_round(store, round, done, argument);
}

void store_commit(struct store *store, const struct store_batch *batches, uint32_t count,
                  store_commit_done *done, void *argument)
{
    assert(count >= 1);
    assert(count <= STORE_BATCHES_MAX);
    store->backend->commit(store, batches, count, done, argument);
}

void store_shard_take(struct store *store, uint32_t shard, const char *process,
                      store_take_done *done, void *argument)
{
    store->backend->shard_take(store, shard, process, done, argument);
}

void store_shard_mark(struct store *store, uint32_t shard, const char *process, const char *marker,
                      store_done *done, void *argument)
{
    assert(strlen(marker) < STORE_MARKER_BYTES);
    store->backend->shard_mark(store, shard, process, marker, done, argument);
}

void store_shard_load(struct store *store, uint32_t shard,
                      const struct store_load_callbacks *callbacks, void *argument)
{
    store->backend->shard_load(store, shard, callbacks, argument);
}

void store_execution_get(struct store *store, const struct execution_id *id,
                         store_execution_done *done, void *argument)
{
    store->backend->execution_get(store, id, done, argument);
}

void store_execution_known(struct store *store, const struct execution_id *ids, uint32_t count,
                           store_known_done *done, void *argument)
{
    assert(count <= STORE_KNOWN_IDS_MAX);
    store->backend->execution_known(store, ids, count, done, argument);
}

void store_shard_get(struct store *store, uint32_t shard, store_shard_done *done, void *argument)
{
    store->backend->shard_get(store, shard, done, argument);
}

void store_execution_list(struct store *store, const struct store_query *query,
                          store_list_done *done, void *argument)
{
    assert(query->limit >= 1);
    assert(query->limit <= STORE_LIST_MAX);
    store->backend->execution_list(store, query, done, argument);
}

void store_page_get(struct store *store, const struct execution_id *id, uint32_t instance,
                    uint32_t first, uint32_t count, store_pages_done *done, void *argument)
{
    store->backend->page_get(store, id, instance, first, count, done, argument);
}

void store_run_get(struct store *store, const struct execution_id *id, uint32_t instance,
                   uint32_t first, uint32_t count, store_runs_done *done, void *argument)
{
    store->backend->run_get(store, id, instance, first, count, done, argument);
}

void store_run_live(struct store *store, const struct execution_id *id, uint32_t number,
                    uint32_t count, store_runs_done *done, void *argument)
{
    store->backend->run_live(store, id, number, count, done, argument);
}

void store_segment_get(struct store *store, const struct execution_id *id, uint32_t instance,
                       uint32_t kind, uint32_t first, uint32_t count, store_segments_done *done,
                       void *argument)
{
    store->backend->segment_get(store, id, instance, kind, first, count, done, argument);
}

void store_journal_get(struct store *store, uint32_t shard, uint64_t after_batch, uint32_t limit,
                       store_journal_done *done, void *argument)
{
    store->backend->journal_get(store, shard, after_batch, limit, done, argument);
}

void store_key_put(struct store *store, const char *project, const char *key,
                   const struct execution_id *id, const struct digest *body, store_key_done *done,
                   void *argument)
{
    store->backend->key_put(store, project, key, id, body, done, argument);
}

void store_blob_put(struct store *store, const struct digest *digest, struct span bytes,
                    store_done *done, void *argument)
{
    store->backend->blob_put(store, digest, bytes, done, argument);
}

void store_blob_get(struct store *store, const struct digest *digest, store_blob_done *done,
                    void *argument)
{
    store->backend->blob_get(store, digest, done, argument);
}

void store_object_begin(struct store *store, const char *key, store_done *done, void *argument)
{
    assert(strlen(key) < STORE_KEY_BYTES);
    store->backend->object_begin(store, key, done, argument);
}

void store_object_put(struct store *store, const struct store_object *object,
                      store_object_done *done, void *argument)
{
    store->backend->object_put(store, object, done, argument);
}

void store_object_touch(struct store *store, const struct digest *digest, store_object_done *done,
                        void *argument)
{
    store->backend->object_touch(store, digest, done, argument);
}

void store_object_get(struct store *store, const struct digest *digest, store_object_done *done,
                      void *argument)
{
    store->backend->object_get(store, digest, done, argument);
}

void store_object_claim(struct store *store, exo_time age_ns, uint32_t limit, store_keys_done *done,
                        void *argument)
{
    assert(limit >= 1);
    assert(limit <= STORE_CLAIM_MAX);
    store->backend->object_claim(store, age_ns, limit, done, argument);
}

void store_object_forget(struct store *store, const char *key, store_done *done, void *argument)
{
    assert(strlen(key) < STORE_KEY_BYTES);
    store->backend->object_forget(store, key, done, argument);
}

void store_blob_collect(struct store *store, exo_time before_ns, uint32_t limit, bool is_dry,
                        store_collected_done *done, void *argument)
{
    store->backend->blob_collect(store, before_ns, limit, is_dry, done, argument);
}

void store_result_get(struct store *store, const struct digest *key, store_blob_done *done,
                      void *argument)
{
    store->backend->result_get(store, key, done, argument);
}

void store_result_put(struct store *store, const struct store_result_row *row, store_done *done,
                      void *argument)
{
    assert(row->blob_count <= STORE_RESULT_BLOBS_MAX);
    store->backend->result_put(store, row, done, argument);
}

void store_spanning_read(struct store *store, const struct store_spanning_query *query,
                         store_spanning_done *done, void *argument)
{
    store->backend->spanning_read(store, query, done, argument);
}

void store_dead_letter_list(struct store *store, int64_t after, uint32_t limit,
                            store_letters_done *done, void *argument)
{
    store->backend->dead_letter_list(store, after, limit, done, argument);
}

void store_dead_letter_replayed(struct store *store, int64_t id, store_done *done, void *argument)
{
    store->backend->dead_letter_replayed(store, id, done, argument);
}

void store_restore_point_begin(struct store *store, store_restore_points_done *done, void *argument)
{
    store->backend->restore_point_begin(store, done, argument);
}

void store_restore_point_complete(struct store *store, int64_t id, store_restore_points_done *done,
                                  void *argument)
{
    store->backend->restore_point_complete(store, id, done, argument);
}

void store_restore_point_list(struct store *store, store_restore_points_done *done, void *argument)
{
    store->backend->restore_point_list(store, done, argument);
}

void store_restore_floors(struct store *store, store_places_done *done, void *argument)
{
    store->backend->restore_floors(store, done, argument);
}

void store_places(struct store *store, store_places_done *done, void *argument)
{
    store->backend->places(store, done, argument);
}

void store_journal_drop(struct store *store, uint32_t shard, exo_time before_ns, uint32_t rows_max,
                        void (*done)(void *argument, uint32_t dropped, const struct exo_error *err),
                        void *argument)
{
    store->backend->journal_drop(store, shard, before_ns, rows_max, done, argument);
}

void store_old_projects(struct store *store, const char *after, uint32_t limit,
                        void (*done)(void *argument, const struct store_old_project *projects,
                                     uint32_t count, const struct exo_error *err),
                        void *argument)
{
    assert(limit >= 1);
    assert(limit <= STORE_LIST_MAX);
    store->backend->old_projects(store, after, limit, done, argument);
}

void store_definition_drop(struct store *store, const struct digest *after, uint32_t rows_max,
                           void (*done)(void *argument, uint32_t dropped, const struct digest *last,
                                        const struct exo_error *err),
                           void *argument)
{
    assert(rows_max >= 1);
    store->backend->definition_drop(store, after, rows_max, done, argument);
}

void store_old_list(struct store *store, const struct store_old_query *query,
                    void (*done)(void *argument, const struct store_old *old, uint32_t count,
                                 const struct exo_error *err),
                    void *argument)
{
    assert(query->limit >= 1);
    assert(query->limit <= STORE_LIST_MAX);
    store->backend->old_list(store, query, done, argument);
}

void store_execution_drop(struct store *store, const struct execution_id *ids, uint32_t count,
                          uint32_t rows_max,
                          void (*done)(void *argument, uint32_t dropped, bool is_more,
                                       const struct exo_error *err),
                          void *argument)
{
    assert(count <= STORE_KNOWN_IDS_MAX);
    assert(rows_max >= 2);
    store->backend->execution_drop(store, ids, count, rows_max, done, argument);
}

void store_version_put(struct store *store, const struct store_version_put *put,
                       store_version_put_done *done, void *argument)
{
    store->backend->version_put(store, put, done, argument);
}

void store_version_delete(struct store *store, const struct store_version_put *name,
                          store_done *done, void *argument)
{
    store->backend->version_delete(store, name, done, argument);
}

void store_version_read(struct store *store, const struct store_version_query *query,
                        store_versions_done *done, void *argument)
{
    bool is_bounded = query->reading == STORE_VERSION_LIST ||
                      query->reading == STORE_VERSION_TEXTS ||
                      query->reading == STORE_VERSION_HISTORY;

    assert(!is_bounded || query->limit >= 1);
    assert(query->limit <= STORE_LIST_MAX);
    store->backend->version_read(store, query, done, argument);
}

/* "cluster p/one", "setting of the project p": the name of that one is ours, nobody has said it. */
static void version_describe(const struct store_version_put *put, char ret_text[DESCRIBED_BYTES])
{
    if (put->kind == VERSION_PROJECT) {
        (void)snprintf(ret_text, DESCRIBED_BYTES, "setting of the project %s", put->project);
    } else {
        (void)snprintf(ret_text, DESCRIBED_BYTES, "%s %s/%s", version_kind_name(put->kind),
                       put->project, put->name);
    }
}

int store_version_conflict(const struct store_version_put *put, int64_t shown,
                           struct exo_error *err)
{
    char what[DESCRIBED_BYTES];

    version_describe(put, what);
    if (shown == 0) {
        return exo_error_set(err, EXO_ECONFLICT, "there is no %s, version %lld was expected", what,
                             (long long)put->expected);
    }
    return exo_error_set(err, EXO_ECONFLICT,
                         "the newest version of the %s is %lld, not %lld: read it, and send "
                         "yours again",
                         what, (long long)shown, (long long)put->expected);
}

int store_version_missing(const struct store_version_put *name, struct exo_error *err)
{
    char what[DESCRIBED_BYTES];

    version_describe(name, what);
    return exo_error_set(err, EXO_ENOTFOUND, "there is no %s", what);
}

/* ---- replay ---- */

void store_imprint_get(struct store *store, uint32_t shard, uint64_t after_batch, uint32_t limit,
                       store_imprints_done *done, void *argument)
{
    assert(limit >= 1);
    assert(limit <= STORE_ROWS_MAX);
    store->backend->imprint_get(store, shard, after_batch, limit, done, argument);
}

void store_snapshot_list(struct store *store, uint32_t shard, store_snapshots_done *done,
                         void *argument)
{
    store->backend->snapshot_list(store, shard, done, argument);
}

void store_snapshot_begin(struct store *store, uint32_t shard, store_snapshots_done *done,
                          void *argument)
{
    store->backend->snapshot_begin(store, shard, done, argument);
}

void store_snapshot_put(struct store *store, const struct store_slice *slice, store_done *done,
                        void *argument)
{
    store->backend->snapshot_put(store, slice, done, argument);
}

void store_snapshot_end(struct store *store, int64_t snapshot, store_done *done, void *argument)
{
    store->backend->snapshot_end(store, snapshot, done, argument);
}

void store_slice_get(struct store *store, int64_t snapshot, uint32_t from_part, uint32_t limit,
                     store_slices_done *done, void *argument)
{
    store->backend->slice_get(store, snapshot, from_part, limit, done, argument);
}

void store_snapshot_drop(struct store *store, uint32_t shard, exo_time before_ns, uint32_t rows_max,
                         store_dropped_done *done, void *argument)
{
    store->backend->snapshot_drop(store, shard, before_ns, rows_max, done, argument);
}

void store_letters_drop(struct store *store, exo_time before_ns, uint32_t rows_max,
                        store_dropped_done *done, void *argument)
{
    store->backend->letters_drop(store, before_ns, rows_max, done, argument);
}

void store_rows_read(struct store *store, const struct store_rows_query *query,
                     store_rows_done *done, void *argument)
{
    assert(query->id_count <= STORE_ROWS_MAX);
    store->backend->rows_read(store, query, done, argument);
}

int store_snapshot_refuse(struct exo_error *err)
{
    return exo_error_set(err, EXO_EFENCED,
                         "the snapshot is no longer made: the shard has been taken over, or "
                         "another database answers");
}
