#include "infra/store/rebuild.h"

#include <stdlib.h>

enum { BUCKETS_FIRST = 1024 };

/* A row: its cells, and behind them their bytes. */
struct entry {
    struct entry *next; /* of the bucket */
    uint64_t hash;
    uint64_t batch; /* it is of */
    uint64_t since; /* the batch it is known from */
    enum row_table table;
    bool is_partial; /* an update of what was never seen whole: fixed columns are empty */
    bool is_seen;    /* compared */
    bool is_listed;  /* of a kept execution: it stands among the live ones */
    uint32_t cell_count;
    struct row_cell cells[];
};

struct rebuild {
    struct rebuild_base base;
    uint64_t batch, epoch;
    uint64_t mark; /* rows known from later need not be seen */
    bool has_only;
    struct execution_id only;
    struct entry **buckets;
    size_t bucket_count, entry_count;
    struct zstd_unpacker *unpacker; /* of all its imprints */
};

struct rebuild *rebuild_new(const struct rebuild_base *base, const struct execution_id *only)
{
    struct rebuild *r = calloc(1, sizeof(*r));

    if (r == NULL || (r->buckets = calloc(BUCKETS_FIRST, sizeof(*r->buckets))) == NULL ||
        (r->unpacker = zstd_unpacker_new()) == NULL) {
        abort();
    }
    r->base = *base;
    r->batch = base->batch;
    r->mark = UINT64_MAX;
    r->bucket_count = BUCKETS_FIRST;
    r->has_only = only != NULL;
    if (only != NULL) {
        r->only = *only;
    }
    return r;
}

void rebuild_free(struct rebuild *r)
{
    if (r == NULL) {
        return;
    }
    for (size_t i = 0; i < r->bucket_count; i++) {
        while (r->buckets[i] != NULL) {
            struct entry *entry = r->buckets[i];

            r->buckets[i] = entry->next;
            free(entry);
        }
    }
    zstd_unpacker_free(r->unpacker);
    free(r->buckets);
    free(r);
}

uint64_t rebuild_batch(const struct rebuild *r)
{
    return r->batch;
}

/* ---- the table of rows ---- */

/* FNV-1a. */
static uint64_t hash_bytes(uint64_t hash, const void *data, size_t bytes)
{
    const unsigned char *at = data;

    for (size_t i = 0; i < bytes; i++) {
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

static uint64_t key_hash(enum row_table table, const struct row_cell *cells)
{
    uint64_t hash = hash_bytes(UINT64_C(0xcbf29ce484222325), &table, sizeof(table));

    for (uint32_t i = 0; i < row_shape(table)->key_count; i++) {
        hash = cells[i].kind == CELL_NUMBER
                   ? hash_bytes(hash, &cells[i].number, sizeof(cells[i].number))
                   : hash_bytes(hash, cells[i].bytes.data, cells[i].bytes.bytes);
    }
    return hash;
}

static bool is_key(const struct entry *entry, enum row_table table, const struct row_cell *cells)
{
    if (entry->table != table) {
        return false;
    }
    for (uint32_t i = 0; i < row_shape(table)->key_count; i++) {
        if (!row_cell_equal(&entry->cells[i], &cells[i])) {
            return false;
        }
    }
    return true;
}

/* Where the row with a key is, or would be. */
static struct entry **find(const struct rebuild *r, enum row_table table,
                           const struct row_cell *cells)
{
    uint64_t hash = key_hash(table, cells);
    struct entry **link = &r->buckets[hash & (r->bucket_count - 1)];

    while (*link != NULL && ((*link)->hash != hash || !is_key(*link, table, cells))) {
        link = &(*link)->next;
    }
    return link;
}

static void grow(struct rebuild *r)
{
    size_t count = 2 * r->bucket_count;
    struct entry **buckets = calloc(count, sizeof(struct entry *));

    if (buckets == NULL) {
        abort();
    }
    for (size_t i = 0; i < r->bucket_count; i++) {
        while (r->buckets[i] != NULL) {
            struct entry *entry = r->buckets[i];

            r->buckets[i] = entry->next;
            entry->next = buckets[entry->hash & (count - 1)];
            buckets[entry->hash & (count - 1)] = entry;
        }
    }
    free(r->buckets);
    r->buckets = buckets;
    r->bucket_count = count;
}

static struct entry *entry_new(const struct row *row)
{
    size_t head = sizeof(struct entry) + row->cell_count * sizeof(struct row_cell);
    size_t bytes = head;

    for (uint32_t i = 0; i < row->cell_count; i++) {
        bytes += row->cells[i].bytes.bytes;
    }
    struct entry *entry = calloc(1, bytes);

    if (entry == NULL) {
        abort();
    }
    unsigned char *at = (unsigned char *)entry + head;

    entry->table = row->table;
    entry->cell_count = row->cell_count;
    entry->hash = key_hash(row->table, row->cells);
    for (uint32_t i = 0; i < row->cell_count; i++) {
        entry->cells[i] = row->cells[i];
        if (row->cells[i].bytes.bytes > 0) {
            memcpy(at, row->cells[i].bytes.data, row->cells[i].bytes.bytes);
        }
        entry->cells[i].bytes.data = at;
        at += row->cells[i].bytes.bytes;
    }
    return entry;
}

static void entry_row(const struct entry *entry, struct row *row)
{
    row->table = entry->table;
    row->act = ROW_PUT;
    row->cell_count = entry->cell_count;
    memcpy(row->cells, entry->cells, entry->cell_count * sizeof(*row->cells));
}

/* The row behind a link becomes another, or goes (NULL). */
static void replace(struct rebuild *r, struct entry **link, struct entry *entry)
{
    struct entry *old = *link;

    if (entry == NULL) {
        *link = old == NULL ? NULL : old->next;
        r->entry_count -= old != NULL;
    } else {
        entry->next = old == NULL ? NULL : old->next;
        entry->is_seen = old != NULL && old->is_seen;
        *link = entry;
        r->entry_count += old == NULL;
    }
    free(old);
    if (r->entry_count > r->bucket_count) {
        grow(r);
    }
}

/* What an update leaves as it was. */
static void fill_fixed(const struct entry *old, struct row *row)
{
    const struct row_shape *shape = row_shape(row->table);

    for (uint32_t i = shape->key_count; i < row->cell_count && i < old->cell_count; i++) {
        if (shape->columns[i].is_fixed) {
            row->cells[i] = old->cells[i];
        }
    }
}

static bool is_of_execution(enum row_table table)
{
    return table == ROW_EXECUTION || table == ROW_RUN || table == ROW_PAGE || table == ROW_OUTPUT ||
           table == ROW_REFERENCE;
}

static bool is_wanted(const struct rebuild *r, const struct row *row)
{
    return !r->has_only ||
           (is_of_execution(row->table) && row->cells[0].bytes.bytes == EXECUTION_ID_BYTES &&
            memcmp(row->cells[0].bytes.data, r->only.bytes, EXECUTION_ID_BYTES) == 0);
}

static void take(struct rebuild *r, struct row *row, uint64_t batch)
{
    struct entry **link = find(r, row->table, row->cells);
    struct entry *old = *link;

    if (!is_wanted(r, row) || (old != NULL && old->batch > batch)) {
        return;
    }
    if (row->act == ROW_DELETE) {
        replace(r, link, NULL);
        return;
    }
    bool is_partial = row->act == ROW_UPDATE && (old == NULL || old->is_partial);
    uint64_t since = old != NULL ? old->since : batch;

    if (row->act == ROW_UPDATE && old != NULL) {
        fill_fixed(old, row);
    }
    struct entry *entry = entry_new(row);

    entry->batch = batch;
    entry->is_partial = is_partial;
    entry->since = since;
    replace(r, link, entry);
}

static int take_all(struct rebuild *r, struct imprint *imprint, bool is_slice,
                    struct exo_error *err)
{
    struct row row;
    int got;

    while ((got = imprint_next(imprint, &row, err)) > 0) {
        /* A slice brings the shard's row along, at a batch of its own. */
        if (!is_slice || row.table != ROW_SHARD) {
            take(r, &row, imprint->batch);
        }
    }
    return got;
}

int rebuild_slice(struct rebuild *r, struct span bytes, struct exo_error *err)
{
    struct imprint imprint;

    if (imprint_open(&imprint, r->unpacker, bytes, IMPRINT_BYTES_MAX, err) != 0) {
        return -1;
    }
    int result = take_all(r, &imprint, true, err);

    imprint_close(&imprint);
    return result;
}

int rebuild_next(struct rebuild *r, struct span bytes, struct exo_error *err)
{
    struct imprint imprint;

    if (imprint_open(&imprint, r->unpacker, bytes, IMPRINT_BYTES_MAX, err) != 0) {
        return -1;
    }
    int result = 0;

    if (imprint.batch != r->batch + 1) {
        result =
            exo_error_set(err, EXO_ECONFLICT, "the journal has batch %llu where %llu should stand",
                          (unsigned long long)imprint.batch, (unsigned long long)r->batch + 1);
    } else {
        result = take_all(r, &imprint, false, err);
        r->batch = imprint.batch;
        r->epoch = imprint.epoch;
    }
    imprint_close(&imprint);
    return result;
}

void rebuild_each(const struct rebuild *r, enum row_table table,
                  void (*call)(void *argument, const struct row *row), void *argument)
{
    struct row row;

    for (size_t i = 0; i < r->bucket_count; i++) {
        for (const struct entry *entry = r->buckets[i]; entry != NULL; entry = entry->next) {
            if (entry->table == table) {
                entry_row(entry, &row);
                call(argument, &row);
            }
        }
    }
}

/* ---- comparison ---- */

struct rebuild_kept {
    struct entry *rows, **last;
    uint64_t batch;
    const struct rebuild_live *live; /* while it is copied */
    uint32_t execution;              /* how many were */
};

static void keep_row(void *argument, const struct row *row)
{
    struct rebuild_kept *kept = argument;
    const bool *is_listed = kept->live->is_listed;

    if (row->table == ROW_SHARD && !kept->live->has_shard) {
        return;
    }
    struct entry *entry = entry_new(row);

    if (row->table == ROW_EXECUTION) {
        /* Where nobody asked it follows from the row. */
        entry->is_listed = is_listed != NULL
                               ? is_listed[kept->execution]
                               : !kept->live->rows.inserts[kept->execution].is_terminal;
        kept->execution++;
    }
    *kept->last = entry;
    kept->last = &entry->next;
}

struct rebuild_kept *rebuild_keep(const struct rebuild_live *live)
{
    struct rebuild_kept *kept = calloc(1, sizeof(*kept));

    if (kept == NULL) {
        abort();
    }
    kept->last = &kept->rows;
    kept->batch = live->rows.next;
    kept->live = live;
    row_each(&live->rows, keep_row, kept);
    kept->live = NULL;
    return kept;
}

uint64_t rebuild_kept_batch(const struct rebuild_kept *kept)
{
    return kept->batch;
}

void rebuild_kept_free(struct rebuild_kept *kept)
{
    while (kept != NULL && kept->rows != NULL) {
        struct entry *next = kept->rows->next;

        free(kept->rows);
        kept->rows = next;
    }
    free(kept);
}

static void report(struct rebuild_comparison *comparison,
                   const struct rebuild_difference *difference)
{
    comparison->counts.rows[difference->row->table][difference->verdict]++;
    if (comparison->differs != NULL) {
        comparison->differs(comparison->argument, difference);
    }
}

static int64_t cell_number(const struct row *row, const char *column)
{
    const struct row_shape *shape = row_shape(row->table);

    for (uint32_t i = 0; i < row->cell_count; i++) {
        if (strcmp(shape->columns[i].name, column) == 0) {
            return row->cells[i].number;
        }
    }
    return 0;
}

/* Whether the journal need not know a row of the tables. */
static bool is_older(const struct rebuild *r, const struct row *row)
{
    const struct entry *execution;

    switch (row->table) {
    case ROW_EXECUTION:
        return cell_number(row, "is_terminal") != 0 &&
               (uint64_t)cell_number(row, "batch") <= r->base.batch;
    case ROW_RUN:
    case ROW_PAGE:
    case ROW_OUTPUT:
    case ROW_REFERENCE: /* as its execution; where that is not known, its own row says so */
        execution = *find(r, ROW_EXECUTION, row->cells);
        return execution == NULL || execution->is_partial;
    case ROW_DEFINITION:
        return r->base.batch > 0;
    case ROW_LETTER:
        return r->base.batch > 0 && cell_number(row, "at_ns") <= r->base.at_ns;
    case ROW_SHARD: /* nothing was committed since */
        return r->batch == r->base.batch;
    case ROW_SPANNING:
    case ROW_TABLE_NR:
        break;
    }
    return false;
}

static void compare_unknown(const struct rebuild *r, const struct row *row,
                            struct rebuild_comparison *comparison)
{
    struct rebuild_difference difference = {.verdict = REBUILD_EXTRA, .row = row};

    if (is_older(r, row)) {
        comparison->counts.rows[row->table][REBUILD_OLDER]++;
    } else {
        report(comparison, &difference);
    }
}

/* Another process may have taken the shard since the last batch: leases are outside the journal. */
static bool is_column_equal(const struct entry *entry, const struct row *live, uint32_t i)
{
    const struct row_column *column = &row_shape(live->table)->columns[i];

    if (entry->is_partial && column->is_fixed) {
        return true;
    }
    if (live->table == ROW_SHARD && strcmp(column->name, "epoch") == 0) {
        return live->cells[i].number >= entry->cells[i].number;
    }
    return row_cell_equal(&entry->cells[i], &live->cells[i]);
}

/* One of which only the end is known must have ended while the snapshot was made. */
static bool is_partial_allowed(const struct rebuild *r, const struct entry *entry,
                               const struct row *live)
{
    return !entry->is_partial ||
           (entry->since <= r->base.end_batch && cell_number(live, "is_terminal") != 0);
}

/* The column in which two rows differ; NULL: in none. */
static const char *different_column(const struct entry *entry, const struct row *live,
                                    bool is_listed, struct rebuild_difference *difference)
{
    for (uint32_t i = 0; i < live->cell_count && i < entry->cell_count; i++) {
        if (!is_column_equal(entry, live, i)) {
            difference->rebuilt = &entry->cells[i];
            difference->live = &live->cells[i];
            return row_shape(live->table)->columns[i].name;
        }
    }
    return live->table == ROW_EXECUTION && is_listed == (cell_number(live, "is_terminal") != 0)
               ? "live_execution"
               : NULL;
}

static void compare_known(const struct rebuild *r, struct entry *entry, const struct row *live,
                          bool is_listed, struct rebuild_comparison *comparison)
{
    struct row rebuilt;
    struct rebuild_difference difference = {.verdict = REBUILD_DIFFERENT, .row = &rebuilt};

    entry->is_seen = true;
    entry_row(entry, &rebuilt);
    if (!is_partial_allowed(r, entry, live)) {
        difference.verdict = REBUILD_EXTRA;
        report(comparison, &difference);
        return;
    }
    difference.column = different_column(entry, live, is_listed, &difference);
    if (difference.column != NULL) {
        report(comparison, &difference);
    } else {
        comparison->counts.rows[live->table][REBUILD_EQUAL]++;
    }
}

void rebuild_compare(struct rebuild *r, const struct rebuild_kept *kept,
                     struct rebuild_comparison *comparison)
{
    struct row live;

    for (const struct entry *e = kept->rows; e != NULL; e = e->next) {
        struct entry *entry = *find(r, e->table, e->cells);

        entry_row(e, &live);
        if (entry == NULL) {
            compare_unknown(r, &live, comparison);
        } else {
            compare_known(r, entry, &live, e->is_listed, comparison);
        }
    }
}

void rebuild_mark(struct rebuild *r)
{
    r->mark = r->batch > r->base.end_batch ? r->batch : r->base.end_batch;
}

static bool is_missing(const struct rebuild *r, const struct entry *entry)
{
    /* Definitions go when nothing names them; each execution was compared with its own. */
    return !entry->is_seen && entry->since <= r->mark && entry->table != ROW_DEFINITION;
}

static void entry_execution(const struct entry *entry, struct execution_id *ret_id)
{
    memset(ret_id, 0, sizeof(*ret_id));
    if (entry->cells[0].bytes.bytes == EXECUTION_ID_BYTES) {
        memcpy(ret_id->bytes, entry->cells[0].bytes.data, EXECUTION_ID_BYTES);
    }
}

uint32_t rebuild_unseen(const struct rebuild *r, struct execution_id *ret_ids, uint32_t count)
{
    uint32_t found = 0;

    for (size_t i = 0; i < r->bucket_count && found < count; i++) {
        for (const struct entry *e = r->buckets[i]; e != NULL && found < count; e = e->next) {
            uint32_t k = 0;

            if (!is_missing(r, e) || !is_of_execution(e->table)) {
                continue;
            }
            entry_execution(e, &ret_ids[found]);
            while (!execution_id_equal(&ret_ids[k], &ret_ids[found])) {
                k++;
            }
            found += k == found;
        }
    }
    return found;
}

static bool is_asked(const struct entry *entry, const struct execution_id *execution)
{
    struct execution_id id;

    if (execution == NULL || !is_of_execution(entry->table)) {
        return execution == NULL && !is_of_execution(entry->table);
    }
    entry_execution(entry, &id);
    return execution_id_equal(&id, execution);
}

void rebuild_missing(struct rebuild *r, const struct execution_id *execution, bool is_deleted,
                     struct rebuild_comparison *comparison)
{
    struct row row;
    struct rebuild_difference difference = {.verdict = REBUILD_MISSING, .row = &row};

    for (size_t i = 0; i < r->bucket_count; i++) {
        for (struct entry *e = r->buckets[i]; e != NULL; e = e->next) {
            if (!is_missing(r, e) || !is_asked(e, execution)) {
                continue;
            }
            e->is_seen = true;
            entry_row(e, &row);
            if (is_deleted) {
                comparison->counts.rows[e->table][REBUILD_DELETED]++;
            } else {
                report(comparison, &difference);
            }
        }
    }
}
